//! C-03, C-04 and C-23: nothing goes too early or stays too long, and holds are honoured.

use std::collections::BTreeSet;

use strongroom_crypt::Id;
use strongroom_format::HoldAction;
use strongroom_policy::{Key, Period};
use strongroom_retain::{Moment, Retention, SnapshotInfo};

use super::case::{Case, Subject};
use super::catalogue::Standard;
use super::parameter::{Parameter, ParameterKind, Parameters};
use super::verdict::{Judgement, Scope};
use super::{ControlSpec, Head, Texts};
use crate::finding::Severity;
use crate::history::{EntryRef, SnapshotSeen};

pub(super) const C_03: Standard = Standard {
    spec: ControlSpec::new("C-03", "Nothing was removed before its time")
        .with_weight(Head::Reliable, Severity::Serious)
        .with_section("retention")
        .with_texts(Texts {
            business: "A state that had to be kept is gone.",
            next_step: "Undo the deletion while its grace lasts, find who forgot it, and lock what must stay.",
            does_not_prove: "That what was kept can be restored, or that the rules are those that the law asks for.",
        })
        .with_parameters(&[Parameter::new(
            "minimum",
            ParameterKind::Period,
            "how long everything must stay at least",
        )]),
    judge: minimum,
};

pub(super) const C_04: Standard = Standard {
    spec: ControlSpec::new("C-04", "Nothing stays longer than it may")
        .with_weight(Head::Secure, Severity::Warning)
        .with_section("retention")
        .with_texts(Texts {
            business: "Data about people is still there though its purpose is gone.",
            next_step: "Forget what is too old and prune; where a lock prevents it, record until when.",
            does_not_prove: "That copies which the journal does not know are gone.",
        })
        .with_parameters(&[Parameter::new(
            "maximum",
            ParameterKind::Period,
            "when everything must be gone",
        )]),
    judge: maximum,
};

pub(super) const C_23: Standard = Standard {
    spec: ControlSpec::new("C-23", "What is held is there")
        .with_weight(Head::Reliable, Severity::Critical)
        .with_texts(Texts {
            business: "Evidence that a court or a contract asks for is gone or cannot be shown.",
            next_step: "Undo the deletion while its grace lasts, and tell whoever asked for the hold.",
            does_not_prove: "That the hold covers all that it should.",
        }),
    judge: holds,
};

fn minimum(case: &Case<'_>, given: &Parameters) -> Vec<Judgement> {
    let all = case.subjects().iter();
    all.map(|one| kept(case, one, given.period("minimum")))
        .collect()
}

fn kept(case: &Case<'_>, subject: &Subject, given: Option<Period>) -> Judgement {
    let scope = subject.scope();
    let least = subject.at_least(Key::KeepMinimum, given);
    if let (Some(given), Some(history)) = (given, subject.protection.history)
        && history < given
    {
        let why = format!("its rules keep {history}, and {given} is asked for");
        return Judgement::fail(scope, why);
    }
    let all = snapshots(case, subject);
    if all.is_empty() {
        return Judgement::unknown(scope, "no snapshot of it is in the journal");
    }
    let from = LOOKED_BACK.before(case.now()).unix_seconds;
    let now = case.now().unix_seconds;
    let gone: Vec<(&SnapshotSeen, i64, EntryRef)> = all
        .iter()
        .filter_map(|one| one.forgotten.map(|(at, entry)| (*one, at, entry)))
        .filter(|(_, at, _)| *at > from && *at <= now)
        .collect();
    let young = gone.iter().filter(|(one, at, _)| {
        least.is_some_and(|least| least.after(Moment::utc(one.capture)).unix_seconds > *at)
    });
    let early: Vec<&(&SnapshotSeen, i64, EntryRef)> = young
        .chain(
            gone.iter()
                .filter(|(one, at, _)| rules_keep(case, subject, &all, one, *at)),
        )
        .collect();
    if let Some((_, at, _)) = early.first() {
        let least = least.map_or(String::new(), |least| {
            format!(", which keep everything for {least}")
        });
        let count = early
            .iter()
            .map(|(_, _, entry)| entry)
            .collect::<BTreeSet<_>>()
            .len();
        let why =
            format!("{count} deletions in {LOOKED_BACK} took snapshots that the rules keep{least}");
        return Judgement::fail(scope, why)
            .because(early.iter().map(|(_, _, entry)| *entry))
            .since(Moment::utc(*at));
    }
    let why = format!(
        "{} snapshots were made and {} forgotten in {LOOKED_BACK}, none before its time",
        all.len(),
        gone.len()
    );
    let newest = all.last().map(|one| one.entry);
    Judgement::pass(scope, why).because(gone.iter().map(|(_, _, entry)| *entry).chain(newest))
}

/// Says whether the rules of retention would have kept a snapshot at the moment it was forgotten.
fn rules_keep(
    case: &Case<'_>,
    subject: &Subject,
    all: &[&SnapshotSeen],
    gone: &SnapshotSeen,
    at: i64,
) -> bool {
    let Some(rules) = subject.resolved.keep() else {
        return true;
    };
    // All that went at the same moment was there before it.
    let there = all.iter().filter(|one| {
        one.repository == gone.repository
            && one.durable <= at
            && one.forgotten.is_none_or(|(when, _)| when >= at)
    });
    let zone = subject.resolved.zone();
    let known: Vec<SnapshotInfo<i64>> = there
        .map(|one| SnapshotInfo::new(one.capture, zone.moment(one.capture)))
        .collect();
    let verdicts = rules.decide(&known, case.policy().timezone.moment(at));
    known
        .iter()
        .zip(verdicts)
        .any(|(one, verdict)| one.id == gone.capture && verdict.is_keep())
}

/// Returns the snapshots of a resource that were there up to now, by their capture.
fn snapshots<'a>(case: &Case<'a>, subject: &Subject) -> Vec<&'a SnapshotSeen> {
    let now = case.now().unix_seconds;
    let happened = case.happened(&subject.resource.id);
    let points = happened
        .map(|one| one.points.as_slice())
        .unwrap_or_default();
    let all = points.iter().flat_map(|point| case.history().copies(point));
    all.filter(|one| one.durable <= now).collect()
}

fn maximum(case: &Case<'_>, given: &Parameters) -> Vec<Judgement> {
    let all = case.subjects().iter();
    all.map(|one| aged(case, one, given.period("maximum")))
        .collect()
}

fn aged(case: &Case<'_>, subject: &Subject, given: Option<Period>) -> Judgement {
    let scope = subject.scope();
    let class = subject.resource.class.as_ref();
    let class = class.and_then(|name| case.policy().classes.get(name));
    let Some(most) = subject.at_most(Key::KeepMaximum, given) else {
        return match class.is_some_and(|one| one.personal) {
            true => Judgement::fail(scope, "it is about people, and may be kept without end"),
            false => Judgement::not_applicable(scope, "nothing says when it must be gone"),
        };
    };
    let now = case.now().unix_seconds;
    let held = held_ids(case);
    let all = snapshots(case, subject);
    let there = all.iter().filter(|one| one.is_there(now));
    let old: Vec<&&SnapshotSeen> = there
        .clone()
        .filter(|one| most.after(Moment::utc(one.capture)).unix_seconds <= now)
        .filter(|one| one.id.is_none_or(|id| !held.contains(&id)))
        .collect();
    if all.is_empty() {
        return Judgement::unknown(scope, "no snapshot of it is in the journal");
    }
    match old.first() {
        Some(oldest) => Judgement::fail(
            scope,
            format!(
                "{} snapshots are older than {most}, and not held",
                old.len()
            ),
        )
        .because(old.iter().map(|one| one.entry))
        .since(most.after(Moment::utc(oldest.capture))),
        None => {
            let oldest = there.map(|one| (one.capture, one.entry)).min();
            let until = oldest.map(|(at, _)| most.after(Moment::utc(at)));
            let why = format!(
                "of {} snapshots none is older than {most}, unless it is held",
                all.len()
            );
            Judgement::pass(scope, why)
                .because(oldest.map(|(_, entry)| entry))
                .until(until)
        }
    }
}

/// Returns the snapshots that are held now by their ids.
fn held_ids(case: &Case<'_>) -> BTreeSet<Id> {
    active_holds(case)
        .into_iter()
        .flat_map(|(_, ids)| ids)
        .collect()
}

/// Returns the entries of holds that are in force, with the snapshots that each names.
fn active_holds(case: &Case<'_>) -> Vec<(EntryRef, Vec<Id>)> {
    let holds = &case.records().holds;
    let released: BTreeSet<[u8; 16]> = holds
        .iter()
        .filter(|one| one.fact.action == HoldAction::Release)
        .map(|one| one.fact.id)
        .collect();
    holds
        .iter()
        .filter(|one| one.fact.action == HoldAction::Place && !released.contains(&one.fact.id))
        .map(|one| (one.entry, one.fact.snapshots.clone()))
        .collect()
}

fn holds(case: &Case<'_>, _: &Parameters) -> Vec<Judgement> {
    let active = active_holds(case);
    if active.is_empty() {
        return vec![Judgement::not_applicable(Scope::Fleet, "nothing is held")];
    }
    let now = case.now().unix_seconds;
    let mut gone = Vec::new();
    let mut unseen = 0_usize;
    let mut there = 0_usize;
    for (placed, ids) in &active {
        for id in ids {
            match case.history().snapshot(id) {
                None => unseen += 1,
                Some(one) if one.is_there(now) => there += 1,
                Some(one) => gone.push((*placed, one.forgotten)),
            }
        }
    }
    let entries = active.iter().map(|(entry, _)| *entry);
    let judgement = if let Some((_, first)) = gone.first() {
        let why = format!("{} snapshots that are held were forgotten", gone.len());
        let deletions = gone
            .iter()
            .filter_map(|(_, one)| one.map(|(_, entry)| entry));
        Judgement::fail(Scope::Fleet, why)
            .because(deletions)
            .since(first.map(|(at, _)| Moment::utc(at)))
    } else if unseen > 0 {
        let why = format!("{unseen} snapshots are held that are not in the journal");
        Judgement::unknown(Scope::Fleet, why)
    } else {
        let series = active.iter().filter(|(_, ids)| ids.is_empty()).count();
        let why = format!(
            "{} holds are in force: {there} snapshots are there; {series} hold whole series",
            active.len()
        );
        Judgement::pass(Scope::Fleet, why)
    };
    vec![judgement.because(entries)]
}

/// Deletions of the last quarter are looked at; older ones were, when they were younger.
const LOOKED_BACK: Period = Period::days(92);
