//! Snapshots compared with the files they were made of.

use std::fs::{self, File, Permissions};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{FileExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures::executor::block_on;
use strongroom::store::{Prefix, StoreExt as _};
use strongroom::{
    BackupOptions, Changes, CompareSourceOptions, Discrepancy, Excludes, FileTree, Id, MemoryStore,
    Repository, SourceReport, Standing, Store as _,
};

use crate::tree::{cheap, passphrase, settings};

struct Place {
    store: Arc<MemoryStore>,
    repository: Repository,
    root: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let store = Arc::new(MemoryStore::new());
        let builder = Repository::builder(store.clone()).settings(settings());
        let created = block_on(builder.create(cheap(), &passphrase())).unwrap();
        let root = tempfile::tempdir().unwrap();
        fill(root.path());
        Self {
            store,
            repository: created.repository,
            root,
        }
    }

    fn tree(&self) -> FileTree {
        FileTree::builder(self.root.path()).build().unwrap()
    }

    fn back_up(&self, tree: FileTree) -> Id {
        let options = BackupOptions::new("tests");
        let backup = self
            .repository
            .backup(Arc::new(tree), options, Arc::new(()));
        block_on(backup).unwrap().snapshot
    }

    fn compare(&self, tree: &FileTree, snapshot: &Id, changes: Changes) -> SourceReport {
        let options = CompareSourceOptions::default().with_changes(changes);
        let compare = tree.compare(&self.repository, snapshot, options, Arc::new(()));
        block_on(compare).unwrap()
    }
}

const LARGE: usize = 3_000_000;

/// One of everything that an ordinary user can make.
fn fill(root: &Path) {
    fs::create_dir_all(root.join("dir/deep")).unwrap();
    fs::write(root.join("dir/small"), "small").unwrap();
    fs::write(root.join("dir/deep/empty"), "").unwrap();
    let mut state = 7_u64;
    let noise = (0..LARGE).map(|_| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        state.to_be_bytes()[0]
    });
    fs::write(root.join("large"), noise.collect::<Vec<u8>>()).unwrap();
    let mut holes = File::create(root.join("holes")).unwrap();
    holes.seek(SeekFrom::Start(2 << 20)).unwrap();
    holes.write_all(b"after the hole").unwrap();
    holes.set_len(4 << 20).unwrap();
    symlink("dir/small", root.join("link")).unwrap();
    fs::write(root.join("one name"), "linked").unwrap();
    fs::hard_link(root.join("one name"), root.join("two names")).unwrap();
    drop(std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap());
}

fn kinds(report: &SourceReport) -> Vec<(String, Discrepancy)> {
    let told = report.differences.iter().filter(|one| {
        // Directories change with what is in them.
        one.what != Discrepancy::Holes
            && !(one.what == Discrepancy::Mtime && [&b""[..], b"dir"].contains(&&one.path[..]))
    });
    let named = |one: &strongroom::SourceDifference| {
        (String::from_utf8_lossy(&one.path).into_owned(), one.what)
    };
    told.map(named).collect()
}

#[test]
fn what_was_just_backed_up_is_identical() {
    let place = Place::new();
    let snapshot = place.back_up(place.tree());
    for changes in [Changes::Excused, Changes::Counted] {
        let report = place.compare(&place.tree(), &snapshot, changes);
        assert!(report.is_identical(), "{report}\n{:?}", report.differences);
        assert_eq!((report.entries, report.files), (11, 5));
        assert_eq!(report.bytes, 5 + LARGE as u64 + (4 << 20) + 6);
        assert!(report.to_string().starts_with("L6 compared"), "{report}");
    }
}

/// Changes one thing, and expects that it is found, and how.
#[track_caller]
fn finds(change: impl FnOnce(&Path), expected: &[(&str, Discrepancy)]) {
    let place = Place::new();
    let snapshot = place.back_up(place.tree());
    std::thread::park_timeout(Duration::from_millis(30));
    change(place.root.path());
    let expected: Vec<_> = expected
        .iter()
        .map(|(path, what)| ((*path).to_owned(), *what))
        .collect();
    let strict = place.compare(&place.tree(), &snapshot, Changes::Counted);
    assert_eq!(kinds(&strict), expected, "{strict}");
    assert!(!strict.is_same());
    let excused = place.compare(&place.tree(), &snapshot, Changes::Excused);
    assert_eq!(kinds(&excused), expected, "{excused}");
    assert!(excused.is_same() && !excused.is_identical(), "{excused}");
    let total = strict.total(Standing::Unexplained);
    assert_eq!(excused.total(Standing::ChangedSince), total);
}

/// Changes a file and sets its modification time as it was.
fn keep_time(path: &Path, change: impl FnOnce()) {
    let time = fs::metadata(path).unwrap().modified().unwrap();
    change();
    let file = File::options().write(true).open(path).unwrap();
    file.set_modified(time).unwrap();
}

#[test]
fn other_content_is_found_wherever_it_is() {
    use Discrepancy::Content;

    finds(
        |root| {
            keep_time(&root.join("dir/small"), || {
                fs::write(root.join("dir/small"), "smell").unwrap();
            });
        },
        &[("dir/small", Content)],
    );
    finds(
        |root| {
            keep_time(&root.join("large"), || {
                let large = File::options()
                    .write(true)
                    .open(root.join("large"))
                    .unwrap();
                large.write_all_at(b"!!!", LARGE as u64 - 700_000).unwrap();
            });
        },
        &[("large", Content)],
    );
    finds(
        |root| {
            keep_time(&root.join("holes"), || {
                let holes = File::options()
                    .write(true)
                    .open(root.join("holes"))
                    .unwrap();
                holes.write_all_at(b"!", 1 << 20).unwrap();
            });
        },
        &[("holes", Content)],
    );
    finds(
        |root| {
            keep_time(&root.join("large"), || {
                let large = File::options()
                    .write(true)
                    .open(root.join("large"))
                    .unwrap();
                large.set_len(LARGE as u64 - 1).unwrap();
            });
        },
        &[("large", Content)],
    );
}

#[test]
fn other_entries_and_metadata_are_found() {
    use Discrepancy::*;

    finds(
        |root| fs::set_permissions(root.join("large"), Permissions::from_mode(0o604)).unwrap(),
        &[("large", Mode)],
    );
    finds(
        |root| {
            let file = File::options()
                .write(true)
                .open(root.join("dir/small"))
                .unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        },
        &[("dir/small", Mtime)],
    );
    finds(
        |root| fs::remove_file(root.join("dir/small")).unwrap(),
        &[("dir/small", OnlyInSnapshot)],
    );
    finds(
        |root| fs::remove_dir_all(root.join("dir/deep")).unwrap(),
        &[
            ("dir/deep", OnlyInSnapshot),
            ("dir/deep/empty", OnlyInSnapshot),
        ],
    );
    finds(
        |root| {
            fs::create_dir(root.join("new")).unwrap();
            fs::write(root.join("new/file"), "x").unwrap();
        },
        &[("new", OnlyOnDisk)],
    );
    finds(
        |root| {
            fs::remove_file(root.join("dir/small")).unwrap();
            symlink("/etc/passwd", root.join("dir/small")).unwrap();
        },
        &[("dir/small", Kind)],
    );
    finds(
        |root| {
            fs::remove_dir_all(root.join("dir/deep")).unwrap();
            symlink("..", root.join("dir/deep")).unwrap();
        },
        &[("dir/deep", Kind), ("dir/deep/empty", OnlyInSnapshot)],
    );
}

#[test]
fn links_and_their_sets_are_compared() {
    use Discrepancy::*;

    finds(
        |root| {
            fs::remove_file(root.join("link")).unwrap();
            symlink("dir/other", root.join("link")).unwrap();
        },
        &[("link", Mtime), ("link", LinkTarget)],
    );
    finds(
        |root| fs::hard_link(root.join("large"), root.join("third")).unwrap(),
        &[("large", HardLinks), ("third", OnlyOnDisk)],
    );
    finds(
        |root| {
            fs::remove_file(root.join("two names")).unwrap();
            fs::write(root.join("two names"), "linked").unwrap();
        },
        &[("two names", HardLinks)],
    );
}

#[test]
fn what_did_not_change_and_differs_is_not_explained() {
    // Older than the backup, as a disk that rots is.
    let rotten = tempfile::tempdir().unwrap();
    fill(rotten.path());
    let large = File::options()
        .write(true)
        .open(rotten.path().join("large"));
    large.unwrap().write_all_at(b"rot", 1_234_567).unwrap();
    let place = Place::new();
    let snapshot = place.back_up(place.tree());
    let tree = FileTree::builder(rotten.path()).build().unwrap();
    let report = place.compare(&tree, &snapshot, Changes::Excused);
    assert!(!report.is_same());
    let content = report
        .differences
        .iter()
        .find(|one| one.what == Discrepancy::Content);
    let content = content.unwrap();
    assert_eq!(
        (&content.path[..], content.standing),
        (&b"large"[..], Standing::Unexplained)
    );
    assert!(content.detail.contains("123456"), "{content}");
    assert_eq!(report.total(Standing::ChangedSince), 0, "{report}");
}

#[test]
fn what_the_backup_left_out_is_no_difference() {
    let place = Place::new();
    let rules = || Excludes::new().pattern("*.tmp").if_present(".nobackup");
    fs::write(place.root.path().join("x.tmp"), "x").unwrap();
    fs::create_dir(place.root.path().join("cache")).unwrap();
    fs::write(place.root.path().join("cache/.nobackup"), "").unwrap();
    fs::write(place.root.path().join("cache/big"), "x").unwrap();
    let tree = || {
        FileTree::builder(place.root.path())
            .excludes(rules())
            .build()
            .unwrap()
    };
    let snapshot = place.back_up(tree());
    let report = place.compare(&tree(), &snapshot, Changes::Counted);
    assert!(report.is_identical(), "{report}");
    let report = place.compare(&place.tree(), &snapshot, Changes::Counted);
    let expected = ["cache/big", "x.tmp"].map(|path| (path.to_owned(), Discrepancy::OnlyOnDisk));
    assert_eq!(kinds(&report), expected);
}

#[test]
fn several_paths_are_compared_and_nothing_beside_them() {
    let place = Place::new();
    let root = place.root.path().canonicalize().unwrap();
    let tree = || {
        let first = FileTree::builder(root.join("dir/deep"));
        first.path(root.join("large")).build().unwrap()
    };
    let snapshot = place.back_up(tree());
    let report = place.compare(&tree(), &snapshot, Changes::Excused);
    assert!(report.is_same(), "{report}\n{:?}", report.differences);
    assert_eq!(report.count(Discrepancy::OnlyOnDisk), 0);
    assert_eq!(report.files, 2);
    fs::write(root.join("dir/deep/new"), "x").unwrap();
    fs::write(root.join("dir/beside"), "x").unwrap();
    let report = place.compare(&tree(), &snapshot, Changes::Counted);
    assert_eq!(report.count(Discrepancy::OnlyOnDisk), 1, "{report}");

    // A part of a snapshot, and the directory that it is.
    let whole = place.back_up(place.tree());
    let options = CompareSourceOptions::default().with_path("dir/deep");
    let part = FileTree::builder(root.join("dir/deep")).build().unwrap();
    let compare = part.compare(&place.repository, &whole, options, Arc::new(()));
    let report = block_on(compare).unwrap();
    assert!(report.is_identical(), "{report}");
    assert_eq!(report.entries, 3);
}

#[test]
fn what_the_repository_lost_is_named_and_the_disk_is_left_alone() {
    let place = Place::new();
    fs::remove_file(place.root.path().join("socket")).unwrap();
    let snapshot = place.back_up(place.tree());
    let packs = block_on(place.store.list_all(&Prefix::parse("pack/").unwrap())).unwrap();
    let largest = packs.iter().max_by_key(|pack| pack.len).unwrap();
    block_on(place.store.delete(&largest.key)).unwrap();
    let before = crate::tree::files(place.root.path());
    let repository = block_on(crate::tree::open(place.store.clone()));
    let options = CompareSourceOptions::default();
    let tree = place.tree();
    let compare = tree.compare(&repository, &snapshot, options, Arc::new(()));
    let report = block_on(compare).unwrap();
    assert!(report.lost_total > 0 && !report.is_same(), "{report}");
    assert!(report.differences.is_empty(), "{:?}", report.differences);
    assert_eq!(crate::tree::files(place.root.path()), before);
}
