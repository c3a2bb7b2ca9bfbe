//! A check rests while it is paused, wherever that is, can be cancelled meanwhile, and says the same in the end.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use futures::future::poll_fn;
use strongroom_crypt::Suite;
use strongroom_format::{AuditKeys, Time};
use strongroom_repo::AuditScope;
use strongroom_store::MemoryStore;
use strongroom_store::manners::{Advice, Manners};
use strongroom_store::wrap::Recording;
use strongroom_verify::{Auditor, CheckOptions, Level};

use crate::insider::wait;
use crate::museum::{Museum, open};

struct Scene {
    store: Arc<Recording<Arc<MemoryStore>>>,
    keys: Vec<u8>,
}

impl Scene {
    fn new() -> Self {
        let museum = Museum::new(Suite::None, 1);
        let repository = open(&museum.store, Suite::None, 1).unwrap();
        let keys = repository.audit_keys(AuditScope::Content).unwrap();
        Self {
            store: Arc::new(Recording::new(museum.store)),
            keys: keys.encode([7; 16]).unwrap().to_vec(),
        }
    }

    fn auditor(&self, manners: &Manners) -> Auditor {
        Auditor::new(self.store.clone())
            .with_keys(AuditKeys::decode(&self.keys).unwrap())
            .with_threads(2)
            .with_manners(manners.clone())
    }
}

fn options() -> CheckOptions {
    CheckOptions::new(Time::new(1_790_000_000, 0)).with_level(Level::Rebuilt)
}

/// Pauses when it is asked, as often as `is_time` says so of how often it was asked before.
fn pausing(is_time: impl Fn(usize) -> bool + Send + Sync + 'static) -> Manners {
    let manners = Manners::new();
    let (asked, pause) = (AtomicUsize::new(0), manners.pause().clone());
    manners.with_guard(Arc::new(move || {
        if is_time(asked.fetch_add(1, Ordering::SeqCst)) {
            pause.pause();
        }
        Advice::Proceed
    }))
}

/// Polls without a clock, until it is so.
fn until(mut is_so: impl FnMut(&mut Context<'_>) -> bool) {
    wait(poll_fn(|context| {
        context.waker().wake_by_ref();
        std::thread::yield_now();
        match is_so(context) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }));
}

#[test]
fn a_check_that_rested_everywhere_says_the_same() {
    let scene = Scene::new();
    let undisturbed = wait(
        scene
            .auditor(&Manners::new())
            .check(options(), Arc::new(())),
    )
    .unwrap();
    let manners = pausing(|asked| asked.is_multiple_of(5));
    let auditor = scene.auditor(&manners);
    let mut checking = Box::pin(auditor.check(options(), Arc::new(())));
    let mut report = None;
    until(|context| {
        if manners.pause().waiting() > 0 {
            manners.pause().resume();
        }
        match checking.as_mut().poll(context) {
            Poll::Pending => false,
            Poll::Ready(ended) => {
                report = Some(ended.unwrap());
                true
            }
        }
    });
    assert_eq!(report.unwrap().to_string(), undisturbed.to_string());
    let counts = manners.counts();
    assert!(counts.paused > 5 && counts.batches > 0, "{counts:?}");
}

#[test]
fn a_check_that_rests_can_be_cancelled() {
    let scene = Scene::new();
    for after in [0, 3, 30, 90] {
        let manners = pausing(move |asked| asked >= after);
        let auditor = scene.auditor(&manners);
        let mut checking = Box::pin(auditor.check(options(), Arc::new(())));
        until(|context| {
            let polled = checking.as_mut().poll(context);
            assert!(polled.is_pending(), "{after}");
            manners.pause().waiting() > 0
        });
        drop(checking);
        // Its threads have the store for as long as they are there; nobody has resumed them.
        until(|_| Arc::strong_count(&scene.store) == 2);
        assert_eq!(manners.pause().waiting(), 0);
    }
}
