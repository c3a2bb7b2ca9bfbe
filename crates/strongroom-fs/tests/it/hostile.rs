//! Trees as bad as the system allows come back as they were.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use rustix::fs::{
    AtFlags, CWD, FileType, Gid, IFlags, Mode, OFlags, Timespec, Timestamps, Uid, XattrFlags,
    chownat, lsetxattr, mknodat, utimensat,
};
use strongroom_fs::{DirectoryTarget, DirectoryTargetOptions, FileTree};
use strongroom_repo::Target;

use crate::child::is_root;
use crate::copier::copy;
use crate::inspect::{assert_same, inspect};

pub(crate) fn tree(path: &Path) -> FileTree {
    FileTree::builder(path)
        .read_ahead_threads(2)
        .build()
        .unwrap()
}

pub(crate) fn target(path: &Path) -> DirectoryTarget {
    DirectoryTarget::create(path, DirectoryTargetOptions::new()).unwrap()
}

pub(crate) fn set_time(path: &Path, seconds: i64, nanos: u32) {
    let time = Timespec {
        tv_sec: seconds,
        tv_nsec: nanos.into(),
    };
    let times = Timestamps {
        last_access: time,
        last_modification: time,
    };
    utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
}

pub(crate) fn set_inode_flags(path: &Path, flags: IFlags) {
    let file = fs::File::open(path).unwrap();
    rustix::fs::ioctl_setflags(&file, rustix::fs::ioctl_getflags(&file).unwrap() | flags).unwrap();
}

/// So that temporary directories can be removed.
pub(crate) fn clear_inode_flags(root: &Path) {
    for path in inspect(root)
        .iter()
        .filter(|(_, seen)| seen.attributes != 0)
        .map(|(path, _)| path)
    {
        let file = fs::File::open(root.join(OsStr::from_bytes(path))).unwrap();
        let all = IFlags::IMMUTABLE | IFlags::APPEND | IFlags::NODUMP;
        rustix::fs::ioctl_setflags(&file, rustix::fs::ioctl_getflags(&file).unwrap() - all)
            .unwrap();
    }
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn names(root: &Path) {
    for name in [
        &b"new\nline"[..],
        b"\xff\xfe\x80",
        b" ",
        b"-rf",
        b"*",
        b"\\",
        b"\x01\x7f",
        "ü\u{301}".as_bytes(),
    ] {
        fs::write(root.join(OsStr::from_bytes(name)), name).unwrap();
    }
    fs::write(root.join("n".repeat(255)), "long").unwrap();
    fs::create_dir(root.join(OsStr::from_bytes(b"dir\n\xff"))).unwrap();
    fs::write(root.join(OsStr::from_bytes(b"dir\n\xff/\xfe")), "in it").unwrap();
    fs::create_dir(root.join("empty dir")).unwrap();
    fs::write(root.join("empty file"), "").unwrap();
    // In byte order these come as `a`, `a.b`, `a/`, `a0`.
    for name in ["a.b", "a0", "a-"] {
        fs::write(root.join(name), name).unwrap();
    }
    fs::create_dir(root.join("a")).unwrap();
    fs::write(root.join("a/x"), "x").unwrap();
}

fn links(root: &Path) {
    symlink("loop", root.join("loop")).unwrap();
    symlink("nowhere", root.join("dangling")).unwrap();
    symlink("/etc", root.join("absolute")).unwrap();
    symlink(OsStr::from_bytes(b"\xff\n"), root.join("raw")).unwrap();
    symlink("t".repeat(4_000), root.join("long link")).unwrap();
    set_time(&root.join("dangling"), -86_400, 5);
    fs::write(root.join("hard 1"), "one inode").unwrap();
    fs::create_dir(root.join("hard")).unwrap();
    fs::hard_link(root.join("hard 1"), root.join("hard/2")).unwrap();
    fs::hard_link(root.join("hard 1"), root.join("hard 3")).unwrap();
    fs::hard_link(root.join("dangling"), root.join("hard link to link")).unwrap();
}

fn metadata(root: &Path) {
    for (name, seconds, nanos) in [
        ("t1960", -315_619_200, 1),
        ("t2200", 7_258_118_400, 999_999_999),
        ("t1970", 0, 0),
        ("t-1", -1, 999_999_999),
    ] {
        fs::write(root.join(name), name).unwrap();
        set_time(&root.join(name), seconds, nanos);
    }
    for (name, bits) in [
        ("m000", 0),
        ("m444", 0o444),
        ("m4755", 0o4755),
        ("m2755", 0o2755),
        ("m777", 0o777),
    ] {
        fs::write(root.join(name), name).unwrap();
        mode(&root.join(name), bits);
    }
    for (name, bits) in [("d1777", 0o1777), ("d2775", 0o2775), ("d555", 0o555)] {
        fs::create_dir(root.join(name)).unwrap();
        fs::write(root.join(name).join("x"), "x").unwrap();
        mode(&root.join(name), bits);
        set_time(&root.join(name), 1_000_000_000, 123);
    }
    fs::write(root.join("xattr"), "x").unwrap();
    lsetxattr(root.join("xattr"), "user.empty", b"", XattrFlags::empty()).unwrap();
    lsetxattr(
        root.join("xattr"),
        "user.\u{fc}",
        &[0, 255, 10],
        XattrFlags::empty(),
    )
    .unwrap();
    lsetxattr(
        root.join("empty dir"),
        "user.dir",
        &[7; 2_000],
        XattrFlags::empty(),
    )
    .unwrap();
    mknodat(
        CWD,
        root.join("fifo"),
        FileType::Fifo,
        Mode::from_raw_mode(0o622),
        0,
    )
    .unwrap();
    mknodat(
        CWD,
        root.join("socket"),
        FileType::Socket,
        Mode::from_raw_mode(0o700),
        0,
    )
    .unwrap();
}

/// An ACL of owner, user 1234, group, mask and others, as the kernel stores it.
pub(crate) fn acl() -> Vec<u8> {
    let mut acl = 2_u32.to_le_bytes().to_vec();
    for (tag, permissions, id) in [
        (1_u16, 6_u16, u32::MAX),
        (2, 4, 1234),
        (4, 4, u32::MAX),
        (16, 4, u32::MAX),
        (32, 0, u32::MAX),
    ] {
        acl.extend(tag.to_le_bytes());
        acl.extend(permissions.to_le_bytes());
        acl.extend(id.to_le_bytes());
    }
    acl
}

fn of_root(root: &Path) {
    for (name, uid, bits) in [("o1234", 1234, 0o640), ("o1234 setuid", 1234, 0o6755)] {
        fs::write(root.join(name), name).unwrap();
        chownat(
            CWD,
            root.join(name),
            Some(Uid::from_raw(uid)),
            Some(Gid::from_raw(uid + 1)),
            AtFlags::empty(),
        )
        .unwrap();
        mode(&root.join(name), bits);
    }
    let link = root.join("dangling");
    chownat(
        CWD,
        &link,
        Some(Uid::from_raw(77)),
        Some(Gid::from_raw(78)),
        AtFlags::SYMLINK_NOFOLLOW,
    )
    .unwrap();
    lsetxattr(&link, "trusted.link", b"on a link", XattrFlags::empty()).unwrap();
    lsetxattr(
        root.join("fifo"),
        "trusted.fifo",
        b"on a pipe",
        XattrFlags::empty(),
    )
    .unwrap();
    let capability = [1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    lsetxattr(
        root.join("o1234"),
        "security.capability",
        &capability,
        XattrFlags::empty(),
    )
    .unwrap();
    lsetxattr(
        root.join("xattr"),
        "system.posix_acl_access",
        &acl(),
        XattrFlags::empty(),
    )
    .unwrap();
    lsetxattr(
        root.join("a"),
        "system.posix_acl_default",
        &acl(),
        XattrFlags::empty(),
    )
    .unwrap();
    let device = rustix::fs::makedev(1, 3);
    mknodat(
        CWD,
        root.join("null"),
        FileType::CharacterDevice,
        Mode::from_raw_mode(0o666),
        device,
    )
    .unwrap();
    let device = rustix::fs::makedev(4_000, 100_000);
    mknodat(
        CWD,
        root.join("block"),
        FileType::BlockDevice,
        Mode::from_raw_mode(0o600),
        device,
    )
    .unwrap();
    flags(root);
}

fn flags(root: &Path) {
    fs::write(root.join("immutable 1"), "for ever").unwrap();
    fs::hard_link(root.join("immutable 1"), root.join("immutable 2")).unwrap();
    fs::create_dir(root.join("frozen")).unwrap();
    fs::write(root.join("frozen/in it"), "x").unwrap();
    fs::write(root.join("log"), "append").unwrap();
    fs::write(root.join("no dump"), "x").unwrap();
    for (name, flags) in [
        ("immutable 1", IFlags::IMMUTABLE),
        ("frozen", IFlags::IMMUTABLE),
        ("log", IFlags::APPEND),
        ("no dump", IFlags::NODUMP),
        ("hard", IFlags::APPEND),
    ] {
        set_inode_flags(&root.join(name), flags);
    }
}

fn large(root: &Path) {
    let bytes: Vec<u8> = (0..3_000_000_u32)
        .flat_map(|number| number.to_le_bytes())
        .collect();
    fs::write(root.join("large"), &bytes[..2_500_001]).unwrap();
    let sparse = fs::File::create(root.join("sparse")).unwrap();
    sparse.set_len(5_000_000).unwrap();
    rustix::io::pwrite(&sparse, b"in the middle", 2_222_222).unwrap();
    let sparse = fs::File::create(root.join("all hole")).unwrap();
    sparse.set_len(3 << 20).unwrap();
    let sparse = fs::File::create(root.join("small sparse")).unwrap();
    sparse.set_len(100_000).unwrap();
    rustix::io::pwrite(&sparse, b"x", 50_000).unwrap();
}

pub(crate) fn build(root: &Path) {
    names(root);
    links(root);
    metadata(root);
    large(root);
    if is_root() {
        of_root(root);
    }
    mode(root, 0o750);
    set_time(root, 1_111_111_111, 111);
}

#[test]
fn everything_comes_back_and_again() {
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (dir.path().join("from"), dir.path().join("to"));
    fs::create_dir(&from).unwrap();
    build(&from);
    let target = target(&to);
    copy(&tree(&from), &target, false).assert_clean();
    assert_same(&from, &to);
    // Over itself, whole and comparing: immutable files, read-only directories and all.
    for keep in [false, true] {
        copy(&tree(&from), &target, keep).assert_clean();
        assert_same(&from, &to);
    }
    clear_inode_flags(&from);
    target
        .remove(b"frozen")
        .or_else(|error| if is_root() { Err(error) } else { Ok(()) })
        .unwrap();
    clear_inode_flags(&to);
}

#[test]
fn a_time_that_the_file_system_cannot_hold_is_reported() {
    let dir = tempfile::tempdir().unwrap();
    let target = target(dir.path());
    let node = strongroom_format::Node {
        name: b"far".to_vec(),
        mode: 0o644,
        mtime: strongroom_format::Time {
            seconds: i64::MAX / 4,
            nanos: 0,
        },
        uid: rustix::process::geteuid().as_raw(),
        gid: rustix::process::getegid().as_raw(),
        ..Default::default()
    };
    let file = strongroom_repo::SmallFile {
        path: b"far",
        node: &node,
        content: b"",
        fresh: true,
    };
    let deviations = target.write_files(&[file]).pop().unwrap().unwrap();
    assert_eq!(deviations.len(), 1, "{deviations:?}");
    assert_eq!(deviations[0].what, strongroom_repo::Aspect::Times);
}

#[test]
fn ten_thousand_entries_in_one_directory_come_in_slices_and_in_order() {
    // In memory where that is possible: ext4 is slow at making files where many were just deleted.
    let memory = tempfile::tempdir_in("/dev/shm");
    let dir = memory.unwrap_or_else(|_| tempfile::tempdir().unwrap());
    let (from, to) = (dir.path().join("from"), dir.path().join("to"));
    fs::create_dir(&from).unwrap();
    let fd = crate::inspect::open_dir(&from);
    for number in 0..10_000_u32 {
        let name = format!("{:08x}", number.wrapping_mul(2_654_435_761));
        rustix::fs::openat(
            &fd,
            name,
            OFlags::CREATE | OFlags::WRONLY,
            Mode::from_raw_mode(0o640),
        )
        .unwrap();
    }
    let report = copy(&tree(&from), &target(&to), false);
    report.assert_clean();
    assert_eq!(report.entries, 10_000);
    assert_same(&from, &to);
}
