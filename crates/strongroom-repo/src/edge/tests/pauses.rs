//! Pausing, holding and easing, seen by what is asked of stores and sources.

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use futures::future::{BoxFuture, join, poll_fn};
use strongroom_format::parity::Overhead;
use strongroom_store::manners::{Advice, Manners};
use strongroom_store::wrap::{BandwidthLimits, ManualTime, Monotonic as _, Rate, Sleep};

use super::*;
use crate::{
    CopyOptions, DeleteOptions, ForgetOptions, HoldRequest, ParityOptions, PruneOptions,
    RepairOptions, Source,
};

type Named = (&'static str, BoxFuture<'static, ()>);

/// Two repositories, one with two snapshots of which one is forgotten, in stores that note what is asked of them.
struct World {
    store: Arc<Recording<MemoryStore>>,
    repository: Repository,
    other: Repository,
    latest: Id,
    forgotten: Id,
}

impl World {
    fn new() -> Self {
        let store = Arc::new(Recording::new(MemoryStore::new()));
        let repository = create(store.clone(), 1, Execution::Threads);
        let other = create(Arc::new(MemoryStore::new()), 2, Execution::Threads);
        let forgotten = backup(&repository, 0).snapshot;
        let latest = backup(&repository, 1).snapshot;
        let plan = block_on(repository.plan_forget(ForgetOptions::of([forgotten]))).unwrap();
        block_on(repository.forget(plan)).unwrap();
        Self {
            store,
            repository,
            other,
            latest,
            forgotten,
        }
    }

    /// Every kind of operation, by a handle of which it is seen whether it rests.
    fn calls(&self, manners: &Manners) -> Vec<Named> {
        let mut calls = self.readings(manners);
        calls.extend(self.upkeep(manners));
        calls
    }

    fn readings(&self, manners: &Manners) -> Vec<Named> {
        let (latest, silent) = (self.latest, || Arc::new(()));
        let (by, target) = (self.repository.with_manners(manners.clone()), || {
            Arc::new(MemoryTarget::default())
        });
        let handle = || by.clone();
        let (a, b, c, d, e) = (handle(), handle(), handle(), handle(), handle());
        let (f, g, h, i) = (handle(), handle(), handle(), handle());
        vec![
            call("snapshots", async move { a.snapshots().await }),
            call("find", async move {
                b.find_snapshot("latest", Default::default()).await
            }),
            call("list", async move {
                let each = |_: &[u8], _: &Node| ControlFlow::Continue(());
                c.list(&latest, b"", Depth::All, each).await
            }),
            call("read", async move {
                let each = |_: &[u8]| ControlFlow::Continue(());
                d.read_file(&latest, b"large", each).await
            }),
            call("plan a restore", async move {
                let options = RestoreOptions::default();
                e.plan_restore(&latest, options, None, silent()).await
            }),
            call("restore", async move {
                let options = RestoreOptions::default();
                f.restore(&latest, target(), options, silent()).await
            }),
            call("dry run", async move {
                let source = Arc::new(TreeSource::new(tree(2)));
                g.backup_dry_run(source, BackupOptions::new("tests"), silent())
                    .await
            }),
            call("holds", async move { h.holds().await }),
            call("slots", async move { i.slots().await }),
        ]
    }

    fn upkeep(&self, manners: &Manners) -> Vec<Named> {
        let by = self.repository.with_manners(manners.clone());
        let (repository, other) = (self.repository.clone(), self.other.clone());
        let (silent, forgotten, latest) = (|| Arc::new(()), self.forgotten, self.latest);
        let handle = || by.clone();
        let (a, b, c, d, e) = (handle(), handle(), handle(), handle(), handle());
        let (f, g, h) = (handle(), handle(), handle());
        let options = ParityOptions::default().with_overhead(Some(Overhead::DISKS));
        let parity = block_on(repository.plan_parity(options)).unwrap();
        let undelete = block_on(repository.plan_undelete(forgotten)).unwrap();
        let forget = ForgetOptions::of([forgotten]);
        vec![
            call("backup", async move {
                let source = Arc::new(TreeSource::new(tree(7)));
                a.backup(source, BackupOptions::new("tests"), silent())
                    .await
            }),
            call("hold", async move {
                b.place_hold(HoldRequest::on_snapshots([latest], "a reason"))
                    .await
            }),
            call(
                "parity",
                async move { c.add_parity(parity, silent()).await },
            ),
            call(
                "undelete",
                async move { d.undelete(undelete, silent()).await },
            ),
            call("copy", async move {
                e.copy_to(&other, CopyOptions::default(), silent()).await
            }),
            call("replicate", async move {
                f.replicate(Arc::new(MemoryStore::new()), silent()).await
            }),
            call("forget", async move { g.plan_forget(forget).await }),
            call("repair", async move {
                let plan = h.plan_repair(RepairOptions::default(), silent()).await?;
                h.repair(plan, silent()).await
            }),
        ]
    }
}

fn call<T: std::fmt::Debug>(
    name: &'static str,
    future: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Named {
    let ended = async move {
        let result = future.await;
        assert!(result.is_ok(), "{name}: {result:?}");
    };
    (name, ended.boxed())
}

/// Waits without a clock.
async fn until(mut condition: impl FnMut() -> bool) {
    poll_fn(|context| match condition() {
        true => Poll::Ready(()),
        false => {
            std::thread::yield_now();
            context.waker().wake_by_ref();
            Poll::Pending
        }
    })
    .await;
}

/// Runs one operation that is paused from its beginning, and resumes it when it rests.
fn rests(
    name: &str,
    store: &Recording<MemoryStore>,
    manners: &Manners,
    operation: Pin<Box<dyn Future<Output = ()> + Send>>,
) {
    let pause = manners.pause();
    let before = store.calls().len();
    let paused = manners.counts().paused;
    pause.pause();
    let resume = async {
        until(|| pause.waiting() > 0).await;
        assert_eq!(store.calls().len(), before, "{name}");
        pause.resume();
    };
    block_on(join(operation, resume));
    assert!(manners.counts().paused > paused, "{name}");
    assert_eq!(pause.waiting(), 0, "{name}");
}

#[test]
fn every_operation_rests_and_goes_on() {
    let world = World::new();
    let manners = Manners::new();
    for (name, operation) in world.calls(&manners) {
        rests(name, &world.store, &manners, operation);
    }
    let by = world.repository.with_manners(manners.clone());
    let prune = async move {
        let plan = by.plan_prune(PruneOptions::default(), Arc::new(())).await?;
        by.prune(plan, Arc::new(())).await?;
        let plan = by.plan_delete(DeleteOptions::default()).await?;
        by.delete_dropped(plan, Arc::new(())).await
    };
    let (name, operation) = call("prune and delete", prune);
    rests(name, &world.store, &manners, operation);
}

#[test]
fn opening_rests_too() {
    let store = Arc::new(Recording::new(MemoryStore::new()));
    drop(create(store.clone(), 1, Execution::Threads));
    let components = components(1, Execution::Threads);
    let manners = components.manners.clone();
    let builder = Repository::builder(store.clone()).components(components);
    let opening = async move { builder.open(&Credential::passphrase(PASSPHRASE)).await };
    let (name, opening) = call("open", opening);
    rests(name, &store, &manners, opening);
}

#[test]
fn what_is_paused_can_be_cancelled() {
    let world = World::new();
    let manners = Manners::new();
    let source = Arc::new(TreeSource::new(tree(5)));
    for after in [0, 1, 5, 20] {
        let pause = manners.pause().clone();
        // A guard that pauses is a way to pause in the middle.
        let asked = AtomicUsize::new(0);
        let guard = move || {
            if asked.fetch_add(1, Ordering::SeqCst) >= after {
                pause.pause();
            }
            Advice::Proceed
        };
        let manners = manners.clone().with_guard(Arc::new(guard));
        let by = world.repository.with_manners(manners.clone());
        let options = BackupOptions::new("tests");
        let mut backing_up = Box::pin(by.backup(source.clone(), options, Arc::new(())));
        block_on(poll_fn(|context| {
            let polled = backing_up.as_mut().poll(context);
            assert!(polled.is_pending(), "{after}: {polled:?}");
            context.waker().wake_by_ref();
            match manners.pause().waiting() {
                0 => Poll::Pending,
                _ => Poll::Ready(()),
            }
        }));
        drop(backing_up);
        // Its threads end, though nobody has resumed them.
        block_on(until(|| Arc::strong_count(&source) == 1));
        assert!(manners.pause().is_paused());
        assert_eq!(manners.pause().waiting(), 0);
        manners.pause().resume();
    }
    assert_eq!(block_on(world.repository.snapshots()).unwrap().len(), 1);
}

/// Inline, everything that is asked of a store is the same however often it rested.
#[test]
fn pauses_change_nothing_of_what_is_done() {
    let undisturbed = history(1, Execution::Inline);
    let mut components = components(1, Execution::Inline);
    let (asked, pause) = (AtomicUsize::new(0), components.manners.pause().clone());
    let guard = move || {
        if asked.fetch_add(1, Ordering::SeqCst).is_multiple_of(7) {
            pause.pause();
        }
        Advice::Proceed
    };
    components.manners = components.manners.with_guard(Arc::new(guard));
    let manners = components.manners.clone();
    let (ended, end) = std::sync::mpsc::channel();
    let resumer = std::thread::spawn({
        let manners = manners.clone();
        move || {
            while end.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty) {
                if manners.pause().waiting() > 0 {
                    manners.pause().resume();
                }
                std::thread::yield_now();
            }
        }
    });
    let history = history_with(components);
    ended.send(()).unwrap();
    resumer.join().unwrap();
    assert!(manners.counts().paused > 10, "{:?}", manners.counts());
    assert!(undisturbed.calls == history.calls);
    assert!(undisturbed.objects == history.objects);
}

#[test]
fn batches_are_eased_and_steps_are_not() {
    let time = Arc::new(RecordingSleep::new());
    let second = Duration::from_secs(1);
    let manners = Manners::new()
        .with_sleep(time.clone())
        .with_guard(Arc::new(move || Advice::Ease(second)));
    let mut components = components(1, Execution::Threads);
    components.manners = manners.clone();
    history_with(components);
    let counts = manners.counts();
    // Three backups and three restores, of two hundred small files and two of more than a megabyte.
    assert!(counts.batches >= 6, "{counts:?}");
    assert_eq!(counts.eased, counts.batches);
    assert!(counts.steps > counts.batches, "{counts:?}");
    assert_eq!(time.slept().len() as u64, counts.eased);
    assert_eq!(
        counts.guarded,
        second * u32::try_from(counts.eased).unwrap()
    );
}

#[test]
fn a_guard_holds_everything_until_there_is_room() {
    let manners = Manners::new().with_sleep(Arc::new(RecordingSleep::new()));
    let asked = AtomicUsize::new(0);
    let guard = move || match asked.fetch_add(1, Ordering::SeqCst) % 3 {
        0 | 1 => Advice::Hold(Duration::from_secs(1)),
        _ => Advice::Proceed,
    };
    let mut components = components(1, Execution::Inline);
    components.manners = manners.with_guard(Arc::new(guard));
    let manners = components.manners.clone();
    history_with(components);
    let counts = manners.counts();
    assert_eq!(counts.held, 2 * (counts.batches + counts.steps));
}

/// Lets its time pass instead of waiting for it.
#[derive(Debug)]
struct Leap(ManualTime);

impl Sleep for Leap {
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.0.advance(duration);
        futures::future::ready(()).boxed()
    }
}

#[test]
fn sources_are_read_and_targets_written_at_their_rates() {
    let time = ManualTime::new();
    let rate = |bytes| Some(Rate::new(bytes).with_burst(1));
    let (clock, leap) = (Arc::new(time.clone()), Arc::new(Leap(time.clone())));
    let limits = BandwidthLimits::with_time(rate(1_000), rate(500), clock, leap);
    let manners = Manners::new().with_disk(limits.clone());
    let mut components = components(1, Execution::Threads);
    components.manners = manners.clone();
    let store = Arc::new(MemoryStore::new());
    let repository = create_with(store, components);
    let report = backup(&repository, 0);
    let read = manners.counts().read_bytes;
    // Holes are not read.
    let data = 200 * 5_000 + 2 * 1_700_000 + 9;
    assert!((data..data + 1_000).contains(&read), "{read}");
    // The last batch is waited for by nobody.
    let passed = time.now();
    assert!(passed <= Duration::from_secs(read / 500 + 1), "{passed:?}");
    assert!(passed >= Duration::from_secs((read - (4 << 20).min(read)) / 500));
    limits.set_down(None);
    let (_, flat) = restore(&repository, &report.snapshot, &Arc::default());
    assert!(flat == tree(0).flat());
    let written = manners.counts().written_bytes;
    assert!((data..data + 1_000).contains(&written), "{written}");
}

#[test]
fn operations_set_up_their_threads() {
    let names = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&names);
    let note = move || {
        let name = std::thread::current().name().map(str::to_owned);
        seen.lock().unwrap().extend(name);
    };
    let mut components = components(1, Execution::Threads);
    components.manners = Manners::new().with_thread_setup(Arc::new(note));
    let repository = create_with(Arc::new(MemoryStore::new()), components);
    let source: Arc<dyn Source> = Arc::new(TreeSource::new(tree(0)));
    let backing_up = repository.backup(source, BackupOptions::new("tests"), Arc::new(()));
    block_on(backing_up).unwrap();
    assert_eq!(
        *names.lock().unwrap(),
        ["strongroom-create", "strongroom-backup"]
    );
}
