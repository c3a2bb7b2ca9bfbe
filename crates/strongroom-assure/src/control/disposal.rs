//! C-22 and C-25: what is no longer needed goes, everywhere, and somebody saw it.

use std::collections::BTreeSet;

use strongroom_format::record::{Disposal, DisposedCopy};
use strongroom_policy::Period;
use strongroom_retain::Moment;

use super::case::{Case, after};
use super::catalogue::Standard;
use super::parameter::{Parameter, ParameterKind, Parameters};
use super::several::Several;
use super::verdict::{Judgement, Scope};
use super::{ControlSpec, Head, Texts};
use crate::finding::Severity;
use crate::history::Noted;

pub(super) const C_22: Standard = Standard {
    spec: ControlSpec::new("C-22", "What was dropped is gone from every copy, with a certificate")
        .with_weight(Head::Secure, Severity::Warning)
        .with_texts(Texts {
            business: "Data that should be gone can still be found.",
            next_step: "Prune again after the lock has ended, look whether it is gone, and record the disposal.",
            does_not_prove: "That nobody made a copy outside the policy, or what a provider keeps inside.",
        })
        .with_parameters(&[Parameter::new(
            "within",
            ParameterKind::Period,
            "how soon what was dropped must be deleted",
        )]),
    judge: disposed,
};

pub(super) const C_25: Standard = Standard {
    spec: ControlSpec::new("C-25", "Erasure is followed into every copy, and repeated after a restore")
        .with_weight(Head::Secure, Severity::Warning)
        .with_texts(Texts {
            business: "Somebody was promised that their data is gone, and it comes back with a restore.",
            next_step: "Record each request's disposal with the day on which each copy is beyond use, and what was erased again after restores.",
            does_not_prove: "That every request was recorded.",
        })
        .with_parameters(&[Parameter::new(
            "within",
            ParameterKind::Period,
            "how old the count of requests may be",
        )]),
    judge: erased,
};

fn disposed(case: &Case<'_>, given: &Parameters) -> Vec<Judgement> {
    let records = case.records();
    if records.tombstones.is_empty() && records.disposals.is_empty() {
        return vec![Judgement::not_applicable(
            Scope::Fleet,
            "nothing was dropped",
        )];
    }
    let mut all = Several::of(Scope::Fleet);
    all.add(deleted(case, given.period("within").unwrap_or(DELETED)));
    for disposal in &records.disposals {
        all.add(certificate(case, disposal));
    }
    vec![all.finish()]
}

/// Judges that what was dropped was deleted in time, and what a lock held back after its end.
fn deleted(case: &Case<'_>, limit: Period) -> Judgement {
    let records = case.records();
    let now = case.now().unix_seconds;
    let newest = records.deleted.iter().map(|one| one.fact.entry).max();
    let waiting = records
        .tombstones
        .iter()
        .filter(|one| one.entry.journal == 0);
    let mut waiting = waiting.filter(|one| newest.is_none_or(|newest| one.entry.n > newest));
    if let Some(first) = waiting.find(|one| !case.is_fresh(one.at, limit)) {
        let why = format!(
            "what was dropped {} was not seen to be deleted; that must be within {limit}",
            case.ago(first.at)
        );
        return Judgement::unknown(Scope::Fleet, why)
            .because([first.entry])
            .since(after(first.at, limit));
    }
    let Some(last) = records.deleted.last() else {
        return Judgement::pass(Scope::Fleet, "what was dropped has time to be deleted");
    };
    let end = last.fact.left_until.map(|time| time.seconds);
    let why = format!(
        "{} objects were deleted {}; {} are still there",
        last.fact.objects,
        case.ago(last.at),
        last.fact.left
    );
    let is_late =
        last.fact.left > 0 && end.is_none_or(|end| !case.is_fresh(end, limit) && end < now);
    let judgement = match (is_late, end) {
        (false, _) => Judgement::pass(Scope::Fleet, why),
        (true, Some(end)) => {
            Judgement::fail(Scope::Fleet, format!("{why}, though their lock has ended"))
                .since(after(end, limit))
        }
        (true, None) => {
            Judgement::unknown(Scope::Fleet, format!("{why}, and nobody says how long"))
        }
    };
    judgement.because([last.entry])
}

fn certificate(case: &Case<'_>, disposal: &Noted<Disposal>) -> Judgement {
    let subject = &disposal.fact.subject;
    let now = case.now().unix_seconds;
    let remains = |copy: &&DisposedCopy| copy.remains_until.is_some_and(|end| end.seconds > now);
    let copies = &disposal.fact.copies;
    let open = copies
        .iter()
        .filter(|copy| !copy.verified && !remains(copy))
        .count();
    let locked = copies.iter().filter(remains).count();
    let why = format!(
        "disposal of {subject}: {} copies, {locked} of them locked for now, {open} not seen to be gone",
        copies.len()
    );
    let judgement = match (open, copies.is_empty()) {
        (_, true) => Judgement::fail(Scope::Fleet, format!("disposal of {subject} names no copy"))
            .since(Moment::utc(disposal.at)),
        (0, false) => Judgement::pass(Scope::Fleet, why),
        (_, false) => {
            let ends = copies.iter().filter_map(|copy| copy.remains_until);
            let since = ends.map(|end| end.seconds).filter(|end| *end <= now).max();
            Judgement::fail(Scope::Fleet, why).since(Moment::utc(since.unwrap_or(disposal.at)))
        }
    };
    judgement.because([disposal.entry])
}

fn erased(case: &Case<'_>, given: &Parameters) -> Vec<Judgement> {
    let personal = case.policy().classes.values().any(|one| one.personal);
    if !personal && case.records().disposals.is_empty() {
        return vec![Judgement::not_applicable(
            Scope::Fleet,
            "no class of the policy is about people",
        )];
    }
    let mut all = Several::of(Scope::Fleet);
    all.add(requests(case, given.period("within").unwrap_or(COUNTED)));
    for disposal in &case.records().disposals {
        all.add(everywhere(case, disposal));
        all.add(certificate(case, disposal));
    }
    vec![all.finish()]
}

/// Judges that somebody counted the requests, and none is open.
fn requests(case: &Case<'_>, limit: Period) -> Judgement {
    let Some(last) = case.attested("erasure", None) else {
        let why =
            format!("nobody says whether a request for erasure is open; that is good for {limit}");
        return Judgement::unknown(Scope::Fleet, why);
    };
    let end = after(last.at, limit);
    let age = case.ago(last.at);
    let judgement = match (last.fact.holds, case.is_fresh(last.at, limit)) {
        (false, _) => Judgement::fail(
            Scope::Fleet,
            format!("requests for erasure were open {age}"),
        )
        .since(Moment::utc(last.at)),
        (true, false) => {
            let why = format!("requests for erasure were counted {age}; that is good for {limit}");
            Judgement::unknown(Scope::Fleet, why).since(end)
        }
        (true, true) => Judgement::pass(
            Scope::Fleet,
            format!("no request for erasure was open {age}"),
        )
        .until(end),
    };
    judgement.because([last.entry])
}

/// Judges that a disposal names every repository that could hold what it is about.
fn everywhere(case: &Case<'_>, disposal: &Noted<Disposal>) -> Judgement {
    let named: BTreeSet<&str> = disposal
        .fact
        .copies
        .iter()
        .map(|one| one.repository.as_str())
        .collect();
    let all = case.repositories();
    let missing: Vec<&str> = all
        .iter()
        .map(|one| one.name)
        .filter(|name| !named.contains(name))
        .collect();
    let subject = &disposal.fact.subject;
    let judgement = match missing.as_slice() {
        [] => Judgement::pass(
            Scope::Fleet,
            format!("disposal of {subject} names every repository"),
        ),
        some => Judgement::fail(
            Scope::Fleet,
            format!("disposal of {subject} says nothing of {}", some.join(", ")),
        )
        .since(Moment::utc(disposal.at)),
    };
    judgement.because([disposal.entry])
}

const DELETED: Period = Period::days(30);
const COUNTED: Period = Period::days(35);
