//! The trees of snapshots, walked by their pages.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use strongroom_crypt::{Id, Sealer as _};
use strongroom_format::{BlobRecord, Decompressor, Page, RefKind, frame_aad};

use super::Broken;
use super::journal::Journal;
use super::objects::{Inventory, Place};
use super::opened::Opened;

const PRESENT: &str = "I1: every blob of a snapshot is in a pack in force that the index names";

const GOOD: &str = "no snapshot builds on damaged copies";

/// Kind of blobs that are pages.
const PAGE: u8 = 2;

/// Makes sure that everything below every snapshot is in force; returns it.
pub(in crate::engine) fn check(
    opened: &Opened,
    journal: &Journal,
    inventory: &Inventory,
) -> Result<BTreeSet<Id>, Broken> {
    let mut live = BTreeSet::new();
    let mut reader = Reader::new(opened, inventory)?;
    // The latest first: what they need must have been good for them.
    let mut snapshots: Vec<_> = journal.snapshots.iter().collect();
    snapshots.sort_by_key(|(_, (n, _))| Reverse(*n));
    for (snapshot, (n, record)) in snapshots {
        let mut pages = vec![record.root];
        let is_doubted = journal.is_doubted_since(*n);
        let is_good = |id: &Id| {
            let places = inventory
                .blobs
                .get(id)
                .map(Vec::as_slice)
                .unwrap_or_default();
            let is_good =
                |place: &Place| is_doubted || !journal.is_damaged(&place.pack, place.frame, *n);
            match (places, places.iter().any(is_good)) {
                ([], _) => Err((PRESENT, format!("snapshot {snapshot}: {id}"))),
                (_, false) => Err((GOOD, format!("snapshot {snapshot}, entry {n}: {id}"))),
                _ => Ok(()),
            }
        };
        while let Some(page) = pages.pop() {
            if !live.insert(page) {
                continue;
            }
            is_good(&page)?;
            let page = reader
                .page(&page)
                .map_err(|what| (PRESENT, format!("snapshot {snapshot}: {what}")))?;
            for part in &page.refs {
                match part.kind {
                    RefKind::Page => pages.push(part.id),
                    RefKind::Zeros => {}
                    RefKind::Data | RefKind::Names => {
                        if live.insert(part.id) {
                            is_good(&part.id)?;
                        }
                    }
                }
            }
        }
    }
    Ok(live)
}

struct Reader<'a> {
    opened: &'a Opened,
    inventory: &'a Inventory,
    decompressor: Decompressor,
    aad: Vec<u8>,
}

impl<'a> Reader<'a> {
    fn new(opened: &'a Opened, inventory: &'a Inventory) -> Result<Self, Broken> {
        let decompressor = Decompressor::new().map_err(|error| (PRESENT, error.to_string()))?;
        Ok(Self {
            opened,
            inventory,
            decompressor,
            aad: Vec::new(),
        })
    }

    fn page(&mut self, id: &Id) -> Result<Page, String> {
        let places = self
            .inventory
            .blobs
            .get(id)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let mut failure = format!("page {id} is nowhere");
        for place in places {
            match self.blob(place) {
                Ok(plain) if self.opened.structure.page_id(PAGE, &plain) == *id => {
                    return Page::decode(&plain).map_err(|error| error.to_string());
                }
                Ok(_) => failure = format!("page {id} is something else in {}", place.pack),
                Err(what) => failure = format!("page {id} in {}: {what}", place.pack),
            }
        }
        Err(failure)
    }

    /// Reads a blob of a frame under the keys of structure.
    fn blob(&mut self, place: &Place) -> Result<Vec<u8>, String> {
        let pack = self.inventory.packs.get(&place.pack).ok_or("no pack")?;
        let record = pack.header.frames.get(place.frame).ok_or("no frame")?;
        let blobs = pack.header.frame_blobs(place.frame);
        let start = record.offset as usize;
        let sealed = pack
            .bytes
            .get(start..start + record.stored_len as usize)
            .ok_or("no bytes")?;
        frame_aad(
            &mut self.aad,
            &self.opened.repository,
            record.kind,
            record.codec,
            blobs,
        );
        let mut stored = Vec::new();
        let sealer = self.opened.structure.refs();
        let opened = sealer.open(&self.aad, sealed, &mut stored);
        opened.map_err(|_| "it does not open".to_owned())?;
        let mut plain = Vec::new();
        self.decompressor
            .decompress(record.codec, &stored, record.plain_len as usize, &mut plain)
            .map_err(|error| error.to_string())?;
        let before = blobs.get(..place.blob).ok_or("no blob")?;
        let from: usize = before
            .iter()
            .map(|blob: &BlobRecord| blob.len as usize)
            .sum();
        let len = blobs.get(place.blob).ok_or("no blob")?.len as usize;
        let blob = plain.get(from..from + len).ok_or("a short frame")?;
        Ok(blob.to_vec())
    }
}
