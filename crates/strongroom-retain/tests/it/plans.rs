//! Plans: what they protect, and how they read.

use strongroom_retain::{
    ErrorKind, GroupBy, KeepEverything, Loss, Moment, Reason, Retention, SnapshotInfo, Verdict,
    plan,
};

use crate::history::{Snapshot, at, moment, rules};

/// Forgets what it can, and breaks its contract as told.
#[derive(Debug)]
enum Hostile {
    ForgetsAll,
    IsShort,
    NamesNobody,
}

impl Retention<u32> for Hostile {
    fn decide(&self, snapshots: &[Snapshot], _now: Moment) -> Vec<Verdict> {
        let count = match self {
            Self::IsShort => snapshots.len().saturating_sub(1),
            _ => snapshots.len(),
        };
        let losses = match self {
            Self::NamesNobody => {
                let day = moment(NOW);
                let period = strongroom_retain::Period::of(strongroom_retain::Unit::Day, day);
                vec![Loss::Taken(period, usize::MAX)]
            }
            _ => vec![Loss::Other("out of spite".into())],
        };
        vec![Verdict::Forget(losses); count]
    }
}

fn some() -> [Snapshot; 5] {
    [
        at(1, "2026-11-17T08:00:00+01:00").pinned(),
        at(2, "2026-11-18T08:00:00+01:00").held(),
        at(3, "2026-11-19T08:00:00+01:00"),
        at(4, "2026-11-20T08:00:00+01:00").incomplete(),
        at(5, "2027-11-20T08:00:00+01:00"),
    ]
}

const NOW: &str = "2026-11-22T00:00:00+01:00";

#[test]
fn no_policy_can_take_what_is_pinned_held_or_of_the_future() {
    let plan = plan(
        &some(),
        &GroupBy::nothing(),
        &Hostile::ForgetsAll,
        moment(NOW),
        &[],
    )
    .unwrap();
    assert_eq!(plan.kept_ids().collect::<Vec<_>>(), [&5, &2, &1]);
    assert_eq!(plan.forgotten_ids().collect::<Vec<_>>(), [&4, &3]);
    let why = |id| plan.decision(&id).unwrap().why();
    assert_eq!(why(1), "pinned");
    assert_eq!(why(2), "held");
    assert_eq!(why(5), "dated after now");
    assert_eq!(why(3), "out of spite");
    assert!(plan.decision(&6).is_none());
}

#[test]
fn a_policy_that_breaks_its_contract_forgets_nothing() {
    for policy in [Hostile::IsShort, Hostile::NamesNobody] {
        let error = plan(&some(), &GroupBy::nothing(), &policy, moment(NOW), &[]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Policy);
    }
}

#[test]
fn one_id_gets_one_verdict() {
    let twice = [at(1, NOW), at(1, "2026-11-21T08:00:00Z")];
    let error = plan(
        &twice,
        &GroupBy::nothing(),
        &KeepEverything,
        moment(NOW),
        &[],
    )
    .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Duplicate);
}

#[test]
fn every_snapshot_has_an_answer() {
    let plan = plan(
        &some(),
        &GroupBy::nothing(),
        &rules("last=1"),
        moment(NOW),
        &[],
    )
    .unwrap();
    for one in plan.decisions() {
        assert_eq!(one.why_kept().is_some(), one.is_kept());
        assert_eq!(one.why_forgotten().is_some(), !one.is_kept());
        assert!(!one.why().is_empty());
    }
    assert_eq!(plan.decision(&3).unwrap().why_kept().unwrap().len(), 1);
    let reasons = plan.decision(&1).unwrap().why_kept().unwrap().to_vec();
    assert_eq!(reasons, [Reason::Pinned]);
}

#[test]
fn nothing_gives_an_empty_plan() {
    let none: [Snapshot; 0] = [];
    let plan = plan(
        &none,
        &GroupBy::default(),
        &rules("last=1"),
        moment(NOW),
        &[],
    )
    .unwrap();
    assert!(plan.is_empty() && plan.groups().is_empty() && plan.to_string().is_empty());
}

#[test]
fn plans_compare() {
    let by = GroupBy::default();
    let make = |now: &str| plan(&some(), &by, &rules("last=1"), moment(now), &[]).unwrap();
    assert_eq!(make(NOW), make(NOW));
    assert_ne!(make(NOW), make("2028-11-22T00:00:00+01:00"));
    let mut reversed = some();
    reversed.reverse();
    assert_eq!(
        plan(&reversed, &by, &rules("last=1"), moment(NOW), &[]).unwrap(),
        make(NOW)
    );
    assert_eq!(make(NOW).group_by(), &by);
    assert_eq!(make(NOW).now(), moment(NOW));
}

#[test]
fn plans_read_as_tables() {
    let snapshots: Vec<SnapshotInfo<&str>> = [
        ("a1", "2026-11-20T08:00:00+01:00", "web1"),
        ("b2", "2026-11-21T08:00:00+01:00", "web1"),
        ("c3", "2026-11-21T20:00:00+01:00", "web1"),
        ("d4", "2026-11-21T20:30:00-05:00", "web2"),
    ]
    .map(|(id, time, host)| {
        SnapshotInfo::new(id, moment(time))
            .with_series("home")
            .with_label("host", host)
    })
    .to_vec();
    let mut snapshots = snapshots;
    snapshots[1].complete = false;
    let plan = plan(
        &snapshots,
        &GroupBy::default(),
        &rules("daily=1 last=1"),
        moment(NOW),
        &[],
    );
    let expected = "\
series=home,host=web1: keep 1, forget 2
  keep    2026-11-21T20:00:00+01:00  c3  last 1; daily 2026-11-21
  forget  2026-11-21T08:00:00+01:00  b2 (incomplete)  beyond last=1; daily 2026-11-21 is c3
  forget  2026-11-20T08:00:00+01:00  a1  beyond last=1; beyond daily=1

series=home,host=web2: keep 1, forget 0
  keep    2026-11-21T20:30:00-05:00  d4  dated after now
";
    assert_eq!(plan.unwrap().to_string(), expected);
}
