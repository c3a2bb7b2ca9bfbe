//! The 64 bytes with which every object begins.

use strongroom_crypt::{RepositoryId, Suite};

use crate::DecodeError;
use crate::fields::Fields;

/// The first 64 bytes of every object (`docs/format.md`, §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the format fixes the fields")]
pub struct Preamble {
    /// What the object is.
    pub kind: ObjectKind,
    /// Minor version of the format that the writer knew. Any is accepted.
    pub minor: u16,
    /// Algorithms of the repository.
    pub suite: Suite,
    /// For packs the class, otherwise 0.
    pub flags: u16,
    /// The repository that the object belongs to.
    pub repository: RepositoryId,
    /// Fresh random bytes; in a slot the slot's id, in a journal entry the attempt's.
    pub random: [u8; 16],
    /// Generation or number of keyrings, journal entries, bundles and checkpoints, otherwise 0.
    pub number: u64,
}

impl Preamble {
    /// Bytes of a preamble.
    pub const LEN: usize = 64;

    /// Describes an object of this version without flags and number.
    #[must_use]
    pub const fn new(
        kind: ObjectKind,
        suite: Suite,
        repository: RepositoryId,
        random: [u8; 16],
    ) -> Self {
        Self {
            kind,
            minor: 0,
            suite,
            flags: 0,
            repository,
            random,
            number: 0,
        }
    }

    /// Sets the number.
    #[must_use]
    pub const fn with_number(mut self, number: u64) -> Self {
        self.number = number;
        self
    }

    /// Returns the bytes.
    #[must_use]
    pub fn encode(&self) -> [u8; 64] {
        let mut out = [0; 64];
        let mut rest: &mut [u8] = &mut out;
        let magic = self.kind.magic();
        for field in [
            magic.as_slice(),
            &MAJOR.to_le_bytes(),
            &self.minor.to_le_bytes(),
            &self.suite.id().to_le_bytes(),
            &self.flags.to_le_bytes(),
            self.repository.as_bytes(),
            &self.random,
            &self.number.to_le_bytes(),
        ] {
            if let Some((to, after)) = std::mem::take(&mut rest).split_at_mut_checked(field.len()) {
                to.copy_from_slice(field);
                rest = after;
            }
        }
        out
    }

    /// Decodes the first 64 bytes of `object`.
    ///
    /// # Errors
    ///
    /// `Truncated` below 64 bytes. `Invalid` when this is no object of a repository, or a number stands where none
    /// belongs. `Unsupported` for another major version, object kind or suite, and for reserved bytes and flags
    /// that are not zero.
    pub fn decode(object: &[u8]) -> Result<Self, DecodeError> {
        let bytes: &[u8; Self::LEN] = object
            .first_chunk()
            .ok_or(DecodeError::truncated("preamble", object.len()))?;
        let mut f = Fields::new(bytes, "preamble");
        let kind = ObjectKind::of_magic(f.array()?)?;
        if f.u16()? != MAJOR {
            return Err(DecodeError::unsupported("major version", 8));
        }
        let minor = f.u16()?;
        let suite = Suite::from_id(f.u16()?).ok_or(DecodeError::unsupported("suite", 12))?;
        let flags = f.u16()?;
        let most = if kind == ObjectKind::Pack {
            PackClass::Pages as u16
        } else {
            0
        };
        if flags > most {
            return Err(DecodeError::unsupported("flags", 14));
        }
        let repository = RepositoryId::from_bytes(f.array()?);
        let random = f.array()?;
        let number = f.u64()?;
        if number != 0 && !kind.is_numbered() {
            return Err(DecodeError::invalid("number", 48));
        }
        f.reserved(8)?;
        Ok(Self {
            kind,
            minor,
            suite,
            flags,
            repository,
            random,
            number,
        })
    }

    /// Checks that the object is what its name and its repository say.
    ///
    /// # Errors
    ///
    /// `Invalid` when the kind, the suite or the repository differs.
    pub fn check(
        &self,
        kind: ObjectKind,
        suite: Suite,
        repository: &RepositoryId,
    ) -> Result<(), DecodeError> {
        if self.kind != kind {
            return Err(DecodeError::invalid("kind of object", 3));
        }
        if self.suite != suite {
            return Err(DecodeError::invalid("suite of another repository", 12));
        }
        if self.repository != *repository {
            return Err(DecodeError::invalid(
                "repository id of another repository",
                16,
            ));
        }
        Ok(())
    }
}

/// The kinds of objects, each with a letter in its magic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ObjectKind {
    /// The configuration.
    Config,
    /// A way to open the repository.
    Slot,
    /// A generation of the keyring.
    Keyring,
    /// A journal entry.
    Journal,
    /// Sixty-four journal entries in one.
    Bundle,
    /// The state folded from the journal.
    Checkpoint,
    /// A pack.
    Pack,
    /// An index segment.
    Index,
    /// Parity of a pack.
    Parity,
    /// A beacon of a running session.
    Session,
    /// The keys of an auditor: a file of its own, never in a store.
    AuditKeys,
}

impl ObjectKind {
    /// Returns the eight bytes with which objects of this kind begin.
    #[must_use]
    pub const fn magic(self) -> [u8; 8] {
        let letter = match self {
            Self::Config => b'C',
            Self::Slot => b'S',
            Self::Keyring => b'K',
            Self::Journal => b'J',
            Self::Bundle => b'B',
            Self::Checkpoint => b'H',
            Self::Pack => b'P',
            Self::Index => b'I',
            Self::Parity => b'Y',
            Self::Session => b'N',
            Self::AuditKeys => b'A',
        };
        [0x89, b'S', b'R', letter, 0x0D, 0x0A, 0x1A, 0x0A]
    }

    fn of_magic(magic: [u8; 8]) -> Result<Self, DecodeError> {
        const ALL: [ObjectKind; 11] = [
            ObjectKind::Config,
            ObjectKind::Slot,
            ObjectKind::Keyring,
            ObjectKind::Journal,
            ObjectKind::Bundle,
            ObjectKind::Checkpoint,
            ObjectKind::Pack,
            ObjectKind::Index,
            ObjectKind::Parity,
            ObjectKind::Session,
            ObjectKind::AuditKeys,
        ];
        if let Some(kind) = ALL.into_iter().find(|kind| kind.magic() == magic) {
            return Ok(kind);
        }
        match magic {
            [0x89, b'S', b'R', b'A'..=b'Z', 0x0D, 0x0A, 0x1A, 0x0A] => {
                Err(DecodeError::unsupported("kind of object", 3))
            }
            _ => Err(DecodeError::invalid("magic", 0)),
        }
    }

    const fn is_numbered(self) -> bool {
        matches!(
            self,
            Self::Keyring | Self::Journal | Self::Bundle | Self::Checkpoint
        )
    }
}

/// What a pack holds; flags of its preamble.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "another class is another format")]
#[repr(u8)]
pub enum PackClass {
    /// Content, and what applications add.
    #[default]
    Data = 0,
    /// Names and metadata of tree pages.
    Names = 1,
    /// Reference lists of tree pages.
    Pages = 2,
}

impl PackClass {
    /// Returns the class with this number.
    ///
    /// # Errors
    ///
    /// `Unsupported` above 2.
    pub const fn from_number(number: u64) -> Result<Self, DecodeError> {
        match number {
            0 => Ok(Self::Data),
            1 => Ok(Self::Names),
            2 => Ok(Self::Pages),
            _ => Err(DecodeError::unsupported("class of a pack", 0)),
        }
    }

    /// Returns the class whose packs hold blobs of `kind` (`docs/format.md`, §3.5).
    #[must_use]
    pub const fn of_blob_kind(kind: u8) -> Option<Self> {
        match kind {
            0 | 3 | 16..=31 => Some(Self::Data),
            1 => Some(Self::Names),
            2 => Some(Self::Pages),
            _ => None,
        }
    }
}

pub(crate) const MAJOR: u16 = 1;
