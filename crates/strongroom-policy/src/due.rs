//! What machines must do, and by when: runs, verifications, drills and tests.

use serde::{Deserialize, Serialize};
use strongroom_retain::Moment;

use crate::date::Date;
use crate::error::{Error, ErrorKind};
use crate::key::Key;
use crate::level::Level;
use crate::period::Period;
use crate::policy::Policy;
use crate::resource::Resource;
use crate::schedule::ExpectedRun;
use crate::text::as_text;

/// What must be done again before it is too old.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CheckKind {
    /// A verification of a level, or a deeper one.
    Verification(Level),
    /// All that is stored is read.
    FullRead,
    /// A restore is tried.
    Drill,
    /// It is rehearsed with the business.
    GameDay,
    /// An alert is sent as a test.
    AlertTest,
    /// The recovery of keys is tested.
    EscrowTest,
}

/// Something that was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Performed {
    /// For which resource.
    pub resource: String,
    /// What.
    pub kind: CheckKind,
    /// When.
    #[serde(with = "as_text")]
    pub at: Moment,
}

impl Performed {
    /// Returns one.
    #[must_use]
    pub fn new(resource: impl Into<String>, kind: CheckKind, at: Moment) -> Self {
        Self {
            resource: resource.into(),
            kind,
            at,
        }
    }
}

/// A check that is due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DueCheck {
    /// For which resource.
    pub resource: String,
    /// What.
    pub kind: CheckKind,
    /// How often.
    pub every: Period,
    /// By when.
    #[serde(with = "as_text")]
    pub due: Moment,
    /// Whether it was ever done.
    pub was_done: bool,
    /// Whether it is too late.
    pub is_overdue: bool,
}

impl Policy {
    /// Returns the runs of all resources that are due from `from` on and before `until`, in their
    /// order.
    ///
    /// # Errors
    ///
    /// `TooMuch` for more than [`RUNS_MAX`].
    pub fn runs(&self, from: Moment, until: Moment) -> Result<Vec<ExpectedRun>, Error> {
        let mut all = Vec::new();
        for resource in self.resources.values() {
            let Some(schedule) = self.resolve(resource).schedule() else {
                continue;
            };
            let zone = schedule.zone.clone();
            let runs = schedule.runs(from, until);
            let active =
                runs.filter(|run| is_active(resource, Date::of(zone.moment(run.due.unix_seconds))));
            all.extend(active.take(RUNS_MAX + 1));
            if all.len() > RUNS_MAX {
                let what = format!("more than {RUNS_MAX} runs are due in that time");
                return Err(Error::new(ErrorKind::TooMuch, what));
            }
        }
        all.sort_by(|a, b| {
            (a.due.unix_seconds, &a.resource).cmp(&(b.due.unix_seconds, &b.resource))
        });
        Ok(all)
    }

    /// Returns the checks of a resource and by when they must be done, the most urgent first.
    ///
    /// What was never done is counted from the day since which the resource is protected, or the
    /// first day of the policy. Where there is neither, it is due now.
    #[must_use]
    pub fn checks(
        &self,
        resource: &Resource,
        performed: &[Performed],
        now: Moment,
    ) -> Vec<DueCheck> {
        if resource.is_retired(Date::of(self.timezone.moment(now.unix_seconds))) {
            return Vec::new();
        }
        let resolved = self.resolve(resource);
        let ages = resolved.ages().into_iter();
        let mut wanted: Vec<(CheckKind, Period)> = ages
            .map(|(level, age)| (CheckKind::Verification(level), age))
            .collect();
        for (kind, key) in [
            (CheckKind::FullRead, Key::FullEvery),
            (CheckKind::Drill, Key::DrillEvery),
            (CheckKind::GameDay, Key::GameDayEvery),
            (CheckKind::AlertTest, Key::AlertTest),
            (CheckKind::EscrowTest, Key::EscrowTest),
        ] {
            wanted.extend(resolved.period(key).map(|every| (kind, every)));
        }
        let zone = resolved.zone();
        let began = resource
            .since
            .max(self.effective)
            .map(|day| day.start(&zone));
        let check = |(kind, every): (CheckKind, Period)| {
            let serves = |one: &&Performed| {
                one.resource == resource.id
                    && one.kind.serves(kind)
                    && one.at.unix_seconds <= now.unix_seconds
            };
            let last = performed.iter().filter(serves).map(|one| one.at).max();
            let from = last.or(began);
            let due = from.map_or(now, |from| every.after(zone.moment(from.unix_seconds)));
            DueCheck {
                resource: resource.id.clone(),
                kind,
                every,
                due,
                was_done: last.is_some(),
                is_overdue: due.unix_seconds < now.unix_seconds || from.is_none(),
            }
        };
        let mut checks: Vec<DueCheck> = wanted.into_iter().map(check).collect();
        checks.sort_by_key(|check| (check.due.unix_seconds, check.kind));
        checks
    }
}

impl CheckKind {
    /// Says whether having done this serves where something is wanted.
    fn serves(self, wanted: Self) -> bool {
        match (self, wanted) {
            (Self::Verification(done), Self::Verification(wanted)) => done >= wanted,
            (done, wanted) => done == wanted,
        }
    }
}

fn is_active(resource: &Resource, on: Date) -> bool {
    !resource.is_retired(on) && resource.since.is_none_or(|since| since <= on)
}

/// The most runs of one list.
pub const RUNS_MAX: usize = 100_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::Document;

    fn policy() -> Policy {
        let text = r#"
            format = 1
            name = "test"
            revision = 1
            timezone = "Europe/Berlin"
            effective = 2026-11-01
            [defaults]
            schedule = { when = "daily 02:30" }
            verification = { ages = { L2 = "7d", L4 = "1mo" } }
            drills = { every = "3mo" }
            [resource.a]
            kind = "files"
            [resource.b]
            kind = "files"
            retired = 2026-11-24
            since = 2026-11-22
        "#;
        Document::parse(text).unwrap().policy().clone()
    }

    fn moment(text: &str) -> Moment {
        text.parse().unwrap()
    }

    #[test]
    fn runs_of_all_resources_are_in_order_and_only_while_they_are_active() {
        let policy = policy();
        let from = moment("2026-11-21T00:00:00+01:00");
        let runs = policy
            .runs(from, moment("2026-11-26T00:00:00+01:00"))
            .unwrap();
        let keys: Vec<String> = runs
            .iter()
            .map(|run| format!("{} {}", run.due, run.resource))
            .collect();
        assert_eq!(keys.len(), 5 + 2, "{keys:#?}");
        assert!(keys.is_sorted());
        let too_many = policy.runs(from, moment("9999-01-01T00:00:00Z"));
        assert_eq!(too_many.unwrap_err().kind(), ErrorKind::TooMuch);
    }

    #[test]
    fn checks_are_due_by_their_age_and_deeper_ones_serve() {
        let policy = policy();
        let resource = policy.resources.get("a").unwrap();
        let now = moment("2026-11-22T12:00:00+01:00");
        let done = |kind, at: &str| Performed::new("a", kind, moment(at));
        let due = |performed: &[Performed]| -> Vec<String> {
            let checks = policy.checks(resource, performed, now);
            let show =
                |one: &DueCheck| format!("{:?} {} {}", one.kind, Date::of(one.due), one.is_overdue);
            checks.iter().map(show).collect()
        };
        assert_eq!(
            due(&[]),
            [
                "Verification(L2) 2026-11-08 true",
                "Verification(L4) 2026-12-01 false",
                "Drill 2027-02-01 false"
            ]
        );
        let deep = done(
            CheckKind::Verification(Level::L4),
            "2026-11-20T12:00:00+01:00",
        );
        assert_eq!(
            due(&[deep]),
            [
                "Verification(L2) 2026-11-27 false",
                "Verification(L4) 2026-12-20 false",
                "Drill 2027-02-01 false"
            ]
        );
        let future = done(
            CheckKind::Verification(Level::L2),
            "2026-11-23T12:00:00+01:00",
        );
        assert_eq!(
            due(&[future])[0],
            "Verification(L2) 2026-11-08 true",
            "a clock was wrong"
        );
        let mut anew = policy.clone();
        anew.effective = None;
        assert!(
            anew.checks(resource, &[], now)
                .iter()
                .all(|one| one.is_overdue && !one.was_done)
        );
    }
}
