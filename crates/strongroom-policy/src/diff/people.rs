//! What changes for those who decide, review and work, and for the places.

use std::collections::BTreeSet;

use super::{Changes, shown};
use crate::compare::Direction;
use crate::date::Date;
use crate::duty::Obligation;
use crate::period::Period;
use crate::policy::Policy;

pub(super) fn compare(changes: &mut Changes<'_>) {
    approval(changes);
    obligations(changes);
    reviews(changes);
    repositories(changes);
}

fn approval(changes: &mut Changes<'_>) {
    let (old, new) = (&changes.old.approval, &changes.new.approval);
    let quorums = [
        ("approval.quorum", old.quorum, new.quorum),
        (
            "approval.weakening_quorum",
            old.weakening_quorum.max(old.quorum),
            new.weakening_quorum.max(new.quorum),
        ),
    ];
    let (roles, expires) = ((&old.roles, &new.roles), (old.expires, new.expires));
    for (aspect, was, is) in quorums {
        if was != is {
            let direction = toward(is < was);
            changes.add(direction, None, aspect, was.to_string(), is.to_string());
        }
    }
    if roles.0 != roles.1 {
        let direction = toward(!roles.1.is_superset(roles.0));
        changes.add(
            direction,
            None,
            "approval.roles",
            words(roles.0),
            words(roles.1),
        );
    }
    if expires.0 != expires.1 {
        let seconds = |one: Option<Period>| one.map_or(u64::MAX, Period::mean_seconds);
        let direction = toward(seconds(expires.1) > seconds(expires.0));
        let (was, is) = (shown(expires.0, "never"), shown(expires.1, "never"));
        changes.add(direction, None, "approval.expires", was, is);
    }
    let reachable = |policy: &Policy| -> BTreeSet<String> {
        let names = policy.contacts.keys();
        names
            .filter(|name| policy.reaches_somebody(name))
            .cloned()
            .collect()
    };
    let (was, is) = (reachable(changes.old), reachable(changes.new));
    for name in was.difference(&is) {
        let now = if changes.new.contacts.contains_key(name) {
            "cannot be reached"
        } else {
            "no contact"
        };
        changes.add(
            Direction::Different,
            None,
            format!("contact.{name}"),
            "can be reached",
            now,
        );
    }
}

fn obligations(changes: &mut Changes<'_>) {
    let (old, new) = (changes.old, changes.new);
    for (name, was) in &old.obligations {
        let aspect = format!("obligation.{name}");
        match new.obligations.get(name) {
            None => {
                let text = format!("every {}", was.every);
                changes.add(
                    Direction::Weaker,
                    None,
                    aspect,
                    text,
                    "not asked of anybody",
                );
            }
            Some(is) => obligation(changes, &aspect, was, is),
        }
    }
    for (name, is) in &new.obligations {
        if !old.obligations.contains_key(name) {
            let text = format!("every {}", is.every);
            changes.add(
                Direction::Stronger,
                None,
                format!("obligation.{name}"),
                "not asked of anybody",
                text,
            );
        }
    }
}

fn obligation(changes: &mut Changes<'_>, aspect: &str, was: &Obligation, is: &Obligation) {
    if was.every != is.every {
        let direction = toward(is.every > was.every);
        changes.add(
            direction,
            None,
            format!("{aspect}.every"),
            was.every.to_string(),
            is.every.to_string(),
        );
    }
    if was.grace != is.grace {
        let direction = toward(is.grace > was.grace);
        let (old, new) = (shown(was.grace, "none"), shown(is.grace, "none"));
        changes.add(direction, None, format!("{aspect}.grace"), old, new);
    }
    if was.evidence.is_some() && is.evidence.is_none() {
        let old = shown(was.evidence.as_ref(), "none");
        changes.add(
            Direction::Weaker,
            None,
            format!("{aspect}.evidence"),
            old,
            "none",
        );
    }
    if was.roles != is.roles {
        let direction = toward(!is.roles.is_superset(&was.roles));
        changes.add(
            direction,
            None,
            format!("{aspect}.roles"),
            words(&was.roles),
            words(&is.roles),
        );
    }
    if was.kind != is.kind {
        changes.add(
            Direction::Weaker,
            None,
            format!("{aspect}.kind"),
            &*was.kind,
            &*is.kind,
        );
    }
    if let (Some(old), Some(new)) = (was.first, is.first)
        && new > old
    {
        changes.add(
            Direction::Weaker,
            None,
            format!("{aspect}.first"),
            old.to_string(),
            new.to_string(),
        );
    }
}

/// A date of review that is gone; a later one is what a review results in.
fn reviews(changes: &mut Changes<'_>) {
    let dates = |policy: &Policy| -> std::collections::BTreeMap<String, Option<Date>> {
        let parts = policy.parts().into_iter();
        parts
            .map(|(path, _, mut fields)| (path, fields.date("review_by")))
            .collect()
    };
    let (old, new) = (dates(changes.old), dates(changes.new));
    for (path, was) in old {
        let (Some(was), Some(None)) = (was, new.get(&path)) else {
            continue;
        };
        let dot = if path.is_empty() { "" } else { "." };
        changes.add(
            Direction::Weaker,
            None,
            format!("{path}{dot}review_by"),
            was.to_string(),
            "never",
        );
    }
}

/// What a repository promises, and no resource shows.
fn repositories(changes: &mut Changes<'_>) {
    let (old, new) = (changes.old, changes.new);
    for (name, was) in &old.repositories {
        let Some(is) = new.repositories.get(name) else {
            let aspect = format!("repository.{name}");
            changes.add(Direction::Different, None, aspect, "defined", "gone");
            continue;
        };
        if was.append_only != is.append_only {
            let word = |is: bool| if is { "yes" } else { "no" };
            let aspect = format!("repository.{name}.append_only");
            let direction = toward(was.append_only);
            changes.add(
                direction,
                None,
                aspect,
                word(was.append_only),
                word(is.append_only),
            );
        }
        let place = |one: &crate::Repository| {
            let region = one.region.clone().unwrap_or_default();
            format!(
                "{} {} {} {region}",
                one.medium,
                one.provider.clone().unwrap_or_default(),
                one.site
            )
        };
        if place(was) != place(is) || was.url != is.url {
            let aspect = format!("repository.{name}");
            let url = |one: &crate::Repository| {
                format!("{} {}", place(one), one.url.clone().unwrap_or_default())
            };
            changes.add(Direction::Different, None, aspect, url(was), url(is));
        }
    }
}

fn toward(weaker: bool) -> Direction {
    if weaker {
        Direction::Weaker
    } else {
        Direction::Stronger
    }
}

fn words(set: &BTreeSet<String>) -> String {
    if set.is_empty() {
        return "none".to_owned();
    }
    let words: Vec<&str> = set.iter().map(String::as_str).collect();
    words.join(", ")
}
