//! Forgetting: which snapshots are let go, and why. It frees nothing by itself; a prune does.

mod clock;
mod options;
mod plan;
#[cfg(test)]
mod tests;

use std::collections::HashSet;

use strongroom_crypt::{Id, Roles};
use strongroom_format::{Body, Forget, ObjectHash};

pub use self::clock::ClockTrust;
pub use self::options::{Choice, ForgetOptions};
pub use self::plan::ForgetPlan;
use crate::edge::{self, Remote};
use crate::error::{Error, ErrorKind, Result};
use crate::repository::Repository;
use crate::state::State;

/// What was forgotten.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ForgetReport {
    /// Snapshots that were forgotten.
    pub forgotten: Vec<Id>,
    /// Snapshots that somebody else has forgotten since the plan was made.
    pub already: Vec<Id>,
    /// The journal entries that say so, with their hashes: none if there was nothing left to forget.
    pub entries: Vec<(u64, ObjectHash)>,
}

impl Repository {
    /// Plans what to forget. The plan has every snapshot with its verdict and the reasons, in groups, and changes nothing.
    ///
    /// Held and pinned snapshots are kept whatever the options say, and so is, under rules, what is dated after now. Where clocks
    /// contradict each other, retention waits: see [`ClockTrust`].
    ///
    /// # Errors
    ///
    /// `Invalid` when a group would be left without a (complete) snapshot and is not among those that may be, naming it, or when the
    /// policy breaks its contract; `NotFound` when a snapshot that is named is not in force; otherwise as [`snapshots`](Self::snapshots).
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves nothing behind.
    pub async fn plan_forget(&self, options: ForgetOptions) -> Result<ForgetPlan> {
        let this = self.clone();
        edge::run(self.store(), "strongroom-plan-forget", move |remote| {
            let context = this.context();
            let state = this.journal().refresh(remote, context)?;
            let now = options
                .now
                .unwrap_or_else(|| context.components.clock.now());
            let plan = ForgetPlan::make(context.repository, options, now, &state)?;
            Ok(plan.warned(context, &state))
        })
        .await
    }

    /// Forgets what a plan says.
    ///
    /// The plan is decided again, with its own `now`, on the state just before each journal entry. Snapshots that came since do not
    /// matter by themselves, and those that somebody else has forgotten meanwhile are left out. Until something prunes, what was
    /// forgotten can be brought back by [`undelete`](Self::undelete).
    ///
    /// # Errors
    ///
    /// `Stale` when a snapshot that the plan forgets would be kept now, because it is held or for any other reason, or when a group
    /// would now be emptied; make another plan. `Invalid` when the plan is of another repository. `WrongKey` when this handle's keys are not a maintainer's; otherwise as
    /// [`snapshots`](Self::snapshots).
    ///
    /// # Cancellation
    ///
    /// Dropping the future may leave all, a part or nothing forgotten.
    pub async fn forget(&self, plan: ForgetPlan) -> Result<ForgetReport> {
        if plan.repository != self.id() {
            let what = "the plan is of another repository";
            return Err(Error::new(ErrorKind::Invalid, what));
        }
        let this = self.clone();
        edge::run(self.store(), "strongroom-forget", move |remote| {
            let state = this.journal().refresh(remote, this.context())?;
            let (targets, already): (Vec<Id>, Vec<Id>) = plan
                .forgotten()
                .partition(|id| state.snapshot(id).is_some());
            let mut report = ForgetReport {
                already,
                ..ForgetReport::default()
            };
            for part in targets.chunks(MOST_IN_AN_ENTRY) {
                forget_part(&this, remote, &plan, part, &mut report)?;
            }
            this.journal().keep(this.context());
            Ok(report)
        })
        .await
    }
}

/// Forgets what one entry has room for.
fn forget_part(
    repository: &Repository,
    remote: &Remote,
    plan: &ForgetPlan,
    part: &[Id],
    report: &mut ForgetReport,
) -> Result<()> {
    let mut targets = Vec::new();
    let mut make = |state: &State| {
        let in_force = |id: &&Id| state.snapshot(id).is_some();
        targets = part.iter().filter(in_force).copied().collect();
        if targets.is_empty() {
            return Err(Error::new(ErrorKind::Stale, "nothing is left to forget"));
        }
        let emptied = plan.check(&targets, state)?;
        Ok(Body::Forget(Forget {
            snapshots: targets.clone(),
            emptied,
            ..Forget::default()
        }))
    };
    let context = repository.context();
    let appended = repository
        .journal()
        .append(remote, context, Roles::MAINTAINER, &mut make);
    match appended {
        // Others were faster with all of it.
        Err(_) if targets.is_empty() => {}
        appended => {
            let appended = appended?;
            report.entries.push((appended.n, appended.hash));
        }
    }
    report.forgotten.extend(&targets);
    let targets: HashSet<Id> = targets.into_iter().collect();
    let already = part.iter().filter(|id| !targets.contains(id));
    report.already.extend(already);
    Ok(())
}

/// Ids of this many snapshots take a quarter of what an entry may have.
const MOST_IN_AN_ENTRY: usize = 16_384;
