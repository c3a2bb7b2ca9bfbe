//! From the source's walk to groups of work.

use crossbeam_channel::Receiver;
use strongroom_format::NodeKind;

use super::Run;
use super::group::{Group, Step};
use super::judge::{Entered, Judge, Verdict};
use super::large::LargeJob;
use super::worker::Job;
use crate::edge::cancelled;
use crate::error::{Error, ErrorKind, Result};
use crate::observer::Event;
use crate::outlet::Outlet;
use crate::source::{BatchItem, Entry, Fill, WalkEvent};

/// Files above this have a reader of their own.
const LARGE_BYTES: u64 = 1 << 20;

/// Where groups go.
#[derive(Debug)]
pub(super) struct Outlets<'a> {
    /// A group may begin for every message here: the tree builder sends one when it is done with a group.
    pub(super) credits: Receiver<()>,
    pub(super) jobs: Outlet<'a, Job>,
    pub(super) large: Outlet<'a, LargeJob>,
    pub(super) results: Outlet<'a, Result<Group>>,
}

/// Walks the source to its end.
pub(super) fn plan<'r>(run: &'r Run<'_>, judge: Judge<'r>, outlets: Outlets<'r>) -> Result<()> {
    let mut planner = Planner {
        run,
        judge,
        outlets,
        group: Group::default(),
        bytes: 0,
    };
    let failed =
        |error| Error::new(ErrorKind::Source, "the source cannot be read").caused_by(error);
    let mut walk = run.source.walk().map_err(failed)?;
    let mut events = Vec::new();
    let mut more = true;
    while more {
        run.remote.before_step()?;
        more = walk.next(&mut events);
        for event in events.drain(..) {
            planner.event(event)?;
            if planner.group.is_full(planner.bytes) {
                planner.send()?;
            }
        }
    }
    planner.send()
}

struct Planner<'r, 'a> {
    run: &'r Run<'a>,
    judge: Judge<'r>,
    outlets: Outlets<'r>,
    group: Group,
    bytes: u64,
}

impl Planner<'_, '_> {
    fn event(&mut self, event: WalkEvent) -> Result<()> {
        let step = match event {
            WalkEvent::Enter(entry) => match self.judge.enter(&entry) {
                Entered::Known(record) => Step::EnterKnown(record),
                Entered::Changed => Step::EnterFilled(self.ask(entry, false)),
            },
            WalkEvent::Leave => {
                self.judge.leave();
                Step::Leave
            }
            WalkEvent::Item(entry) => match self.judge.item(&entry)? {
                Verdict::Known(recorded) => Step::Known(recorded),
                Verdict::Changed => self.changed(entry)?,
            },
            WalkEvent::Problem(problem) => Step::Problem(problem),
            WalkEvent::Excluded { path, rule } => {
                self.run.observer.on_event(&Event::Excluded {
                    path: &path,
                    rule: &rule,
                });
                return Ok(());
            }
        };
        self.group.steps.push(step);
        Ok(())
    }

    fn changed(&mut self, entry: Entry) -> Result<Step> {
        let kind = entry.node.kind;
        let has_content = matches!(kind, NodeKind::File | NodeKind::Stream);
        if has_content && (kind == NodeKind::Stream || entry.node.size > LARGE_BYTES) {
            let (reply, answer) = crossbeam_channel::bounded(1);
            self.outlets.large.send(LargeJob { entry, reply })?;
            return Ok(Step::Large(answer));
        }
        self.bytes += if has_content { entry.node.size } else { 0 };
        Ok(Step::Filled(self.ask(entry, has_content)))
    }

    fn ask(&mut self, entry: Entry, want_content: bool) -> usize {
        let items = &mut self.group.batch.items;
        items.push(BatchItem {
            entry,
            want_content,
            fill: Fill::Pending,
        });
        items.len() - 1
    }

    fn send(&mut self) -> Result<()> {
        if self.group.steps.is_empty() {
            return Ok(());
        }
        self.outlets.credits.recv().map_err(|_| cancelled())?;
        let next = Group {
            number: self.group.number + 1,
            ..Group::default()
        };
        let group = std::mem::replace(&mut self.group, next);
        self.bytes = 0;
        match group.has_work() {
            // Whoever does it asks before.
            true => self.outlets.jobs.send(Job::Group(group)),
            false => {
                self.run.remote.before_batch()?;
                self.outlets.results.send(Ok(group))
            }
        }
    }
}
