//! C-01: everything that there is has a policy.

use strongroom_policy::Period;

use super::case::{Case, Subject, after};
use super::catalogue::Standard;
use super::parameter::{Parameter, ParameterKind, Parameters};
use super::verdict::{Judgement, Scope};
use super::{ControlSpec, Head, Texts};
use crate::finding::Severity;

pub(super) const C_01: Standard = Standard {
    spec: ControlSpec::new("C-01", "Everything that there is has an active policy")
        .with_weight(Head::Reliable, Severity::Serious)
        .with_section("schedule")
        .with_texts(Texts {
            business: "Something that the organisation owns is not backed up, or nobody knows.",
            next_step: "Add the resource to the policy, or exempt it with a reason and an end.",
            does_not_prove: "That the inventory is complete: only whoever made it can say so.",
        })
        .with_parameters(&[Parameter::new(
            "max_age",
            ParameterKind::Period,
            "how old the inventory may be",
        )]),
    judge: inventory_covered,
};

fn inventory_covered(case: &Case<'_>, given: &Parameters) -> Vec<Judgement> {
    let mut all: Vec<Judgement> = case
        .subjects()
        .iter()
        .map(|one| covered(case, one))
        .collect();
    all.push(inventory(
        case,
        given.period("max_age").unwrap_or(INVENTORY_AGE),
    ));
    all
}

/// Judges how old the inventory is: what is not in it is missing from everything else too.
fn inventory(case: &Case<'_>, limit: Period) -> Judgement {
    let Some(last) = case.records().inventories.last() else {
        let why = format!("no inventory was ever recorded; one is good for {limit}");
        return Judgement::unknown(Scope::Fleet, why);
    };
    let count = last.fact.resources.len();
    let end = after(last.at, limit);
    let age = case.ago(last.at);
    if !last.fact.complete {
        let why =
            format!("the inventory of {count} resources, {age}, says that it is not complete");
        return Judgement::unknown(Scope::Fleet, why).because([last.entry]);
    }
    if !case.is_fresh(last.at, limit) {
        let why = format!("the inventory is of {age}; it is good for {limit}");
        return Judgement::unknown(Scope::Fleet, why)
            .because([last.entry])
            .since(end);
    }
    let unknown: Vec<&str> = case
        .subjects()
        .iter()
        .filter(|one| !one.is_in_policy && !one.protection.is_covered)
        .map(|one| one.resource.id.as_str())
        .collect();
    let judgement = match unknown.as_slice() {
        [] => Judgement::pass(
            Scope::Fleet,
            format!("all of {count} resources in the inventory of {age} have a policy"),
        ),
        some => Judgement::fail(
            Scope::Fleet,
            format!(
                "{} of {count} resources in the inventory have no policy: {}",
                some.len(),
                shown(some)
            ),
        )
        .since(strongroom_retain::Moment::utc(last.at)),
    };
    judgement.because([last.entry]).until(end)
}

fn covered(case: &Case<'_>, subject: &Subject) -> Judgement {
    let scope = subject.scope();
    let resource = &subject.resource;
    if resource.is_retired(case.today()) {
        return Judgement::not_applicable(scope, "it is retired");
    }
    if subject.protection.is_covered {
        let how = if subject.is_in_policy {
            "it is in the policy"
        } else {
            "a rule covers it"
        };
        return Judgement::pass(scope, format!("{how}: backups are due and have a place"));
    }
    let exemptions = case.policy().exemptions.iter();
    let exempt = exemptions.filter(|(_, one)| {
        let today = case.today();
        one.frees(resource, "schedule", today) || one.frees(resource, "copies", today)
    });
    match exempt.max_by_key(|(_, one)| one.until) {
        Some((name, one)) => {
            Judgement::not_applicable(scope, format!("it is exempt until {} by {name}", one.until))
        }
        None => Judgement::fail(
            scope,
            "no backup of it is due, or there is no place for one",
        ),
    }
}

fn shown(names: &[&str]) -> String {
    let first: Vec<&str> = names.iter().take(SHOWN).copied().collect();
    let more = names.len().saturating_sub(first.len());
    match more {
        0 => first.join(", "),
        _ => format!("{} and {more} more", first.join(", ")),
    }
}

/// An inventory is made once a month, and a few days late.
const INVENTORY_AGE: Period = Period::days(35);
const SHOWN: usize = 5;
