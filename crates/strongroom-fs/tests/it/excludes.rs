//! What is left out, and that it is said.

use std::fs;
use std::path::Path;

use strongroom_fs::{Excludes, FileTree, FileTreeError};
use strongroom_repo::WalkEvent;

use crate::copier::{events, shown};
use crate::events::check_order;

/// Returns the paths that are there, and those left out with their rules.
fn result(root: &Path, excludes: Excludes) -> (Vec<String>, Vec<(String, String)>) {
    let source = FileTree::builder(root).excludes(excludes).build().unwrap();
    let events = events(&source);
    let there = check_order(&events)
        .iter()
        .map(|path| shown(path))
        .collect();
    let left_out = events.iter().filter_map(|event| match event {
        WalkEvent::Excluded { path, rule } => Some((shown(path), rule.to_string())),
        _ => None,
    });
    (there, left_out.collect())
}

fn build(root: &Path, files: &[&str]) {
    for file in files {
        let path = root.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, file).unwrap();
    }
}

fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(path, rule)| ((*path).to_owned(), (*rule).to_owned()))
        .collect()
}

#[test]
fn each_rule_leaves_out_what_it_says_and_is_named() {
    let dir = tempfile::tempdir().unwrap();
    build(
        dir.path(),
        &[
            "a.tmp",
            "keep.tmp",
            "d/b.tmp",
            "d/e/f",
            "node_modules/x/y",
            "big",
            "home/ann/.cache/z",
        ],
    );
    fs::write(dir.path().join("big"), vec![0; 5_000]).unwrap();
    let excludes = Excludes::new()
        .pattern("*.tmp")
        .pattern("!keep.tmp")
        .pattern("node_modules/")
        .pattern("/d/e")
        .glob("home/*/.cache")
        .larger_than(4_999);
    let (there, left_out) = result(dir.path(), excludes);
    assert_eq!(there, ["", "d", "home", "home/ann", "keep.tmp"]);
    assert_eq!(
        left_out,
        owned(&[
            ("a.tmp", "*.tmp"),
            ("big", "larger than 4999"),
            ("d/b.tmp", "*.tmp"),
            ("d/e", "/d/e"),
            ("home/ann/.cache", "home/*/.cache"),
            ("node_modules", "node_modules/"),
        ])
    );
}

#[test]
fn only_a_valid_tag_makes_a_cache() {
    let dir = tempfile::tempdir().unwrap();
    build(dir.path(), &["cache/x", "fake/x", "short/x", "link/x"]);
    let tag = "Signature: 8a477f597d28d172789f06886806bc55\n# made by a test\n";
    fs::write(dir.path().join("cache/CACHEDIR.TAG"), tag).unwrap();
    fs::write(dir.path().join("fake/CACHEDIR.TAG"), tag.replace('8', "9")).unwrap();
    fs::write(dir.path().join("short/CACHEDIR.TAG"), &tag[..20]).unwrap();
    std::os::unix::fs::symlink(
        "../cache/CACHEDIR.TAG",
        dir.path().join("link/CACHEDIR.TAG"),
    )
    .unwrap();
    let (there, left_out) = result(dir.path(), Excludes::new().caches());
    assert!(
        there.contains(&"cache/CACHEDIR.TAG".to_owned()) && !there.contains(&"cache/x".to_owned())
    );
    for kept in ["fake/x", "short/x", "link/x"] {
        assert!(there.contains(&kept.to_owned()), "{kept}");
    }
    assert_eq!(left_out, owned(&[("cache", "CACHEDIR.TAG")]));
}

#[test]
fn a_marker_leaves_out_what_is_beside_it() {
    let dir = tempfile::tempdir().unwrap();
    build(
        dir.path(),
        &["d/.nobackup", "d/x", "d/e/y", "alone/.nobackup", "f/x"],
    );
    let (there, left_out) = result(dir.path(), Excludes::new().if_present(".nobackup"));
    assert_eq!(
        there,
        [
            "",
            "alone",
            "alone/.nobackup",
            "d",
            "d/.nobackup",
            "f",
            "f/x"
        ]
    );
    assert_eq!(left_out, owned(&[("d", "if present: .nobackup")]));
}

#[test]
fn a_rule_that_cannot_work_is_an_error_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let error = FileTree::builder(dir.path())
        .excludes(Excludes::new().pattern("a["))
        .build()
        .unwrap_err();
    assert!(
        matches!(error, FileTreeError::Rule(ref rule) if rule.rule() == "a["),
        "{error}"
    );
    let error = FileTree::builder(dir.path().join("none"))
        .build()
        .unwrap_err();
    assert!(matches!(error, FileTreeError::Path { .. }), "{error}");
}

#[test]
fn another_file_system_is_kept_as_an_empty_directory() {
    // /proc is a file system of its own wherever tests can run at all.
    let source = FileTree::builder("/")
        .one_file_system()
        .excludes(Excludes::new().pattern("/*").pattern("!/proc"))
        .build()
        .unwrap();
    let events = events(&source);
    assert_eq!(check_order(&events), [Vec::new(), b"proc".to_vec()]);
    let left_out = events.iter().any(|event| {
        matches!(event, WalkEvent::Excluded { path, rule } if path == b"proc" && &**rule == "one file system")
    });
    assert!(left_out);
}
