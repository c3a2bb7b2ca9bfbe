//! Bytes and trees to measure with.

use strongroom_format::{Node, Time};
use strongroom_repo::testing::Tree;

pub(crate) const MEBIBYTE: usize = 1 << 20;

/// Bytes that do not compress.
pub(crate) fn noise(len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new().finalize_xof().fill(&mut bytes);
    bytes
}

/// Bytes that compress about as source code does: words of a small vocabulary.
pub(crate) fn prose(len: usize) -> Vec<u8> {
    let words: Vec<String> = (0..600)
        .map(|n: u32| format!("{:x} ", n.wrapping_mul(2_654_435_761) >> 12))
        .collect();
    let choice = noise(len);
    let (pairs, _) = choice.as_chunks::<2>();
    let word = |pair: &[u8; 2]| {
        let at = usize::from(u16::from_le_bytes(*pair));
        // Squared, so that some words are common and most are rare.
        words
            .get(((at * at) >> 18) % words.len())
            .map_or("", String::as_str)
            .bytes()
    };
    pairs.iter().flat_map(word).take(len).collect()
}

/// Entries of a directory of source files.
pub(crate) fn entries(count: u32) -> Vec<Node> {
    let entry = |n: u32| Node {
        name: format!("file-{n:04}.rs").into_bytes(),
        mode: 0o644,
        mtime: Time::new(1_700_000_000 + i64::from(n) * 7_919, n * 900_001),
        ctime: Some(Time::new(1_710_000_000, n * 800_001)),
        inode: 1_000_000 + u64::from(n),
        size: u64::from(n) * 37,
        first_ref: n + 1,
        refs: 1,
        ..Node::default()
    };
    (0..count).map(entry).collect()
}

/// A tree of directories with a hundred small files each.
pub(crate) fn tree(directories: usize) -> Tree {
    let words = prose(64 << 10);
    let file = |n: usize| {
        let start = n * 37 % (words.len() - 600);
        let text = words.get(start..start + 100 + n % 500).unwrap_or_default();
        Tree::file(&[n.to_le_bytes().as_slice(), text].concat())
    };
    let names: Vec<String> = (0..100).map(|n| format!("file-{n:02}.rs")).collect();
    let directory = |at: usize| {
        let files = names.iter().enumerate();
        Tree::dir(files.map(|(n, name)| (name.as_str(), file(at * 100 + n))))
    };
    let outer: Vec<String> = (0..directories).map(|n| format!("dir-{n:04}")).collect();
    let outer = outer.iter().enumerate();
    Tree::dir(outer.map(|(n, name)| (name.as_str(), directory(n))))
}
