//! The names of a directory page.

use crate::cbor::{self, MapWriter, Reader, Unknown};
use crate::config::missing;
use crate::limits::{MAX_BLOB_BYTES, MAX_LEAF_ENTRIES, MAX_SHORT_NAME_BYTES};
use crate::node::is_legal_name;
use crate::{DecodeError, EncodeError, Node};

/// The plaintext of a names blob (`docs/format.md`, §9.4).
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "there are two kinds of directory pages"
)]
pub enum Names {
    /// Of a page with entries.
    Leaf(Leaf),
    /// Of a page with pages.
    Interior(Interior),
}

impl Names {
    /// Appends the encoding.
    ///
    /// # Errors
    ///
    /// `Invalid` when entries are not sorted, a name is not legal or a field breaks a rule of the format; `TooLarge` above
    /// a limit. `out` may then end with a part of the encoding.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        match self {
            Self::Leaf(leaf) => leaf.encode(out),
            Self::Interior(interior) => interior.encode(out),
        }
    }

    /// Decodes a whole names blob.
    ///
    /// # Errors
    ///
    /// `Unsupported` for another type of names or kind of entry; `TooLarge` above a limit; `Truncated`; `Invalid`.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.len() > MAX_BLOB_BYTES {
            return Err(DecodeError::too_large("names", MAX_BLOB_BYTES));
        }
        let mut r = Reader::new(bytes);
        let (mut names, mut has_list) = (None, false);
        let unknown = r.map("names", |r, key| {
            match (key, &mut names) {
                (0, _) => {
                    names = Some(match r.uint("type of names")? {
                        1 => Self::Leaf(Leaf::default()),
                        2 => Self::Interior(Interior::default()),
                        _ => return Err(DecodeError::unsupported("type of names", r.position())),
                    });
                }
                (1, Some(Self::Leaf(leaf))) => leaf.entries = read_entries(r)?,
                (2, Some(Self::Leaf(leaf))) => leaf.owners = read_owners(r)?,
                (3, Some(Self::Leaf(leaf))) => leaf.groups = read_owners(r)?,
                (4, Some(Self::Leaf(leaf))) => leaf.root = Some(Box::new(Node::read_root(r)?)),
                (1, Some(Self::Interior(interior))) => interior.children = read_children(r)?,
                (_, None) => return Err(missing("type of names")),
                _ => return Ok(false),
            }
            has_list |= key == 1;
            Ok(true)
        })?;
        r.finish("names")?;
        if !has_list {
            return Err(missing("entries"));
        }
        let mut names = names.ok_or(missing("type of names"))?;
        match &mut names {
            Self::Leaf(leaf) => leaf.unknown = unknown,
            Self::Interior(interior) => interior.unknown = unknown,
        }
        Ok(names)
    }
}

/// Entries of a directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what later versions add is in `unknown`"
)]
pub struct Leaf {
    /// Sorted by name, bytewise, no two alike.
    pub entries: Vec<Node>,
    /// Names of owners that occur, by number.
    pub owners: Vec<(u32, Vec<u8>)>,
    /// Names of groups that occur, by number.
    pub groups: Vec<(u32, Vec<u8>)>,
    /// The root directory's own metadata, only in the first leaf of a snapshot's root.
    pub root: Option<Box<Node>>,
    /// What a later version added.
    pub unknown: Unknown,
}

impl Leaf {
    /// Appends the encoding, as [`Names::encode`] does.
    ///
    /// # Errors
    ///
    /// As [`Names::encode`].
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        if self.entries.len() > MAX_LEAF_ENTRIES {
            return Err(EncodeError::too_large("entries of a leaf"));
        }
        if !self.entries.is_sorted_by(|a, b| a.name < b.name) {
            return Err(EncodeError::invalid("order of entries"));
        }
        let start = out.len();
        let mut map = MapWriter::new(out);
        map.uint(0, 1);
        map.array(1, &self.entries, |out, entry| entry.write(out))?;
        write_owners(&mut map, 2, &self.owners)?;
        write_owners(&mut map, 3, &self.groups)?;
        if let Some(root) = &self.root {
            root.write_root(map.key(4))?;
        }
        map.finish(&self.unknown)?;
        check_blob(out.len() - start)
    }
}

/// Pages of a directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what later versions add is in `unknown`"
)]
pub struct Interior {
    /// First name and number of entries below, for each page reference in order.
    pub children: Vec<(Vec<u8>, u64)>,
    /// What a later version added.
    pub unknown: Unknown,
}

impl Interior {
    /// Appends the encoding, as [`Names::encode`] does.
    ///
    /// # Errors
    ///
    /// As [`Names::encode`].
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        if self.children.len() > MAX_LEAF_ENTRIES {
            return Err(EncodeError::too_large("children of an interior page"));
        }
        if !are_children(&self.children) {
            return Err(EncodeError::invalid("children of an interior page"));
        }
        let start = out.len();
        let mut map = MapWriter::new(out);
        map.uint(0, 2);
        map.array(1, &self.children, |out, (name, count)| {
            cbor::array(out, 2);
            cbor::bytes(out, name);
            cbor::uint(out, *count);
            Ok(())
        })?;
        map.finish(&self.unknown)?;
        check_blob(out.len() - start)
    }
}

fn read_entries(r: &mut Reader<'_>) -> Result<Vec<Node>, DecodeError> {
    let at = r.position();
    let entries = r.array_up_to("entries", MAX_LEAF_ENTRIES, Node::read)?;
    if entries.is_sorted_by(|a, b| a.name < b.name) {
        Ok(entries)
    } else {
        Err(DecodeError::invalid("order of entries", at))
    }
}

fn read_owners(r: &mut Reader<'_>) -> Result<Vec<(u32, Vec<u8>)>, DecodeError> {
    let at = r.position();
    let owners = r.array("owners", |r| {
        r.tuple("owner", 2, |r| {
            let (number, at) = (r.u32("owner")?, r.position());
            let name = r.bytes("name of an owner")?;
            if name.len() > MAX_SHORT_NAME_BYTES {
                return Err(DecodeError::too_large("name of an owner", at));
            }
            Ok((number, name.to_vec()))
        })
    })?;
    if owners.is_sorted_by(|(a, _), (b, _)| a < b) {
        Ok(owners)
    } else {
        Err(DecodeError::invalid("order of owners", at))
    }
}

fn write_owners(
    map: &mut MapWriter<'_>,
    key: u64,
    owners: &[(u32, Vec<u8>)],
) -> Result<(), EncodeError> {
    if !owners.is_sorted_by(|(a, _), (b, _)| a < b) {
        return Err(EncodeError::invalid("order of owners"));
    }
    map.optional_array(key, owners, |out, (number, name)| {
        if name.len() > MAX_SHORT_NAME_BYTES {
            return Err(EncodeError::too_large("name of an owner"));
        }
        cbor::array(out, 2);
        cbor::uint(out, u64::from(*number));
        cbor::bytes(out, name);
        Ok(())
    })
}

fn read_children(r: &mut Reader<'_>) -> Result<Vec<(Vec<u8>, u64)>, DecodeError> {
    let at = r.position();
    let children = r.array_up_to("children", MAX_LEAF_ENTRIES, |r| {
        r.tuple("child", 2, |r| {
            Ok((r.bytes("first name")?.to_vec(), r.uint("entries below")?))
        })
    })?;
    if are_children(&children) {
        Ok(children)
    } else {
        Err(DecodeError::invalid("children of an interior page", at))
    }
}

fn are_children(children: &[(Vec<u8>, u64)]) -> bool {
    !children.is_empty()
        && children.is_sorted_by(|(a, _), (b, _)| a < b)
        && children.iter().all(|(name, _)| is_legal_name(name))
}

const fn check_blob(len: usize) -> Result<(), EncodeError> {
    if len > MAX_BLOB_BYTES {
        Err(EncodeError::too_large("names"))
    } else {
        Ok(())
    }
}
