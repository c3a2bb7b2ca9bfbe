//! C-24: copies are only where they may be.

use strongroom_policy::{Key, Period, Value};
use strongroom_retain::Moment;

use super::case::{Case, RepositoryOf, after};
use super::catalogue::Standard;
use super::parameter::{Parameter, ParameterKind, Parameters};
use super::verdict::{Judgement, Scope};
use super::{ControlSpec, Head, Texts};
use crate::finding::Severity;

use std::collections::BTreeSet;

pub(super) const C_24: Standard = Standard {
    spec: ControlSpec::new("C-24", "Copies are only in regions where they may be")
        .with_weight(Head::Secure, Severity::Serious)
        .with_section("copies")
        .with_texts(Texts {
            business: "Data is where another law holds.",
            next_step: "Move the copy, or correct the policy; then look at the store's region and record it.",
            does_not_prove: "Where a provider's people are who can reach it.",
        })
        .with_parameters(&[
            Parameter::new("regions", ParameterKind::Words, "the regions that are allowed"),
            Parameter::new("every", ParameterKind::Period, "how often somebody looks"),
        ]),
    judge: residency,
};

fn residency(case: &Case<'_>, given: &Parameters) -> Vec<Judgement> {
    let limit = given.period("every").unwrap_or(LOOKED);
    let all = case.repositories();
    all.iter()
        .map(|one| located(case, one, given, limit))
        .collect()
}

fn located(case: &Case<'_>, of: &RepositoryOf<'_>, given: &Parameters, limit: Period) -> Judgement {
    let scope = Scope::Repository(of.name.to_owned());
    let mut allowed: Option<BTreeSet<String>> = given.words("regions").cloned();
    for subject in case.held_by(of.name) {
        if let Some(Value::Set(own)) = subject.resolved.get(Key::Regions) {
            let both = |so_far: BTreeSet<String>| so_far.intersection(own).cloned().collect();
            allowed = Some(allowed.map_or_else(|| own.clone(), both));
        }
    }
    let Some(allowed) = allowed else {
        return Judgement::not_applicable(scope, "nothing in it is bound to a region");
    };
    let regions: Vec<&str> = allowed.iter().map(String::as_str).collect();
    let regions = regions.join(", ");
    let said = of.repository.region.as_deref();
    if said.is_some_and(|region| !allowed.contains(region)) {
        let why = format!(
            "it is in {}, and only {regions} are allowed",
            said.unwrap_or_default()
        );
        return Judgement::fail(scope, why);
    }
    let Some(last) = case.attested("location", Some(of.name)) else {
        let why = format!("nobody has looked in which region it is; that is good for {limit}");
        return Judgement::unknown(scope, why);
    };
    let end = after(last.at, limit);
    let seen = last.fact.values.get("region").map(String::as_str);
    let age = case.ago(last.at);
    let judgement = match seen {
        _ if !last.fact.holds => {
            Judgement::fail(scope, format!("it was seen to be elsewhere {age}"))
                .since(Moment::utc(last.at))
        }
        Some(region) if !allowed.contains(region) => {
            let why = format!("it was seen in {region} {age}, and only {regions} are allowed");
            Judgement::fail(scope, why).since(Moment::utc(last.at))
        }
        Some(region) if case.is_fresh(last.at, limit) => {
            Judgement::pass(scope, format!("it was seen in {region} {age}")).until(end)
        }
        Some(_) => {
            let why = format!("its region was looked at {age}; that is good for {limit}");
            Judgement::unknown(scope, why).since(end)
        }
        None => Judgement::unknown(scope, "whoever looked did not say in which region it is"),
    };
    judgement.because([last.entry])
}

/// Regions do not change by themselves.
const LOOKED: Period = Period::months(12);
