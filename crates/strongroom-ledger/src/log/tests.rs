use super::*;
use crate::testing::{Files, leaf, leaves, naive_root};
use crate::{Frontier, MemoryTree, Subtrees as _, prove_consistency, prove_inclusion};

fn grow(log: &mut Log, files: &mut Files, size: u64) {
    while log.size() < size {
        log.push(leaf(log.size()));
    }
    files.0.extend(log.take_files());
}

/// Whatever the sizes at which files are written, the head is the tree's, the proofs are those of the tree in memory, and the log can be gone on with.
#[test]
fn files_have_the_tree() {
    let sizes = [
        1, 2, 255, 256, 257, 511, 512, 513, 65_535, 65_536, 65_537, 66_000,
    ];
    let tree: MemoryTree = leaves(66_000).into_iter().collect();
    let (mut log, mut files) = (Log::new("log"), Files::default());
    for size in sizes {
        grow(&mut log, &mut files, size);
        let head = log.head();
        assert_eq!(
            (head.size(), Some(*head.root())),
            (size, tree.root(size)),
            "{size}"
        );
        let from_files = TileTree::new(&files, size);
        for index in [0, size / 2, size - 1] {
            assert_eq!(
                prove_inclusion(&from_files, index, size).unwrap(),
                prove_inclusion(&tree, index, size).unwrap()
            );
        }
        for old in [1, size / 3, size - 1] {
            assert_eq!(
                prove_consistency(&from_files, old, size).unwrap(),
                prove_consistency(&tree, old, size).unwrap()
            );
        }
        let resumed = Log::resume(&head, &files).unwrap();
        assert_eq!(resumed.head(), head);
        assert_eq!(
            (&resumed.edge, &resumed.leaves),
            (&log.edge, &log.leaves),
            "{size}"
        );
        log = resumed;
    }
    assert_eq!(read_leaves(&files, 65_536, 66_000).unwrap().len(), 256);
    assert_eq!(
        read_leaves(&files, 65_999, 66_000).unwrap().last(),
        Some(&leaf(65_999))
    );
    assert_eq!(from_level(&files), tree.hash(16, 0));
}

fn from_level(files: &Files) -> Result<TreeHash, std::convert::Infallible> {
    Ok(TileTree::new(files, 66_000).hash(16, 0).unwrap())
}

#[test]
fn heads_of_all_small_sizes_are_the_trees() {
    let hashes = leaves(700);
    let (mut log, mut frontier) = (Log::new("log"), Frontier::new());
    assert_eq!(*log.head().root(), TreeHash::empty());
    for size in 1..=700_u16 {
        log.push(leaf(u64::from(size) - 1));
        frontier.push(hashes[usize::from(size) - 1]);
        assert_eq!(*log.head().root(), frontier.root());
    }
    assert_eq!(frontier.root(), naive_root(&hashes));
}

#[test]
fn files_are_the_same_wherever_they_are_written() {
    let (mut often, mut once) = (Files::default(), Files::default());
    let mut log = Log::new("log");
    for size in 1..600 {
        grow(&mut log, &mut often, size);
    }
    grow(&mut Log::new("log"), &mut once, 599);
    for (tile, bytes) in &once.0 {
        assert_eq!(often.0.get(tile), Some(bytes), "{tile}");
    }
    let full: Vec<_> = once.0.keys().filter(|tile| !tile.is_partial()).collect();
    assert_eq!(full.len(), 4, "{full:?}");
}

/// A full tile serves in the place of a partial one that was deleted; nothing else does.
#[test]
fn damaged_files_are_told() {
    let (mut log, mut files) = (Log::new("log"), Files::default());
    grow(&mut log, &mut files, 300);
    let head = log.head();
    grow(&mut log, &mut files, 600);
    let mut pruned = files.clone();
    pruned.0.retain(|tile, _| {
        tile.index() > 1 || !tile.is_partial() || tile.kind() == TileKind::Hashes(1)
    });
    assert_eq!(Log::resume(&head, &pruned).unwrap().head(), head);

    for tile in files.0.keys() {
        let mut damaged = files.clone();
        damaged.0.get_mut(tile).unwrap()[3] ^= 1;
        let mut short = files.clone();
        short.0.get_mut(tile).unwrap().pop();
        let mut missing = files.clone();
        missing.0.remove(tile);
        // What is wanted for the head at 600: full tiles of hashes below the level above are not.
        let is_read = tile.is_partial() && tile.index() + 1 == 600_u64.div_ceil(256)
            || tile.kind() == TileKind::Hashes(1) && tile.width() == 2;
        for broken in [damaged, short, missing] {
            let resumed = Log::resume(&log.head(), &broken);
            assert_eq!(resumed.is_err(), is_read, "{tile} {resumed:?}");
        }
    }
}

#[test]
#[should_panic(expected = "one after another")]
fn entries_come_in_order() {
    Log::new("log").push(leaf(1));
}
