//! Snapshots that are wrong in one way each.

use std::sync::Arc;

use strongroom_crypt::Suite;
use strongroom_repo::testing::{Content, Tree};
use strongroom_store::MemoryStore;

use crate::insider::{Insider, wait};
use crate::museum::{builder, credential, noise};
use crate::press::{Flaw, Press};

/// A repository with nothing in it.
fn empty(suite: Suite) -> Arc<MemoryStore> {
    let store = Arc::new(MemoryStore::new());
    let options = strongroom_repo::CreateOptions::default()
        .with_suite(suite)
        .with_argon2(strongroom_crypt::Argon2Params::FASTEST);
    let created = wait(builder(&store, 1, 1_750_000_000).create(options, &credential(suite)));
    drop(created.unwrap());
    store
}

/// A tree in which every flaw has a place.
pub(crate) fn tree() -> Tree {
    let file = |seed, len| Tree::file(&noise(seed, len));
    let sparse = vec![Content::Data(noise(5, 300)), Content::Zeros(5_000)];
    let text = || Tree::File(vec![Content::Data(vec![b'x'; 450])], Some(3));
    Tree::dir([
        ("a", file(1, 400)),
        ("b", file(2, 400)),
        ("c", file(3, 900)),
        (
            "d",
            Tree::dir([("e", file(4, 10_000)), ("f", Tree::dir([]))]),
        ),
        ("g", Tree::File(sparse, None)),
        ("h", Tree::Symlink(b"a".to_vec())),
        ("one", text()),
        ("other", text()),
        ("p", file(6, 1_700)),
    ])
}

#[test]
fn flaws_can_be_made() {
    for suite in [Suite::None, Suite::Aes256Gcm] {
        for flaw in Flaw::ALL {
            let store = empty(suite);
            let insider = Insider::of(&store);
            Press::new(&insider, &store, flaw).snapshot(&tree(), "s");
        }
    }
}
