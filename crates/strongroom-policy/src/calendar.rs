//! What is due, for the calendars of people.

use std::fmt::Write as _;

use strongroom_retain::Moment;

use crate::date::Date;
use crate::due::{CheckKind, Performed};
use crate::error::{Error, ErrorKind};
use crate::policy::Policy;
use crate::record::{Done, Review};

/// What was done so far, from which the next dates are counted.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct History {
    /// Checks of machines.
    pub performed: Vec<Performed>,
    /// Work of people.
    pub done: Vec<Done>,
    /// Reviews.
    pub reviews: Vec<Review>,
}

impl Policy {
    /// Returns what is due from `from` on and before `until` as iCalendar (RFC 5545): runs, drills
    /// and game days, work of people and reviews. What is overdue stands on the first day.
    ///
    /// # Errors
    ///
    /// `TooMuch` for more than [`CALENDAR_EVENTS_MAX`] events: ask for a shorter time.
    pub fn calendar(
        &self,
        history: &History,
        from: Moment,
        until: Moment,
    ) -> Result<String, Error> {
        let mut events = self.runs(from, until)?.into_iter().map(|run| Event {
            uid: run.key(),
            summary: format!("Backup of {}", run.resource),
            when: When::Between(run.start_at, run.complete_by),
        });
        let mut all: Vec<Event> = events.by_ref().take(CALENDAR_EVENTS_MAX + 1).collect();
        for resource in self.resources.values() {
            for check in self.checks(resource, &history.performed, from) {
                let what = match check.kind {
                    CheckKind::Drill => "Restore drill of",
                    CheckKind::GameDay => "Game day with",
                    CheckKind::EscrowTest => "Test of the recovery kit of",
                    CheckKind::AlertTest | CheckKind::FullRead | CheckKind::Verification(_) => {
                        continue;
                    }
                };
                if check.due.unix_seconds < until.unix_seconds {
                    all.push(Event {
                        uid: format!("{:?}-{}", check.kind, resource.id),
                        summary: format!("{what} {}", resource.id),
                        when: When::On(Date::of(check.due).max(Date::of(from))),
                    });
                }
            }
        }
        for duty in self.duties(&history.done, &history.reviews, from) {
            let due = duty
                .due
                .unwrap_or_else(|| Date::of(from))
                .max(Date::of(from));
            if due.start(&self.timezone).unix_seconds < until.unix_seconds {
                let overdue = if duty.is_overdue { " (overdue)" } else { "" };
                all.push(Event {
                    uid: duty.path.clone(),
                    summary: format!(
                        "{}: {} must do {}{overdue}",
                        duty.kind, duty.owner, duty.path
                    ),
                    when: When::On(due),
                });
            }
        }
        if all.len() > CALENDAR_EVENTS_MAX {
            let what = format!("more than {CALENDAR_EVENTS_MAX} events are in that time");
            return Err(Error::new(ErrorKind::TooMuch, what));
        }
        Ok(self.written(&all, from))
    }

    fn written(&self, events: &[Event], stamp: Moment) -> String {
        let mut lines = Lines::default();
        lines.add("BEGIN:VCALENDAR");
        lines.add("VERSION:2.0");
        lines.add("PRODID:-//Strongroom//strongroom-policy//EN");
        let name = crate::parse::DocumentHash::of(self.name.as_bytes()).to_string();
        let policy: String = name.chars().take(16).collect();
        for event in events {
            lines.add("BEGIN:VEVENT");
            lines.add(&format!("UID:{}@{policy}.strongroom", escaped(&event.uid)));
            lines.add(&format!("DTSTAMP:{}", utc(stamp)));
            match event.when {
                When::Between(start, end) => {
                    lines.add(&format!("DTSTART:{}", utc(start)));
                    lines.add(&format!("DTEND:{}", utc(end)));
                    lines.add("TRANSP:TRANSPARENT");
                }
                When::On(day) => {
                    let day = day.to_string().replace('-', "");
                    lines.add(&format!("DTSTART;VALUE=DATE:{day}"));
                }
            }
            lines.add(&format!("SUMMARY:{}", escaped(&event.summary)));
            lines.add("END:VEVENT");
        }
        lines.add("END:VCALENDAR");
        lines.0
    }
}

/// The most events of one calendar: programs for people take no more.
pub const CALENDAR_EVENTS_MAX: usize = 20_000;

struct Event {
    uid: String,
    summary: String,
    when: When,
}

enum When {
    Between(Moment, Moment),
    On(Date),
}

/// Lines of at most 75 bytes, as the RFC wants them.
#[derive(Default)]
struct Lines(String);

impl Lines {
    fn add(&mut self, line: &str) {
        let mut width = 0;
        for c in line.chars() {
            if width + c.len_utf8() > 75 {
                self.0.push_str("\r\n ");
                width = 1;
            }
            self.0.push(c);
            width += c.len_utf8();
        }
        self.0.push_str("\r\n");
    }
}

fn utc(moment: Moment) -> String {
    let text = Moment::utc(moment.unix_seconds).to_string();
    let digits = text.split('+').next().unwrap_or_default();
    format!("{}Z", digits.replace(['-', ':'], ""))
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | ';' | ',' => {
                escaped.push('\\');
                escaped.push(c);
            }
            '\n' => escaped.push_str("\\n"),
            c if c.is_control() => {
                // A `String` takes whatever is written to it.
                let _: Result<(), std::fmt::Error> = write!(escaped, "?");
            }
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::Document;

    #[test]
    fn a_calendar_has_runs_drills_and_duties() {
        let text = r#"
            format = 1
            name = "test"
            revision = 1
            timezone = "Europe/Berlin"
            effective = 2026-10-01
            review_by = 2026-11-01
            [defaults]
            schedule = { when = "daily 02:30" }
            drills = { every = "2mo" }
            [obligation.monthly]
            kind = "meeting"
            owner = "the people who look after the backups, their deputies, and everybody else"
            every = "1mo"
            [resource."a,b"]
            kind = "files"
        "#;
        let text = text.replace("\"a,b\"", "\"a/b\"");
        let document = Document::parse(&text).unwrap();
        let at = |text: &str| text.parse::<Moment>().unwrap();
        let (from, until) = (
            at("2026-11-22T12:00:00+01:00"),
            at("2026-12-02T00:00:00+01:00"),
        );
        let text = document
            .policy()
            .calendar(&History::default(), from, until)
            .unwrap();
        assert_eq!(text.matches("BEGIN:VEVENT").count(), 9 + 1 + 2);
        assert!(
            text.contains("DTSTART:20261123T013000Z\r\nDTEND:20261123T133000Z\r\n"),
            "{text}"
        );
        assert!(text.contains("DTSTART;VALUE=DATE:20261201\r\nSUMMARY:Restore drill of a/b\r\n"));
        assert!(text.contains("review_by (overdue)"));
        assert!(text.lines().all(|line| line.len() <= 75));
        let far = at("2126-01-01T00:00:00Z");
        let error = document
            .policy()
            .calendar(&History::default(), from, far)
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooMuch);
    }
}
