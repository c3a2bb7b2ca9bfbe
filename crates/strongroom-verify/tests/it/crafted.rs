//! Snapshots that are wrong in one way each.

use std::sync::Arc;

use strongroom_crypt::Suite;
use strongroom_repo::AuditScope;
use strongroom_repo::testing::{Content, Tree};
use strongroom_store::MemoryStore;
use strongroom_verify::{Level, Severity};

use crate::insider::{Insider, wait};
use crate::lab::check;
use crate::museum::{builder, credential, noise, open};
use crate::press::{Flaw, Press};

/// A repository with nothing in it.
pub(crate) fn empty(suite: Suite) -> Arc<MemoryStore> {
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
        ("two", text()),
        ("p", file(6, 1_700)),
    ])
}

/// Returns the level at which a flaw is to be found at the latest with all keys, and whether the structure key is enough.
fn demanded(flaw: Flaw) -> Option<(Level, bool)> {
    match flaw {
        // Consistent in itself: only a comparison with the source (L6) tells.
        Flaw::None | Flaw::WrongReference => None,
        // Optional.
        Flaw::RootEntryMissing => None,
        Flaw::PackNotAnnounced
        | Flaw::PackLengthWrong
        | Flaw::PackClassWrong
        | Flaw::PageLengthWrong
        | Flaw::HeightTooHigh
        | Flaw::HeightTooLow
        | Flaw::PageTypeWrong
        | Flaw::PageMissing
        | Flaw::BlobMissing
        | Flaw::ReferenceLengthWrong
        | Flaw::IndexFrameWrong
        | Flaw::IndexIncomplete
        | Flaw::IndexPackUnknown
        | Flaw::IndexOffsetWrong
        | Flaw::SegmentNotAnnounced
        | Flaw::SegmentEntriesWrong
        | Flaw::PageIdWrong => Some((Level::Authenticated, true)),
        Flaw::EpochUnknown | Flaw::SessionKeyWrong => Some((Level::Authenticated, false)),
        Flaw::FrameNotZstd | Flaw::BlobIdWrong => Some((Level::Decoded, false)),
        _ => Some((Level::Rebuilt, false)),
    }
}

#[test]
fn every_flaw_is_found() {
    let mut wrong = Vec::new();
    for suite in [Suite::None, Suite::Aes256Gcm] {
        for flaw in Flaw::ALL {
            let store = empty(suite);
            let insider = Insider::of(&store);
            Press::new(&insider, &store, flaw).snapshot(&tree(), "s");
            let found = |scope, level| {
                let keys = open(&store, suite, 5).unwrap().audit_keys(scope).unwrap();
                let report = check(&store, Some(keys), level);
                let bad = report
                    .findings()
                    .iter()
                    .filter(|one| one.severity > Severity::Note);
                let first = bad.min_by_key(|one| one.level);
                first.map(|one| (one.level, one.to_string()))
            };
            let (structural, full) = (
                found(AuditScope::Structure, Level::Rebuilt),
                found(AuditScope::Content, Level::Rebuilt),
            );
            // A check of no more than the level that is named finds it too.
            if let Some((level, what)) = &full
                && found(AuditScope::Content, *level).is_none()
            {
                wrong.push(format!(
                    "{suite:?} {flaw:?}: not found at {level}, which was named: {what}"
                ));
            }
            match (demanded(flaw), &full) {
                (None, None) => {}
                (None, Some(found)) => wrong.push(format!("{suite:?} {flaw:?}: found {found:?}")),
                (Some(_), None) => wrong.push(format!("{suite:?} {flaw:?}: not found")),
                (Some((most, _)), Some((level, what))) if *level > most => {
                    wrong.push(format!("{suite:?} {flaw:?}: found at {level} only: {what}"));
                }
                (Some((_, true)), Some(_)) if structural.is_none() => {
                    wrong.push(format!(
                        "{suite:?} {flaw:?}: not found without content keys"
                    ));
                }
                _ => {}
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
