//! An entry of a directory.

use crate::cbor::{self, MapWriter, Reader, Unknown};
use crate::limits::{
    MAX_NAME_BYTES, MAX_SHORT_NAME_BYTES, MAX_TARGET_BYTES, MAX_XATTR_BYTES, MAX_XATTRS_BYTES,
};
use crate::time::{check_nanos, read_nanos};
use crate::{DecodeError, EncodeError, Time};

/// Name, metadata and place of the content of a directory's entry (`docs/format.md`, §9.4).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what later versions add is in `unknown`"
)]
pub struct Node {
    /// Any bytes but `/` and NUL; empty only for the root's own entry.
    pub name: Vec<u8>,
    /// What it is.
    pub kind: NodeKind,
    /// Permission bits, at most octal 7777.
    pub mode: u32,
    /// Number of the owner.
    pub uid: u32,
    /// Number of the group.
    pub gid: u32,
    /// Modification time.
    pub mtime: Time,
    /// Change time, to recognise what has not changed.
    pub ctime: Option<Time>,
    /// Inode number, likewise; 0 if unknown.
    pub inode: u64,
    /// Bytes of content.
    pub size: u64,
    /// Position in the page's references of the first that is this entry's.
    pub first_ref: u32,
    /// Number of references; `first_ref` means nothing when it is 0.
    pub refs: u32,
    /// Target of a symbolic link.
    pub target: Option<Vec<u8>>,
    /// Major and minor number of a device.
    pub device: Option<(u32, u32)>,
    /// Names and values of extended attributes, by name.
    pub xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    /// Entries of a snapshot with the same number are one inode.
    pub link: Option<u64>,
    /// Bits: 1 immutable, 2 append only, 4 no dump, 8 sparse.
    pub flags: u32,
    /// Access time.
    pub atime: Option<Time>,
    /// Bits of what could not be recorded: 1 extended attributes, 2 flags.
    pub incomplete: u32,
    /// What a later version added.
    pub unknown: Unknown,
}

/// What an entry is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum NodeKind {
    /// A regular file.
    #[default]
    File = 0,
    /// A directory.
    Directory = 1,
    /// A symbolic link.
    Symlink = 2,
    /// A named pipe.
    Fifo = 3,
    /// A socket.
    Socket = 4,
    /// A character device.
    CharDevice = 5,
    /// A block device.
    BlockDevice = 6,
    /// Content without a file's metadata.
    Stream = 7,
}

impl NodeKind {
    /// Returns the kind with this number.
    ///
    /// # Errors
    ///
    /// `Unsupported` above 7.
    pub const fn from_number(number: u64) -> Result<Self, DecodeError> {
        Ok(match number {
            0 => Self::File,
            1 => Self::Directory,
            2 => Self::Symlink,
            3 => Self::Fifo,
            4 => Self::Socket,
            5 => Self::CharDevice,
            6 => Self::BlockDevice,
            7 => Self::Stream,
            _ => return Err(DecodeError::unsupported("kind of an entry", 0)),
        })
    }
}

impl Node {
    /// Returns the number of bytes that this entry adds to its names blob, without encoding it.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        let optional = |value: u64| {
            if value == 0 {
                0
            } else {
                1 + cbor::uint_len(value)
            }
        };
        let bytes = |value: &[u8]| cbor::uint_len(value.len() as u64) + value.len();
        let time = |time: Time| 1 + cbor::int_len(time.seconds) + optional(u64::from(time.nanos));
        let mut len = 1 // the map's head; a longer one only with unknown keys
            + 1 + bytes(&self.name)
            + 2
            + 1 + cbor::uint_len(u64::from(self.mode))
            + optional(u64::from(self.uid))
            + optional(u64::from(self.gid))
            + time(self.mtime)
            + self.ctime.map_or(0, time)
            + optional(self.inode)
            + optional(self.size)
            + self.target.as_ref().map_or(0, |target| 1 + bytes(target))
            + self.link.map_or(0, |link| 1 + cbor::uint_len(link))
            + optional(u64::from(self.flags))
            + optional(u64::from(self.incomplete));
        if self.refs != 0 {
            len += 1 + cbor::uint_len(u64::from(self.first_ref));
        }
        if self.refs > 1 {
            len += 1 + cbor::uint_len(u64::from(self.refs));
        }
        if let Some((major, minor)) = self.device {
            len += 2 + cbor::uint_len(u64::from(major)) + cbor::uint_len(u64::from(minor));
        }
        if let Some(atime) = self.atime {
            len += time(atime);
        }
        if !self.xattrs.is_empty() {
            len += 1 + cbor::uint_len(self.xattrs.len() as u64);
            len += self
                .xattrs
                .iter()
                .map(|(n, v)| 1 + bytes(n) + bytes(v))
                .sum::<usize>();
        }
        // More than 23 keys, or a key above 23, only come from a later version.
        len + self.unknown.encoded().len()
            + usize::from(!self.unknown.is_empty() && self.key_count() >= 24)
    }

    /// Writes an entry of a directory.
    #[inline]
    pub(crate) fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        if !is_legal_name(&self.name) {
            return Err(EncodeError::invalid("name of an entry"));
        }
        if !self.has_its_page() {
            return Err(EncodeError::invalid("page of a directory"));
        }
        self.write_fields(out)
    }

    /// Writes the root's own entry.
    pub(crate) fn write_root(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        if !self.is_root() {
            return Err(EncodeError::invalid("the root's own entry"));
        }
        self.write_fields(out)
    }

    #[inline]
    fn write_fields(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        if self.mode > MODE_MASK {
            return Err(EncodeError::invalid("permission bits"));
        }
        let mut map = MapWriter::new(out);
        map.bytes(0, &self.name);
        map.uint(1, u64::from(self.kind as u8));
        map.uint(2, u64::from(self.mode));
        map.nonzero(3, u64::from(self.uid));
        map.nonzero(4, u64::from(self.gid));
        write_time(&mut map, 5, self.mtime)?;
        if let Some(ctime) = self.ctime {
            write_time(&mut map, 7, ctime)?;
        }
        map.nonzero(9, self.inode);
        map.nonzero(10, self.size);
        if self.refs != 0 {
            map.uint(11, u64::from(self.first_ref));
            if self.refs != 1 {
                map.uint(12, u64::from(self.refs));
            }
        }
        self.write_rare(&mut map)?;
        map.finish(&self.unknown)
    }

    /// Writes the keys that most files do not have.
    #[inline]
    fn write_rare(&self, map: &mut MapWriter<'_>) -> Result<(), EncodeError> {
        if let Some(target) = &self.target {
            if target.len() > MAX_TARGET_BYTES {
                return Err(EncodeError::too_large("target of a link"));
            }
            map.bytes(13, target);
        }
        if let Some((major, minor)) = self.device {
            let out = map.key(14);
            cbor::array(out, 2);
            cbor::uint(out, u64::from(major));
            cbor::uint(out, u64::from(minor));
        }
        if !self.xattrs.is_empty() {
            check_xattrs(&self.xattrs)?;
            map.array(15, &self.xattrs, |out, (name, value)| {
                cbor::array(out, 2);
                cbor::bytes(out, name);
                cbor::bytes(out, value);
                Ok(())
            })?;
        }
        if let Some(link) = self.link {
            map.uint(16, link);
        }
        map.nonzero(17, u64::from(self.flags));
        if let Some(atime) = self.atime {
            write_time(map, 18, atime)?;
        }
        map.nonzero(20, u64::from(self.incomplete));
        Ok(())
    }

    /// Reads an entry of a directory.
    #[inline]
    pub(crate) fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let at = r.position();
        let node = Self::read_fields(r)?;
        if !is_legal_name(&node.name) {
            return Err(DecodeError::invalid("name of an entry", at));
        }
        if !node.has_its_page() {
            return Err(DecodeError::invalid("page of a directory", at));
        }
        Ok(node)
    }

    /// Reads the root's own entry.
    pub(crate) fn read_root(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let at = r.position();
        let node = Self::read_fields(r)?;
        if node.is_root() {
            Ok(node)
        } else {
            Err(DecodeError::invalid("the root's own entry", at))
        }
    }

    fn read_fields(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let at = r.position();
        let mut node = Self::default();
        // Keys 0, 1, 2 and 5 must be there; of the others some need a companion.
        let mut seen = 0_u32;
        let unknown = r.map("entry", |r, key| {
            match key {
                0 => node.name = r.bytes("name of an entry")?.to_vec(),
                1 => {
                    let at = r.position();
                    node.kind = NodeKind::from_number(r.uint("kind of an entry")?)
                        .map_err(|error| error.shifted(at))?;
                }
                2 => node.mode = r.u32("permission bits")?,
                3 => node.uid = nonzero(r.u32("owner")?, r)?,
                4 => node.gid = nonzero(r.u32("group")?, r)?,
                5 => node.mtime.seconds = r.int("modification time")?,
                6 => node.mtime.nanos = nonzero(read_nanos(r, "modification time")?, r)?,
                7 => node.ctime = Some(Time::new(r.int("change time")?, 0)),
                8 => add_nanos(&mut node.ctime, r)?,
                9 => node.inode = nonzero(r.uint("inode number")?, r)?,
                10 => node.size = nonzero(r.uint("size")?, r)?,
                11 => {
                    node.first_ref = r.u32("first reference")?;
                    node.refs = 1;
                }
                12 => node.read_refs(r)?,
                13..=20 => node.read_rare(r, key)?,
                _ => return Ok(false),
            }
            seen |= 1 << key;
            Ok(true)
        })?;
        if seen & REQUIRED_KEYS != REQUIRED_KEYS || node.mode > MODE_MASK {
            return Err(DecodeError::invalid("entry", at));
        }
        node.unknown = unknown;
        Ok(node)
    }

    fn read_refs(&mut self, r: &mut Reader<'_>) -> Result<(), DecodeError> {
        let at = r.position();
        let refs = r.u32("number of references")?;
        if self.refs == 0 || refs < 2 {
            return Err(DecodeError::invalid("number of references", at));
        }
        self.refs = refs;
        Ok(())
    }

    /// Reads the keys that most files do not have.
    fn read_rare(&mut self, r: &mut Reader<'_>, key: u64) -> Result<(), DecodeError> {
        match key {
            13 => {
                let at = r.position();
                let target = r.bytes("target of a link")?;
                if target.len() > MAX_TARGET_BYTES {
                    return Err(DecodeError::too_large("target of a link", at));
                }
                self.target = Some(target.to_vec());
            }
            14 => {
                self.device = Some(r.tuple("device", 2, |r| {
                    Ok((r.u32("major number")?, r.u32("minor number")?))
                })?);
            }
            15 => {
                let at = r.position();
                self.xattrs = r.array("extended attributes", |r| {
                    r.tuple("extended attribute", 2, |r| {
                        let name = r.bytes("name of an attribute")?;
                        Ok((name.to_vec(), r.bytes("value of an attribute")?.to_vec()))
                    })
                })?;
                check_xattrs(&self.xattrs).map_err(|_| DecodeError::invalid("attributes", at))?;
            }
            16 => self.link = Some(r.uint("link set")?),
            17 => self.flags = nonzero(r.u32("flags")?, r)?,
            18 => self.atime = Some(Time::new(r.int("access time")?, 0)),
            19 => add_nanos(&mut self.atime, r)?,
            _ => self.incomplete = nonzero(r.u32("what is missing")?, r)?,
        }
        Ok(())
    }

    /// Whether a directory refers to exactly one page and claims no size of its own.
    const fn has_its_page(&self) -> bool {
        !matches!(self.kind, NodeKind::Directory) || (self.refs == 1 && self.size == 0)
    }

    const fn is_root(&self) -> bool {
        self.name.is_empty()
            && matches!(self.kind, NodeKind::Directory)
            && self.size == 0
            && self.refs == 0
    }

    /// Counts the keys of the encoded map.
    fn key_count(&self) -> usize {
        let present = [
            self.uid != 0,
            self.gid != 0,
            self.mtime.nanos != 0,
            self.ctime.is_some(),
            self.ctime.is_some_and(|time| time.nanos != 0),
            self.inode != 0,
            self.size != 0,
            self.refs != 0,
            self.refs > 1,
            self.target.is_some(),
            self.device.is_some(),
            !self.xattrs.is_empty(),
            self.link.is_some(),
            self.flags != 0,
            self.atime.is_some(),
            self.atime.is_some_and(|time| time.nanos != 0),
            self.incomplete != 0,
        ];
        4 + present.into_iter().filter(|key| *key).count() + self.unknown.len()
    }
}

/// Whether `name` may stand in a directory: not empty, no `/`, no NUL, not `.` or `..`, at most 4,096 bytes.
#[must_use]
#[inline]
pub fn is_legal_name(name: &[u8]) -> bool {
    !matches!(name, b"" | b"." | b"..")
        && name.len() <= MAX_NAME_BYTES
        && !name.iter().any(|byte| matches!(byte, b'/' | 0))
}

fn check_xattrs(xattrs: &[(Vec<u8>, Vec<u8>)]) -> Result<(), EncodeError> {
    let total: usize = xattrs
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    if total > MAX_XATTRS_BYTES
        || xattrs
            .iter()
            .any(|(name, value)| name.len() > MAX_SHORT_NAME_BYTES || value.len() > MAX_XATTR_BYTES)
    {
        return Err(EncodeError::too_large("extended attributes"));
    }
    if !xattrs.is_sorted_by(|(a, _), (b, _)| a < b) {
        return Err(EncodeError::invalid("order of extended attributes"));
    }
    Ok(())
}

/// Writes seconds and, unless zero, nanoseconds under the key after theirs.
#[inline]
fn write_time(map: &mut MapWriter<'_>, key: u64, time: Time) -> Result<(), EncodeError> {
    map.int(key, time.seconds);
    map.nonzero(key + 1, u64::from(check_nanos(time.nanos)?));
    Ok(())
}

/// Reads nanoseconds that belong to seconds read before.
fn add_nanos(time: &mut Option<Time>, r: &mut Reader<'_>) -> Result<(), DecodeError> {
    let at = r.position();
    let nanos = nonzero(read_nanos(r, "nanoseconds")?, r)?;
    let time = time
        .as_mut()
        .ok_or(DecodeError::invalid("nanoseconds without seconds", at))?;
    time.nanos = nanos;
    Ok(())
}

/// Refuses a default that should be absent.
#[inline]
fn nonzero<T: Default + PartialEq>(value: T, r: &Reader<'_>) -> Result<T, DecodeError> {
    if value == T::default() {
        return Err(DecodeError::invalid(
            "a default is written as absent",
            r.position(),
        ));
    }
    Ok(value)
}

const MODE_MASK: u32 = 0o7777;
const REQUIRED_KEYS: u32 = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 5;
