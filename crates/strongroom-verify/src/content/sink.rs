//! Where a check of the content puts what it finds.

use std::sync::Arc;

use crate::observer::{Event, Observer, Stage};
use crate::{Area, Finding, Level, Problem, Report, Severity, Subject};

/// The report of a check, and who is told of it.
pub(crate) struct Sink {
    pub(crate) report: Report,
    pub(crate) observer: Arc<dyn Observer>,
}

impl Sink {
    /// Takes a finding and tells of it.
    pub(crate) fn found(&mut self, finding: Finding) {
        self.observer.on_event(&Event::Found(&finding));
        self.report.add(finding);
    }

    /// Makes and takes a finding.
    pub(crate) fn say(
        &mut self,
        severity: Severity,
        subject: Subject,
        problem: Problem,
        level: Level,
        detail: impl Into<String>,
    ) {
        self.found(Finding::new(severity, subject, problem, level).with_detail(detail));
    }

    pub(crate) fn count(&mut self, area: Area, level: Level, count: u64, bytes: u64) {
        self.report.coverage.add(area, level, count, bytes);
    }

    pub(crate) fn started(&self, stage: Stage<'_>) {
        self.observer.on_event(&Event::Started(stage));
    }

    pub(crate) fn advanced(&self, stage: Stage<'_>, done: u64, of: u64, bytes: u64) {
        self.observer.on_event(&Event::Advanced {
            stage,
            done,
            of,
            bytes,
        });
    }
}
