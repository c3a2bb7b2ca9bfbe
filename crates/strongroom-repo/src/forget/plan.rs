//! What would be forgotten.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

use strongroom_crypt::{Id, RepositoryId};
use strongroom_format::{Labels, ObjectHash, Outcome, Snapshot, Time};
use strongroom_retain::{
    Decision, Group, Loss, Moment, Plan, Reason, Retention, SnapshotInfo, Verdict,
};

use super::clock::{ClockTrust, Waiting};
use super::options::{Choice, ForgetOptions};
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::locks::utc;
use crate::state::State;

/// What would be forgotten, and why. It prints as a table; [`Repository::forget`](crate::Repository::forget) applies it.
#[derive(Debug, Clone)]
pub struct ForgetPlan {
    pub(super) repository: RepositoryId,
    options: ForgetOptions,
    now: Moment,
    head: (u64, ObjectHash),
    plan: Plan<Id>,
    promised: u64,
    promised_until: Option<i64>,
}

impl ForgetPlan {
    pub(super) fn make(
        repository: RepositoryId,
        options: ForgetOptions,
        now: Time,
        state: &State,
    ) -> Result<Self> {
        if let Choice::Snapshots(ids) = &options.choice
            && let Some(id) = ids.iter().find(|id| state.snapshot(id).is_none())
        {
            let what = format!("there is no snapshot {id}");
            return Err(Error::new(ErrorKind::NotFound, what));
        }
        let now = match options.choice {
            // What is forgotten by name may be dated as it likes.
            Choice::Snapshots(_) => Moment::utc(i64::MAX),
            _ => Moment::utc(now.seconds),
        };
        let plan = decide(&options, options.clock, now, state)?;
        Ok(Self {
            repository,
            options,
            now,
            head: (state.head, state.head_hash),
            plan,
            promised: 0,
            promised_until: None,
        })
    }

    /// Counts what is locked of that which would be forgotten.
    pub(super) fn warned(mut self, context: &Context, state: &State) -> Self {
        let Some(policy) = context.settings.object_lock else {
            return self;
        };
        let now = context.components.clock.now().seconds;
        let committed = self
            .plan
            .forgotten_ids()
            .filter_map(|id| state.snapshot(id));
        let promised = committed
            .map(|(_, snapshot)| policy.promise(snapshot.durable.seconds).until)
            .filter(|until| *until > now);
        let promised: Vec<i64> = promised.collect();
        self.promised = promised.len() as u64;
        self.promised_until = promised.into_iter().max();
        self
    }

    /// Returns how many of the snapshots that would be forgotten are promised to be locked still. To forget them frees nothing before their locks have
    /// ended, and until then they can be brought back.
    #[must_use]
    pub fn promised(&self) -> u64 {
        self.promised
    }

    /// Returns when the last of these promises ends, in seconds since 1970. Objects may be locked for somewhat longer.
    #[must_use]
    pub fn promised_until(&self) -> Option<i64> {
        self.promised_until
    }

    /// Returns the snapshots that would be forgotten.
    pub fn forgotten(&self) -> impl Iterator<Item = Id> {
        self.plan.forgotten_ids().copied()
    }

    /// Returns the snapshots that are kept.
    pub fn kept(&self) -> impl Iterator<Item = Id> {
        self.plan.kept_ids().copied()
    }

    /// Returns the groups, each with its snapshots, the newest first, and what becomes of each and why.
    #[must_use]
    pub fn groups(&self) -> &[Group<Id>] {
        self.plan.groups()
    }

    /// Returns what becomes of a snapshot, and why; `None` if the plan does not look at it.
    #[must_use]
    pub fn decision(&self, id: &Id) -> Option<&Decision<Id>> {
        self.plan.decision(id)
    }

    /// Returns the decisions as `strongroom-retain` made them.
    #[must_use]
    pub fn retention(&self) -> &Plan<Id> {
        &self.plan
    }

    /// Returns the head of the journal that the plan was made from: how many entries there were, and the hash of the last.
    #[must_use]
    pub fn head(&self) -> (u64, ObjectHash) {
        self.head
    }

    /// Says whether nothing would be forgotten.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.plan.is_empty()
    }

    /// Returns how many journal entries applying it puts. Each is a put and a look whether a later one is there.
    #[must_use]
    pub fn puts(&self) -> u64 {
        let forgotten = self.plan.forgotten_ids().count();
        forgotten.div_ceil(super::MOST_IN_AN_ENTRY) as u64
    }

    /// Makes sure that these snapshots, which are in force, would be forgotten in this state too. Returns the texts of the groups
    /// that are emptied by it.
    pub(super) fn check(&self, targets: &[Id], state: &State) -> Result<Vec<String>> {
        let stale = |what: String| Error::new(ErrorKind::Stale, what);
        // Clocks were looked at when the plan was made; what is dated after that is no measure of anything in it.
        let now = decide(&self.options, ClockTrust::Trust, self.now, state).map_err(|error| {
            stale("the plan would not be made any more".to_owned()).caused_by(error)
        })?;
        let decisions: HashMap<&Id, &Decision<Id>> = now
            .decisions()
            .map(|decision| (&decision.snapshot().id, decision))
            .collect();
        let kept = targets.iter().find_map(|id| match decisions.get(id) {
            Some(decision) if !decision.is_kept() => None,
            Some(decision) => Some((id, decision.why())),
            None => Some((id, "it is another one".to_owned())),
        });
        if let Some((id, why)) = kept {
            return Err(stale(format!("snapshot {id} would be kept now: {why}")));
        }
        let targets: BTreeSet<&Id> = targets.iter().collect();
        let goes = |decision: &Decision<Id>| targets.contains(&decision.snapshot().id);
        let emptied = now
            .groups()
            .iter()
            .filter(|group| group.is_emptied() && group.decisions().iter().any(goes));
        Ok(emptied.map(|group| group.key().to_string()).collect())
    }
}

/// Two plans are equal if they say the same of the same snapshots, whatever the state they were made from.
impl PartialEq for ForgetPlan {
    fn eq(&self, other: &Self) -> bool {
        self.repository == other.repository && self.plan == other.plan
    }
}

impl Eq for ForgetPlan {}

impl fmt::Display for ForgetPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.plan)?;
        if let Some(until) = self.promised_until {
            writeln!(
                f,
                "{} of those that are forgotten are locked until {}: nothing of them is free before that",
                self.promised,
                utc(until)
            )?;
        }
        let (forgotten, kept) = (self.forgotten().count(), self.kept().count());
        write!(
            f,
            "forgets {forgotten} and keeps {kept}; reads nothing, puts {} journal entries, deletes nothing",
            self.puts()
        )
    }
}

fn decide(
    options: &ForgetOptions,
    clock: ClockTrust,
    now: Moment,
    state: &State,
) -> Result<Plan<Id>> {
    let mut entries = HashMap::new();
    let mut infos = Vec::new();
    let mut texts = Texts::default();
    let held = state.held();
    for (n, (id, snapshot)) in &state.snapshots {
        if options.filter.matches(snapshot) {
            entries.insert(*id, *n);
            let is_held = held.has(id, snapshot);
            infos.push(texts.info(options, is_held, *n, id, snapshot));
        }
    }
    let named;
    let policy: &dyn Retention<Id> = match &options.choice {
        Choice::Rules(rules) => rules,
        Choice::Policy(policy) => policy,
        Choice::Snapshots(ids) => {
            named = Named(ids);
            &named
        }
    };
    let waiting = Waiting {
        policy,
        entries: &entries,
    };
    let trusted = clock == ClockTrust::Trust || matches!(options.choice, Choice::Snapshots(_));
    let policy = if trusted { policy } else { &waiting };
    strongroom_retain::plan(
        &infos,
        &options.group_by,
        policy,
        now,
        &options.may_be_emptied,
    )
    .map_err(|error| Error::new(ErrorKind::Invalid, error.to_string()).caused_by(error))
}

/// Orders what began in the same second: by its fraction, then by the journal.
fn sequence(n: u64, snapshot: &Snapshot) -> u64 {
    u64::from(snapshot.began.nanos) << 32 | (n & u64::from(u32::MAX))
}

/// Texts that many snapshots have in common, each once.
#[derive(Debug, Default)]
struct Texts<'a> {
    series: HashMap<&'a str, Arc<str>>,
    labels: HashMap<&'a Labels, Arc<BTreeMap<String, String>>>,
    tags: HashMap<&'a [String], Arc<BTreeSet<String>>>,
}

impl<'a> Texts<'a> {
    fn info(
        &mut self,
        options: &ForgetOptions,
        held: bool,
        n: u64,
        id: &Id,
        snapshot: &'a Snapshot,
    ) -> SnapshotInfo<Id> {
        let moment = Moment {
            unix_seconds: snapshot.began.seconds,
            utc_offset_seconds: snapshot.utc_offset_seconds.unwrap_or(0),
        };
        let mut info = SnapshotInfo::new(*id, moment).with_sequence(sequence(n, snapshot));
        let series = self.series.entry(&snapshot.series);
        info.series = Arc::clone(series.or_insert_with_key(|series| Arc::from(*series)));
        let labels = self.labels.entry(&snapshot.labels);
        let labels = labels.or_insert_with_key(|labels| Arc::new(labels.to_map()));
        info.labels = Arc::clone(labels);
        let tags = self.tags.entry(&snapshot.tags);
        let tags = tags.or_insert_with_key(|tags| Arc::new(tags.iter().cloned().collect()));
        info.tags = Arc::clone(tags);
        info.complete = snapshot.outcome == Outcome::Complete;
        info.held = held;
        info.pinned = options.pinned.contains(id) || !info.tags.is_disjoint(&options.pinned_tags);
        info
    }
}

/// Forgets these and no others.
#[derive(Debug)]
struct Named<'a>(&'a BTreeSet<Id>);

impl Retention<Id> for Named<'_> {
    fn decide(&self, snapshots: &[SnapshotInfo<Id>], _now: Moment) -> Vec<Verdict> {
        let decide = |one: &SnapshotInfo<Id>| match self.0.contains(&one.id) {
            true => Verdict::Forget(vec![Loss::Other("named".to_owned())]),
            false => Verdict::Keep(vec![Reason::Other("not named".to_owned())]),
        };
        snapshots.iter().map(decide).collect()
    }
}
