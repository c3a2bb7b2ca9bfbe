//! The keys that an auditor is handed.

use strongroom_crypt::{RepositoryId, Secret, Suite};

use crate::cbor::{self, MapWriter, Reader, Unknown};
use crate::config::missing;
use crate::fields::{read_prefixed, write_prefixed};
use crate::item::Item as _;
use crate::key_bundle::read_secret;
use crate::limits::{MAX_AUDIT_KEYS_BYTES, MAX_AUDIT_KEYS_EPOCHS};
use crate::whole::{finish_whole, open_whole};
use crate::{DecodeError, EncodeError, ObjectHash, ObjectKind, Preamble, UnknownSecrets};

/// What an auditor needs, and nothing that writes: no private key is among it (`docs/format.md`, §13).
///
/// With the structure key alone, journal, index and reference lists can be checked, and no name and no content can be read. With the
/// content keys everything can be read.
///
/// # Security
///
/// The encoding is a file that holds the keys as they are; keep it as you would keep a passphrase. The keys are wiped from memory when this
/// is dropped.
#[derive(Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what later versions add is in `unknown`"
)]
pub struct AuditKeys {
    /// The repository that they are for.
    pub repository: RepositoryId,
    /// Its algorithms.
    pub suite: Suite,
    /// Hash of entry 0: the auditor cannot be handed another repository in its place.
    pub genesis: ObjectHash,
    /// Opens and names everything structural.
    pub structure_key: Secret,
    /// What opens content, if the auditor may see it.
    pub content: Option<ContentKeys>,
    /// What a later version added.
    pub unknown: UnknownSecrets,
}

/// The keys of content.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "the format fixes the fields")]
pub struct ContentKeys {
    /// Keys the ids of blobs.
    pub id_key: Secret,
    /// Numbers and keys of epochs, sorted by number.
    pub epochs: Vec<(u32, Secret)>,
}

impl AuditKeys {
    /// Returns the file. `random` is 16 fresh random bytes.
    ///
    /// # Errors
    ///
    /// `Invalid` when the epochs are not sorted; `TooLarge` above 4,096 of them, or when what a later version added does not fit.
    ///
    /// # Security
    ///
    /// The caller wipes what it no longer needs of it.
    pub fn encode(&self, random: [u8; 16]) -> Result<Vec<u8>, EncodeError> {
        let epochs = self.content.as_ref().map_or(0, |keys| keys.epochs.len());
        if epochs > MAX_AUDIT_KEYS_EPOCHS {
            return Err(EncodeError::too_large("epochs of audit keys"));
        }
        // The buffers never move, so that they leave no keys behind.
        let room = Preamble::LEN + 256 + 48 * epochs + self.unknown.encoded_len();
        let mut body = zeroize::Zeroizing::new(Vec::with_capacity(room));
        let mut map = MapWriter::new(&mut body);
        self.genesis.write(map.key(0));
        map.bytes(1, self.structure_key.expose());
        if let Some(content) = &self.content {
            if !content.epochs.is_sorted_by(|(a, _), (b, _)| a < b) {
                return Err(EncodeError::invalid("order of epochs"));
            }
            map.bytes(2, content.id_key.expose());
            map.array(3, &content.epochs, |out, (number, key)| {
                cbor::array(out, 2);
                cbor::uint(out, u64::from(*number));
                cbor::bytes(out, key.expose());
                Ok(())
            })?;
        }
        map.finish(self.unknown.inner())?;
        let preamble = Preamble::new(ObjectKind::AuditKeys, self.suite, self.repository, random);
        let mut file = Vec::with_capacity(room);
        file.extend_from_slice(&preamble.encode());
        write_prefixed(&mut file, &body, "audit keys")?;
        finish_whole(file, MAX_AUDIT_KEYS_BYTES, "audit keys")
    }

    /// Decodes a whole file.
    ///
    /// # Errors
    ///
    /// `Damaged` when it is not whole; `Unsupported` as for preambles; `TooLarge` above 1,048,576 bytes or 4,096 epochs; `Truncated`; `Invalid`.
    pub fn decode(file: &[u8]) -> Result<Self, DecodeError> {
        let (preamble, mut f) = open_whole(
            file,
            ObjectKind::AuditKeys,
            MAX_AUDIT_KEYS_BYTES,
            "audit keys",
        )?;
        let base = f.position() + 4;
        let body = read_prefixed(&mut f, MAX_AUDIT_KEYS_BYTES)?;
        f.finish()?;
        Self::read(body, &preamble).map_err(|error| error.shifted(base))
    }

    fn read(body: &[u8], preamble: &Preamble) -> Result<Self, DecodeError> {
        let mut r = Reader::new(body);
        let (mut genesis, mut structure_key) = (None, None);
        let (mut id_key, mut epochs) = (None, None);
        let unknown: Unknown = r.map("audit keys", |r, key| {
            match key {
                0 => genesis = Some(ObjectHash::read(r)?),
                1 => structure_key = Some(read_secret(r)?),
                2 => id_key = Some(read_secret(r)?),
                3 => epochs = Some(read_epochs(r)?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        let unknown = UnknownSecrets::new(unknown);
        r.finish("audit keys")?;
        let content = match (id_key, epochs) {
            (Some(id_key), Some(epochs)) => Some(ContentKeys { id_key, epochs }),
            (None, None) => None,
            _ => return Err(missing("content keys")),
        };
        Ok(Self {
            repository: preamble.repository,
            suite: preamble.suite,
            genesis: genesis.ok_or(missing("genesis"))?,
            structure_key: structure_key.ok_or(missing("structure key"))?,
            content,
            unknown,
        })
    }
}

fn read_epochs(r: &mut Reader<'_>) -> Result<Vec<(u32, Secret)>, DecodeError> {
    let at = r.position();
    let epochs = r.array_up_to("epochs", MAX_AUDIT_KEYS_EPOCHS, |r| {
        r.tuple("epoch", 2, |r| Ok((r.u32("epoch")?, read_secret(r)?)))
    })?;
    if epochs.is_sorted_by(|(a, _), (b, _)| a < b) {
        Ok(epochs)
    } else {
        Err(DecodeError::invalid("order of epochs", at))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::DecodeErrorKind;

    fn keys(epochs: Option<&[u32]>) -> AuditKeys {
        let content = epochs.map(|epochs| ContentKeys {
            id_key: Secret::from_bytes(&[3; 32]),
            epochs: epochs
                .iter()
                .map(|number| (*number, Secret::from_bytes(&[4; 32])))
                .collect(),
        });
        AuditKeys {
            repository: RepositoryId::from_bytes([1; 16]),
            suite: Suite::Aes256Gcm,
            genesis: ObjectHash::from_bytes([2; 32]),
            structure_key: Secret::from_bytes(&[5; 32]),
            content,
            unknown: UnknownSecrets::default(),
        }
    }

    #[test]
    fn what_is_written_is_read_and_written_again_alike() {
        for epochs in [None, Some([].as_slice()), Some(&[0, 1, 7])] {
            let file = keys(epochs).encode([9; 16]).unwrap();
            let read = AuditKeys::decode(&file).unwrap();
            assert_eq!(read.content.is_some(), epochs.is_some());
            assert_eq!(read.encode([9; 16]).unwrap(), file);
        }
    }

    #[test]
    fn epochs_ascend() {
        assert!(keys(Some(&[1, 1])).encode([0; 16]).is_err());
    }

    #[test]
    fn every_flipped_bit_and_every_shorter_file_is_refused() {
        let file = keys(Some(&[0])).encode([9; 16]).unwrap();
        for bit in 0..file.len() * 8 {
            let mut damaged = file.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(AuditKeys::decode(&damaged).is_err(), "bit {bit}");
        }
        for len in 0..file.len() {
            assert!(AuditKeys::decode(&file[..len]).is_err(), "{len} bytes");
        }
    }

    #[test]
    fn another_kind_of_object_is_refused() {
        let config = crate::Config::new(
            RepositoryId::from_bytes([1; 16]),
            Suite::None,
            crate::Time::default(),
        );
        let object = config.encode([0; 16]).unwrap();
        let error = AuditKeys::decode(&object).unwrap_err();
        assert_eq!(error.kind(), DecodeErrorKind::Invalid);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn bodies_of_any_bytes_never_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let preamble = Preamble::new(ObjectKind::AuditKeys, Suite::None, RepositoryId::from_bytes([0; 16]), [0; 16]);
            let mut file = preamble.encode().to_vec();
            write_prefixed(&mut file, &body, "body").unwrap();
            let file = finish_whole(file, MAX_AUDIT_KEYS_BYTES, "file").unwrap();
            drop(AuditKeys::decode(&file));
        }
    }
}
