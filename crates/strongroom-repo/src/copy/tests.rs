use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use futures::executor::block_on;
use strongroom_chunk::ChunkSizes;
use strongroom_crypt::{Argon2Params, Id, Roles, Suite};
use strongroom_format::{
    Body, Dropped, Forget, Node, NodeKind, Outcome, Time, Tombstone, object_name,
};
use strongroom_store::wrap::{Fault, FaultPlan, Faulty, Gate, Operation, Rule, When};
use strongroom_store::{ErrorKind as StoreKind, MemoryStore, Store, StoreExt as _};

use super::{CopyOptions, CopyReport, Uncopied};
use crate::backup::{BackupOptions, BackupReport, Chunking, ParentChoice};
use crate::context::object_key;
use crate::error::Result;
use crate::source::{
    Batch, Content as SourceContent, Entry, Fill, Piece, Source, SourceError, Walk, WalkEvent,
};
use crate::testing::{
    Content, MemoryTarget, TestStore, Tree, TreeSource, copy_of, noise, repository, settings,
};
use crate::threads::started;
use crate::{
    Components, CreateOptions, Credential, ErrorKind, Event, Execution, Repository, RestoreOptions,
    Settings, SnapshotFilter, edge,
};

/// Something of everything: empty things, files of one chunk and of many, a large one with holes, hard links, a directory of
/// several pages.
fn sample() -> Tree {
    let many = (0..150)
        .map(|n| (format!("{n:04}").into_bytes(), Tree::file(&noise(n, 20))))
        .collect();
    let large = vec![
        Content::Data(noise(1, 200_000)),
        Content::Zeros(1_000_000),
        Content::Data(noise(2, 40_000)),
        Content::Zeros(70_000),
    ];
    let linked = || Tree::File(vec![Content::Data(b"one inode".to_vec())], Some(7));
    Tree::dir([
        (
            "a",
            Tree::dir([("empty", Tree::file(b"")), ("nothing", Tree::dir([]))]),
        ),
        ("large", Tree::File(large, None)),
        ("linked", linked()),
        ("linked too", linked()),
        ("many", Tree::Dir(many)),
        ("medium", Tree::file(&noise(3, 200_000))),
        ("pointer", Tree::Symlink(b"large".to_vec())),
    ])
}

fn small() -> Tree {
    let below = Tree::dir([("c", Tree::file(&noise(13, 900)))]);
    Tree::dir([
        ("a", Tree::file(&noise(11, 3_000))),
        ("b", Tree::file(&noise(12, 2_000))),
        ("d", below),
    ])
}

fn with(mut tree: Tree, name: &str, entry: Tree) -> Tree {
    if let Tree::Dir(entries) = &mut tree {
        entries.insert(name.as_bytes().to_vec(), entry);
    }
    tree
}

fn options() -> BackupOptions {
    let sizes = ChunkSizes::new(64, 256, 1024).unwrap();
    BackupOptions::new("home")
        .with_host("laptop")
        .with_tags(["daily".to_owned()])
        .with_description("as it was")
        .with_paths([b"/home".to_vec()])
        .with_chunking(Chunking::Gear64(sizes))
}

fn backup_with(
    repository: &Repository,
    source: TreeSource,
    options: BackupOptions,
) -> BackupReport {
    block_on(repository.backup(Arc::new(source), options, Arc::new(()))).unwrap()
}

fn backup(repository: &Repository, tree: &Tree) -> BackupReport {
    backup_with(repository, TreeSource::new(tree.clone()), options())
}

fn copy(from: &Repository, to: &Repository) -> Result<CopyReport> {
    block_on(from.copy_to(to, CopyOptions::default(), Arc::new(())))
}

fn open(store: &Arc<impl Store>) -> Repository {
    let store: Arc<dyn Store> = store.clone();
    let builder = Repository::builder(store).settings(settings(2));
    block_on(builder.open(&Credential::None)).unwrap()
}

fn encrypted(suite: Suite, settings: Settings) -> Repository {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let options = CreateOptions::default()
        .with_suite(suite)
        .with_argon2(Argon2Params::FASTEST);
    let builder = Repository::builder(store).settings(settings);
    let credential = Credential::passphrase("correct horse");
    block_on(builder.create(options, &credential))
        .unwrap()
        .repository
}

/// Everything of a snapshot that a restore shows.
fn restored(repository: &Repository, id: &Id) -> BTreeMap<Vec<u8>, (Node, Vec<u8>)> {
    let target = Arc::new(MemoryTarget::default());
    let restore = repository.restore(id, target.clone(), RestoreOptions::default(), Arc::new(()));
    let report = block_on(restore).unwrap();
    assert!(report.is_complete(), "{report:?}");
    let items = target.items();
    let show = |node: &Node, content: &Mutex<Vec<u8>>| {
        let mut node = node.clone();
        (node.first_ref, node.refs) = (0, 0);
        (node, content.lock().unwrap().clone())
    };
    items
        .iter()
        .map(|(path, item)| (path.clone(), show(&item.node, &item.content)))
        .collect()
}

fn assert_same(from: &Repository, original: &Id, to: &Repository, copy: &Id) {
    assert!(restored(from, original) == restored(to, copy));
}

fn info(repository: &Repository, id: &Id) -> crate::SnapshotInfo {
    let all = block_on(repository.snapshots()).unwrap();
    all.into_iter().find(|one| one.id == *id).unwrap()
}

/// Appends an entry by hand.
fn append(repository: &Repository, body: Body) {
    let this = repository.clone();
    let run = edge::run(repository.store(), "test", move |remote| {
        let context = this.context();
        this.journal().refresh(remote, context)?;
        this.journal().append(
            remote,
            context,
            Roles::MAINTAINER,
            &mut |_| Ok(body.clone()),
        )
    });
    block_on(run).unwrap();
}

fn forget(repository: &Repository, id: Id) {
    append(
        repository,
        Body::Forget(Forget {
            snapshots: vec![id],
            ..Forget::default()
        }),
    );
}

#[test]
fn a_snapshot_goes_from_suite_to_suite_and_stays_what_it_is() {
    let mut coarse = settings(2);
    coarse.chunk_sizes = ChunkSizes::new(4 << 10, 16 << 10, 64 << 10).unwrap();
    let first = encrypted(Suite::Aes256Gcm, settings(2));
    let second = encrypted(Suite::ChaCha20Poly1305, coarse);
    let (_, third) = repository();
    let tree = sample();
    let original = backup(&first, &tree);
    let report = copy(&first, &second).unwrap();
    assert!(report.is_complete(), "{report}");
    let [one] = report.copied.as_slice() else {
        panic!("{report}")
    };
    assert_eq!(
        (one.source, one.outcome),
        (original.snapshot, Outcome::Complete)
    );
    assert_same(&first, &original.snapshot, &second, &one.target);
    let report = copy(&second, &third).unwrap();
    let last = report.copied[0].target;
    assert_same(&first, &original.snapshot, &third, &last);
    let (before, after) = (info(&first, &original.snapshot), info(&third, &last));
    assert_eq!(before.snapshot.began, after.snapshot.began);
    assert_eq!(before.snapshot.durable, after.snapshot.durable);
    assert_eq!(before.snapshot.tags, after.snapshot.tags);
    assert_eq!(before.snapshot.series, after.snapshot.series);
    assert_eq!(before.snapshot.program, after.snapshot.program);
    assert_eq!(before.snapshot.summary.bytes, after.snapshot.summary.bytes);
    assert_eq!(before.details, after.details);
    assert_eq!(after.snapshot.labels.get("host"), Some("laptop"));
    assert_eq!(
        after.snapshot.chunker.target,
        1 << 20,
        "the target's own chunker"
    );
    // By whatever way: it is there, and it is ours.
    let report = copy(&first, &third).unwrap();
    assert!(report.copied.is_empty() && report.is_complete(), "{report}");
    let report = copy(&third, &first).unwrap();
    let why = &report.not_copied[0].why;
    assert!(matches!(why, Uncopied::AlreadyThere(id) if *id == original.snapshot));
}

#[test]
fn copying_twice_adds_nothing() {
    let (_, from) = repository();
    backup(&from, &small());
    backup(&from, &with(small(), "a", Tree::file(b"edited")));
    let (store, to) = repository();
    assert_eq!(copy(&from, &to).unwrap().copied.len(), 2);
    store.reset();
    let report = copy(&from, &to).unwrap();
    assert_eq!((report.copied.len(), report.not_copied.len()), (0, 2));
    assert!(report.is_complete());
    assert_eq!(store.count(Operation::Put), 0);
}

#[test]
fn what_has_not_changed_is_not_read() {
    let (_, from) = repository();
    let tree = sample();
    backup(&from, &tree);
    let (_, to) = repository();
    copy(&from, &to).unwrap();
    let mut edited = TreeSource::new(with(tree, "medium", Tree::file(&noise(4, 1_000))));
    edited.stamps.insert("medium".into(), 1_650_000_000);
    let second = backup_with(&from, edited, options());
    let read = Arc::new(Mutex::new(Vec::new()));
    let observer = {
        let read = read.clone();
        move |event: &Event<'_>| {
            if let Event::Entry {
                path,
                unchanged: false,
                ..
            } = event
            {
                read.lock().unwrap().push(path.to_vec());
            }
        }
    };
    let copied = from.copy_to(&to, CopyOptions::default(), Arc::new(observer));
    let report = block_on(copied).unwrap();
    assert_eq!(*read.lock().unwrap(), [b"medium".to_vec()]);
    let one = &report.copied[0];
    assert!(one.new_bytes <= 1_000, "{report}");
    assert_same(&from, &second.snapshot, &to, &one.target);
    let parent = info(&to, &one.target).snapshot.parent;
    assert!(parent.is_some_and(|parent| parent != one.target));
}

#[test]
fn content_that_changed_behind_the_same_times_is_copied() {
    let (_, from) = repository();
    backup(&from, &small());
    let (_, to) = repository();
    copy(&from, &to).unwrap();
    // A disk that rots changes no time of change; whoever reads everything again sees it.
    let rotten = with(small(), "b", Tree::file(&noise(99, 2_000)));
    let again = options().with_parent(ParentChoice::None);
    let second = backup_with(&from, TreeSource::new(rotten), again);
    let report = copy(&from, &to).unwrap();
    assert_same(&from, &second.snapshot, &to, &report.copied[0].target);
    assert_eq!(report.copied[0].new_bytes, 2_000);
}

#[test]
fn snapshots_are_selected() {
    let (_, from) = repository();
    let ids: Vec<Id> = (0..3)
        .map(|n| backup(&from, &with(small(), "n", Tree::file(&[n]))).snapshot)
        .collect();
    let other = BackupOptions::new("other");
    let other = backup_with(&from, TreeSource::new(small()), other).snapshot;
    let copied = |options: CopyOptions| -> Vec<Id> {
        let (_, to) = repository();
        let report = block_on(from.copy_to(&to, options, Arc::new(()))).unwrap();
        report.copied.iter().map(|one| one.source).collect()
    };
    let home = || SnapshotFilter::default().with_series("home");
    assert_eq!(copied(CopyOptions::default().with_filter(home())), ids);
    assert_eq!(
        copied(CopyOptions::default().with_latest(1)),
        [ids[2], other]
    );
    let latest = CopyOptions::default().with_filter(home()).with_latest(2);
    assert_eq!(copied(latest), ids[1..]);
    let daily = SnapshotFilter::default().with_tag("daily");
    assert_eq!(copied(CopyOptions::default().with_filter(daily)), ids);
    let named = CopyOptions::default().with_snapshots([ids[1], ids[0], ids[1]]);
    assert_eq!(copied(named), ids[..2]);
    let (_, to) = repository();
    let unknown = CopyOptions::default().with_snapshots([Id::from_bytes([1; 32])]);
    let error = block_on(from.copy_to(&to, unknown, Arc::new(()))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let error = copy(&from, &from.clone()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let all = block_on(from.copy_to_all(&[to, from.clone()], CopyOptions::default(), Arc::new(())));
    assert!(all[0].as_ref().is_ok_and(CopyReport::is_complete) && all[1].is_err());
}

#[test]
fn what_is_damaged_is_named_and_the_copy_is_partial() {
    let (store, from) = repository();
    backup(&from, &small());
    let before = from.journal().state();
    let second = with(small(), "new", Tree::file(&noise(50, 5_000)));
    backup(&from, &second);
    // The pack that only the second one needs for content.
    let state = from.journal().state();
    let is_new = |pack: &&strongroom_format::PackRef| {
        !before.packs.contains(&pack.name).unwrap()
            && pack.class == strongroom_format::PackClass::Data
    };
    let all = state.packs.all();
    let pack = all.values().find(is_new).unwrap();
    let key = object_key(&object_name::pack(&pack.name)).unwrap();
    let whole = block_on(store.get_all(&key)).unwrap();
    block_on(store.delete(&key)).unwrap();
    let (to_store, to) = repository();
    let report = copy(&from, &to).unwrap();
    assert!(!report.is_complete());
    assert!(report.copied[0].lost.is_empty());
    let partial = &report.copied[1];
    assert_eq!((partial.lost_count, partial.outcome), (1, Outcome::Partial));
    assert_eq!(partial.lost[0].path, b"new");
    assert!(
        partial.lost[0]
            .message
            .contains(&object_name::pack(&pack.name)),
        "{report}"
    );
    let details = info(&to, &partial.target).details.unwrap();
    assert_eq!(details.skipped, partial.lost);
    // It is there, in part, until somebody asks for more.
    to_store.reset();
    assert!(copy(&from, &to).unwrap().copied.is_empty());
    assert_eq!(to_store.count(Operation::Put), 0);
    block_on(store.put_new(&key, whole)).unwrap();
    let again = || CopyOptions::default().again_in_part();
    let fresh = open(&store);
    let report = block_on(fresh.copy_to(&to, again(), Arc::new(()))).unwrap();
    assert!(report.is_complete() && report.copied.len() == 1, "{report}");
    assert_same(&from, &partial.source, &to, &report.copied[0].target);
    let report = block_on(fresh.copy_to(&to, again(), Arc::new(()))).unwrap();
    assert!(report.copied.is_empty(), "{report}");
}

#[test]
fn a_snapshot_without_a_root_is_named_and_the_others_are_copied() {
    let (store, from) = repository();
    let first = backup(&from, &small()).snapshot;
    let before = from.journal().state();
    let second = backup(&from, &with(small(), "n", Tree::file(b"n"))).snapshot;
    for name in from.journal().state().packs.all().keys() {
        if !before.packs.contains(name).unwrap() {
            let key = object_key(&object_name::pack(name)).unwrap();
            block_on(store.delete(&key)).unwrap();
        }
    }
    let (_, to) = repository();
    let report = copy(&open(&store), &to).unwrap();
    assert_eq!((report.copied.len(), report.copied[0].source), (1, first));
    assert_eq!(report.not_copied[0].source, second);
    assert!(
        matches!(report.not_copied[0].why, Uncopied::Unreadable(_)),
        "{report}"
    );
}

#[test]
fn an_interrupted_copy_is_resumed() {
    let (_, from) = repository();
    let trees = [small(), with(small(), "a", Tree::file(b"edited"))];
    let originals = trees.each_ref().map(|tree| backup(&from, tree).snapshot);
    let (empty, _) = repository();
    for after in [false, true] {
        for call in 1.. {
            let memory = copy_of(empty.inner());
            let store = Arc::new(Faulty::new(memory.clone(), FaultPlan::new()));
            let target = open(&store);
            if after {
                let last = Fault::FailAfter(StoreKind::Unavailable);
                store.inject(Rule::new(last).with_when(When::Nth(call)));
            }
            let gone = Fault::FailBefore(StoreKind::Unavailable);
            let from_call = call + u64::from(after);
            store.inject(Rule::new(gone).with_when(When::From(from_call)));
            let result = copy(&from, &target);
            let died = store.fired() > 0;
            if let Err(error) = result {
                assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
            }
            let to = open(&memory);
            let report = copy(&from, &to).unwrap();
            assert!(report.is_complete(), "{report}");
            let listed = block_on(to.snapshots()).unwrap();
            assert_eq!(listed.len(), 2);
            for (one, original) in listed.iter().zip(&originals) {
                assert_same(&from, original, &to, &one.id);
            }
            if !died {
                break;
            }
            assert!(call < 200, "it never comes through");
        }
    }
}

#[test]
fn a_source_that_cannot_be_reached_ends_the_copy_as_such() {
    let (store, from) = repository();
    backup(&from, &small());
    for call in 1..100 {
        let faulty = Arc::new(Faulty::new(store.clone(), FaultPlan::new()));
        let slow = open(&faulty);
        let gone = Fault::FailBefore(StoreKind::Unavailable);
        faulty.inject(Rule::new(gone).with_when(When::From(call)));
        let (_, to) = repository();
        let copied = copy(&slow, &to);
        if faulty.fired() == 0 {
            assert!(call > 3 && copied.unwrap().is_complete());
            return;
        }
        let error = copied.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
        assert!(block_on(to.snapshots()).unwrap().is_empty(), "nothing half");
    }
    panic!("it never comes through");
}

/// Copies while `meanwhile` does something at the first read of a pack.
fn copy_and(
    store: &Arc<TestStore>,
    to: &Repository,
    meanwhile: impl FnOnce() + Send,
) -> Result<CopyReport> {
    let gate = Gate::new();
    let faulty = Arc::new(Faulty::new(store.clone(), FaultPlan::new()));
    let slow = open(&faulty);
    faulty.inject(
        Rule::new(Fault::PauseBefore(gate.clone()))
            .with_operation(Operation::Get)
            .with_key_prefix("pack/")
            .with_when(When::Nth(1)),
    );
    let other = async {
        gate.arrived(1).await;
        std::thread::scope(|scope| drop(scope.spawn(meanwhile)));
        gate.open();
    };
    let copied = slow.copy_to(to, CopyOptions::default(), Arc::new(()));
    block_on(futures::future::join(copied, other)).0
}

#[test]
fn packs_that_move_while_they_are_copied_are_no_loss() {
    let (store, from) = repository();
    let original = backup(&from, &sample()).snapshot;
    let (_, to) = repository();
    let report = copy_and(&store, &to, || {
        let state = from.journal().state();
        // The same blobs in other packs: a condemned pack is no ground for leaving anything out.
        let condemn = strongroom_format::Condemn {
            packs: state.packs.all().keys().copied().collect(),
            ..strongroom_format::Condemn::default()
        };
        append(&from, Body::Condemn(condemn));
        let again = options().with_parent(ParentChoice::None);
        backup_with(&from, TreeSource::new(sample()), again);
        let dropped = Dropped {
            packs: state.packs.all().keys().copied().collect(),
            segments: state.segments.keys().copied().collect(),
            ..Dropped::default()
        };
        append(
            &from,
            Body::Tombstone(Tombstone {
                dropped,
                ..Tombstone::default()
            }),
        );
        for name in state.packs.all().keys() {
            let key = object_key(&object_name::pack(name)).unwrap();
            block_on(store.delete(&key)).unwrap();
        }
    });
    let report = report.unwrap();
    assert!(report.is_complete(), "{report}");
    assert_same(&from, &original, &to, &report.copied[0].target);
}

#[test]
fn a_snapshot_that_is_forgotten_meanwhile_is_not_copied_in_part() {
    let (store, from) = repository();
    let original = backup(&from, &sample()).snapshot;
    let (_, to) = repository();
    let report = copy_and(&store, &to, || {
        let state = from.journal().state();
        forget(&from, original);
        for name in state.packs.all().keys() {
            let key = object_key(&object_name::pack(name)).unwrap();
            block_on(store.delete(&key)).unwrap();
        }
    });
    let report = report.unwrap();
    assert!(
        matches!(report.not_copied[0].why, Uncopied::Forgotten),
        "{report}"
    );
    assert!(block_on(to.snapshots()).unwrap().is_empty());
}

#[test]
fn of_two_who_copy_at_once_one_finds_it_there() {
    let (_, from) = repository();
    backup(&from, &small());
    let (store, to) = repository();
    let gate = Gate::new();
    let faulty = Arc::new(Faulty::new(store, FaultPlan::new()));
    let slow = open(&faulty);
    faulty.inject(
        Rule::new(Fault::PauseBefore(gate.clone()))
            .with_operation(Operation::Put)
            .with_key_prefix("journal/")
            .with_when(When::Nth(1)),
    );
    let other = async {
        gate.arrived(1).await;
        let report = std::thread::scope(|scope| scope.spawn(|| copy(&from, &to)).join());
        gate.open();
        report.unwrap().unwrap()
    };
    let copied = from.copy_to(&slow, CopyOptions::default(), Arc::new(()));
    let (late, early) = block_on(futures::future::join(copied, other));
    let late = late.unwrap();
    let there = early.copied[0].target;
    assert!(matches!(late.not_copied[0].why, Uncopied::AlreadyThere(id) if id == there));
    assert_eq!(block_on(to.snapshots()).unwrap().len(), 1);
}

#[test]
fn blocks_of_an_image_stay_blocks() {
    let (_, from) = repository();
    let image = BackupOptions::new("disk").with_chunking(Chunking::Fixed(512));
    let tree = Tree::dir([("image", Tree::file(&noise(5, 10_000)))]);
    let original = backup_with(&from, TreeSource::new(tree), image).snapshot;
    let (_, to) = repository();
    let report = copy(&from, &to).unwrap();
    let id = report.copied[0].target;
    assert_same(&from, &original, &to, &id);
    let record = info(&to, &id).snapshot.chunker;
    assert_eq!((record.id, record.target), (1, 512));
    let (_, other) = repository();
    let gear = CopyOptions::default().with_chunking(Chunking::Default);
    let report = block_on(from.copy_to(&other, gear, Arc::new(()))).unwrap();
    assert_eq!(
        info(&other, &report.copied[0].target).snapshot.chunker.id,
        2
    );
}

/// A source of what trees cannot say: a stream, and a device with attributes and an owner.
#[derive(Debug)]
struct Odd;

#[derive(Debug)]
struct OddWalk;

impl Walk for OddWalk {
    fn next(&mut self, events: &mut Vec<WalkEvent>) -> bool {
        let entry = |name: &[u8], kind: NodeKind| Entry {
            dir: [].into(),
            node: Node {
                name: name.to_vec(),
                kind,
                mode: 0o600,
                uid: 1,
                gid: 2,
                ctime: (kind != NodeKind::Stream).then(|| Time::new(5, 1)),
                device: (kind == NodeKind::CharDevice).then_some((5, 1)),
                ..Node::default()
            },
        };
        events.extend([
            WalkEvent::Enter(entry(b"", NodeKind::Directory)),
            WalkEvent::Item(entry(b"console", NodeKind::CharDevice)),
            WalkEvent::Item(entry(b"dump", NodeKind::Stream)),
            WalkEvent::Leave,
        ]);
        false
    }
}

#[derive(Debug)]
struct OddContent(usize);

impl SourceContent for OddContent {
    fn read(&mut self, buf: &mut [u8]) -> Result<Piece, SourceError> {
        let bytes = noise(6, 5_000);
        let rest = &bytes[self.0..];
        let len = rest.len().min(buf.len());
        buf[..len].copy_from_slice(&rest[..len]);
        self.0 += len;
        Ok(if len == 0 {
            Piece::End
        } else {
            Piece::Data(len)
        })
    }

    fn finish(&mut self, _entry: &mut Entry) -> Result<bool, SourceError> {
        Ok(false)
    }
}

impl Source for Odd {
    fn walk(&self) -> Result<Box<dyn Walk + Send + '_>, SourceError> {
        Ok(Box::new(OddWalk))
    }

    fn fill(&self, batch: &mut Batch) {
        for item in &mut batch.items {
            let node = &mut item.entry.node;
            node.flags = 4;
            node.atime = Some(Time::new(7, 8));
            node.xattrs = vec![(b"user.note".to_vec(), b"odd".to_vec())];
            item.fill = Fill::Done {
                content: 0..0,
                changed: false,
            };
        }
    }

    fn open(&self, _entry: &Entry) -> Result<Box<dyn SourceContent + Send + '_>, SourceError> {
        Ok(Box::new(OddContent(0)))
    }

    fn owner_name(&self, uid: u32) -> Option<Vec<u8>> {
        (uid == 1).then(|| b"daemon".to_vec())
    }

    fn group_name(&self, gid: u32) -> Option<Vec<u8>> {
        (gid == 2).then(|| b"bin".to_vec())
    }
}

#[test]
fn all_metadata_is_copied_streams_and_owners_too() {
    let (_, from) = repository();
    let first = block_on(from.backup(Arc::new(Odd), options(), Arc::new(()))).unwrap();
    let (_, to) = repository();
    let copied = copy(&from, &to).unwrap().copied[0].target;
    assert_same(&from, &first.snapshot, &to, &copied);
    let items = restored(&to, &copied);
    assert_eq!(items[b"dump".as_slice()].1, noise(6, 5_000));
    let console = &items[b"console".as_slice()].0;
    assert_eq!(
        (console.device, console.xattrs.len(), console.flags),
        (Some((5, 1)), 1, 4)
    );
    // Owners' names are in the pages.
    let names = |repository: &Repository, id: &Id| {
        let (this, id) = (repository.clone(), *id);
        let run = edge::run(repository.store(), "test", move |remote| {
            let (snapshot, blobs) = crate::restore::open_snapshot(&this, remote, &id, 1 << 20)?;
            let reader = crate::tree::DirectoryReader::open(&blobs, &snapshot.root)?;
            let page = reader.leaf().unwrap();
            Ok((page.owners.clone(), page.groups.clone()))
        });
        block_on(run).unwrap()
    };
    let of_copy = names(&to, &copied);
    assert_eq!(of_copy, names(&from, &first.snapshot));
    assert_eq!(of_copy.0, [(1, b"daemon".to_vec())]);
    // A second copy of the same: streams and what has no time of change are read, and nothing is new.
    let second = block_on(from.backup(Arc::new(Odd), options(), Arc::new(()))).unwrap();
    let report = copy(&from, &to).unwrap();
    assert_eq!(report.copied[0].new_bytes, 0);
    assert_same(&from, &second.snapshot, &to, &report.copied[0].target);
}

#[test]
fn inline_a_copy_needs_no_thread() {
    let inline = || {
        let components = Components {
            execution: Execution::Inline,
            ..Components::default()
        };
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let builder = Repository::builder(store).components(components);
        let options = CreateOptions::default().with_suite(Suite::None);
        block_on(builder.create(options, &Credential::None))
            .unwrap()
            .repository
    };
    let (from, to) = (inline(), inline());
    let original = backup(&from, &small()).snapshot;
    let before = started::by_this_thread();
    let report = copy(&from, &to).unwrap();
    let replica: Arc<dyn Store> = Arc::new(MemoryStore::new());
    assert!(
        block_on(from.replicate(replica, Arc::new(())))
            .unwrap()
            .is_complete()
    );
    assert_eq!(started::by_this_thread(), before);
    assert_same(&from, &original, &to, &report.copied[0].target);
    // Whoever has threads serves who has none.
    let (_, threaded) = repository();
    assert_eq!(copy(&threaded, &to).unwrap().copied.len(), 0);
    assert_eq!(copy(&to, &threaded).unwrap().copied.len(), 1);
}
