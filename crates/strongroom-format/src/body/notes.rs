//! Entries that record what somebody found or decided.

use strongroom_crypt::RepositoryId;

use super::write_raw_map;
use crate::cbor::{MapWriter, Reader, Unknown};
use crate::config::missing;
use crate::item::Item;
use crate::snapshot::{read_epoch_box, write_epoch_box};
use crate::{DamagedPack, DecodeError, ENTRY_HEAD_BYTES, EncodeError, ObjectHash};

/// Frames found damaged; they are not used as the only copy of a blob.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what later versions add is in `unknown`"
)]
pub struct Damaged {
    /// Packs and their damaged frames.
    pub packs: Vec<DamagedPack>,
    /// What a later version added.
    pub unknown: Unknown,
}

impl Damaged {
    pub(super) fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let mut map = MapWriter::new(out);
        map.items(0, &self.packs);
        map.finish(&self.unknown)
    }

    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut packs = None;
        let unknown = r.map("damaged", |r, key| {
            match key {
                0 => packs = Some(r.items("damaged packs")?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(Self {
            packs: packs.ok_or(missing("damaged packs"))?,
            unknown,
        })
    }
}

/// A policy document, or only its hash.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what later versions add is in `unknown`"
)]
pub struct Policy {
    /// BLAKE3 of the document.
    pub hash: ObjectHash,
    /// The document.
    pub document: Option<Vec<u8>>,
    /// Hash of the document that this one replaces.
    pub previous: Option<ObjectHash>,
    /// Media type of the document.
    pub media_type: String,
    /// What a later version added.
    pub unknown: Unknown,
}

impl Policy {
    pub(super) fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let mut map = MapWriter::new(out);
        self.hash.write(map.key(0));
        if let Some(document) = &self.document {
            map.bytes(1, document);
        }
        if let Some(previous) = &self.previous {
            previous.write(map.key(2));
        }
        map.text(3, &self.media_type);
        map.finish(&self.unknown)
    }

    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (mut hash, mut document, mut previous, mut media_type) = (None, None, None, None);
        let unknown = r.map("policy", |r, key| {
            match key {
                0 => hash = Some(Item::read(r)?),
                1 => document = Some(r.bytes("document")?.to_vec()),
                2 => previous = Some(Item::read(r)?),
                3 => media_type = Some(r.string("media type")?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(Self {
            hash: hash.ok_or(missing("hash of a policy"))?,
            document,
            previous,
            media_type: media_type.ok_or(missing("media type"))?,
            unknown,
        })
    }
}

/// A record that somebody else defines, kept as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what later versions add is in `unknown`"
)]
pub struct Evidence {
    /// What kind of record it is.
    pub kind: String,
    /// Version of that kind.
    pub schema: u64,
    /// The record: one map in deterministic CBOR, with numbers or text as keys.
    pub record: Vec<u8>,
    /// Epoch and box of sensitive parts.
    pub sensitive: Option<(u32, Vec<u8>)>,
    /// What a later version added.
    pub unknown: Unknown,
}

/// An empty record.
impl Default for Evidence {
    fn default() -> Self {
        Self {
            kind: String::new(),
            schema: 0,
            record: vec![EMPTY_MAP],
            sensitive: None,
            unknown: Unknown::default(),
        }
    }
}

impl Evidence {
    /// The evidence that is a record of a kind, and nothing else.
    pub(crate) fn of_record(kind: &str, schema: u64, record: Vec<u8>) -> Self {
        Self {
            kind: kind.to_owned(),
            schema,
            record,
            ..Self::default()
        }
    }

    /// Returns the record if it is of this kind and schema.
    pub(crate) fn record_of(&self, kind: &str, schema: u64) -> Option<&[u8]> {
        let is_such = self.kind == kind && self.schema == schema;
        is_such.then_some(&self.record)
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let mut map = MapWriter::new(out);
        map.text(0, &self.kind);
        map.uint(1, self.schema);
        write_raw_map(map.key(2), &self.record, 2)?;
        if let Some((epoch, sealed)) = &self.sensitive {
            write_epoch_box(map.key(3), *epoch, sealed);
        }
        map.finish(&self.unknown)
    }

    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (mut kind, mut schema, mut record, mut sensitive) = (None, None, None, None);
        let unknown = r.map("evidence", |r, key| {
            match key {
                0 => kind = Some(r.string("kind of evidence")?),
                1 => schema = Some(r.uint("schema of evidence")?),
                2 => record = Some(r.raw_map("evidence")?.to_vec()),
                3 => sensitive = Some(read_epoch_box(r, "evidence")?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(Self {
            kind: kind.ok_or(missing("kind of evidence"))?,
            schema: schema.ok_or(missing("schema of evidence"))?,
            record: record.ok_or(missing("evidence"))?,
            sensitive,
            unknown,
        })
    }
}

/// Returns the context in which sensitive parts of evidence are sealed, under an epoch's key: that of the entry with these
/// bytes 0 to 95.
#[must_use]
pub fn evidence_aad(repository: &RepositoryId, entry_head: &[u8; ENTRY_HEAD_BYTES]) -> Vec<u8> {
    [b"evidence".as_slice(), repository.as_bytes(), entry_head].concat()
}

const EMPTY_MAP: u8 = 0xA0;
