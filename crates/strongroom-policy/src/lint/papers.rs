//! Owners, reasons and dates of review.

use super::{Lint, Severity};
use crate::date::Date;
use crate::period::Period;

pub(super) fn look(lint: &mut Lint<'_>) {
    let policy = lint.policy;
    review(lint, "", "the policy", policy.review_by, true);
    paper(lint, "", "the policy", &policy.owner, &policy.reason);
    if policy.defaults != crate::policy::Layer::default() {
        layer(lint, "defaults".into(), "the defaults", &policy.defaults);
    }
    for (level, one) in &policy.criticality {
        layer(
            lint,
            format!("criticality.{level}"),
            "this criticality",
            one,
        );
    }
    for (name, one) in &policy.classes {
        layer(lint, format!("class.{name}"), "this class", &one.layer);
    }
    for one in &policy.rules {
        layer(lint, format!("rule.{}", one.name), "this rule", &one.layer);
    }
    for (name, one) in &policy.repositories {
        let path = format!("repository.{name}");
        paper(lint, &path, "this repository", &one.owner, &one.reason);
        review(lint, &path, "this repository", one.review_by, false);
    }
    for (name, one) in &policy.escalations {
        let path = format!("escalation.{name}");
        paper(lint, &path, "this escalation", &one.owner, &one.reason);
        review(lint, &path, "this escalation", one.review_by, false);
    }
    for (name, one) in &policy.requirements {
        let path = format!("requirement.{name}");
        paper(lint, &path, "this requirement", &one.owner, &one.reason);
        review(lint, &path, "this requirement", one.review_by, false);
        if one.basis.is_none() {
            let message = "does not say where it is written";
            lint.add(Severity::Note, "basis-missing", path, message);
        }
    }
    for (name, one) in &policy.exemptions {
        let path = format!("exemption.{name}");
        paper(lint, &path, "this exemption", &one.owner, &one.reason);
    }
    for (name, one) in &policy.obligations {
        let path = format!("obligation.{name}");
        paper(lint, &path, "this obligation", &one.owner, &one.reason);
    }
    for (id, one) in &policy.resources {
        let path = format!("resource.{id}");
        owner(lint, &path, "this resource", &one.owner);
        if !one.settings.is_empty() {
            reason(
                lint,
                &path,
                "this resource with settings of its own",
                &one.reason,
            );
        }
    }
}

fn layer(lint: &mut Lint<'_>, path: String, what: &str, layer: &crate::policy::Layer) {
    paper(lint, &path, what, &layer.owner, &layer.reason);
    review(lint, &path, what, layer.review_by, false);
}

fn paper(lint: &mut Lint<'_>, path: &str, what: &str, owner_name: &str, text: &str) {
    owner(lint, path, what, owner_name);
    reason(lint, path, what, text);
}

fn owner(lint: &mut Lint<'_>, path: &str, what: &str, name: &str) {
    if name.trim().is_empty() {
        let message = format!("nobody answers for {what}");
        lint.add(Severity::Error, "owner-missing", path, message)
            .hint("add owner = \"…\"");
    } else if !lint.policy.contacts.is_empty() && !lint.policy.contacts.contains_key(name) {
        let message = format!("the owner {name:?} is no contact");
        lint.add(
            Severity::Warning,
            "owner-unknown",
            format!("{path}.owner"),
            message,
        )
        .hint("define who that is, so that they can be told");
    }
}

fn reason(lint: &mut Lint<'_>, path: &str, what: &str, text: &str) {
    let words = text.split_whitespace().count();
    let placeholder = ["todo", "tbd", "fixme", "xxx"];
    let lower = text.to_lowercase();
    if words == 0 {
        let message = format!("nothing says why there is {what}");
        lint.add(Severity::Error, "reason-missing", path, message)
            .hint("add reason = \"…\": who reads it must know what is lost without it");
    } else if words < 3 || placeholder.iter().any(|word| lower.contains(word)) {
        let message = format!("{text:?} is hardly a reason");
        lint.add(
            Severity::Warning,
            "reason-thin",
            format!("{path}.reason"),
            message,
        );
    }
}

fn review(lint: &mut Lint<'_>, path: &str, what: &str, by: Option<Date>, must: bool) {
    match by {
        None if must => {
            let message = format!("no day is set on which {what} is reviewed");
            lint.add(Severity::Error, "review-missing", path, message)
                .hint("add review_by = 2027-06-30");
        }
        Some(day) if day < lint.today => {
            let message = format!("the review of {what} was due on {day}");
            lint.add(
                Severity::Error,
                "review-overdue",
                dotted(path, "review_by"),
                message,
            );
        }
        Some(day) if day > lint.today.plus(Period::months(24)) => {
            let message = format!("the review of {what} is more than two years away");
            lint.add(
                Severity::Warning,
                "review-far",
                dotted(path, "review_by"),
                message,
            );
        }
        _ => {}
    }
}

fn dotted(path: &str, field: &str) -> String {
    if path.is_empty() {
        field.to_owned()
    } else {
        format!("{path}.{field}")
    }
}
