//! What workers do beside backups: prune and delete, with ages so short that sleepers lose what they have stored.

use std::sync::Arc;
use std::time::Duration;

use strongroom::{DeleteOptions, Error, ErrorKind, PruneOptions, Reframe, Unused};

use super::tally;
use super::worker::{Worker, described};

impl Worker {
    /// Drops what nothing needs.
    pub(super) fn prune(&mut self) -> anyhow::Result<()> {
        let options = self.prune_options();
        let observer = Arc::new(());
        let plan = match self.repository.plan_prune(options, observer.clone()) {
            Ok(plan) => plan,
            Err(error) => return self.was_refused("plan a prune", &error),
        };
        if plan.is_empty() {
            return self.note(tally::counted("prunes with nothing to do", 1));
        }
        match self.repository.prune(plan, observer) {
            Ok(done) => {
                for problem in &done.problems {
                    self.prune_problem(problem)?;
                }
                self.note(tally::counted("packs dropped", done.dropped_packs))?;
                self.note(tally::counted("orphans dropped", done.dropped_orphans))?;
                self.note(tally::counted("sessions given up", done.sessions))?;
                if let Some(why) = &done.stopped {
                    self.note(tally::overtaken(
                        "prunes stopped early",
                        "prune",
                        &format!("{why:?}"),
                    ))?;
                }
                self.note(tally::counted("prunes", 1))
            }
            Err(error) => self.was_refused("prune", &error),
        }
    }

    /// A pack that is not there any more was dropped by another prune, and deleted.
    fn prune_problem(&mut self, problem: &Error) -> anyhow::Result<()> {
        let what = described(problem);
        match problem.kind() {
            ErrorKind::NotFound => self.note(tally::overtaken("overtaken", "prune", &what)),
            _ => self.was_refused("prune", problem),
        }
    }

    /// Deletes what anybody dropped.
    pub(super) fn delete(&mut self) -> anyhow::Result<()> {
        let age = self.age(&[0, 1, 3, 5, 8]);
        let options = DeleteOptions::default().with_min_age(age);
        let plan = match self.repository.plan_delete(options) {
            Ok(plan) => plan,
            Err(error) => return self.was_refused("plan a deletion", &error),
        };
        match self.repository.delete_dropped(plan, Arc::new(())) {
            Ok(done) => {
                for problem in &done.problems {
                    self.was_refused("delete", problem)?;
                }
                self.note(tally::counted("objects deleted", done.deleted))?;
                self.note(tally::counted("deletes", 1))
            }
            Err(error) => self.was_refused("delete", &error),
        }
    }

    /// Ages so short that sleepers lose what they have uploaded.
    fn prune_options(&mut self) -> PruneOptions {
        let unused = [Unused::Share(0.05), Unused::Bytes(0), Unused::Unlimited];
        let reframe = if self.chance.happens(0.7) {
            Reframe::Auto
        } else {
            Reframe::Never
        };
        PruneOptions::default()
            .with_orphan_age(self.age(&[0, 3, 5, 10, 20]))
            .with_session_age(self.age(&[0, 5, 10, 20, 60]))
            .with_max_unused(
                self.chance
                    .one_of(&unused)
                    .copied()
                    .unwrap_or(Unused::Share(0.05)),
            )
            .with_reframe(reframe)
            .with_condemn(self.chance.happens(0.15))
    }

    fn age(&mut self, seconds: &[u64]) -> Duration {
        Duration::from_secs(self.chance.one_of(seconds).copied().unwrap_or_default())
    }
}
