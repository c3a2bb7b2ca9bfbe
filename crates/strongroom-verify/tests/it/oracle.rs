//! What each byte of a pack is worth: found out once, over the undamaged repository, by arithmetic of the tests' own.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use strongroom_crypt::{EpochKey, Id, Sealer, Session};
use strongroom_format::{
    Body, Decompressor, FrameKey, Names, ObjectHash, Page, PageType, RefKind, frame_aad,
    object_name,
};
use strongroom_store::{Key, MemoryStore};

use crate::insider::{Insider, get, key};

/// A frame: its pack, and its number there.
type Place = (Key, usize);

/// Where everything is, and who needs it.
pub(crate) struct Oracle {
    /// Ranges of the frames of each pack in force, and where its header begins.
    pub(crate) packs: BTreeMap<Key, (Vec<Range<u64>>, u64)>,
    /// Packs in force of each class.
    pub(crate) classes: BTreeMap<Key, u8>,
    /// Frames that hold a blob.
    places: BTreeMap<Id, Vec<Place>>,
    plain: BTreeMap<Id, Vec<u8>>,
    /// Blobs that each path of each snapshot needs.
    needs: BTreeMap<Id, BTreeMap<Vec<u8>, BTreeSet<Id>>>,
}

impl Oracle {
    pub(crate) fn new(store: &MemoryStore) -> Self {
        let insider = Insider::of(store);
        let (mut packs, mut gone) = (BTreeSet::new(), BTreeSet::new());
        let mut snapshots = BTreeMap::new();
        for payload in insider.payloads(store) {
            match payload.body {
                Body::Commit(commit) => {
                    packs.extend(commit.packs.iter().map(|pack| pack.name));
                    let id = commit.snapshot.id(&insider.structure).unwrap();
                    snapshots.insert(id, commit.snapshot.root);
                }
                Body::Packs(more) => packs.extend(more.packs.iter().map(|pack| pack.name)),
                Body::Tombstone(change) => {
                    packs.extend(change.added.packs.iter().map(|pack| pack.name));
                    gone.extend(change.dropped.packs);
                }
                Body::Forget(forget) => snapshots.retain(|id, _| !forget.snapshots.contains(id)),
                _ => {}
            }
        }
        let mut oracle = Self {
            packs: BTreeMap::new(),
            classes: BTreeMap::new(),
            places: BTreeMap::new(),
            plain: BTreeMap::new(),
            needs: BTreeMap::new(),
        };
        for name in packs.difference(&gone) {
            oracle.read_pack(store, &insider, name);
        }
        for (snapshot, root) in snapshots {
            let mut needs = BTreeMap::from([(Vec::new(), BTreeSet::new())]);
            oracle.walk(root, b"", &BTreeSet::new(), &mut needs);
            oracle.needs.insert(snapshot, needs);
        }
        oracle
    }

    fn read_pack(&mut self, store: &MemoryStore, insider: &Insider, name: &ObjectHash) {
        let pack = key(&object_name::pack(name));
        let bytes = get(store, pack.as_str());
        let (header, end) = insider.header(&bytes);
        let mut ranges = Vec::new();
        for (number, frame) in header.frames.iter().enumerate() {
            let range = u64::from(frame.offset)..u64::from(frame.offset + frame.stored_len);
            let blobs = header.frame_blobs(number);
            let mut aad = Vec::new();
            frame_aad(
                &mut aad,
                &insider.repository,
                frame.kind,
                frame.codec,
                blobs,
            );
            let sealed = &bytes[frame.offset as usize..(frame.offset + frame.stored_len) as usize];
            let mut stored = Vec::new();
            match frame.key {
                FrameKey::Refs => insider.structure.refs().open(&aad, sealed, &mut stored),
                FrameKey::Session(at) => {
                    let record = &header.sessions[usize::from(at)];
                    session(insider, record)
                        .sealer()
                        .open(&aad, sealed, &mut stored)
                }
            }
            .unwrap();
            let mut plain = Vec::new();
            let mut codec = Decompressor::new().unwrap();
            codec
                .decompress(frame.codec, &stored, frame.plain_len as usize, &mut plain)
                .unwrap();
            let mut rest = plain.as_slice();
            for blob in blobs {
                let (bytes, after) = rest.split_at(blob.len as usize);
                rest = after;
                let place = (pack.clone(), number);
                self.places.entry(blob.id).or_default().push(place);
                if frame.kind != 0 {
                    self.plain.insert(blob.id, bytes.to_vec());
                }
            }
            ranges.push(range);
        }
        self.classes.insert(pack.clone(), bytes[14]);
        self.packs.insert(pack, (ranges, end));
    }

    fn walk(
        &self,
        page: Id,
        path: &[u8],
        above: &BTreeSet<Id>,
        needs: &mut BTreeMap<Vec<u8>, BTreeSet<Id>>,
    ) {
        let refs = Page::decode(&self.plain[&page]).unwrap().refs;
        let mut chain = above.clone();
        chain.extend([page, refs[0].id]);
        let leaf = match Names::decode(&self.plain[&refs[0].id]).unwrap() {
            Names::Interior(_) => {
                for below in &refs[1..] {
                    self.walk(below.id, path, &chain, needs);
                }
                return;
            }
            Names::Leaf(leaf) => leaf,
        };
        for node in leaf.entries {
            let path = match path {
                b"" => node.name.clone(),
                _ => [path, &node.name].join(&b'/'),
            };
            let own = &refs[node.first_ref as usize..(node.first_ref + node.refs) as usize];
            let mut wanted = chain.clone();
            if node.kind == strongroom_format::NodeKind::Directory {
                self.walk(own[0].id, &path, &chain, needs);
            } else {
                own.iter().for_each(|one| self.content(one, &mut wanted));
            }
            needs.insert(path, wanted);
        }
    }

    fn content(&self, reference: &strongroom_format::Ref, wanted: &mut BTreeSet<Id>) {
        match reference.kind {
            RefKind::Zeros => {}
            RefKind::Page => {
                wanted.insert(reference.id);
                let page = Page::decode(&self.plain[&reference.id]).unwrap();
                assert_eq!(page.page_type, PageType::Recipe);
                page.refs.iter().for_each(|one| self.content(one, wanted));
            }
            _ => {
                wanted.insert(reference.id);
            }
        }
    }

    /// Returns the paths of each snapshot that are lost with these frames.
    pub(crate) fn lost(&self, frames: &BTreeSet<Place>) -> BTreeMap<Id, BTreeSet<Vec<u8>>> {
        let is_dead =
            |(_, places): &(&Id, &Vec<Place>)| places.iter().all(|one| frames.contains(one));
        let dead: BTreeSet<Id> = self
            .places
            .iter()
            .filter(is_dead)
            .map(|(id, _)| *id)
            .collect();
        let lost = |needs: &BTreeMap<Vec<u8>, BTreeSet<Id>>| {
            let is_lost = |(_, blobs): &(&Vec<u8>, &BTreeSet<Id>)| !blobs.is_disjoint(&dead);
            needs
                .iter()
                .filter(is_lost)
                .map(|(path, _)| path.clone())
                .collect()
        };
        self.needs
            .iter()
            .map(|(id, needs)| (*id, lost(needs)))
            .collect()
    }

    /// Returns all frames of a pack that has any.
    pub(crate) fn all_frames(&self, pack: &Key) -> BTreeSet<Place> {
        let count = self.packs.get(pack).map_or(0, |(ranges, _)| ranges.len());
        (0..count).map(|number| (pack.clone(), number)).collect()
    }

    /// Returns the frames of which bytes are in this range.
    pub(crate) fn frames_in(&self, pack: &Key, range: &Range<u64>) -> BTreeSet<Place> {
        let Some((ranges, _)) = self.packs.get(pack) else {
            return BTreeSet::new();
        };
        let touched =
            |(_, frame): &(usize, &Range<u64>)| frame.start < range.end && range.start < frame.end;
        let touched = ranges.iter().enumerate().filter(touched);
        touched.map(|(number, _)| (pack.clone(), number)).collect()
    }
}

fn session(insider: &Insider, record: &strongroom_format::SessionKeyRecord) -> Session {
    let epoch = insider
        .bundle
        .epochs
        .iter()
        .find(|one| one.number == record.epoch);
    let epoch_key = EpochKey::new(epoch.unwrap().key.duplicate());
    Session::unwrap(
        insider.suite,
        &insider.repository,
        record.session,
        record.epoch,
        &epoch_key,
        &record.wrapped,
    )
    .unwrap()
}
