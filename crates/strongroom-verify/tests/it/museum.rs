//! A small repository that has an object of every kind and an entry of every type.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use strongroom_chunk::ChunkSizes;
use strongroom_crypt::{Argon2Params, GenesisPin, Id, SeededRandom, SlotKey, Suite, SystemRandom};
use strongroom_format::parity::Overhead;
use strongroom_format::{
    Abandon, Beacon, Body, Condemn, Damaged, DamagedPack, Evidence, Feature, ObjectHash, Policy,
    Time, Unknown, object_name,
};
use strongroom_repo::testing::{Content, Flat, Tree, TreeSource};
use strongroom_repo::{
    BackupOptions, Clock, Components, CreateOptions, Credential, Execution, ForgetOptions,
    HoldRequest, NewSlot, ParentChoice, PruneOptions, Repository, RepositoryBuilder, Settings,
    Unused,
};
use strongroom_store::wrap::RecordingSleep;
use strongroom_store::{Key, MemoryStore, Store};

use crate::insider::{Insider, PASSPHRASE, entries, get, names, put, wait};

/// A repository, what is in it, and what it once was.
pub(crate) struct Museum {
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) suite: Suite,
    pub(crate) pin: GenesisPin,
    pub(crate) snapshots: BTreeMap<Id, Flat>,
    /// What is backed up next.
    pub(crate) tree: Tree,
    /// Objects as they once were, or that were there once and are deleted.
    pub(crate) older: Vec<(Key, Bytes)>,
}

/// A second passes at each look.
#[derive(Debug)]
struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> Time {
        Time::new(self.0.fetch_add(1, Ordering::Relaxed), 0)
    }
}

const START: i64 = 1_750_000_000;

/// Entries after which a museum is full: one bundle, one checkpoint, and some that are in neither.
const ENTRIES: usize = 70;

pub(crate) fn credential(suite: Suite) -> Credential {
    match suite {
        Suite::None => Credential::None,
        _ => Credential::passphrase(PASSPHRASE),
    }
}

/// A builder that runs inline and whose randomness is this seed's.
pub(crate) fn builder(store: &Arc<MemoryStore>, seed: u64, now: i64) -> RepositoryBuilder {
    builder_with(store, seed, now, None)
}

fn builder_with(
    store: &Arc<MemoryStore>,
    seed: u64,
    now: i64,
    parity: Option<Overhead>,
) -> RepositoryBuilder {
    let mut components = Components::default();
    components.clock = Arc::new(TestClock(AtomicI64::new(now)));
    components.random = SeededRandom::shared(seed);
    components.sleep = Arc::new(RecordingSleep::new());
    components.execution = Execution::Inline;
    let mut settings = Settings::default();
    settings.threads = 1;
    settings.pack_bytes = 16 << 10;
    settings.announce_bytes = 24 << 10;
    settings.level = 1;
    settings.parity = parity;
    settings.chunk_sizes = ChunkSizes::new(256, 512, 2_048).unwrap();
    Repository::builder(store.clone() as Arc<dyn Store>)
        .settings(settings)
        .components(components)
}

pub(crate) fn open(
    store: &Arc<MemoryStore>,
    suite: Suite,
    seed: u64,
) -> Result<Repository, strongroom_repo::Error> {
    wait(builder(store, seed, START + 90 * 86_400).open(&credential(suite)))
}

/// Noise that does not compress.
pub(crate) fn noise(seed: u64, len: usize) -> Vec<u8> {
    use strongroom_crypt::Random as _;
    let mut bytes = vec![0; len];
    SeededRandom::new(seed).fill(&mut bytes).unwrap();
    bytes
}

fn text(seed: u64, len: usize) -> Vec<u8> {
    let words = noise(seed, len / 4);
    words
        .iter()
        .flat_map(|byte| format!("w{:02x} ", byte % 32).into_bytes())
        .collect()
}

/// A tree of each sort of thing; `version` changes some of it.
fn tree(version: u64) -> Tree {
    let file = |seed, len| Tree::file(&noise(seed, len));
    let many = (0..80).map(|i: u64| {
        // A name at which the directory's page ends.
        let name = match i {
            70 => (0..).map(|j| format!("n70-{j}")).find(ends_page).unwrap(),
            _ => format!("n{i:02}"),
        };
        let tree = if i.is_multiple_of(9) {
            Tree::file(b"")
        } else {
            file(i + 10_000, 40)
        };
        (name, tree)
    });
    let many: Vec<(String, Tree)> = many.collect();
    let many = many
        .iter()
        .map(|(name, tree)| (name.as_str(), tree.clone()));
    let sparse = vec![
        Content::Data(noise(5, 700)),
        Content::Zeros(40_000),
        Content::Data(noise(6, 900)),
    ];
    let linked = || Tree::File(vec![Content::Data(text(77, 900))], Some(3));
    let mut entries = vec![
        ("empty", Tree::dir([])),
        ("large", file(1, 60_000)),
        ("link", Tree::Symlink(b"large".to_vec())),
        ("many", Tree::dir(many)),
        ("notes", Tree::file(&text(version, 4_000))),
        ("one", linked()),
        ("two", linked()),
        ("sparse", Tree::File(sparse, None)),
    ];
    let deep = Tree::dir([("c", Tree::dir([("d", file(version + 50, 3_000))]))]);
    entries.push((
        "a",
        Tree::dir([("b", deep), ("x", Tree::file(&text(9, 2_000)))]),
    ));
    if version.is_multiple_of(2) {
        entries.push(("even", file(version + 100, 9_000)));
    }
    Tree::dir(entries)
}

fn ends_page(name: &String) -> bool {
    ObjectHash::of(name.as_bytes()).as_bytes()[0] == 0
}

impl Museum {
    /// Builds it. The same seed gives the same bytes, but for grants of slots.
    pub(crate) fn new(suite: Suite, seed: u64) -> Self {
        // One with parity, the other without.
        let parity = (suite == Suite::None).then_some(Overhead::DISKS);
        let store = Arc::new(MemoryStore::new());
        let options = CreateOptions::default()
            .with_suite(suite)
            .with_argon2(Argon2Params::FASTEST);
        let builder = builder_with(&store, seed, START, parity);
        let created = wait(builder.create(options, &credential(suite)));
        let created = created.unwrap();
        let mut museum = Self {
            store,
            suite,
            pin: created.pin,
            snapshots: BTreeMap::new(),
            tree: tree(9),
            older: Vec::new(),
        };
        museum.live(&created.repository);
        museum.exhibit();
        museum.fill_up(&created.repository);
        // A snapshot that is in no bundle, and an entry after it.
        museum.back_up(&created.repository, "work", 10);
        let hold = HoldRequest::on_series("work", "the last entry");
        wait(created.repository.place_hold(hold)).unwrap();
        museum
    }

    fn back_up(&mut self, repository: &Repository, series: &str, version: u64) -> Id {
        let tree = tree(version);
        let source = TreeSource::new(tree.clone());
        let options = BackupOptions::new(series)
            .with_host("museum")
            .with_description("details are sealed")
            .with_parent(ParentChoice::None);
        let done = wait(repository.backup(Arc::new(source), options, Arc::new(()))).unwrap();
        self.snapshots.insert(done.snapshot, tree.flat());
        done.snapshot
    }

    /// What its users did.
    fn live(&mut self, repository: &Repository) {
        let first = self.back_up(repository, "home", 1);
        self.back_up(repository, "home", 2);
        self.back_up(repository, "work", 4);
        self.keep_copies();
        let hold = HoldRequest::on_snapshots([first], "evidence");
        wait(repository.place_hold(hold)).unwrap();
        if self.suite != Suite::None {
            let slot = NewSlot::Passphrase(Arc::new("another".into()), Argon2Params::FASTEST);
            let slot = wait(repository.add_slot("second", slot)).unwrap();
            wait(repository.revoke_slot(slot.id)).unwrap();
            // The generation before stays beside the newest.
            let robot = SlotKey::generate(&SystemRandom).unwrap();
            let robot = NewSlot::Recipient(robot.public());
            wait(repository.add_slot("robot", robot)).unwrap();
        }
        let gone = self.back_up(repository, "home", 6);
        self.back_up(repository, "home", 3);
        // So many segments that a prune merges them.
        self.back_up(repository, "work", 5);
        self.back_up(repository, "work", 7);
        let plan = wait(repository.plan_forget(ForgetOptions::of([gone]))).unwrap();
        wait(repository.forget(plan)).unwrap();
        self.snapshots.remove(&gone);
        for condemn in [true, true, false] {
            let options = PruneOptions::default()
                .with_max_unused(Unused::Bytes(0))
                .with_condemn(condemn);
            let plan = wait(repository.plan_prune(options, Arc::new(()))).unwrap();
            self.keep_copies();
            let _report = wait(repository.prune(plan, Arc::new(()))).unwrap();
        }
        let old = strongroom_repo::DeleteOptions::default().with_min_age(Duration::ZERO);
        let plan = wait(repository.plan_delete(old)).unwrap();
        wait(repository.delete_dropped(plan, Arc::new(()))).unwrap();
        self.back_up(repository, "work", 8);
    }

    fn keep_copies(&mut self) {
        for name in names(&self.store, "") {
            let bytes = get(&self.store, name.as_str());
            self.older.push((name, bytes));
        }
    }

    /// Entries and objects that this version of the engine does not write by itself.
    fn exhibit(&self) {
        let insider = Insider::of(&self.store);
        let gone = ObjectHash::of(b"a pack that is gone");
        let bodies = [
            Body::Abandon(Abandon {
                sessions: vec![strongroom_crypt::SessionId::from_bytes([9; 32])],
                unknown: Unknown::default(),
            }),
            Body::Condemn(Condemn {
                packs: vec![gone],
                unknown: Unknown::default(),
            }),
            Body::Damaged(Damaged {
                packs: vec![DamagedPack {
                    pack: gone,
                    frames: vec![0, 2],
                }],
                unknown: Unknown::default(),
            }),
            Body::Feature(Feature::default()),
            Body::Policy(Policy {
                hash: ObjectHash::of(b"keep = 7"),
                document: Some(b"keep = 7".to_vec()),
                media_type: "text/plain".to_owned(),
                ..Policy::default()
            }),
            Body::Evidence(Evidence {
                kind: "note".to_owned(),
                ..Evidence::default()
            }),
        ];
        for body in bodies {
            insider.append(&self.store, body);
        }
        let beacon = Beacon {
            host: Some("museum".to_owned()),
            ..Beacon::default()
        };
        let bytes = beacon.encode(self.suite, insider.repository, insider.random_bytes());
        let session = strongroom_crypt::SessionId::from_bytes([7; 32]);
        put(&self.store, &object_name::session(&session), bytes.unwrap());
    }

    /// Holds come and go until there is a bundle, a checkpoint and a little more.
    fn fill_up(&self, repository: &Repository) {
        while entries(&self.store).len() < ENTRIES {
            let hold = HoldRequest::on_series("home", "one more");
            let id = wait(repository.place_hold(hold)).unwrap();
            wait(repository.release_hold(id)).unwrap();
        }
    }

    /// A copy of the store, to be damaged.
    pub(crate) fn copy(&self) -> Arc<MemoryStore> {
        copy(&self.store)
    }
}

pub(crate) fn copy(store: &MemoryStore) -> Arc<MemoryStore> {
    let copy = MemoryStore::new();
    for name in names(store, "") {
        put(&copy, name.as_str(), get(store, name.as_str()));
    }
    Arc::new(copy)
}

#[test]
fn a_museum_has_everything() {
    for suite in [Suite::None, Suite::Aes256Gcm] {
        let museum = Museum::new(suite, 1);
        let insider = Insider::of(&museum.store);
        let mut types: BTreeMap<u64, u32> = BTreeMap::new();
        for payload in insider.payloads(&museum.store) {
            *types.entry(payload.body.kind()).or_default() += 1;
        }
        let mut kinds: BTreeMap<String, u32> = BTreeMap::new();
        for name in names(&museum.store, "") {
            let folder = name.as_str().split('/').next().unwrap().to_owned();
            *kinds.entry(folder).or_default() += 1;
        }
        for name in names(&museum.store, "pack/") {
            let class = get(&museum.store, name.as_str())[14];
            *kinds.entry(format!("pack of class {class}")).or_default() += 1;
        }
        println!("{suite:?}: {types:?} {kinds:?}");
        let wanted: Vec<u64> = match suite {
            Suite::None => vec![0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13],
            _ => (0..14).collect(),
        };
        for kind in wanted {
            assert!(
                types.contains_key(&kind),
                "no entry of type {kind}: {types:?}"
            );
        }
        let opened = open(&museum.store, suite, 2).unwrap();
        let listed = wait(opened.snapshots()).unwrap();
        let ids: Vec<Id> = listed.iter().map(|one| one.id).collect();
        assert_eq!(ids.len(), museum.snapshots.len());
        assert!(ids.iter().all(|id| museum.snapshots.contains_key(id)));
    }
}
