//! Follows the journal from entry to entry (`docs/format.md`, §8.1, §8.2 and §8.8).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::{StreamExt as _, stream};
use strongroom_crypt::{Roles, StructureKeys};
use strongroom_format::object_name::ObjectName;
use strongroom_format::{Body, DecodeErrorKind, ObjectHash, limits};

use super::candidate::{Candidate, Opened, Source};
use super::fold::{Effect, Signed, Void};
use super::places::{Places, Slot, fetch};
use super::state::State;
use super::{Head, checkpoint, effects};
use crate::context::Context;
use crate::keys::Keys;
use crate::observer::Stage;
use crate::wholeness::{Flaw, Place, damage};
use crate::{Area, Finding, Level, Problem, Report, Result, Severity, Subject};

/// Follows the journal and remembers how far it came.
#[derive(Debug)]
pub(crate) struct Follower {
    place: Place,
    /// Hash of the configuration, which entry 0 must follow.
    config: Option<ObjectHash>,
    keys: Option<Arc<StructureKeys>>,
    /// Present once a valid Genesis was applied.
    state: Option<State>,
    /// Number of the next entry to look at.
    next: u64,
    /// What the entry after the last that was applied may state.
    links: Vec<ObjectHash>,
    /// Whole, and waiting for its successor to confirm it.
    pending: Option<Candidate>,
    /// The first entry that could not be followed.
    broken_at: Option<u64>,
    /// Hashes of all whole entries, also of those behind a break.
    hashes: BTreeMap<u64, ObjectHash>,
    /// Hashes that entries must have: the first, and those that a Bridge names.
    forced: BTreeMap<u64, ObjectHash>,
    places: Places,
    /// Checkpoints that were compared with the state.
    checkpoints: BTreeSet<u64>,
}

impl Follower {
    /// Makes one that takes the entries with these hashes where they are known: of the first, and of those that a Bridge names.
    pub(crate) fn new(
        place: Place,
        config: Option<ObjectHash>,
        keys: Option<&Keys>,
        forced: BTreeMap<u64, ObjectHash>,
    ) -> Self {
        let keys = keys.map(|keys| Arc::clone(&keys.structure));
        Self {
            place,
            config,
            keys: keys.clone(),
            state: None,
            next: 0,
            links: Vec::new(),
            pending: None,
            broken_at: None,
            hashes: BTreeMap::new(),
            forced,
            places: Places::new(place, keys),
            checkpoints: BTreeSet::new(),
        }
    }

    /// The state that the entries followed leave; `None` without the structure key or a valid Genesis.
    pub(crate) fn state(&self) -> Option<&State> {
        self.state.as_ref()
    }

    /// The last entry that was followed; without the key, the last of the chain.
    pub(crate) fn head(&self) -> Option<Head> {
        let n = self.end().checked_sub(1)?;
        let hash = *self.hashes.get(&n)?;
        Some(Head { n, hash })
    }

    pub(crate) fn broken_at(&self) -> Option<u64> {
        self.broken_at
    }

    /// Number of the first entry that was not followed.
    pub(crate) fn end(&self) -> u64 {
        self.broken_at.unwrap_or(self.next)
    }

    /// The hash of a whole entry.
    pub(crate) fn hash_of(&self, n: u64) -> Option<ObjectHash> {
        self.hashes.get(&n).copied()
    }

    /// Whether a checkpoint was compared with the state.
    pub(crate) fn has_seen_checkpoint(&self, n: u64) -> bool {
        self.checkpoints.contains(&n)
    }

    /// The hashes that entries must have, if other entries than those that Bridges name were followed.
    pub(crate) fn contradicted(&self) -> Option<BTreeMap<u64, ObjectHash>> {
        let confirmed = &self.state.as_ref()?.confirmed;
        let differs =
            |(n, hash): (&u64, &ObjectHash)| self.hashes.get(n).is_some_and(|have| have != hash);
        let forced_already = confirmed
            .iter()
            .all(|(n, hash)| self.forced.get(n) == Some(hash));
        if forced_already || !confirmed.iter().any(differs) {
            return None;
        }
        let mut forced = self.forced.clone();
        forced.extend(confirmed.iter().map(|(n, hash)| (*n, *hash)));
        Some(forced)
    }

    /// Follows the entries with these ascending numbers, none of which it has looked at before. Those left out between them are lost.
    ///
    /// # Errors
    ///
    /// What kept it from looking.
    pub(crate) async fn advance(
        &mut self,
        cx: &Context,
        numbers: impl IntoIterator<Item = u64>,
        report: &mut Report,
    ) -> Result<()> {
        let (place, keys) = (self.place, self.keys.clone());
        let slots = stream::iter(numbers)
            .map(|n| fetch(cx, n, place, keys.clone()))
            .buffered(cx.concurrency(limits::MAX_ENTRY_BYTES as u64));
        let mut slots = std::pin::pin!(slots);
        let mut bytes = 0;
        while let Some(slot) = slots.next().await {
            let (n, slot) = slot?;
            if n > self.next {
                self.end_chain(cx, self.next, Problem::EntryLost, report)
                    .await?;
            }
            let candidate = self.admit(cx, n, slot, report).await?;
            bytes += candidate.as_ref().map_or(0, |candidate| candidate.bytes);
            self.step(cx, n, candidate, report).await?;
            if n.is_multiple_of(STEP) {
                cx.advanced(Stage::Journal, n, 0, bytes);
            }
        }
        self.settle(cx, report).await
    }

    /// Says what is wrong with the object of an entry, and looks for the entry elsewhere if need be.
    async fn admit(
        &mut self,
        cx: &Context,
        n: u64,
        slot: Slot,
        report: &mut Report,
    ) -> Result<Option<Candidate>> {
        let forced = self.forced.get(&n).copied();
        let right = |one: &Candidate| forced.is_none_or(|hash| hash == one.hash);
        let len = match &slot {
            Slot::Whole(candidate) => candidate.bytes,
            Slot::Flawed(_) | Slot::Absent => 0,
        };
        report.coverage.add(Area::Journal, Level::Hashed, 1, len);
        let (flaw, slot) = match slot {
            Slot::Whole(candidate) if right(&candidate) => return Ok(Some(*candidate)),
            Slot::Whole(candidate) => (
                damage(
                    &ObjectName::Journal(n),
                    Problem::ChainBroken,
                    "another entry",
                ),
                Some(*candidate),
            ),
            Slot::Flawed(flaw) => (flaw, None),
            Slot::Absent => (damage(&ObjectName::Journal(n), Problem::Missing, ""), None),
        };
        let others = self.places.others(cx, n).await?;
        let copy = others.into_iter().find(right);
        self.tell_of_slot(cx, n, flaw, copy.as_ref(), slot.is_some(), report);
        // An entry 0 that is not the right one is looked at all the same; `begin` says what it is.
        Ok(copy.or_else(|| slot.filter(|_| n == 0)))
    }

    fn tell_of_slot(
        &self,
        cx: &Context,
        n: u64,
        flaw: Flaw,
        copy: Option<&Candidate>,
        is_whole: bool,
        report: &mut Report,
    ) {
        let (detail, severity) = match copy.map(|copy| copy.source) {
            // Where a repair put a copy, what is in the entry's own place stays there.
            Some(Source::Copy) if n > 0 => ("its copy is followed", Severity::Note),
            Some(Source::Copy) => ("its copy has it", flaw.severity),
            Some(_) => ("its bundle has it", flaw.severity),
            None if !flaw.is_damage() => ("", flaw.severity),
            None if is_whole && n == 0 => return,
            None => ("and nowhere else", Severity::Loss),
        };
        let detail = match (flaw.detail.as_str(), detail) {
            (text, "") | ("", text) => text.to_owned(),
            (first, second) => format!("{first}; {second}"),
        };
        let finding = Flaw::new(flaw.problem, severity, detail);
        cx.found(report, finding.of(ObjectName::Journal(n), Level::Hashed));
    }

    /// Takes the next entry of the chain, or ends the chain.
    async fn step(
        &mut self,
        cx: &Context,
        n: u64,
        candidate: Option<Candidate>,
        report: &mut Report,
    ) -> Result<()> {
        let Some(candidate) = candidate else {
            self.end_chain(cx, n, Problem::EntryLost, report).await?;
            self.next = n + 1;
            return Ok(());
        };
        self.next = n + 1;
        self.hashes.insert(n, candidate.hash);
        if self.broken_at.is_some() {
            self.look_behind_the_break(cx, &candidate, report);
            return Ok(());
        }
        self.pending = match self.pending.take() {
            None if n == 0 || self.links.contains(&candidate.previous) => Some(candidate),
            None => {
                self.end_chain(cx, n, Problem::ChainBroken, report).await?;
                None
            }
            Some(before) => self.join(cx, before, candidate, report).await?,
        };
        Ok(())
    }

    /// Applies the entry before, once the next one confirms it. Where they contradict each other, their other places decide.
    async fn join(
        &mut self,
        cx: &Context,
        before: Candidate,
        next: Candidate,
        report: &mut Report,
    ) -> Result<Option<Candidate>> {
        if self.links_of(&before).contains(&next.previous) {
            self.apply(cx, before, report).await?;
            return Ok(self.broken_at.is_none().then_some(next));
        }
        let others = self.places.others(cx, before.n).await?;
        let follows = |one: &Candidate| one.n == 0 || self.links.contains(&one.previous);
        let befores = std::iter::once(before.clone()).chain(others.into_iter().filter(follows));
        let others = self.places.others(cx, next.n).await?;
        let nexts: Vec<_> = std::iter::once(next.clone()).chain(others).collect();
        let pair = befores.into_iter().find_map(|before| {
            let links = self.links_of(&before);
            let fits = |next: &&Candidate| links.contains(&next.previous);
            let next = nexts.iter().find(fits)?.clone();
            Some((before, next))
        });
        if let Some((right, right_next)) = pair {
            for (was, right) in [(&before, &right), (&next, &right_next)] {
                if was.hash != right.hash {
                    self.hashes.insert(right.n, right.hash);
                    let flaw = damage(
                        &ObjectName::Journal(right.n),
                        Problem::ChainBroken,
                        "another entry",
                    );
                    self.tell_of_slot(cx, right.n, flaw, Some(right), true, report);
                }
            }
            self.apply(cx, right, report).await?;
            return Ok(self.broken_at.is_none().then_some(right_next));
        }
        let n = next.n;
        if self.keys.is_none() {
            let name = ObjectName::Journal(n);
            let detail =
                "or a Bridge is before it, which nobody can tell without the structure key";
            cx.found(
                report,
                damage(&name, Problem::ChainBroken, detail).of(name, Level::Hashed),
            );
            self.apply(cx, before, report).await?;
            return Ok(Some(next));
        }
        self.apply(cx, before, report).await?;
        self.end_chain(cx, n, Problem::ChainBroken, report).await?;
        Ok(None)
    }

    /// The hash that the entry after this one must state (§8.8).
    fn links_of(&self, candidate: &Candidate) -> Vec<ObjectHash> {
        let stated = candidate.bridge().and_then(|(bridge, signers)| {
            let state = self.state.as_ref()?;
            let has_effect = state.may_sign(signers, Roles::ADMIN);
            bridge.stated.filter(|_| has_effect)
        });
        vec![stated.unwrap_or(candidate.hash)]
    }

    /// From entry `n` on nothing more is known. The first such call decides.
    async fn end_chain(
        &mut self,
        cx: &Context,
        n: u64,
        problem: Problem,
        report: &mut Report,
    ) -> Result<()> {
        self.settle(cx, report).await?;
        self.stop(cx, n, problem, report);
        Ok(())
    }

    fn stop(&mut self, cx: &Context, n: u64, problem: Problem, report: &mut Report) {
        if self.broken_at.is_some() {
            return;
        }
        self.broken_at = Some(n);
        report.coverage.set_journal_unknown_from(n);
        if let Some(state) = &mut self.state {
            state.unknown_from = Some(n);
        }
        let detail = match n.checked_sub(1) {
            Some(last) => format!("known up to entry {last}, and unknown from entry {n} on"),
            None => "nothing of the journal is known".to_owned(),
        };
        let severity = match problem {
            Problem::NewerVersion => Severity::Note,
            _ => Severity::Loss,
        };
        if problem == Problem::NewerVersion {
            // What comes after it is not known, so what was read means no more than its hashes.
            report.level = report.level.min(Level::Hashed);
        }
        let subject = Subject::Object(ObjectName::Journal(n));
        let finding = Finding::new(severity, subject, problem, Level::Hashed);
        cx.found(report, finding.with_detail(detail));
    }

    /// Applies the entry that waits for its successor: there is none.
    async fn settle(&mut self, cx: &Context, report: &mut Report) -> Result<()> {
        match self.pending.take() {
            Some(last) => self.apply(cx, last, report).await,
            None => Ok(()),
        }
    }

    /// Behind a break entries are still held against their neighbours; what they say has no effect.
    fn look_behind_the_break(&self, cx: &Context, candidate: &Candidate, report: &mut Report) {
        let before = candidate.n.checked_sub(1);
        let before = before.and_then(|n| self.hashes.get(&n));
        let at_break = self.broken_at == Some(candidate.n);
        if !at_break && before.is_some_and(|hash| *hash != candidate.previous) {
            let name = ObjectName::Journal(candidate.n);
            let flaw = damage(&name, Problem::ChainBroken, "behind the end of the chain");
            cx.found(report, flaw.of(name, Level::Hashed));
        }
    }

    /// Applies an entry that is part of the chain.
    async fn apply(
        &mut self,
        cx: &Context,
        candidate: Candidate,
        report: &mut Report,
    ) -> Result<()> {
        let links = self.links_of(&candidate);
        if candidate.n == 0 {
            self.begin(cx, &candidate, report);
        } else if let Some(opened) = &candidate.opened {
            self.apply_opened(cx, &candidate, opened, report);
        }
        if self.broken_at.is_some() {
            return Ok(());
        }
        self.links = links;
        let next = candidate.n + 1;
        if let (Some(state), Some(keys)) = (&mut self.state, &self.keys) {
            state.hashes.push(candidate.hash);
            report
                .coverage
                .add(Area::Journal, Level::Authenticated, 1, candidate.bytes);
            if next.is_multiple_of(limits::BUNDLE_ENTRIES) {
                let at = checkpoint::At {
                    n: next,
                    last: candidate.hash,
                    place: &self.place,
                    keys,
                };
                if checkpoint::check(cx, state, &at, report).await? {
                    self.checkpoints.insert(next);
                }
            }
        }
        Ok(())
    }

    /// Applies entry 0.
    fn begin(&mut self, cx: &Context, candidate: &Candidate, report: &mut Report) {
        let name = ObjectName::Journal(0);
        if self.config.is_some_and(|hash| hash != candidate.previous) {
            let detail = "the first entry follows another one";
            let flaw = damage(&ObjectName::Config, Problem::ConfigDiffers, detail);
            cx.found(report, flaw.of(ObjectName::Config, Level::Hashed));
        }
        let expected = self.forced.get(&0);
        if expected.is_some_and(|hash| *hash != candidate.hash) {
            let flaw = Flaw::new(Problem::WrongGenesis, Severity::Loss, "");
            cx.found(report, flaw.of(name, Level::Hashed));
        }
        let Some(opened) = &candidate.opened else {
            return;
        };
        let state = match &opened.payload {
            Ok(payload) if !opened.signers.is_empty() => {
                State::begin(&signed(candidate, opened, payload))
            }
            Err(DecodeErrorKind::Unsupported) => {
                return self.stop(cx, 0, Problem::NewerVersion, report);
            }
            _ => None,
        };
        if state.is_none() {
            return self.stop(cx, 0, Problem::VoidEntry, report);
        }
        self.state = state;
        if let Some(Body::Genesis(genesis)) = candidate.body()
            && genesis.config != candidate.previous
        {
            let detail = "the first entry names another one than it follows";
            let flaw = damage(&name, Problem::ConfigDiffers, detail);
            cx.found(report, flaw.of(name, Level::Authenticated));
        }
    }

    fn apply_opened(
        &mut self,
        cx: &Context,
        candidate: &Candidate,
        opened: &Opened,
        report: &mut Report,
    ) {
        let (Some(state), Some(keys)) = (&mut self.state, &self.keys) else {
            return;
        };
        let effect = match &opened.payload {
            Err(DecodeErrorKind::Unsupported)
                if opened.signers.iter().any(|key| state.is_certified(key)) =>
            {
                return self.stop(cx, candidate.n, Problem::NewerVersion, report);
            }
            Err(_) => Effect::Void(Void::Payload),
            Ok(_) if opened.signers.is_empty() => Effect::Void(Void::Signature),
            Ok(payload) => state.apply(&signed(candidate, opened, payload), keys),
        };
        if let Some(seen) = candidate.seen().filter(|_| effect == Effect::Applied)
            && state.contradicts(candidate.n, seen)
        {
            effects::tell_of_fork(cx, candidate.n, seen, report);
        }
        effects::tell(cx, candidate, effect, report);
    }
}

fn signed<'a>(
    candidate: &Candidate,
    opened: &'a Opened,
    payload: &'a strongroom_format::Payload,
) -> Signed<'a> {
    Signed {
        n: candidate.n,
        hash: candidate.hash,
        signers: &opened.signers,
        payload,
    }
}

/// Entries between two reports of progress.
const STEP: u64 = 256;
