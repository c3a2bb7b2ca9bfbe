//! One damage: what it is done to, and how it is done.

use std::fmt;

use bytes::Bytes;
use strongroom_format::ObjectHash;
use strongroom_store::{Key, Prefix, Result, Store, StoreExt as _};

/// A damage to one object, to a pair of them or to a whole folder.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Damage {
    /// The object; of a folder the first.
    pub object: Key,
    /// What happens to it.
    pub harm: Harm,
}

/// What happens to an object.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Harm {
    /// It is gone.
    Deleted,
    /// It ends after so many bytes.
    Truncated(u64),
    /// These bytes follow it.
    Appended(Vec<u8>),
    /// One bit has turned: bit `n % 8`, counted from the lowest, of byte `n / 8`.
    Flipped(u64),
    /// So many bytes from an offset on are zero.
    Zeroed {
        /// Offset of the first.
        from: u64,
        /// How many.
        len: u64,
    },
    /// It and another object have changed places.
    Swapped(Key),
    /// The bytes of another object of its kind, which stays where it is, are in its place.
    Doubled(Key),
    /// Other bytes are in its place.
    Replaced {
        /// The bytes.
        by: Bytes,
        /// Where they are from.
        origin: Origin,
    },
    /// It and all others of these objects, the whole of a folder, are gone.
    FolderDeleted(Prefix, Vec<Key>),
}

/// Where bytes in an object's place are from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// An object of its kind of another repository.
    Foreign(Key),
    /// Itself as it once was.
    Older,
}

impl Damage {
    /// Describes a damage.
    #[must_use]
    pub fn new(object: Key, harm: Harm) -> Self {
        Self { object, harm }
    }

    /// Does it. A second time changes nothing, unless it swaps or appends.
    ///
    /// # Errors
    ///
    /// What the store said. `NotFound` when the object is not there.
    pub async fn apply(&self, store: &dyn Store) -> Result<()> {
        match &self.harm {
            Harm::Deleted => store.delete(&self.object).await,
            Harm::FolderDeleted(_, keys) => store.delete_all(keys).await,
            Harm::Swapped(with) => {
                let (one, other) = (
                    store.get_all(&self.object).await?,
                    store.get_all(with).await?,
                );
                store.replace(&self.object, other).await?;
                store.replace(with, one).await
            }
            Harm::Doubled(of) => {
                let bytes = store.get_all(of).await?;
                store.replace(&self.object, bytes).await
            }
            Harm::Replaced { by, .. } => store.replace(&self.object, by.clone()).await,
            harm => {
                let whole = store.get_all(&self.object).await?;
                store.replace(&self.object, harm.damaged(&whole)).await
            }
        }
    }

    /// Returns the objects whose bytes it changes.
    #[must_use]
    pub fn objects(&self) -> Vec<Key> {
        match &self.harm {
            Harm::Swapped(with) => vec![self.object.clone(), with.clone()],
            Harm::FolderDeleted(_, keys) => keys.clone(),
            _ => vec![self.object.clone()],
        }
    }
}

impl Harm {
    /// Returns the word for damages of this sort.
    #[must_use]
    pub fn sort(&self) -> &'static str {
        match self {
            Self::Deleted => "deleted",
            Self::Truncated(_) => "truncated",
            Self::Appended(_) => "appended",
            Self::Flipped(_) => "flipped",
            Self::Zeroed { .. } => "zeroed",
            Self::Swapped(_) => "swapped",
            Self::Doubled(_) => "doubled",
            Self::Replaced { origin, .. } => match origin {
                Origin::Foreign(_) => "foreign",
                Origin::Older => "older",
            },
            Self::FolderDeleted(..) => "folder",
        }
    }

    /// Returns every word of [`Self::sort`].
    #[must_use]
    pub fn sorts() -> [&'static str; 10] {
        [
            "deleted",
            "truncated",
            "appended",
            "flipped",
            "zeroed",
            "swapped",
            "doubled",
            "foreign",
            "older",
            "folder",
        ]
    }

    /// Returns what is left of an object's bytes; those of an object that is gone, or holds those of another, are not for it to say.
    pub(super) fn damaged(&self, whole: &[u8]) -> Bytes {
        let at = |offset: u64| {
            usize::try_from(offset)
                .unwrap_or(usize::MAX)
                .min(whole.len())
        };
        let mut bytes = whole.to_vec();
        match self {
            Self::Truncated(to) => bytes.truncate(at(*to)),
            Self::Appended(more) => bytes.extend_from_slice(more),
            Self::Flipped(bit) => {
                if let Some(byte) = bytes.get_mut(at(bit / 8)) {
                    *byte ^= 1 << (bit % 8);
                }
            }
            Self::Zeroed { from, len } => {
                let range = at(*from)..at(from.saturating_add(*len));
                if let Some(part) = bytes.get_mut(range) {
                    part.fill(0);
                }
            }
            Self::Replaced { by, .. } => return by.clone(),
            Self::Deleted | Self::Swapped(_) | Self::Doubled(_) | Self::FolderDeleted(..) => {
                bytes.clear();
            }
        }
        bytes.into()
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.harm {
            Harm::FolderDeleted(folder, keys) => {
                write!(f, "{folder}: all {} objects deleted", keys.len())
            }
            harm => write!(f, "{}: {harm}", self.object),
        }
    }
}

impl fmt::Display for Harm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deleted => f.write_str("deleted"),
            Self::Truncated(to) => write!(f, "truncated to {to} bytes"),
            Self::Appended(bytes) => write!(f, "{} bytes appended", bytes.len()),
            Self::Flipped(bit) => write!(f, "bit {} of byte {} flipped", bit % 8, bit / 8),
            Self::Zeroed { from, len } => write!(f, "{len} bytes from {from} on zeroed"),
            Self::Swapped(with) => write!(f, "swapped with {with}"),
            Self::Doubled(of) => write!(f, "replaced by a copy of {of}"),
            Self::Replaced { by, origin } => {
                write!(f, "replaced by {origin} ({})", ObjectHash::of(by))
            }
            Self::FolderDeleted(folder, keys) => {
                write!(f, "all {} objects of {folder} deleted", keys.len())
            }
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign(key) => write!(f, "{key} of another repository"),
            Self::Older => f.write_str("itself as it once was"),
        }
    }
}
