//! The order of a check.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use strongroom_format::object_name::ObjectName;
use strongroom_format::{ObjectHash, limits};

use crate::audited::Audited;
use crate::content::check_content;
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Follower, State};
use crate::keys::Keys;
use crate::listing::{self, Listing};
use crate::observer::Stage;
use crate::pool::Pool;
use crate::sample::Plan;
use crate::wholeness::Flaw;
use crate::{
    Auditor, CheckContext, CheckOptions, Finding, Level, Observer, Problem, Report, Severity,
    SnapshotSelection, Subject, keyrings, objects, place,
};

/// A check under way.
#[derive(Debug)]
pub(crate) struct Run<'a> {
    auditor: &'a Auditor,
    cx: Context,
    keys: Option<Keys>,
}

impl<'a> Run<'a> {
    /// # Errors
    ///
    /// `Invalid` for a level that no check of this crate reaches; `Internal` without threads.
    pub(crate) fn new(
        auditor: &'a Auditor,
        options: CheckOptions,
        observer: Arc<dyn Observer>,
    ) -> Result<Self> {
        if options.level > Level::HIGHEST {
            let what = format!("{} is not reached by reading alone", options.level);
            return Err(Error::new(ErrorKind::Invalid, what));
        }
        let pool = Pool::new(auditor.threads(), auditor.manners())?;
        Ok(Self {
            auditor,
            cx: Context::new(auditor, pool, options, observer),
            keys: auditor.keys().map(Keys::new),
        })
    }

    pub(crate) async fn run(mut self) -> Result<Report> {
        let options = self.cx.options();
        let mut report = Report::new(options.level, options.now, options.findings_max);
        report.level = self.reach();
        let listing = listing::list(&self.cx, &mut report).await?;
        if options.level == Level::Listed && self.keys.is_none() {
            listing::compare_without_journal(&self.cx, &listing, &mut report);
            return Ok(self.finish(report));
        }
        let found = place::find(&self.cx, self.keys.as_ref(), &listing, &mut report).await?;
        report.repository = Some(found.place.repository);
        if let Some(feature) = &found.unsupported {
            self.do_without_keys(feature, &mut report);
        }
        let mut journal = self.follow(&found, &listing, &mut report).await?;
        self.compare_known_head(&journal, &mut report);
        let state = journal.state();
        if let Some(feature) = state.and_then(|state| state.features[0].first().cloned()) {
            self.do_without_keys(&feature, &mut report);
        }
        if let Some(state) = state {
            self.check_selection(state)?;
        }
        report.head = journal.head();
        self.read_the_rest(&found, &listing, &journal, &mut report)
            .await?;
        let audited = Audited {
            place: found.place,
            listing,
            // What a feature changed this version cannot know, not even what is in force.
            state: journal.state().filter(|_| self.keys.is_some()).cloned(),
            keys: self.keys.take(),
            head: journal.head(),
        };
        let report = self.look(audited, &mut journal, report).await?;
        Ok(self.finish(report))
    }

    /// Follows the journal. Where a Bridge says that another entry is in some place, it follows that one instead.
    async fn follow(
        &self,
        found: &place::Found,
        listing: &Listing,
        report: &mut Report,
    ) -> Result<Follower> {
        self.cx.started(Stage::Journal);
        let genesis = self.keys.as_ref().map(|keys| keys.genesis);
        let genesis = self.auditor.pin().or(genesis);
        let mut forced: BTreeMap<u64, ObjectHash> =
            genesis.into_iter().map(|hash| (0, hash)).collect();
        let numbers = numbers(listing);
        let mut left = FOLLOWS_MAX;
        loop {
            let mut attempt = report.clone();
            let mut journal = Follower::new(found.place, found.config, self.keys.as_ref(), forced);
            let all = numbers.iter().copied();
            journal.advance(&self.cx, all, &mut attempt).await?;
            left -= 1;
            match journal.contradicted() {
                Some(other) if left > 0 => forced = other,
                _ => {
                    *report = attempt;
                    return Ok(journal);
                }
            }
        }
    }

    /// The level that the keys allow.
    fn reach(&self) -> Level {
        let most = match self.auditor.keys() {
            None => Level::Hashed,
            Some(keys) if keys.content.is_none() => Level::Authenticated,
            Some(_) => Level::HIGHEST,
        };
        self.cx.options().level.min(most)
    }

    /// Goes on as an auditor without keys: what is sealed may mean something else than this version knows.
    fn do_without_keys(&mut self, feature: &str, report: &mut Report) {
        self.keys = None;
        report.level = report.level.min(Level::Hashed);
        let detail = format!("the feature {feature} is not known to this version");
        let flaw = Flaw::new(Problem::NewerVersion, Severity::Note, detail);
        self.cx
            .found(report, flaw.of(ObjectName::Config, Level::Hashed));
    }

    /// # Errors
    ///
    /// `Invalid` when a snapshot is named that is not in force.
    fn check_selection(&self, state: &State) -> Result<()> {
        let SnapshotSelection::Ids(ids) = &self.cx.options().snapshots else {
            return Ok(());
        };
        match ids.iter().find(|id| !state.snapshots.contains_key(id)) {
            Some(id) if state.unknown_from.is_none() => {
                let what = format!("snapshot {id} is not in force");
                Err(Error::new(ErrorKind::Invalid, what))
            }
            _ => Ok(()),
        }
    }

    /// Holds the head that the caller remembers against the journal.
    fn compare_known_head(&self, journal: &Follower, report: &mut Report) {
        let Some(known) = self.cx.options().known_head else {
            return;
        };
        let problem = match journal.hash_of(known.n) {
            Some(hash) if hash == known.hash => return,
            Some(_) => Problem::Forked,
            None if known.n >= journal.end() && journal.broken_at().is_none() => {
                Problem::RolledBack
            }
            // It is lost, which was found already.
            None => return,
        };
        let finding = Finding::new(Severity::Loss, Subject::Repository, problem, Level::Hashed);
        let newest = journal.end().checked_sub(1);
        let detail = match newest {
            Some(n) => format!("{known} was seen before; the newest is entry {n}"),
            None => format!("{known} was seen before; there is no journal"),
        };
        self.cx.found(report, finding.with_detail(detail));
    }

    /// Reads keyrings, slots, bundles, checkpoints, beacons and parity.
    async fn read_the_rest(
        &self,
        found: &place::Found,
        listing: &Listing,
        journal: &Follower,
        report: &mut Report,
    ) -> Result<()> {
        let (cx, place) = (&self.cx, found.place);
        cx.started(Stage::Hashing);
        let granted = keyrings::check(cx, place, listing, journal.state(), report).await?;
        objects::judge_slots(cx, place, listing, granted.as_ref(), report).await?;
        objects::judge_small(cx, place, listing, journal, report).await
    }

    /// Looks at what the journal says is there. When the journal goes on meanwhile and drops something that was missed, looks again.
    async fn look(
        &self,
        mut audited: Audited,
        journal: &mut Follower,
        before: Report,
    ) -> Result<Report> {
        for _ in 1..LOOKS_MAX {
            let mut report = before.clone();
            self.look_once(&audited, &mut report).await?;
            let mut scratch = before.clone();
            if !self
                .has_moved(&audited, journal, &report, &mut scratch)
                .await?
            {
                return Ok(report);
            }
            self.cx.started(Stage::SecondLook);
            let again = listing::list(&self.cx, &mut scratch).await?;
            audited = Audited {
                listing: again,
                state: journal.state().cloned(),
                head: journal.head(),
                ..audited
            };
        }
        let mut report = before;
        self.look_once(&audited, &mut report).await?;
        Ok(report)
    }

    async fn look_once(&self, audited: &Audited, report: &mut Report) -> Result<()> {
        let cx = &self.cx;
        report.head = audited.head;
        match &audited.state {
            Some(state) => listing::compare(cx, &audited.listing, state, report).await?,
            None => listing::compare_without_journal(cx, &audited.listing, report),
        }
        let mut plan = Plan::new(cx, audited, report);
        if cx.options().level > Level::Listed {
            self.judge_what_nothing_is_known_of(audited, &mut plan, report)
                .await?;
            if audited.state.is_some() {
                plan = check_content(cx, audited, plan, self.auditor.threads(), report).await?;
            }
        }
        plan.conclude(report);
        let checks = CheckContext::new(cx, audited);
        for check in self.auditor.checks() {
            cx.started(Stage::Custom(check.name()));
            check.run(&checks, report).await?;
        }
        Ok(())
    }

    /// Hashes the packs and segments that the journal, as far as it is known, says nothing of. What it announces is looked at more closely;
    /// what it has dropped, or never knew of, is of no use to anybody.
    async fn judge_what_nothing_is_known_of(
        &self,
        audited: &Audited,
        plan: &mut Plan,
        report: &mut Report,
    ) -> Result<()> {
        let (cx, place, state) = (&self.cx, audited.place, audited.state.as_ref());
        if state.is_some_and(|state| state.unknown_from.is_none()) {
            return Ok(());
        }
        let unknown = |name: &ObjectName| match (name, state) {
            (ObjectName::Index(_), None) => true,
            (ObjectName::Index(hash) | ObjectName::Pack(hash), Some(state)) => {
                let in_force = state.segments.contains_key(hash) || state.packs.contains_key(hash);
                !in_force && !state.dropped.contains(hash)
            }
            _ => false,
        };
        let objects = objects::select(&audited.listing, unknown);
        objects::judge_packs(cx, place, objects, report).await?;
        if state.is_some() {
            return Ok(());
        }
        let mut packs = plan.packs().clone();
        while !packs.is_empty() {
            let chosen =
                |name: &ObjectName| matches!(name, ObjectName::Pack(hash) if packs.contains(hash));
            let chosen = objects::select(&audited.listing, chosen);
            objects::judge_packs(cx, place, chosen, report).await?;
            packs = plan.widen(report);
        }
        Ok(())
    }

    /// Whether somebody has dropped, since the journal was read, an object that a finding is about.
    async fn has_moved(
        &self,
        audited: &Audited,
        journal: &mut Follower,
        report: &Report,
        scratch: &mut Report,
    ) -> Result<bool> {
        let damaged: BTreeSet<ObjectHash> = report
            .damaged_objects()
            .iter()
            .filter_map(|one| match one.name {
                ObjectName::Pack(hash) | ObjectName::Index(hash) => Some(hash),
                _ => None,
            })
            .collect();
        if damaged.is_empty() || audited.state.is_none() || journal.broken_at().is_some() {
            return Ok(false);
        }
        let first = journal.end();
        let mut end = first;
        while self.cx.size(&ObjectName::Journal(end)).await?.is_some() {
            end += 1;
        }
        journal.advance(&self.cx, first..end, scratch).await?;
        let dropped_before = audited.state.as_ref().map(|state| &state.dropped);
        Ok(journal.state().is_some_and(|state| {
            let is_new = |name: &&ObjectHash| {
                state.dropped.contains(*name)
                    && dropped_before.is_some_and(|before| !before.contains(*name))
            };
            damaged.iter().any(|name| is_new(&name))
        }))
    }

    fn finish(&self, mut report: Report) -> Report {
        report.sort();
        self.cx.finished(&report);
        report
    }
}

/// The numbers of all entries that the store knows of, ascending. Bundles and checkpoints tell of entries that are gone, and short gaps
/// are filled: a list need not have seen what was put while it was made.
fn numbers(listing: &Listing) -> Vec<u64> {
    let mut known = BTreeSet::new();
    for name in listing.keys() {
        match name {
            ObjectName::Journal(n) | ObjectName::JournalCopy(n) => known.extend([*n]),
            ObjectName::Bundle(n) => known.extend(n.saturating_sub(limits::BUNDLE_ENTRIES)..*n),
            ObjectName::Checkpoint(n) => known.extend(n.checked_sub(1)),
            _ => {}
        }
    }
    let mut numbers = Vec::with_capacity(known.len());
    let mut next = 0;
    // No journal comes near this; it keeps sums in range.
    for n in known.into_iter().take_while(|n| *n < u64::MAX / 2) {
        if n - next <= limits::BUNDLE_ENTRIES {
            numbers.extend(next..n);
        }
        numbers.push(n);
        next = n + 1;
    }
    numbers
}

/// How often the journal is followed anew because of what Bridges say.
const FOLLOWS_MAX: usize = 3;
/// How often packs are looked at anew because the journal went on.
const LOOKS_MAX: usize = 3;

#[cfg(test)]
mod tests;
