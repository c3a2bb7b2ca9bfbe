//! Packets of the SSH file transfer protocol, version 3, and of OpenSSH's extensions.
//!
//! Bytes in, values out: nothing here reads or writes. What a server sends is checked against its own length before anything is
//! allocated for it.

use std::fmt;

use bytes::{Buf, Bytes};

/// The version that is spoken. Every server does.
pub(crate) const VERSION: u32 = 3;

/// The longest packet that is accepted: OpenSSH sends at most 256 KiB.
pub(crate) const PACKET_BYTES_MAX: usize = 1 << 20;

/// The permissions of the folders that we make.
pub(crate) const FOLDER_MODE: u32 = 0o700;

/// Types of packets.
pub(crate) mod kind {
    pub(crate) const INIT: u8 = 1;
    pub(crate) const VERSION: u8 = 2;
    pub(crate) const OPEN: u8 = 3;
    pub(crate) const CLOSE: u8 = 4;
    pub(crate) const READ: u8 = 5;
    pub(crate) const WRITE: u8 = 6;
    pub(crate) const LSTAT: u8 = 7;
    pub(crate) const FSTAT: u8 = 8;
    pub(crate) const OPENDIR: u8 = 11;
    pub(crate) const READDIR: u8 = 12;
    pub(crate) const REMOVE: u8 = 13;
    pub(crate) const MKDIR: u8 = 14;
    pub(crate) const STAT: u8 = 17;
    /// Does not replace, by the protocol; some servers do.
    pub(crate) const RENAME: u8 = 18;
    pub(crate) const STATUS: u8 = 101;
    pub(crate) const HANDLE: u8 = 102;
    pub(crate) const DATA: u8 = 103;
    pub(crate) const NAME: u8 = 104;
    pub(crate) const ATTRS: u8 = 105;
    pub(crate) const EXTENDED: u8 = 200;
    pub(crate) const EXTENDED_REPLY: u8 = 201;
}

/// Codes of a status.
pub(crate) mod code {
    pub(crate) const OK: u32 = 0;
    pub(crate) const EOF: u32 = 1;
    pub(crate) const NO_SUCH_FILE: u32 = 2;
    pub(crate) const PERMISSION_DENIED: u32 = 3;
    pub(crate) const FAILURE: u32 = 4;
    pub(crate) const NO_CONNECTION: u32 = 6;
    pub(crate) const CONNECTION_LOST: u32 = 7;
    pub(crate) const OP_UNSUPPORTED: u32 = 8;
}

/// How a file is opened.
pub(crate) mod open {
    pub(crate) const READ: u32 = 1;
    pub(crate) const WRITE: u32 = 2;
    pub(crate) const CREATE: u32 = 8;
    pub(crate) const EXCLUSIVE: u32 = 32;
}

const ATTR_SIZE: u32 = 1;
const ATTR_OWNER: u32 = 2;
const ATTR_PERMISSIONS: u32 = 4;
const ATTR_TIMES: u32 = 8;
const ATTR_EXTENDED: u32 = 1 << 31;

const TYPE_MASK: u32 = 0o170_000;
const TYPE_FOLDER: u32 = 0o040_000;
const TYPE_FILE: u32 = 0o100_000;

/// A packet on its way to the server, without its length. The number of the request is put in where it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Packet {
    pub(crate) kind: u8,
    pub(crate) fields: Vec<u8>,
    /// Ends the packet without having been copied into it.
    pub(crate) body: Bytes,
}

impl Packet {
    /// Returns a packet without fields.
    pub(crate) fn new(kind: u8) -> Self {
        let (fields, body) = (Vec::with_capacity(64), Bytes::new());
        Self { kind, fields, body }
    }

    /// Returns a request of an extension.
    pub(crate) fn extended(name: &str) -> Self {
        Self::new(kind::EXTENDED).text(name)
    }

    /// Adds a number.
    pub(crate) fn u32(mut self, number: u32) -> Self {
        self.fields.extend_from_slice(&number.to_be_bytes());
        self
    }

    /// Adds a long number.
    pub(crate) fn u64(mut self, number: u64) -> Self {
        self.fields.extend_from_slice(&number.to_be_bytes());
        self
    }

    /// Adds a path, a name or a handle.
    pub(crate) fn text(self, text: impl AsRef<[u8]>) -> Self {
        let text = text.as_ref();
        let mut this = self.u32(length(text.len()));
        this.fields.extend_from_slice(text);
        this
    }

    /// Adds the attributes of a new file or folder: its permissions.
    pub(crate) fn permissions(self, mode: u32) -> Self {
        self.u32(ATTR_PERMISSIONS).u32(mode)
    }

    /// Adds data, as the last field.
    pub(crate) fn data(self, data: Bytes) -> Self {
        let mut this = self.u32(length(data.len()));
        this.body = data;
        this
    }

    /// Returns what goes before the body.
    pub(crate) fn head(&self, id: u32) -> Vec<u8> {
        let len = length(1 + 4 + self.fields.len() + self.body.len());
        let mut head = Vec::with_capacity(9 + self.fields.len());
        head.extend_from_slice(&len.to_be_bytes());
        head.push(self.kind);
        head.extend_from_slice(&id.to_be_bytes());
        head.extend_from_slice(&self.fields);
        head
    }
}

/// Paths, names and pieces of data are far shorter than the limit of the field.
fn length(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

/// What a server answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reply {
    Status { code: u32, message: String },
    Handle(Bytes),
    Data(Bytes),
    Names(Vec<Name>),
    Attributes(Attributes),
    Extended(Bytes),
}

/// An entry of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) name: Bytes,
    pub(crate) attributes: Attributes,
}

/// What is known of a file, as far as the server said it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Attributes {
    pub(crate) size: Option<u64>,
    pub(crate) permissions: Option<u32>,
    /// When it was changed: seconds since 1970.
    pub(crate) modified: Option<u32>,
}

impl Attributes {
    /// Returns whether it is a folder; `None` if the server did not say.
    pub(crate) fn is_folder(&self) -> Option<bool> {
        self.permissions.map(|mode| mode & TYPE_MASK == TYPE_FOLDER)
    }

    /// Returns whether it is a file, and no link to one; `None` if the server did not say.
    pub(crate) fn is_file(&self) -> Option<bool> {
        self.permissions.map(|mode| mode & TYPE_MASK == TYPE_FILE)
    }
}

/// Bytes that are no packet of the protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Garbled(pub(crate) &'static str);

impl fmt::Display for Garbled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not the file transfer protocol: {}", self.0)
    }
}

impl std::error::Error for Garbled {}

/// Extensions that a server offers, of those that matter here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Extensions {
    pub(crate) posix_rename: bool,
    pub(crate) hard_link: bool,
    pub(crate) fsync: bool,
    pub(crate) limits: bool,
    pub(crate) statvfs: bool,
}

/// Reads the packet that a server starts with, without its length.
pub(crate) fn parse_version(packet: Bytes) -> Result<Extensions, Garbled> {
    let mut fields = Fields(packet);
    if fields.u8()? != kind::VERSION {
        return Err(Garbled("no version at the start"));
    }
    if fields.u32()? < VERSION {
        return Err(Garbled("a version before 3"));
    }
    let mut extensions = Extensions::default();
    while !fields.0.is_empty() {
        let (name, version) = (fields.bytes()?, fields.bytes()?);
        match (name.as_ref(), version.as_ref()) {
            (b"posix-rename@openssh.com", b"1") => extensions.posix_rename = true,
            (b"hardlink@openssh.com", b"1") => extensions.hard_link = true,
            (b"fsync@openssh.com", b"1") => extensions.fsync = true,
            (b"limits@openssh.com", b"1") => extensions.limits = true,
            (b"statvfs@openssh.com", b"2") => extensions.statvfs = true,
            _ => {}
        }
    }
    Ok(extensions)
}

/// Reads a packet, without its length: the number of the request that it answers, and the answer.
pub(crate) fn parse_reply(packet: Bytes) -> Result<(u32, Reply), Garbled> {
    let mut fields = Fields(packet);
    let (kind, id) = (fields.u8()?, fields.u32()?);
    let reply = match kind {
        kind::STATUS => {
            let code = fields.u32()?;
            // Some servers leave the message out.
            let message = fields.bytes().unwrap_or_default();
            let message = String::from_utf8_lossy(&message).into_owned();
            Reply::Status { code, message }
        }
        kind::HANDLE => Reply::Handle(fields.bytes()?),
        kind::DATA => Reply::Data(fields.bytes()?),
        kind::NAME => Reply::Names(fields.names()?),
        kind::ATTRS => Reply::Attributes(fields.attributes()?),
        kind::EXTENDED_REPLY => Reply::Extended(fields.0),
        _ => return Err(Garbled("a packet of an unknown type")),
    };
    Ok((id, reply))
}

/// Reads the answer to `limits@openssh.com`: how much may be read and written at once, 0 for no limit.
pub(crate) fn parse_limits(fields: Bytes) -> Result<(u64, u64), Garbled> {
    let mut fields = Fields(fields);
    let _packet = fields.u64()?;
    Ok((fields.u64()?, fields.u64()?))
}

/// Reads the answer to `statvfs@openssh.com`: the bytes that are free for us.
pub(crate) fn parse_free_bytes(fields: Bytes) -> Result<u64, Garbled> {
    let mut fields = Fields(fields);
    let (_block, fragment) = (fields.u64()?, fields.u64()?);
    let (_blocks, _free, available) = (fields.u64()?, fields.u64()?, fields.u64()?);
    Ok(available.saturating_mul(fragment))
}

/// The fields of a packet that are yet to be read.
struct Fields(Bytes);

impl Fields {
    fn u8(&mut self) -> Result<u8, Garbled> {
        self.0.try_get_u8().map_err(|_| SHORT)
    }

    fn u32(&mut self) -> Result<u32, Garbled> {
        self.0.try_get_u32().map_err(|_| SHORT)
    }

    fn u64(&mut self) -> Result<u64, Garbled> {
        self.0.try_get_u64().map_err(|_| SHORT)
    }

    fn bytes(&mut self) -> Result<Bytes, Garbled> {
        let len = usize::try_from(self.u32()?).map_err(|_| SHORT)?;
        if len > self.0.len() {
            return Err(SHORT);
        }
        Ok(self.0.split_to(len))
    }

    fn names(&mut self) -> Result<Vec<Name>, Garbled> {
        let count = self.u32()?;
        let mut names = Vec::new();
        for _ in 0..count {
            let name = self.bytes()?;
            let _as_ls_shows_it = self.bytes()?;
            let attributes = self.attributes()?;
            names.push(Name { name, attributes });
        }
        Ok(names)
    }

    fn attributes(&mut self) -> Result<Attributes, Garbled> {
        let flags = self.u32()?;
        let mut attributes = Attributes::default();
        if flags & ATTR_SIZE != 0 {
            attributes.size = Some(self.u64()?);
        }
        if flags & ATTR_OWNER != 0 {
            let (_user, _group) = (self.u32()?, self.u32()?);
        }
        if flags & ATTR_PERMISSIONS != 0 {
            attributes.permissions = Some(self.u32()?);
        }
        if flags & ATTR_TIMES != 0 {
            let _accessed = self.u32()?;
            attributes.modified = Some(self.u32()?);
        }
        if flags & ATTR_EXTENDED != 0 {
            for _ in 0..self.u32()? {
                let (_name, _value) = (self.bytes()?, self.bytes()?);
            }
        }
        Ok(attributes)
    }
}

const SHORT: Garbled = Garbled("a packet that ends too soon");

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_request_is_laid_out_as_the_protocol_says() {
        let packet = Packet::new(kind::WRITE)
            .text("h1")
            .u64(258)
            .data(Bytes::from_static(b"xyz"));
        let expected: &[u8] = &[
            0, 0, 0, 26, 6, 0, 0, 0, 7, 0, 0, 0, 2, b'h', b'1', 0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 3,
        ];
        assert_eq!(packet.head(7), expected);
        assert_eq!(packet.body, "xyz");
    }

    #[test]
    fn a_version_tells_extensions() {
        let mut packet = vec![kind::VERSION, 0, 0, 0, 3];
        for text in ["fsync@openssh.com", "1", "hardlink@openssh.com", "2"] {
            packet.extend(u32::try_from(text.len()).expect("short").to_be_bytes());
            packet.extend(text.as_bytes());
        }
        let extensions = parse_version(packet.into()).expect("a version");
        let expected = Extensions {
            fsync: true,
            ..Extensions::default()
        };
        assert_eq!(extensions, expected, "another version of one is unknown");
        assert!(parse_version(Bytes::from_static(b"Welcome to the server!")).is_err());
    }

    #[test]
    fn a_status_without_a_message_is_one() {
        let packet = Bytes::from_static(&[kind::STATUS, 0, 0, 0, 9, 0, 0, 0, 4]);
        let expected = Reply::Status {
            code: code::FAILURE,
            message: String::new(),
        };
        assert_eq!(parse_reply(packet), Ok((9, expected)));
    }

    #[test]
    fn names_and_their_attributes_are_read() {
        let mut packet = vec![kind::NAME, 0, 0, 0, 1, 0, 0, 0, 1];
        packet.extend([0, 0, 0, 1, b'a', 0, 0, 0, 0]);
        packet.extend((ATTR_SIZE | ATTR_PERMISSIONS | ATTR_TIMES).to_be_bytes());
        packet.extend(5_u64.to_be_bytes());
        packet.extend((TYPE_FILE | 0o400).to_be_bytes());
        packet.extend([0, 0, 0, 1, 0, 0, 0, 2]);
        let (_, Reply::Names(names)) = parse_reply(packet.into()).expect("a reply") else {
            panic!("it has names");
        };
        let [name] = names.as_slice() else {
            panic!("it has one name");
        };
        assert_eq!(name.name, "a");
        assert_eq!(name.attributes.size, Some(5));
        assert_eq!(name.attributes.modified, Some(2));
        assert_eq!(name.attributes.is_file(), Some(true));
        assert_eq!(name.attributes.is_folder(), Some(false));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_or_allocate(bytes in proptest::collection::vec(any::<u8>(), 0..200), kind in 100_u8..110) {
            let mut packet = vec![kind];
            packet.extend(&bytes);
            drop(parse_reply(packet.into()));
            drop(parse_version(bytes.clone().into()));
            drop(parse_limits(bytes.clone().into()));
            drop(parse_free_bytes(bytes.into()));
        }
    }
}
