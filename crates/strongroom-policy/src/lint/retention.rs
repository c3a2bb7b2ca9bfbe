//! What is kept, for how long, and what law and locks make of it.

use super::{Case, Lint, Severity};
use crate::compare::meets;
use crate::key::Key;
use crate::level::Criticality;
use crate::period::Period;
use crate::repository::LockMode;

pub(super) fn look(lint: &mut Lint<'_>, case: &Case<'_>) {
    kept(lint, case);
    locked(lint, case);
    required(lint, case);
}

fn kept(lint: &mut Lint<'_>, case: &Case<'_>) {
    let resolved = &case.resolved;
    let minimum = resolved.period(Key::KeepMinimum);
    let maximum = resolved.period(Key::KeepMaximum);
    let own = format!("resource.{}", case.resource.id);
    if let (Some(minimum), Some(maximum)) = (minimum, maximum)
        && minimum > maximum
    {
        let path = case.path(Key::KeepMinimum);
        let message = format!("everything stays {minimum} and must be gone after {maximum}");
        lint.about(
            case,
            "retention",
            Severity::Error,
            "minimum-over-maximum",
            path,
            message,
        );
    }
    let class = case.resource.class.as_ref();
    let is_personal = class.and_then(|name| lint.policy.classes.get(name));
    if is_personal.is_some_and(|class| class.personal) && maximum.is_none() {
        let message =
            "its data are about people, and nothing says when they must be gone".to_owned();
        let found = lint.about(
            case,
            "retention",
            Severity::Error,
            "personal-without-end",
            own,
            message,
        );
        if let Some(found) = found {
            found.hint("add retention.maximum to its class");
        }
    }
    by_rules(lint, case);
}

fn by_rules(lint: &mut Lint<'_>, case: &Case<'_>) {
    let resolved = &case.resolved;
    let own = format!("resource.{}", case.resource.id);
    let maximum = resolved.period(Key::KeepMaximum);
    let Some(rules) = resolved.keep() else {
        let message = "nothing says what is kept, so everything is".to_owned();
        lint.about(
            case,
            "retention",
            Severity::Warning,
            "retention-missing",
            own,
            message,
        );
        return;
    };
    let mean = case.protection.gaps.map_or(Period::ZERO, |gaps| gaps.mean);
    let reach = crate::protection::reach(rules, mean);
    let path = case.path(Key::Keep);
    if let Some(maximum) = maximum
        && reach.is_none_or(|reach| reach > maximum)
    {
        let message = format!(
            "the rules keep snapshots for longer than {maximum}, after which they must be gone"
        );
        lint.about(
            case,
            "retention",
            Severity::Warning,
            "rules-over-maximum",
            path.clone(),
            message,
        );
    }
    if let Some(history) = case.protection.history
        && case.resource.criticality >= Criticality::High
        && history < Period::days(SHALLOW_DAYS)
    {
        let message = format!(
            "one can go back {history}; what is poisoned slowly is noticed later than that"
        );
        lint.about(
            case,
            "retention",
            Severity::Warning,
            "history-shallow",
            path,
            message,
        );
    }
}

fn locked(lint: &mut Lint<'_>, case: &Case<'_>) {
    let resolved = &case.resolved;
    let mode = resolved.lock();
    let time = resolved.period(Key::LockFor);
    let path = case.path(Key::Lock);
    if mode == LockMode::None {
        if time.is_some_and(|time| !time.is_zero()) {
            let message = "says for how long it is locked, and that it is not".to_owned();
            let path = case.path(Key::LockFor);
            lint.about(
                case,
                "immutability",
                Severity::Error,
                "lock-off",
                path,
                message,
            );
        }
        return;
    }
    let Some(time) = time.filter(|time| !time.is_zero()) else {
        let message = "is locked, and nothing says for how long".to_owned();
        lint.about(
            case,
            "immutability",
            Severity::Error,
            "lock-without-time",
            path,
            message,
        );
        return;
    };
    let repositories = lint.policy.repositories_of(resolved);
    if case.protection.lock < mode {
        let message = format!("no repository that holds it can lock in mode {mode}");
        lint.about(
            case,
            "immutability",
            Severity::Error,
            "lock-unsupported",
            path,
            message,
        );
    } else if repositories
        .iter()
        .all(|(_, one)| !one.separate_credentials)
    {
        let message = "whoever runs what is backed up can reach every copy".to_owned();
        lint.about(
            case,
            "immutability",
            Severity::Note,
            "credentials-shared",
            path,
            message,
        );
    }
    lock_and_time(lint, case, time);
}

fn lock_and_time(lint: &mut Lint<'_>, case: &Case<'_>, time: Period) {
    let resolved = &case.resolved;
    let maximum = resolved.period(Key::KeepMaximum);
    if let Some(maximum) = maximum
        && time > maximum
    {
        let message = format!("what is locked for {time} cannot be gone after {maximum}");
        let path = case.path(Key::LockFor);
        lint.about(
            case,
            "immutability",
            Severity::Error,
            "lock-over-maximum",
            path,
            message,
        );
    }
    if let Some(history) = case.protection.history
        && time > history.plus(resolved.period(Key::Grace).unwrap_or_default())
    {
        let message = format!(
            "what is forgotten after {history} is locked for {time}, and takes space until then"
        );
        let path = case.path(Key::LockFor);
        lint.about(
            case,
            "immutability",
            Severity::Note,
            "lock-outlives-history",
            path,
            message,
        );
    }
}

fn required(lint: &mut Lint<'_>, case: &Case<'_>) {
    let policy = lint.policy;
    for (name, requirement) in &policy.requirements {
        if !requirement.is_about(case.resource) {
            continue;
        }
        for (key, bound) in requirement.bounds.iter() {
            let value = case.resolved.get(key);
            if meets(key, value, bound) {
                continue;
            }
            let path = case.path(key);
            let value = value.map_or_else(|| "not set".to_owned(), ToString::to_string);
            let by = requirement
                .basis
                .as_ref()
                .map_or_else(String::new, |basis| format!(" ({basis})"));
            let message = format!("{key} is {value}, and the requirement {name}{by} wants {bound}");
            lint.about(
                case,
                name,
                Severity::Error,
                "requirement-unmet",
                path,
                message,
            );
        }
    }
}

/// Intruders stay unnoticed for weeks.
const SHALLOW_DAYS: u64 = 28;
