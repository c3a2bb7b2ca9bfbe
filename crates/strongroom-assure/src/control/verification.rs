//! C-08: what is stored is whole, and somebody looked.

use std::collections::BTreeMap;

use strongroom_format::record::Verified;
use strongroom_policy::{Key, Level, Period};
use strongroom_retain::Moment;

use super::case::{Case, after};
use super::catalogue::Standard;
use super::damage::{ALMOST_ALL, is_of_all, unresolved};
use super::parameter::{Parameter, ParameterKind, Parameters};
use super::several::Several;
use super::verdict::{Judgement, Scope};
use super::{ControlSpec, Head, Texts};
use crate::finding::Severity;
use crate::history::Noted;

pub(super) const C_08: Standard = Standard {
    spec: ControlSpec::new("C-08", "What is stored was read and is whole")
        .with_weight(Head::Reliable, Severity::Serious)
        .with_section("verification")
        .with_texts(Texts {
            business: "What is needed one day may be damaged, and nobody would know before.",
            next_step: "Verify the repository at the level asked for; repair what is damaged from another copy.",
            does_not_prove: "More than its level says: below L5 nothing was restored, and a sample says nothing about what it left out. What is verified after a run is of what is new.",
        })
        .with_parameters(&[
            Parameter::new("age", ParameterKind::Period, "how old a verification may be"),
            Parameter::new("level", ParameterKind::Count, "which level it must have: 0 to 6"),
            Parameter::new("full_every", ParameterKind::Period, "in which time everything is read"),
        ]),
    judge: integrity_verified,
};

fn integrity_verified(case: &Case<'_>, given: &Parameters) -> Vec<Judgement> {
    let all = case.repositories();
    all.iter()
        .map(|one| verified(case, one.name, given))
        .collect()
}

fn verified(case: &Case<'_>, name: &str, given: &Parameters) -> Judgement {
    let mut all = Several::of(Scope::Repository(name.to_owned()));
    let records: Vec<&Noted<Verified>> = case
        .records()
        .verified
        .iter()
        .copied()
        .filter(|one| one.fact.repository == name)
        .collect();
    let asked = asked(case, name, given);
    if asked.is_empty() && records.is_empty() {
        return Judgement::unknown(all.scope(), "it was never verified, and nobody asks for it");
    }
    for (level, limit) in asked {
        all.add(of_level(case, &all.scope(), &records, level, limit));
    }
    if let Some(limit) = case.strictest(name, Key::FullEvery, given.period("full_every")) {
        all.add(in_full(case, name, limit));
    }
    if let Some(last) = records.last() {
        all.add(damaged(case, name, last));
    }
    all.finish()
}

/// Returns the strictest age of each level that the resources in a repository ask for.
fn asked(case: &Case<'_>, name: &str, given: &Parameters) -> BTreeMap<u8, Period> {
    let mut asked: BTreeMap<u8, Period> = BTreeMap::new();
    for subject in case.held_by(name) {
        for (level, age) in subject.resolved.ages() {
            // L5 and L6 are drills, which C-09 judges.
            if level <= Level::L4 {
                let limit = asked.entry(number(level)).or_insert(age);
                *limit = age.min(*limit);
            }
        }
    }
    if given.period("age").is_some() || given.count("level").is_some() {
        let level = given.count("level").and_then(|one| u8::try_from(one).ok());
        let age = given.period("age").unwrap_or(READ_AGE);
        let limit = asked.entry(level.unwrap_or(2)).or_insert(age);
        *limit = age.min(*limit);
    }
    asked
}

fn of_level(
    case: &Case<'_>,
    scope: &Scope,
    records: &[&Noted<Verified>],
    level: u8,
    limit: Period,
) -> Judgement {
    let is_it = |one: &&&Noted<Verified>| one.fact.level >= level && is_of_all(&one.fact);
    let mut deep = records.iter().rev().filter(is_it);
    let Some(last) = deep.next() else {
        let why = format!("it was never verified at level L{level}; that is good for {limit}");
        return Judgement::unknown(scope.clone(), why);
    };
    let end = after(last.at, limit);
    let (read, of) = last.fact.coverage;
    let choice = last.fact.choice.as_deref().unwrap_or("unknown choice");
    let why = format!(
        "{read} of {of} bytes were verified at level L{} ({choice}) {}",
        last.fact.level,
        case.ago(last.at)
    );
    if case.is_fresh(last.at, limit) {
        Judgement::pass(scope.clone(), why)
            .because([last.entry])
            .until(end)
    } else {
        let why = format!("{why}; that is good for {limit}");
        Judgement::unknown(scope.clone(), why)
            .because([last.entry])
            .since(end)
    }
}

/// Judges whether everything was read within a time: at once, or in rounds.
fn in_full(case: &Case<'_>, name: &str, limit: Period) -> Judgement {
    let scope = Scope::Repository(name.to_owned());
    let from = limit.before(case.now()).unix_seconds;
    let now = case.now().unix_seconds;
    let checks = case.history().whole_checks(name).iter();
    let within: Vec<_> = checks
        .filter(|one| one.level >= 2 && one.at > from && one.at <= now)
        .collect();
    let whole = within.iter().rev().find(|one| !one.is_round);
    let rounds: f64 = within
        .iter()
        .filter(|one| one.is_round)
        .map(|one| one.share)
        .sum();
    let entries: Vec<_> = match whole {
        Some(one) => vec![one.entry],
        None => within.iter().map(|one| one.entry).collect(),
    };
    let oldest = within.iter().map(|one| one.at).min();
    if whole.is_some() || rounds >= ALMOST_ALL {
        let at = whole.map(|one| one.at).or(oldest).unwrap_or(now);
        return Judgement::pass(scope, format!("all of it was read within {limit}"))
            .because(entries)
            .until(after(at, limit));
    }
    let why = format!(
        "{:.0} % of it was read within {limit}, not all",
        rounds * 100.0
    );
    Judgement::unknown(scope, why).because(entries)
}

fn damaged(case: &Case<'_>, name: &str, last: &Noted<Verified>) -> Judgement {
    let scope = Scope::Repository(name.to_owned());
    if let Some(open) = unresolved(case, name) {
        let count = open.fact.unresolved;
        let why = format!("{count} objects are damaged and not seen to be repaired");
        return Judgement::fail(scope, why)
            .because([open.entry])
            .since(Moment::utc(open.at));
    }
    let why = match last.fact.damaged {
        0 => "nothing that was read was damaged".to_owned(),
        damaged => format!("{damaged} objects were damaged, and all are repaired"),
    };
    Judgement::pass(scope, why).because([last.entry])
}

pub(super) fn number(level: Level) -> u8 {
    let place = Level::ALL.iter().position(|one| *one == level);
    place
        .and_then(|place| u8::try_from(place).ok())
        .unwrap_or(u8::MAX)
}

const READ_AGE: Period = Period::days(35);
