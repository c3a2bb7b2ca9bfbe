//! Restores over what is there already.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, XattrFlags, lsetxattr, mknodat};
use strongroom_format::{Node, Time};
use strongroom_repo::{Target, TargetFile};

use crate::copier::copy;
use crate::hostile::{build, clear_inode_flags, target, tree};
use crate::inspect::{assert_same, inspect};

/// Puts something of each wrong kind where the names of the tree are.
fn obstruct(root: &Path, names: &[&str], kind: usize, outside: &Path) {
    for (index, name) in names.iter().enumerate() {
        let path = root.join(name);
        match (index + kind) % 6 {
            0 => symlink(outside, &path).unwrap(),
            // What is in a directory that stays is for the engine to remove.
            1 if ["a", "hard", "d555", "empty dir"].contains(name) => {
                fs::create_dir(&path).unwrap();
            }
            1 => fs::create_dir_all(path.join("full/of/things")).unwrap(),
            2 => mknodat(CWD, &path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap(),
            3 => fs::hard_link(outside.join("precious"), &path).unwrap(),
            4 => {
                fs::write(
                    &path,
                    vec![0xff; if name.contains('s') { 6_000_000 } else { 6_000 }],
                )
                .unwrap();
                lsetxattr(&path, "user.old", b"old", XattrFlags::empty()).unwrap();
                fs::set_permissions(&path, fs::Permissions::from_mode(0o4711)).unwrap();
            }
            _ => symlink(outside.join("precious"), &path).unwrap(),
        }
    }
}

#[test]
fn whatever_is_in_the_way_is_replaced_and_nothing_written_through_it() {
    let dir = tempfile::tempdir().unwrap();
    let (from, outside) = (dir.path().join("from"), dir.path().join("outside"));
    fs::create_dir(&from).unwrap();
    build(&from);
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("precious"), "precious").unwrap();
    fs::set_permissions(&outside, fs::Permissions::from_mode(0o700)).unwrap();
    let names = [
        "a",
        "a0",
        "empty dir",
        "empty file",
        "loop",
        "absolute",
        "hard",
        "hard 1",
        "hard 3",
        "fifo",
        "socket",
        "large",
        "sparse",
        "all hole",
        "small sparse",
        "m444",
        "d555",
        "xattr",
    ];
    for kind in 0..6 {
        let to = dir.path().join(format!("to{kind}"));
        fs::create_dir(&to).unwrap();
        obstruct(&to, &names, kind, &outside);
        copy(&tree(&from), &target(&to), kind % 2 == 0).assert_clean();
        assert_same(&from, &to);
        clear_inode_flags(&to);
    }
    clear_inode_flags(&from);
    assert_eq!(
        fs::read_to_string(outside.join("precious")).unwrap(),
        "precious"
    );
    assert_eq!(fs::metadata(&outside).unwrap().mode() & 0o7777, 0o700);
    assert_eq!(inspect(&outside).len(), 2);
}

fn file_node(size: u64, flags: u32) -> Node {
    Node {
        mode: 0o600,
        size,
        flags,
        mtime: Time::new(5, 5),
        uid: rustix::process::geteuid().as_raw(),
        gid: rustix::process::getegid().as_raw(),
        ..Node::default()
    }
}

fn finish(file: Box<dyn TargetFile>, node: &Node) {
    assert_eq!(file.finish(node).unwrap(), []);
    assert!(file.write_at(0, b"x").is_err(), "finished");
    assert!(file.finish(node).is_err());
}

#[test]
fn zeros_of_a_sparse_file_replace_what_was_there() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    let target = target(dir.path());
    let mut content = vec![0; 1 << 20];
    content[700_000] = 1;
    for (flags, offset) in [(8, 0), (8, 1), (0, 0)] {
        let node = file_node((1 << 20) + offset, flags);
        fs::write(&path, vec![0xee; 3 << 20]).unwrap();
        let file = target.open_file(b"file", &node, false).unwrap();
        file.write_at(0, &vec![0; usize::try_from(offset).unwrap()])
            .unwrap();
        file.write_at(offset, &content).unwrap();
        finish(file, &node);
        let got = fs::read(&path).unwrap();
        assert!(
            got[usize::try_from(offset).unwrap()..] == content,
            "{flags} {offset}"
        );
        assert_eq!(
            fs::metadata(&path).unwrap().blocks() * 512 < 1 << 20,
            flags == 8
        );
    }
    fs::write(&path, vec![0xee; 1 << 20]).unwrap();
    let node = file_node(1 << 20, 0);
    let file = target.open_file(b"file", &node, false).unwrap();
    file.write_zeros(5_000, 500_000).unwrap();
    finish(file, &node);
    let got = fs::read(&path).unwrap();
    assert!(
        got.iter()
            .enumerate()
            .all(|(at, &byte)| (byte == 0) == (5_000..505_000).contains(&at))
    );
}

#[test]
fn parts_of_a_file_are_written_by_several_threads_and_kept() {
    let dir = tempfile::tempdir().unwrap();
    let target = target(dir.path());
    let node = file_node(8 << 20, 8);
    let file = target.open_file(b"file", &node, true).unwrap();
    std::thread::scope(|scope| {
        for part in 0..4_u64 {
            let file = &file;
            scope.spawn(move || {
                let at = (3 - part) * (2 << 20);
                file.write_at(at, &vec![u8::try_from(part).unwrap(); 2 << 20])
                    .unwrap();
            });
        }
    });
    finish(file, &node);
    let existing = target.existing_file(b"file", &node).unwrap().unwrap();
    assert!(existing.same_time);
    let mut buf = vec![9; 4 << 20];
    existing.content.read_exact_at(1 << 20, &mut buf).unwrap();
    assert_eq!((buf[0], buf[1 << 20], buf[(4 << 20) - 1]), (3, 2, 1));
    assert!(existing.content.read_exact_at(5 << 20, &mut buf).is_err());
    // Only a part is written again: the rest stays.
    let file = target.open_file(b"file", &node, false).unwrap();
    file.write_at(0, b"new").unwrap();
    finish(file, &node);
    assert_eq!(&fs::read(dir.path().join("file")).unwrap()[..4], b"new\x03");
    assert!(
        target
            .existing_file(b"file", &file_node(5, 0))
            .unwrap()
            .is_none()
    );
    assert!(target.existing_file(b"none", &node).unwrap().is_none());
}

#[test]
fn links_are_made_over_anything_but_themselves() {
    let dir = tempfile::tempdir().unwrap();
    let target = target(dir.path());
    fs::write(dir.path().join("first"), "x").unwrap();
    fs::create_dir_all(dir.path().join("name/full")).unwrap();
    let inode = |name: &str| fs::symlink_metadata(dir.path().join(name)).unwrap().ino();
    for _ in 0..2 {
        assert_eq!(target.link(b"name", b"first").unwrap(), []);
        assert_eq!(inode("name"), inode("first"));
    }
    symlink("first", dir.path().join("symlink")).unwrap();
    target.link(b"to the link", b"symlink").unwrap();
    assert_eq!(
        inode("to the link"),
        inode("symlink"),
        "a link is linked, not what it points to"
    );
    assert!(target.link(b"x", b"missing").is_err());
}

#[test]
fn a_directory_that_was_replaced_since_is_found_again() {
    let dir = tempfile::tempdir().unwrap();
    let target = target(dir.path());
    let node = Node {
        kind: strongroom_format::NodeKind::Directory,
        ..file_node(0, 0)
    };
    let write = |name: &[u8]| {
        let node = file_node(1, 0);
        let small = strongroom_repo::SmallFile {
            path: name,
            node: &node,
            content: b"x",
            fresh: true,
        };
        target.write_files(&[small]).pop().unwrap().map(drop)
    };
    target.create_directory(b"d", &node).unwrap();
    write(b"d/one").unwrap();
    fs::remove_dir_all(dir.path().join("d")).unwrap();
    assert!(write(b"d/two").is_err());
    fs::create_dir(dir.path().join("d")).unwrap();
    write(b"d/three").unwrap();
    assert_eq!(target.names(b"d").unwrap(), [b"three".to_vec()]);
    assert_eq!(target.names(b"d").unwrap(), [b"three".to_vec()]);
}

#[test]
fn a_running_program_is_replaced_by_a_copy_that_keeps_its_content() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sleep");
    let sleep = ["/bin/sleep", "/usr/bin/sleep"]
        .into_iter()
        .find(|path| Path::new(path).exists());
    fs::copy(sleep.unwrap(), &path).unwrap();
    let mut child = std::process::Command::new(&path)
        .arg("1000")
        .spawn()
        .unwrap();
    let before = fs::read(&path).unwrap();
    let target = target(dir.path());
    let node = Node {
        mode: 0o755,
        ..file_node(before.len() as u64, 0)
    };
    let file = target.open_file(b"sleep", &node, false).unwrap();
    file.write_at(0, b"new").unwrap();
    finish(file, &node);
    child.kill().unwrap();
    child.wait().unwrap();
    let after = fs::read(&path).unwrap();
    assert!(after.len() == before.len() && after[3..] == before[3..] && after.starts_with(b"new"));
}
