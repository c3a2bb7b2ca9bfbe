//! Reads the journal on from where a view ends.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use strongroom_crypt::{Roles, VerifyingKey};
use strongroom_format::limits::BUNDLE_ENTRIES;
use strongroom_format::{Body, Bridge, ObjectHash, object_name};

use super::View;
use super::fetch::{Fetched, missing_entry, out_of_chain};
use super::gallop::{end_of_journal, first_missing};
use crate::context::{Context, is_there};
use crate::edge::Remote;
use crate::error::{Error, ErrorKind, Head, Result};
use crate::state::{Effect, Link, State};

/// From how many missed entries on a checkpoint is used instead of bundles.
///
/// Below, the chain is followed entry by entry, which costs 8 bundles at most.
pub(super) const WORTH_A_CHECKPOINT: u64 = 512;

/// How often the journal is read anew, each time with more Bridges to look for.
const MAX_READINGS: usize = 8;

/// How far behind a hole somebody who knows nothing of the end looks for later entries.
const PROBED: [u64; 6] = [1, 2, 3, 4, 8, 16];

/// Reads the journal on.
#[derive(Debug)]
pub(crate) struct Replay<'a> {
    pub(crate) remote: &'a Remote,
    pub(super) context: &'a Context,
    reads_checkpoints: bool,
    /// Bridges that were met, by the numbers of the entries in whose places they stand: whoever has folded something else there reads anew.
    wanted: RefCell<BTreeMap<u64, ObjectHash>>,
}

impl<'a> Replay<'a> {
    pub(crate) fn new(remote: &'a Remote, context: &'a Context) -> Self {
        Self {
            remote,
            context,
            reads_checkpoints: true,
            wanted: RefCell::default(),
        }
    }

    /// One that folds every entry itself and believes no checkpoint.
    pub(crate) fn of_entries(remote: &'a Remote, context: &'a Context) -> Self {
        Self {
            reads_checkpoints: false,
            ..Self::new(remote, context)
        }
    }

    /// One that takes the same Bridges as led to `state`.
    pub(crate) fn like(remote: &'a Remote, context: &'a Context, state: &State) -> Self {
        let replay = Self::new(remote, context);
        replay.want(state.bridges.values().map(|one| (one.n, one.hash)));
        replay
    }

    /// Folds entry 0, which must be the Genesis that the keyring names.
    ///
    /// # Errors
    ///
    /// `NotFound` when the repository's creation was never finished, `Damaged` when Genesis is missing or another.
    pub(crate) fn begin(&self, view: &mut View) -> Result<()> {
        let name = object_name::journal(0);
        let genesis = self.context.keys().genesis;
        let fetched = match self.entry(0)? {
            Some(fetched) if fetched.entry.hash == genesis => fetched,
            Some(_) => {
                let what = "the first journal entry is not the one that the keyring names";
                let another = Error::new(ErrorKind::Damaged, what).object_named(name.clone());
                self.genesis_elsewhere(&genesis, another)?
            }
            None => match self.genesis_elsewhere(&genesis, missing_entry(0)) {
                Err(error) if error.lost_entry().is_some() && !self.is_begun()? => {
                    let what = "creation of this repository was never finished: it has no first journal entry";
                    return Err(Error::new(ErrorKind::NotFound, what).object_named(name));
                }
                found => found?,
            },
        };
        if fetched.entry.previous != self.context.config_hash {
            let what = "config is not the one that the first journal entry follows";
            return Err(Error::new(ErrorKind::Damaged, what).object_named("config"));
        }
        match self.fold(view, fetched)? {
            Effect::InForce => Ok(()),
            Effect::Void(reason) => Err(Error::new(ErrorKind::Damaged, reason).object_named(name)),
        }
    }

    fn genesis_elsewhere(&self, genesis: &ObjectHash, otherwise: Error) -> Result<Fetched> {
        let mut places = self.places(0)?.into_iter();
        let found = places.find(|one| one.entry.hash == *genesis);
        found.ok_or_else(|| otherwise.losing(0))
    }

    /// Says whether there are entries behind the first.
    fn is_begun(&self) -> Result<bool> {
        Ok(end_of_journal(self.remote, 1)? > 1)
    }

    /// Makes sure that the store has the entry that was seen last, or a Bridge in its place; [`settle`](Self::settle) follows that.
    ///
    /// # Errors
    ///
    /// `Rollback` when it has neither that nor a later one, `Fork` when it has another in its place, `Damaged` when only later ones are
    /// there; otherwise what the store said.
    pub(crate) fn check_head(&self, remembered: Head) -> Result<()> {
        let n = remembered.n;
        let object = self.entry(n)?;
        if object
            .as_ref()
            .is_some_and(|found| found.entry.hash == remembered.hash)
        {
            return Ok(());
        }
        let places = self.places(n)?;
        if places.iter().any(|one| one.entry.hash == remembered.hash) {
            return Ok(());
        }
        for found in &places {
            let Some(bridge) = self.bridge(found) else {
                continue;
            };
            if bridge.stated.is_none_or(|stated| stated == remembered.hash) {
                self.want([(n, found.entry.hash)]);
                return Ok(());
            }
        }
        match object.as_ref().or(places.first()) {
            Some(found) => Err(Error::fork(remembered, Head::new(n, found.entry.hash))),
            None if is_there(self.remote, &object_name::journal(n + 1))? => Err(missing_entry(n)),
            None => Err(Error::rollback(remembered, self.newest_below(n)?)),
        }
    }

    /// Opens an entry that stands in the place of another, which an admin signed: that of anybody else has no effect.
    pub(crate) fn bridge(&self, found: &Fetched) -> Option<Box<Bridge>> {
        let keys = self.context.keys();
        let is_admin = |key: VerifyingKey| {
            let mut own = keys.signing();
            keys.is_signed_by(&key)
                || own.any(|(roles, public)| roles.intersects(Roles::ADMIN) && public == key)
        };
        let mut signers = found.entry.signatures.iter();
        let is_signed = signers.any(|one| is_admin(VerifyingKey::from_bytes(one.public)));
        if !is_signed || !found.entry.verify_signatures() {
            return None;
        }
        match found.entry.open(keys.structure.journal()).ok()?.body {
            Body::Bridge(bridge) if bridge.is_in_place() => Some(bridge),
            _ => None,
        }
    }

    fn want(&self, bridges: impl IntoIterator<Item = (u64, ObjectHash)>) {
        self.wanted.borrow_mut().extend(bridges);
    }

    /// Says whether what was folded is something else than Bridges that were met say.
    pub(crate) fn is_elsewhere(&self, state: &State) -> bool {
        let is_other = |(n, hash): (&u64, &ObjectHash)| {
            let folded = state.bridges.get(n).map(|bridge| bridge.hash);
            *n < state.head && folded != Some(*hash)
        };
        !state.unmet_bridges().is_empty() || self.wanted.borrow().iter().any(is_other)
    }

    /// Finds the newest of the entries below `n`, of which some at the end are missing.
    fn newest_below(&self, n: u64) -> Result<Option<Head>> {
        let name = |n| object_name::journal(n);
        let end = first_missing(0, |probe| {
            Ok(probe < n && is_there(self.remote, &name(probe))?)
        })?;
        let Some(newest) = end.checked_sub(1) else {
            return Ok(None);
        };
        // What cannot be read is no head; the rollback is what matters.
        let hash = self.entry(newest).ok().flatten();
        Ok(hash.map(|found| Head::new(newest, found.entry.hash)))
    }

    /// Folds everything that follows; when nothing does, that is one request. Where Bridges stand in the places of entries that were folded, everything is
    /// read anew.
    pub(crate) fn follow(&self, view: &mut View) -> Result<()> {
        let before = view.clone();
        let result = self.catch_up(view);
        let followed = self.settle(view, result, &before);
        if followed.is_err() && self.is_elsewhere(&view.state) {
            *view = before;
        }
        followed
    }

    /// Reads the whole journal.
    pub(crate) fn read_all(&self, view: &mut View) -> Result<()> {
        let result = self.catch_up_first(view);
        let before = view.clone();
        self.settle(view, result, &before)
    }

    /// Reads the whole journal, which must have the entries that were `seen`, or Bridges in their places.
    ///
    /// # Errors
    ///
    /// Those of [`check_head`](Self::check_head), and those of reading.
    pub(crate) fn read_all_with(&self, view: &mut View, seen: &[Head]) -> Result<()> {
        self.read_all(view)?;
        for head in seen {
            self.check_head(*head)?;
        }
        if self.is_elsewhere(&view.state) {
            self.follow(view)?;
        }
        match seen.iter().find(|head| head.n >= view.state.head) {
            Some(head) => Err(Error::rollback(*head, view.state.last())),
            None => Ok(()),
        }
    }

    /// Reads everything anew as long as a Bridge that was met is not what was folded in its place.
    fn settle(&self, view: &mut View, mut result: Result<()>, before: &View) -> Result<()> {
        for _ in 0..MAX_READINGS {
            self.want(view.state.unmet_bridges());
            if !self.is_elsewhere(&view.state) {
                return result;
            }
            tracing::debug!("bridges stand in the places of entries that were read before");
            *view = View::before_genesis(self.context.config_hash);
            result = self.catch_up_first(view);
            if result.is_ok() && view.state.head < before.state.head {
                let last = before.state.head.saturating_sub(1);
                let remembered = Head::new(last, before.state.head_hash);
                return Err(Error::rollback(remembered, view.state.last()));
            }
        }
        let what = "a bridge that a later one names has no effect";
        Err(Error::new(ErrorKind::Damaged, what))
    }

    fn catch_up(&self, view: &mut View) -> Result<()> {
        while let Some(fetched) = self.entry(view.state.head)? {
            let next = view.state.head;
            let end = end_of_journal(self.remote, next + 1)?;
            if end - next <= WORTH_A_CHECKPOINT
                || !self.reads_checkpoints
                || !self.jump(view, end)?
            {
                self.fold_chained(view, fetched)?;
            }
            self.fold_range(view, end)?;
            if end == next + 1 || !self.pass_hole(view, &[1])? {
                break;
            }
        }
        Ok(())
    }

    /// Like [`catch_up`](Self::catch_up), by somebody who knows nothing yet of where the end should be.
    fn catch_up_first(&self, view: &mut View) -> Result<()> {
        if view.state.head == 0 {
            self.begin(view)?;
        }
        loop {
            self.catch_up(view)?;
            if !self.pass_hole(view, &PROBED)? {
                return Ok(());
            }
        }
    }

    /// Folds an entry that has no object, if a later one says that it was there; says whether one did. Looked for are the entries so many
    /// numbers behind, and the bundle.
    ///
    /// # Errors
    ///
    /// `Damaged` when it is in none of its places.
    fn pass_hole(&self, view: &mut View, probed: &[u64]) -> Result<bool> {
        let n = view.state.head;
        let full = (n - n % BUNDLE_ENTRIES).saturating_add(BUNDLE_ENTRIES);
        let mut is_later = is_there(self.remote, &object_name::bundle(full))?;
        for distance in probed {
            is_later = is_later
                || is_there(
                    self.remote,
                    &object_name::journal(n.saturating_add(*distance)),
                )?;
        }
        if is_later && self.entry(n)?.is_none() {
            let fetched = self.other_copy(n, missing_entry(n))?;
            self.fold_chained(view, fetched)?;
        }
        Ok(is_later)
    }

    fn fold_range(&self, view: &mut View, end: u64) -> Result<()> {
        self.each(view.state.head..end, |fetched| {
            self.fold_chained(view, fetched)
        })
    }

    /// Folds an entry if it follows the one before it, or its copy in another place if that does.
    pub(crate) fn fold_chained(&self, view: &mut View, fetched: Fetched) -> Result<()> {
        let n = fetched.entry.n;
        let fetched = self.chained(&view.state.link(), fetched)?;
        match self.fold(view, fetched)? {
            Effect::InForce => {}
            Effect::Void(reason) => tracing::debug!(n, reason, "a journal entry is void"),
        }
        Ok(())
    }

    /// Returns the entry if it follows as it has to, or what another of its places has if that does.
    ///
    /// # Errors
    ///
    /// `Fork` or `Rollback` when it is because another history is there than was read; `Damaged` when it is this entry.
    pub(crate) fn chained(&self, link: &Link, fetched: Fetched) -> Result<Fetched> {
        let n = fetched.entry.n;
        let previous = link.previous;
        let wanted = self.wanted.borrow().get(&n).copied();
        let fits = |one: &Fetched| {
            one.entry.previous == previous && wanted.is_none_or(|hash| one.entry.hash == hash)
        };
        if fits(&fetched) {
            return Ok(fetched);
        }
        // It came from one of the places where entries are: another may have the right one.
        match self.places(n)?.into_iter().find(fits) {
            Some(copy) => Ok(copy),
            None if wanted.is_some() => {
                let what = "the bridge in the place of a lost entry is not there any more";
                let error = Error::new(ErrorKind::Damaged, what);
                Err(error.object_named(object_name::journal(n)).losing(n))
            }
            None => Err(self.break_before(link, &fetched)),
        }
    }

    /// Finds out why an entry does not follow the entry before it as this client has read that: either it is damaged, or
    /// what is before it is another one now, by a repair or otherwise.
    fn break_before(&self, link: &Link, fetched: &Fetched) -> Error {
        let broken = out_of_chain(fetched.entry.n, &link.previous);
        let Some(last) = link.n.checked_sub(1) else {
            return broken;
        };
        let places = match self.places(last) {
            Ok(places) => places,
            Err(error) => return error,
        };
        let followed = places.iter().find(|one| {
            let stated = |bridge: Box<Bridge>| bridge.stated.unwrap_or(one.entry.hash);
            one.entry.hash != link.last
                && self.bridge(one).map(stated) == Some(fetched.entry.previous)
        });
        if let Some(bridge) = followed {
            self.want([(last, bridge.entry.hash)]);
            return broken;
        }
        match self.check_head(Head::new(last, link.last)) {
            Err(error) if error.heads().is_some() || error.kind() == ErrorKind::Cancelled => error,
            _ => broken,
        }
    }

    pub(crate) fn fold(&self, view: &mut View, fetched: Fetched) -> Result<Effect> {
        let keys = self.context.keys();
        let effect = Arc::make_mut(&mut view.state).fold(&fetched.entry, &keys.structure)?;
        view.push_recent(fetched.bytes);
        Ok(effect)
    }

    /// Replaces the view by the newest checkpoint before `end` that it can trust; says whether there was one.
    pub(super) fn jump(&self, view: &mut View, end: u64) -> Result<bool> {
        let newest = end - end % BUNDLE_ENTRIES;
        for number in [newest, newest.saturating_sub(BUNDLE_ENTRIES)] {
            if number <= view.state.head {
                break;
            }
            if let Some(state) = self.checkpoint(number, end, &view.state)?
                && !self.is_elsewhere(&state)
            {
                *view = View {
                    state: Arc::new(state),
                    recent: Vec::new(),
                };
                return Ok(true);
            }
        }
        Ok(false)
    }
}
