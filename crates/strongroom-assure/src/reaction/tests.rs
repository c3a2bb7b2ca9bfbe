use strongroom_format::record::counter::{CANARIES_CHANGED, FILES};
use strongroom_format::{Body, Hold};
use strongroom_policy::Policy;

use super::*;
use crate::signal::signals;
use crate::testing::{DAY, HOUR, Log, START, now, policy};

const HOLDS: &str = "[resource.share]\nkind = \"files\"\nschedule = { when = \"daily 22:00\" }\n";
const HOLD: [u8; 16] = [7; 16];
const DAYS: i64 = 6;

/// Six nights; in the last of them somebody touched a canary. Returns the points.
fn nights() -> (Log, Vec<Id>) {
    let mut log = Log::default();
    let night = |day: i64| {
        let counted = [(FILES, 10), (CANARIES_CHANGED, u64::from(day == DAYS - 1))];
        log.backup_with(
            "share",
            "nas",
            START + day * DAY + 22 * HOUR,
            HOUR,
            &counted,
        )
    };
    let points = (0..DAYS).map(night).collect();
    (log, points)
}

fn react(log: &Log, policy: &Policy, here: &[Id]) -> Reaction {
    let history = History::from_events(&log.events);
    let now = now(START + (DAYS + 1) * DAY);
    let resource = policy.resources.get("share").unwrap();
    let report = signals(&history, policy, resource, &[], START, now);
    reaction(&history, &report, &here.iter().copied().collect())
}

fn add(log: &mut Log, suspects: &[Suspect]) {
    for one in suspects {
        log.record(START + DAYS * DAY, Some("share"), one.clone());
    }
}

fn place(log: &mut Log, snapshots: &[Id], action: HoldAction) {
    let hold = Hold {
        action,
        id: HOLD,
        snapshots: snapshots.to_vec(),
        ..Hold::default()
    };
    log.add(START + DAYS * DAY, Body::Hold(hold));
}

#[test]
fn a_critical_alarm_is_recorded_and_the_last_clean_points_are_held_once() {
    let (mut log, points) = nights();
    let policy = policy(HOLDS);
    let first = react(&log, &policy, &points);
    assert_eq!(first.raised.len(), 1);
    assert_eq!(first.raised[0].snapshot, points[5]);
    assert_eq!(first.raised[0].signals, ["canary"]);
    let HoldStep::Place { snapshots, reason } = &first.hold else {
        panic!("{:?}", first.hold);
    };
    assert_eq!(snapshots, &[points[4], points[3], points[2]]);
    assert!(
        reason.contains("share") && reason.contains("canary"),
        "{reason}"
    );

    add(&mut log, &first.raised);
    let second = react(&log, &policy, &points);
    assert!(second.raised.is_empty() && second.hold == first.hold);
    place(&mut log, snapshots, HoldAction::Place);
    // Whoever held them was killed before the record: that is made up for, and nothing is held twice.
    let third = react(&log, &policy, &points);
    assert_eq!(third.hold, HoldStep::Placed { hold: HOLD });
    let held = third.held(HOLD);
    assert_eq!(held[0].state, SuspectState::HeldClean { hold: HOLD });
    assert_eq!(held[0].snapshot, points[5]);
    add(&mut log, &held);
    assert!(react(&log, &policy, &points).is_empty());
}

#[test]
fn nothing_is_held_where_the_policy_does_not_say_so() {
    let (log, points) = nights();
    let policy = policy(&format!("{HOLDS}anomaly = {{ hold = false }}\n"));
    let reaction = react(&log, &policy, &points);
    assert_eq!(
        (reaction.raised.len(), reaction.hold),
        (1, HoldStep::Nothing)
    );
}

#[test]
fn points_elsewhere_are_named_and_not_held() {
    let (log, _) = nights();
    let reaction = react(&log, &policy(HOLDS), &[]);
    assert_eq!(reaction.hold, HoldStep::Nothing);
    let nas = |day: i64| ("nas".to_owned(), START + day * DAY + 22 * HOUR);
    assert_eq!(reaction.elsewhere, [nas(4), nas(3), nas(2)]);
}

#[test]
fn what_was_reviewed_keeps_the_word_of_the_person() {
    for clean in [true, false] {
        let (mut log, points) = nights();
        let reviewed = Suspect {
            snapshot: points[5],
            state: SuspectState::Reviewed { clean },
            ..Suspect::default()
        };
        add(&mut log, &[reviewed]);
        let reaction = react(&log, &policy(HOLDS), &points);
        assert!(reaction.raised.is_empty() && reaction.held(HOLD).is_empty());
        assert_eq!(
            reaction.is_empty(),
            clean,
            "what is bad holds what is clean"
        );
    }
}

#[test]
fn what_a_person_released_is_held_again_while_nobody_has_looked() {
    let (mut log, points) = nights();
    place(&mut log, &points[2..5], HoldAction::Place);
    place(&mut log, &[], HoldAction::Release);
    let reaction = react(&log, &policy(HOLDS), &points);
    assert!(matches!(reaction.hold, HoldStep::Place { .. }));
}

#[test]
fn ordinary_nights_ask_for_nothing() {
    let mut log = Log::default();
    let began = START + 22 * HOUR;
    let point = log.backup_with(
        "share",
        "nas",
        began,
        HOUR,
        &[(FILES, 10), (CANARIES_CHANGED, 0)],
    );
    assert!(react(&log, &policy(HOLDS), &[point]).is_empty());
}
