//! What a snapshot says only to those who may read content.

use strongroom_crypt::{RepositoryId, Sealer};

use crate::cbor::{self, MapWriter, Reader, Unknown};
use crate::limits::MAX_DETAILS_SKIPPED;
use crate::{DecodeError, EncodeError};

/// The sensitive part of a snapshot (`docs/format.md`, §8.7), sealed under an epoch's key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what later versions add is in `unknown`"
)]
pub struct Details {
    /// The paths that were backed up.
    pub paths: Vec<Vec<u8>>,
    /// Patterns of what was left out.
    pub excludes: Vec<String>,
    /// Free text.
    pub description: Option<String>,
    /// Entries skipped or changed while read, at most 1,000.
    pub skipped: Vec<Skipped>,
    /// The command whose output this is.
    pub command: Option<Vec<String>>,
    /// What a later version added.
    pub unknown: Unknown,
}

/// An entry that is not, or not consistently, in a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the format fixes the fields")]
pub struct Skipped {
    /// Where it is.
    pub path: Vec<u8>,
    /// Why.
    pub reason: SkipReason,
    /// What the system said.
    pub message: String,
}

/// Why an entry was skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SkipReason {
    /// None of the others.
    Other,
    /// Reading was not permitted.
    PermissionDenied,
    /// It was gone.
    Vanished,
    /// It changed while it was read; what was read is in the snapshot.
    ChangedWhileRead,
    /// Something else stood in its place.
    Replaced,
    /// The system could not read it.
    ReadError,
    /// Its kind is not supported.
    NotSupported,
    /// A reason of a later version.
    Unknown(u64),
}

impl SkipReason {
    const fn number(self) -> u64 {
        match self {
            Self::Other => 0,
            Self::PermissionDenied => 1,
            Self::Vanished => 2,
            Self::ChangedWhileRead => 3,
            Self::Replaced => 4,
            Self::ReadError => 5,
            Self::NotSupported => 6,
            Self::Unknown(number) => number,
        }
    }

    const fn from_number(number: u64) -> Self {
        match number {
            0 => Self::Other,
            1 => Self::PermissionDenied,
            2 => Self::Vanished,
            3 => Self::ChangedWhileRead,
            4 => Self::Replaced,
            5 => Self::ReadError,
            6 => Self::NotSupported,
            number => Self::Unknown(number),
        }
    }
}

impl Details {
    /// Seals the details of the snapshot with these random bytes.
    ///
    /// # Errors
    ///
    /// `TooLarge` for more than 1,000 skipped entries; `Invalid` for an empty command; `Seal`.
    pub fn seal(
        &self,
        sealer: &dyn Sealer,
        repository: &RepositoryId,
        snapshot_random: &[u8; 16],
    ) -> Result<Vec<u8>, EncodeError> {
        let plain = self.encode()?;
        let mut out = Vec::with_capacity(plain.len() + sealer.overhead());
        sealer
            .seal(&details_aad(repository, snapshot_random), &plain, &mut out)
            .map_err(|_| EncodeError::seal("details"))?;
        Ok(out)
    }

    /// Opens the details of the snapshot with these random bytes.
    ///
    /// # Errors
    ///
    /// `Damaged` when they do not open, otherwise as [`Details::decode`].
    pub fn open(
        sealer: &dyn Sealer,
        repository: &RepositoryId,
        snapshot_random: &[u8; 16],
        sealed: &[u8],
    ) -> Result<Self, DecodeError> {
        let mut plain = Vec::new();
        sealer
            .open(
                &details_aad(repository, snapshot_random),
                sealed,
                &mut plain,
            )
            .map_err(|_| DecodeError::damaged("details"))?;
        Self::decode(&plain)
    }

    /// Returns the plaintext.
    ///
    /// # Errors
    ///
    /// As [`Details::seal`].
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        if self.skipped.len() > MAX_DETAILS_SKIPPED {
            return Err(EncodeError::too_large("skipped entries"));
        }
        let mut out = Vec::new();
        let mut map = MapWriter::new(&mut out);
        map.optional_array(0, &self.paths, |out, path| {
            cbor::bytes(out, path);
            Ok(())
        })?;
        map.optional_array(1, &self.excludes, write_text)?;
        if let Some(description) = &self.description {
            map.text(2, description);
        }
        map.optional_array(3, &self.skipped, |out, skipped| {
            cbor::array(out, 3);
            cbor::bytes(out, &skipped.path);
            cbor::uint(out, skipped.reason.number());
            cbor::text(out, &skipped.message);
            Ok(())
        })?;
        match &self.command {
            Some(command) if command.is_empty() => return Err(EncodeError::invalid("command")),
            Some(command) => map.array(4, command, write_text)?,
            None => {}
        }
        map.finish(&self.unknown)?;
        Ok(out)
    }

    /// Decodes the whole plaintext.
    ///
    /// # Errors
    ///
    /// `TooLarge` for more than 1,000 skipped entries and for nesting; `Truncated`; `Invalid`.
    pub fn decode(plain: &[u8]) -> Result<Self, DecodeError> {
        let mut r = Reader::new(plain);
        let mut details = Self::default();
        let unknown = r.map("details", |r, key| {
            match key {
                0 => {
                    details.paths = r.array("paths", |r| Ok(r.bytes("path")?.to_vec()))?;
                }
                1 => details.excludes = r.array("excludes", |r| r.string("exclude"))?,
                2 => details.description = Some(r.string("description")?),
                3 => details.skipped = read_skipped(r)?,
                4 => {
                    let words = r.array("command", |r| r.string("command"))?;
                    details.command = Some(words).filter(|words| !words.is_empty());
                }
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        r.finish("details")?;
        details.unknown = unknown;
        Ok(details)
    }
}

fn read_skipped(r: &mut Reader<'_>) -> Result<Vec<Skipped>, DecodeError> {
    r.array_up_to("skipped entries", MAX_DETAILS_SKIPPED, |r| {
        r.tuple("skipped entry", 3, |r| {
            Ok(Skipped {
                path: r.bytes("path")?.to_vec(),
                reason: SkipReason::from_number(r.uint("reason")?),
                message: r.string("message")?,
            })
        })
    })
}

pub(crate) fn details_aad(repository: &RepositoryId, random: &[u8; 16]) -> Vec<u8> {
    [b"details".as_slice(), repository.as_bytes(), random].concat()
}

#[expect(
    clippy::unnecessary_wraps,
    clippy::ptr_arg,
    reason = "the shape that arrays ask for"
)]
fn write_text(out: &mut Vec<u8>, text: &String) -> Result<(), EncodeError> {
    cbor::text(out, text);
    Ok(())
}
