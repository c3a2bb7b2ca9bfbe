//! Pruning: what no snapshot needs is dropped from what is in force, concurrently with everybody else.
//!
//! ```text
//! journal ─► snapshots ─► pages ─► one bit a row of the index ─► figures of each pack ─► plan
//! plan ─► batches: new packs ─► segment ─► Tombstone, checked over exactly the entries before it
//! ```

mod apply;
mod choose;
mod figures;
mod ground;
mod inspect;
mod mark;
mod options;
mod orphans;
mod plan;
mod refuse;
mod repack;
mod report;
mod retired;
#[cfg(feature = "testing")]
pub(crate) mod scale;
mod spill;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use strongroom_crypt::{Id, SessionId};
use strongroom_format::object_name::ObjectName;
use strongroom_format::{ObjectHash, PackClass};

use self::apply::{Basis, RepackSource};
use self::choose::{Choice, Grounds};
pub use self::choose::{PackAction, PackDecision, PackReason};
use self::figures::{Figures, NewestUse};
use self::ground::Ground;
use self::inspect::{Headers, Reframing, inspect};
use self::mark::{Marker, Pages, StoredPages};
pub use self::options::{ColdContent, PruneOptions, Reframe, Unused};
pub(crate) use self::orphans::Listed;
pub use self::orphans::Orphan;
use self::orphans::{OrphanMemory, Orphans};
pub use self::plan::{PruneFigures, PrunePlan, Requests};
pub(crate) use self::refuse::unreadable_index as refuse_unreadable;
pub use self::report::{PruneReport, Stopped};
use self::spill::SpillPlace;
use crate::backup::retired_epochs;
use crate::blobs::Blobs;
use crate::delete::MayDelete;
use crate::edge::{self, Remote};
use crate::error::Result;
use crate::features::may_maintain;
use crate::index::{Index, Marks, WeakFrames, is_loss};
use crate::journal::History;
use crate::observer::{Event, Observer, Phase};
use crate::pack_writer::pack_bytes;
use crate::repository::Repository;
use crate::state::State;

impl Repository {
    /// Finds out what no snapshot needs, and decides what becomes of it. Writes nothing; to see whether it may delete,
    /// it asks the store to delete an object that is never there.
    ///
    /// The journal is read from its first entry, packs and segments are listed, the reference lists of all snapshots are followed, and the
    /// headers of packs are read of which only parts of frames are needed. No content key is used.
    ///
    /// Memory: at most 9 bits for each blob of the index, those that the index itself holds, and 2 more; and a constant.
    ///
    /// # Errors
    ///
    /// `Damaged` names what cannot be read and without which it is not known what is needed: nothing is pruned then. `Incompatible` when
    /// a later version is needed. `Invalid` for options out of range. Otherwise what the store said.
    ///
    /// # Cancellation
    ///
    /// Dropping the future changes nothing.
    pub async fn plan_prune(
        &self,
        options: PruneOptions,
        observer: Arc<dyn Observer>,
    ) -> Result<PrunePlan> {
        let this = self.clone();
        edge::run(self.store(), "strongroom-plan-prune", move |remote| {
            make_plan(&this, remote, options, observer.as_ref())
        })
        .await
    }

    /// Carries a plan out. Nothing is deleted: what is dropped stays where it is until [`delete_dropped`](Self::delete_dropped).
    ///
    /// What others do meanwhile is taken into account: a pack that a new snapshot needs stays, and so does what a session announced that
    /// was taken to be dead. What is done is done in small entries, each valid by itself.
    ///
    /// # Errors
    ///
    /// `Stale` when the plan stands on something that is not so any more, such as a pack that another prune has dropped, and nothing of it
    /// could be done; when something could, the report says why the rest was not. `Invalid` when the plan is of another repository.
    /// Otherwise as [`plan_prune`](Self::plan_prune).
    ///
    /// # Cancellation
    ///
    /// Dropping the future ends it between two requests. At worst packs remain that no entry names; a later prune finds them.
    pub async fn prune(&self, plan: PrunePlan, observer: Arc<dyn Observer>) -> Result<PruneReport> {
        let this = self.clone();
        edge::run(self.store(), "strongroom-prune", move |remote| {
            let report = apply::apply(&this, remote, plan, observer.as_ref());
            this.journal().keep(this.context());
            report
        })
        .await
    }
}

/// Decoded pages that are kept while trees are followed: they are read in the order in which they were written.
const PAGE_CACHE_BYTES: usize = 8 << 20;

/// Makes a plan, and another as long as what could not be read may have been moved by somebody else meanwhile.
fn make_plan(
    repository: &Repository,
    remote: &Remote,
    options: PruneOptions,
    observer: &dyn Observer,
) -> Result<PrunePlan> {
    options.check()?;
    observer.on_event(&Event::Phase(Phase::Prepare));
    let context = repository.context();
    let options = options.resolved(&context.settings);
    let mut tries = 0;
    loop {
        // Listed before the journal is read: what is added in between is then no orphan.
        let listed = Listed::read(remote)?;
        let history = repository.journal().history(remote, context)?;
        let head = history.state.head;
        tries += 1;
        match plan_at(
            repository,
            remote,
            (&listed, history),
            options.clone(),
            observer,
        ) {
            Err(error) if is_loss(&error) && tries < MAX_PLANS => {
                if repository.journal().refresh(remote, context)?.head == head {
                    return Err(error);
                }
            }
            other => return other,
        }
    }
}

/// Plans that may be overtaken in a row. Each means that somebody else has dropped something and deleted it at once.
const MAX_PLANS: u32 = 8;

/// Makes the plan for one state of the journal.
fn plan_at(
    repository: &Repository,
    remote: &Remote,
    (listed, history): (&Listed, History),
    options: PruneOptions,
    observer: &dyn Observer,
) -> Result<PrunePlan> {
    let context = repository.context();
    let state = Arc::clone(&history.state);
    may_maintain(context, &state)?;
    let index = repository.index(remote, &state)?;
    refuse::unreadable_index(&index)?;
    observer.on_event(&Event::Phase(Phase::Plan));
    let blobs = Blobs::new(
        remote.clone(),
        Arc::clone(context),
        Arc::clone(&index),
        PAGE_CACHE_BYTES,
    );
    let missing = listed.missing(&state, remote)?;
    let weak = retired::weak_frames(&index, &state, &blobs, &missing)?;
    let pages = StoredPages {
        blobs: blobs.clone(),
        remote,
    };
    let keys = context.keys();
    let reframing = Reframing::new(&keys, &state, &options);
    let place = SpillPlace::of(context);
    let survey = Survey::new(&state, &index, pages, place, &blobs, weak)?;
    let survey = survey.inspected(&blobs, &reframing, options.max_unused)?;
    let now = context.components.clock.now();
    let (given_up, announced) = sessions(&history, &options, now);
    let memory = context.settings.cache.as_deref();
    let memory = memory.map(|cache| OrphanMemory::new(cache, &context.repository));
    let orphans = Orphans::find(listed, &history, memory.as_ref(), options.orphan_age, now)?;
    let condemned: BTreeSet<_> = history.condemned.keys().copied().collect();
    let grounds = Grounds {
        figures: &survey.figures,
        options: &options,
        counts_trapped: reframing.has_content_keys(),
        condemned: &condemned,
        damaged: &state.damaged.keys().copied().collect(),
        announced: &announced,
        full_lens: CLASSES.map(|class| pack_bytes(context, class)),
    };
    let mut choice = grounds.choose();
    for one in &mut choice.decisions {
        let object = ObjectName::Pack(one.name);
        let lock = history.locks.of_content(&one.name, &object, None);
        one.locked_until = lock
            .map(|lock| lock.until)
            .filter(|until| *until > now.seconds);
    }
    let may_delete = MayDelete::ask(remote, context)?;
    let found = Found {
        history,
        index,
        survey,
        orphans,
        given_up,
    };
    Ok(PrunePlan {
        may_delete,
        ..found.plan(repository, options, choice)
    })
}

/// What is needed of what is stored.
#[derive(Debug)]
struct Survey {
    marks: Marks,
    figures: Figures,
    /// Pages that were followed.
    pages: u64,
    /// There is so much that nothing needs that what is dear to free is freed too.
    is_thorough: bool,
}

impl Survey {
    /// Marks what snapshots need, the newest of each series first, and adds it up.
    fn new<P: Pages, H: Headers>(
        state: &State,
        index: &Index,
        pages: P,
        place: Option<SpillPlace>,
        headers: &H,
        weak: WeakFrames,
    ) -> Result<Self> {
        let mut marks = Marks::new(index, weak.clone())?;
        let mut newest: BTreeMap<&str, u64> = BTreeMap::new();
        for (n, (_, snapshot)) in &state.snapshots {
            newest.insert(&snapshot.series, *n);
        }
        let newest: BTreeSet<u64> = newest.into_values().collect();
        let mut marker = Marker::new(&mut marks, pages).gathering_in(place);
        let mark = |marker: &mut Marker<'_, P>, is_newest: bool| {
            let newest_first = state.snapshots.iter().rev();
            let some = newest_first.filter(|(n, _)| newest.contains(n) == is_newest);
            some.into_iter().try_for_each(|(n, (id, snapshot))| {
                let marked = marker.snapshot(&snapshot.root);
                marked.map_err(|error| refuse::snapshot(*n, id, error))
            })
        };
        mark(&mut marker, true)?;
        let newest_use = NewestUse::new(marker.marks(), state)?;
        mark(&mut marker, false)?;
        let pages = marker.followed();
        marks.confirm(|pack| headers.finish(pack, headers.begin(pack)?))?;
        let figures = Figures::new(&marks, state, &weak, &newest_use)?;
        Ok(Self {
            marks,
            figures,
            pages,
            is_thorough: false,
        })
    }

    /// Looks into the packs of which only parts of frames are needed, and decides which of these are worth the effort.
    fn inspected<H: Headers>(
        mut self,
        headers: &H,
        reframing: &Reframing<'_>,
        may_stay: Unused,
    ) -> Result<Self> {
        inspect(&mut self.figures, &self.marks, headers, reframing)?;
        let counts_trapped = reframing.has_content_keys();
        self.is_thorough = self.figures.is_too_much(counts_trapped, may_stay);
        if self.is_thorough {
            self.figures.free_sparse();
        }
        Ok(self)
    }
}

/// Returns the sessions that are given up with what they announced, and what those announced that are waited for.
fn sessions(
    history: &History,
    options: &PruneOptions,
    now: strongroom_format::Time,
) -> (
    BTreeMap<SessionId, BTreeSet<ObjectHash>>,
    BTreeMap<ObjectHash, SessionId>,
) {
    let mut given_up = BTreeMap::new();
    let mut announced = BTreeMap::new();
    for (session, packs) in &history.state.sessions {
        let spoke = history.sessions.get(session);
        if spoke.is_some_and(|when| when.is_older(options.session_age, now)) {
            given_up.insert(*session, packs.clone());
        } else {
            announced.extend(packs.iter().map(|pack| (*pack, *session)));
        }
    }
    (given_up, announced)
}

/// What was found out for a plan.
struct Found {
    history: History,
    index: Arc<Index>,
    survey: Survey,
    orphans: Orphans,
    given_up: BTreeMap<SessionId, BTreeSet<ObjectHash>>,
}

impl Found {
    fn plan(self, repository: &Repository, options: PruneOptions, choice: Choice) -> PrunePlan {
        let figures = self.figures_of(&choice, &options, repository);
        let Self {
            history,
            index,
            survey,
            orphans,
            given_up,
        } = self;
        let Survey {
            marks,
            figures: packs,
            is_thorough,
            ..
        } = survey;
        let state = Arc::clone(&history.state);
        let decided = |action| {
            choice
                .decisions
                .iter()
                .filter(move |one| one.action == action)
        };
        let dead = plan::names(decided(PackAction::Drop));
        let repacked = plan::names(decided(PackAction::Repack));
        let sources = sources(&packs, &choice);
        let live = packs.packs.iter().filter(|pack| !pack.is_dead());
        let needed = live.map(|pack| pack.pack.name).collect();
        let sessions = given_up.keys().copied().collect();
        let ground = Ground {
            index,
            marks,
            snapshots: state
                .snapshots
                .values()
                .map(|(id, _)| *id)
                .collect::<BTreeSet<Id>>(),
            needed,
            mapping: state.segments.keys().copied().collect(),
            written: BTreeSet::new(),
            damaged: state.damaged.clone(),
            retired: retired_epochs(&state),
            doomed: dead.union(&repacked).copied().collect(),
            given_up,
            orphans: orphans
                .packs
                .iter()
                .chain(&orphans.segments)
                .copied()
                .collect(),
            history,
        };
        PrunePlan {
            repository: repository.id(),
            head: state.head,
            hash: state.head_hash,
            options,
            decisions: choice.decisions,
            sessions,
            orphans: orphans.all,
            figures,
            may_delete: MayDelete::Unknown,
            basis: Basis {
                ground,
                sources,
                is_thorough,
                orphaned_packs: orphans.packs,
                orphaned_segments: orphans.segments,
            },
        }
    }

    fn figures_of(
        &self,
        choice: &Choice,
        options: &PruneOptions,
        repository: &Repository,
    ) -> PruneFigures {
        let state = &self.history.state;
        let actions: BTreeMap<_, _> = choice
            .decisions
            .iter()
            .map(|one| (one.name, one.action))
            .collect();
        let mut figures = PruneFigures {
            snapshots: state.snapshots.len() as u64,
            packs: state.packs.len() as u64,
            index_rows: self.survey.marks.rows(),
            needed_blobs: self.survey.marks.count(),
            needed_pages: self.survey.pages,
            unused_bytes_before: choice.unused_before,
            unused_bytes_after: choice.unused_after,
            segments: state.segments.len() as u64,
            ..PruneFigures::default()
        };
        let segments = state
            .segments
            .values()
            .map(|segment| u64::from(segment.len));
        figures.stored_bytes = segments.sum();
        let mut written = [0; CLASSES.len()];
        for pack in &self.survey.figures.packs {
            let action = actions.get(&pack.pack.name).copied();
            figures.add(pack, action);
            let of_class = written.get_mut(pack.pack.class as usize);
            if let (Some(PackAction::Repack), Some(written)) = (action, of_class) {
                *written += pack.bytes_to_write();
            }
        }
        figures.add_locks(&choice.decisions);
        let given_up = self.orphans.all.iter().filter(|orphan| orphan.given_up);
        figures.orphaned_bytes = given_up.map(|orphan| orphan.len).sum();
        let goes = |name: &ObjectHash| {
            let action = actions.get(name);
            state.dropped.contains_key(name)
                || matches!(action, Some(PackAction::Drop | PackAction::Repack))
        };
        let empty = self.index.exhausted(goes).len();
        let groups = match options.merge_segments {
            true => self.index.to_merge(state),
            false => Vec::new(),
        };
        let merged: usize = groups.iter().map(Vec::len).sum();
        figures.replaced_segments = (empty + merged).min(state.segments.len()) as u64;
        let new_packs: u64 = CLASSES
            .iter()
            .zip(written)
            .map(|(class, bytes)| bytes.div_ceil(pack_bytes(repository.context(), *class) as u64))
            .sum();
        let dead = figures.dropped_packs - figures.repacked_packs + self.orphans.packs.len() as u64;
        let entries = apply::entries(dead, figures.written_bytes, figures.condemned_packs)
            + u64::from(dead == 0 && !self.given_up.is_empty())
            + groups.len() as u64;
        let new_segments = apply::batches(figures.written_bytes) + groups.len() as u64;
        let puts_a_pack = repository.context().settings.puts_a_pack();
        figures.requests = Requests {
            gets: figures.repacked_packs,
            heads: entries,
            puts: new_packs * puts_a_pack + new_segments + entries,
            ..Requests::default()
        };
        figures
    }
}

/// Returns the packs that are written anew, in the order of the decisions.
fn sources(figures: &Figures, choice: &Choice) -> Vec<RepackSource> {
    let infos = figures.packs.iter().filter_map(|pack| {
        let source = RepackSource {
            pack: pack.info.clone()?,
            needed_rows: pack.needed_rows,
        };
        Some((pack.pack.name, source))
    });
    let mut infos: HashMap<_, _> = infos.collect();
    let repacked = choice.decisions.iter();
    let repacked = repacked.filter(|one| one.action == PackAction::Repack);
    repacked.filter_map(|one| infos.remove(&one.name)).collect()
}

const CLASSES: [PackClass; 3] = [PackClass::Data, PackClass::Names, PackClass::Pages];
