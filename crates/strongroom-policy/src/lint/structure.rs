//! Rules, exemptions and dependencies: whether they are about anything.

use std::collections::{BTreeMap, BTreeSet};

use super::{Case, Lint, Severity};
use crate::key::{Key, Sense, sections};
use crate::period::Period;
use crate::resolve::Source;

pub(super) fn look(lint: &mut Lint<'_>) {
    let policy = lint.policy;
    for (path, named, name) in policy.dangling() {
        let message = format!("there is no {} {name:?}", named.as_str());
        lint.add(Severity::Error, "undefined", path, message);
    }
    rules(lint);
    bounds(lint);
    exemptions(lint);
    if !policy.resources.is_empty() {
        duties(lint);
    }
}

fn rules(lint: &mut Lint<'_>) {
    let policy = lint.policy;
    let mut names = BTreeSet::new();
    for rule in &policy.rules {
        let path = format!("rule.{}", rule.name);
        if !names.insert(rule.name.as_str()) {
            lint.add(
                Severity::Error,
                "rule-twice",
                &*path,
                "another rule has this name",
            );
        }
        if rule.layer.settings.is_empty() {
            lint.add(Severity::Warning, "rule-empty", &*path, "sets nothing");
        }
        let mut about = policy
            .resources
            .values()
            .filter(|one| rule.is_about(one))
            .peekable();
        if about.peek().is_none() {
            let message = format!("selects no resource ({})", rule.matches);
            lint.add(Severity::Warning, "rule-matches-nothing", path, message);
            continue;
        }
        let own = Source::Rule(rule.name.clone());
        let counts = about.any(|resource| {
            let resolved = policy.resolve(resource);
            let mut settings = resolved.iter();
            settings.any(|(_, setting)| setting.from.source == own)
        });
        if !counts && !rule.layer.settings.is_empty() {
            let message = "is overruled by others in everything it sets";
            lint.add(Severity::Warning, "rule-overruled", path, message)
                .hint("the last rule that is about a resource counts");
        }
    }
    for (name, one) in &policy.requirements {
        if !policy.resources.is_empty() && !policy.resources.values().any(|r| one.is_about(r)) {
            let path = format!("requirement.{name}");
            let message = format!("selects no resource ({})", one.matches);
            lint.add(
                Severity::Warning,
                "requirement-matches-nothing",
                path,
                message,
            );
        }
    }
}

/// A bound for a setting of which no value is stronger than another asks for nothing.
fn bounds(lint: &mut Lint<'_>) {
    let policy = lint.policy;
    for (name, one) in &policy.requirements {
        if one.bounds.is_empty() {
            let path = format!("requirement.{name}");
            lint.add(
                Severity::Error,
                "requirement-empty",
                path,
                "asks for nothing",
            );
        }
        let neutral = one
            .bounds
            .iter()
            .filter(|(key, _)| key.spec().sense == Sense::Neutral);
        for (key, _) in neutral {
            let path = format!("requirement.{name}.{key}");
            let message = "no value of this is stronger than another, so it asks for nothing";
            lint.add(Severity::Error, "bound-without-order", path, message);
        }
    }
}

fn exemptions(lint: &mut Lint<'_>) {
    let policy = lint.policy;
    for (name, one) in &policy.exemptions {
        let path = format!("exemption.{name}");
        if one.until <= lint.today {
            let message = format!("was over on {}", one.until);
            lint.add(
                Severity::Error,
                "exemption-over",
                format!("{path}.until"),
                message,
            )
            .hint("mend what it was about, or decide anew");
        } else if one.until > lint.today.plus(Period::months(12)) {
            let message = "holds for more than a year";
            lint.add(
                Severity::Warning,
                "exemption-long",
                format!("{path}.until"),
                message,
            );
        }
        for from in &one.from {
            let known = from == "all"
                || sections().contains(&from.as_str())
                || policy.requirements.contains_key(from);
            if !known {
                let message = format!("{from:?} is neither a section nor a requirement");
                lint.add(
                    Severity::Error,
                    "exemption-unknown",
                    format!("{path}.from"),
                    message,
                );
            }
        }
        let selects = |r| one.matches.selects(r) && !one.except.selects(r);
        if !policy.resources.values().any(selects) && !policy.resources.is_empty() {
            lint.add(
                Severity::Note,
                "exemption-unused",
                path,
                "is about no resource",
            );
        }
    }
}

/// Work that somebody must do in every organisation, and that nobody is asked to do here.
fn duties(lint: &mut Lint<'_>) {
    let policy = lint.policy;
    for (kind, what) in [
        ("review", "reviews the status of the backups"),
        ("audit", "audits the backups"),
        ("access-review", "looks through who can do what"),
        ("training", "is trained"),
    ] {
        if !policy.obligations.values().any(|one| one.kind == kind) {
            let message = format!("nobody {what}");
            lint.add(Severity::Note, "obligation-missing", "", message)
                .hint("add an [obligation.NAME]");
        }
    }
    for (name, one) in &policy.obligations {
        if one.every.is_zero() {
            let path = format!("obligation.{name}.every");
            lint.add(
                Severity::Error,
                "obligation-never",
                path,
                "is due after no time at all",
            );
        }
    }
}

/// Looks at resources together.
pub(super) fn look_at_all(lint: &mut Lint<'_>, cases: &[Case<'_>]) {
    let by_id: BTreeMap<&str, &Case<'_>> = cases
        .iter()
        .map(|case| (case.resource.id.as_str(), case))
        .collect();
    for case in cases {
        dependencies(lint, case, &by_id);
    }
    groups(lint, cases);
    if let Err(cycle) = lint.policy.restore_order() {
        let message = format!("they need each other: {}", cycle.join(", "));
        lint.add(Severity::Error, "dependency-cycle", "", message);
    }
}

fn dependencies(lint: &mut Lint<'_>, case: &Case<'_>, by_id: &BTreeMap<&str, &Case<'_>>) {
    let path = format!("resource.{}.depends_on", case.resource.id);
    for id in &case.resource.depends_on {
        let Some(needed) = by_id.get(id.as_str()) else {
            let message = format!("needs {id}, which is not protected");
            lint.about(
                case,
                "objectives",
                Severity::Error,
                "dependency-unprotected",
                path.clone(),
                message,
            );
            continue;
        };
        let rto = |case: &Case<'_>| case.resolved.period(Key::Rto);
        if let (Some(own), Some(other)) = (rto(case), rto(needed))
            && other > own
        {
            let message = format!("must work within {own}, and needs {id}, which may take {other}");
            lint.about(
                case,
                "objectives",
                Severity::Error,
                "dependency-rto",
                path.clone(),
                message,
            );
        }
        if needed.resource.criticality < case.resource.criticality {
            let message = format!(
                "is {}, and needs {id}, which is {}",
                case.resource.criticality, needed.resource.criticality
            );
            lint.about(
                case,
                "objectives",
                Severity::Warning,
                "dependency-criticality",
                path.clone(),
                message,
            );
        }
    }
}

fn groups(lint: &mut Lint<'_>, cases: &[Case<'_>]) {
    let mut groups: BTreeMap<&str, Vec<&Case<'_>>> = BTreeMap::new();
    for case in cases {
        if let Some(group) = &case.resource.group {
            groups.entry(group).or_default().push(case);
        }
    }
    for (group, members) in groups {
        let when = |case: &Case<'_>| {
            let resolved = &case.resolved;
            (
                resolved.get(Key::When).cloned(),
                resolved.zone().to_string(),
            )
        };
        let Some(first) = members.first() else {
            continue;
        };
        for other in members
            .iter()
            .skip(1)
            .filter(|other| when(other) != when(first))
        {
            let path = other.path(Key::When);
            let message = format!(
                "must be captured together with {} ({group}), and is due at other times",
                first.resource.id
            );
            lint.about(
                other,
                "schedule",
                Severity::Error,
                "group-differs",
                path,
                message,
            );
        }
    }
}
