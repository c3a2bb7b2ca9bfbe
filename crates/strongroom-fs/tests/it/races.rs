//! Somebody moves links into the way of a restore.

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, Ordering};

use strongroom_format::{Node, NodeKind, Time};
use strongroom_repo::{SmallFile, Target};

use crate::hostile::target;

fn node(kind: NodeKind) -> Node {
    Node {
        kind,
        mode: 0o755,
        size: u64::from(kind == NodeKind::File),
        mtime: Time::new(1_000, 0),
        uid: rustix::process::geteuid().as_raw(),
        gid: rustix::process::getegid().as_raw(),
        target: (kind == NodeKind::Symlink).then(|| b"x".to_vec()),
        ..Node::default()
    }
}

#[test]
fn nothing_appears_outside_while_a_directory_is_swapped_with_a_link() {
    let dir = tempfile::tempdir().unwrap();
    let (root, outside) = (dir.path().join("root"), dir.path().join("outside"));
    fs::create_dir_all(outside.join("sub")).unwrap();
    fs::write(outside.join("precious"), "precious").unwrap();
    fs::write(outside.join("sub/precious"), "precious").unwrap();
    fs::create_dir_all(root.join("d/sub")).unwrap();
    let target = target(&root);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // Errors are the other side's luck.
            while !stop.load(Ordering::Relaxed) {
                fs::rename(root.join("d"), root.join("moved")).ok();
                symlink("../outside", root.join("d")).ok();
                fs::remove_file(root.join("d")).ok();
                fs::rename(root.join("moved"), root.join("d")).ok();
            }
        });
        let mut done = 0;
        for round in 0..200 {
            let name = format!("d/sub/f{round}");
            let dir_node = node(NodeKind::Directory);
            target.create_directory(b"d", &dir_node).ok();
            target.create_directory(b"d/sub", &dir_node).ok();
            let file_node = node(NodeKind::File);
            let file = SmallFile {
                path: name.as_bytes(),
                node: &file_node,
                content: b"x",
                fresh: true,
            };
            done += usize::from(target.write_files(&[file])[0].is_ok());
            if let Ok(file) = target.open_file(b"d/precious", &file_node, false) {
                file.write_at(0, b"y").ok();
                file.finish(&file_node).ok();
            }
            target
                .create_other(b"d/sub/link", &node(NodeKind::Symlink))
                .ok();
            target.link(b"d/sub/hard", b"d/precious").ok();
            target.finish_directory(b"d/sub", &dir_node).ok();
            if round % 5 == 0 {
                target.remove(b"d/sub").ok();
                target.remove(b"d").ok();
            }
        }
        stop.store(true, Ordering::Relaxed);
        assert!(done > 0);
    });
    let seen = crate::inspect::inspect(&outside);
    assert_eq!(seen.len(), 4, "{:?}", seen.keys());
    for name in ["precious", "sub/precious"] {
        assert_eq!(fs::read_to_string(outside.join(name)).unwrap(), "precious");
    }
    let modified = fs::metadata(outside.join("sub"))
        .unwrap()
        .modified()
        .unwrap();
    assert_ne!(
        modified,
        std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000)
    );
}

#[test]
fn paths_that_lead_out_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("root")).unwrap();
    symlink("..", dir.path().join("root/up")).unwrap();
    let target = target(&dir.path().join("root"));
    let file = node(NodeKind::File);
    for path in [
        &b"../x"[..],
        b"..",
        b"a/../../x",
        b"up/x",
        b"/x",
        b"x/",
        b"a//x",
        b"./x",
        b"x\0y",
        b"up/../x",
    ] {
        let small = SmallFile {
            path,
            node: &file,
            content: b"x",
            fresh: true,
        };
        assert!(
            target.write_files(&[small])[0].is_err(),
            "{}",
            path.escape_ascii()
        );
        assert!(
            target.open_file(path, &file, true).is_err(),
            "{}",
            path.escape_ascii()
        );
        assert!(
            target.create_directory(path, &file).is_err(),
            "{}",
            path.escape_ascii()
        );
        assert!(
            target.create_other(path, &node(NodeKind::Symlink)).is_err(),
            "{}",
            path.escape_ascii()
        );
        assert!(
            target.remove(path).is_err() || path == b"up/x",
            "{}",
            path.escape_ascii()
        );
        assert!(target.link(path, b"up").is_err(), "{}", path.escape_ascii());
        assert!(
            target.link(b"new", path).is_err(),
            "{}",
            path.escape_ascii()
        );
    }
    assert_eq!(target.names(b"").unwrap(), [b"up".to_vec()]);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}
