//! Shows how an operation goes: a bar at a terminal, lines for machines, problems for everybody.

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Map, Value, json};
use strongroom::blocking::Repository;
use strongroom::{Event, Observer, Phase, Problem, Progress, WarmUpProgress};

use crate::bytes::{json_path, shown};
use crate::output::Output;

/// What people are told whenever something is written to a repository with one writer.
pub const ONE_WRITER: &str = "warning: only one machine may write to this repository at a time: its store does not decide who of two comes first, and what two write at once may be lost";

/// Says so, before something is written that has no observer.
pub fn say_one_writer(output: &Output, repository: &Repository) {
    if repository.is_single_writer() {
        output.complain(ONE_WRITER);
        let _ = output.json(|| json!({ "type": "warning", "warning": "single-writer" }));
    }
}

/// An observer for people and machines.
#[derive(Debug)]
pub struct Watch {
    output: Arc<Output>,
    bar: Option<ProgressBar>,
    lists: bool,
    problems: AtomicU64,
    warned: AtomicBool,
}

/// Problems that people are shown one by one; machines get all, and so does the report.
const MAX_SHOWN: u64 = 100;

impl Watch {
    /// Makes the observer of one operation.
    #[must_use]
    pub fn new(output: &Arc<Output>) -> Arc<Self> {
        let is_shown = !output.is_json() && std::io::stderr().is_terminal();
        let bar = is_shown.then(ProgressBar::no_length);
        if let Some(bar) = &bar {
            bar.set_style(style("{spinner} {msg}"));
        }
        Arc::new(Self {
            output: output.clone(),
            bar,
            lists: false,
            problems: AtomicU64::new(0),
            warned: AtomicBool::new(false),
        })
    }

    /// Makes the observer of a dry run: it lists every entry.
    #[must_use]
    pub fn listing(output: &Arc<Output>) -> Arc<Self> {
        Arc::new(Self {
            output: output.clone(),
            bar: None,
            lists: true,
            problems: AtomicU64::new(0),
            warned: AtomicBool::new(false),
        })
    }

    /// Takes the bar away, and says how many problems were not shown.
    pub fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        let more = self
            .problems
            .swap(0, Ordering::Relaxed)
            .saturating_sub(MAX_SHOWN);
        if more > 0 {
            self.output
                .complain(&format!("and {more} more (--json lists all)"));
        }
    }

    fn progress(&self, progress: &Progress) {
        if let Some(bar) = &self.bar {
            show(bar, progress);
        }
        self.write(|| {
            let mut object = Map::new();
            object.insert("type".to_owned(), "progress".into());
            object.insert("entries".to_owned(), progress.entries.into());
            object.insert("entries_total".to_owned(), progress.entries_total.into());
            object.insert("bytes".to_owned(), progress.bytes.into());
            object.insert("bytes_total".to_owned(), progress.bytes_total.into());
            object.insert("transferred".to_owned(), progress.transferred.into());
            object.insert(
                "elapsed_seconds".to_owned(),
                progress.elapsed.as_secs_f64().into(),
            );
            let remaining = progress.remaining().map(|time| time.as_secs_f64());
            object.insert("remaining_seconds".to_owned(), remaining.into());
            json_path(&mut object, &progress.current);
            Value::Object(object)
        });
    }

    fn warm_up(&self, progress: &WarmUpProgress) {
        let WarmUpProgress {
            ready,
            warming,
            cold,
            missing,
            waited,
            ..
        } = progress;
        let say = || {
            self.output.complain(&format!(
                "{ready} objects are ready, {warming} are warming up, {cold} are asked for now; waited {} s",
                waited.as_secs()
            ));
        };
        match &self.bar {
            Some(bar) => bar.suspend(say),
            None => say(),
        }
        self.write(|| {
            json!({
                "type": "warm_up",
                "ready": ready,
                "warming": warming,
                "cold": cold,
                "missing": missing,
                "waited_seconds": waited.as_secs(),
            })
        });
    }

    fn problem(&self, problem: &Problem) {
        let is_shown = self.problems.fetch_add(1, Ordering::Relaxed) < MAX_SHOWN;
        let say = || {
            if is_shown {
                let (path, message) = (shown(&problem.path), problem.error.message());
                self.output.complain(&format!("/{path}: {message}"));
            }
        };
        match &self.bar {
            Some(bar) => bar.suspend(say),
            None => say(),
        }
        self.write(|| {
            let mut object = Map::new();
            object.insert("type".to_owned(), "problem".into());
            object.insert(
                "reason".to_owned(),
                format!("{:?}", problem.error.reason()).into(),
            );
            object.insert("message".to_owned(), problem.error.message().into());
            json_path(&mut object, &problem.path);
            Value::Object(object)
        });
    }

    fn one_writer(&self) {
        if !self.warned.swap(true, Ordering::Relaxed) {
            self.output.complain(ONE_WRITER);
            self.write(|| json!({ "type": "warning", "warning": "single-writer" }));
        }
    }

    fn entry(&self, path: &[u8], unchanged: bool, bytes: u64) {
        let mark = if unchanged { '=' } else { '+' };
        self.text(|| format!("{mark} /{}", shown(path)));
        self.write(|| {
            let mut object = Map::new();
            object.insert("type".to_owned(), "entry".into());
            object.insert("unchanged".to_owned(), unchanged.into());
            object.insert("bytes".to_owned(), bytes.into());
            json_path(&mut object, path);
            Value::Object(object)
        });
    }

    fn excluded(&self, path: &[u8], rule: &str) {
        self.text(|| format!("- /{}  ({rule})", shown(path)));
        self.write(|| {
            let mut object = Map::new();
            object.insert("type".to_owned(), "excluded".into());
            object.insert("rule".to_owned(), rule.into());
            json_path(&mut object, path);
            Value::Object(object)
        });
    }

    /// An operation goes on when nobody reads what it says: there is nothing to break off here.
    fn text(&self, text: impl FnOnce() -> String) {
        if !self.output.is_json() {
            let _ = self.output.line(&text());
        }
    }

    fn write(&self, value: impl FnOnce() -> Value) {
        let _ = self.output.json(value);
    }
}

impl Observer for Watch {
    fn on_event(&self, event: &Event<'_>) {
        match event {
            Event::Phase(phase) => {
                if let Some(bar) = &self.bar {
                    bar.set_message(name(*phase));
                    bar.tick();
                }
                self.write(|| json!({ "type": "phase", "phase": name(*phase) }));
            }
            Event::Progress(progress) => self.progress(progress),
            Event::Snapshot { id, done, of } => {
                self.write(|| {
                    json!({ "type": "copying", "snapshot": id.to_string(), "done": done, "of": of })
                });
            }
            Event::WarmUp(progress) => self.warm_up(progress),
            Event::SingleWriter => self.one_writer(),
            Event::Problem(problem) => self.problem(problem),
            Event::Entry {
                path,
                unchanged,
                bytes,
            } if self.lists => self.entry(path, *unchanged, *bytes),
            Event::Excluded { path, rule } if self.lists => self.excluded(path, rule),
            _ => {}
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.end();
    }
}

fn name(phase: Phase) -> &'static str {
    match phase {
        Phase::Prepare => "reading the journal and the index",
        Phase::Store => "storing",
        Phase::Commit => "writing the journal entry",
        Phase::Plan => "planning",
        Phase::Restore => "restoring",
        Phase::Finish => "finishing directories",
        _ => "working",
    }
}

fn show(bar: &ProgressBar, progress: &Progress) {
    if let Some(total) = progress.bytes_total.filter(|total| *total > 0)
        && bar.length().is_none()
    {
        bar.set_length(total);
        bar.set_style(style(
            "{bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta} {wide_msg}",
        ));
    } else if bar.length().is_none() {
        bar.set_style(style("{spinner} {bytes} {bytes_per_sec} {wide_msg}"));
    }
    bar.set_position(progress.bytes);
    bar.set_message(format!(
        "{} entries  {}",
        progress.entries,
        shown(&progress.current)
    ));
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
