//! What is said of a run, to people, to machines, and under seal.

use std::fmt;

use serde_json::json;
use strongroom::evidence::{ErrorClass, Fact, Record, Run, RunNotes, Verified};

use crate::output::Output;

/// What errors said in full. That may name paths and people, so it is only in the sealed part of a record.
#[derive(Debug, Default)]
pub(super) struct Told(Vec<String>);

impl Told {
    /// Takes note of an error of the engine, or around it.
    pub(super) fn error(&mut self, notes: &mut RunNotes, error: &anyhow::Error) {
        match error.downcast_ref::<strongroom::Error>() {
            Some(error) => notes.error(error),
            None => notes.problem("failed", ErrorClass::Configuration),
        }
        self.0.push(format!("{error:#}"));
    }

    /// Takes note of something that ends the run.
    pub(super) fn problem(
        &mut self,
        notes: &mut RunNotes,
        code: &str,
        class: ErrorClass,
        what: &impl fmt::Display,
    ) {
        notes.problem(code, class);
        self.0.push(what.to_string());
    }

    /// Takes note of something that somebody should look at.
    pub(super) fn notice(
        &mut self,
        notes: &mut RunNotes,
        code: &str,
        class: ErrorClass,
        what: &impl fmt::Display,
    ) {
        self.problem(notes, code, class, what);
        notes.run.outcome = noticed(notes.run.outcome);
    }

    /// Keeps what was said in full, of something that is noted already.
    pub(super) fn keep(&mut self, what: &str) {
        self.0.push(what.to_owned());
    }

    /// Returns all of it as JSON; `None` if there is nothing.
    pub(super) fn text(&self) -> Option<String> {
        (!self.0.is_empty()).then(|| json!({ "errors": self.0 }).to_string())
    }
}

fn noticed(outcome: strongroom::evidence::RunOutcome) -> strongroom::evidence::RunOutcome {
    use strongroom::evidence::RunOutcome;
    match outcome {
        RunOutcome::Ok => RunOutcome::OkWithNotices,
        other => other,
    }
}

/// Says what was recorded, and where.
pub(super) fn say(output: &Output, record: &Record, entry: Option<u64>) {
    match &record.fact {
        Fact::Run(run) => say_run(output, record, run, entry),
        Fact::Verified(fact) => say_verified(output, record, fact, entry),
        _ => {}
    }
}

fn say_verified(output: &Output, record: &Record, fact: &Verified, entry: Option<u64>) {
    let (read, of) = fact.coverage;
    let _ = output.json(|| {
        json!({
            "type": "verified",
            "id": record.head.id.to_string(),
            "resource": record.head.resource,
            "repository": fact.repository,
            "level": format!("L{}", fact.level),
            "snapshot": fact.snapshot.map(|id| id.to_string()),
            "read": read,
            "of": of,
            "choice": fact.choice,
            "damaged": fact.damaged,
            "check": fact.entry,
            "entry": entry,
        })
    });
    let found = match fact.damaged {
        0 => "nothing is damaged".to_owned(),
        count => format!("{count} objects are damaged"),
    };
    let what = match fact.snapshot {
        Some(_) => "the new snapshot".to_owned(),
        None => format!("{read} of {of} bytes"),
    };
    let _ = output.line(&format!(
        "verified in {} to L{}: {what}; {found} ({})",
        fact.repository,
        fact.level,
        place_of(entry)
    ));
}

fn place_of(entry: Option<u64>) -> String {
    entry.map_or_else(
        || "not recorded yet".to_owned(),
        |n| format!("journal entry {n}"),
    )
}

fn say_run(output: &Output, record: &Record, run: &Run, entry: Option<u64>) {
    let _ = output.json(|| {
        let errors: Vec<_> = run
            .errors
            .iter()
            .map(|one| {
                json!({
                    "class": one.class.to_string(),
                    "code": one.code,
                    "phase": one.phase,
                    "count": one.count,
                })
            })
            .collect();
        json!({
            "type": "run",
            "id": record.head.id.to_string(),
            "job": run.job.as_str(),
            "resource": record.head.resource,
            "repository": run.repository,
            "from": run.from,
            "outcome": run.outcome.to_string(),
            "attempt": run.attempt,
            "due": run.due.map(|due| due.seconds),
            "started": run.started.seconds,
            "ended": run.ended.seconds,
            "snapshot": run.snapshot.map(|id| id.to_string()),
            "phases_ms": run.phases,
            "counters": run.counters,
            "errors": errors,
            "entry": entry,
        })
    });
    let _ = output.line(&format!(
        "{} to {}: {} ({})",
        run.job,
        run.repository,
        run.outcome,
        place_of(entry)
    ));
}
