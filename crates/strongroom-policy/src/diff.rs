//! What a new version of a policy changes for what there is, and what of it protects less.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;
use strongroom_retain::Moment;

use crate::compare::Direction;
use crate::date::Date;
use crate::policy::Policy;
use crate::protection::Year;
use crate::resolve::{Origin, Source};
use crate::resource::Resource;
use crate::text::listed;

mod around;
mod people;
mod resources;

/// What a new version of a policy changes, resource by resource.
///
/// Not the texts are compared but what they come to: a default, a class, a selector or a repository
/// that changes shows at each resource that it is about, and a rule that is gone shows at each
/// resource that it was about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Diff {
    /// All changes, those that protect less first.
    pub changes: Vec<Change>,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Change {
    /// In which direction it goes.
    pub direction: Direction,
    /// The resource that it is about; `None` for the policy itself.
    pub resource: Option<String>,
    /// What changed: a setting such as `retention.keep`, or what settings, repositories and people
    /// come to, such as `copies`, `frequency` or `escalation`.
    pub aspect: String,
    /// What it was.
    pub old: String,
    /// What it is.
    pub new: String,
    /// What that means, if the values alone do not say it.
    pub meaning: Option<String>,
    /// Where the old value came from.
    pub was_from: Option<Origin>,
    /// Where the new one comes from.
    pub from: Option<Origin>,
}

/// Compares two versions of a policy over an inventory.
///
/// The resources are those of both versions, and those of `inventory` that neither has: what a host
/// discovered, say. `now` is where the year begins over which times between backups are compared,
/// and decides which exemptions hold.
#[must_use]
pub fn diff(old: &Policy, new: &Policy, inventory: &[Resource], now: Moment) -> Diff {
    let mut changes = Changes {
        old,
        new,
        year: Year::new(now),
        today: Date::of(new.timezone.moment(now.unix_seconds)),
        found: Vec::new(),
    };
    let outside: BTreeMap<&str, &Resource> =
        inventory.iter().map(|one| (one.id.as_str(), one)).collect();
    let ids = old
        .resources
        .keys()
        .chain(new.resources.keys())
        .map(String::as_str);
    let ids: BTreeSet<&str> = ids.chain(outside.keys().copied()).collect();
    for id in ids {
        let known = outside.get(id).copied();
        let before = old.resources.get(id).or(known);
        let after = new.resources.get(id).or(known);
        resources::compare(&mut changes, id, before, after);
    }
    people::compare(&mut changes);
    let mut changes = changes.found;
    changes.sort_by(|a, b| {
        let place = |one: &Change| {
            (
                std::cmp::Reverse(one.direction),
                one.resource.clone(),
                one.aspect.clone(),
            )
        };
        place(a).cmp(&place(b))
    });
    Diff { changes }
}

impl Diff {
    /// Returns the changes that protect less.
    pub fn weaker(&self) -> impl Iterator<Item = &Change> {
        let is_weaker = |change: &&Change| change.direction == Direction::Weaker;
        self.changes.iter().filter(is_weaker)
    }

    /// Says whether something protects less: then more people must agree.
    #[must_use]
    pub fn is_weaker(&self) -> bool {
        self.weaker().next().is_some()
    }

    /// Says whether nothing changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
}

impl Direction {
    /// Returns its text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Weaker => "weaker",
            Self::Different => "different",
            Self::Stronger => "stronger",
        }
    }
}

/// Changes that are the same for several resources are one line.
impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("nothing changes for any resource\n");
        }
        let mut groups: BTreeMap<(std::cmp::Reverse<Direction>, String), Vec<&str>> =
            BTreeMap::new();
        for change in &self.changes {
            let line = change.to_string();
            let members = groups
                .entry((std::cmp::Reverse(change.direction), line))
                .or_default();
            members.extend(change.resource.as_deref());
        }
        for ((_, line), resources) in groups {
            f.write_str(&line)?;
            match resources.as_slice() {
                [] => {}
                few if few.len() <= SHOWN => write!(f, " [{}]", listed(few, ", "))?,
                many => {
                    let first: Vec<&str> = many.iter().take(SHOWN).copied().collect();
                    write!(f, " [{} and {} more]", first.join(", "), many.len() - SHOWN)?;
                }
            }
            f.write_str("\n")?;
        }
        Ok(())
    }
}

const SHOWN: usize = 5;

/// Without the resource: `weaker copies.to: nas, vault → nas (defaults)`.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            aspect, old, new, ..
        } = self;
        write!(f, "{} {aspect}: {old} → {new}", self.direction.as_str())?;
        if let Some(meaning) = &self.meaning {
            write!(f, ", {meaning}")?;
        }
        let source = |origin: &Origin| match &origin.source {
            // The resource is shown beside it.
            Source::Resource(_) => "its own settings".to_owned(),
            source => source.to_string(),
        };
        match (&self.was_from, &self.from) {
            (Some(old), Some(new)) if old.source != new.source => {
                write!(f, " ({}, before {})", source(new), source(old))
            }
            (_, Some(new)) => write!(f, " ({})", source(new)),
            (Some(old), None) => write!(f, " (before {})", source(old)),
            (None, None) => Ok(()),
        }
    }
}

/// Two versions, and what differs.
struct Changes<'p> {
    old: &'p Policy,
    new: &'p Policy,
    year: Year,
    today: Date,
    found: Vec<Change>,
}

impl Changes<'_> {
    fn add(
        &mut self,
        direction: Direction,
        resource: Option<&str>,
        aspect: impl Into<String>,
        old: impl Into<String>,
        new: impl Into<String>,
    ) -> &mut Change {
        let change = Change {
            direction,
            resource: resource.map(str::to_owned),
            aspect: aspect.into(),
            old: old.into(),
            new: new.into(),
            meaning: None,
            was_from: None,
            from: None,
        };
        self.found.push(change);
        let last = self.found.len() - 1;
        // It was just added.
        self.found.get_mut(last).expect("one was pushed")
    }
}

/// Shows what may be absent.
fn shown<T: ToString>(value: Option<T>, none: &str) -> String {
    value.map_or_else(|| none.to_owned(), |value| value.to_string())
}

#[cfg(test)]
mod tests;
