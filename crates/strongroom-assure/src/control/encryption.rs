//! C-05 and C-06: nobody reads what is stored or sent.

use strongroom_policy::{Key, Period};
use strongroom_retain::Moment;

use super::case::{Case, RepositoryOf, after};
use super::catalogue::Standard;
use super::parameter::Parameters;
use super::verdict::{Judgement, Scope};
use super::{ControlSpec, Head, Texts};
use crate::finding::Severity;
use crate::history::RunSeen;

pub(super) const C_05: Standard = Standard {
    spec: ControlSpec::new("C-05", "What is stored is encrypted")
        .with_weight(Head::Secure, Severity::Serious)
        .with_section("encryption")
        .with_texts(Texts {
            business: "Whoever gets hold of a copy can read it.",
            next_step: "Run a verification of level L2 or deeper, or move the copy to an encrypted repository.",
            does_not_prove: "That nobody else has the keys, or that what was read before encryption was protected.",
        }),
    judge: at_rest,
};

pub(super) const C_06: Standard = Standard {
    spec: ControlSpec::new(
        "C-06",
        "What is sent is encrypted, to a peer that was checked",
    )
    .with_weight(Head::Secure, Severity::Serious)
    .with_section("encryption")
    .with_texts(Texts {
        business: "Somebody on the way could read or change what is sent.",
        next_step: "Use TLS 1.2 or newer with certificates checked, or SSH with a pinned host key.",
        does_not_prove: "That the peer itself is not taken over.",
    }),
    judge: in_transit,
};

fn at_rest(case: &Case<'_>, _: &Parameters) -> Vec<Judgement> {
    let all = case.repositories();
    all.iter().map(|one| stored(case, one)).collect()
}

fn stored(case: &Case<'_>, of: &RepositoryOf<'_>) -> Judgement {
    let scope = Scope::Repository(of.name.to_owned());
    let wanted = case
        .held_by(of.name)
        .any(|one| one.resolved.flag(Key::AtRest));
    if !of.repository.encrypted && wanted {
        return Judgement::fail(scope, "the policy says that it is not encrypted");
    }
    // What was authenticated was sealed: nothing else can be opened by its key.
    let read = case.records().verified.iter().rev();
    let mut read = read.filter(|one| one.fact.repository == of.name && one.fact.level >= 2);
    let Some(last) = read.next() else {
        let why = format!("nobody has read it at level L2 or deeper; that is good for {READ_AGE}");
        return Judgement::unknown(scope, why);
    };
    let (bytes, all) = last.fact.coverage;
    let what = format!(
        "{bytes} of {all} bytes were opened with its keys at level L{}, {}",
        last.fact.level,
        case.ago(last.at)
    );
    if case.is_fresh(last.at, READ_AGE) {
        Judgement::pass(scope, what)
            .because([last.entry])
            .until(after(last.at, READ_AGE))
    } else {
        Judgement::unknown(scope, format!("{what}; that is good for {READ_AGE}"))
            .because([last.entry])
            .since(after(last.at, READ_AGE))
    }
}

fn in_transit(case: &Case<'_>, _: &Parameters) -> Vec<Judgement> {
    let all = case.repositories();
    all.iter().map(|one| sent(case, one)).collect()
}

fn sent(case: &Case<'_>, of: &RepositoryOf<'_>) -> Judgement {
    let scope = Scope::Repository(of.name.to_owned());
    let from = RUNS_AGE.before(case.now()).unix_seconds;
    let resources = case
        .held_by(of.name)
        .flat_map(|one| case.runs(&one.resource.id));
    let others = case.history().other_runs().iter();
    let now = case.now().unix_seconds;
    let runs: Vec<&RunSeen> = resources
        .chain(others.filter(|run| run.recorded_at <= now))
        .filter(|run| run.repository == of.name && run.has_begun() && run.started > from)
        .filter(|run| run.is_recorded)
        .collect();
    let told: Vec<_> = runs
        .iter()
        .filter_map(|run| Some((*run, run.transport.as_ref()?)))
        .collect();
    let open: Vec<&RunSeen> = told
        .iter()
        .filter(|(_, one)| !(is_local(&one.protocol) || is_safe(&one.protocol) && one.peer_checked))
        .map(|(run, _)| *run)
        .collect();
    let remote = told
        .iter()
        .filter(|(_, one)| !is_local(&one.protocol))
        .count();
    let newest = told.iter().map(|(run, _)| run.started).max();
    if let Some(first) = open.iter().map(|run| run.started).min() {
        return Judgement::fail(
            scope,
            format!(
                "{} of {} runs in {RUNS_AGE} were not encrypted by TLS 1.2 or SSH 2, or did not check the peer",
                open.len(),
                runs.len()
            ),
        )
        .because(open.iter().map(|run| run.entry))
        .since(Moment::utc(first));
    }
    let Some(newest) = newest else {
        let why = format!("no run in {RUNS_AGE} says how it was reached");
        return Judgement::unknown(scope, why);
    };
    let entries: Vec<_> = told.iter().map(|(run, _)| run.entry).collect();
    let end = after(newest, RUNS_AGE);
    if remote == 0 {
        return Judgement::not_applicable(scope, "nothing is sent: it is on the same machine")
            .because(entries)
            .until(end);
    }
    let silent = runs.len() - told.len();
    let what = format!(
        "{remote} runs in {RUNS_AGE} were encrypted and checked the peer; {silent} do not say how it was reached"
    );
    if silent > told.len() {
        return Judgement::unknown(scope, what).because(entries);
    }
    Judgement::pass(scope, what).because(entries).until(end)
}

fn is_local(protocol: &str) -> bool {
    protocol == "file"
}

fn is_safe(protocol: &str) -> bool {
    ["TLSv1.2", "TLSv1.3", "SSH-2.0"].contains(&protocol)
}

/// A verification is made once a month, and a few days late.
const READ_AGE: Period = Period::days(35);
/// Runs of the last weeks speak for how a repository is reached.
const RUNS_AGE: Period = Period::days(30);
