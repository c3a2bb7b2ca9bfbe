//! Restoring from a store that keeps content out of reach until it is asked for.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use strongroom_crypt::{Id, Suite};
use strongroom_store::wrap::{Glacial, ManualTime, Monotonic as _};
use strongroom_store::{ErrorKind as StoreKind, Key, MemoryStore, Store, StoreExt as _, Warmth};

use crate::testing::{MemoryTarget, Tree, TreeSource, noise, settings};
use crate::{
    BackupOptions, Cold, ColdContent, Components, CreateOptions, Credential, Depth, ErrorKind,
    Event, Execution, ForgetOptions, LostReason, PackAction, PackReason, PruneOptions, PrunePlan,
    Repository, RestoreOptions, RestoreReport, Settings, Unused, WarmUpOptions,
};

const HOUR: Duration = Duration::from_secs(3_600);

/// A repository in a cold store, by a clock that moves on whenever somebody waits.
struct Place {
    time: ManualTime,
    store: Arc<Glacial<MemoryStore>>,
    repository: Repository,
    tree: Tree,
    id: Id,
}

/// Waits by moving the clock.
#[derive(Debug)]
struct Skip(ManualTime);

impl strongroom_store::wrap::Sleep for Skip {
    fn sleep(&self, duration: Duration) -> futures::future::BoxFuture<'static, ()> {
        self.0.advance(duration);
        Box::pin(async {})
    }
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    futures::executor::block_on(future)
}

fn place(execution: Execution) -> Place {
    let time = ManualTime::new();
    let store = Arc::new(Glacial::new(MemoryStore::new(), 5 * HOUR, time.clone()));
    let settings = Settings {
        pack_bytes: 64 << 10,
        cold_content: true,
        ..settings(2)
    };
    let components = Components {
        sleep: Arc::new(Skip(time.clone())),
        execution,
        ..Components::default()
    };
    let builder = Repository::builder(store.clone() as Arc<dyn Store>)
        .settings(settings)
        .components(components);
    let options = CreateOptions::default().with_suite(Suite::None);
    let repository = wait(builder.create(options, &Credential::None))
        .unwrap()
        .repository;
    let files: Vec<(String, Tree)> = (0..20)
        .map(|n| (format!("f{n:02}"), Tree::file(&noise(n, 20_000))))
        .collect();
    let tree = Tree::dir(
        files
            .iter()
            .map(|(name, tree)| (name.as_str(), tree.clone())),
    );
    let source = Arc::new(TreeSource::new(tree.clone()));
    let report = wait(repository.backup(source, BackupOptions::new("s"), Arc::new(()))).unwrap();
    Place {
        time,
        store,
        repository,
        tree,
        id: report.snapshot,
    }
}

impl Place {
    fn restore(&self, target: &Arc<MemoryTarget>, cold: Cold) -> RestoreReport {
        let options = RestoreOptions::default().with_cold(cold);
        wait(
            self.repository
                .restore(&self.id, target.clone(), options, Arc::new(())),
        )
        .unwrap()
    }

    fn keys(&self) -> Vec<Key> {
        let options = RestoreOptions::default();
        let plan = self
            .repository
            .plan_restore(&self.id, options, None, Arc::new(()));
        wait(plan).unwrap().keys()
    }
}

#[test]
fn only_content_is_cold_and_everything_else_works_without_it() {
    let place = place(Execution::Threads);
    let cold = place.store.cold();
    assert!(cold.len() > 3);
    assert!(cold.iter().all(|key| key.as_str().starts_with("pack/")));
    let seen = Arc::new(Mutex::new(0));
    let count = Arc::clone(&seen);
    let each = move |_: &[u8], _: &strongroom_format::Node| {
        *count.lock().unwrap() += 1;
        std::ops::ControlFlow::Continue(())
    };
    wait(place.repository.list(&place.id, b"", Depth::All, each)).unwrap();
    assert_eq!(*seen.lock().unwrap(), 20);
    // Another backup needs nothing of it either.
    let source = Arc::new(TreeSource::new(place.tree.clone()));
    wait(
        place
            .repository
            .backup(source, BackupOptions::new("t"), Arc::new(())),
    )
    .unwrap();
    let each = |_: &[u8]| std::ops::ControlFlow::Continue(());
    let error = wait(place.repository.read_file(&place.id, b"f03", each)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Archived);
    assert!(error.object().unwrap().starts_with("pack/"), "{error}");
}

#[test]
fn a_plan_says_what_is_cold_and_a_warm_up_makes_it_ready() {
    for execution in [Execution::Threads, Execution::Inline] {
        let place = place(execution);
        let warmer = place.store.clone();
        let options = RestoreOptions::default();
        let plan =
            place
                .repository
                .plan_restore(&place.id, options, Some(warmer.clone()), Arc::new(()));
        let plan = wait(plan).unwrap();
        let cold: BTreeSet<&Key> = plan.cold().map(|pack| pack.key()).collect();
        assert_eq!(cold, place.store.cold().iter().collect());
        assert_eq!((plan.entries, plan.content_bytes), (21, 400_000));
        assert!(plan.to_string().contains("to be warmed up"), "{plan}");
        let looks = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&looks);
        let observer = Arc::new(move |event: &Event<'_>| {
            if let Event::WarmUp(progress) = event {
                log.lock().unwrap().push((*progress).clone());
            }
        });
        let options = WarmUpOptions::default().with_batch(2);
        let report = place
            .repository
            .warm_up(plan.keys(), warmer, options, observer);
        let report = wait(report).unwrap();
        assert!(report.is_complete(), "{report:?}");
        assert_eq!(report.asked, cold.len() as u64);
        assert_eq!(place.store.asked().len(), cold.len());
        assert!(report.waited >= 5 * HOUR && report.waited < 6 * HOUR);
        let looks = looks.lock().unwrap();
        assert_eq!(looks[0].cold, cold.len() as u64);
        assert_eq!(looks.last().unwrap().ready, cold.len() as u64);
        assert!(looks.len() < 40, "{}", looks.len());
        let target = Arc::new(MemoryTarget::default());
        assert!(place.restore(&target, Cold::Stop).is_complete());
        assert_eq!(target.flat(), place.tree.flat());
    }
}

#[test]
fn a_warm_up_that_ran_out_of_patience_is_resumed_and_asks_nothing_twice() {
    let place = place(Execution::Threads);
    let keys = place.keys();
    let warm_up = |options: WarmUpOptions| {
        let warmer = place.store.clone();
        wait(
            place
                .repository
                .warm_up(keys.clone(), warmer, options, Arc::new(())),
        )
        .unwrap()
    };
    let first = warm_up(WarmUpOptions::default().with_patience(HOUR));
    let stopped = first.stopped.as_ref().unwrap();
    assert_eq!(stopped.kind(), ErrorKind::Archived);
    assert_eq!((first.not_ready.len(), first.waited), (keys.len(), HOUR));
    let second = warm_up(WarmUpOptions::default());
    assert!(second.is_complete() && second.asked == 0, "{second:?}");
    assert_eq!(place.store.asked().len(), keys.len());
    assert!(place.time.now() < 6 * HOUR);
}

#[test]
fn a_restore_of_cold_content_says_so_and_leaves_nothing_half() {
    let place = place(Execution::Threads);
    let target = Arc::new(MemoryTarget::default());
    let report = place.restore(&target, Cold::Stop);
    assert!(!report.is_complete());
    assert_eq!(report.stopped.as_ref().unwrap().kind(), ErrorKind::Archived);
    assert!(!report.cold_objects.is_empty());
    assert_eq!(report.files, 0);
    assert!(
        target
            .items()
            .values()
            .all(|item| item.node.size == 0 || item.finished)
    );
}

#[test]
fn files_whose_packs_are_ready_are_restored_and_the_rest_later() {
    let place = place(Execution::Threads);
    let keys = place.keys();
    let (some, rest) = keys.split_at(2);
    let warm_up = |keys: &[Key]| {
        let warmer = place.store.clone();
        let options = WarmUpOptions::default();
        wait(
            place
                .repository
                .warm_up(keys.to_vec(), warmer, options, Arc::new(())),
        )
        .unwrap()
    };
    assert!(warm_up(some).is_complete());
    let target = Arc::new(MemoryTarget::default());
    let report = place.restore(&target, Cold::LeaveOut);
    assert!(report.stopped.is_none() && report.files > 0 && report.lost_total > 0);
    assert_eq!(report.files + report.lost_total, 20);
    assert!(
        report
            .lost
            .iter()
            .all(|lost| lost.reason == LostReason::Cold)
    );
    let cold: Vec<&str> = rest.iter().map(Key::as_str).collect();
    assert_eq!(report.cold_objects, cold);
    let done = target.flat();
    assert!(
        done.iter()
            .all(|(path, item)| place.tree.flat().get(path) == Some(item))
    );
    assert!(warm_up(rest).is_complete());
    assert!(place.restore(&target, Cold::Stop).is_complete());
    assert_eq!(target.flat(), place.tree.flat());
}

#[test]
fn what_is_not_there_is_not_waited_for() {
    let place = place(Execution::Threads);
    let mut keys = place.keys();
    wait(place.store.delete(&keys[0])).unwrap();
    keys.truncate(2);
    let warmer = place.store.clone();
    let options = WarmUpOptions::default();
    let report = place
        .repository
        .warm_up(keys.clone(), warmer.clone(), options, Arc::new(()));
    let report = wait(report).unwrap();
    assert_eq!((report.ready, report.missing), (1, vec![keys[0].clone()]));
    let kind = wait(place.store.get_all(&keys[0])).unwrap_err().kind();
    assert_eq!(kind, StoreKind::NotFound);
    let warmth = wait(strongroom_store::Warmer::warmth(&*warmer, &keys[1])).unwrap();
    assert!(matches!(warmth, Warmth::Ready { .. }));
}

impl Place {
    /// Keeps half of the files, and forgets that there were others.
    fn keep_half(&self) -> (Tree, Id) {
        let Tree::Dir(entries) = &self.tree else {
            panic!("the root is a directory")
        };
        let half = entries.iter().take(7);
        let half = Tree::Dir(
            half.map(|(name, tree)| (name.clone(), tree.clone()))
                .collect(),
        );
        let source = Arc::new(TreeSource::new(half.clone()));
        let backup = self
            .repository
            .backup(source, BackupOptions::new("s"), Arc::new(()));
        let id = wait(backup).unwrap().snapshot;
        let plan = wait(self.repository.plan_forget(ForgetOptions::of([self.id]))).unwrap();
        wait(self.repository.forget(plan)).unwrap();
        (half, id)
    }

    fn plan_prune(&self, cold: ColdContent) -> crate::Result<PrunePlan> {
        let options = PruneOptions::default()
            .with_cold(cold)
            .with_max_unused(Unused::Bytes(0));
        wait(self.repository.plan_prune(options, Arc::new(())))
    }
}

#[test]
fn a_prune_drops_whole_packs_without_reading_cold_ones() {
    let place = place(Execution::Threads);
    place.keep_half();
    let plan = place.plan_prune(ColdContent::Auto).unwrap();
    assert!(plan.content_to_read().unwrap().is_empty());
    let is = |action, reason| {
        let decisions = plan.decisions().iter();
        decisions
            .filter(|one| (one.action, one.reason) == (action, reason))
            .count()
    };
    assert!(is(PackAction::Drop, PackReason::Unreferenced) > 0, "{plan}");
    assert!(is(PackAction::Keep, PackReason::Cold) > 0, "{plan}");
    let report = wait(place.repository.prune(plan, Arc::new(()))).unwrap();
    assert!(
        report.is_complete() && report.dropped_packs > 0,
        "{report:?}"
    );
    assert!(place.store.asked().is_empty());
}

#[test]
fn a_prune_that_reads_cold_packs_says_which_and_works_once_they_are_warm() {
    let place = place(Execution::Threads);
    let (half, id) = place.keep_half();
    let warm_up = |keys: Vec<Key>| {
        let warmer = place.store.clone();
        let options = WarmUpOptions::default();
        let report = wait(
            place
                .repository
                .warm_up(keys, warmer, options, Arc::new(())),
        )
        .unwrap();
        assert!(report.is_complete());
    };
    match place.plan_prune(ColdContent::Repack) {
        Err(error) => assert_eq!(error.kind(), ErrorKind::Archived, "{error}"),
        Ok(plan) => {
            assert!(plan.to_string().contains("must be warmed up"), "{plan}");
            let report = wait(place.repository.prune(plan, Arc::new(()))).unwrap();
            assert!(
                report.stopped.is_none() && !report.problems.is_empty(),
                "{report:?}"
            );
            let is_cold = |error: &crate::Error| error.kind() == ErrorKind::Archived;
            assert!(report.problems.iter().all(is_cold), "{report:?}");
        }
    }
    warm_up(place.store.cold());
    let plan = place.plan_prune(ColdContent::Repack).unwrap();
    assert!(!plan.content_to_read().unwrap().is_empty());
    let report = wait(place.repository.prune(plan, Arc::new(()))).unwrap();
    assert!(report.is_complete() && report.added_packs > 0, "{report:?}");
    warm_up(place.store.cold());
    let target = Arc::new(MemoryTarget::default());
    let options = RestoreOptions::default();
    let restored = wait(
        place
            .repository
            .restore(&id, target.clone(), options, Arc::new(())),
    );
    assert!(restored.unwrap().is_complete());
    assert_eq!(target.flat(), half.flat());
}
