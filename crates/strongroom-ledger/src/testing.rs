//! What the tests share: a tree that is obviously right, keys, and files in a map.

use std::collections::BTreeMap;
use std::convert::Infallible;

use strongroom_crypt::{Secret, SigningKey};
use strongroom_format::ObjectHash;

use crate::{KeyKind, Leaf, NoteSigner, Tile, Tiles, TreeHash, VerifierKey};

/// MTH of RFC 6962, section 2.1, word for word.
pub(crate) fn naive_root(leaves: &[TreeHash]) -> TreeHash {
    match leaves {
        [] => TreeHash::empty(),
        [leaf] => *leaf,
        _ => {
            let k = naive_split(leaves.len());
            TreeHash::of_node(&naive_root(&leaves[..k]), &naive_root(&leaves[k..]))
        }
    }
}

/// PATH of section 2.1.1, word for word.
pub(crate) fn naive_path(m: usize, leaves: &[TreeHash]) -> Vec<TreeHash> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let k = naive_split(leaves.len());
    let (mut path, other) = if m < k {
        (naive_path(m, &leaves[..k]), naive_root(&leaves[k..]))
    } else {
        (naive_path(m - k, &leaves[k..]), naive_root(&leaves[..k]))
    };
    path.push(other);
    path
}

/// SUBPROOF of section 2.1.2, word for word.
pub(crate) fn naive_subproof(m: usize, leaves: &[TreeHash], is_whole: bool) -> Vec<TreeHash> {
    if m == leaves.len() {
        return if is_whole {
            Vec::new()
        } else {
            vec![naive_root(leaves)]
        };
    }
    let k = naive_split(leaves.len());
    let (mut proof, other) = if m <= k {
        (
            naive_subproof(m, &leaves[..k], is_whole),
            naive_root(&leaves[k..]),
        )
    } else {
        (
            naive_subproof(m - k, &leaves[k..], false),
            naive_root(&leaves[..k]),
        )
    };
    proof.push(other);
    proof
}

fn naive_split(n: usize) -> usize {
    let mut k = 1;
    while k * 2 < n {
        k *= 2;
    }
    k
}

pub(crate) fn leaf(n: u64) -> Leaf {
    Leaf {
        n,
        hash: ObjectHash::of(&n.to_le_bytes()),
    }
}

pub(crate) fn leaves(count: u64) -> Vec<TreeHash> {
    (0..count).map(|n| leaf(n).tree_hash()).collect()
}

pub(crate) fn signer(name: &str, kind: KeyKind, seed: u8) -> NoteSigner {
    let key = SigningKey::from_seed(Secret::from_bytes(&[seed; 32])).unwrap();
    NoteSigner::new(name, kind, key).unwrap()
}

pub(crate) const ORIGIN: &str = "backup.example/vault";

/// The key of the log.
pub(crate) fn log_signer() -> NoteSigner {
    signer(ORIGIN, KeyKind::Note, 1)
}

pub(crate) fn log_key() -> VerifierKey {
    log_signer().public().clone()
}

/// The keys of witnesses.
pub(crate) fn witness_signer(number: u8) -> NoteSigner {
    signer(
        &format!("witness{number}.example"),
        KeyKind::Cosigner,
        100 + number,
    )
}

/// Files in a map.
#[derive(Debug, Default, Clone)]
pub(crate) struct Files(pub(crate) BTreeMap<Tile, Vec<u8>>);

impl Tiles for Files {
    type Error = Infallible;

    fn read(&self, tile: Tile) -> Result<Option<Vec<u8>>, Infallible> {
        Ok(self.0.get(&tile).cloned())
    }
}
