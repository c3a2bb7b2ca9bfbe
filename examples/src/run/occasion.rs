//! Whether it is time.

use std::time::Duration;

use strongroom::retain::Moment;
use strongroom_policy::{ExpectedRun, Resolved, Resource, Schedule};

use super::{moment_now, unix_now};

/// Whether it is time for a run.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Occasion {
    /// It is; this is the run that it stands for, if it was due.
    Now(Option<ExpectedRun>),
    /// It is in a while that is worth waiting for.
    Soon(ExpectedRun),
    /// It was.
    TooLate(ExpectedRun),
    /// What was due is done.
    NotDue(Option<ExpectedRun>),
}

impl Occasion {
    /// Says which it is; `done` is when the last run was due that was made.
    ///
    /// # Errors
    ///
    /// A sentence that says why it is never time.
    pub(super) fn now(
        resolved: &Resolved,
        resource: &Resource,
        is_forced: bool,
        done: Option<i64>,
    ) -> Result<Self, String> {
        match resolved.schedule() {
            Some(schedule) => Ok(Self::of(&schedule, moment_now(), is_forced, done)),
            None if is_forced => Ok(Self::Now(None)),
            None => Err(format!(
                "{:?} has no schedule, or is switched off; --now runs it all the same",
                resource.id
            )),
        }
    }

    fn of(schedule: &Schedule, now: Moment, is_forced: bool, done: Option<i64>) -> Self {
        let is_open = |run: &ExpectedRun| done.is_none_or(|done| done < run.due.unix_seconds);
        let last = last_due(schedule, now).filter(is_open);
        let (in_time, too_late) = match last {
            Some(last) if now.unix_seconds <= last.start_by.unix_seconds => (Some(last), None),
            last => (None, last),
        };
        if is_forced || in_time.is_some() {
            return Self::Now(in_time);
        }
        let next = schedule.next_run(now);
        let patience = i64::try_from(schedule.start_within.mean_seconds()).unwrap_or(i64::MAX);
        let is_soon =
            |next: &ExpectedRun| next.due.unix_seconds.saturating_sub(now.unix_seconds) <= patience;
        match (next, too_late) {
            (Some(next), None) if is_soon(&next) => Self::Soon(next),
            (_, Some(last)) => Self::TooLate(last),
            (next, None) => Self::NotDue(next),
        }
    }
}

/// Returns the last run that was due, of the last year.
fn last_due(schedule: &Schedule, now: Moment) -> Option<ExpectedRun> {
    let back = |days: i64| Moment {
        unix_seconds: now.unix_seconds.saturating_sub(days * 86_400),
        ..now
    };
    let until = Moment {
        unix_seconds: now.unix_seconds.saturating_add(1),
        ..now
    };
    // Few schedules are rarer than daily, and many runs of the others need not be looked at.
    [1, 8, 62, 366]
        .into_iter()
        .find_map(|days| schedule.runs(back(days), until).last())
}

/// Waits until that time of the clock, which may be set meanwhile.
#[expect(clippy::disallowed_methods, reason = "schedules are of the real time")]
pub(super) fn wait_until(unix_seconds: i64) {
    loop {
        let left = u64::try_from(unix_seconds.saturating_sub(unix_now())).unwrap_or_default();
        if left == 0 {
            return;
        }
        std::thread::sleep(Duration::from_secs(left.min(60)));
    }
}

/// Waits that long.
#[expect(clippy::disallowed_methods, reason = "what failed needs real time")]
pub(super) fn pause(time: Duration) {
    std::thread::sleep(time);
}

#[cfg(test)]
mod tests {
    use strongroom_policy::Document;

    use super::*;

    fn schedule() -> Schedule {
        let document = Document::parse(
            r#"
            format = 1
            name = "test"
            revision = 1
            timezone = "UTC"
            [resource.mail]
            kind = "files"
            schedule = { when = "daily 22:00", start_within = "1h", complete_within = "5h" }
            "#,
        )
        .unwrap();
        let policy = document.policy();
        policy
            .resolve(&policy.resources["mail"])
            .schedule()
            .unwrap()
    }

    fn at(text: &str) -> Moment {
        format!("2026-12-02T{text}:00+00:00").parse().unwrap()
    }

    fn occasion(now: &str, is_forced: bool, done: Option<i64>) -> Occasion {
        Occasion::of(&schedule(), at(now), is_forced, done)
    }

    #[test]
    fn it_is_time_from_when_it_is_due_until_it_must_have_begun() {
        let due = at("22:00").unix_seconds;
        for (now, done) in [("22:00", None), ("22:59", Some(due - 86_400))] {
            let Occasion::Now(Some(run)) = occasion(now, false, done) else {
                panic!("{now}");
            };
            assert_eq!(run.due.unix_seconds, due);
        }
        let done = Some(due - 86_400);
        let Occasion::Soon(run) = occasion("21:15", false, done) else {
            panic!("not soon");
        };
        assert_eq!(run.due.unix_seconds, due);
        assert!(matches!(
            occasion("20:00", false, done),
            Occasion::NotDue(Some(_))
        ));
        assert!(matches!(
            occasion("22:30", false, Some(due)),
            Occasion::NotDue(Some(_))
        ));
        assert!(
            matches!(occasion("23:30", false, done), Occasion::TooLate(run) if run.due.unix_seconds == due)
        );
        assert!(matches!(
            occasion("23:30", false, Some(due)),
            Occasion::NotDue(_)
        ));
    }

    #[test]
    fn who_insists_runs_and_it_counts_if_it_is_due() {
        let due = at("22:00").unix_seconds;
        assert_eq!(occasion("15:00", true, Some(due)), Occasion::Now(None));
        assert!(matches!(
            occasion("22:10", true, None),
            Occasion::Now(Some(_))
        ));
        assert_eq!(occasion("22:10", true, Some(due)), Occasion::Now(None));
    }
}
