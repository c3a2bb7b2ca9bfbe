//! How workers forget, by rules in their own series and by name anywhere, and bring back.

use std::sync::Arc;

use strongroom::retain::{Count, KeepRules, Rule};
use strongroom::{Error, ErrorKind, ForgetOptions, ForgetPlan, SnapshotFilter};

use super::tally;
use super::worker::{LABEL, Worker, described};

impl Worker {
    /// Keeps the last few of the worker's own snapshots.
    pub(super) fn forget_by_rules(&mut self) -> anyhow::Result<()> {
        let last = 2 + u32::try_from(self.chance.below(4)).unwrap_or_default();
        let rules = KeepRules::new().with(Rule::Last(Count::new(last)?));
        let filter = SnapshotFilter::default().with_series(self.series());
        self.forget(ForgetOptions::by_rules(rules).with_filter(filter))
    }

    /// Forgets some snapshot of anybody.
    pub(super) fn forget_one(&mut self) -> anyhow::Result<()> {
        match self.any_snapshot("forget")? {
            Some(info) => self.forget(ForgetOptions::of([info.id])),
            None => Ok(()),
        }
    }

    fn forget(&mut self, options: ForgetOptions) -> anyhow::Result<()> {
        let plan = match self.repository.plan_forget(options) {
            Ok(plan) => plan,
            // Somebody else forgot it just now, or it is the last one of its series.
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Invalid) => {
                return self.note(tally::overtaken("overtaken", "forget", &described(&error)));
            }
            Err(error) => return self.was_refused("plan to forget", &error),
        };
        let snapshots: Vec<String> = plan.forgotten().map(|id| id.to_string()).collect();
        if snapshots.is_empty() {
            return Ok(());
        }
        self.note(tally::gives_up(&snapshots))?;
        self.carry_out(plan)
    }

    fn carry_out(&mut self, plan: ForgetPlan) -> anyhow::Result<()> {
        match self.repository.forget(plan) {
            Ok(done) => {
                self.note(tally::counted(
                    "snapshots forgotten",
                    done.forgotten.len() as u64,
                ))?;
                self.note(tally::counted("forgets", 1))
            }
            Err(error) => self.was_refused("forget", &error),
        }
    }

    /// Brings something back that anybody forgot.
    pub(super) fn undelete(&mut self) -> anyhow::Result<()> {
        let forgotten = match self.repository.forgotten() {
            Ok(forgotten) => forgotten,
            Err(error) => return self.was_refused("list what is forgotten", &error),
        };
        let recent = forgotten.get(forgotten.len().saturating_sub(RECENT)..);
        let Some(chosen) = self.chance.one_of(recent.unwrap_or_default()).cloned() else {
            return Ok(());
        };
        let plan = match self.repository.plan_undelete(chosen.id) {
            Ok(plan) if plan.is_possible() => plan,
            Ok(_) => return self.note(tally::counted("too late to bring back", 1)),
            Err(error) => return self.was_not_undeleted(&error),
        };
        match self.repository.undelete(plan, Arc::new(())) {
            Ok(done) => {
                let fingerprint = chosen.snapshot.labels.get(LABEL);
                let fingerprint = fingerprint.unwrap_or_default();
                self.note(tally::acknowledged(&done.snapshot.to_string(), fingerprint))?;
                self.note(tally::counted("snapshots brought back", 1))
            }
            Err(error) => self.was_not_undeleted(&error),
        }
    }

    /// Somebody else brought it back, or deleted what it needs.
    fn was_not_undeleted(&mut self, error: &Error) -> anyhow::Result<()> {
        match error.kind() {
            ErrorKind::Invalid | ErrorKind::NotFound => {
                self.note(tally::overtaken("overtaken", "undelete", &described(error)))
            }
            _ => self.was_refused("undelete", error),
        }
    }
}

/// Of those forgotten last, so many are thought of: what went long ago is deleted.
const RECENT: usize = 12;
