//! Follows the journal from entry to entry (`docs/format.md`, §8.1 and §8.2).

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use strongroom_crypt::StructureKeys;
use strongroom_format::object_name::ObjectName;
use strongroom_format::{DecodeErrorKind, ObjectHash, decode_bundle, limits};

use super::candidate::{Candidate, Opened, read};
use super::fold::{Effect, Signed, Void};
use super::state::State;
use super::{Head, checkpoint};
use crate::context::{Context, Fetched};
use crate::keys::Keys;
use crate::observer::Stage;
use crate::wholeness::{Flaw, Place, damage, judge};
use crate::{Area, Finding, Level, Problem, Report, Result, Severity, Subject};

/// Follows the journal and remembers how far it came.
#[derive(Debug)]
pub(crate) struct Follower {
    place: Place,
    /// Hash of the configuration, which entry 0 must follow.
    config: Option<ObjectHash>,
    keys: Option<Arc<StructureKeys>>,
    /// Hash that entry 0 must have, if that is known.
    genesis: Option<ObjectHash>,
    /// Present once a valid Genesis was applied.
    state: Option<State>,
    /// Number of the next entry to look at.
    next: u64,
    /// The last entry of the chain that was applied; the next one must state this hash.
    link: Option<ObjectHash>,
    /// Whole, and waiting for its successor to confirm it.
    pending: Option<Candidate>,
    /// The first entry that could not be followed.
    broken_at: Option<u64>,
    /// Hashes of all whole entries, also of those behind a break.
    hashes: BTreeMap<u64, ObjectHash>,
    bundle: Option<(u64, Vec<Bytes>)>,
    /// Checkpoints that were compared with the state.
    checkpoints: Vec<u64>,
}

/// What is in an entry's slot.
#[derive(Debug)]
enum Slot {
    Whole(Candidate),
    Flawed(Flaw),
    Absent,
}

impl Follower {
    pub(crate) fn new(
        place: Place,
        config: Option<ObjectHash>,
        keys: Option<&Keys>,
        pin: Option<ObjectHash>,
    ) -> Self {
        Self {
            place,
            config,
            keys: keys.map(|keys| Arc::clone(&keys.structure)),
            genesis: keys.map(|keys| keys.genesis).or(pin),
            state: None,
            next: 0,
            link: None,
            pending: None,
            broken_at: None,
            hashes: BTreeMap::new(),
            bundle: None,
            checkpoints: Vec::new(),
        }
    }

    /// The state that the entries followed leave; `None` without the structure key or a valid Genesis.
    pub(crate) fn state(&self) -> Option<&State> {
        self.state.as_ref()
    }

    /// The last entry that was followed; without the key, the last of the chain.
    pub(crate) fn head(&self) -> Option<Head> {
        let n = self.broken_at.unwrap_or(self.next).checked_sub(1)?;
        let hash = *self.hashes.get(&n)?;
        Some(Head { n, hash })
    }

    pub(crate) fn broken_at(&self) -> Option<u64> {
        self.broken_at
    }

    /// Number of the first entry that was not looked at.
    pub(crate) fn end(&self) -> u64 {
        self.next
    }

    /// The hash of a whole entry.
    pub(crate) fn hash_of(&self, n: u64) -> Option<ObjectHash> {
        self.hashes.get(&n).copied()
    }

    /// Whether a checkpoint was compared with the state.
    pub(crate) fn has_seen_checkpoint(&self, n: u64) -> bool {
        self.checkpoints.contains(&n)
    }

    /// Follows the entries up to `end`, which must all be there.
    ///
    /// # Errors
    ///
    /// What kept it from looking.
    pub(crate) async fn advance(
        &mut self,
        cx: &Context,
        end: u64,
        report: &mut Report,
    ) -> Result<()> {
        let (place, keys) = (self.place, self.keys.clone());
        let slots = stream::iter(self.next..end)
            .map(|n| fetch(cx, n, place, keys.clone()))
            .buffered(cx.concurrency(limits::MAX_ENTRY_BYTES as u64));
        let mut slots = std::pin::pin!(slots);
        let mut bytes = 0;
        while let Some(slot) = slots.next().await {
            let n = self.next;
            let candidate = self.admit(cx, n, slot?, report).await?;
            bytes += candidate.as_ref().map_or(0, |candidate| candidate.bytes);
            self.next += 1;
            self.step(cx, n, candidate, report).await?;
            if n.is_multiple_of(STEP) {
                cx.advanced(Stage::Journal, n, end, bytes);
            }
        }
        if let Some(last) = self.pending.take() {
            self.apply(cx, last, report).await?;
        }
        Ok(())
    }

    /// Says what is wrong with the slot of an entry, and looks for its copy if need be.
    async fn admit(
        &mut self,
        cx: &Context,
        n: u64,
        slot: Slot,
        report: &mut Report,
    ) -> Result<Option<Candidate>> {
        let name = ObjectName::Journal(n);
        let flaw = match slot {
            Slot::Whole(candidate) => {
                count(report, Level::Hashed, candidate.bytes);
                return Ok(Some(candidate));
            }
            Slot::Flawed(flaw) => flaw,
            Slot::Absent => damage(&name, Problem::Missing, ""),
        };
        count(report, Level::Hashed, 0);
        let copy = self.copy(cx, n).await?;
        let detail = match &copy {
            Some(_) => "its bundle has it",
            None => "it is in no bundle",
        };
        let lost = copy.is_none() && flaw.is_damage();
        let severity = if lost { Severity::Loss } else { flaw.severity };
        let joined = [flaw.detail.as_str(), detail].map(str::to_owned);
        let joined = joined.into_iter().filter(|text| !text.is_empty());
        let joined = joined.collect::<Vec<_>>().join("; ");
        let finding = Flaw::new(flaw.problem, severity, joined);
        cx.found(report, finding.of(name, Level::Hashed));
        Ok(copy)
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
            if let Some(last) = self.pending.take() {
                self.apply(cx, last, report).await?;
            }
            self.end_chain(cx, n, Problem::EntryLost, report);
            return Ok(());
        };
        self.hashes.insert(n, candidate.hash);
        if self.broken_at.is_some() {
            self.look_behind_the_break(cx, &candidate, report);
            return Ok(());
        }
        let candidate = match self.pending.take() {
            None => candidate,
            Some(before) => match self.join(cx, before, candidate, report).await? {
                Some(candidate) => candidate,
                None => return Ok(()),
            },
        };
        self.pending = Some(candidate);
        Ok(())
    }

    /// Applies the entry before, once the next one confirms it. Where they contradict each other, bundles decide which of them is the right one.
    async fn join(
        &mut self,
        cx: &Context,
        before: Candidate,
        next: Candidate,
        report: &mut Report,
    ) -> Result<Option<Candidate>> {
        if before.links().any(|link| link == next.previous) {
            self.apply(cx, before, report).await?;
            return Ok(self.broken_at.is_none().then_some(next));
        }
        let (at, n) = (before.n, next.n);
        if let Some(copy) = self.copy(cx, at).await?
            && copy.links().any(|link| link == next.previous)
        {
            self.replaced(cx, at, report);
            self.hashes.insert(at, copy.hash);
            self.apply(cx, copy, report).await?;
            return Ok(self.broken_at.is_none().then_some(next));
        }
        if let Some(copy) = self.copy(cx, n).await?
            && before.links().any(|link| link == copy.previous)
        {
            self.replaced(cx, n, report);
            self.hashes.insert(n, copy.hash);
            self.apply(cx, before, report).await?;
            return Ok(self.broken_at.is_none().then_some(copy));
        }
        self.apply(cx, before, report).await?;
        if self.broken_at.is_none() {
            self.end_chain(cx, n, Problem::ChainBroken, report);
        }
        Ok(None)
    }

    /// An entry is whole and is not the one that was there.
    fn replaced(&self, cx: &Context, n: u64, report: &mut Report) {
        let name = ObjectName::Journal(n);
        let detail = "another entry; its bundle has the right one";
        let flaw = damage(&name, Problem::ChainBroken, detail);
        cx.found(report, flaw.of(name, Level::Hashed));
    }

    /// From entry `n` on nothing more is known.
    fn end_chain(&mut self, cx: &Context, n: u64, problem: Problem, report: &mut Report) {
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
            None => "nothing of it is known".to_owned(),
        };
        let severity = match problem {
            Problem::NewerVersion => Severity::Note,
            _ => Severity::Loss,
        };
        let name = Subject::Object(ObjectName::Journal(n));
        let finding = Finding::new(severity, name, problem, Level::Hashed);
        cx.found(report, finding.with_detail(detail));
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
        if candidate.n == 0 {
            self.begin(cx, &candidate, report);
        } else if let Some(opened) = &candidate.opened {
            self.apply_opened(cx, &candidate, opened, report);
        }
        if self.broken_at.is_some() {
            return Ok(());
        }
        self.link = Some(candidate.hash);
        let next = candidate.n + 1;
        if let Some(state) = &mut self.state {
            state.hashes.push(candidate.hash);
            count(report, Level::Authenticated, candidate.bytes);
            if next.is_multiple_of(limits::BUNDLE_ENTRIES)
                && let Some(keys) = &self.keys
            {
                let at = checkpoint::At {
                    n: next,
                    last: candidate.hash,
                    place: &self.place,
                    keys,
                };
                if checkpoint::check(cx, state, &at, report).await? {
                    self.checkpoints.push(next);
                }
            }
        }
        Ok(())
    }

    fn begin(&mut self, cx: &Context, candidate: &Candidate, report: &mut Report) {
        let name = ObjectName::Journal(0);
        if self
            .config
            .is_some_and(|config| config != candidate.previous)
        {
            let detail = "the first entry follows another configuration";
            let flaw = damage(&ObjectName::Config, Problem::ConfigDiffers, detail);
            cx.found(report, flaw.of(ObjectName::Config, Level::Hashed));
        }
        if self.genesis.is_some_and(|hash| hash != candidate.hash) {
            let flaw = Flaw::new(Problem::WrongGenesis, Severity::Loss, "");
            cx.found(report, flaw.of(name, Level::Hashed));
        }
        let Some(opened) = &candidate.opened else {
            return;
        };
        let state = match &opened.payload {
            Ok(payload) if !opened.signers.is_empty() => State::begin(
                &Signed {
                    n: 0,
                    signers: &opened.signers,
                    payload,
                },
                candidate.hash,
            ),
            Err(DecodeErrorKind::Unsupported) => {
                self.end_chain(cx, 0, Problem::NewerVersion, report);
                return;
            }
            _ => None,
        };
        match state {
            None => self.end_chain(cx, 0, Problem::VoidEntry, report),
            Some(state) => {
                if let strongroom_format::Body::Genesis(genesis) = opened.body()
                    && genesis.config != candidate.previous
                {
                    let detail = "the first entry names another configuration than it follows";
                    let flaw = damage(&name, Problem::ConfigDiffers, detail);
                    cx.found(report, flaw.of(name, Level::Authenticated));
                }
                self.state = Some(state);
            }
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
                self.end_chain(cx, candidate.n, Problem::NewerVersion, report);
                return;
            }
            Err(_) => Effect::Void(Void::Payload),
            Ok(_) if opened.signers.is_empty() => Effect::Void(Void::Signature),
            Ok(payload) => {
                let entry = Signed {
                    n: candidate.n,
                    signers: &opened.signers,
                    payload,
                };
                state.apply(&entry, keys)
            }
        };
        report_effect(cx, candidate.n, effect, opened, report);
    }

    /// Returns the entry as its bundle has it, if that is there and whole.
    async fn copy(&mut self, cx: &Context, n: u64) -> Result<Option<Candidate>> {
        let number = (n / limits::BUNDLE_ENTRIES + 1).saturating_mul(limits::BUNDLE_ENTRIES);
        if self.bundle.as_ref().is_none_or(|(have, _)| *have != number) {
            let name = ObjectName::Bundle(number);
            let entries = match cx.get(&name).await? {
                Fetched::Bytes(bytes) if judge(&name, &bytes, &self.place).is_ok() => {
                    decode_bundle(&bytes).unwrap_or_default()
                }
                _ => Vec::new(),
            };
            let entries = entries.into_iter().map(Bytes::from).collect();
            self.bundle = Some((number, entries));
        }
        let at = usize::try_from(n % limits::BUNDLE_ENTRIES).unwrap_or_default();
        let bytes = self
            .bundle
            .as_ref()
            .and_then(|(_, entries)| entries.get(at));
        Ok(bytes.and_then(|bytes| read(n, bytes, &self.place, self.keys.as_ref()).ok()))
    }
}

impl Candidate {
    /// The hashes that the entry after this one may state.
    fn links(&self) -> impl Iterator<Item = ObjectHash> {
        std::iter::once(self.hash)
    }
}

impl Opened {
    /// The body, or one that means nothing.
    fn body(&self) -> strongroom_format::Body {
        match &self.payload {
            Ok(payload) => payload.body.clone(),
            Err(_) => strongroom_format::Body::Unknown {
                kind: u64::MAX,
                raw: Vec::new(),
            },
        }
    }
}

async fn fetch(
    cx: &Context,
    n: u64,
    place: Place,
    keys: Option<Arc<StructureKeys>>,
) -> Result<Slot> {
    let name = ObjectName::Journal(n);
    match cx.get(&name).await? {
        Fetched::Absent => Ok(Slot::Absent),
        Fetched::Unreadable(error) => {
            let flaw = damage(&name, Problem::Unreadable, error.to_string());
            Ok(Slot::Flawed(flaw))
        }
        Fetched::Bytes(bytes) => {
            let read = move || read(n, &bytes, &place, keys.as_ref());
            Ok(match cx.pool().run(read).await? {
                Ok(candidate) => Slot::Whole(candidate),
                Err(flaw) => Slot::Flawed(flaw),
            })
        }
    }
}

fn report_effect(cx: &Context, n: u64, effect: Effect, opened: &Opened, report: &mut Report) {
    let (problem, severity, detail) = match effect {
        Effect::Applied => return,
        Effect::Unknown => {
            let kind = opened.body().kind();
            (
                Problem::UnknownEntry,
                Severity::Note,
                format!("type {kind}"),
            )
        }
        Effect::Void(void) => {
            let severity = if void.is_suspicious() {
                Severity::Damage
            } else {
                Severity::Note
            };
            let problem = match void {
                Void::Payload => Problem::DoesNotOpen,
                Void::Signature | Void::Role => Problem::BadSignature,
                _ => Problem::VoidEntry,
            };
            (problem, severity, format!("no effect: {}", void.words()))
        }
    };
    let subject = Subject::Object(ObjectName::Journal(n));
    let finding = Finding::new(severity, subject, problem, Level::Authenticated);
    cx.found(report, finding.with_detail(detail));
}

fn count(report: &mut Report, level: Level, bytes: u64) {
    report.coverage.add(Area::Journal, level, 1, bytes);
}

/// Entries between two reports of progress.
const STEP: u64 = 256;
