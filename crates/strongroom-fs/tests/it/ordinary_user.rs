//! Without the rights of root.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use strongroom_format::{Node, SkipReason, Time};
use strongroom_repo::{Aspect, SmallFile, Target, WalkEvent};

use crate::child::run_as_nobody;
use crate::copier::{copy, events};
use crate::events::check_order;
use crate::hostile::{target, tree};
use crate::inspect::assert_same;

#[test]
fn what_root_alone_may_do_is_reported() {
    run_as_nobody("ordinary_user::child_what_root_alone_may_do");
}

#[test]
#[ignore = "run by what_root_alone_may_do_is_reported"]
fn child_what_root_alone_may_do() {
    let dir = tempfile::tempdir().unwrap();
    let target = target(dir.path());
    let check = |name: &str, node: &Node, wanted: &[Aspect]| {
        let file = SmallFile {
            path: name.as_bytes(),
            node,
            content: b"x",
            fresh: false,
        };
        let deviations = target.write_files(&[file]).pop().unwrap().unwrap();
        let what: Vec<_> = deviations
            .iter()
            .map(|deviation| deviation.what.clone())
            .collect();
        assert_eq!(what, wanted, "{name}: {deviations:?}");
    };
    let own = (
        rustix::process::geteuid().as_raw(),
        rustix::process::getegid().as_raw(),
    );
    let node = |uid, gid, mode| Node {
        uid,
        gid,
        mode,
        size: 1,
        mtime: Time::new(9, 9),
        ..Node::default()
    };
    check("own", &node(own.0, own.1, 0o644), &[]);
    check("own setuid", &node(own.0, own.1, 0o4755), &[]);
    check("foreign", &node(0, 0, 0o644), &[Aspect::Owner]);
    check(
        "foreign setuid",
        &node(0, 0, 0o6755),
        &[Aspect::Owner, Aspect::Mode],
    );
    let mode = |name| {
        fs::metadata(dir.path().join(name))
            .unwrap()
            .permissions()
            .mode()
            & 0o7777
    };
    assert_eq!(
        (mode("own setuid"), mode("foreign setuid")),
        (0o4755, 0o755)
    );
    let xattrs = vec![
        (b"trusted.x".to_vec(), b"1".to_vec()),
        (b"user.x".to_vec(), b"2".to_vec()),
    ];
    let with = Node {
        xattrs,
        ..node(own.0, own.1, 0o444)
    };
    check("xattrs", &with, &[Aspect::Xattr(b"trusted.x".to_vec())]);
    check(
        "flags",
        &Node {
            flags: 1,
            ..node(own.0, own.1, 0o644)
        },
        &[Aspect::Flags],
    );
    let device = Node {
        kind: strongroom_format::NodeKind::CharDevice,
        device: Some((1, 3)),
        ..node(0, 0, 0o666)
    };
    assert!(target.create_other(b"null", &device).is_err());
}

#[test]
fn unreadable_entries_cost_only_themselves() {
    run_as_nobody("ordinary_user::child_unreadable_entries");
}

#[test]
#[ignore = "run by unreadable_entries_cost_only_themselves"]
fn child_unreadable_entries() {
    let dir = tempfile::tempdir().unwrap();
    let from = dir.path().join("from");
    for (name, mode) in [("closed", 0), ("listed", 0o400), ("open", 0o755)] {
        fs::create_dir_all(from.join(name)).unwrap();
        fs::write(from.join(name).join("file"), "x").unwrap();
        fs::set_permissions(from.join(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    fs::write(from.join("secret"), "x").unwrap();
    fs::set_permissions(from.join("secret"), fs::Permissions::from_mode(0o000)).unwrap();
    fs::write(from.join("zero"), "x").unwrap();
    let source = tree(&from);
    let seen = events(&source);
    let paths = check_order(&seen);
    assert_eq!(
        paths.len(),
        7,
        "root, three directories, a file in one, two files beside them"
    );
    let denied = seen.iter().filter_map(|event| match event {
        WalkEvent::Problem(problem) => Some((problem.path.as_slice(), problem.error.reason())),
        _ => None,
    });
    let denied: Vec<_> = denied.collect();
    assert_eq!(
        denied,
        [
            (&b"closed"[..], SkipReason::PermissionDenied),
            (b"listed/file", SkipReason::PermissionDenied)
        ]
    );
    let report = copy(&source, &target(&dir.path().join("to")), false);
    assert_eq!(report.problems.len(), 3, "{:?}", report.problems);
    assert_eq!(fs::read(dir.path().join("to/zero")).unwrap(), b"x");
    for name in ["from/closed", "from/listed", "to/closed", "to/listed"] {
        fs::set_permissions(dir.path().join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
}

#[test]
fn a_read_only_target_is_restored_over() {
    run_as_nobody("ordinary_user::child_read_only_target");
}

#[test]
#[ignore = "run by a_read_only_target_is_restored_over"]
fn child_read_only_target() {
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (dir.path().join("from"), dir.path().join("to"));
    fs::create_dir_all(from.join("d/e")).unwrap();
    fs::write(from.join("d/e/small"), "x").unwrap();
    fs::write(from.join("d/large"), vec![3; 2 << 20]).unwrap();
    symlink("x", from.join("d/link")).unwrap();
    rustix::fs::lsetxattr(
        from.join("d/large"),
        "user.x",
        b"x",
        rustix::fs::XattrFlags::empty(),
    )
    .unwrap();
    for name in ["d/large", "d/e/small", "d/e", "d"] {
        let mode = if name.len() == 1 || name == "d/e" {
            0o555
        } else {
            0o444
        };
        fs::set_permissions(from.join(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    let target = target(&to);
    for keep in [false, false, true] {
        copy(&tree(&from), &target, keep).assert_clean();
        assert_same(&from, &to);
    }
    target.remove(b"d").unwrap();
    fs::set_permissions(from.join("d"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(from.join("d/e"), fs::Permissions::from_mode(0o755)).unwrap();
}
