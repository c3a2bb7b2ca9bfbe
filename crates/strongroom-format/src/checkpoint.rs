//! Checkpoints: the state folded from the journal, a cache.

use std::sync::Arc;

use strongroom_crypt::{BoxSealer, RepositoryId, Sealer, SessionId, SigningKey, Suite};

use crate::bundle::is_boundary;
use crate::cbor::{self, MapWriter, Reader, Unknown};
use crate::config::{missing, read_features, write_features};
use crate::fields::{read_prefixed, write_prefixed};
use crate::item::{Item, write_items};
use crate::limits::{MAX_CHECKPOINT_PART_BYTES, MAX_OBJECT_BYTES};
use crate::signature::{read_signatures, write_signatures};
use crate::whole::{finish_whole, open_whole};
use crate::{
    BridgeRef, Certificate, DamagedPack, DecodeError, EncodeError, EpochState, Hold, ObjectHash,
    ObjectKind, PackRef, Preamble, SegmentRef, SharedLabels, Signature, Snapshot,
};

/// The state that the entries before a number leave (`docs/format.md`, §8.6).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what later versions add is in `unknown`"
)]
pub struct Checkpoint {
    /// Packs in force, sorted by name.
    pub packs: Vec<PackRef>,
    /// Segments in force, sorted by name.
    pub segments: Vec<SegmentRef>,
    /// Snapshots in force and the entries that committed them, in order of these. They are the largest part, and shared with the state that this
    /// is of.
    pub snapshots: Vec<(u64, Arc<Snapshot>)>,
    /// Announced packs of sessions that have not ended, sorted by session, the packs sorted.
    pub sessions: Vec<(SessionId, Vec<ObjectHash>)>,
    /// Certificates in force, Genesis' admin key among them, sorted by public key, then roles.
    pub certificates: Vec<Certificate>,
    /// Generation and hash of the keyring in force; zeros if none was announced.
    pub keyring: (u64, ObjectHash),
    /// States of epochs, sorted by number.
    pub epochs: Vec<(u32, EpochState)>,
    /// Features that a reader must know.
    pub read_features: Vec<String>,
    /// Features that a writer must know.
    pub write_features: Vec<String>,
    /// Features that maintenance must know.
    pub maintain_features: Vec<String>,
    /// Holds in force, sorted by id.
    pub holds: Vec<Hold>,
    /// Damaged frames, sorted by pack, the frames sorted.
    pub damaged: Vec<DamagedPack>,
    /// Condemned packs, sorted.
    pub condemned: Vec<ObjectHash>,
    /// Dropped packs and segments, sorted.
    pub dropped: Vec<ObjectHash>,
    /// Sessions that were abandoned or dropped and must not commit, sorted.
    pub ended_sessions: Vec<SessionId>,
    /// Number and hash of the last Policy.
    pub policy: Option<(u64, ObjectHash)>,
    /// The only writer in single-writer mode.
    pub only_writer: Option<[u8; 32]>,
    /// Hash of entry 0.
    pub genesis: ObjectHash,
    /// The admin's public key of Genesis.
    pub admin: [u8; 32],
    /// Number of the first entry of unknown type that has effect and that writers must understand.
    pub must_understand: Option<u64>,
    /// Sessions that have committed, sorted.
    pub committed_sessions: Vec<SessionId>,
    /// Bridges in the places of lost entries, in order of these.
    pub bridges: Vec<BridgeRef>,
    /// What a later version added.
    pub unknown: Unknown,
}

impl Checkpoint {
    /// Returns the object: the state before entry `n`, whose predecessor has the hash `last`.
    ///
    /// # Errors
    ///
    /// `Invalid` when `n` is no positive multiple of 64, a list is not sorted, or there is no signer or more than eight;
    /// `TooLarge` above the limit of objects; `Seal` when the sealer fails.
    #[expect(
        clippy::too_many_arguments,
        reason = "each is a field of the object, of its own type"
    )]
    pub fn seal(
        &self,
        suite: Suite,
        repository: RepositoryId,
        n: u64,
        random: [u8; 16],
        last: ObjectHash,
        sealer: &dyn Sealer,
        signers: &[&SigningKey],
    ) -> Result<Vec<u8>, EncodeError> {
        if !is_boundary(n) {
            return Err(EncodeError::invalid("number of a checkpoint"));
        }
        let plain = self.encode()?;
        let parts = plain.chunks(PART_BYTES);
        let count = u32::try_from(parts.len()).map_err(|_| EncodeError::too_large("checkpoint"))?;
        let preamble =
            Preamble::new(ObjectKind::Checkpoint, suite, repository, random).with_number(n);
        let head = head(&preamble, &last, count);
        let mut object = head.to_vec();
        for (position, part) in (0_u32..).zip(parts) {
            let mut sealed = Vec::with_capacity(part.len() + sealer.overhead());
            sealer
                .seal(&part_aad(&head, position), part, &mut sealed)
                .map_err(|_| EncodeError::seal("checkpoint"))?;
            write_prefixed(&mut object, &sealed, "checkpoint")?;
        }
        let message = signed_message(&head, object.get(HEAD_BYTES..).unwrap_or_default());
        write_signatures(&mut object, &message, signers)?;
        finish_whole(object, MAX_OBJECT_BYTES, "checkpoint")
    }

    /// Returns the plaintext of all parts together.
    ///
    /// # Errors
    ///
    /// `Invalid` when a list is not sorted or a time has a billion nanoseconds.
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        if !self.is_sorted() {
            return Err(EncodeError::invalid("order in a checkpoint"));
        }
        let mut out = Vec::new();
        let mut map = MapWriter::new(&mut out);
        map.items(0, &self.packs);
        map.items(1, &self.segments);
        map.array(2, &self.snapshots, |out, (n, snapshot)| {
            cbor::array(out, 2);
            cbor::uint(out, *n);
            snapshot.encode(out)
        })?;
        map.items(3, &self.sessions);
        map.items(4, &self.certificates);
        self.keyring.write(map.key(5));
        map.items(6, &self.epochs);
        let features = map.key(7);
        cbor::array(features, 3);
        write_features(features, &self.read_features);
        write_features(features, &self.write_features);
        write_features(features, &self.maintain_features);
        map.array(8, &self.holds, |out, hold| hold.write(out))?;
        map.items(9, &self.damaged);
        map.items(10, &self.condemned);
        map.items(11, &self.dropped);
        map.items(12, &self.ended_sessions);
        map.items(13, self.policy.as_slice());
        map.items(14, self.only_writer.as_slice());
        self.genesis.write(map.key(15));
        map.bytes(16, &self.admin);
        if let Some(n) = self.must_understand {
            map.uint(17, n);
        }
        map.some_items(18, &self.committed_sessions);
        map.some_items(19, &self.bridges);
        map.finish(&self.unknown)?;
        Ok(out)
    }

    /// Decodes the plaintext of all parts together.
    ///
    /// # Errors
    ///
    /// `Unsupported` where a known key has a value of a later version; `TooLarge`; `Truncated`; `Invalid`.
    pub fn decode(plain: &[u8]) -> Result<Self, DecodeError> {
        let mut r = Reader::new(plain);
        let mut checkpoint = Self::default();
        let mut seen = 0_u32;
        let unknown = r.map("checkpoint", |r, key| {
            if key > LAST_KEY {
                return Ok(false);
            }
            checkpoint.read_key(r, key)?;
            seen |= 1 << key;
            Ok(true)
        })?;
        r.finish("checkpoint")?;
        if seen & REQUIRED != REQUIRED {
            return Err(missing("checkpoint"));
        }
        if !checkpoint.is_sorted() {
            return Err(DecodeError::invalid("order in a checkpoint", 0));
        }
        checkpoint.unknown = unknown;
        Ok(checkpoint)
    }

    fn read_key(&mut self, r: &mut Reader<'_>, key: u64) -> Result<(), DecodeError> {
        match key {
            0 => self.packs = r.items("packs")?,
            1 => self.segments = r.items("segments")?,
            2 => {
                let mut shared = SharedLabels::default();
                self.snapshots = r.array("snapshots", |r| {
                    r.tuple("snapshot", 2, |r| {
                        let n = r.uint("number")?;
                        let mut snapshot = Snapshot::read(r)?;
                        snapshot.labels = shared.share(snapshot.labels);
                        Ok((n, Arc::new(snapshot)))
                    })
                })?;
            }
            3 => self.sessions = r.items("sessions")?,
            4 => self.certificates = r.items("certificates")?,
            5 => self.keyring = Item::read(r)?,
            6 => self.epochs = r.items("epochs")?,
            7 => r.tuple("features", 3, |r| {
                self.read_features = read_features(r)?;
                self.write_features = read_features(r)?;
                self.maintain_features = read_features(r)?;
                Ok(())
            })?,
            8 => self.holds = r.array("holds", Hold::read)?,
            9 => self.damaged = r.items("damaged packs")?,
            10 => self.condemned = r.items("condemned packs")?,
            11 => self.dropped = r.items("dropped objects")?,
            12 => self.ended_sessions = r.items("ended sessions")?,
            13 => self.policy = read_at_most_one(r)?,
            14 => self.only_writer = read_at_most_one(r)?,
            15 => self.genesis = Item::read(r)?,
            16 => self.admin = r.fixed("admin")?,
            17 => self.must_understand = Some(r.uint("number")?),
            18 => self.committed_sessions = r.items("committed sessions")?,
            _ => self.bridges = r.items("bridges")?,
        }
        Ok(())
    }

    fn is_sorted(&self) -> bool {
        self.packs.is_sorted_by(|a, b| a.name < b.name)
            && self.segments.is_sorted_by(|a, b| a.name < b.name)
            && self.snapshots.is_sorted_by(|(a, _), (b, _)| a < b)
            && self.sessions.is_sorted_by(|(a, _), (b, _)| a < b)
            && self.sessions.iter().all(|(_, packs)| ascends(packs))
            && self
                .certificates
                .is_sorted_by(|a, b| (&a.public, a.roles.bits()) < (&b.public, b.roles.bits()))
            && self.epochs.is_sorted_by(|(a, _), (b, _)| a < b)
            && self.holds.is_sorted_by(|a, b| a.id < b.id)
            && self.damaged.is_sorted_by(|a, b| a.pack < b.pack)
            && self.damaged.iter().all(|one| ascends(&one.frames))
            && ascends(&self.condemned)
            && ascends(&self.dropped)
            && ascends(&self.ended_sessions)
            && ascends(&self.committed_sessions)
            && self.bridges.is_sorted_by(|a, b| a.n < b.n)
    }
}

/// A checkpoint whose wholeness was checked, and nothing else.
///
/// # Security
///
/// A checkpoint is a cache: whoever deletes does not trust one that it did not write itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SealedCheckpoint {
    /// The first 64 bytes.
    pub preamble: Preamble,
    /// The entry before which this is the state.
    pub n: u64,
    /// Hash of entry n − 1.
    pub last: ObjectHash,
    /// Who claims to have signed it.
    pub signatures: Vec<Signature>,
    /// Number of parts.
    count: u32,
    /// The parts, each behind its length.
    parts: Vec<u8>,
}

impl SealedCheckpoint {
    /// Decodes a whole object.
    ///
    /// # Errors
    ///
    /// `Damaged` when it is not whole; `Unsupported` as for preambles and signatures; `TooLarge`; `Truncated`; `Invalid`.
    pub fn decode(object: &[u8]) -> Result<Self, DecodeError> {
        let (preamble, mut f) = open_whole(
            object,
            ObjectKind::Checkpoint,
            MAX_OBJECT_BYTES,
            "checkpoint",
        )?;
        if !is_boundary(preamble.number) {
            return Err(DecodeError::invalid("number of a checkpoint", 48));
        }
        let last = ObjectHash::from_bytes(f.array()?);
        let count = f.u32()?;
        let start = f.position();
        if count == 0 || count as usize > f.rest().len() / 4 {
            return Err(DecodeError::invalid("parts of a checkpoint", start - 4));
        }
        for _ in 0..count {
            read_prefixed(&mut f, MAX_CHECKPOINT_PART_BYTES + BoxSealer::OVERHEAD)?;
        }
        let parts = object.get(start..f.position()).unwrap_or_default().to_vec();
        let signatures = read_signatures(&mut f)?;
        Ok(Self {
            preamble,
            n: preamble.number,
            last,
            signatures,
            count,
            parts,
        })
    }

    /// Whether every signature is by the key that it claims. Which of these keys may sign is the reader's to know.
    #[must_use]
    pub fn verify_signatures(&self) -> bool {
        let message = signed_message(&self.head(), &self.parts);
        !self.signatures.is_empty() && self.signatures.iter().all(|s| s.verify(&message))
    }

    /// Opens the state.
    ///
    /// # Errors
    ///
    /// `Damaged` when a part does not open, otherwise as [`Checkpoint::decode`].
    pub fn open(&self, sealer: &dyn Sealer) -> Result<Checkpoint, DecodeError> {
        let head = self.head();
        let mut f = crate::fields::Fields::new(&self.parts, "checkpoint");
        let mut plain = Vec::with_capacity(self.parts.len());
        for position in 0..self.count {
            let sealed = read_prefixed(&mut f, MAX_OBJECT_BYTES)?;
            sealer
                .open(&part_aad(&head, position), sealed, &mut plain)
                .map_err(|_| DecodeError::damaged("checkpoint"))?;
        }
        Checkpoint::decode(&plain)
    }

    fn head(&self) -> [u8; HEAD_BYTES] {
        head(&self.preamble, &self.last, self.count)
    }
}

impl Item for (SessionId, Vec<ObjectHash>) {
    fn write(&self, out: &mut Vec<u8>) {
        cbor::array(out, 2);
        self.0.write(out);
        write_items(out, &self.1);
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.tuple("session", 2, |r| {
            Ok((Item::read(r)?, r.items("packs of a session")?))
        })
    }
}

fn ascends<T: Ord>(items: &[T]) -> bool {
    items.is_sorted_by(|a, b| a < b)
}

fn read_at_most_one<T: Item>(r: &mut Reader<'_>) -> Result<Option<T>, DecodeError> {
    r.array_up_to("at most one", 1, T::read)
        .map(|mut items| items.pop())
}

/// Returns bytes 0 to 99.
fn head(preamble: &Preamble, last: &ObjectHash, count: u32) -> [u8; HEAD_BYTES] {
    let mut head = [0; HEAD_BYTES];
    let (first, rest) = head.split_at_mut(Preamble::LEN);
    let (second, third) = rest.split_at_mut(32);
    first.copy_from_slice(&preamble.encode());
    second.copy_from_slice(last.as_bytes());
    third.copy_from_slice(&count.to_le_bytes());
    head
}

fn part_aad(head: &[u8; HEAD_BYTES], position: u32) -> Vec<u8> {
    [head.as_slice(), &position.to_le_bytes()].concat()
}

fn signed_message(head: &[u8; HEAD_BYTES], parts: &[u8]) -> Vec<u8> {
    [
        b"strongroom v1 checkpoint".as_slice(),
        head,
        ObjectHash::of(parts).as_bytes(),
    ]
    .concat()
}

const HEAD_BYTES: usize = 100;
/// Plaintext bytes of a part: readers hold one sealed and all open.
const PART_BYTES: usize = 4 << 20;
const _: () = assert!(PART_BYTES <= MAX_CHECKPOINT_PART_BYTES);
const LAST_KEY: u64 = 19;
/// Keys 0 to 16 are always there.
const REQUIRED: u32 = (1 << 17) - 1;
