//! The laws of a store, and that creates are decided in one place.

use std::sync::Arc;

use futures::executor::block_on;
use strongroom_store::conformance::{self, assert_conforms};
use strongroom_store::wrap::{Fault, MirrorSettings, Mirrored, Rule, When, WritePolicy};
use strongroom_store::{DirStore, ErrorKind, MemoryStore, Store, probe_atomic_create};

use super::Mirror;
use crate::broken_stores_are_caught::{Broken, Flaw};
use crate::folder;

#[test]
fn a_mirror_conforms() {
    assert_conforms(|| Arc::new(Mirror::new(3, WritePolicy::AtLeast(2)).store));
    assert_conforms(|| Arc::new(Mirror::new(1, WritePolicy::All).store));
}

#[test]
fn a_mirror_of_directories_conforms() {
    let scratch = tempfile::tempdir().unwrap();
    assert_conforms(|| {
        let [one, other] = ["one", "other"].map(|name| {
            let store = DirStore::create(scratch.path().join(name)).unwrap();
            Arc::new(store) as Arc<dyn Store>
        });
        Arc::new(Mirrored::new(one, vec![other], MirrorSettings::default()))
    });
}

#[test]
fn an_arbiter_that_decides_no_races_is_found_out() {
    let probe = |arbiter: Arc<dyn Store>| {
        let follower: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let store = Mirrored::new(arbiter, vec![follower], MirrorSettings::default());
        block_on(probe_atomic_create(&store, &folder("session/probe/")))
    };
    assert!(probe(Arc::new(MemoryStore::new())).unwrap());
    assert!(!probe(Arc::new(Broken::new(Flaw::CreateLooksFirst))).unwrap_or(false));
}

#[test]
fn the_laws_hold_with_a_follower_that_is_away_or_flaky() {
    let away = Rule::new(Fault::FailBefore(ErrorKind::Unavailable));
    let flaky = Rule::new(Fault::FailAfter(ErrorKind::Other)).with_when(When::OneIn(3));
    for rule in [away, flaky] {
        let make = || -> Arc<dyn Store> {
            let mirror = Mirror::new(3, WritePolicy::AtLeast(2));
            mirror.members[2].inject(rule.clone());
            Arc::new(mirror.store)
        };
        block_on(async {
            let driver: conformance::Driver<'_> = &|future| block_on(future);
            conformance::law_1_put_is_atomic(&make(), driver).await?;
            conformance::law_2_one_creator_wins(&make(), driver).await?;
            conformance::law_4_ranges_are_exact(&make()).await?;
            conformance::law_7_a_dropped_put_is_absent_or_whole(&make()).await?;
            conformance::law_8_errors_have_the_right_kind(&make()).await?;
            conformance::law_9_every_key_is_its_own(&make()).await
        })
        .unwrap();
    }
}
