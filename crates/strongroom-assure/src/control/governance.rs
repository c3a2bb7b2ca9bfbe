//! C-26 and C-27: the policy is agreed to, looked at and followed, and software is current.

use std::collections::BTreeSet;

use strongroom_format::record::Decision;
use strongroom_policy::{DocumentHash, Key, Period, Severity as Lint};
use strongroom_retain::Moment;

use super::case::{Case, after};
use super::catalogue::Standard;
use super::parameter::{Parameter, ParameterKind, Parameters};
use super::several::Several;
use super::verdict::{Judgement, Scope};
use super::{ControlSpec, Head, Texts};
use crate::finding::Severity;
use crate::history::PolicySeen;
use crate::obligation::{ObligationState, obligations};

pub(super) const C_26: Standard = Standard {
    spec: ControlSpec::new("C-26", "The policy in force is agreed to, looked at again, and followed")
        .with_weight(Head::Reliable, Severity::Warning)
        .with_texts(Texts {
            business: "What is done is not what was decided, or nobody decided it.",
            next_step: "Put the version in force into the journal, have it approved, and review what is overdue.",
            does_not_prove: "That the policy is a good one: sr-policy lint and its review say more.",
        })
        .with_parameters(&[Parameter::new(
            "every",
            ParameterKind::Period,
            "how old the version in force may be without a review",
        )]),
    judge: governed,
};

pub(super) const C_27: Standard = Standard {
    spec: ControlSpec::new("C-27", "Software is supported, and advisories are closed in time")
        .with_weight(Head::Secure, Severity::Warning)
        .with_section("software")
        .with_texts(Texts {
            business: "A known weakness is open to whoever reads the news.",
            next_step: "Update, rehearse a restore of old points with the new version, and record what was seen.",
            does_not_prove: "That there is no weakness that nobody has published.",
        })
        .with_parameters(&[Parameter::new(
            "every",
            ParameterKind::Period,
            "how often versions are looked at",
        )]),
    judge: current,
};

fn governed(case: &Case<'_>, given: &Parameters) -> Vec<Judgement> {
    let mut all = Several::of(Scope::Fleet);
    let Some(set) = case.history().policy_at(case.now().unix_seconds) else {
        return vec![Judgement::unknown(
            Scope::Fleet,
            "no policy was set in the journal",
        )];
    };
    all.add(same(case, set));
    all.add(approved(case, set));
    all.add(reviewed(case, set, given.period("every")));
    all.add(reasoned(case, set));
    vec![all.finish()]
}

/// Judges that the policy that is judged by is the one in force.
fn same(case: &Case<'_>, set: &PolicySeen) -> Judgement {
    let by_text = case.document().map(|hash| hash == set.hash);
    let by_content = set.policy.as_deref().map(|policy| policy == case.policy());
    let judgement = match by_text.or(by_content) {
        Some(true) => Judgement::pass(
            Scope::Fleet,
            "the policy in the journal is the one judged by",
        ),
        Some(false) => Judgement::fail(
            Scope::Fleet,
            "the policy in the journal is another one than that which is judged by",
        )
        .since(Moment::utc(set.at)),
        None => Judgement::unknown(
            Scope::Fleet,
            "the journal has only the hash of the policy, and nobody says which text is judged by",
        ),
    };
    judgement.because([set.entry])
}

fn approved(case: &Case<'_>, set: &PolicySeen) -> Judgement {
    let wanted = case.policy().approval.quorum;
    let about = case
        .records()
        .sign_offs
        .iter()
        .filter(|one| DocumentHash::from_bytes(*one.fact.document.as_bytes()) == set.hash);
    let of = |decision: Decision| {
        let some = about
            .clone()
            .filter(move |one| one.fact.decision == decision);
        let people: BTreeSet<_> = some.filter_map(|one| one.head.actor).collect();
        u64::try_from(people.len()).unwrap_or(u64::MAX)
    };
    let (yes, no) = (of(Decision::Approved), of(Decision::Rejected));
    let roles: BTreeSet<&str> = about
        .clone()
        .filter(|one| one.fact.decision == Decision::Approved)
        .map(|one| one.fact.role.as_str())
        .collect();
    let asked = case.policy().approval.roles.iter();
    let missing: Vec<&str> = asked
        .map(String::as_str)
        .filter(|role| !roles.contains(role))
        .collect();
    let why = format!(
        "{yes} people approved the policy in force, {no} rejected it; {wanted} must approve"
    );
    let entries = about.clone().map(|one| one.entry).chain([set.entry]);
    let judgement = if no > 0 || yes < wanted {
        Judgement::fail(Scope::Fleet, why).since(Moment::utc(set.at))
    } else if !missing.is_empty() {
        let why = format!("{why}; nobody in the role {} did", missing.join(", "));
        Judgement::fail(Scope::Fleet, why).since(Moment::utc(set.at))
    } else {
        Judgement::pass(Scope::Fleet, why)
    };
    judgement.because(entries)
}

fn reviewed(case: &Case<'_>, set: &PolicySeen, every: Option<Period>) -> Judgement {
    let zone = &case.policy().timezone;
    let work = obligations(case);
    let reviews: Vec<_> = work.iter().filter(|one| one.kind == "review").collect();
    let late: Vec<_> = reviews
        .iter()
        .filter(|one| one.state == ObligationState::Overdue)
        .collect();
    if !late.is_empty() {
        let names: Vec<&str> = late
            .iter()
            .map(|one| one.key.as_str())
            .take(SHOWN)
            .collect();
        let why = format!("{} reviews are overdue: {}", late.len(), names.join(", "));
        let since = late.iter().filter_map(|one| one.due).min();
        return Judgement::fail(Scope::Fleet, why).since(since.map(|day| day.start(zone)));
    }
    if let Some(every) = every {
        let done = reviews.iter().filter_map(|one| one.last).max();
        let last = done.map_or(set.at, |day| day.start(zone).unix_seconds.max(set.at));
        if !case.is_fresh(last, every) {
            let why = format!(
                "it was set or reviewed {}; that is good for {every}",
                case.ago(last)
            );
            return Judgement::unknown(Scope::Fleet, why)
                .because([set.entry])
                .since(after(last, every));
        }
    }
    if reviews.is_empty() {
        return Judgement::unknown(Scope::Fleet, "nothing says when it must be looked at again");
    }
    let end = reviews.iter().filter_map(|one| one.due).min();
    Judgement::pass(
        Scope::Fleet,
        format!("none of {} reviews is overdue", reviews.len()),
    )
    .until(end.map(|day| day.start(zone)))
}

/// Judges that every rule has an owner and a reason.
fn reasoned(case: &Case<'_>, set: &PolicySeen) -> Judgement {
    let found = case.policy().lint(case.now());
    let errors = found.iter().filter(|one| one.severity == Lint::Error);
    let count = errors.clone().count();
    let mut codes: Vec<&str> = errors.map(|one| one.code).collect();
    codes.sort_unstable();
    codes.dedup();
    let judgement = match count {
        0 => Judgement::pass(Scope::Fleet, "it does not contradict itself"),
        _ => Judgement::fail(
            Scope::Fleet,
            format!("it has {count} errors: {}", codes.join(", ")),
        )
        .since(Moment::utc(set.at)),
    };
    judgement.because([set.entry])
}

fn current(case: &Case<'_>, given: &Parameters) -> Vec<Judgement> {
    let patch = case
        .active()
        .filter_map(|one| one.resolved.period(Key::PatchWithin))
        .min();
    let limit = given.period("every").or(patch).unwrap_or(LOOKED);
    let Some(last) = case.attested("versions", None) else {
        let why =
            format!("nobody has looked whether versions are supported; that is good for {limit}");
        return vec![Judgement::unknown(Scope::Fleet, why)];
    };
    let end = after(last.at, limit);
    let age = case.ago(last.at);
    let open = last
        .fact
        .values
        .get("advisories")
        .map_or("0", String::as_str);
    let judgement = match (last.fact.holds, case.is_fresh(last.at, limit)) {
        (false, _) => {
            let why = format!("versions were not as they should be {age}, {open} advisories open");
            Judgement::fail(Scope::Fleet, why).since(Moment::utc(last.at))
        }
        (true, false) => {
            let why = format!("versions were looked at {age}; that is good for {limit}");
            Judgement::unknown(Scope::Fleet, why).since(end)
        }
        (true, true) => Judgement::pass(
            Scope::Fleet,
            format!("versions were supported {age}, {open} advisories open"),
        )
        .until(end),
    };
    vec![judgement.because([last.entry])]
}

const LOOKED: Period = Period::days(35);
const SHOWN: usize = 5;
