//! A writer that makes a snapshot of a tree, with frames, packs and pages as small as a test wants.

use std::collections::{BTreeMap, HashSet};

use strongroom_crypt::{Id, Roles, Sealer, Session};
use strongroom_format::{
    BlobRecord, Body, Commit, FrameKey, FrameRecord, Interior, Leaf, Names, Node, ObjectHash,
    PackClass, PackHeader, PackRef, PackRow, PackTail, Page, PageType, Ref, RefKind,
    SegmentBuilder, SegmentRef, SessionKeyRecord, Snapshot, Summary, Time, frame_aad, object_name,
    pack_preamble, seal_header,
};

use crate::blobs::{DATA, NAMES, PAGE};
use crate::context::{Context, object_key};
use crate::edge;
use crate::repository::Repository;
use crate::testing::{Content, Tree};

/// How small things are.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    pub(crate) frame_bytes: usize,
    pub(crate) pack_bytes: usize,
    pub(crate) leaf_entries: usize,
    pub(crate) inline_refs: usize,
    pub(crate) recipe_refs: usize,
    /// Each blob is stored so often, in different packs.
    pub(crate) copies: usize,
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            frame_bytes: 600,
            pack_bytes: 3_000,
            leaf_entries: 3,
            inline_refs: 2,
            recipe_refs: 3,
            copies: 1,
        }
    }
}

/// Names and bytes of objects.
type Objects = Vec<(String, Vec<u8>)>;

/// Makes one snapshot.
pub(crate) struct Writer<'a> {
    repository: &'a Repository,
    shape: Shape,
    session: Session,
    open: BTreeMap<u8, OpenPack>,
    known: HashSet<Id>,
    objects: Objects,
    packs: Vec<(PackRow, PackHeader)>,
    summary: Summary,
}

#[derive(Default)]
struct OpenPack {
    bytes: Vec<u8>,
    frames: Vec<FrameRecord>,
    blobs: Vec<BlobRecord>,
    plain: Vec<u8>,
    pending: Vec<BlobRecord>,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(repository: &'a Repository, shape: Shape) -> Self {
        let context = repository.context();
        let session = Session::start(context.suite, &context.components.random).unwrap();
        Self {
            repository,
            shape,
            session,
            open: BTreeMap::new(),
            known: HashSet::new(),
            objects: Vec::new(),
            packs: Vec::new(),
            summary: Summary::default(),
        }
    }

    /// Stores the tree and commits a snapshot of it.
    pub(crate) fn snapshot(mut self, tree: &Tree, series: &str) -> Id {
        let root = self.directory(tree, true).id;
        self.commit(root, series)
    }

    /// Commits a snapshot with this root, whatever it is.
    pub(crate) fn commit(mut self, root: Id, series: &str) -> Id {
        let session = self.session.id();
        let (packs, segment, objects) = self.finish_packs();
        let repository = self.repository.clone();
        let summary = std::mem::take(&mut self.summary);
        let series = series.to_owned();
        let run = edge::run(repository.store(), "test-writer", move |remote| {
            for (name, bytes) in objects {
                remote.put(&object_key(&name)?, bytes.into())?;
            }
            let context = repository.context();
            let random = context.random()?;
            let mut id = None;
            repository
                .journal()
                .append(remote, context, Roles::WRITER, &mut |state| {
                    let snapshot = Snapshot {
                        random,
                        began: Time::new(i64::try_from(state.head).unwrap(), 0),
                        root,
                        series: series.clone(),
                        summary: summary.clone(),
                        program: "test".to_owned(),
                        ..Snapshot::default()
                    };
                    id = Some(snapshot.id(&context.keys().structure).unwrap());
                    Ok(Body::Commit(Box::new(Commit {
                        snapshot,
                        packs: packs.clone(),
                        segments: vec![segment],
                        session,
                        seen: None,
                        unknown: strongroom_format::Unknown::default(),
                    })))
                })?;
            Ok(id.unwrap())
        });
        futures::executor::block_on(run).unwrap()
    }

    /// Stores a directory and returns the reference to its first page.
    pub(crate) fn directory(&mut self, tree: &Tree, is_root: bool) -> Ref {
        let Tree::Dir(entries) = tree else {
            panic!("not a directory")
        };
        self.summary.directories += 1;
        let mut pages = Vec::new();
        let all: Vec<_> = entries.iter().collect();
        let mut leaves: Vec<&[(&Vec<u8>, &Tree)]> = all.chunks(self.shape.leaf_entries).collect();
        if leaves.is_empty() {
            leaves.push(&[]);
        }
        for (number, leaf) in leaves.into_iter().enumerate() {
            let root = (is_root && number == 0).then(|| Box::new(tree.node(b"")));
            let first = leaf
                .first()
                .map(|(name, _)| (*name).clone())
                .unwrap_or_default();
            pages.push((first, leaf.len() as u64, self.leaf(leaf, root)));
        }
        let mut height = 1;
        while pages.len() > 1 {
            let above: Vec<_> = pages.chunks(self.shape.leaf_entries.max(2)).collect();
            pages = above
                .into_iter()
                .map(|children| self.interior(children, height))
                .collect();
            height += 1;
        }
        pages.remove(0).2
    }

    fn leaf(&mut self, entries: &[(&Vec<u8>, &Tree)], root: Option<Box<Node>>) -> Ref {
        let mut refs = Vec::new();
        let mut leaf = Leaf {
            root,
            ..Leaf::default()
        };
        for (name, tree) in entries {
            let mut node = tree.node(name);
            let own = match tree {
                Tree::Dir(_) => vec![self.directory(tree, false)],
                Tree::File(pieces, _) => {
                    self.summary.files += 1;
                    self.summary.bytes += node.size;
                    self.content(pieces)
                }
                Tree::Symlink(_) => {
                    self.summary.others += 1;
                    Vec::new()
                }
            };
            node.first_ref = u32::try_from(refs.len() + 1).unwrap();
            node.refs = u32::try_from(own.len()).unwrap();
            if own.is_empty() {
                node.first_ref = 0;
            }
            refs.extend(own);
            leaf.entries.push(node);
        }
        self.page(PageType::Leaf, 0, Some(&Names::Leaf(leaf)), refs)
    }

    fn interior(&mut self, children: &[(Vec<u8>, u64, Ref)], height: u8) -> (Vec<u8>, u64, Ref) {
        let names = children
            .iter()
            .map(|(first, count, _)| (first.clone(), *count))
            .collect();
        let names = Names::Interior(Interior {
            children: names,
            ..Interior::default()
        });
        let refs = children.iter().map(|(_, _, page)| *page).collect();
        let page = self.page(PageType::Interior, height, Some(&names), refs);
        (
            children[0].0.clone(),
            children.iter().map(|(_, count, _)| count).sum(),
            page,
        )
    }

    fn content(&mut self, pieces: &[Content]) -> Vec<Ref> {
        let mut refs: Vec<Ref> = pieces.iter().map(|piece| self.piece(piece)).collect();
        let mut height = 0;
        while refs.len() > self.shape.inline_refs || height > 0 && refs.len() > 1 {
            let pages: Vec<Vec<Ref>> = refs
                .chunks(self.shape.recipe_refs)
                .map(<[Ref]>::to_vec)
                .collect();
            refs = pages
                .into_iter()
                .map(|refs| self.page(PageType::Recipe, height, None, refs))
                .collect();
            height += 1;
        }
        refs
    }

    fn piece(&mut self, piece: &Content) -> Ref {
        match piece {
            Content::Zeros(len) => Ref::zeros(*len),
            Content::Data(data) => {
                let id = self.blob(DATA, data);
                Ref {
                    id,
                    len: data.len() as u64,
                    kind: RefKind::Data,
                }
            }
        }
    }

    /// Stores a page. Its own references follow that of its names.
    pub(crate) fn page(
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
            let id = self.blob(NAMES, &bytes);
            refs.push(Ref {
                id,
                len: bytes.len() as u64,
                kind: RefKind::Names,
            });
        }
        refs.extend(content);
        let mut bytes = Vec::new();
        Page {
            page_type,
            height,
            refs,
        }
        .encode(&mut bytes)
        .unwrap();
        Ref {
            id: self.blob(PAGE, &bytes),
            len,
            kind: RefKind::Page,
        }
    }

    /// Stores a blob, once.
    pub(crate) fn blob(&mut self, kind: u8, plain: &[u8]) -> Id {
        let keys = self.repository.context().keys();
        let id = match kind {
            PAGE => keys.structure.page_id(kind, plain),
            _ => keys.ids.id(kind, plain),
        };
        if self.known.insert(id) {
            let open = self.open.entry(kind).or_default();
            open.plain.extend_from_slice(plain);
            open.pending.push(BlobRecord {
                id,
                len: u32::try_from(plain.len()).unwrap(),
            });
            if open.plain.len() >= self.shape.frame_bytes {
                self.close_frame(kind);
            }
        }
        id
    }

    fn close_frame(&mut self, kind: u8) {
        let context = self.repository.context().clone();
        let Some(open) = self
            .open
            .get_mut(&kind)
            .filter(|open| !open.pending.is_empty())
        else {
            return;
        };
        let mut stored = Vec::new();
        let codec = strongroom_format::Compressor::new(1)
            .unwrap()
            .compress(&open.plain, &mut stored)
            .unwrap();
        let mut aad = Vec::new();
        frame_aad(&mut aad, &context.repository, kind, codec, &open.pending);
        if open.bytes.is_empty() {
            open.bytes.resize(64, 0);
        }
        let offset = open.bytes.len();
        let keys = context.keys();
        let sealer: &dyn Sealer = match kind {
            PAGE => keys.structure.refs(),
            _ => self.session.sealer(),
        };
        sealer.seal(&aad, &stored, &mut open.bytes).unwrap();
        let key = if kind == PAGE {
            FrameKey::Refs
        } else {
            FrameKey::Session(0)
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
        if open.bytes.len() >= self.shape.pack_bytes {
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
        let context: &Context = self.repository.context();
        let class = PackClass::of_blob_kind(kind).unwrap();
        let keys = context.keys();
        let (number, epoch_key) = keys.open_epoch(&self.repository.journal().state()).unwrap();
        let wrapped = self
            .session
            .wrap(&context.repository, number, epoch_key)
            .unwrap();
        let record = SessionKeyRecord {
            session: self.session.id(),
            epoch: number,
            wrap_kind: SessionKeyRecord::BOX,
            wrapped,
        };
        let header = PackHeader::new(vec![record], open.frames, open.blobs).unwrap();
        for _ in 0..self.shape.copies {
            let preamble = pack_preamble(
                context.suite,
                context.repository,
                context.random().unwrap(),
                class,
            );
            let mut bytes = open.bytes.clone();
            bytes[..64].copy_from_slice(&preamble.encode());
            let offset = bytes.len();
            let sealer = keys.structure.header();
            seal_header(sealer, &preamble, offset as u64, &header, &mut bytes).unwrap();
            let header_len = u32::try_from(bytes.len() - offset).unwrap();
            let tail = PackTail {
                header_offset: offset as u64,
                header_len,
            };
            bytes.extend_from_slice(&tail.encode(&preamble));
            let name = ObjectHash::of(&bytes);
            let row = PackRow {
                name,
                len: u32::try_from(bytes.len()).unwrap(),
                header_offset: u32::try_from(offset).unwrap(),
                header_len,
                class,
            };
            self.packs.push((row, header.clone()));
            self.objects.push((object_name::pack(&name), bytes));
        }
    }

    fn finish_packs(&mut self) -> (Vec<PackRef>, SegmentRef, Objects) {
        for kind in [DATA, NAMES, PAGE] {
            self.close_frame(kind);
            self.close_pack(kind);
        }
        let context = self.repository.context();
        let mut builder = SegmentBuilder::new();
        let mut refs = Vec::new();
        for (row, header) in &self.packs {
            refs.push(PackRef {
                name: row.name,
                len: row.len,
                class: row.class,
            });
            let pack = builder.push_pack(*row);
            for (at, frame) in header.frames.iter().enumerate() {
                let position = u32::try_from(at).unwrap();
                let row = builder.push_frame(pack, frame.offset, frame.stored_len, position);
                for blob in header.frame_blobs(at) {
                    builder.push_entry(&blob.id, row);
                }
            }
        }
        let entries = builder.entries();
        let keys = context.keys();
        let random = context.random().unwrap();
        let bytes = builder
            .finish(
                context.suite,
                context.repository,
                random,
                self.session.id(),
                keys.structure.index(),
            )
            .unwrap();
        let name = ObjectHash::of(&bytes);
        let segment = SegmentRef {
            name,
            len: u32::try_from(bytes.len()).unwrap(),
            entries,
        };
        let mut objects = std::mem::take(&mut self.objects);
        objects.push((object_name::index(&name), bytes));
        (refs, segment, objects)
    }
}
