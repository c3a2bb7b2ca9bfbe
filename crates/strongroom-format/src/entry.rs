//! Journal entries as objects.

use strongroom_crypt::{RepositoryId, Sealer, SigningKey, Suite};

use crate::fields::{read_prefixed, write_prefixed};
use crate::limits::MAX_ENTRY_BYTES;
use crate::signature::{read_signatures, write_signatures};
use crate::whole::{finish_whole, open_whole};
use crate::{DecodeError, EncodeError, ObjectHash, ObjectKind, Payload, Preamble, Signature};

/// Bytes of an entry before its box: the preamble and the previous hash.
pub const ENTRY_HEAD_BYTES: usize = 96;

/// A journal entry whose wholeness was checked, and nothing else (`docs/format.md`, §8.1).
///
/// # Security
///
/// Anybody can make an entry that decodes. It is part of the chain when [`previous`](Entry::previous) is right, and has
/// effect when [`verify_signatures`](Entry::verify_signatures) holds and one of the keys has a role that its type needs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// The first 64 bytes.
    pub preamble: Preamble,
    /// Number of the entry.
    pub n: u64,
    /// Random bytes of the attempt to write it, so that an author recognises its own.
    pub attempt: [u8; 16],
    /// Hash of entry n − 1, or of the config object.
    pub previous: ObjectHash,
    /// The sealed payload.
    pub payload: Vec<u8>,
    /// Who claims to have signed it.
    pub signatures: Vec<Signature>,
    /// Hash of the whole entry.
    pub hash: ObjectHash,
}

impl Entry {
    /// Returns the object: `payload` sealed and signed as entry `n`.
    ///
    /// # Errors
    ///
    /// `TooLarge` above 2,097,152 bytes; `Invalid` for no signer, more than eight, or a payload that has no encoding;
    /// `Seal` when the sealer fails.
    #[expect(
        clippy::too_many_arguments,
        reason = "each is a field of the entry, of its own type"
    )]
    pub fn seal(
        suite: Suite,
        repository: RepositoryId,
        n: u64,
        attempt: [u8; 16],
        previous: ObjectHash,
        payload: &Payload,
        sealer: &dyn Sealer,
        signers: &[&SigningKey],
    ) -> Result<Vec<u8>, EncodeError> {
        let preamble =
            Preamble::new(ObjectKind::Journal, suite, repository, attempt).with_number(n);
        let head = head(&preamble, &previous);
        let plain = payload.encode()?;
        let mut sealed = Vec::with_capacity(plain.len() + sealer.overhead());
        sealer
            .seal(&head, &plain, &mut sealed)
            .map_err(|_| EncodeError::seal("journal entry"))?;
        let mut object = Vec::with_capacity(sealed.len() + ROOM);
        object.extend_from_slice(&head);
        write_prefixed(&mut object, &sealed, "journal entry")?;
        write_signatures(&mut object, &signed_message(&head, &sealed), signers)?;
        finish_whole(object, MAX_ENTRY_BYTES, "journal entry")
    }

    /// Decodes a whole object.
    ///
    /// # Errors
    ///
    /// `Damaged` when it is not whole; `Unsupported` for another algorithm of signatures and what preambles refuse;
    /// `TooLarge`, `Truncated`, `Invalid`.
    pub fn decode(object: &[u8]) -> Result<Self, DecodeError> {
        let (preamble, mut f) = open_whole(
            object,
            ObjectKind::Journal,
            MAX_ENTRY_BYTES,
            "journal entry",
        )?;
        let previous = ObjectHash::from_bytes(f.array()?);
        let payload = read_prefixed(&mut f, MAX_ENTRY_BYTES)?;
        let signatures = read_signatures(&mut f)?;
        Ok(Self {
            preamble,
            n: preamble.number,
            attempt: preamble.random,
            previous,
            payload: payload.to_vec(),
            signatures,
            hash: ObjectHash::of(object),
        })
    }

    /// Whether every signature is by the key that it claims. Which of these keys may sign is the reader's to know.
    #[must_use]
    pub fn verify_signatures(&self) -> bool {
        let message = signed_message(&self.head(), &self.payload);
        !self.signatures.is_empty() && self.signatures.iter().all(|s| s.verify(&message))
    }

    /// Opens the payload.
    ///
    /// # Errors
    ///
    /// `Damaged` when it does not open, otherwise as [`Payload::decode`].
    pub fn open(&self, sealer: &dyn Sealer) -> Result<Payload, DecodeError> {
        let mut plain = Vec::new();
        sealer
            .open(&self.head(), &self.payload, &mut plain)
            .map_err(|_| DecodeError::damaged("journal entry"))?;
        Payload::decode(&plain)
    }

    /// Returns bytes 0 to 95, the context of the payload's box.
    #[must_use]
    pub fn head(&self) -> [u8; ENTRY_HEAD_BYTES] {
        head(&self.preamble, &self.previous)
    }
}

/// Returns bytes 0 to 95 of the entry that [`Entry::seal`] will make of the same values.
#[must_use]
pub fn entry_head(
    suite: Suite,
    repository: RepositoryId,
    n: u64,
    attempt: [u8; 16],
    previous: &ObjectHash,
) -> [u8; ENTRY_HEAD_BYTES] {
    let preamble = Preamble::new(ObjectKind::Journal, suite, repository, attempt).with_number(n);
    head(&preamble, previous)
}

fn head(preamble: &Preamble, previous: &ObjectHash) -> [u8; ENTRY_HEAD_BYTES] {
    let mut head = [0; ENTRY_HEAD_BYTES];
    let (first, second) = head.split_at_mut(Preamble::LEN);
    first.copy_from_slice(&preamble.encode());
    second.copy_from_slice(previous.as_bytes());
    head
}

fn signed_message(head: &[u8; ENTRY_HEAD_BYTES], sealed: &[u8]) -> Vec<u8> {
    [
        b"strongroom v1 journal".as_slice(),
        head,
        ObjectHash::of(sealed).as_bytes(),
    ]
    .concat()
}

/// Everything but the box, with two signatures.
const ROOM: usize = 512;
