//! Who is told, and who decides.

use std::collections::BTreeSet;

use super::{Lint, Severity};
use crate::key::Key;
use crate::people::Escalation;
use crate::policy::Policy;
use crate::value::Value;

pub(super) fn look(lint: &mut Lint<'_>) {
    contacts(lint);
    let policy = lint.policy;
    for (name, one) in &policy.escalations {
        escalation(lint, name, one);
    }
    approval(lint);
}

fn contacts(lint: &mut Lint<'_>) {
    let policy = lint.policy;
    for (name, one) in &policy.contacts {
        let path = format!("contact.{name}");
        if one.address.is_none() && !policy.chain(name).any(|one| one.address.is_some()) {
            let message = "cannot be reached: it has no address, nor has a deputy";
            lint.add(Severity::Error, "contact-unreachable", &*path, message);
        }
        if one.deputy.as_deref() == Some(name) {
            let message = "stands in for itself";
            let path = format!("{path}.deputy");
            lint.add(Severity::Error, "deputy-self", path, message);
        }
        if one.kind == "person" && one.deputy.is_none() && is_told(policy, name) {
            let message = "is a person whom somebody relies on, and has no deputy";
            lint.add(Severity::Warning, "deputy-missing", path, message);
        }
    }
}

fn is_told(policy: &Policy, name: &str) -> bool {
    let mut steps = policy.escalations.values().flat_map(|one| &one.steps);
    steps.any(|step| step.notify.contains(name) && step.notify.len() == 1)
}

fn escalation(lint: &mut Lint<'_>, name: &str, one: &Escalation) {
    let policy = lint.policy;
    let path = format!("escalation.{name}");
    let human = |told: &BTreeSet<String>| told.iter().any(|name| policy.reaches_somebody(name));
    if !one.steps.iter().any(|step| human(&step.notify)) {
        let message = "reaches nobody who could act";
        lint.add(Severity::Error, "escalation-dead-end", &*path, message)
            .hint("let a step notify a person, a role or a team with an address");
    } else if one.repeat.is_none() {
        let message = "ends after its last step, whether somebody has answered or not";
        lint.add(Severity::Error, "escalation-dead-end", &*path, message)
            .hint("add repeat = \"1h\"");
    } else if one.steps.last().is_some_and(|step| !human(&step.notify)) {
        let message = "its last step reaches nobody who could act";
        lint.add(Severity::Warning, "escalation-last-step", &*path, message);
    }
    if !one.steps.is_sorted_by_key(|step| step.after) {
        let message = "its steps are not in the order of their times";
        lint.add(
            Severity::Error,
            "escalation-order",
            format!("{path}.steps"),
            message,
        );
    }
    if one.steps.iter().any(|step| step.notify.is_empty()) {
        let message = "a step notifies nobody";
        lint.add(
            Severity::Error,
            "escalation-empty-step",
            format!("{path}.steps"),
            message,
        );
    }
    if let (Some(repeat), Some(last)) = (one.repeat, one.steps.last())
        && repeat <= last.after
    {
        let message = "begins anew before its last step is taken";
        lint.add(
            Severity::Error,
            "escalation-repeat",
            format!("{path}.repeat"),
            message,
        )
        .hint(format!("repeat after more than {}", last.after));
    }
    let is_named = policy.parts().iter().any(|(_, _, fields)| {
        fields.settings.get(Key::Escalation) == Some(&Value::Text(name.to_owned()))
    });
    if !is_named {
        lint.add(
            Severity::Note,
            "escalation-unused",
            path,
            "no setting names it",
        );
    }
}

fn approval(lint: &mut Lint<'_>) {
    let policy = lint.policy;
    let approval = &policy.approval;
    let people = policy
        .contacts
        .values()
        .filter(|one| one.kind == "person" || one.kind == "role");
    let people = u64::try_from(people.count()).unwrap_or(u64::MAX);
    let wanted = approval.quorum.max(approval.weakening_quorum);
    if wanted == 0 {
        let message = "nobody need agree to this policy";
        lint.add(Severity::Warning, "approval-missing", "approval", message)
            .hint("add [approval] with quorum = 2");
    } else if wanted > people && !policy.contacts.is_empty() {
        let message = format!("{wanted} people must agree, and {people} are known");
        lint.add(
            Severity::Error,
            "quorum-impossible",
            "approval.quorum",
            message,
        );
    }
    for role in &approval.roles {
        if !policy.contacts.values().any(|one| one.roles.contains(role)) {
            let message = format!("nobody has the role {role:?}, which must agree");
            lint.add(Severity::Error, "role-vacant", "approval.roles", message);
        }
    }
    if approval.quorum == 1 && approval.weakening_quorum <= 1 {
        let message = "one person alone can weaken this policy";
        lint.add(Severity::Warning, "one-person", "approval", message)
            .hint("add weakening_quorum = 2");
    }
}
