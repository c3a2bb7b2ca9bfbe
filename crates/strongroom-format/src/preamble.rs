//! The 64 bytes with which every object begins, and the 32 with which most end.

use strongroom_crypt::{RepositoryId, Suite};

use crate::{DecodeError, EncodeError, ObjectHash};

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
        };
        [0x89, b'S', b'R', letter, 0x0D, 0x0A, 0x1A, 0x0A]
    }

    fn of_magic(magic: [u8; 8]) -> Result<Self, DecodeError> {
        const ALL: [ObjectKind; 10] = [
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

/// Reads fixed-width little-endian fields one after another.
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    input: &'a [u8],
    position: usize,
    what: &'static str,
}

impl<'a> Fields<'a> {
    pub(crate) const fn new(input: &'a [u8], what: &'static str) -> Self {
        Self {
            input,
            position: 0,
            what,
        }
    }

    pub(crate) const fn position(&self) -> usize {
        self.position
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.input.get(self.position..).unwrap_or_default()
    }

    #[inline]
    pub(crate) fn take(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        let taken = self
            .rest()
            .get(..len)
            .ok_or(DecodeError::truncated(self.what, self.position))?;
        self.position += len;
        Ok(taken)
    }

    #[inline]
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let taken = self
            .rest()
            .first_chunk()
            .ok_or(DecodeError::truncated(self.what, self.position))?;
        self.position += N;
        Ok(*taken)
    }

    #[inline]
    pub(crate) fn u8(&mut self) -> Result<u8, DecodeError> {
        self.array().map(u8::from_le_bytes)
    }

    #[inline]
    pub(crate) fn u16(&mut self) -> Result<u16, DecodeError> {
        self.array().map(u16::from_le_bytes)
    }

    #[inline]
    pub(crate) fn u32(&mut self) -> Result<u32, DecodeError> {
        self.array().map(u32::from_le_bytes)
    }

    #[inline]
    pub(crate) fn u64(&mut self) -> Result<u64, DecodeError> {
        self.array().map(u64::from_le_bytes)
    }

    /// Reads a `u32` count of rows of `row_bytes` each and refuses it before anything is allocated.
    pub(crate) fn count(&mut self, row_bytes: usize, most: usize) -> Result<usize, DecodeError> {
        let at = self.position;
        let count = self.u32()? as usize;
        if count > most {
            return Err(DecodeError::too_large(self.what, at));
        }
        if count > self.rest().len() / row_bytes {
            return Err(DecodeError::truncated(self.what, at));
        }
        Ok(count)
    }

    /// Passes bytes that this version writes as zero.
    pub(crate) fn reserved(&mut self, len: usize) -> Result<(), DecodeError> {
        let at = self.position;
        if self.take(len)?.iter().any(|byte| *byte != 0) {
            return Err(DecodeError::unsupported("reserved bytes", at));
        }
        Ok(())
    }

    /// Refuses bytes after the last field.
    pub(crate) const fn finish(&self) -> Result<(), DecodeError> {
        if self.position == self.input.len() {
            Ok(())
        } else {
            Err(DecodeError::invalid(self.what, self.position))
        }
    }
}

/// Appends the seal of wholeness, and refuses an object that is too large.
pub(crate) fn finish_whole(
    mut object: Vec<u8>,
    most: usize,
    what: &'static str,
) -> Result<Vec<u8>, EncodeError> {
    let seal = ObjectHash::of(&object);
    object.extend_from_slice(seal.as_bytes());
    if object.len() > most {
        Err(EncodeError::too_large(what))
    } else {
        Ok(object)
    }
}

/// Checks the kind and the seal of wholeness; returns the preamble and the bytes between it and the seal.
pub(crate) fn open_whole<'a>(
    object: &'a [u8],
    kind: ObjectKind,
    most: usize,
    what: &'static str,
) -> Result<(Preamble, Fields<'a>), DecodeError> {
    if object.len() > most {
        return Err(DecodeError::too_large(what, most));
    }
    let (body, seal) = object
        .split_last_chunk::<32>()
        .ok_or(DecodeError::truncated(what, object.len()))?;
    if body.len() < Preamble::LEN {
        return Err(DecodeError::truncated(what, object.len()));
    }
    if ObjectHash::of(body).as_bytes() != seal {
        // Another major version may end otherwise; it is not damage to have no seal where none belongs.
        let major = object.get(8..10) == Some(&MAJOR.to_le_bytes());
        let ours = object.get(..8) == Some(&kind.magic());
        return match Preamble::decode(object) {
            Err(error) if ours && !major => Err(error),
            _ => Err(DecodeError::damaged(what)),
        };
    }
    let preamble = Preamble::decode(body)?;
    if preamble.kind != kind {
        return Err(DecodeError::invalid("kind of object", 3));
    }
    let mut fields = Fields::new(body, what);
    fields.take(Preamble::LEN)?;
    Ok((preamble, fields))
}

/// Writes `u32 length ‖ bytes`.
pub(crate) fn write_prefixed(
    out: &mut Vec<u8>,
    bytes: &[u8],
    what: &'static str,
) -> Result<(), EncodeError> {
    let len = u32::try_from(bytes.len()).map_err(|_| EncodeError::too_large(what))?;
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(bytes);
    Ok(())
}

/// Reads `u32 length ‖ bytes`.
pub(crate) fn read_prefixed<'a>(
    fields: &mut Fields<'a>,
    most: usize,
) -> Result<&'a [u8], DecodeError> {
    let len = fields.count(1, most)?;
    fields.take(len)
}

const MAJOR: u16 = 1;
