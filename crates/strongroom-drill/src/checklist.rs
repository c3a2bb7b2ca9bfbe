//! What is looked at after a restore, before people are let in again.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Serialize;
use strongroom::Time;

use crate::captured::{Captured, Kind};
use crate::report::{Effect, Report, Verdict};
use crate::validator::Outcome;

/// What is to be known for a [`Checklist`] beside the report of the restore.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Circumstances {
    /// As of when the restored data is.
    pub captured_at: Time,
    /// When that is judged.
    pub now: Time,
    /// How old data may be by the policy.
    pub rpo: Option<Duration>,
    /// What was captured at backup; the versions in it are compared.
    pub captured: Captured,
    /// Versions of programs and data formats where it was restored, by the same names.
    pub versions: BTreeMap<String, String>,
    /// Who of the business has accepted it.
    pub accepted_by: Option<String>,
}

impl Circumstances {
    /// Returns those of data of a time, judged at another.
    #[must_use]
    pub fn new(captured_at: Time, now: Time) -> Self {
        Self {
            captured_at,
            now,
            ..Self::default()
        }
    }
}

/// The list, each item looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Checklist {
    /// The items, always all of them.
    pub items: Vec<Item>,
}

/// An item of the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Item {
    /// Its name.
    pub name: &'static str,
    /// How it stands.
    pub state: ItemState,
    /// What was seen, in words.
    pub what: String,
}

/// How an item stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::exhaustive_enums, reason = "there is no fourth")]
pub enum ItemState {
    /// As it should be.
    Passed,
    /// Nobody knows.
    Unknown,
    /// Not as it should be.
    Failed,
}

impl Checklist {
    /// Goes through the list: age of the data against the target, completeness, permissions and owners, versions, the database, services, and
    /// whether the business has accepted it. What was not looked at is unknown.
    #[must_use]
    pub fn of(report: &Report, circumstances: &Circumstances) -> Self {
        let items = vec![
            age(circumstances),
            complete(report),
            permissions(report),
            versions(circumstances),
            by_validators(report, "database", &["sql-integrity", "sql-counts"]),
            by_validators(report, "services", &["tcp", "http"]),
            accepted(circumstances),
        ];
        Self { items }
    }

    /// Returns the worst state of all items.
    #[must_use]
    pub fn state(&self) -> ItemState {
        let states = self.items.iter().map(|item| item.state);
        states.max().unwrap_or(ItemState::Unknown)
    }
}

impl fmt::Display for Checklist {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for item in &self.items {
            let mark = match item.state {
                ItemState::Passed => "[x]",
                ItemState::Unknown => "[ ]",
                ItemState::Failed => "[!]",
            };
            writeln!(f, "{mark} {}: {}", item.name, item.what)?;
        }
        Ok(())
    }
}

fn item(name: &'static str, state: ItemState, what: impl Into<String>) -> Item {
    Item {
        name,
        state,
        what: what.into(),
    }
}

fn age(circumstances: &Circumstances) -> Item {
    let seconds = circumstances
        .now
        .seconds
        .saturating_sub(circumstances.captured_at.seconds);
    let Ok(age) = u64::try_from(seconds) else {
        return item(
            "age of the data",
            ItemState::Unknown,
            "it is of the future: a clock is wrong",
        );
    };
    match circumstances.rpo {
        None => item(
            "age of the data",
            ItemState::Unknown,
            format!("{age} s, and no target"),
        ),
        Some(target) => {
            let is_young = age <= target.as_secs();
            let state = if is_young {
                ItemState::Passed
            } else {
                ItemState::Failed
            };
            let what = format!("{age} s, allowed are {} s", target.as_secs());
            item("age of the data", state, what)
        }
    }
}

fn complete(report: &Report) -> Item {
    let before = |finding: &&crate::report::Finding| {
        finding.effect != Effect::Note && finding.phase < crate::phase::Phase::Validate
    };
    let state = match report
        .findings
        .iter()
        .filter(before)
        .map(|one| one.effect)
        .max()
    {
        None if report.rto_ms.is_some() => ItemState::Passed,
        Some(Effect::Failed) => ItemState::Failed,
        _ => ItemState::Unknown,
    };
    let what = format!(
        "{} files, {} bytes; the drill is {}",
        report.files, report.bytes, report.verdict
    );
    item("complete", state, what)
}

fn permissions(report: &Report) -> Item {
    let name = "permissions and owners";
    let found = report.validators.iter().find(|one| one.name == "files");
    match found.map(|one| &one.outcome) {
        Some(Outcome::Passed { what }) => item(name, ItemState::Passed, what.clone()),
        Some(Outcome::Failed { what, .. }) => item(name, ItemState::Failed, what.clone()),
        Some(Outcome::Skipped { what, .. }) => item(name, ItemState::Unknown, what.clone()),
        None => item(name, ItemState::Unknown, "nobody compared files"),
    }
}

fn versions(circumstances: &Circumstances) -> Item {
    let name = "versions";
    let captured: Vec<_> = circumstances.captured.iter(Kind::Version).collect();
    if captured.is_empty() {
        return item(name, ItemState::Unknown, "none was captured at backup");
    }
    let mut unknown = Vec::new();
    let mut others = Vec::new();
    for (what, was) in captured {
        match circumstances.versions.get(what) {
            None => unknown.push(what.to_owned()),
            Some(is) if is == was => {}
            Some(is) => others.push(format!("{what} is {is} and was {was}")),
        }
    }
    match (others.is_empty(), unknown.is_empty()) {
        (false, _) => item(name, ItemState::Failed, others.join(", ")),
        (true, false) => item(
            name,
            ItemState::Unknown,
            format!("not known here: {}", unknown.join(", ")),
        ),
        (true, true) => item(name, ItemState::Passed, "as at backup"),
    }
}

/// What validators of some names saw: all passed, and there was one.
fn by_validators(report: &Report, name: &'static str, names: &[&str]) -> Item {
    let is_one = |one: &&crate::report::Validated| {
        let first = one.name.split(':').next().unwrap_or_default();
        names.contains(&first)
    };
    let mut state = None;
    let mut words = Vec::new();
    for one in report.validators.iter().filter(is_one) {
        let this = match &one.outcome {
            Outcome::Passed { .. } => ItemState::Passed,
            Outcome::Failed { .. } => ItemState::Failed,
            Outcome::Skipped { .. } => ItemState::Unknown,
        };
        state = state.max(Some(this));
        words.push(format!("{}: {}", one.name, one.outcome.what()));
    }
    match state {
        Some(state) => item(name, state, words.join("; ")),
        None => item(name, ItemState::Unknown, "nobody looked"),
    }
}

fn accepted(circumstances: &Circumstances) -> Item {
    match &circumstances.accepted_by {
        Some(name) => item("accepted", ItemState::Passed, format!("by {name}")),
        None => item(
            "accepted",
            ItemState::Unknown,
            "nobody of the business has accepted it",
        ),
    }
}

/// Says in one word what a report is worth for somebody who waits for the service.
impl From<ItemState> for Verdict {
    fn from(state: ItemState) -> Self {
        match state {
            ItemState::Passed => Self::Proven,
            ItemState::Unknown => Self::NotProven,
            ItemState::Failed => Self::Failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::choose::Choice;
    use crate::drill::Drill;
    use crate::stop::Cancel;
    use crate::testing::{Fake, Fault, letters};
    use crate::validator::FileSet;

    fn report() -> Report {
        let (_folder, repository, snapshot) = letters();
        let sandbox = Box::new(Fake::files(Fault::None));
        let drill = Drill::new(&repository, Choice::named(snapshot), sandbox);
        drill.require(Box::new(FileSet::new())).run(&Cancel::new())
    }

    fn state(report: &Report, circumstances: &Circumstances, name: &str) -> ItemState {
        let list = Checklist::of(report, circumstances);
        list.items
            .iter()
            .find(|item| item.name == name)
            .unwrap()
            .state
    }

    #[test]
    fn what_nobody_looked_at_is_unknown() {
        let (report, none) = (report(), Circumstances::default());
        let list = Checklist::of(&report, &none);
        assert_eq!(list.state(), ItemState::Unknown);
        assert_eq!(state(&report, &none, "complete"), ItemState::Passed);
        assert_eq!(
            state(&report, &none, "permissions and owners"),
            ItemState::Passed
        );
        for name in [
            "age of the data",
            "versions",
            "database",
            "services",
            "accepted",
        ] {
            assert_eq!(state(&report, &none, name), ItemState::Unknown, "{name}");
        }
        assert!(list.to_string().contains("[ ] accepted: nobody"));
    }

    #[test]
    fn age_and_versions_pass_and_fail() {
        let report = report();
        let mut is = Circumstances::new(Time::new(1_000, 0), Time::new(1_100, 0));
        is.rpo = Some(Duration::from_secs(100));
        assert_eq!(state(&report, &is, "age of the data"), ItemState::Passed);
        is.now = Time::new(1_101, 0);
        assert_eq!(state(&report, &is, "age of the data"), ItemState::Failed);
        is.now = Time::new(999, 0);
        assert_eq!(state(&report, &is, "age of the data"), ItemState::Unknown);
        is.captured = Captured::new().with(Kind::Version, "postgresql", "15");
        assert_eq!(state(&report, &is, "versions"), ItemState::Unknown);
        is.versions.insert("postgresql".to_owned(), "15".to_owned());
        assert_eq!(state(&report, &is, "versions"), ItemState::Passed);
        is.versions.insert("postgresql".to_owned(), "17".to_owned());
        assert_eq!(state(&report, &is, "versions"), ItemState::Failed);
        is.accepted_by = Some("Ann".to_owned());
        assert_eq!(state(&report, &is, "accepted"), ItemState::Passed);
    }

    #[test]
    fn what_was_lost_or_refused_shows() {
        let mut report = report();
        let lost = crate::report::Finding::new(
            Effect::Failed,
            crate::phase::Phase::Restore,
            "entry-damaged",
            "x",
        );
        report.findings.push(lost);
        assert_eq!(
            state(&report, &Circumstances::default(), "complete"),
            ItemState::Failed
        );
        report.validators[0].outcome = Outcome::failed("file-mode", "x has mode 600");
        assert_eq!(
            state(&report, &Circumstances::default(), "permissions and owners"),
            ItemState::Failed
        );
        report.validators.clear();
        assert_eq!(
            state(&report, &Circumstances::default(), "permissions and owners"),
            ItemState::Unknown
        );
    }
}
