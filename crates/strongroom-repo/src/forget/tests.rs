use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::executor::block_on;
use proptest::prelude::*;
use strongroom_crypt::{Id, Roles, SessionId};
use strongroom_format::{Body, Commit, Outcome, Snapshot, Time, Unknown};
use strongroom_retain::{KeepRules, Retention, SnapshotInfo, Verdict};

use super::{ClockTrust, ForgetOptions, ForgetPlan, ForgetReport};
use crate::error::Result;
use crate::testing::{TestStore, reopen, repository, settings};
use crate::{ErrorKind, HoldRequest, Repository, SnapshotFilter, edge};

const DAY: i64 = 86_400;
/// 2026-01-01.
const START: i64 = 1_767_225_600;

/// Commits a snapshot of nothing.
fn commit(repository: &Repository, day: i64, change: impl FnOnce(&mut Snapshot)) -> Id {
    let context = repository.context();
    let mut snapshot = Snapshot {
        random: context.random().unwrap(),
        began: Time::new(START + day * DAY, 0),
        series: "home".into(),
        ..Snapshot::default()
    };
    change(&mut snapshot);
    let id = snapshot.id(&context.keys().structure).unwrap();
    let commit = Commit {
        snapshot,
        packs: Vec::new(),
        segments: Vec::new(),
        session: SessionId::from_bytes(context.random().unwrap()),
        seen: None,
        unknown: Unknown::default(),
    };
    let this = repository.clone();
    let run = edge::run(repository.store(), "test", move |remote| {
        let context = this.context();
        this.journal().refresh(remote, context)?;
        this.journal()
            .append(remote, context, Roles::WRITER, &mut |_| {
                Ok(Body::Commit(Box::new(commit.clone())))
            })
    });
    block_on(run).unwrap();
    id
}

fn days(repository: &Repository, days: impl IntoIterator<Item = i64>) -> Vec<Id> {
    let commit = |day| commit(repository, day, |_| {});
    days.into_iter().map(commit).collect()
}

fn rules(text: &str) -> KeepRules {
    text.parse().unwrap()
}

fn on(day: i64) -> Time {
    Time::new(START + day * DAY, 0)
}

/// Rules, decided on a day.
fn by(text: &str, day: i64) -> ForgetOptions {
    ForgetOptions::by_rules(rules(text)).with_now(on(day))
}

fn plan(repository: &Repository, options: ForgetOptions) -> Result<ForgetPlan> {
    block_on(repository.plan_forget(options))
}

fn forget(repository: &Repository, plan: &ForgetPlan) -> Result<ForgetReport> {
    block_on(repository.forget(plan.clone()))
}

fn ids(repository: &Repository) -> Vec<Id> {
    let all = block_on(repository.snapshots()).unwrap();
    all.into_iter().map(|one| one.id).collect()
}

fn hold(repository: &Repository, id: Id) -> [u8; 16] {
    block_on(repository.place_hold(HoldRequest::on_snapshots([id], "a case"))).unwrap()
}

fn two() -> (Arc<TestStore>, Repository, Repository) {
    let (store, repository) = repository();
    let other = reopen(&store, settings(1));
    (store, repository, other)
}

#[test]
fn what_no_rule_keeps_is_forgotten_and_the_plan_says_why() {
    let (_, repository) = repository();
    let all = days(&repository, 0..5);
    let plan = plan(&repository, by("last=2", 5)).unwrap();
    assert_eq!(
        plan.forgotten().collect::<BTreeSet<_>>(),
        all[..3].iter().copied().collect()
    );
    let text = plan.to_string();
    assert!(
        text.contains("series=home,host: keep 2, forget 3"),
        "{text}"
    );
    assert!(
        text.contains(&format!("{}  beyond last=2", all[0])),
        "{text}"
    );
    assert!(text.ends_with(
        "forgets 3 and keeps 2; reads nothing, puts 1 journal entries, deletes nothing"
    ));
    assert_eq!(ids(&repository).len(), 5, "a plan changes nothing");
    let report = forget(&repository, &plan).unwrap();
    assert_eq!((report.forgotten.len(), report.entries.len()), (3, 1));
    assert_eq!(ids(&repository), all[3..]);
    // Once more is nothing more.
    let report = forget(&repository, &plan).unwrap();
    assert_eq!((report.forgotten.len(), report.already.len()), (0, 3));
    assert!(report.entries.is_empty());
}

#[test]
fn no_rules_keep_everything() {
    let (_, repository) = repository();
    days(&repository, 0..5);
    let plan = plan(&repository, ForgetOptions::by_rules(KeepRules::default())).unwrap();
    assert!(plan.is_empty() && plan.puts() == 0);
    assert!(forget(&repository, &plan).unwrap().entries.is_empty());
}

#[test]
fn of_the_same_second_the_one_that_began_or_committed_later_is_the_newer() {
    let (_store, repository) = repository();
    // Ids are random, so some order of them would be wrong in nearly every run.
    let all = days(&repository, [5; 12]);
    let last = plan(&repository, by("last=1", 6)).unwrap();
    assert_eq!(last.kept().collect::<Vec<_>>(), [all[11]]);
    let finer = commit(&repository, 5, |snapshot| snapshot.began.nanos = 7);
    days(&repository, [5; 3]);
    let last = plan(&repository, by("last=1", 6)).unwrap();
    assert_eq!(last.kept().collect::<Vec<_>>(), [finer]);
}

#[test]
fn held_and_pinned_snapshots_stay() {
    let (_, repository) = repository();
    let all = days(&repository, 0..5);
    let tagged = commit(&repository, 5, |one| one.tags = vec!["gold".into()]);
    days(&repository, [6]);
    hold(&repository, all[1]);
    let options = by("last=1", 7).with_pinned_tag("gold").with_pinned(all[2]);
    let plan = plan(&repository, options).unwrap();
    let forgotten: BTreeSet<_> = plan.forgotten().collect();
    assert_eq!(forgotten, [all[0], all[3], all[4]].into());
    assert_eq!(plan.decision(&all[1]).unwrap().why(), "held");
    assert_eq!(plan.decision(&tagged).unwrap().why(), "pinned");
}

#[test]
fn snapshots_are_forgotten_by_name() {
    let (_, repository) = repository();
    let all = days(&repository, [0, 1, 2, 40_000]);
    hold(&repository, all[1]);
    let options = ForgetOptions::of([all[0], all[1], all[3]]);
    let planned = plan(&repository, options).unwrap();
    assert_eq!(planned.decision(&all[1]).unwrap().why(), "held");
    assert_eq!(planned.decision(&all[2]).unwrap().why(), "not named");
    forget(&repository, &planned).unwrap();
    assert_eq!(ids(&repository), [all[1], all[2]]);
    let error = plan(&repository, ForgetOptions::of([all[0]])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[test]
fn a_group_is_emptied_only_by_name() {
    let (_, repository) = repository();
    let home = days(&repository, 0..2);
    let other = commit(&repository, 0, |one| one.series = "other".into());
    let all = || ForgetOptions::of([home[0], home[1], other]);
    let error = plan(&repository, all()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().contains("series=home,host"), "{error}");
    let error = plan(&repository, by("tag=prdo", 3)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "a tag was mistyped");
    let named = all()
        .with_empty("series=home,host".parse().unwrap())
        .with_empty("series=other,host".parse().unwrap());
    let plan = plan(&repository, named).unwrap();
    forget(&repository, &plan).unwrap();
    assert!(ids(&repository).is_empty());
}

#[test]
fn an_incomplete_snapshot_does_not_stand_for_a_complete_one() {
    let (_, repository) = repository();
    let whole = days(&repository, [0])[0];
    commit(&repository, 1, |one| one.outcome = Outcome::Partial);
    let error = plan(&repository, ForgetOptions::of([whole])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
}

#[test]
fn the_filter_says_what_is_looked_at() {
    let (_, repository) = repository();
    days(&repository, 0..3);
    for day in 0..3 {
        commit(&repository, day, |one| one.series = "other".into());
    }
    let filter = SnapshotFilter::default().with_series("other");
    let plan = plan(&repository, by("last=1", 4).with_filter(filter)).unwrap();
    assert_eq!((plan.forgotten().count(), plan.kept().count()), (2, 1));
}

#[test]
fn two_who_forget_at_once_share_the_work() {
    let (_, repository, other) = two();
    let all = days(&repository, 0..6);
    let one = plan(&repository, by("last=2", 6)).unwrap();
    let two = plan(&other, ForgetOptions::of([all[0], all[1]])).unwrap();
    assert_eq!(forget(&other, &two).unwrap().forgotten.len(), 2);
    let report = forget(&repository, &one).unwrap();
    assert_eq!((report.forgotten.len(), report.already.len()), (2, 2));
    assert_eq!(ids(&other), all[4..]);
}

#[test]
fn a_plan_whose_ground_is_gone_is_stale() {
    let (_, repository, other) = two();
    let all = days(&repository, 0..4);
    let one = plan(&repository, by("last=2", 4)).unwrap();
    // What stood in their place is forgotten by somebody else.
    let two = plan(&other, ForgetOptions::of([all[2], all[3]])).unwrap();
    forget(&other, &two).unwrap();
    let error = forget(&repository, &one).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Stale, "{error}");
    assert_eq!(ids(&repository), all[..2]);
}

#[test]
fn new_snapshots_alone_do_not_make_a_plan_stale() {
    let (_, repository, other) = two();
    let all = days(&repository, 0..4);
    let one = plan(&repository, by("last=2", 4)).unwrap();
    let new = days(&other, [4, 50]);
    // One of another group, and one dated after the plan was made.
    commit(&other, 9, |one| one.series = "other".into());
    let report = forget(&repository, &one).unwrap();
    assert_eq!(report.forgotten.len(), 2, "what is new is for another plan");
    assert!(ids(&repository).starts_with(&[all[2], all[3], new[0], new[1]]));
}

#[test]
fn a_hold_between_plan_and_forget_makes_it_stale() {
    let (_, repository, other) = two();
    let all = days(&repository, 0..4);
    let one = plan(&repository, by("last=2", 4)).unwrap();
    let placed = hold(&other, all[1]);
    let error = forget(&repository, &one).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Stale);
    assert!(error.to_string().contains("held"), "{error}");
    assert_eq!(ids(&repository).len(), 4, "all or nothing");
    block_on(other.release_hold(placed)).unwrap();
    assert_eq!(forget(&repository, &one).unwrap().forgotten.len(), 2);
}

/// A race in which a hold gets into the journal just before the entry that forgets.
#[test]
fn a_hold_that_wins_the_race_is_seen() {
    use strongroom_store::Store;
    use strongroom_store::wrap::{Fault, FaultPlan, Faulty, Gate, Operation, Rule, When};

    let (store, repository) = repository();
    let all = days(&repository, 0..4);
    let gate = Gate::new();
    let faulty: Arc<Faulty<Arc<TestStore>>> = Arc::new(Faulty::new(store, FaultPlan::new()));
    let to: Arc<dyn Store> = faulty.clone();
    let slow = block_on(Repository::builder(to).open(&crate::Credential::None)).unwrap();
    let one = plan(&slow, by("last=2", 4)).unwrap();
    faulty.inject(
        Rule::new(Fault::PauseBefore(gate.clone()))
            .with_operation(Operation::Put)
            .with_when(When::Nth(1)),
    );
    let placed = async {
        gate.arrived(1).await;
        std::thread::scope(|scope| drop(scope.spawn(|| hold(&repository, all[0]))));
        gate.open();
    };
    let (forgotten, ()) = block_on(futures::future::join(slow.forget(one), placed));
    assert_eq!(forgotten.unwrap_err().kind(), ErrorKind::Stale);
    assert_eq!(ids(&repository).len(), 4);
}

#[test]
fn plans_compare_by_what_they_say() {
    let (_, repository) = repository();
    days(&repository, 0..4);
    let one = plan(&repository, by("last=2", 4)).unwrap();
    hold(&repository, ids(&repository)[3]);
    let two = plan(&repository, by("last=2", 4)).unwrap();
    assert!(one != two, "a held snapshot says so");
    assert_ne!(one.head(), two.head());
    assert_eq!(two, plan(&repository, by("last=2", 4)).unwrap());
}

/// What rules forget of snapshots that were committed on these days, in this order, as of a day.
fn forgotten(committed: &[i64], today: i64) -> Vec<i64> {
    let (_, repository) = repository();
    let all = days(&repository, committed.iter().copied());
    let plan = plan(&repository, by("last=2", today)).unwrap();
    let goes: BTreeSet<Id> = plan.forgotten().collect();
    let trusted = by("last=2", today).with_clock(ClockTrust::Trust);
    let waits = goes.is_empty();
    let trusted = block_on(repository.plan_forget(trusted)).unwrap();
    assert!(!waits || plan.to_string().contains("waits: "), "{plan}");
    assert!(waits || plan == trusted);
    let dated = committed.iter().zip(&all);
    dated
        .filter(|(_, id)| goes.contains(id))
        .map(|(day, _)| *day)
        .collect()
}

#[test]
fn retention_waits_where_clocks_contradict_each_other() {
    // As it should be.
    assert_eq!(forgotten(&[0, 1, 2, 3], 3), [0, 1]);
    // The clock that decides has fallen back.
    assert_eq!(forgotten(&[0, 1, 2, 3], 1), Vec::<i64>::new());
    assert_eq!(forgotten(&[0, 1, 2, 3], -20_000), Vec::<i64>::new());
    // By less than a day, or of a machine that had been off: nothing is wrong.
    assert_eq!(forgotten(&[0, 1, 2, 3], 2), [0]);
    assert_eq!(forgotten(&[0, 1, 2, 3], 3_000), [0, 1]);
    // The clock of the machine that backs up has gone back: its newest backups are not its oldest.
    assert_eq!(forgotten(&[10, 11, 12, 1], 12), Vec::<i64>::new());
    assert_eq!(
        forgotten(&[10, 11, 12, -20_000, -19_999], 12),
        Vec::<i64>::new()
    );
    // It went right again. What it left behind in the future is kept and stops nothing.
    assert_eq!(forgotten(&[0, 1, 9_000, 2, 3], 3), [0, 1]);
    // It is still wrong, and so is the clock that decides: nobody can know before the next backup.
    assert_eq!(forgotten(&[0, 1, 2, 9_000], 9_000), Vec::<i64>::new());
    assert_eq!(forgotten(&[0, 1, 2, 400], 400), Vec::<i64>::new());
    assert_eq!(forgotten(&[0, 1, 2, 400, 401], 401), [0, 1, 2]);
    // Once a year is not a leap.
    assert_eq!(forgotten(&[0, 365, 730], 731), [0]);
}

/// Whatever the policy, and whether it keeps its contract.
#[derive(Debug)]
struct Broken;

impl Retention<Id> for Broken {
    fn decide(
        &self,
        snapshots: &[SnapshotInfo<Id>],
        _now: strongroom_retain::Moment,
    ) -> Vec<Verdict> {
        snapshots
            .iter()
            .skip(1)
            .map(|_| Verdict::Forget(Vec::new()))
            .collect()
    }
}

#[test]
fn a_policy_that_breaks_its_contract_forgets_nothing() {
    let (_, repository) = repository();
    days(&repository, 0..3);
    let options = ForgetOptions::by_policy(Arc::new(Broken)).with_now(on(3));
    let error = plan(&repository, options).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
}

#[derive(Debug, Clone)]
enum Step {
    Commit(usize),
    Rules(usize),
    Name(usize),
    Hold(usize),
    Release(usize),
    /// Plans, lets the other handle do the next step, and forgets.
    Late(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        5 => (0..2_usize).prop_map(Step::Commit),
        2 => (1..4_usize).prop_map(Step::Rules),
        2 => (0..9_usize).prop_map(Step::Name),
        1 => (0..9_usize).prop_map(Step::Hold),
        1 => (0..3_usize).prop_map(Step::Release),
        2 => (1..4_usize).prop_map(Step::Late),
    ];
    proptest::collection::vec(step, 1..24)
}

/// What a repository should have.
#[derive(Debug, Default)]
struct Model {
    /// Snapshots with their series, in the order of their dates.
    snapshots: Vec<(Id, usize)>,
    holds: BTreeMap<[u8; 16], Id>,
}

impl Model {
    fn held(&self, id: &Id) -> bool {
        self.holds.values().any(|held| held == id)
    }

    /// The slow way: what is among the last so many of its series, or held, stays.
    fn outside_last(&self, count: usize) -> Vec<Id> {
        let is_outside = |(at, (id, series)): &(usize, &(Id, usize))| {
            let newer = self.snapshots[at + 1..]
                .iter()
                .filter(|(_, of)| of == series);
            newer.count() >= count && !self.held(id)
        };
        let all = self.snapshots.iter().enumerate();
        all.filter(is_outside).map(|(_, (id, _))| *id).collect()
    }

    fn remove(&mut self, ids: &[Id]) {
        self.snapshots.retain(|(id, _)| !ids.contains(id));
    }
}

struct Run {
    handles: [Repository; 2],
    model: Model,
    day: i64,
}

impl Run {
    fn step(&mut self, who: usize, step: &Step) {
        let repository = self.handles[who].clone();
        match step {
            Step::Commit(series) => {
                self.day += 1;
                let id = commit(&repository, self.day, |one| one.series = series.to_string());
                self.model.snapshots.push((id, *series));
            }
            Step::Rules(count) => {
                let plan = plan(&repository, by(&format!("last={count}"), self.day)).unwrap();
                self.apply(&repository, &plan);
            }
            Step::Name(at) => {
                let Some((id, series)) = self.model.snapshots.get(*at).copied() else {
                    return;
                };
                let mut of_series = self.model.snapshots.iter().filter(|(_, of)| *of == series);
                let is_only = of_series.nth(1).is_none() && !self.model.held(&id);
                let plan = plan(&repository, ForgetOptions::of([id]));
                assert_eq!(plan.is_err(), is_only, "{plan:?}");
                if let Ok(plan) = plan {
                    self.apply(&repository, &plan);
                }
            }
            Step::Hold(at) => {
                if let Some((id, _)) = self.model.snapshots.get(*at).copied() {
                    self.model.holds.insert(hold(&repository, id), id);
                }
            }
            Step::Release(at) => {
                if let Some(hold) = self.model.holds.keys().nth(*at).copied() {
                    block_on(repository.release_hold(hold)).unwrap();
                    self.model.holds.remove(&hold);
                }
            }
            Step::Late(_) => {}
        }
    }

    fn apply(&mut self, repository: &Repository, plan: &ForgetPlan) {
        let planned: Vec<Id> = plan.forgotten().collect();
        let before: Vec<Id> = self.model.snapshots.iter().map(|(id, _)| *id).collect();
        let report = forget(repository, plan).unwrap();
        assert!(
            report
                .forgotten
                .iter()
                .all(|id| planned.contains(id) && before.contains(id))
        );
        assert!(report.forgotten.iter().all(|id| !self.model.held(id)));
        self.model.remove(&report.forgotten);
    }

    /// Plans, lets the other do something, and applies: what is forgotten then is what both plan and state say.
    fn late(&mut self, who: usize, count: usize, meanwhile: Option<&Step>) {
        let repository = self.handles[who].clone();
        let plan = plan(&repository, by(&format!("last={count}"), self.day)).unwrap();
        let planned: Vec<Id> = plan.forgotten().collect();
        assert_eq!(planned.len(), self.model.outside_last(count).len());
        let day = self.day;
        if let Some(step) = meanwhile {
            self.step(1 - who, step);
        }
        // What came on a later day is kept as of the plan's, and is no measure.
        let came = self.model.snapshots.iter().position(|_| self.day > day);
        let newest = came.and_then(|_| self.model.snapshots.pop());
        let goes_still = self.model.outside_last(count);
        self.model.snapshots.extend(newest);
        let left: Vec<Id> = planned
            .into_iter()
            .filter(|id| self.model.snapshots.iter().any(|(other, _)| other == id))
            .collect();
        match forget(&repository, &plan) {
            Ok(report) => {
                assert!(left.iter().all(|id| goes_still.contains(id)));
                assert_eq!(report.forgotten.len(), left.len());
                self.model.remove(&report.forgotten);
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Stale);
                assert!(left.iter().any(|id| !goes_still.contains(id)), "{error}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn forgetting_does_what_a_model_does(steps in steps()) {
        let (_, one, two) = two();
        let mut run = Run { handles: [one, two], model: Model::default(), day: 0 };
        let mut rest = steps.iter();
        let mut who = 0;
        while let Some(step) = rest.next() {
            match step {
                Step::Late(count) => run.late(who, *count, rest.next()),
                step => run.step(who, step),
            }
            for handle in &run.handles {
                let expected: BTreeSet<Id> = run.model.snapshots.iter().map(|(id, _)| *id).collect();
                prop_assert_eq!(ids(handle).into_iter().collect::<BTreeSet<_>>(), expected);
                prop_assert_eq!(block_on(handle.holds()).unwrap().len(), run.model.holds.len());
            }
            who = 1 - who;
        }
    }
}

#[test]
fn a_plan_of_another_repository_is_refused() {
    let (_, one) = repository();
    let (_, other) = repository();
    days(&one, 0..3);
    let plan = plan(&one, by("last=1", 3)).unwrap();
    let error = forget(&other, &plan).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
}
