//! What the journal itself says: protection that was reduced, people who were not told.

use std::collections::BTreeSet;

use strongroom_policy::{Change, Resource, diff};
use strongroom_retain::Moment;

use super::{Finding, Severity};
use crate::control::{Case, Scope};
use crate::history::PolicySeen;

/// Says which changes of the policy in the last weeks protect less.
pub(super) fn findings(case: &Case<'_>) -> Vec<Finding> {
    let now = case.now().unix_seconds;
    let mut all = Vec::new();
    let set: Vec<&PolicySeen> = case
        .history()
        .policies()
        .iter()
        .filter(|one| one.at <= now)
        .collect();
    for (old, new) in set.iter().zip(set.iter().skip(1)) {
        if new.at < now - RECENT_SECONDS {
            continue;
        }
        if let Some(problem) = &new.problem {
            all.push(unreadable(new, problem));
        }
        if let (Some(before), Some(after)) = (old.policy.as_deref(), new.policy.as_deref()) {
            let known: Vec<Resource> = case
                .subjects()
                .iter()
                .filter(|one| !one.is_in_policy)
                .map(|one| one.resource.clone())
                .collect();
            let changes = diff(before, after, &known, Moment::utc(new.at));
            let weaker: Vec<&Change> = changes.weaker().collect();
            all.extend(weakened(new, &weaker));
        }
    }
    all
}

fn unreadable(set: &PolicySeen, problem: &str) -> Finding {
    let what = format!(
        "the policy of entry {} cannot be read: {problem}",
        set.entry
    );
    Finding::new("policy-unreadable", Scope::Fleet, Severity::Serious, what)
        .about(&set.entry.to_string())
        .for_business("The rules for backups that were set cannot be read.")
        .next("Set the policy anew, from a text that sr-policy lint accepts.")
        .because([set.entry])
        .since(Moment::utc(set.at))
}

fn weakened(set: &PolicySeen, weaker: &[&Change]) -> Option<Finding> {
    let first = weaker.first()?;
    let aspects: BTreeSet<&str> = weaker.iter().map(|one| one.aspect.as_str()).collect();
    let resources: BTreeSet<&str> = weaker
        .iter()
        .filter_map(|one| one.resource.as_deref())
        .collect();
    let about = first.resource.as_deref().unwrap_or("the policy itself");
    let what = format!(
        "the policy of entry {} protects less: {} ({} resources); first {about}: {} was {}, and is {}",
        set.entry,
        aspects.into_iter().collect::<Vec<_>>().join(", "),
        resources.len(),
        first.aspect,
        first.old,
        first.new
    );
    Some(
        Finding::new("protection-reduced", Scope::Fleet, Severity::Serious, what)
            .about(&set.entry.to_string())
            .for_business("A change of the rules protects less than before.")
            .next("Look whether it was meant (sr-policy diff), and have it approved, or take it back.")
            .because([set.entry])
            .since(Moment::utc(set.at)),
    )
}

/// A change of a month ago was looked at, or is in force.
const RECENT_SECONDS: i64 = 30 * 86_400;
