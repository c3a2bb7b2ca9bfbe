//! The same, by programs that other people wrote.

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use proptest::prelude::*;
use sha2::Sha256;
use signed_note::{StandardSigner, StandardVerifier, VerifierList};
use strongroom_crypt::{Secret, SigningKey};
use strongroom_ledger::{
    KeyKind, MemoryTree, Note, NoteSigner, Tile, TileKind, TreeHash, TreeHead, prove_consistency,
    prove_inclusion, verify_consistency, verify_inclusion,
};
use tlog_tiles::{Hash, HashReader};

fn leaf(n: u64) -> Vec<u8> {
    format!("leaf {n}").into_bytes()
}

/// Sizes that cross what matters: powers of two, tiles.
const SIZES: [u64; 9] = [1, 2, 3, 7, 64, 255, 256, 257, 300];

#[test]
fn ct_merkle_makes_the_same_trees_and_proofs() {
    let mut theirs = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    let mut ours = MemoryTree::new();
    for n in 0..300 {
        theirs.push(leaf(n));
        ours.push(TreeHash::of_leaf(&leaf(n)));
        let size = n + 1;
        if !SIZES.contains(&size) {
            continue;
        }
        assert_eq!(
            theirs.root().as_bytes().as_slice(),
            ours.root(size).unwrap().as_bytes()
        );
        for index in (0..size).step_by(5) {
            let path = theirs.prove_inclusion(usize::try_from(index).unwrap());
            let mine = prove_inclusion(&ours, index, size).unwrap();
            assert_eq!(path.as_bytes(), joined(&mine));
        }
        for old in (1..size).step_by(3) {
            let proof = theirs.prove_consistency(usize::try_from(size - old).unwrap());
            assert_eq!(
                proof.as_bytes(),
                joined(&prove_consistency(&ours, old, size).unwrap())
            );
        }
    }
}

fn joined(hashes: &[TreeHash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| *hash.as_bytes()).collect()
}

/// The hashes of a log as `tlog_tiles` stores them.
struct Stored(Vec<Hash>);

impl HashReader for Stored {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, tlog_tiles::Error> {
        Ok(indexes
            .iter()
            .map(|index| self.0[usize::try_from(*index).unwrap()])
            .collect())
    }
}

#[test]
fn tlog_tiles_makes_the_same_proofs_and_believes_ours() {
    let mut stored = Stored(Vec::new());
    let mut ours = MemoryTree::new();
    for n in 0..300 {
        let hashes = tlog_tiles::stored_hashes(n, &leaf(n), &stored).unwrap();
        stored.0.extend(hashes);
        ours.push(TreeHash::of_leaf(&leaf(n)));
        let size = n + 1;
        if !SIZES.contains(&size) {
            continue;
        }
        let root = tlog_tiles::tree_hash(size, &stored).unwrap();
        assert_eq!(root.0, *ours.root(size).unwrap().as_bytes());
        for index in (0..size).step_by(7) {
            let theirs = tlog_tiles::prove_record(size, index, &stored).unwrap();
            let theirs: Vec<_> = theirs
                .iter()
                .map(|hash| TreeHash::from_bytes(hash.0))
                .collect();
            assert_eq!(theirs, prove_inclusion(&ours, index, size).unwrap());
            let leaf = TreeHash::of_leaf(&leaf(index));
            assert_eq!(
                verify_inclusion(leaf, index, size, &TreeHash::from_bytes(root.0), &theirs),
                Ok(())
            );
        }
        for old in (1..size).step_by(11) {
            let theirs = tlog_tiles::prove_tree(size, old, &stored).unwrap();
            let theirs: Vec<_> = theirs
                .iter()
                .map(|hash| TreeHash::from_bytes(hash.0))
                .collect();
            assert_eq!(theirs, prove_consistency(&ours, old, size).unwrap());
            let (old_root, root) = (ours.root(old).unwrap(), TreeHash::from_bytes(root.0));
            assert_eq!(
                verify_consistency((old, &old_root), (size, &root), &theirs),
                Ok(())
            );
        }
    }
}

#[test]
fn tlog_tiles_has_the_same_heads() {
    let head = TreeHead::new("backup.example/vault", 70_000, TreeHash::of_leaf(b"x")).unwrap();
    let theirs = tlog_tiles::Checkpoint::from_bytes(head.to_string().as_bytes()).unwrap();
    assert_eq!((theirs.origin(), theirs.size()), (head.origin(), 70_000));
    assert_eq!(theirs.to_bytes(), head.to_string().into_bytes());
}

proptest! {
    #[test]
    fn tlog_tiles_has_the_same_paths(level in 0_u8..63, index in 0_u64..1 << 40, width in 1_u16..=256) {
        let tile = Tile::new(TileKind::Hashes(level), index, width).unwrap();
        let theirs = tlog_tiles::Tile::new(8, level, index, width.into(), false);
        prop_assert_eq!(theirs.path().replacen("tile/8/", "tile/", 1), tile.to_string());
        prop_assert_eq!(Tile::parse(&tile.to_string()), Ok(tile));
    }

    #[test]
    fn signed_note_signs_and_believes_the_same(seed: [u8; 32], text in "[a-zäöü ]{0,40}\n([a-z ]{0,20}\n){0,3}") {
        let key = SigningKey::from_seed(Secret::from_bytes(&seed)).unwrap();
        let ours = NoteSigner::new("example.com/log", KeyKind::Note, key).unwrap();
        let mut note = Note::new(text.clone()).unwrap();
        note.sign(&ours, 0);
        let bytes = note.to_string().into_bytes();

        let signer = StandardSigner::new(&ours.encode()).unwrap();
        let mut theirs = signed_note::Note::new(text.as_bytes(), &[]).unwrap();
        theirs.add_sigs(&[&signer]).unwrap();
        prop_assert_eq!(&theirs.to_bytes(), &bytes);
        let verifier = StandardVerifier::new(&ours.public().to_string()).unwrap();
        let verified = signed_note::Note::from_bytes(&bytes).unwrap().verify(&VerifierList::new(vec![Box::new(verifier)]));
        prop_assert!(verified.is_ok());
        prop_assert!(Note::parse(&bytes).unwrap().verify(&[ours.public()]).is_ok());
    }

    /// What one of us takes for a note, the other does too.
    #[test]
    fn signed_note_takes_the_same_for_notes(place in 0_usize..200, byte: u8, drop in any::<bool>()) {
        let mut bytes = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n".as_bytes().to_vec();
        let place = place % bytes.len();
        match drop {
            true => { bytes.remove(place); }
            false => bytes[place] = byte,
        }
        prop_assert_eq!(Note::parse(&bytes).is_ok(), signed_note::Note::from_bytes(&bytes).is_ok());
    }
}
