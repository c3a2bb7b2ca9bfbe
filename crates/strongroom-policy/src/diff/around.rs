//! What changes around a resource: who is told, what is required, and what it is freed of.

use std::collections::{BTreeMap, BTreeSet};

use super::{Changes, shown};
use crate::compare::{Direction, compare as compare_values};
use crate::date::Date;
use crate::key::{Key, sections};
use crate::people::Escalation;
use crate::period::Period;
use crate::policy::Policy;
use crate::resolve::Resolved;
use crate::resource::Resource;
use crate::value::Value;

/// Everybody who was told must be told, as soon, as often and in as many hours.
pub(super) fn escalation(changes: &mut Changes<'_>, id: &str, old: &Resolved, new: &Resolved) {
    let told = |policy: &Policy, resolved: &Resolved| {
        let mut told: BTreeMap<String, Period> = BTreeMap::new();
        let escalation = policy
            .escalations
            .get(resolved.text(Key::Escalation).unwrap_or_default());
        for step in escalation.into_iter().flat_map(|one| &one.steps) {
            let reached = step
                .notify
                .iter()
                .filter(|name| policy.reaches_somebody(name));
            for name in reached {
                let earliest = told.entry(name.clone()).or_insert(step.after);
                *earliest = step.after.min(*earliest);
            }
        }
        (told, escalation.cloned())
    };
    let (was_told, was) = told(changes.old, old);
    let (is_told, is) = told(changes.new, new);
    let later: Vec<&str> = was_told
        .iter()
        .filter(|(name, after)| is_told.get(*name).is_none_or(|new| new > after))
        .map(|(name, _)| name.as_str())
        .collect();
    let text = |told: &BTreeMap<String, Period>| {
        let mut steps: Vec<_> = told.iter().map(|(name, after)| (*after, name)).collect();
        steps.sort();
        let steps: Vec<String> = steps
            .iter()
            .map(|(after, name)| format!("{name} after {after}"))
            .collect();
        if steps.is_empty() {
            "nobody".to_owned()
        } else {
            steps.join(", ")
        }
    };
    if was_told != is_told {
        let weaker = !later.is_empty();
        let direction = if weaker {
            Direction::Weaker
        } else {
            Direction::Stronger
        };
        let change = changes.add(
            direction,
            Some(id),
            "escalation",
            text(&was_told),
            text(&is_told),
        );
        change.meaning = weaker.then(|| format!("later or never told: {}", later.join(", ")));
    }
    repeats(changes, id, was.as_ref(), is.as_ref());
    quiet_hours(changes, id, was.as_ref(), is.as_ref());
}

fn repeats(changes: &mut Changes<'_>, id: &str, was: Option<&Escalation>, is: Option<&Escalation>) {
    let repeat = |one: Option<&Escalation>| one.and_then(|one| one.repeat);
    let (was_repeat, is_repeat) = (repeat(was), repeat(is));
    if was_repeat != is_repeat {
        let seconds = |one: Option<Period>| one.map_or(u64::MAX, Period::mean_seconds);
        let weaker = seconds(is_repeat) > seconds(was_repeat);
        let direction = if weaker {
            Direction::Weaker
        } else {
            Direction::Stronger
        };
        let (old, new) = (shown(was_repeat, "never"), shown(is_repeat, "never"));
        changes.add(direction, Some(id), "escalation repeats", old, new);
    }
}

fn quiet_hours(
    changes: &mut Changes<'_>,
    id: &str,
    was: Option<&Escalation>,
    is: Option<&Escalation>,
) {
    let quiet = |one: Option<&Escalation>| {
        let hours = one.map(|one| {
            one.quiet_hours
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
        });
        let days = one.map(|one| {
            one.holidays
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
        });
        let all: BTreeSet<String> = hours.into_iter().chain(days).flatten().collect();
        all
    };
    let (was_quiet, is_quiet) = (quiet(was), quiet(is));
    if was_quiet != is_quiet {
        let weaker = !is_quiet.is_subset(&was_quiet);
        let direction = if weaker {
            Direction::Weaker
        } else {
            Direction::Stronger
        };
        let text = |set: &BTreeSet<String>| match set.is_empty() {
            true => "none".to_owned(),
            false => set.iter().cloned().collect::<Vec<_>>().join(", "),
        };
        changes.add(
            direction,
            Some(id),
            "escalation quiet hours",
            text(&was_quiet),
            text(&is_quiet),
        );
    }
}

/// A bound that was required must be required still.
pub(super) fn bounds(changes: &mut Changes<'_>, before: &Resource, after: &Resource) {
    let (old, new) = (changes.old, changes.new);
    let about = new.requirements.values().filter(|one| one.is_about(after));
    let new_bounds: Vec<(Key, &Value)> = about.flat_map(|one| one.bounds.iter()).collect();
    for (name, one) in old
        .requirements
        .iter()
        .filter(|(_, one)| one.is_about(before))
    {
        for (key, bound) in one.bounds.iter() {
            let as_strong = |(new_key, new_bound): &(Key, &Value)| {
                *new_key == key
                    && compare_values(key, Some(bound), Some(new_bound)) != Some(Direction::Weaker)
            };
            if !new_bounds.iter().any(as_strong) {
                let same_key = new_bounds.iter().filter(|(new_key, _)| *new_key == key);
                let kept: Vec<String> = same_key.map(|(_, bound)| bound.to_string()).collect();
                let is = if kept.is_empty() {
                    "not required".to_owned()
                } else {
                    kept.join(", ")
                };
                let aspect = format!("requirement {name} of {key}");
                changes.add(
                    Direction::Weaker,
                    Some(&after.id),
                    aspect,
                    bound.to_string(),
                    is,
                );
            }
        }
    }
}

/// What a resource is freed of, and until when.
pub(super) fn exemptions(changes: &mut Changes<'_>, before: &Resource, after: &Resource) {
    let (old, new, today) = (changes.old, changes.new, changes.today);
    let all = old.requirements.keys().chain(new.requirements.keys());
    let names: BTreeSet<&str> = all.map(String::as_str).chain(sections()).collect();
    let until = |policy: &Policy, resource: &Resource, name: &str| {
        let exemptions = policy.exemptions.values();
        let holding = exemptions.filter(|one| one.frees(resource, name, today));
        holding.map(|one| one.until).max()
    };
    let mut freed: BTreeMap<(Option<Date>, Option<Date>), Vec<&str>> = BTreeMap::new();
    for name in names {
        let (was, is) = (until(old, before, name), until(new, after, name));
        if was != is {
            freed.entry((was, is)).or_default().push(name);
        }
    }
    for ((was, is), names) in freed {
        let direction = if is > was {
            Direction::Weaker
        } else {
            Direction::Stronger
        };
        let text = |date: Option<Date>| {
            date.map_or("not exempt".to_owned(), |date| {
                format!("exempt until {date}")
            })
        };
        let change = changes.add(direction, Some(&after.id), "exemption", text(was), text(is));
        change.meaning = Some(format!("from {}", names.join(", ")));
    }
}
