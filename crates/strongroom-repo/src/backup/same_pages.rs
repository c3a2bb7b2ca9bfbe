//! Pages taken over from the parent are those that would have been made without one.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use strongroom_crypt::Id;
use strongroom_store::wrap::Operation;

use super::tests::options;
use super::{BackupReport, ParentChoice};
use crate::Repository;
use crate::testing::{Tree, TreeSource, noise, repository};

/// A version of a directory: numbers that become names, with the version of the content of each.
type Numbers = BTreeMap<u16, u8>;

const OLD: i64 = 1_600_000_000;

/// Two directories, one of which is always the same, and files beside them.
fn source(numbers: &Numbers, root_stamp: i64) -> Arc<TreeSource> {
    let name = |number: &u16| format!("{number:04}");
    let entries = |few: u16| {
        let chosen = numbers
            .iter()
            .filter(move |(number, _)| **number % few == 0);
        chosen.map(|(number, version)| {
            let file = Tree::file(&noise(u64::from(*version), 5));
            (name(number).into_bytes(), file)
        })
    };
    let still = (0..200_u16).map(|number| (name(&number).into_bytes(), Tree::file(b"still")));
    let mut root: BTreeMap<Vec<u8>, Tree> = entries(7).collect();
    root.insert(b"changing".to_vec(), Tree::Dir(entries(1).collect()));
    root.insert(b"still".to_vec(), Tree::Dir(still.collect()));
    let mut source = TreeSource::new(Tree::Dir(root));
    source.stamps.insert(String::new(), OLD + root_stamp);
    for (number, version) in numbers {
        for dir in ["", "changing/"] {
            let path = format!("{dir}{}", name(number));
            source.stamps.insert(path, OLD + i64::from(*version));
        }
    }
    Arc::new(source)
}

fn back_up(repository: &Repository, source: Arc<TreeSource>, parent: ParentChoice) -> BackupReport {
    let options = options().with_parent(parent);
    futures::executor::block_on(repository.backup(source, options, Arc::new(()))).unwrap()
}

fn root_of(repository: &Repository, report: &BackupReport) -> Id {
    let all = futures::executor::block_on(repository.snapshots()).unwrap();
    let found = all.iter().find(|one| one.id == report.snapshot);
    found.unwrap().snapshot.root
}

fn assert_same_pages(versions: &[Numbers]) {
    let (_, repository) = repository();
    for (number, numbers) in versions.iter().enumerate() {
        // The root's own metadata is another in every second version.
        let source = source(numbers, number as i64 / 2);
        let beside = back_up(&repository, source.clone(), ParentChoice::Latest);
        let alone = back_up(&repository, source, ParentChoice::None);
        let root = root_of(&repository, &beside);
        assert!(root == root_of(&repository, &alone), "version {number}");
        assert_eq!(alone.summary.new_bytes, 0);
        let (counts, others) = (&beside.summary, &alone.summary);
        assert_eq!(
            (counts.files, counts.directories, counts.bytes),
            (others.files, others.directories, others.bytes)
        );
    }
}

fn numbers(of: impl IntoIterator<Item = u16>) -> Numbers {
    of.into_iter().map(|number| (number, 0)).collect()
}

#[test]
fn whatever_changes_at_the_end_of_a_leaf_the_pages_are_the_same() {
    let all: Vec<u16> = (0..1_000).collect();
    let but = |gone: &[u16]| numbers(all.iter().copied().filter(|one| !gone.contains(one)));
    let mut changed = numbers(all.iter().copied());
    changed.extend([(0, 1), (500, 1), (999, 1)]);
    assert_same_pages(&[
        numbers(all.iter().copied()),
        but(&[999]),
        numbers(all.iter().copied()),
        numbers(0..1_001),
        but(&[0]),
        changed,
        numbers([]),
        numbers([3]),
        numbers([3, 4]),
        numbers([4]),
    ]);
}

#[test]
fn what_is_under_another_name_of_an_owner_is_written_anew() {
    let (store, repository) = repository();
    let numbers = numbers(0..100);
    back_up(&repository, source(&numbers, 0), ParentChoice::Latest);
    store.reset();
    let same = back_up(&repository, source(&numbers, 0), ParentChoice::Latest);
    assert_eq!(store.count(Operation::Put), 1, "the journal's entry alone");
    let mut other = Arc::into_inner(source(&numbers, 0)).unwrap();
    other.owner = Some(b"somebody else".to_vec());
    let other = Arc::new(other);
    let renamed = back_up(&repository, other.clone(), ParentChoice::Latest);
    assert_eq!(renamed.summary.unchanged, same.summary.unchanged);
    let root = root_of(&repository, &renamed);
    assert!(root != root_of(&repository, &same));
    let alone = back_up(&repository, other, ParentChoice::None);
    assert!(root == root_of(&repository, &alone));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn any_versions_of_a_directory_have_the_pages_that_they_would_have_alone(
        versions in prop::collection::vec(prop::collection::btree_map(0..400_u16, 0..3_u8, 0..400), 2..5),
    ) {
        assert_same_pages(&versions);
    }
}
