//! Puts Bridges in the places of lost entries.

use std::sync::Arc;

use strongroom_crypt::{Roles, SessionId};
use strongroom_format::{Body, Bridge, ObjectHash, SegmentRef};
use strongroom_store::Store;

use super::plan::{JournalRepairPlan, JournalRepairReport};
use super::survey::{Extent, Patch, Sources, Survey};
use crate::context::{get_if_there, put_own};
use crate::edge::{self, Access, Remote};
use crate::error::{Error, ErrorKind, Result};
use crate::features::{may_maintain, may_write};
use crate::index::builder_of_headers;
use crate::journal::{Replay, View};
use crate::pack_writer::put_segment;
use crate::pair;
use crate::repository::Repository;
use crate::settings::Execution;

impl Repository {
    /// Finds out what of the journal is lost, and what a repair would put in its place. Changes nothing, and finds nothing to do in a journal that is whole.
    ///
    /// It looks for lost entries in every place where they may be: bundles, copies, what this machine's cache has, the journal of
    /// `other` (a mirror, a replica). For what the lost entries did it looks at checkpoints behind them and at this machine's cache, and, if these do not tell, at
    /// the packs that are there.
    ///
    /// # Errors
    ///
    /// `Rollback` and `Fork` when the store does not have what this handle or this machine's cache has seen of the journal, nor a Bridge in
    /// its place: fewer entries, or others. That is no damage of the journal, and a repair would make it good.
    /// `Damaged` when the first entry is lost with its copy: nothing can stand for it, and [`RepositoryBuilder::salvage`](crate::RepositoryBuilder::salvage) is what
    /// remains. `WrongKey` without the admin's key. `Incompatible` when a later version is needed. Otherwise what the stores said: nothing counts as lost
    /// that could not be looked for.
    ///
    /// # Cancellation
    ///
    /// Dropping the future changes nothing.
    pub async fn plan_journal_repair(
        &self,
        other: Option<Arc<dyn Store>>,
    ) -> Result<JournalRepairPlan> {
        let this = self.clone();
        let execution = self.context().components.execution;
        with_other(self.store(), other, execution, move |remote, other| {
            this.look(remote, other, None)
        })
        .await
    }

    /// Carries a repair out, if the journal is as it was when it was planned. `other` is the store with which it was planned.
    ///
    /// Nothing is replaced or deleted: what is put is put where nothing is. This handle, if it was opened around the damage, then reads and
    /// writes as any other.
    ///
    /// # Errors
    ///
    /// `Rollback` and `Fork` as in [`plan_journal_repair`](Self::plan_journal_repair): this handle and its cache then stay as they are.
    /// `Stale` when the plan would be another now, or somebody else repairs at the same time: plan again. `Incompatible` when a later
    /// version forbids this one to maintain. `WrongKey` without the admin's key. Otherwise what the store said.
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves a journal of which less is lost, or nothing; plan again.
    pub async fn repair_journal(
        &self,
        plan: &JournalRepairPlan,
        other: Option<Arc<dyn Store>>,
    ) -> Result<JournalRepairReport> {
        let (this, plan) = (self.clone(), plan.clone());
        let execution = self.context().components.execution;
        let access = self.store().writable();
        with_other(access, other, execution, move |remote, other| {
            this.close(remote, other, &plan)
        })
        .await
    }

    fn look(
        &self,
        remote: &Remote,
        other: Option<&Remote>,
        segment: Option<SegmentRef>,
    ) -> Result<JournalRepairPlan> {
        let context = self.context();
        let journal = self.journal();
        let remembered = journal.remembered(context);
        // What was seen before the store is asked must be there, or a Bridge in its place: no repair makes good for a store that went back.
        let seen = journal.seen(remembered.as_ref());
        let sources = Sources {
            remembered,
            // A handle that was opened around the damage has read no more than there is.
            view: (journal.damage().is_none()).then(|| journal.read_so_far()),
            seen: seen.clone(),
            other,
        };
        let survey = Survey::of(remote, context, &sources, Extent::Packs, segment)?;
        if let Some(survey) = survey {
            journal.check_length(survey.damage.end)?;
            return Ok(JournalRepairPlan {
                last: survey.past.state.link().previous,
                damage: Some(survey.damage),
                unnamed: Vec::new(),
                patches: survey.patches,
            });
        }
        let replay = Replay::of_entries(remote, context);
        let mut view = View::before_genesis(context.config_hash);
        replay.read_all_with(&mut view, &seen)?;
        journal.check_length(view.state.head)?;
        let bridges = view.state.bridges.values();
        let unnamed = bridges.filter(|one| !view.state.confirmed.contains_key(&one.n));
        Ok(JournalRepairPlan {
            damage: None,
            unnamed: unnamed.map(|one| (one.n, one.hash)).collect(),
            patches: Vec::new(),
            last: view.state.head_hash,
        })
    }

    fn close(
        &self,
        remote: &Remote,
        other: Option<&Remote>,
        plan: &JournalRepairPlan,
    ) -> Result<JournalRepairReport> {
        let context = self.context();
        let mut now = self.look(remote, other, None)?;
        // Where nothing follows the last lost entry, the next entry follows what is put there, which is made anew.
        now.last = plan.last;
        if !now.would_do_the_same(plan) {
            let what = "the journal is not as it was when its repair was planned";
            return Err(Error::new(ErrorKind::Stale, what));
        }
        let mut report = JournalRepairReport::default();
        let mut named = now.unnamed.clone();
        if let Some(damage) = &now.damage {
            let known = self.journal().state();
            may_write(context, &known)?;
            may_maintain(context, &known)?;
            report.found_packs = damage.found_packs.len() as u64;
            report.gone_packs = damage.gone_packs.len() as u64;
            let packs = damage.found_packs.iter();
            let (builder, mapped) = builder_of_headers(remote, context, packs)?;
            if !mapped.is_empty() {
                let nobody = SessionId::from_bytes([0; SessionId::LEN]);
                let (segment, _) = put_segment(remote, context, nobody, builder)?;
                now = self.look(remote, other, Some(segment))?;
            }
        }
        for patch in &now.patches {
            put(remote, patch)?;
            match patch.is_original {
                true => report.restored.push(patch.n),
                false => {
                    report.bridged.push(patch.n);
                    named.push((patch.n, patch.hash));
                }
            }
        }
        self.journal().thaw(remote, context)?;
        if !named.is_empty() {
            self.name(remote, &named)?;
        }
        report.head = self.journal().state().head;
        Ok(report)
    }

    /// Names the Bridges at the end of the journal, so that whoever has read something else in their places reads anew.
    fn name(&self, remote: &Remote, bridges: &[(u64, ObjectHash)]) -> Result<()> {
        let body = Bridge {
            confirmed: bridges.to_vec(),
            reason: "entries are lost, and bridges stand in their places".to_owned(),
            ..Bridge::default()
        };
        let journal = self.journal();
        journal.append(remote, self.context(), Roles::ADMIN, &mut |_| {
            Ok(Body::Bridge(Box::new(body.clone())))
        })?;
        Ok(())
    }
}

/// Puts what stands in the place of an entry.
fn put(remote: &Remote, patch: &Patch) -> Result<()> {
    // A store of single-writer mode may replace what is there.
    let taken = || {
        let what = "somebody else repairs the journal";
        Error::new(ErrorKind::Stale, what).object_named(&*patch.object)
    };
    if get_if_there(remote, &patch.object)?.is_some_and(|there| there != patch.bytes) {
        return Err(taken());
    }
    match put_own(remote, &patch.object, &patch.bytes) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(taken()),
        other => other,
    }
}

/// Runs `work` with another store at hand, if there is one.
async fn with_other<T: Send + 'static>(
    access: Access,
    other: Option<Arc<dyn Store>>,
    execution: Execution,
    work: impl FnOnce(&Remote, Option<&Remote>) -> Result<T> + Send + 'static,
) -> Result<T> {
    let name = "strongroom-journal-repair";
    match other {
        None => edge::run(access, name, move |remote| work(remote, None)).await,
        Some(other) => {
            let other = Access::new(other, execution).minding(access.manners());
            let work = move |other: &Remote, remote: &Remote| work(remote, Some(other));
            pair::between(other, access, name, work).await
        }
    }
}
