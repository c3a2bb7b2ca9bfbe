//! How a check is shown while it runs, and what came of it.

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use strongroom::verify::sample::Share;
use strongroom::verify::{Event, Finding, Observer, Report, Stage, Statement};

use crate::exit::Status;
use crate::output::Output;

/// An observer for people and machines: a bar at a terminal, or lines. What was found is in the report.
#[derive(Debug)]
pub struct CheckWatch {
    output: Arc<Output>,
    bar: Option<ProgressBar>,
}

impl CheckWatch {
    /// Makes the observer of one check.
    #[must_use]
    pub fn new(output: &Arc<Output>) -> Arc<Self> {
        let is_shown = !output.is_json() && std::io::stderr().is_terminal();
        let bar = is_shown.then(ProgressBar::no_length);
        if let (Some(bar), Ok(style)) = (&bar, ProgressStyle::with_template(TEMPLATE)) {
            bar.set_style(style);
        }
        let output = output.clone();
        Arc::new(Self { output, bar })
    }

    /// Takes the bar away.
    pub fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Observer for CheckWatch {
    fn on_event(&self, event: &Event<'_>) {
        match (event, &self.bar) {
            (Event::Started(stage), Some(bar)) => {
                bar.set_length(0);
                bar.set_position(0);
                bar.set_message(words(*stage));
            }
            (Event::Advanced { done, of, .. }, Some(bar)) => {
                bar.set_length(*of);
                bar.set_position(*done);
            }
            (
                Event::Advanced {
                    stage,
                    done,
                    of,
                    bytes,
                },
                None,
            ) => {
                let stage = words(*stage);
                let _ = self.output.json(|| {
                    json!({ "type": "progress", "stage": stage, "done": done, "of": of, "bytes": bytes })
                });
            }
            _ => {}
        }
    }
}

/// Shows what a check found, what it looked at and what that proves; `entry` is that of its evidence.
pub fn result(output: &Output, report: &Report, entry: Option<u64>) -> Status {
    for found in report.findings() {
        let _ = output.json(|| finding(found));
    }
    for (area, level, tally) in report.coverage.iter() {
        let _ = output.json(|| {
            json!({
                "type": "coverage",
                "area": area.word(),
                "level": format!("L{}", level.number()),
                "count": tally.count,
                "bytes": tally.bytes,
            })
        });
    }
    for statement in &report.statements {
        let _ = output.json(|| self::statement(statement));
    }
    let _ = output.json(|| {
        json!({
            "type": "result",
            "intact": report.is_intact(),
            "level": format!("L{}", report.level.number()),
            "asked": format!("L{}", report.asked.number()),
            "worst": report.worst().map(|severity| severity.to_string()),
            "findings": report.counts().map(|(_, count)| count).sum::<u64>(),
            "findings_not_shown": report.not_kept(),
            "damaged_objects": report.damaged_objects().len(),
            "head": report.head.map(|head| head.n),
            "head_hash": report.head.map(|head| head.hash.to_string()),
            "evidence": entry,
        })
    });
    for line in report.to_string().lines() {
        let _ = output.line(line);
    }
    if let Some(entry) = entry {
        let _ = output.line(&format!("evidence is in journal entry {entry}"));
    }
    match report.is_intact() {
        false => Status::Damaged,
        true => Status::complete(report.level >= report.asked && !is_late(report)),
    }
}

/// Says whether packs were read longer ago than they should have been, or a round should have ended.
fn is_late(report: &Report) -> bool {
    report.statements.iter().any(|statement| match statement {
        Statement::Age(age) => age.late > 0,
        Statement::Round(round) => round.age > round.period && round.done < Share::ALL,
        _ => false,
    })
}

/// A statement in words, and its figures.
fn statement(statement: &Statement) -> Value {
    let seconds = |time: &Duration| time.as_secs();
    let figures = match statement {
        Statement::Read(census) => json!({
            "kind": "read",
            "packs": census.packs,
            "damaged": census.damaged,
            "unread": census.unread,
        }),
        Statement::Sampled(bound) => json!({
            "kind": "sampled",
            "confidence": bound.confidence.as_f64(),
            "fewer_than": bound.fewer_than().as_f64(),
            "at_most": bound.at_most,
            "packs": bound.population,
            "drawn": bound.drawn,
            "damaged_in_sample": bound.seen,
            "damaged": bound.found,
            "entries": bound.stratum.map(|stratum| [stratum.added.0, stratum.added.1]),
        }),
        Statement::Age(age) => json!({
            "kind": "age",
            "packs": age.packs,
            "never": age.never,
            "late": age.late,
            "within_seconds": age.within.as_ref().map(seconds),
            "oldest_seconds": age.oldest.as_ref().map(seconds),
        }),
        Statement::Round(round) => json!({
            "kind": "round",
            "began": round.began,
            "done": round.done.as_f64(),
            "age_seconds": round.age.as_secs(),
            "period_seconds": round.period.as_secs(),
        }),
        _ => json!({ "kind": "other" }),
    };
    let text = statement.to_string();
    json!({ "type": "statement", "text": text, "figures": figures })
}

fn finding(finding: &Finding) -> Value {
    json!({
        "type": "finding",
        "severity": finding.severity.to_string(),
        "code": finding.problem.code(),
        "subject": finding.subject.to_string(),
        "level": format!("L{}", finding.level.number()),
        "message": finding.to_string(),
    })
}

fn words(stage: Stage<'_>) -> String {
    match stage {
        Stage::Custom(name) => name.to_owned(),
        stage => format!("{stage:?}").to_lowercase(),
    }
}

const TEMPLATE: &str = "{spinner} {msg} {pos}/{len} {bar:30} {eta}";
