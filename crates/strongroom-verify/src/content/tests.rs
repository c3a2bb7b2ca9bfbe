//! Small repositories, whole and damaged.

use std::sync::Arc;

use bytes::Bytes;
use futures::executor::block_on;
use strongroom_chunk::ChunkSizes;
use strongroom_crypt::{Id, SeededRandom, Suite};
use strongroom_format::object_name::{self, ObjectName};
use strongroom_format::{ObjectHash, Time};
use strongroom_repo::testing::{Content as Piece, NearStore, Tree, TreeSource};
use strongroom_repo::{
    AuditScope, BackupOptions, Components, CreateOptions, Credential, Execution, Repository,
    Settings,
};
use strongroom_store::{Key, MemoryStore, Prefix, Store, StoreExt as _};

use crate::{
    Area, Auditor, CheckOptions, Level, PackSelection, Problem, Report, Severity, Subject,
};

struct World {
    store: Arc<MemoryStore>,
    repository: Repository,
    random: u64,
    snapshots: Vec<Id>,
}

impl World {
    fn new(suite: Suite) -> Self {
        let store = Arc::new(MemoryStore::new());
        let mut components = Components::default();
        components.random = SeededRandom::shared(7);
        components.execution = Execution::Inline;
        let mut settings = Settings::default();
        settings.threads = 1;
        settings.pack_bytes = 64 << 10;
        settings.chunk_sizes = ChunkSizes::new(1_024, 4_096, 16_384).unwrap();
        let builder = Repository::builder(store.clone() as Arc<dyn Store>)
            .settings(settings)
            .components(components);
        let credential = match suite {
            Suite::None => Credential::None,
            _ => Credential::passphrase("correct horse battery staple"),
        };
        let mut options = CreateOptions::default().with_suite(suite);
        options.argon2 = strongroom_crypt::Argon2Params::new(64, 1, 1).unwrap_or_default();
        let created = block_on(builder.create(options, &credential)).unwrap();
        Self {
            store,
            repository: created.repository,
            random: 1,
            snapshots: Vec::new(),
        }
    }

    /// Bytes that do not shrink, the same for the same seed.
    fn bytes(&mut self, len: usize) -> Vec<u8> {
        self.random += 1;
        let mut out = vec![0; len];
        blake3::Hasher::new()
            .update(&self.random.to_le_bytes())
            .finalize_xof()
            .fill(&mut out);
        out
    }

    fn backup(&mut self, tree: &Tree) -> Id {
        let source = Arc::new(TreeSource::new(tree.clone()));
        let options = BackupOptions::new("series");
        let report = block_on(self.repository.backup(source, options, Arc::new(()))).unwrap();
        self.snapshots.push(report.snapshot);
        report.snapshot
    }

    fn tree(&mut self) -> Tree {
        let small = (0..40).map(|n| (format!("small-{n:02}"), Tree::file(&self.bytes(100 + n))));
        let small: Vec<(String, Tree)> = small.collect();
        let big = self.bytes(300_000);
        let text = b"the quick brown fox ".repeat(3_000);
        let linked = Tree::File(vec![Piece::Data(self.bytes(5_000))], Some(3));
        let holes = vec![
            Piece::Data(self.bytes(9_000)),
            Piece::Zeros(100_000),
            Piece::Data(self.bytes(10)),
        ];
        Tree::dir([
            ("a", linked.clone()),
            ("b", linked),
            ("big", Tree::file(&big)),
            ("empty", Tree::dir([])),
            ("holes", Tree::File(holes, None)),
            ("none", Tree::file(b"")),
            ("link", Tree::Symlink(b"big".to_vec())),
            ("text", Tree::file(&text)),
            (
                "many",
                Tree::dir(
                    small
                        .iter()
                        .map(|(name, tree)| (name.as_str(), tree.clone())),
                ),
            ),
        ])
    }

    /// Checks it as a store of which packs are read whole, and as one of which they are read in pieces.
    fn check(&self, scope: AuditScope, options: CheckOptions) -> Report {
        let check = |store: Arc<dyn Store>| {
            let keys = self.repository.audit_keys(scope).unwrap();
            let auditor = Auditor::new(store).with_keys(keys).with_threads(2);
            block_on(auditor.check(options.clone(), Arc::new(()))).unwrap()
        };
        let whole = check(self.store.clone());
        let pieces = check(Arc::new(NearStore::new(self.store.clone())));
        assert_eq!(whole, pieces);
        pieces
    }

    fn packs(&self) -> Vec<ObjectHash> {
        let prefix = Prefix::parse("pack/").unwrap();
        let objects = block_on(self.store.list_all(&prefix)).unwrap();
        let hash = |key: &Key| match object_name::parse(key.as_str()) {
            Some(ObjectName::Pack(hash)) => hash,
            other => panic!("{other:?}"),
        };
        objects.iter().map(|meta| hash(&meta.key)).collect()
    }

    fn get(&self, pack: &ObjectHash) -> Vec<u8> {
        let key = Key::parse(&object_name::pack(pack)).unwrap();
        block_on(self.store.get_all(&key)).unwrap().to_vec()
    }

    fn put(&self, pack: &ObjectHash, bytes: Vec<u8>) {
        let key = Key::parse(&object_name::pack(pack)).unwrap();
        block_on(self.store.replace(&key, Bytes::from(bytes))).unwrap();
    }

    fn delete(&self, pack: &ObjectHash) {
        let key = Key::parse(&object_name::pack(pack)).unwrap();
        block_on(self.store.delete(&key)).unwrap();
    }

    fn class(&self, pack: &ObjectHash) -> u8 {
        self.get(pack)[14]
    }
}

fn options(level: Level) -> CheckOptions {
    CheckOptions::new(Time::new(1_800_000_000, 0)).with_level(level)
}

fn worst(report: &Report) -> Option<Severity> {
    report.worst().filter(|worst| *worst > Severity::Note)
}

#[test]
fn an_intact_repository_has_no_finding_at_any_level_in_any_suite() {
    for suite in [Suite::None, Suite::Aes256Gcm] {
        let mut world = World::new(suite);
        let tree = world.tree();
        world.backup(&tree);
        world.backup(&tree);
        let mut tree = tree;
        if let Tree::Dir(entries) = &mut tree {
            entries.insert(b"new".to_vec(), Tree::file(&world.bytes(50_000)));
        }
        world.backup(&tree);
        for level in [
            Level::Listed,
            Level::Hashed,
            Level::Authenticated,
            Level::Decoded,
            Level::Rebuilt,
        ] {
            for scope in [AuditScope::Structure, AuditScope::Content] {
                let report = world.check(scope, options(level));
                assert_eq!(worst(&report), None, "{suite:?} {level}: {report}");
                assert!(report.blast.is_nothing());
            }
        }
        let report = world.check(AuditScope::Content, options(Level::Rebuilt));
        let files = report.coverage.of(Area::Files, Level::Rebuilt);
        // The pages of the directory "many" and of the root before the new file are shared: 46 files, and 7 of the new root.
        assert_eq!(files.count, 46 + 7, "{report}");
        let packs = report.coverage.of(Area::Packs, Level::Decoded);
        assert_eq!(packs.count, world.packs().len() as u64);
        assert!(report.coverage.of(Area::Blobs, Level::Decoded).count > 80);
        assert_eq!(report.level, Level::Rebuilt);
    }
}

#[test]
fn every_file_that_is_rebuilt_is_told_with_its_hash() {
    let mut world = World::new(Suite::None);
    let tree = world.tree();
    let snapshot = world.backup(&tree);
    let told = Arc::new(std::sync::Mutex::new(std::collections::BTreeMap::new()));
    let keys = world.repository.audit_keys(AuditScope::Content).unwrap();
    let auditor = Auditor::new(world.store.clone() as Arc<dyn Store>).with_keys(keys);
    let seen = Arc::clone(&told);
    let observer = move |event: &crate::Event<'_>| {
        if let crate::Event::Rebuilt {
            snapshot,
            path,
            hash,
            ..
        } = event
        {
            let before = seen
                .lock()
                .unwrap()
                .insert((*snapshot, path.to_vec()), *hash);
            assert_eq!(before, None);
        }
    };
    block_on(auditor.check(options(Level::Rebuilt), Arc::new(observer))).unwrap();
    let files = tree
        .flat()
        .into_iter()
        .filter_map(|(path, (kind, content))| {
            let is_file = kind == strongroom_format::NodeKind::File;
            is_file.then(|| ((snapshot, path), ObjectHash::of(&content)))
        });
    assert_eq!(*told.lock().unwrap(), files.collect());
}

#[test]
fn a_flipped_bit_is_one_bad_frame_and_costs_the_files_of_that_frame() {
    let mut world = World::new(Suite::Aes256Gcm);
    let tree = world.tree();
    let snapshot = world.backup(&tree);
    let mut seen = 0;
    for pack in world.packs() {
        if world.class(&pack) != 0 {
            continue;
        }
        let good = world.get(&pack);
        for at in (70..good.len() - 2_000).step_by(11_003) {
            let mut bad = good.clone();
            bad[at] ^= 1;
            world.put(&pack, bad);
            let report = world.check(AuditScope::Content, options(Level::Decoded));
            let damaged = report.damaged_objects();
            assert_eq!(damaged.len(), 1, "{report}");
            assert_eq!(damaged[0].name, ObjectName::Pack(pack));
            // Either one frame, or padding, in which case all frames are good.
            if damaged[0].frames.is_empty() {
                assert_eq!(report.count(Problem::FrameDamaged), 0, "{report}");
                continue;
            }
            seen += 1;
            assert_eq!(damaged[0].frames.len(), 1, "{report}");
            assert_eq!(report.count(Problem::FrameDamaged), 1);
            assert!(report.blast.lost > 0);
            assert_eq!(report.blast.snapshots.len(), 1);
            let loss = &report.blast.snapshots[0];
            assert_eq!(loss.snapshot, snapshot);
            assert!(loss.files > 0 && loss.files < 46, "{report}");
            assert_eq!(report.count(Problem::FileLost), loss.files, "{report}");
            let structural = world.check(AuditScope::Structure, options(Level::Decoded));
            assert!(structural.worst() >= Some(Severity::Damage), "{structural}");
        }
        world.put(&pack, good);
    }
    assert!(seen > 8, "{seen}");
    let report = world.check(AuditScope::Content, options(Level::Decoded));
    assert_eq!(worst(&report), None, "{report}");
}

#[test]
fn whatever_happens_to_a_pack_is_found_and_costs_no_other_pack() {
    let mut world = World::new(Suite::None);
    let tree = world.tree();
    world.backup(&tree);
    let packs = world.packs();
    for (at, pack) in packs.iter().enumerate() {
        let good = world.get(pack);
        let other = world.get(&packs[(at + 1) % packs.len()]);
        for (what, bad) in [
            ("deleted", None),
            ("empty", Some(Vec::new())),
            ("short", Some(good[..good.len() / 2].to_vec())),
            ("preamble", Some(good[..64].to_vec())),
            ("long", Some([good.as_slice(), b"x"].concat())),
            ("header", Some(flip(&good, good.len() - 100))),
            ("tail", Some(flip(&good, good.len() - 30))),
            ("version", Some(flip(&good, 8))),
            ("repository", Some(flip(&good, 20))),
            ("other", Some(other)),
        ] {
            match bad {
                Some(bad) => world.put(pack, bad),
                None => world.delete(pack),
            }
            for level in [Level::Hashed, Level::Decoded] {
                let report = world.check(AuditScope::Content, options(level));
                assert!(!report.is_intact(), "{what} at {level}: {report}");
                let damaged = report.damaged_objects();
                assert_eq!(damaged.len(), 1, "{what} at {level}: {report}");
                assert_eq!(damaged[0].name, ObjectName::Pack(*pack));
                // The index knows where the header is, when only the end is damaged.
                let costs = level > Level::Hashed && !matches!(what, "tail" | "long");
                let worst = if costs {
                    Severity::Loss
                } else {
                    Severity::Damage
                };
                assert_eq!(report.worst(), Some(worst), "{what} at {level}: {report}");
                let lost = usize::from(costs);
                assert_eq!(report.blast.snapshots.len(), lost, "{what}: {report}");
                assert_eq!(report.count(Problem::NewerVersion), 0, "{what}: {report}");
                assert_eq!(report.count(Problem::Inconsistent), 0, "{what}: {report}");
            }
        }
        world.put(pack, good);
    }
}

fn flip(bytes: &[u8], at: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at] ^= 4;
    bytes
}

#[test]
fn little_memory_means_more_passes_and_the_same_answer() {
    let mut world = World::new(Suite::None);
    let files: Vec<(String, Tree)> = (0..5_000)
        .map(|n| (format!("f{n:05}"), Tree::file(&world.bytes(40))))
        .collect();
    let named = files
        .iter()
        .map(|(name, tree)| (name.as_str(), tree.clone()));
    world.backup(&Tree::dir(named));
    let pack = world
        .packs()
        .into_iter()
        .find(|pack| world.class(pack) == 0);
    let pack = pack.unwrap();
    for bad in [false, true] {
        if bad {
            let good = world.get(&pack);
            world.put(&pack, flip(&good, 500));
        }
        let much = world.check(AuditScope::Content, options(Level::Decoded));
        let little = options(Level::Decoded).with_memory_bytes(1_000);
        let little = world.check(AuditScope::Content, little);
        assert_eq!(worst(&much) > Some(Severity::Note), bad, "{much}");
        assert_eq!(much.blast, little.blast);
        assert_eq!(much.findings(), little.findings());
        let again = |report: &Report| report.coverage.of(Area::Blobs, Level::Decoded);
        assert_eq!(again(&much), again(&little));
        if bad {
            assert!(much.blast.snapshots[0].files > 0, "{much}");
        }
    }
}

#[test]
fn a_pack_that_was_not_chosen_is_known_by_its_header() {
    let mut world = World::new(Suite::None);
    let tree = world.tree();
    world.backup(&tree);
    let none = PackSelection {
        all: false,
        ..PackSelection::all().with_widening(false)
    };
    let report = world.check(
        AuditScope::Content,
        options(Level::Decoded).with_packs(none.clone()),
    );
    assert_eq!(worst(&report), None, "{report}");
    let all = world.packs().len() as u64;
    assert_eq!(
        report.coverage.of(Area::Packs, Level::Authenticated).count,
        all
    );
    assert!(report.coverage.of(Area::Packs, Level::Decoded).count < all);
    let pack = world
        .packs()
        .into_iter()
        .find(|pack| world.class(pack) == 0);
    let pack = pack.unwrap();
    let good = world.get(&pack);
    world.put(&pack, flip(&good, good.len() - 100));
    let report = world.check(
        AuditScope::Content,
        options(Level::Decoded).with_packs(none),
    );
    assert!(!report.is_intact(), "{report}");
    assert_eq!(report.damaged_objects()[0].name, ObjectName::Pack(pack));
}

#[test]
fn lost_names_and_pages_are_named_with_what_they_held() {
    let mut world = World::new(Suite::Aes256Gcm);
    let tree = world.tree();
    let snapshot = world.backup(&tree);
    for pack in world.packs() {
        let class = world.class(&pack);
        if class == 0 {
            continue;
        }
        let good = world.get(&pack);
        world.delete(&pack);
        let report = world.check(AuditScope::Content, options(Level::Rebuilt));
        assert_eq!(report.worst(), Some(Severity::Loss), "{report}");
        let is_root = |finding: &crate::Finding| finding.subject == Subject::Snapshot(snapshot);
        assert!(report.findings().iter().any(is_root), "{class}: {report}");
        world.put(&pack, good);
    }
}
