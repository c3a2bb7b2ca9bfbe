//! C-28: one copy is out of reach of those who run what is backed up.

use strongroom_policy::{Period, Repository};
use strongroom_retain::Moment;

use super::case::{Case, RepositoryOf, after};
use super::catalogue::Standard;
use super::parameter::{Parameter, ParameterKind, Parameters};
use super::verdict::{Judgement, Scope};
use super::{ControlSpec, Head, Texts};
use crate::finding::Severity;

pub(super) const C_28: Standard = Standard {
    spec: ControlSpec::new("C-28", "A fresh copy is apart from what it is a copy of")
        .with_weight(Head::Secure, Severity::Serious)
        .with_section("copies")
        .with_texts(Texts {
            business: "Whoever takes over the servers takes the backups with them.",
            next_step: "Give one repository its own credentials and domain, or keep it offline; try it and record that.",
            does_not_prove: "That no path exists that nobody tried.",
        })
        .with_parameters(&[Parameter::new(
            "every",
            ParameterKind::Period,
            "how often it is tried",
        )]),
    judge: isolated,
};

fn isolated(case: &Case<'_>, given: &Parameters) -> Vec<Judgement> {
    let limit = given.period("every").unwrap_or(QUARTER);
    let mut all: Vec<Judgement> = Vec::new();
    for subject in case.active() {
        let names = subject.resolved.words(strongroom_policy::Key::CopiesTo);
        let known = case.policy().repositories.iter();
        let mut held = known.filter(|(name, _)| names.contains(name.as_str()));
        if !held.any(|(_, one)| is_apart(one)) {
            let why = "no copy of it is offline or has credentials of its own";
            all.push(Judgement::fail(subject.scope(), why));
        }
    }
    let repositories = case.repositories();
    all.extend(repositories.iter().map(|one| tried(case, one, limit)));
    all
}

fn is_apart(repository: &Repository) -> bool {
    repository.offline || repository.separate_credentials
}

fn tried(case: &Case<'_>, of: &RepositoryOf<'_>, limit: Period) -> Judgement {
    let scope = Scope::Repository(of.name.to_owned());
    if !is_apart(of.repository) {
        return Judgement::not_applicable(scope, "it is not meant to be apart");
    }
    let Some(last) = case.attested("isolation", Some(of.name)) else {
        let why = format!("nobody has tried whether it is out of reach; that is good for {limit}");
        return Judgement::unknown(scope, why);
    };
    let end = after(last.at, limit);
    let age = case.ago(last.at);
    let judgement = match (last.fact.holds, case.is_fresh(last.at, limit)) {
        (false, _) => {
            Judgement::fail(scope, format!("it was within reach {age}")).since(Moment::utc(last.at))
        }
        (true, false) => {
            let why = format!("its isolation was tried {age}; that is good for {limit}");
            Judgement::unknown(scope, why).since(end)
        }
        (true, true) => Judgement::pass(scope, format!("it was out of reach {age}")).until(end),
    };
    judgement.because([last.entry])
}

const QUARTER: Period = Period::days(92);
