//! What changes for one resource.

use std::collections::BTreeSet;

use super::{Changes, around, shown};
use crate::compare::{Direction, compare as compare_values, lost_rules, widened};
use crate::date::Date;
use crate::key::Key;
use crate::period::Period;
use crate::policy::Policy;
use crate::protection::Protection;
use crate::resolve::Resolved;
use crate::resource::Resource;
use crate::value::Value;

pub(super) fn compare(
    changes: &mut Changes<'_>,
    id: &str,
    before: Option<&Resource>,
    after: Option<&Resource>,
) {
    let side = |policy: &Policy, resource: Option<&Resource>| {
        resource.map(|resource| {
            let resolved = policy.resolve(resource);
            let protection = policy.protection_of(resource, &resolved, &changes.year);
            (resolved, protection)
        })
    };
    let (old, new) = (side(changes.old, before), side(changes.new, after));
    match (before.zip(old), after.zip(new)) {
        (Some((before, old)), Some((after, new))) => {
            facts(changes, before, after);
            settings(changes, id, &old.0, &new.0);
            derived(changes, id, &old.1, &new.1);
            around::escalation(changes, id, &old.0, &new.0);
            around::bounds(changes, before, after);
            around::exemptions(changes, before, after);
        }
        (Some((_, old)), None) if old.1.is_covered => {
            changes.add(
                Direction::Weaker,
                Some(id),
                "resource",
                "protected",
                "not in the policy",
            );
        }
        (Some(_), None) => {
            changes.add(
                Direction::Different,
                Some(id),
                "resource",
                "not protected",
                "not in the policy",
            );
        }
        (None, Some((_, new))) => {
            let now = if new.1.is_covered {
                "protected"
            } else {
                "not protected"
            };
            let direction = if new.1.is_covered {
                Direction::Stronger
            } else {
                Direction::Different
            };
            changes.add(direction, Some(id), "resource", "not in the policy", now);
        }
        (None, None) => {}
    }
}

/// What the resource itself says.
fn facts(changes: &mut Changes<'_>, before: &Resource, after: &Resource) {
    let id = Some(after.id.as_str());
    if before.criticality != after.criticality {
        let direction = if after.criticality < before.criticality {
            Direction::Weaker
        } else {
            Direction::Stronger
        };
        changes.add(
            direction,
            id,
            "criticality",
            before.criticality.as_str(),
            after.criticality.as_str(),
        );
    }
    if before.class != after.class {
        let (old, new) = (
            shown(before.class.as_ref(), "none"),
            shown(after.class.as_ref(), "none"),
        );
        changes.add(Direction::Different, id, "class", old, new);
    }
    paths(changes, before, after);
    if before.command != after.command {
        changes.add(
            Direction::Different,
            id,
            "command",
            before.command.join(" "),
            after.command.join(" "),
        );
    }
    if before.group != after.group {
        let direction = if before.group.is_some() {
            Direction::Weaker
        } else {
            Direction::Stronger
        };
        let (old, new) = (
            shown(before.group.as_ref(), "none"),
            shown(after.group.as_ref(), "none"),
        );
        changes.add(direction, id, "group", old, new);
    }
    let day = |date: Option<Date>| shown(date, "never");
    if before.retired != after.retired {
        let earlier = after
            .retired
            .is_some_and(|new| before.retired.is_none_or(|old| new < old));
        let direction = if earlier {
            Direction::Weaker
        } else {
            Direction::Stronger
        };
        changes.add(
            direction,
            id,
            "retired",
            day(before.retired),
            day(after.retired),
        );
    }
}

fn paths(changes: &mut Changes<'_>, before: &Resource, after: &Resource) {
    let id = Some(after.id.as_str());
    let covered = |path: &&String| {
        after.paths.iter().any(|kept| {
            let directory = kept.trim_end_matches('/');
            *kept == **path
                || path
                    .strip_prefix(directory)
                    .is_some_and(|rest| rest.starts_with('/'))
        })
    };
    let gone: Vec<&str> = before
        .paths
        .iter()
        .filter(|path| !covered(path))
        .map(String::as_str)
        .collect();
    // A resource without paths is one as a whole, and says nothing about them.
    if !gone.is_empty() && (!after.paths.is_empty() || after.command.is_empty()) {
        let new = if after.paths.is_empty() {
            "none".to_owned()
        } else {
            after.paths.join(", ")
        };
        let change = changes.add(Direction::Weaker, id, "paths", before.paths.join(", "), new);
        change.meaning = Some(format!("no longer {}", gone.join(", ")));
    } else if before.paths != after.paths {
        changes.add(
            Direction::Different,
            id,
            "paths",
            before.paths.join(", "),
            after.paths.join(", "),
        );
    }
}

fn settings(changes: &mut Changes<'_>, id: &str, old: &Resolved, new: &Resolved) {
    for key in Key::ALL {
        let (was, is) = (old.setting(*key), new.setting(*key));
        let (old_value, new_value) = (was.map(|one| &one.value), is.map(|one| &one.value));
        let Some(direction) = compare_values(*key, old_value, new_value) else {
            continue;
        };
        let text = |value: Option<&Value>| shown(value, "not set");
        let change = changes.add(
            direction,
            Some(id),
            key.as_str(),
            text(old_value),
            text(new_value),
        );
        change.was_from = was.map(|one| one.from.clone());
        change.from = is.map(|one| one.from.clone());
        change.meaning = match (key, direction) {
            (Key::Keep, Direction::Weaker) => {
                let empty = strongroom_retain::KeepRules::new();
                let (old, new) = (old.keep().unwrap_or(&empty), new.keep().unwrap_or(&empty));
                let lost = lost_rules(old, new).join(", ");
                Some(format!("nothing keeps all that {lost} kept"))
            }
            (Key::Exclude, Direction::Weaker) => {
                let wider = widened(old.excludes(), new.excludes()).join(", ");
                Some(format!("newly leaves out {wider}"))
            }
            _ => None,
        };
    }
}

/// What settings, repositories and people come to.
fn derived(changes: &mut Changes<'_>, id: &str, old: &Protection, new: &Protection) {
    let id = Some(id);
    if old.is_covered != new.is_covered {
        let word = |is: bool| if is { "protected" } else { "not protected" };
        let direction = if old.is_covered {
            Direction::Weaker
        } else {
            Direction::Stronger
        };
        changes.add(
            direction,
            id,
            "resource",
            word(old.is_covered),
            word(new.is_covered),
        );
    }
    if let (Some(was), Some(is)) = (old.gaps, new.gaps) {
        // An hour more or less once a year, when clocks are changed, is no other frequency.
        let rarer = is.mean > was.mean || is.longest > was.longest.plus(Period::hours(1));
        let oftener = is.mean < was.mean && is.longest <= was.longest.plus(Period::hours(1));
        if rarer || oftener {
            let direction = if rarer {
                Direction::Weaker
            } else {
                Direction::Stronger
            };
            let text = |gaps: crate::Gaps| format!("every {}, at most {}", gaps.mean, gaps.longest);
            changes.add(direction, id, "frequency", text(was), text(is));
        }
    }
    for (aspect, was, is) in [
        ("copies", old.copies, new.copies),
        ("copies on media", old.media, new.media),
        ("copies at other sites", old.offsite, new.offsite),
        (
            "copies that nobody can change",
            old.immutable,
            new.immutable,
        ),
        ("copies out of reach", old.separate, new.separate),
    ] {
        number(changes, id, aspect, was, is);
    }
    let plain = |one: &Protection| (one.copies - 1).saturating_sub(one.encrypted);
    if plain(old) != plain(new) {
        let direction = if plain(new) > plain(old) {
            Direction::Weaker
        } else {
            Direction::Stronger
        };
        changes.add(
            direction,
            id,
            "copies not encrypted",
            plain(old).to_string(),
            plain(new).to_string(),
        );
    }
    places_and_times(changes, id, old, new);
}

/// Regions, locks, and how far back one can go.
fn places_and_times(
    changes: &mut Changes<'_>,
    id: Option<&str>,
    old: &Protection,
    new: &Protection,
) {
    if old.regions != new.regions {
        let text = |regions: &BTreeSet<String>| {
            let regions: Vec<&str> = regions.iter().map(String::as_str).collect();
            regions.join(", ")
        };
        changes.add(
            Direction::Different,
            id,
            "regions of copies",
            text(&old.regions),
            text(&new.regions),
        );
    }
    let lock = |one: &Protection| (one.lock, one.locked_for.unwrap_or_default());
    if lock(old) != lock(new) {
        let weaker = new.lock < old.lock || lock(new).1 < lock(old).1;
        let direction = if weaker {
            Direction::Weaker
        } else {
            Direction::Stronger
        };
        let text = |one: &Protection| format!("{} for {}", one.lock, lock(one).1);
        changes.add(direction, id, "lock", text(old), text(new));
    }
    let history = |one: &Protection| one.history.map_or(u64::MAX, Period::mean_seconds);
    if old.history != new.history {
        let direction = if history(new) < history(old) {
            Direction::Weaker
        } else {
            Direction::Stronger
        };
        let text = |one: &Protection| shown(one.history, "for ever");
        changes.add(direction, id, "history", text(old), text(new));
    }
}

fn number(changes: &mut Changes<'_>, id: Option<&str>, aspect: &str, old: u64, new: u64) {
    if old != new {
        let direction = if new < old {
            Direction::Weaker
        } else {
            Direction::Stronger
        };
        changes.add(direction, id, aspect, old.to_string(), new.to_string());
    }
}
