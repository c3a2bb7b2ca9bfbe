//! What the journal itself says: protection that was reduced, policies that cannot be read.

use std::collections::BTreeSet;

use strongroom_retain::Moment;

use super::{Finding, Severity};
use crate::control::{Case, Scope};
use crate::history::PolicySeen;
use crate::signal::Weakening;

/// Says which changes of the policy in the last weeks protect less, and which cannot be read.
pub(super) fn findings(case: &Case<'_>) -> Vec<Finding> {
    let now = case.now().unix_seconds;
    let set = case.history().policies().iter();
    let recent = set.filter(|one| (now - RECENT_SECONDS..=now).contains(&one.at));
    let unreadable = recent.filter_map(unreadable);
    unreadable
        .chain(case.weakenings().iter().filter_map(weakened))
        .collect()
}

fn unreadable(set: &PolicySeen) -> Option<Finding> {
    let problem = set.problem.as_deref()?;
    let what = format!(
        "the policy of entry {} cannot be read: {problem}",
        set.entry
    );
    Some(
        Finding::new("policy-unreadable", Scope::Fleet, Severity::Serious, what)
            .about(&set.entry.to_string())
            .for_business("The rules for backups that were set cannot be read.")
            .next("Set the policy anew, from a text that sr-policy lint accepts.")
            .because([set.entry])
            .since(Moment::utc(set.at)),
    )
}

fn weakened(one: &Weakening) -> Option<Finding> {
    let first = one.changes.first()?;
    let aspects: BTreeSet<&str> = one.changes.iter().map(|one| one.aspect.as_str()).collect();
    let resources = one.changes.iter().filter_map(|one| one.resource.as_deref());
    let resources: BTreeSet<&str> = resources.collect();
    let about = first.resource.as_deref().unwrap_or("the policy itself");
    let what = format!(
        "the policy of entry {} protects less{}: {} ({} resources); first {about}: {} was {}, and is {}",
        one.entry,
        if one.is_approved {
            ", and was approved"
        } else {
            ", and nobody approved it"
        },
        aspects.into_iter().collect::<Vec<_>>().join(", "),
        resources.len(),
        first.aspect,
        first.old,
        first.new
    );
    // What enough people agreed to is known, and stays to be seen for a month.
    let severity = if one.is_approved {
        Severity::Note
    } else {
        Severity::Serious
    };
    Some(
        Finding::new("protection-reduced", Scope::Fleet, severity, what)
            .about(&one.entry.to_string())
            .for_business("A change of the rules protects less than before.")
            .next("Look whether it was meant (sr-policy diff), and have it approved, or take it back.")
            .because([one.entry])
            .since(Moment::utc(one.at)),
    )
}

/// A change of a month ago was looked at, or is in force.
const RECENT_SECONDS: i64 = 30 * 86_400;
