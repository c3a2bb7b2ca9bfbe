//! C-12: nothing is deleted outside the process.

use std::collections::BTreeSet;

use strongroom_crypt::Roles;
use strongroom_format::record::{Decision, Job};
use strongroom_policy::{Key, Period};
use strongroom_retain::Moment;

use super::case::{Case, after};
use super::catalogue::Standard;
use super::parameter::{Parameter, ParameterKind, Parameters};
use super::several::Several;
use super::verdict::{Judgement, Scope};
use super::{ControlSpec, Head, Texts};
use crate::finding::Severity;
use crate::history::EntryRef;

pub(super) const C_12: Standard = Standard {
    spec: ControlSpec::new("C-12", "Nothing is deleted outside the process")
        .with_weight(Head::Secure, Severity::Serious)
        .with_section("retention")
        .with_texts(Texts {
            business: "Somebody, or something, deletes backups without being asked to.",
            next_step: "Find the deletion in the provider's log, stop the credential, and undo it while its grace lasts.",
            does_not_prove: "That nobody could delete: that is C-13.",
        })
        .with_parameters(&[Parameter::new(
            "approvals",
            ParameterKind::Count,
            "how many people must agree to a deletion by hand",
        )]),
    judge: deletion_control,
};

fn deletion_control(case: &Case<'_>, given: &Parameters) -> Vec<Judgement> {
    let mut all = Several::of(Scope::Fleet);
    all.add(by_hand(case, given.count("approvals")));
    all.add(intents(case));
    all.add(provider(case));
    vec![all.finish()]
}

/// Judges deletions that no run of the process made: each must have been agreed to.
fn by_hand(case: &Case<'_>, given: Option<u64>) -> Judgement {
    let wanted = case
        .active()
        .filter_map(|one| one.resolved.count(Key::DeletionApprovals))
        .max();
    let wanted = given.max(wanted).unwrap_or(1);
    let from = LOOKED_BACK.before(case.now()).unix_seconds;
    let forgets = case.records().forgets.iter();
    let acts: Vec<(i64, EntryRef, Roles)> = forgets
        .map(|one| (one.at, one.entry, one.roles))
        .chain(
            case.records()
                .tombstones
                .iter()
                .map(|one| (one.at, one.entry, one.roles)),
        )
        .filter(|(at, _, _)| *at > from)
        .collect();
    let wrong = acts
        .iter()
        .filter(|(_, _, roles)| !roles.intersects(Roles::MAINTAINER | Roles::ADMIN));
    let wrong: Vec<EntryRef> = wrong.map(|(_, entry, _)| *entry).collect();
    if !wrong.is_empty() {
        let why = format!("{} deletions are by keys that may not delete", wrong.len());
        return Judgement::fail(Scope::Fleet, why).because(wrong);
    }
    let prunes = prunes(case, from);
    let is_of_a_run = |at: i64| {
        prunes
            .iter()
            .any(|(start, end)| (*start..=*end).contains(&at))
    };
    let alone: Vec<_> = acts.iter().filter(|one| !is_of_a_run(one.0)).collect();
    let bare = alone
        .iter()
        .filter(|one| wanted > 1 && approvals(case, one.0) < wanted);
    let bare: Vec<_> = bare.collect();
    if let Some((at, _, _)) = bare.first() {
        let why = format!(
            "{} deletions in {LOOKED_BACK} were made by hand, without the {wanted} people who must agree",
            bare.len()
        );
        return Judgement::fail(Scope::Fleet, why)
            .because(bare.iter().map(|one| one.1))
            .since(Moment::utc(*at));
    }
    let why = format!(
        "of {} deletions in {LOOKED_BACK} {} were made by hand, each agreed to by those who must",
        acts.len(),
        alone.len()
    );
    Judgement::pass(Scope::Fleet, why).because(acts.iter().map(|one| one.1))
}

/// Returns when runs of the process were deleting, with some slack for the clocks of others.
fn prunes(case: &Case<'_>, from: i64) -> Vec<(i64, i64)> {
    let runs = case.history().other_runs().iter();
    let all = runs.chain(
        case.subjects()
            .iter()
            .flat_map(|one| case.runs(&one.resource.id)),
    );
    all.filter(|run| run.job == Job::Prune && run.ended > from)
        .map(|run| (run.started - SLACK_SECONDS, run.ended + SLACK_SECONDS))
        .collect()
}

/// Counts the people who agreed to something that is no policy, in the days before a deletion.
fn approvals(case: &Case<'_>, at: i64) -> u64 {
    let policies = case.history().policies().iter();
    let policies: BTreeSet<_> = policies.map(|one| *one.hash.as_bytes()).collect();
    let agreed = case.records().sign_offs.iter().filter(|one| {
        one.fact.decision == Decision::Approved
            && one.at <= at
            && case.within(one.at, AGREED_WITHIN, at)
            && !policies.contains(one.fact.document.as_bytes())
    });
    let people: BTreeSet<_> = agreed.filter_map(|one| one.head.actor).collect();
    u64::try_from(people.len()).unwrap_or(u64::MAX)
}

/// Judges that every deletion was announced before: a Tombstone is the intent.
fn intents(case: &Case<'_>) -> Judgement {
    let announced: BTreeSet<u64> = case
        .records()
        .tombstones
        .iter()
        .map(|one| one.entry.n)
        .collect();
    let unannounced = case.records().deleted.iter();
    let mut unannounced = unannounced.filter(|one| {
        one.entry.journal == 0 && one.fact.objects > 0 && !announced.contains(&one.fact.entry)
    });
    if let Some(first) = unannounced.next() {
        let count = unannounced.count() + 1;
        let why = format!("{count} deletions were not announced in the journal before");
        return Judgement::fail(Scope::Fleet, why)
            .because([first.entry])
            .since(Moment::utc(first.at));
    }
    let count = case.records().deleted.len();
    Judgement::pass(
        Scope::Fleet,
        format!("all of {count} deletions were announced before"),
    )
}

/// Judges what the providers of the stores saw: a deletion that no run explains.
fn provider(case: &Case<'_>) -> Judgement {
    let deletes = case.records().accesses.iter();
    let deletes: Vec<_> = deletes.filter(|one| one.fact.what == "delete").collect();
    let unexplained: Vec<_> = deletes
        .iter()
        .filter(|one| one.fact.explained < one.fact.times)
        .collect();
    let recent = LOOKED_BACK.before(case.now()).unix_seconds;
    if let Some(first) = unexplained.iter().find(|one| one.at > recent) {
        let count: u64 = unexplained
            .iter()
            .map(|one| one.fact.times - one.fact.explained)
            .sum();
        let why = format!("the providers of the stores saw {count} deletions that no run explains");
        return Judgement::fail(Scope::Fleet, why)
            .because(unexplained.iter().map(|one| one.entry))
            .since(Moment::utc(first.fact.from.seconds));
    }
    match case.records().accesses.last() {
        Some(last) if case.is_fresh(last.at, LOOKED_BACK) => {
            let why = "the logs of the stores show no deletion that no run explains";
            Judgement::pass(Scope::Fleet, why)
                .because([last.entry])
                .until(after(last.at, LOOKED_BACK))
        }
        last => {
            let why = format!("no log of a store was compared in {LOOKED_BACK}");
            Judgement::unknown(Scope::Fleet, why)
                .because(last.map(|one| one.entry))
                .since(last.map(|one| after(one.at, LOOKED_BACK)))
        }
    }
}

/// Who looks once a quarter looks at all of it.
const LOOKED_BACK: Period = Period::days(92);
const AGREED_WITHIN: Period = Period::days(7);
const SLACK_SECONDS: i64 = 600;
