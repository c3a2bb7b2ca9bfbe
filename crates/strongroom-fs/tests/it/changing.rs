//! Files that change, shrink, vanish or become something else while they are backed up.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{CWD, FileType, Mode, mknodat};
use strongroom_format::SkipReason;
use strongroom_fs::FileTree;
use strongroom_repo::{Entry, Fill, Piece, Source, WalkEvent};

use crate::copier::{events, fill, read_whole};
use crate::hostile::tree;

/// Walks, lets `meanwhile` act, and returns the entry `file` as it was walked.
fn walked(source: &FileTree, name: &str, meanwhile: impl FnOnce()) -> Entry {
    let entry = events(source).into_iter().find_map(|event| match event {
        WalkEvent::Item(entry) | WalkEvent::Enter(entry) if entry.path() == name.as_bytes() => {
            Some(entry)
        }
        _ => None,
    });
    meanwhile();
    entry.unwrap()
}

fn failed(fill: &Fill) -> SkipReason {
    match fill {
        Fill::Failed(error) => error.reason(),
        other => panic!("{other:?}"),
    }
}

fn check_small(meanwhile: impl FnOnce(&Path), want: &[u8], want_changed: bool) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    fs::write(&path, "before").unwrap();
    let source = tree(dir.path());
    let entry = walked(&source, "file", || meanwhile(&path));
    let (entry, fill, data) = fill(&source, entry, true);
    let Fill::Done { content, changed } = fill else {
        panic!("{fill:?}")
    };
    assert_eq!(&data[content], want);
    assert_eq!(changed, want_changed);
    assert_eq!(entry.node.size, want.len() as u64);
}

#[test]
fn a_large_file_that_was_just_written_has_not_changed() {
    let dir = tempfile::tempdir().unwrap();
    // Its change time is too young to be trusted, and is not recorded: that alone is no change.
    fs::write(dir.path().join("file"), vec![7; 3 << 20]).unwrap();
    let source = FileTree::builder(dir.path())
        .timestamp_granule(std::time::Duration::from_secs(3_600))
        .build()
        .unwrap();
    let entry = walked(&source, "file", || {});
    let (mut entry, filled, _) = fill(&source, entry, false);
    assert!(
        matches!(filled, Fill::Done { changed: false, .. }),
        "{filled:?}"
    );
    assert_eq!(entry.node.ctime, None);
    let mut content = source.open(&entry).unwrap();
    let mut buffer = vec![0; 1 << 20];
    while content.read(&mut buffer).unwrap() != Piece::End {}
    assert!(!content.finish(&mut entry).unwrap());
}

#[test]
fn what_was_read_of_a_small_file_is_recorded() {
    check_small(|_| {}, b"before", false);
    check_small(
        |path| fs::write(path, "and it grew").unwrap(),
        b"and it grew",
        true,
    );
    check_small(|path| fs::write(path, "less").unwrap(), b"less", true);
    check_small(|path| fs::write(path, "").unwrap(), b"", true);
    check_small(|path| fs::write(path, "BEFORE").unwrap(), b"BEFORE", true);
    let touch = |path: &Path| fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    check_small(touch, b"before", true);
    // Saved by renaming a new file over the old one.
    let rename = |path: &Path| {
        fs::write(path.with_extension("new"), "another").unwrap();
        fs::rename(path.with_extension("new"), path).unwrap();
    };
    check_small(rename, b"another", true);
}

#[test]
fn a_file_that_grew_too_large_is_cut_and_reported() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("log"), "x").unwrap();
    let source = tree(dir.path());
    let entry = walked(&source, "log", || {
        fs::write(dir.path().join("log"), vec![7; 6 << 20]).unwrap();
    });
    let (entry, fill, data) = fill(&source, entry, true);
    assert!(matches!(fill, Fill::Done { changed: true, .. }));
    assert_eq!(data.len(), strongroom_repo::MAX_SMALL_BYTES);
    assert_eq!(entry.node.size, data.len() as u64);
}

#[test]
fn what_has_become_something_else_is_skipped_with_a_reason() {
    type Act = fn(&Path);
    let cases: [(Act, SkipReason); 5] = [
        (|_| {}, SkipReason::Vanished),
        (
            |path| mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap(),
            SkipReason::Replaced,
        ),
        (
            |path| symlink("/etc/passwd", path).unwrap(),
            SkipReason::Replaced,
        ),
        (|path| fs::create_dir(path).unwrap(), SkipReason::Replaced),
        (
            |path| mknodat(CWD, path, FileType::Socket, Mode::from_raw_mode(0o600), 0).unwrap(),
            SkipReason::ReadError,
        ),
    ];
    for (act, reason) in cases {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, "before").unwrap();
        let source = tree(dir.path());
        let entry = walked(&source, "file", || {
            fs::remove_file(&path).unwrap();
            act(&path);
        });
        assert_eq!(source.open(&entry).unwrap_err().reason(), reason);
        let (_, fill, data) = fill(&source, entry, true);
        assert_eq!(failed(&fill), reason);
        assert!(data.is_empty());
    }
}

#[test]
fn a_directory_on_the_way_that_becomes_a_link_is_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["outside", "root/d"] {
        fs::create_dir_all(dir.path().join(name)).unwrap();
        fs::write(dir.path().join(name).join("file"), name).unwrap();
    }
    let source = tree(&dir.path().join("root"));
    let entry = walked(&source, "d/file", || {
        fs::rename(dir.path().join("root/d"), dir.path().join("root/old")).unwrap();
        symlink("../outside", dir.path().join("root/d")).unwrap();
    });
    assert_eq!(
        source.open(&entry).unwrap_err().reason(),
        SkipReason::Replaced
    );
    assert_eq!(failed(&fill(&source, entry, true).1), SkipReason::Replaced);
}

#[test]
fn a_large_file_is_read_up_to_what_there_was_when_it_was_opened() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("large");
    fs::write(&path, vec![1; 3 << 20]).unwrap();
    let source = tree(dir.path());
    let mut entry = walked(&source, "large", || {});
    let mut content = source.open(&entry).unwrap();
    let mut buf = vec![0; 1 << 20];
    assert_eq!(content.read(&mut buf).unwrap(), Piece::Data(1 << 20));
    fs::OpenOptions::new()
        .append(true)
        .open(&path)
        .unwrap()
        .write_all(&[2; 5_000])
        .unwrap();
    let mut sum = 1 << 20;
    while let Piece::Data(count) = content.read(&mut buf).unwrap() {
        sum += count;
    }
    assert!(content.finish(&mut entry).unwrap());
    assert_eq!((sum, entry.node.size), (3 << 20, 3 << 20));

    let mut entry = walked(&source, "large", || {});
    let before = entry.node.clone();
    let mut content = source.open(&entry).unwrap();
    assert_eq!(content.read(&mut buf).unwrap(), Piece::Data(1 << 20));
    fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(1_500_000)
        .unwrap();
    let mut sum = 1 << 20;
    while let Piece::Data(count) = content.read(&mut buf).unwrap() {
        sum += count;
    }
    assert!(content.finish(&mut entry).unwrap());
    assert_eq!((sum, entry.node.size), (1_500_000, 1_500_000));
    assert_eq!(
        entry.node.mtime, before.mtime,
        "the next backup has to read it again"
    );
}

#[test]
fn a_hole_that_is_cut_off_is_not_delivered() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("hole");
    fs::File::create(&path).unwrap().set_len(10 << 20).unwrap();
    let source = tree(dir.path());
    let mut entry = walked(&source, "hole", || {});
    let mut content = source.open(&entry).unwrap();
    fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(3 << 20)
        .unwrap();
    let mut buf = vec![0; 1 << 20];
    assert_eq!(content.read(&mut buf).unwrap(), Piece::Hole(3 << 20));
    assert_eq!(content.read(&mut buf).unwrap(), Piece::End);
    assert!(content.finish(&mut entry).unwrap());
    assert_eq!(entry.node.size, 3 << 20);
}

#[test]
fn holes_are_told_where_they_are_large() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sparse");
    let file = fs::File::create(&path).unwrap();
    file.set_len(8 << 20).unwrap();
    // A page each at 1 MiB, at 1 MiB + 32 KiB, and near the end.
    let at = [1 << 20, (1 << 20) + (32 << 10), (8 << 20) - 5_000];
    for offset in at {
        rustix::io::pwrite(&file, &[9; 4_096], offset).unwrap();
    }
    file.sync_all().unwrap();
    let source = tree(dir.path());
    let mut entry = walked(&source, "sparse", || {});
    assert_eq!(entry.node.flags & 8, 8);
    let (data, holes, changed) = read_whole(&source, &mut entry).unwrap();
    assert!(!changed);
    assert!(data == fs::read(&path).unwrap());
    assert!(holes > 7 << 20, "{holes}");
    assert_eq!(entry.node.size, 8 << 20);
}

#[test]
fn a_change_time_too_young_to_trust_is_not_recorded() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), "one").unwrap();
    let hour = std::time::Duration::from_secs(3_600);
    for (granule, kept) in [(hour, false), (std::time::Duration::ZERO, true)] {
        let source = FileTree::builder(dir.path())
            .timestamp_granule(granule)
            .build()
            .unwrap();
        let (entry, _, _) = fill(&source, walked(&source, "file", || {}), true);
        assert_eq!(entry.node.ctime.is_some(), kept);
        let mut entry = walked(&source, "file", || {});
        assert!(entry.node.ctime.is_some(), "a walk tells what there is");
        assert!(!read_whole(&source, &mut entry).unwrap().2);
        assert_eq!(entry.node.ctime.is_some(), kept);
    }
}

#[test]
fn a_file_written_without_pause_is_read_without_harm() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("busy");
    fs::write(&path, vec![0; 100_000]).unwrap();
    let source = tree(dir.path());
    /// Ends the thread also when the test fails.
    struct Stop<'s>(&'s AtomicBool);
    impl Drop for Stop<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _stop = Stop(&stop);
        scope.spawn(|| {
            let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
            let mut len = 1;
            while !stop.load(Ordering::Relaxed) {
                len = len * 7 % 2_000_003;
                file.set_len(len).unwrap();
                rustix::io::pwrite(&file, &[1; 1_000], len / 2).unwrap();
            }
        });
        for _ in 0..200 {
            let entry = walked(&source, "busy", || {});
            let (filled, answer, data) = fill(&source, entry.clone(), true);
            let Fill::Done { content, .. } = answer else {
                panic!("{answer:?}")
            };
            assert_eq!(filled.node.size, content.len() as u64);
            assert_eq!(data.len(), content.len());
            let mut entry = entry;
            let (data, _, _) = read_whole(&source, &mut entry).unwrap();
            assert_eq!(entry.node.size, data.len() as u64);
        }
    });
}
