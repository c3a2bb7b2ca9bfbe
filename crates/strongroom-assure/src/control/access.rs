//! C-13, C-14 and C-32: few may do much, somebody looks, and nobody does everything.

use std::collections::{BTreeMap, BTreeSet};

use strongroom_crypt::Roles;
use strongroom_format::record::Decision;
use strongroom_policy::Period;
use strongroom_retain::Moment;

use super::case::{Case, RepositoryOf, after};
use super::catalogue::Standard;
use super::parameter::{Parameter, ParameterKind, Parameters};
use super::several::Several;
use super::verdict::{Judgement, Scope};
use super::{ControlSpec, Head, Texts};
use crate::finding::Severity;
use crate::history::EntryRef;
use crate::obligation::{Obligation, ObligationState, obligations};

pub(super) const C_13: Standard = Standard {
    spec: ControlSpec::new("C-13", "Who writes backups cannot delete them")
        .with_weight(Head::Secure, Severity::Serious)
        .with_section("immutability")
        .with_texts(Texts {
            business: "Whoever takes over a server could delete its backups with it.",
            next_step: "Take the right to delete from the writer's credential, try it, and record what was seen.",
            does_not_prove: "That no other credential can: only those that were tried were tried.",
        })
        .with_parameters(&[Parameter::new(
            "every",
            ParameterKind::Period,
            "how often rights are tried",
        )]),
    judge: least_privilege,
};

pub(super) const C_14: Standard = Standard {
    spec: ControlSpec::new("C-14", "Access is reviewed, and every access is explained")
        .with_weight(Head::Secure, Severity::Warning)
        .with_texts(Texts {
            business: "Somebody may read backups who should not, and nobody would know.",
            next_step: "Import the store's access log, look at what no run explains, and record the review.",
            does_not_prove: "That the provider's log is complete.",
        })
        .with_parameters(&[Parameter::new(
            "every",
            ParameterKind::Period,
            "how often access is reviewed",
        )]),
    judge: access_review,
};

pub(super) const C_32: Standard = Standard {
    spec: ControlSpec::new("C-32", "Nobody both writes and deletes, or asks and agrees")
        .with_weight(Head::Secure, Severity::Warning)
        .with_texts(Texts {
            business: "One person, or one stolen key, could do harm and hide it.",
            next_step: "Give writing and deleting to different keys, and let others agree than those who ask.",
            does_not_prove: "That two keys or names are two people.",
        }),
    judge: separation,
};

fn least_privilege(case: &Case<'_>, given: &Parameters) -> Vec<Judgement> {
    let limit = given.period("every").unwrap_or(QUARTER);
    let all = case.repositories();
    all.iter().map(|one| tried(case, one, limit)).collect()
}

fn tried(case: &Case<'_>, of: &RepositoryOf<'_>, limit: Period) -> Judgement {
    let scope = Scope::Repository(of.name.to_owned());
    let Some(last) = case.attested("permissions", Some(of.name)) else {
        let why = format!("nobody has tried what its credentials may do; that is good for {limit}");
        return Judgement::unknown(scope, why);
    };
    let end = after(last.at, limit);
    let age = case.ago(last.at);
    let judgement = match (last.fact.holds, case.is_fresh(last.at, limit)) {
        (false, _) => Judgement::fail(
            scope,
            format!("a credential can do what it must not, {age}"),
        )
        .since(Moment::utc(last.at)),
        (true, false) => {
            let why = format!("rights were tried {age}; that is good for {limit}");
            Judgement::unknown(scope, why).since(end)
        }
        (true, true) => Judgement::pass(
            scope,
            format!("rights were tried {age}: the writer cannot delete"),
        )
        .until(end),
    };
    judgement.because([last.entry])
}

fn access_review(case: &Case<'_>, given: &Parameters) -> Vec<Judgement> {
    let limit = given.period("every").unwrap_or(QUARTER);
    let mut all = Several::of(Scope::Fleet);
    let work = obligations(case);
    all.add(reviewed(case, &work, "access-review", limit));
    all.add(explained(case, limit));
    vec![all.finish()]
}

/// Judges that people did work of a kind within a time.
pub(super) fn reviewed(
    case: &Case<'_>,
    work: &[Obligation],
    kind: &str,
    limit: Period,
) -> Judgement {
    let mut of_kind = work.iter().filter(|one| one.kind == kind).peekable();
    if of_kind.peek().is_none() {
        let why = format!("the policy asks nobody for work of the kind {kind}");
        return Judgement::unknown(Scope::Fleet, why);
    }
    let zone = &case.policy().timezone;
    let mut all = Several::of(Scope::Fleet);
    for one in of_kind {
        let done = one.last.map(|day| day.start(zone).unix_seconds);
        let is_recent = done.is_some_and(|at| case.is_fresh(at, limit));
        let name = &one.key;
        let end = done.map(|at| after(at, limit));
        let judgement = match (one.state, done) {
            (ObligationState::Overdue, _) => {
                let why = format!("{name} is overdue");
                Judgement::fail(Scope::Fleet, why).since(one.due.map(|day| day.start(zone)))
            }
            (_, Some(_)) if is_recent => {
                Judgement::pass(Scope::Fleet, format!("{name} was done")).until(end)
            }
            (_, Some(_)) => {
                let why = format!("{name} was done, longer than {limit} ago");
                Judgement::unknown(Scope::Fleet, why).since(end)
            }
            (_, None) => Judgement::unknown(Scope::Fleet, format!("{name} was never done")),
        };
        all.add(judgement.because(one.because.last().copied()));
    }
    all.finish()
}

fn explained(case: &Case<'_>, limit: Period) -> Judgement {
    let from = limit.before(case.now()).unix_seconds;
    let recent: Vec<_> = case
        .records()
        .accesses
        .iter()
        .filter(|one| one.at > from)
        .collect();
    let Some(last) = recent.last() else {
        let why = format!("no log of a store was compared in {limit}");
        return Judgement::unknown(Scope::Fleet, why);
    };
    let odd: Vec<_> = recent
        .iter()
        .filter(|one| one.fact.explained < one.fact.times)
        .collect();
    let count: u64 = odd
        .iter()
        .map(|one| one.fact.times - one.fact.explained)
        .sum();
    match odd.first() {
        Some(first) => {
            let why = format!("{count} accesses in {limit} are not explained by any run");
            Judgement::fail(Scope::Fleet, why)
                .because(odd.iter().map(|one| one.entry))
                .since(Moment::utc(first.fact.from.seconds))
        }
        None => {
            let times: u64 = recent.iter().map(|one| one.fact.times).sum();
            let why = format!("all of {times} accesses in {limit} are explained");
            Judgement::pass(Scope::Fleet, why)
                .because(recent.iter().map(|one| one.entry))
                .until(after(last.at, limit))
        }
    }
}

fn separation(case: &Case<'_>, _: &Parameters) -> Vec<Judgement> {
    let mut all = Several::of(Scope::Fleet);
    all.add(of_keys(case));
    all.add(of_people(case));
    vec![all.finish()]
}

/// Judges that no key both makes snapshots and deletes them.
fn of_keys(case: &Case<'_>) -> Judgement {
    let now = case.now().unix_seconds;
    let mut writers: BTreeMap<[u8; 32], EntryRef> = BTreeMap::new();
    let entries = case
        .history()
        .entries()
        .iter()
        .filter(|one| one.said_at <= now);
    for one in entries.filter(|one| one.kind == COMMIT) {
        writers.insert(one.author, one.entry);
    }
    let forgets = case
        .records()
        .forgets
        .iter()
        .map(|one| (one.author, one.roles, one.entry));
    let drops = case
        .records()
        .tombstones
        .iter()
        .map(|one| (one.author, one.roles, one.entry));
    let deletes: Vec<([u8; 32], Roles, EntryRef)> = forgets.chain(drops).collect();
    if writers.is_empty() || deletes.is_empty() {
        let why = "no key has written and none deleted, so nobody can say who does both";
        return Judgement::unknown(Scope::Fleet, why);
    }
    let both: Vec<EntryRef> = deletes
        .iter()
        .filter(|(author, _, _)| writers.contains_key(author))
        .map(|(_, _, entry)| *entry)
        .collect();
    if !both.is_empty() {
        let why = format!(
            "{} deletions are by keys that also write backups",
            both.len()
        );
        return Judgement::fail(Scope::Fleet, why).because(both);
    }
    let deleters: BTreeSet<[u8; 32]> = deletes.iter().map(|(author, _, _)| *author).collect();
    let why = format!(
        "{} keys write and {} others delete",
        writers.len(),
        deleters.len()
    );
    Judgement::pass(Scope::Fleet, why).because(
        writers
            .into_values()
            .chain(deletes.last().map(|(_, _, entry)| *entry)),
    )
}

/// Judges that as many people agreed to a policy as must: nobody agrees twice.
fn of_people(case: &Case<'_>) -> Judgement {
    let wanted = case.policy().approval.quorum;
    let now = case.now().unix_seconds;
    let Some(set) = case.history().policy_at(now) else {
        return Judgement::unknown(Scope::Fleet, "no policy was set in the journal");
    };
    let agreed = case.records().sign_offs.iter().filter(|one| {
        one.fact.decision == Decision::Approved
            && one.fact.document.as_bytes() == set.hash.as_bytes()
    });
    let people: BTreeSet<_> = agreed.filter_map(|one| one.head.actor).collect();
    let count = u64::try_from(people.len()).unwrap_or(u64::MAX);
    let why = format!("{count} people agreed to the policy in force; {wanted} must");
    match count >= wanted {
        true => Judgement::pass(Scope::Fleet, why).because([set.entry]),
        false => Judgement::fail(Scope::Fleet, why)
            .because([set.entry])
            .since(Moment::utc(set.at)),
    }
}

/// Number of the journal entries that commit a snapshot (`docs/format.md`, §8.3).
const COMMIT: u64 = 1;
const QUARTER: Period = Period::days(92);
