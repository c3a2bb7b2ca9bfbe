//! A writer of snapshots that can get one thing wrong, as an engine with a bug would.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use strongroom_crypt::{Id, Sealer as _, Session};
use strongroom_format::{
    BlobRecord, Body, Commit, Compressor, FrameKey, FrameRecord, Interior, Leaf, Names, Node,
    NodeKind, ObjectHash, PackClass, PackHeader, PackRef, PackRow, PackTail, Page, PageType, Ref,
    RefKind, SegmentBuilder, SegmentRef, SessionKeyRecord, Snapshot, Summary, Time, Unknown,
    frame_aad, object_name, pack_preamble, seal_header,
};
use strongroom_repo::testing::{Content, Tree};
use strongroom_store::MemoryStore;

use crate::insider::{Insider, key, put};

const DATA: u8 = 0;
const NAMES: u8 = 1;
const PAGE: u8 = 2;

/// What an engine may get wrong. Everything else about the snapshot is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Flaw {
    /// Nothing is wrong.
    None,
    /// A file refers to another file's blob of the same length.
    WrongReference,
    /// The commit announces all packs of content but one.
    PackNotAnnounced,
    /// The commit says another length of a pack.
    PackLengthWrong,
    /// The commit says another class of a pack.
    PackClassWrong,
    /// The last chunk of a file is left out; its size is not adjusted.
    FileShortened,
    /// A file's size is one too many.
    SizeWrong,
    /// The summary counts one file too many.
    SummaryFilesWrong,
    /// The summary counts one byte too many.
    SummaryBytesWrong,
    /// The reference to a page says another length than its references sum to.
    PageLengthWrong,
    /// An interior page is two above the highest page below it.
    HeightTooHigh,
    /// A recipe that refers to pages claims to be of the height of one that does not.
    HeightTooLow,
    /// A file refers to a directory's page as if it were a recipe.
    PageTypeWrong,
    /// A reference is to a page that is nowhere.
    PageMissing,
    /// A reference is to a blob that is nowhere.
    BlobMissing,
    /// A reference says another length than the blob has.
    ReferenceLengthWrong,
    /// The segment maps blobs of one frame to another frame.
    IndexFrameWrong,
    /// The segment leaves out the blobs of one frame.
    IndexIncomplete,
    /// The segment maps the blobs of one pack to a pack that does not exist.
    IndexPackUnknown,
    /// The segment says that a frame is elsewhere in its pack.
    IndexOffsetWrong,
    /// The commit names no segment at all.
    SegmentNotAnnounced,
    /// The commit says another number of entries of the segment.
    SegmentEntriesWrong,
    /// A blob is stored under an id that is not its own.
    BlobIdWrong,
    /// A page is stored under an id that is not its own.
    PageIdWrong,
    /// The children of an interior page are in the wrong order: first names do not match the leaves.
    InteriorNamesWrong,
    /// An interior page says a wrong number of entries below a child.
    InteriorCountWrong,
    /// An entry's ordinal lies beyond the page's references.
    OrdinalOutOfRange,
    /// Entries of one directory stand in two leaves in the wrong order.
    LeavesUnsorted,
    /// A frame's content does not decompress.
    FrameNotZstd,
    /// A link set whose entries differ.
    LinksDiffer,
    /// The wrapped key of a session is that of another.
    SessionKeyWrong,
    /// The header names an epoch that does not exist.
    EpochUnknown,
    /// The root's own metadata is missing.
    RootEntryMissing,
}

impl Flaw {
    pub(crate) const ALL: [Self; 33] = [
        Self::None,
        Self::WrongReference,
        Self::PackNotAnnounced,
        Self::PackLengthWrong,
        Self::PackClassWrong,
        Self::FileShortened,
        Self::SizeWrong,
        Self::SummaryFilesWrong,
        Self::SummaryBytesWrong,
        Self::PageLengthWrong,
        Self::HeightTooHigh,
        Self::HeightTooLow,
        Self::PageTypeWrong,
        Self::PageMissing,
        Self::BlobMissing,
        Self::ReferenceLengthWrong,
        Self::IndexFrameWrong,
        Self::IndexIncomplete,
        Self::IndexPackUnknown,
        Self::IndexOffsetWrong,
        Self::SegmentNotAnnounced,
        Self::SegmentEntriesWrong,
        Self::BlobIdWrong,
        Self::PageIdWrong,
        Self::InteriorNamesWrong,
        Self::InteriorCountWrong,
        Self::OrdinalOutOfRange,
        Self::LeavesUnsorted,
        Self::FrameNotZstd,
        Self::LinksDiffer,
        Self::SessionKeyWrong,
        Self::EpochUnknown,
        Self::RootEntryMissing,
    ];
}

const FRAME_BYTES: usize = 600;
const PACK_BYTES: usize = 3_000;
const LEAF_ENTRIES: usize = 3;
const INLINE_REFS: usize = 2;
const RECIPE_REFS: usize = 3;

/// Makes one snapshot of a tree.
pub(crate) struct Press<'a> {
    insider: &'a Insider,
    store: &'a MemoryStore,
    flaw: Flaw,
    /// The flaw was made; most are made once.
    made: bool,
    session: Session,
    open: BTreeMap<u8, OpenPack>,
    known: HashSet<Id>,
    packs: Vec<(PackRow, PackHeader)>,
    summary: Summary,
    other: Option<Ref>,
}

#[derive(Default)]
struct OpenPack {
    bytes: Vec<u8>,
    frames: Vec<FrameRecord>,
    blobs: Vec<BlobRecord>,
    plain: Vec<u8>,
    pending: Vec<BlobRecord>,
}

impl<'a> Press<'a> {
    pub(crate) fn new(insider: &'a Insider, store: &'a MemoryStore, flaw: Flaw) -> Self {
        let random: Arc<_> = Arc::clone(&insider.random);
        Self {
            insider,
            store,
            flaw,
            made: false,
            session: Session::start(insider.suite, &random).unwrap(),
            open: BTreeMap::new(),
            known: HashSet::new(),
            packs: Vec::new(),
            summary: Summary::default(),
            other: None,
        }
    }

    /// Says, once, whether to get it wrong here.
    fn errs(&mut self, flaw: Flaw) -> bool {
        let now = self.flaw == flaw && !self.made;
        self.made |= now;
        now
    }

    /// Stores the tree and commits a snapshot of it. Returns its id.
    pub(crate) fn snapshot(mut self, tree: &Tree, series: &str) -> Id {
        let root = self.directory(tree, true).id;
        let (mut packs, segments) = self.finish_packs();
        if self.errs(Flaw::PackNotAnnounced) {
            let at = packs.iter().position(|pack| pack.class == PackClass::Data);
            packs.remove(at.unwrap());
        }
        if self.errs(Flaw::PackLengthWrong) {
            packs[0].len += 1;
        }
        if self.errs(Flaw::PackClassWrong) {
            packs[0].class = PackClass::Pages;
        }
        if self.errs(Flaw::SummaryFilesWrong) {
            self.summary.files += 1;
        }
        if self.errs(Flaw::SummaryBytesWrong) {
            self.summary.bytes += 1;
        }
        let snapshot = Snapshot {
            random: self.insider.random_bytes(),
            began: Time::new(1_760_000_000, 0),
            durable: Time::new(1_760_000_001, 0),
            root,
            series: series.to_owned(),
            summary: self.summary.clone(),
            program: "press".to_owned(),
            ..Snapshot::default()
        };
        let id = snapshot.id(&self.insider.structure).unwrap();
        let commit = Commit {
            snapshot,
            packs,
            segments,
            session: self.session.id(),
            seen: None,
            unknown: Unknown::default(),
        };
        self.insider
            .append(self.store, Body::Commit(Box::new(commit)));
        assert!(
            self.made || self.flaw == Flaw::None,
            "{:?} found no place",
            self.flaw
        );
        id
    }

    fn directory(&mut self, tree: &Tree, is_root: bool) -> Ref {
        let Tree::Dir(entries) = tree else {
            panic!("not a directory")
        };
        self.summary.directories += 1;
        let mut pages = Vec::new();
        let all: Vec<_> = entries.iter().collect();
        let mut leaves: Vec<Vec<(&Vec<u8>, &Tree)>> =
            all.chunks(LEAF_ENTRIES).map(<[_]>::to_vec).collect();
        if leaves.is_empty() {
            leaves.push(Vec::new());
        }
        if leaves.len() > 1 && self.errs(Flaw::LeavesUnsorted) {
            // One entry of the first leaf stands at the end of the last.
            let early = leaves[0].remove(0);
            leaves.last_mut().unwrap().insert(0, early);
        }
        for (number, leaf) in leaves.iter().enumerate() {
            let is_first = is_root && number == 0;
            let root = is_first && !self.errs(Flaw::RootEntryMissing);
            let root = root.then(|| Box::new(tree.node(b"")));
            let first = leaf.first().map(|(name, _)| (*name).clone());
            pages.push((
                first.unwrap_or_default(),
                leaf.len() as u64,
                self.leaf(leaf, root),
            ));
        }
        let mut height = 1;
        while pages.len() > 1 {
            if self.errs(Flaw::HeightTooHigh) {
                height += 1;
            }
            let above: Vec<_> = pages.chunks(LEAF_ENTRIES).map(<[_]>::to_vec).collect();
            pages = above
                .into_iter()
                .map(|children| self.interior(&children, height))
                .collect();
            height += 1;
        }
        pages.remove(0).2
    }

    fn leaf(&mut self, entries: &[(&Vec<u8>, &Tree)], root: Option<Box<Node>>) -> Ref {
        let mut refs: Vec<Ref> = Vec::new();
        let mut leaf = Leaf {
            root,
            ..Leaf::default()
        };
        for (name, tree) in entries {
            let mut node = tree.node(name);
            let mut own = match tree {
                Tree::Dir(_) => vec![self.directory(tree, false)],
                Tree::File(pieces, _) => {
                    self.summary.files += 1;
                    self.summary.bytes += node.size;
                    self.file(pieces)
                }
                _ => {
                    self.summary.others += 1;
                    Vec::new()
                }
            };
            if node.kind == NodeKind::File && !own.is_empty() {
                self.spoil_file(&mut node, &mut own);
            }
            node.first_ref = u32::try_from(refs.len() + 1).unwrap();
            node.refs = u32::try_from(own.len()).unwrap();
            if own.is_empty() {
                node.first_ref = 0;
            } else if self.errs(Flaw::OrdinalOutOfRange) {
                node.first_ref += 1_000;
            }
            refs.extend(own);
            leaf.entries.push(node);
        }
        self.page(PageType::Leaf, 0, Some(&Names::Leaf(leaf)), refs)
    }

    /// Gets something wrong about a file that has content.
    fn spoil_file(&mut self, node: &mut Node, own: &mut Vec<Ref>) {
        let is_plain = own.iter().all(|one| one.kind == RefKind::Data);
        if is_plain
            && let Some(other) = self.other
            && other.len == own[0].len
            && other.id != own[0].id
            && self.errs(Flaw::WrongReference)
        {
            own[0] = other;
        }
        if is_plain {
            self.other = Some(own[0]);
        }
        if own.len() > 1 && self.errs(Flaw::FileShortened) {
            own.pop();
        }
        if self.errs(Flaw::SizeWrong) {
            node.size += 1;
        }
        if is_plain && self.errs(Flaw::ReferenceLengthWrong) {
            own[0].len += 1;
            node.size += 1;
        }
        if is_plain && self.errs(Flaw::BlobMissing) {
            own[0].id = self.insider.ids.id(DATA, b"nowhere");
        }
        let is_recipe = own[0].kind == RefKind::Page;
        if is_recipe && self.errs(Flaw::PageMissing) {
            own[0].id = self.insider.structure.page_id(PAGE, b"nowhere");
        }
        if is_recipe && self.errs(Flaw::PageLengthWrong) {
            own[0].len += 1;
            node.size += 1;
        }
        if is_recipe && self.errs(Flaw::PageTypeWrong) {
            let len = own[0].len;
            let directory = self.directory(&Tree::dir([]), false);
            self.summary.directories -= 1;
            *own = vec![Ref { len, ..directory }];
        }
        if node.link.is_some() && self.flaw == Flaw::LinksDiffer {
            self.made = true;
            node.mode ^= if node.name == b"one" { 0o001 } else { 0 };
        }
    }

    fn interior(&mut self, children: &[(Vec<u8>, u64, Ref)], height: u8) -> (Vec<u8>, u64, Ref) {
        let named = children
            .iter()
            .map(|(first, count, _)| (first.clone(), *count));
        let mut named: Vec<_> = named.collect();
        if self.errs(Flaw::InteriorNamesWrong) {
            // Still in order, and not the name that the child begins with.
            named[0].0 = vec![b'!'];
        }
        if self.errs(Flaw::InteriorCountWrong) {
            named[0].1 += 1;
        }
        // An interior page of a wrong order is not encoded by any writer: sort what is said.
        named.sort();
        named.dedup_by(|a, b| {
            a.0 == b.0 && {
                a.0.push(b'0');
                false
            }
        });
        let names = Names::Interior(Interior {
            children: named,
            ..Interior::default()
        });
        let refs = children.iter().map(|(_, _, page)| *page).collect();
        let page = self.page(PageType::Interior, height, Some(&names), refs);
        let count = children.iter().map(|(_, count, _)| count).sum();
        (children[0].0.clone(), count, page)
    }

    fn file(&mut self, pieces: &[Content]) -> Vec<Ref> {
        let mut refs: Vec<Ref> = pieces
            .iter()
            .flat_map(|piece| match piece {
                Content::Zeros(len) => vec![Ref::zeros(*len)],
                Content::Data(data) => data.chunks(CHUNK).map(|chunk| self.chunk(chunk)).collect(),
                _ => Vec::new(),
            })
            .collect();
        let mut height = 0;
        while refs.len() > INLINE_REFS || height > 0 && refs.len() > 1 {
            let wrong = height == 1 && self.errs(Flaw::HeightTooLow);
            let said = if wrong { 3 } else { height };
            let pages: Vec<_> = refs.chunks(RECIPE_REFS).map(<[Ref]>::to_vec).collect();
            refs = pages
                .into_iter()
                .map(|refs| self.page(PageType::Recipe, said, None, refs))
                .collect();
            height += 1;
        }
        refs
    }

    fn chunk(&mut self, data: &[u8]) -> Ref {
        Ref {
            id: self.blob(DATA, data),
            len: data.len() as u64,
            kind: RefKind::Data,
        }
    }

    fn page(
        &mut self,
        page_type: PageType,
        height: u8,
        names: Option<&Names>,
        content: Vec<Ref>,
    ) -> Ref {
        let len = content.iter().map(|one| one.len).sum();
        let mut refs = Vec::new();
        if let Some(names) = names {
            let mut bytes = Vec::new();
            names.encode(&mut bytes).unwrap();
            refs.push(Ref {
                id: self.blob(NAMES, &bytes),
                len: bytes.len() as u64,
                kind: RefKind::Names,
            });
        }
        refs.extend(content);
        let page = Page {
            page_type,
            height,
            refs,
        };
        let mut bytes = Vec::new();
        page.encode(&mut bytes).unwrap();
        Ref {
            id: self.blob(PAGE, &bytes),
            len,
            kind: RefKind::Page,
        }
    }

    /// Stores a blob, once.
    fn blob(&mut self, kind: u8, plain: &[u8]) -> Id {
        let right = match kind {
            PAGE => self.insider.structure.page_id(kind, plain),
            _ => self.insider.ids.id(kind, plain),
        };
        let wrong = match kind {
            DATA => self.errs(Flaw::BlobIdWrong),
            PAGE => self.errs(Flaw::PageIdWrong),
            _ => false,
        };
        let mut id = *right.as_bytes();
        id[3] ^= u8::from(wrong);
        let id = Id::from_bytes(id);
        if self.known.insert(id) {
            let open = self.open.entry(kind).or_default();
            open.plain.extend_from_slice(plain);
            let len = u32::try_from(plain.len()).unwrap();
            open.pending.push(BlobRecord { id, len });
            if open.plain.len() >= FRAME_BYTES {
                self.close_frame(kind);
            }
        }
        id
    }

    fn close_frame(&mut self, kind: u8) {
        let is_due = self
            .open
            .get(&kind)
            .is_some_and(|open| !open.pending.is_empty());
        if !is_due {
            return;
        }
        let mangle = kind == DATA && self.errs(Flaw::FrameNotZstd);
        let open = self.open.get_mut(&kind).unwrap();
        let mut stored = Vec::new();
        let mut codec = Compressor::new(1)
            .unwrap()
            .compress(&open.plain, &mut stored)
            .unwrap();
        if mangle {
            codec = strongroom_format::Codec::Zstd;
            stored = vec![0x5a; open.plain.len() / 2];
        }
        let mut aad = Vec::new();
        frame_aad(
            &mut aad,
            &self.insider.repository,
            kind,
            codec,
            &open.pending,
        );
        open.bytes.resize(open.bytes.len().max(64), 0);
        let offset = open.bytes.len();
        let key = match kind {
            PAGE => {
                let refs = self.insider.structure.refs();
                refs.seal(&aad, &stored, &mut open.bytes).unwrap();
                FrameKey::Refs
            }
            _ => {
                let sealer = self.session.sealer();
                sealer.seal(&aad, &stored, &mut open.bytes).unwrap();
                FrameKey::Session(0)
            }
        };
        open.frames.push(FrameRecord {
            offset: u32::try_from(offset).unwrap(),
            stored_len: u32::try_from(open.bytes.len() - offset).unwrap(),
            plain_len: u32::try_from(open.plain.len()).unwrap(),
            blobs: u32::try_from(open.pending.len()).unwrap(),
            key,
            kind,
            codec,
        });
        open.blobs.append(&mut open.pending);
        open.plain.clear();
        if open.bytes.len() >= PACK_BYTES {
            self.close_pack(kind);
        }
    }

    fn close_pack(&mut self, kind: u8) {
        let Some(open) = self
            .open
            .remove(&kind)
            .filter(|open| !open.frames.is_empty())
        else {
            return;
        };
        let class = PackClass::of_blob_kind(kind).unwrap();
        let header = PackHeader::new(vec![self.session_key(kind)], open.frames, open.blobs);
        let header = header.unwrap();
        let Insider {
            suite, repository, ..
        } = *self.insider;
        let preamble = pack_preamble(suite, repository, self.insider.random_bytes(), class);
        let mut bytes = open.bytes;
        bytes[..64].copy_from_slice(&preamble.encode());
        let offset = bytes.len();
        let sealer = self.insider.structure.header();
        seal_header(sealer, &preamble, offset as u64, &header, &mut bytes).unwrap();
        let tail = PackTail {
            header_offset: offset as u64,
            header_len: u32::try_from(bytes.len() - offset).unwrap(),
        };
        bytes.extend_from_slice(&tail.encode(&preamble));
        let name = ObjectHash::of(&bytes);
        let row = PackRow {
            name,
            len: u32::try_from(bytes.len()).unwrap(),
            header_offset: u32::try_from(offset).unwrap(),
            header_len: tail.header_len,
            class,
        };
        self.packs.push((row, header));
        put(self.store, key(&object_name::pack(&name)).as_str(), bytes);
    }

    fn session_key(&mut self, kind: u8) -> SessionKeyRecord {
        let (number, epoch) = self.insider.open_epoch();
        let repository = &self.insider.repository;
        let mut wrapped = self.session.wrap(repository, number, &epoch).unwrap();
        let mut named = number;
        if kind == DATA && self.errs(Flaw::SessionKeyWrong) {
            let other = Session::start(self.insider.suite, &self.insider.random).unwrap();
            wrapped = other.wrap(repository, number, &epoch).unwrap();
        }
        if kind == DATA && self.errs(Flaw::EpochUnknown) {
            named = 77;
        }
        SessionKeyRecord {
            session: self.session.id(),
            epoch: named,
            wrap_kind: SessionKeyRecord::BOX,
            wrapped,
        }
    }

    fn finish_packs(&mut self) -> (Vec<PackRef>, Vec<SegmentRef>) {
        for kind in [DATA, NAMES, PAGE] {
            self.close_frame(kind);
            self.close_pack(kind);
        }
        let mut builder = SegmentBuilder::new();
        let mut refs = Vec::new();
        for (row, header) in std::mem::take(&mut self.packs) {
            refs.push(PackRef {
                name: row.name,
                len: row.len,
                class: row.class,
            });
            self.index(&mut builder, row, &header);
        }
        let entries = builder.entries();
        let Insider {
            suite, repository, ..
        } = *self.insider;
        let (random, session) = (self.insider.random_bytes(), self.session.id());
        let sealer = self.insider.structure.index();
        let bytes = builder
            .finish(suite, repository, random, session, sealer)
            .unwrap();
        let name = ObjectHash::of(&bytes);
        let mut segment = SegmentRef {
            name,
            len: u32::try_from(bytes.len()).unwrap(),
            entries,
        };
        put(self.store, &object_name::index(&name), bytes);
        if self.errs(Flaw::SegmentEntriesWrong) {
            segment.entries += 1;
        }
        let announced = !self.errs(Flaw::SegmentNotAnnounced);
        (refs, announced.then_some(segment).into_iter().collect())
    }

    fn index(&mut self, builder: &mut SegmentBuilder, mut row: PackRow, header: &PackHeader) {
        let is_data = row.class == PackClass::Data;
        if is_data && self.errs(Flaw::IndexPackUnknown) {
            row.name = ObjectHash::of(b"a pack that never was");
        }
        let pack = builder.push_pack(row);
        let mut rows = Vec::new();
        for (at, frame) in header.frames.iter().enumerate() {
            let shift = u32::from(is_data && self.errs(Flaw::IndexOffsetWrong));
            let position = u32::try_from(at).unwrap();
            rows.push(builder.push_frame(pack, frame.offset + shift, frame.stored_len, position));
        }
        for at in 0..header.frames.len() {
            let left_out = is_data && self.errs(Flaw::IndexIncomplete);
            let moved = is_data && rows.len() > 1 && self.errs(Flaw::IndexFrameWrong);
            let frame = if moved {
                rows[(at + 1) % rows.len()]
            } else {
                rows[at]
            };
            let blobs = header.frame_blobs(at).iter().filter(|_| !left_out);
            blobs.for_each(|blob| builder.push_entry(&blob.id, frame));
        }
    }
}

/// Bytes of a chunk.
const CHUNK: usize = 500;
