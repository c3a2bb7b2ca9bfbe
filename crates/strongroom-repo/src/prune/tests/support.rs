//! Short names for what the tests do over and over.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use strongroom_crypt::{Id, SessionId};
use strongroom_format::object_name::{self, ObjectName};
use strongroom_format::{Body, Dropped, Evidence, ObjectHash, Time, Tombstone};
use strongroom_store::{Key, Prefix, Store, StoreExt as _};

use crate::edge;
use crate::keys::Keys;
use crate::state::State;
use crate::testing::{
    Content, MemoryTarget, Shape, TestStore, Tree, TreeSource, Writer, reopen, settings,
};
pub(super) use crate::testing::{append, forget, noise};
use crate::{
    BackupOptions, Clock, Components, Credential, DeleteOptions, DeletePlan, DeleteReport, Error,
    ParentChoice, PruneOptions, PrunePlan, PruneReport, Repository, RestoreOptions, Unused,
};

pub(super) fn wait<T>(future: impl Future<Output = T>) -> T {
    futures::executor::block_on(future)
}

/// Nothing unused stays, and nobody is waited for.
pub(super) fn everything() -> PruneOptions {
    nobody_waits().with_max_unused(Unused::Bytes(0))
}

/// Only what is wholly unused goes, and nobody is waited for.
pub(super) fn only_dead() -> PruneOptions {
    nobody_waits()
        .with_max_unused(Unused::Unlimited)
        .with_max_repack_bytes(0)
}

fn nobody_waits() -> PruneOptions {
    PruneOptions::default()
        .with_orphan_age(Duration::ZERO)
        .with_session_age(Duration::ZERO)
}

/// A small tree with a directory, a file of several blobs and a few of one. Trees of neighbouring numbers share half of it.
pub(super) fn tree(n: u64) -> Tree {
    let file = |n: u64| (format!("{n:03}").into_bytes(), Tree::file(&noise(n, 150)));
    let large = (0..5)
        .map(|at| Content::Data(noise(1_000 + n * 3 + at, 90)))
        .collect();
    Tree::dir([
        ("large", Tree::File(large, None)),
        ("many", Tree::Dir((n * 6..n * 6 + 12).map(file).collect())),
    ])
}

/// A tree that shares nothing with any other.
pub(super) fn apart() -> Tree {
    let file = |n: u64| {
        (
            format!("{n} apart").into_bytes(),
            Tree::file(&noise(90_000 + n, 170)),
        )
    };
    Tree::Dir((0..9).map(file).collect())
}

/// A tree that has the files of [`tree`] and others in between, so that they share frames.
pub(super) fn mixed(n: u64) -> Tree {
    let Tree::Dir(mut entries) = tree(n) else {
        return tree(n);
    };
    let file = |at: u64| {
        (
            format!("{at:03} more").into_bytes(),
            Tree::file(&noise(50_000 + at, 150)),
        )
    };
    if let Some(Tree::Dir(many)) = entries.get_mut(b"many".as_slice()) {
        many.extend((n * 6..n * 6 + 12).map(file));
    }
    Tree::Dir(entries)
}

/// Makes a snapshot that stores everything anew, in tiny packs.
pub(super) fn write(repository: &Repository, series: &str, tree: &Tree) -> Id {
    write_as(repository, series, tree, &Shape::default())
}

pub(super) fn write_as(repository: &Repository, series: &str, tree: &Tree, shape: &Shape) -> Id {
    Writer::new(repository, shape.clone()).snapshot(tree, series)
}

/// Frames that hold many blobs each.
pub(super) fn large_frames() -> Shape {
    Shape {
        frame_bytes: 2_000,
        pack_bytes: 8_000,
        ..Shape::default()
    }
}

/// Makes a snapshot of this shape and forgets it, after another that needs some of what is in its frames. Returns that.
pub(super) fn half_needed(repository: &Repository, shape: &Shape) -> Id {
    let gone = write_as(repository, "a", &mixed(1), shape);
    let kept = back_up(repository, "a", &tree(1));
    forget(repository, gone);
    kept
}

/// Backs up, building on what is there.
pub(super) fn back_up(repository: &Repository, series: &str, tree: &Tree) -> Id {
    try_back_up(repository, series, tree).unwrap()
}

pub(super) fn try_back_up(repository: &Repository, series: &str, tree: &Tree) -> Result<Id, Error> {
    // Files of the same name and size look unchanged: they have no inodes and times of their own.
    let options = BackupOptions::new(series).with_parent(ParentChoice::None);
    let source = Arc::new(TreeSource::new(tree.clone()));
    wait(repository.backup(source, options, Arc::new(()))).map(|report| report.snapshot)
}

pub(super) fn tombstone(
    packs: impl IntoIterator<Item = ObjectHash>,
    sessions: impl IntoIterator<Item = SessionId>,
) -> Body {
    Body::Tombstone(Tombstone {
        dropped: Dropped {
            packs: packs.into_iter().collect(),
            sessions: sessions.into_iter().collect(),
            ..Dropped::default()
        },
        ..Tombstone::default()
    })
}

/// The segments in force all of whose packs are so.
pub(super) fn segments_of(
    repository: &Repository,
    is_so: impl Fn(&ObjectHash) -> bool + Send + 'static,
) -> Vec<ObjectHash> {
    let this = repository.clone();
    let find = edge::run(repository.store(), "test", move |remote| {
        let (_, index) = this.current(remote)?;
        Ok(index.exhausted(is_so))
    });
    wait(find).unwrap()
}

pub(super) fn evidence() -> Body {
    Body::Evidence(Evidence::default())
}

pub(super) fn try_plan(repository: &Repository, options: PruneOptions) -> Result<PrunePlan, Error> {
    wait(repository.plan_prune(options, Arc::new(())))
}

pub(super) fn plan(repository: &Repository, options: PruneOptions) -> PrunePlan {
    try_plan(repository, options).unwrap()
}

pub(super) fn try_prune(repository: &Repository, plan: PrunePlan) -> Result<PruneReport, Error> {
    wait(repository.prune(plan, Arc::new(())))
}

pub(super) fn prune(repository: &Repository, plan: PrunePlan) -> PruneReport {
    try_prune(repository, plan).unwrap()
}

pub(super) fn delete_plan(repository: &Repository, options: DeleteOptions) -> DeletePlan {
    wait(repository.plan_delete(options)).unwrap()
}

/// Deletes all that was dropped, at once.
pub(super) fn delete(repository: &Repository) -> DeleteReport {
    let plan = delete_plan(
        repository,
        DeleteOptions::default().with_min_age(Duration::ZERO),
    );
    wait(repository.delete_dropped(plan, Arc::new(()))).unwrap()
}

pub(super) fn state(repository: &Repository) -> Arc<State> {
    let this = repository.clone();
    wait(edge::run(repository.store(), "test", move |remote| {
        this.journal().refresh(remote, this.context())
    }))
    .unwrap()
}

/// The packs in force.
pub(super) fn packs(repository: &Repository) -> BTreeSet<ObjectHash> {
    state(repository).packs.all().keys().copied().collect()
}

pub(super) fn keys_of(store: &Arc<TestStore>, prefix: &str) -> Vec<Key> {
    let listed = wait(store.list_all(&Prefix::parse(prefix).unwrap())).unwrap();
    let mut keys: Vec<Key> = listed.into_iter().map(|meta| meta.key).collect();
    keys.sort();
    keys
}

/// The packs that are there.
pub(super) fn stored_packs(store: &Arc<TestStore>) -> BTreeSet<ObjectHash> {
    let name = |key: &Key| match object_name::parse(key.as_str()) {
        Some(ObjectName::Pack(name)) => Some(name),
        _ => None,
    };
    keys_of(store, "pack/").iter().filter_map(name).collect()
}

pub(super) fn put(store: &Arc<TestStore>, name: &str, bytes: &'static [u8]) {
    wait(store.put_new(&Key::parse(name).unwrap(), bytes.into())).unwrap();
}

/// Puts something under `pack/` that no entry names.
pub(super) fn put_orphan(store: &Arc<TestStore>, seed: u64) -> ObjectHash {
    let bytes = noise(seed, 100);
    let name = ObjectHash::of(&bytes);
    let key = Key::parse(&object_name::pack(&name)).unwrap();
    wait(store.put_new(&key, bytes.into())).unwrap();
    name
}

pub(super) fn fresh(store: &Arc<TestStore>) -> Repository {
    reopen(store, settings(2))
}

/// Opens the repository with keys that open no content.
pub(super) fn without_epochs(store: &Arc<TestStore>) -> Repository {
    let repository = fresh(store);
    let context = repository.context();
    let keys = context.keys();
    let mut bundle = keys.bundle(context.suite, &context.repository).unwrap();
    bundle.epochs.clear();
    let keyring = (keys.generation, keys.keyring, keys.keyring_object.clone());
    let random = &context.components.random;
    let opener = Arc::clone(&keys.opener);
    let keyless = Keys::of_bundle(context.suite, random, bundle, keyring, opener).unwrap();
    context.replace_keys(keyless);
    repository
}

/// A clock that a test sets.
#[derive(Debug)]
pub(super) struct TestClock(AtomicI64);

impl Default for TestClock {
    /// Far in the future: what the tests wrote with the system's clock is old.
    fn default() -> Self {
        Self(AtomicI64::new(32_503_680_000))
    }
}

impl TestClock {
    pub(super) fn advance(&self, by: Duration) {
        self.0
            .fetch_add(i64::try_from(by.as_secs()).unwrap(), Ordering::Relaxed);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Time {
        Time::new(self.0.load(Ordering::Relaxed), 0)
    }
}

pub(super) fn with_clock(
    store: &Arc<TestStore>,
    clock: &Arc<TestClock>,
    cache: Option<&Path>,
) -> Repository {
    let mut settings = settings(2);
    settings.cache = cache.map(Path::to_owned);
    let components = Components {
        clock: Arc::clone(clock) as Arc<dyn Clock>,
        ..Components::default()
    };
    let builder = Repository::builder(store.clone() as Arc<dyn Store>)
        .settings(settings)
        .components(components);
    wait(builder.open(&Credential::None)).unwrap()
}

/// Restores with a client that knows nothing.
pub(super) fn assert_restores(store: &Arc<TestStore>, id: Id, tree: &Tree) {
    assert_restores_with(&fresh(store), id, tree);
}

pub(super) fn assert_restores_with(repository: &Repository, id: Id, tree: &Tree) {
    let target = Arc::new(MemoryTarget::default());
    let options = RestoreOptions::default();
    let report = wait(repository.restore(&id, target.clone(), options, Arc::new(()))).unwrap();
    assert!(report.is_complete(), "{report:?}");
    assert!(
        target.flat() == tree.flat(),
        "what was restored is not what was backed up"
    );
}

/// Asserts that nothing is stored that nothing needs.
pub(super) fn assert_clean(store: &Arc<TestStore>, repository: &Repository) {
    let again = plan(repository, everything());
    assert!(again.is_empty(), "{again}\n{:?}", again.decisions());
    let figures = again.figures();
    assert_eq!(
        (figures.unused_bytes_before, figures.trapped_bytes_before),
        (0, 0)
    );
    assert_eq!(stored_packs(store), packs(repository));
}

/// The bytes of blobs that `needed` does not need and that are in a frame with something that it does, by brute force.
pub(super) fn trapped_bytes(store: &Arc<TestStore>, repository: &Repository, needed: &Tree) -> u64 {
    let context = repository.context();
    let keys = context.keys();
    let snapshots = wait(repository.snapshots()).unwrap();
    let [one] = snapshots.as_slice() else {
        panic!("one snapshot is expected")
    };
    assert_restores(store, one.id, needed);
    let live = live_ids(repository, one.snapshot.root);
    let mut chosen = BTreeSet::new();
    let mut trapped = 0;
    for (frame, blobs) in frames(store, &keys) {
        let is_live: Vec<bool> = blobs
            .iter()
            .map(|(id, _)| live.get(id).is_some_and(|place| *place == frame) && chosen.insert(*id))
            .collect();
        if is_live.contains(&true) {
            let dead = blobs.iter().zip(&is_live).filter(|(_, is_live)| !**is_live);
            trapped += dead.map(|((_, len), _)| u64::from(*len)).sum::<u64>();
        }
    }
    trapped
}

type Frame = (ObjectHash, usize);

/// What is needed, and the frame of the copy that counts: the first in the order of segments' names.
fn live_ids(repository: &Repository, root: Id) -> BTreeMap<Id, Frame> {
    let found: Arc<Mutex<BTreeMap<Id, Frame>>> = Arc::default();
    let state = state(repository);
    let (this, out) = (repository.clone(), Arc::clone(&found));
    wait(edge::run(repository.store(), "test", move |remote| {
        let index = this.index(remote, &state)?;
        let blobs = crate::blobs::Blobs::new(
            remote.clone(),
            this.context().clone(),
            Arc::clone(&index),
            1 << 20,
        );
        let mut marks = crate::index::Marks::new(&index, BTreeMap::new())?;
        let mut todo = vec![(root, true)];
        while let Some((id, is_page)) = todo.pop() {
            if out.lock().unwrap().contains_key(&id) {
                continue;
            }
            let kind = match is_page {
                true => crate::index::Kind::Page,
                false => crate::index::Kind::Content,
            };
            marks.mark(&id, kind, |_, _| Ok(()))?;
            for location in index.locate(&id)? {
                let mut needed = marks.needed(None);
                if needed.has(&id, &location.pack.name, location.position)? {
                    let frame = (location.pack.name, location.position as usize);
                    out.lock().unwrap().insert(id, frame);
                }
            }
            if is_page {
                let page = blobs.read(crate::blobs::PAGE, &id)?;
                let page = strongroom_format::Page::decode(&page).unwrap();
                let stored = page
                    .refs
                    .iter()
                    .filter(|one| one.kind != strongroom_format::RefKind::Zeros);
                todo.extend(
                    stored.map(|one| (one.id, one.kind == strongroom_format::RefKind::Page)),
                );
            }
        }
        Ok(())
    }))
    .unwrap();
    Arc::try_unwrap(found).unwrap().into_inner().unwrap()
}

/// All frames of all packs that are there.
fn frames(store: &Arc<TestStore>, keys: &Keys) -> Vec<(Frame, Vec<(Id, u32)>)> {
    let mut frames = Vec::new();
    for key in keys_of(store, "pack/") {
        let bytes = wait(store.get_all(&key)).unwrap();
        let header = header_of(keys, &bytes);
        for at in 0..header.frames.len() {
            let blobs = header
                .frame_blobs(at)
                .iter()
                .map(|blob| (blob.id, blob.len));
            frames.push(((ObjectHash::of(&bytes), at), blobs.collect()));
        }
    }
    frames
}

fn header_of(keys: &Keys, bytes: &[u8]) -> strongroom_format::PackHeader {
    let preamble = strongroom_format::Preamble::decode(bytes).unwrap();
    let tail = bytes.last_chunk().unwrap();
    let tail = strongroom_format::PackTail::decode(tail, bytes.len() as u64).unwrap();
    let start = usize::try_from(tail.header_offset).unwrap();
    let sealed = &bytes[start..bytes.len() - 32];
    let sealer = keys.structure.header();
    strongroom_format::open_header(sealer, &preamble, tail.header_offset, sealed).unwrap()
}

/// The frames of a pack as they are stored.
pub(super) fn sealed_frames(
    store: &Arc<TestStore>,
    repository: &Repository,
    pack: &ObjectHash,
) -> Vec<Vec<u8>> {
    let bytes = wait(store.get_all(&key_of(pack))).unwrap();
    let header = header_of(&repository.context().keys(), &bytes);
    let frames = header.frames.iter();
    let range = |frame: &strongroom_format::FrameRecord| {
        frame.offset as usize..(frame.offset + frame.stored_len) as usize
    };
    frames.map(|frame| bytes[range(frame)].to_vec()).collect()
}

/// The packs of which a plan decides this.
pub(super) fn decided(plan: &PrunePlan, action: crate::PackAction) -> Vec<ObjectHash> {
    let of_action = plan.decisions().iter().filter(|one| one.action == action);
    of_action.map(|one| one.name).collect()
}

pub(super) fn key_of(pack: &ObjectHash) -> Key {
    Key::parse(&object_name::pack(pack)).unwrap()
}

/// A store in front of which something happens before every put of a kind, or before the first.
pub(super) struct Meddling {
    inner: Arc<TestStore>,
    prefix: &'static str,
    /// Before gets rather than puts.
    before_gets: bool,
    most: usize,
    done: std::sync::atomic::AtomicUsize,
    meddle: Arc<dyn Fn() + Send + Sync>,
}

impl Meddling {
    pub(super) fn new(
        inner: Arc<TestStore>,
        prefix: &'static str,
        meddle: Arc<dyn Fn() + Send + Sync>,
    ) -> Self {
        Self {
            inner,
            prefix,
            before_gets: false,
            most: usize::MAX,
            done: std::sync::atomic::AtomicUsize::new(0),
            meddle,
        }
    }

    /// Meddles before gets.
    pub(super) fn before_gets(
        inner: Arc<TestStore>,
        prefix: &'static str,
        meddle: Arc<dyn Fn() + Send + Sync>,
    ) -> Self {
        Self {
            before_gets: true,
            ..Self::new(inner, prefix, meddle)
        }
    }

    fn meddle(&self, key: &Key) {
        let is_ours = key.as_str().starts_with(self.prefix);
        if is_ours && self.done.fetch_add(1, Ordering::Relaxed) < self.most {
            // On a thread of its own: this one is already running an executor.
            let meddle = Arc::clone(&self.meddle);
            std::thread::spawn(move || meddle()).join().unwrap();
        }
    }

    pub(super) fn once(
        inner: Arc<TestStore>,
        prefix: &'static str,
        meddle: Arc<dyn Fn() + Send + Sync>,
    ) -> Self {
        Self {
            most: 1,
            ..Self::new(inner, prefix, meddle)
        }
    }
}

impl std::fmt::Debug for Meddling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Meddling")
    }
}

impl std::fmt::Display for Meddling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("meddling")
    }
}

#[async_trait::async_trait]
impl Store for Meddling {
    fn capabilities(&self) -> strongroom_store::Capabilities {
        self.inner.capabilities()
    }

    async fn put(
        &self,
        key: &Key,
        data: bytes::Bytes,
        options: strongroom_store::PutOptions,
    ) -> strongroom_store::Result<()> {
        if !self.before_gets {
            self.meddle(key);
        }
        self.inner.put(key, data, options).await
    }

    async fn get(
        &self,
        key: &Key,
        options: strongroom_store::GetOptions,
    ) -> strongroom_store::Result<bytes::Bytes> {
        if self.before_gets {
            self.meddle(key);
        }
        self.inner.get(key, options).await
    }

    async fn head(&self, key: &Key) -> strongroom_store::Result<strongroom_store::ObjectMeta> {
        self.inner.head(key).await
    }

    async fn delete(&self, key: &Key) -> strongroom_store::Result<()> {
        self.inner.delete(key).await
    }

    fn list(
        &self,
        prefix: &Prefix,
    ) -> futures::stream::BoxStream<'static, strongroom_store::Result<strongroom_store::ObjectMeta>>
    {
        self.inner.list(prefix)
    }
}
