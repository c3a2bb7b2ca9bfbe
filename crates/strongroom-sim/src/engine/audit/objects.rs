//! The packs and segments in force, opened.

use std::collections::BTreeMap;

use strongroom_crypt::Id;
use strongroom_format::{
    EntryRow, ObjectHash, PackHeader, PackTail, Preamble, Segment, object_name, open_header,
};

use super::journal::Journal;
use super::opened::Opened;
use super::{Broken, Objects};

/// A pack in force.
#[derive(Debug)]
pub(in crate::engine) struct Pack {
    pub(in crate::engine) header: PackHeader,
    pub(super) bytes: bytes::Bytes,
}

/// Where a blob is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::engine) struct Place {
    pub(in crate::engine) pack: ObjectHash,
    /// The segment that says so.
    pub(in crate::engine) segment: ObjectHash,
    /// Position in the pack's header.
    pub(in crate::engine) frame: usize,
    /// Position in the frame.
    pub(super) blob: usize,
}

/// The packs in force, and what the segments in force say is in them.
#[derive(Debug, Default)]
pub(in crate::engine) struct Inventory {
    pub(in crate::engine) packs: BTreeMap<ObjectHash, Pack>,
    /// Places that both a segment in force and the header of a pack in force name.
    pub(in crate::engine) blobs: BTreeMap<Id, Vec<Place>>,
}

const DURABLE: &str = "I1: what is in force is there and whole";
const INDEX: &str = "I5: the index names what is there";

impl Inventory {
    pub(in crate::engine) fn take(
        objects: &Objects,
        opened: &Opened,
        journal: &Journal,
    ) -> Result<Self, Broken> {
        let mut inventory = Self::default();
        for pack in journal.packs.values() {
            let name = object_name::pack(&pack.name);
            let bytes = whole(objects, &name, &pack.name, u64::from(pack.len))?;
            let header =
                open_pack(bytes, opened).map_err(|what| (DURABLE, format!("{name}: {what}")))?;
            let bytes = bytes.clone();
            inventory.packs.insert(pack.name, Pack { header, bytes });
        }
        for segment in journal.segments.values() {
            let name = object_name::index(&segment.name);
            let bytes = whole(objects, &name, &segment.name, u64::from(segment.len))?;
            let decoded = Segment::decode(bytes, opened.structure.index());
            let decoded = decoded.map_err(|error| (INDEX, format!("{name}: {error}")))?;
            inventory
                .map(segment.name, &decoded)
                .map_err(|what| (INDEX, format!("{name}: {what}")))?;
        }
        Ok(inventory)
    }

    /// Takes up what a segment says of packs in force.
    fn map(&mut self, name: ObjectHash, segment: &Segment) -> Result<(), String> {
        for entry in &segment.entries {
            let frame = segment.frames.get(entry.frame as usize).ok_or("no frame")?;
            let pack = segment.packs.get(frame.pack as usize).ok_or("no pack")?;
            let Some(held) = self.packs.get(&pack.name) else {
                continue;
            };
            let position = frame.position as usize;
            let record = held.header.frames.get(position);
            let record = record.ok_or_else(|| format!("no frame {position} in {}", pack.name))?;
            if (record.offset, record.stored_len) != (frame.offset, frame.stored_len) {
                return Err(format!("frame {position} of {} is elsewhere", pack.name));
            }
            let mut found = false;
            for (blob, one) in held.header.frame_blobs(position).iter().enumerate() {
                if EntryRow::prefix_of(&one.id) == entry.prefix {
                    found = true;
                    let place = Place {
                        pack: pack.name,
                        segment: name,
                        frame: position,
                        blob,
                    };
                    self.blobs.entry(one.id).or_default().push(place);
                }
            }
            if !found {
                return Err(format!(
                    "frame {position} of {} has not the blob",
                    pack.name
                ));
            }
        }
        Ok(())
    }
}

fn whole<'a>(
    objects: &'a Objects,
    name: &str,
    hash: &ObjectHash,
    len: u64,
) -> Result<&'a bytes::Bytes, Broken> {
    let broken = |what: &str| (DURABLE, format!("{name} {what}"));
    let bytes = objects.get(name).ok_or_else(|| broken("is missing"))?;
    if bytes.len() as u64 != len || ObjectHash::of(bytes) != *hash {
        return Err(broken("is not whole"));
    }
    Ok(bytes)
}

fn open_pack(bytes: &[u8], opened: &Opened) -> Result<PackHeader, String> {
    let words = |error: strongroom_format::DecodeError| error.to_string();
    let preamble = Preamble::decode(bytes).map_err(words)?;
    let tail = bytes.last_chunk::<{ PackTail::LEN }>().ok_or("no end")?;
    let tail = PackTail::decode(tail, bytes.len() as u64).map_err(words)?;
    let start = usize::try_from(tail.header_offset).map_err(|error| error.to_string())?;
    let sealed = bytes
        .get(start..bytes.len() - PackTail::LEN)
        .ok_or("no header")?;
    let sealer = opened.structure.header();
    open_header(sealer, &preamble, tail.header_offset, sealed).map_err(words)
}
