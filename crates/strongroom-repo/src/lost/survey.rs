//! Looks at a journal of which entries are lost: what is there, what is known of the rest, and what a repair would put in its place.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use strongroom_crypt::{Id, Roles, VerifyingKey};
use strongroom_format::object_name::{self, ObjectName};
use strongroom_format::{
    Added, Body, Bridge, Certificate, Checkpoint, Damaged, DamagedPack, Entry, Forget, Keys,
    ObjectHash, PackRef, Payload, SegmentRef, Tombstone,
};
use strongroom_store::Prefix;

use super::difference::difference;
use super::{InPlace, JournalDamage, LaterEntry, LostEntries, LostEntry};
use crate::context::{Context, encode_error, get_if_there, is_there};
use crate::edge::Remote;
use crate::error::{Error, ErrorKind, Head, Result};
use crate::head::Remembered;
use crate::index::{is_loss, pack_found};
use crate::journal::{Fetched, Replay, View};
use crate::state::{Effect, State};

/// Where what is lost may be known from, beside the store.
#[derive(Debug, Default)]
pub(crate) struct Sources<'a> {
    /// What this machine remembers.
    pub(crate) remembered: Option<Remembered>,
    /// What this handle has read.
    pub(crate) view: Option<View>,
    /// Entries that must be there, or be lost.
    pub(crate) seen: Vec<Head>,
    /// Another store that may have entries: a mirror, a replica.
    pub(crate) other: Option<&'a Remote>,
}

/// A journal of which entries are lost.
#[derive(Debug)]
pub(crate) struct Survey {
    pub(crate) damage: JournalDamage,
    /// What comes before the first lost entry.
    pub(crate) prefix: View,
    /// All of it, with what a repair would put.
    pub(crate) past: View,
    /// What a repair would put, in the order of numbers.
    pub(super) patches: Vec<Patch>,
}

/// What a repair puts in the place of a lost entry.
#[derive(Debug, Clone)]
pub(super) struct Patch {
    pub(super) n: u64,
    /// The name that is free.
    pub(super) object: String,
    pub(super) bytes: Bytes,
    pub(super) hash: ObjectHash,
    /// It is the entry itself.
    pub(super) is_original: bool,
}

/// The journal as it is found behind the intact prefix.
struct Found {
    start: u64,
    /// The entries, where they are there or known.
    entries: Vec<Option<Fetched>>,
    lost: Vec<LostEntry>,
    /// Who is certified, by the entries that are there.
    known: Arc<State>,
}

/// How far a survey looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// At the journal.
    Journal,
    /// At the packs that are there, too.
    Packs,
}

/// What is to be said in the places of lost entries.
type Effects = BTreeMap<u64, Vec<Body>>;

impl Survey {
    /// Looks at the journal; `None` if nothing of it is lost.
    ///
    /// # Errors
    ///
    /// `Damaged` when the first entry is lost, which nothing can stand for, or too many in a row; `Incompatible` when a later version has written; otherwise what the
    /// store said. Nothing is taken for lost that could not be looked for.
    ///
    /// `segment` maps the packs that are found; only a repair has one.
    pub(crate) fn of(
        remote: &Remote,
        context: &Context,
        sources: &Sources<'_>,
        extent: Extent,
        segment: Option<SegmentRef>,
    ) -> Result<Option<Self>> {
        let replay = Replay::of_entries(remote, context);
        let mut prefix = View::before_genesis(context.config_hash);
        let read = replay.read_all(&mut prefix);
        let failure = match read {
            Ok(()) => None,
            Err(error) if error.lost_entry().is_some() => Some(error),
            Err(error) => return Err(error),
        };
        let end = end(&replay, prefix.state.head)?;
        if prefix.state.head == 0 {
            return failure.map_or(Ok(None), Err);
        }
        if failure.is_none() && end == prefix.state.head {
            return Ok(None);
        }
        let surveyor = Surveyor {
            remote,
            context,
            sources,
            replay,
        };
        surveyor.survey(prefix, end, extent, segment).map(Some)
    }
}

/// Returns the number after the last entry that the store has, in whatever place. `head` entries are known.
///
/// A name says little: what is far behind everything else counts only if there is an entry.
///
/// # Errors
///
/// `Damaged` when there is one behind more lost entries than a repair can stand for.
fn end(replay: &Replay<'_>, head: u64) -> Result<u64> {
    let mut listed = BTreeSet::new();
    for prefix in ["journal/", "bundle/"] {
        for meta in replay.remote.list(&Prefix::parse(prefix)?)? {
            listed.extend(match object_name::parse(meta.key.as_str()) {
                Some(ObjectName::Journal(n) | ObjectName::JournalCopy(n)) => Some(n),
                Some(ObjectName::Bundle(n)) => n.checked_sub(1),
                _ => None,
            });
        }
    }
    let mut end = head;
    for n in listed.into_iter().filter(|n| *n >= head) {
        let missing = n - end;
        if missing > ENTRIES && replay.places(n)?.is_empty() {
            tracing::debug!(n, "an object far behind the journal is no entry");
            continue;
        }
        if missing > MOST_LOST {
            let what =
                format!("{missing} journal entries in a row are lost, and a later one is there");
            let error = Error::new(ErrorKind::Damaged, what);
            return Err(error.object_named(object_name::journal(n)));
        }
        end = n.saturating_add(1);
    }
    Ok(end)
}

/// Packs that no entry names, and packs that entries name and that are not there.
#[derive(Debug, Default)]
struct Stock {
    found: Vec<PackRef>,
    gone: Vec<ObjectHash>,
    /// What maps those that were found.
    segment: Option<SegmentRef>,
}

impl Stock {
    fn effects(&self) -> Vec<Body> {
        let mut effects = Vec::new();
        if !self.found.is_empty() {
            let added = Added {
                packs: self.found.clone(),
                segments: self.segment.into_iter().collect(),
                ..Added::default()
            };
            effects.push(Body::Tombstone(Tombstone {
                added,
                ..Tombstone::default()
            }));
        }
        if !self.gone.is_empty() {
            let all = |pack: &ObjectHash| DamagedPack {
                pack: *pack,
                frames: Vec::new(),
            };
            effects.push(Body::Damaged(Damaged {
                packs: self.gone.iter().map(all).collect(),
                ..Damaged::default()
            }));
        }
        effects
    }
}

struct Surveyor<'a> {
    remote: &'a Remote,
    context: &'a Context,
    sources: &'a Sources<'a>,
    replay: Replay<'a>,
}

/// A state that is known to be that of the journal, after so many entries.
struct Truth {
    state: State,
    source: String,
}

impl Found {
    fn at(&self, n: u64) -> Option<&Fetched> {
        let at = usize::try_from(n.checked_sub(self.start)?).ok()?;
        self.entries.get(at)?.as_ref()
    }
}

impl Surveyor<'_> {
    fn survey(
        &self,
        prefix: View,
        end: u64,
        extent: Extent,
        segment: Option<SegmentRef>,
    ) -> Result<Survey> {
        let (prefix, mut found) = self.find(prefix, end)?;
        self.recall(&prefix, &mut found)?;
        let plain = self.assemble(&prefix, &found, &Effects::new(), None)?;
        let mut known_from = found
            .lost
            .iter()
            .all(|lost| lost.is_known)
            .then(|| "entries that were found elsewhere".to_owned());
        let mut effects = self.announce(&prefix, &plain, &found);
        self.forget_again(&prefix, &plain, &found, &mut effects);
        let mut assembled = self.assemble(&prefix, &found, &effects, None)?;
        if known_from.is_none()
            && let Some((told, source)) = self.tell(&prefix, &found)?
        {
            effects = told;
            assembled = self.assemble(&prefix, &found, &effects, None)?;
            known_from = Some(source);
        }
        let mut stock = Stock::default();
        if known_from.is_none() && extent == Extent::Packs {
            stock = self.take_stock(&assembled.view.state)?;
            stock.segment = segment;
            if let Some(last) = found.lost.iter().rfind(|lost| !lost.is_known) {
                effects.entry(last.n).or_default().extend(stock.effects());
            }
            assembled = self.assemble(&prefix, &found, &effects, None)?;
        }
        self.check_seen(&prefix, &found, end)?;
        let mut past = assembled.view;
        if !stock.found.is_empty() && stock.segment.is_none() {
            Arc::make_mut(&mut past.state).has_unmapped_packs = true;
        }
        let damage = JournalDamage {
            found_packs: stock.found,
            gone_packs: stock.gone,
            intact: prefix.state.head,
            end,
            lost: found.lost,
            later: assembled.later,
            known_from,
            mode: LostEntries::Refuse,
        };
        Ok(Survey {
            damage,
            prefix,
            past,
            patches: assembled.patches,
        })
    }

    /// Makes sure that this is the journal that was seen before: a store that went back has lost nothing.
    fn check_seen(&self, prefix: &View, found: &Found, end: u64) -> Result<()> {
        for head in &self.sources.seen {
            if head.n >= end {
                let last = found.entries.iter().flatten().next_back();
                let last = last.map(|last| Head::new(last.entry.n, last.entry.hash));
                return Err(Error::rollback(*head, last.or(prefix.state.last())));
            }
            if head.n < found.start {
                self.replay.check_head(*head)?;
                continue;
            }
            let there = found.at(head.n);
            let hash = match (there, found.at(head.n.saturating_add(1))) {
                (Some(there), _) => match self.replay.bridge(there) {
                    Some(bridge) if there.entry.hash != head.hash => bridge.stated,
                    _ => Some(there.entry.hash),
                },
                (None, next) => next.map(|next| next.entry.previous),
            };
            if let Some(hash) = hash.filter(|hash| *hash != head.hash) {
                return Err(Error::fork(*head, Head::new(head.n, hash)));
            }
        }
        Ok(())
    }

    /// Reads what is behind the intact prefix, and finds out which entries are lost.
    fn find(&self, mut prefix: View, end: u64) -> Result<(View, Found)> {
        let first = prefix.state.head;
        let mut known = Arc::clone(&prefix.state);
        let mut entries: Vec<Option<Fetched>> = Vec::new();
        let mut lost = BTreeMap::new();
        for n in first..end {
            let (place, candidates) = self.candidates(n)?;
            let before = match entries.last() {
                Some(before) => before
                    .as_ref()
                    .map(|one| (one.entry.hash, self.follower(one))),
                None => Some((known.head_hash, known.link().previous)),
            };
            let genuine = candidates
                .iter()
                .position(|one| self.is_genuine(one, &known));
            let at = match before {
                None => genuine.or((!candidates.is_empty()).then_some(0)),
                Some((hash, next)) => {
                    let fits = |one: &Fetched| one.entry.previous == next;
                    let fitting = candidates.iter().position(fits);
                    // It is of this journal and follows something else than what is in the place before it: that came too late. Nothing came
                    // too late that was seen in its place, nor the first entry.
                    let is_late = fitting.is_none() && n > 1 && !self.has_seen(n - 1, hash);
                    if is_late && genuine.is_some() {
                        lost.insert(n - 1, InPlace::Another);
                        match entries.last_mut() {
                            Some(before) => *before = None,
                            None => {
                                prefix = self.prefix_of(n - 1)?;
                                entries.push(None);
                            }
                        }
                    }
                    fitting.or(genuine.filter(|_| is_late))
                }
            };
            if at.is_none() {
                let is_other = !candidates.is_empty();
                lost.insert(n, if is_other { InPlace::Another } else { place });
            }
            let entry = at.and_then(|at| candidates.into_iter().nth(at));
            self.learn(&mut known, n, entry.as_ref())?;
            entries.push(entry);
        }
        let start = prefix.state.head;
        self.distrust(&known, start, &mut entries, &mut lost);
        let lost = lost.into_iter().map(|(n, found)| LostEntry {
            n,
            found,
            is_known: false,
        });
        let found = Found {
            start,
            entries,
            lost: lost.collect(),
            known,
        };
        Ok((prefix, found))
    }

    /// Takes note of whom entry `n`, if it is there, certifies.
    fn learn(&self, known: &mut Arc<State>, n: u64, entry: Option<&Fetched>) -> Result<()> {
        let known = Arc::make_mut(known);
        known.head = n;
        match entry {
            Some(entry) => drop(known.fold(&entry.entry, &self.context.keys().structure)?),
            None => known.head = n.saturating_add(1),
        }
        Ok(())
    }

    /// Says whether this machine was shown that entry.
    fn has_seen(&self, n: u64, hash: ObjectHash) -> bool {
        let is_it = |entry: Entry| entry.n == n && entry.hash == hash;
        let is_head = |head: &Head| head.n == n && head.hash == hash;
        let mut recent = self.recent().filter_map(|bytes| Entry::decode(bytes).ok());
        self.sources.seen.iter().any(is_head) || recent.any(is_it)
    }

    /// Returns the entries that this machine has.
    fn recent(&self) -> impl Iterator<Item = &Bytes> {
        let recent = self.sources.remembered.iter().flat_map(Remembered::recent);
        recent.chain(self.sources.view.iter().flat_map(|view| &view.recent))
    }

    /// Takes entries behind the last lost one for lost, too, if nobody certified has signed any: anybody may then have said what they follow.
    fn distrust(
        &self,
        known: &State,
        start: u64,
        entries: &mut [Option<Fetched>],
        lost: &mut BTreeMap<u64, InPlace>,
    ) {
        let Some(last) = entries.iter().rposition(Option::is_none) else {
            return;
        };
        let (_, behind) = entries.split_at_mut(last);
        if behind
            .iter()
            .flatten()
            .any(|one| self.is_genuine(one, known))
        {
            return;
        }
        for (n, entry) in (start + last as u64..).zip(behind) {
            if entry.take().is_some() {
                lost.insert(n, InPlace::Another);
            }
        }
    }

    /// Returns what is in the places of an entry, its object first.
    fn candidates(&self, n: u64) -> Result<(InPlace, Vec<Fetched>)> {
        let Some(object) = get_if_there(self.remote, &object_name::journal(n))? else {
            return Ok((InPlace::Nothing, self.replay.places(n)?));
        };
        match self.replay.decode(n, object) {
            // What a later version wrote is not damage.
            Err(error) if error.kind() == ErrorKind::Incompatible => Err(error),
            _ => Ok((InPlace::Rubbish, self.replay.places(n)?)),
        }
    }

    /// Returns the previous hash that the next entry has to state.
    fn follower(&self, fetched: &Fetched) -> ObjectHash {
        let stated = self.replay.bridge(fetched).and_then(|bridge| bridge.stated);
        stated.unwrap_or(fetched.entry.hash)
    }

    /// Says whether somebody wrote an entry whom `known` certifies, or a keyring that no entry of it announces. Keys of this repository alone do
    /// not: whoever was revoked has them.
    fn is_genuine(&self, fetched: &Fetched, known: &State) -> bool {
        let keys = self.context.keys();
        let announced = known.keyring.map_or(0, |(generation, _)| generation);
        let is_newer = keys.generation > announced && keys.is_signed_by(&known.admin);
        let is_certified = |public| {
            let key = VerifyingKey::from_bytes(public);
            known.has_role(&key, Roles::from_bits(u8::MAX))
                || (is_newer && keys.signer_named(&key).is_some())
        };
        let mut signers = fetched.entry.signatures.iter().map(|one| one.public);
        signers.any(is_certified)
            && fetched.entry.verify_signatures()
            && fetched.entry.open(keys.structure.journal()).is_ok()
    }

    fn prefix_of(&self, head: u64) -> Result<View> {
        let mut view = View::before_genesis(self.context.config_hash);
        self.replay.begin(&mut view)?;
        self.replay.each(1..head, |fetched| {
            self.replay.fold_chained(&mut view, fetched)
        })?;
        Ok(view)
    }

    /// Looks for the bytes of lost entries where else they may be.
    fn recall(&self, prefix: &View, found: &mut Found) -> Result<()> {
        let mut recalled = Vec::new();
        for bytes in self.recent() {
            recalled.extend(
                Entry::decode(bytes)
                    .ok()
                    .map(|entry| (entry.n, bytes.clone())),
            );
        }
        for at in 0..found.entries.len() {
            let n = found.start + at as u64;
            if found.entries.get(at).is_some_and(Option::is_some) {
                continue;
            }
            let mut bytes: Vec<Bytes> = recalled
                .iter()
                .filter(|(of, _)| *of == n)
                .map(|(_, bytes)| bytes.clone())
                .collect();
            if let Some(other) = self.sources.other {
                let theirs = Replay::new(other, self.context);
                bytes.extend(theirs.places(n)?.into_iter().map(|one| one.bytes));
            }
            let next = found.entries.get(at + 1).and_then(Option::as_ref);
            let next = next.map(|next| next.entry.previous);
            let before = match at
                .checked_sub(1)
                .and_then(|before| found.entries.get(before))
            {
                Some(before) => before.as_ref().map(|before| self.follower(before)),
                None => Some(prefix.state.link().previous),
            };
            let is_it = |one: &Fetched| match next {
                // The next one states its hash: nothing else is it.
                Some(stated) => one.entry.hash == stated,
                None => {
                    let mut known = [&prefix.state, &found.known].into_iter();
                    before == Some(one.entry.previous)
                        && known.any(|known| self.is_genuine(one, known))
                }
            };
            let decoded = bytes
                .into_iter()
                .filter_map(|one| self.replay.decode(n, one).ok());
            let mut decoded = decoded.filter(is_it);
            if let Some(original) = decoded.next() {
                if self.is_displaced(&original)? {
                    continue;
                }
                *found
                    .entries
                    .get_mut(at)
                    .into_iter()
                    .next()
                    .unwrap_or(&mut None) = Some(original);
                for lost in found.lost.iter_mut().filter(|lost| lost.n == n) {
                    lost.is_known = true;
                }
            }
        }
        Ok(())
    }

    /// Says whether another entry is in the object's place that follows the same one. Readers take that, and only a Bridge leads around it.
    fn is_displaced(&self, original: &Fetched) -> Result<bool> {
        let n = original.entry.n;
        let object = get_if_there(self.remote, &object_name::journal(n))?;
        let object = object.and_then(|bytes| self.replay.decode(n, bytes).ok());
        Ok(object.is_some_and(|there| {
            there.entry.previous == original.entry.previous
                && there.entry.hash != original.entry.hash
        }))
    }

    /// What is known of lost entries in any case: a keyring that the admin signed and that no entry announces.
    fn announce(&self, prefix: &View, plain: &Assembled, found: &Found) -> Effects {
        let keys = self.context.keys();
        let state = &plain.view.state;
        let announced = state.keyring.map_or(0, |(generation, _)| generation);
        let Some(first) = found.lost.iter().find(|lost| !lost.is_known) else {
            return Effects::new();
        };
        if keys.generation <= announced || !keys.is_signed_by(&prefix.state.admin) {
            return Effects::new();
        }
        let certificates = keys.signing().filter(|(roles, public)| {
            let certified = state
                .certificates
                .contains_key(&(*public.as_bytes(), roles.bits()));
            !certified && *public != state.admin
        });
        let body = Keys {
            generation: Some(keys.generation),
            keyring: Some(keys.keyring),
            certificates: certificates
                .map(|(roles, public)| Certificate {
                    roles,
                    public: *public.as_bytes(),
                    label: String::new(),
                    not_after: 0,
                })
                .collect(),
            ..Keys::default()
        };
        BTreeMap::from([(first.n, vec![Body::Keys(body)])])
    }

    /// A later entry that forgets a snapshot of a lost one has no effect any more. What else it forgets is forgotten before it.
    fn forget_again(&self, prefix: &View, plain: &Assembled, found: &Found, effects: &mut Effects) {
        let keys = self.context.keys();
        let void = plain.later.iter().filter(|later| later.void.is_some());
        for later in void {
            let at = usize::try_from(later.n - found.start).ok();
            let entry = at.and_then(|at| found.entries.get(at)?.as_ref());
            let payload = entry.and_then(|one| one.entry.open(keys.structure.journal()).ok());
            let Some(Body::Forget(forget)) = payload.map(|payload| payload.body) else {
                continue;
            };
            let mut lost = found.lost.iter().filter(|lost| !lost.is_known);
            let Some(before) = lost.rfind(|lost| lost.n < later.n) else {
                continue;
            };
            let held = prefix.state.held();
            let is_held = |id: &Id| {
                let snapshot = prefix.state.snapshot(id);
                snapshot.is_none_or(|(_, snapshot)| held.has(id, snapshot))
            };
            let snapshots: Vec<Id> = forget
                .snapshots
                .into_iter()
                .filter(|id| !is_held(id))
                .collect();
            if !snapshots.is_empty() {
                effects
                    .entry(before.n)
                    .or_default()
                    .push(Body::Forget(Forget {
                        snapshots,
                        ..Forget::default()
                    }));
            }
        }
    }

    /// Compares the packs that are there with those that entries name.
    fn take_stock(&self, state: &State) -> Result<Stock> {
        let mut there = BTreeSet::new();
        let mut stock = Stock::default();
        for meta in self.remote.list(&Prefix::parse("pack/")?)? {
            let Some(ObjectName::Pack(name)) = object_name::parse(meta.key.as_str()) else {
                continue;
            };
            there.insert(name);
            let is_named = state.packs.contains_key(&name) || state.dropped.contains_key(&name);
            let len = u32::try_from(meta.len).ok();
            let (Some(len), false) = (len, is_named || stock.found.len() >= MOST_FOUND) else {
                continue;
            };
            match pack_found(self.remote, self.context, state, name, len) {
                Ok(pack) => stock.found.extend(pack),
                Err(error) if is_loss(&error) => {
                    tracing::debug!(%error, "a pack that no entry names cannot be read");
                }
                Err(error) => return Err(error),
            }
        }
        for pack in state.packs.keys().filter(|pack| !there.contains(*pack)) {
            // A list may lag behind; the object itself decides.
            let is_known = state.damaged.get(pack).is_some_and(BTreeSet::is_empty);
            if !is_known && !is_there(self.remote, &object_name::pack(pack))? {
                stock.gone.push(*pack);
            }
        }
        stock.gone.truncate(MOST_FOUND);
        Ok(stock)
    }

    /// Returns what the lost entries did, if a state behind them is known and tells it all.
    fn tell(&self, prefix: &View, found: &Found) -> Result<Option<(Effects, String)>> {
        let unknown: Vec<u64> = found
            .lost
            .iter()
            .filter(|lost| !lost.is_known)
            .map(|lost| lost.n)
            .collect();
        let Some(last) = unknown.last() else {
            return Ok(None);
        };
        for truth in self.truths(prefix, found, *last)? {
            let at = truth.state.head;
            let mut effects = Effects::new();
            // What one round brings may give effect to entries behind it, which then need less.
            for _ in 0..ROUNDS {
                let assembled = self.assemble(prefix, found, &effects, Some(at))?;
                let Some(state) = assembled.view_at else {
                    break;
                };
                if is_same(&state, &truth.state) {
                    return Ok(Some((effects, truth.source)));
                }
                for (n, more) in difference(&state, &truth.state, &unknown) {
                    let effects: &mut Vec<Body> = effects.entry(n).or_default();
                    let commits = |body: &Body| matches!(body, Body::Commit(_));
                    let has_commit = effects.iter().any(commits);
                    effects.extend(
                        more.into_iter()
                            .filter(|body| !(has_commit && commits(body))),
                    );
                }
            }
        }
        Ok(None)
    }

    /// Returns states behind the last lost entry that are known to be the journal's: what this machine has read, and checkpoints.
    fn truths(&self, prefix: &View, found: &Found, last: u64) -> Result<Vec<Truth>> {
        let mut truths = Vec::new();
        let views = [
            self.sources.view.clone(),
            self.sources
                .remembered
                .as_ref()
                .and_then(|remembered| remembered.view(self.context)),
        ];
        for view in views.into_iter().flatten() {
            truths.push(Truth {
                state: State::clone(&view.state),
                source: "what this machine has read before".to_owned(),
            });
        }
        let end = found.start + found.entries.len() as u64;
        let first = last / ENTRIES * ENTRIES + ENTRIES;
        let mut n = first;
        while n <= end {
            let name = object_name::checkpoint(n);
            if let Some(bytes) = get_if_there(self.remote, &name)?
                && let Some(state) = self.replay.open_checkpoint(n, &bytes, &prefix.state)
            {
                truths.push(Truth {
                    state,
                    source: format!("checkpoint {n}"),
                });
            }
            n += ENTRIES;
        }
        truths.retain(|truth| truth.state.head > last && self.fits(found, &truth.state));
        Ok(truths)
    }

    /// Says whether a state is of this very history: its last entry is the one that is there, or that the next one states.
    fn fits(&self, found: &Found, state: &State) -> bool {
        let last = state.head.checked_sub(1).and_then(|n| found.at(n));
        let next = found.at(state.head);
        match (last, next) {
            (Some(last), _) => last.entry.hash == state.head_hash,
            (None, Some(next)) => next.entry.previous == state.link().previous,
            // The last of all is lost: whoever was shown it says so.
            (None, None) => state.head == found.start + found.entries.len() as u64,
        }
    }

    /// Folds everything, with Bridges in the places of lost entries. `at` asks for the state after so many.
    fn assemble(
        &self,
        prefix: &View,
        found: &Found,
        effects: &Effects,
        at: Option<u64>,
    ) -> Result<Assembled> {
        let mut view = prefix.clone();
        let mut assembled = Assembled {
            view: prefix.clone(),
            view_at: None,
            patches: Vec::new(),
            later: Vec::new(),
        };
        let lost: BTreeMap<u64, &LostEntry> =
            found.lost.iter().map(|lost| (lost.n, lost)).collect();
        for (position, entry) in found.entries.iter().enumerate() {
            let n = view.state.head;
            let fetched = match entry {
                Some(fetched) => fetched.duplicate(),
                None => {
                    let next = found.entries.get(position + 1).and_then(Option::as_ref);
                    let stated = next.map(|next| next.entry.previous);
                    let effects = effects.get(&n).cloned().unwrap_or_default();
                    self.seal(&view.state, stated, effects)?
                }
            };
            if let Some(lost) = lost.get(&n) {
                assembled.patches.push(self.patch(lost, &fetched)?);
            }
            let was_there = !lost.contains_key(&n);
            let described = was_there.then(|| self.describe(&fetched));
            let effect = self.replay.fold(&mut view, fetched)?;
            if let Some(mut later) = described {
                later.void = match effect {
                    Effect::InForce => None,
                    Effect::Void(reason) => Some(reason),
                };
                assembled.later.push(later);
            }
            if Some(view.state.head) == at {
                assembled.view_at = Some(Arc::clone(&view.state));
            }
        }
        assembled.view = view;
        Ok(assembled)
    }

    /// Makes the Bridge that follows a state.
    fn seal(
        &self,
        state: &State,
        stated: Option<ObjectHash>,
        effects: Vec<Body>,
    ) -> Result<Fetched> {
        let context = self.context;
        let keys = context.keys();
        let bridge = Bridge {
            stated,
            effects,
            reason: "the entry is lost".to_owned(),
            ..Bridge::default()
        };
        let payload = Payload {
            must_understand: true,
            ..Payload::new(
                context.components.clock.now(),
                Body::Bridge(Box::new(bridge)),
            )
        };
        let admin = keys.signer_named(&state.admin);
        let signer = admin.map_or_else(|| keys.signer(Roles::ADMIN), Ok)?;
        let bytes = Entry::seal(
            context.suite,
            context.repository,
            state.head,
            context.random()?,
            state.link().previous,
            &payload,
            keys.structure.journal(),
            &[signer],
        )
        .map_err(encode_error)?;
        self.replay.decode(state.head, bytes.into())
    }

    fn patch(&self, lost: &LostEntry, fetched: &Fetched) -> Result<Patch> {
        let object = match lost.found {
            InPlace::Nothing => object_name::journal(lost.n),
            InPlace::Rubbish | InPlace::Another => object_name::journal_copy(lost.n),
        };
        if lost.found != InPlace::Nothing && is_there(self.remote, &object)? {
            let what = "both the object and the copy of a journal entry are damaged, and nothing can be put beside them";
            let error = Error::new(ErrorKind::Damaged, what).object_named(object);
            return Err(error.losing(lost.n));
        }
        Ok(Patch {
            n: lost.n,
            object,
            bytes: fetched.bytes.clone(),
            hash: fetched.entry.hash,
            is_original: lost.is_known,
        })
    }

    fn describe(&self, fetched: &Fetched) -> LaterEntry {
        let keys = self.context.keys();
        let payload = fetched.entry.open(keys.structure.journal()).ok();
        let snapshot = payload.as_ref().and_then(|payload| match &payload.body {
            Body::Commit(commit) => {
                let id = commit.snapshot.id(&keys.structure).ok()?;
                Some((id, commit.snapshot.series.clone()))
            }
            _ => None,
        });
        LaterEntry {
            n: fetched.entry.n,
            time: payload.as_ref().map(|payload| payload.time),
            kind: payload
                .as_ref()
                .map_or("", |payload| name_of(&payload.body)),
            snapshot,
            void: None,
        }
    }
}

/// A journal with what a repair would put.
struct Assembled {
    view: View,
    view_at: Option<Arc<State>>,
    patches: Vec<Patch>,
    later: Vec<LaterEntry>,
}

/// Says whether two states are the same, but for Bridges, and for sessions that committed what was forgotten since: no effect says that, and it matters only for what
/// the same session might announce after its commit.
fn is_same(one: &State, other: &State) -> bool {
    let plain = |state: &State| Checkpoint {
        bridges: Vec::new(),
        committed_sessions: Vec::new(),
        ..state.to_checkpoint()
    };
    plain(one) == plain(other)
}

fn name_of(body: &Body) -> &'static str {
    match body {
        Body::Genesis(_) => "Genesis",
        Body::Commit(_) => "Commit",
        Body::Packs(_) => "Packs",
        Body::Abandon(_) => "Abandon",
        Body::Forget(_) => "Forget",
        Body::Condemn(_) => "Condemn",
        Body::Tombstone(_) => "Tombstone",
        Body::Index(_) => "Index",
        Body::Damaged(_) => "Damaged",
        Body::Keys(_) => "Keys",
        Body::Feature(_) => "Feature",
        Body::Hold(_) => "Hold",
        Body::Policy(_) => "Policy",
        Body::Evidence(_) => "Evidence",
        Body::Takeover(_) => "Takeover",
        Body::Bridge(_) => "Bridge",
        _ => "a later version's",
    }
}

/// As many packs as fit an entry with something else beside them.
const MOST_FOUND: usize = 16_384;
/// How many entries in a row a repair stands for, at most.
const MOST_LOST: u64 = 4096;
/// How often effects are derived from what is known to have come of them.
const ROUNDS: usize = 3;
/// Entries between two checkpoints.
const ENTRIES: u64 = strongroom_format::limits::BUNDLE_ENTRIES;
