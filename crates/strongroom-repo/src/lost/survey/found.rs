//! What is there behind the intact prefix, and what is lost: whatever is in the place of an entry was put there by somebody, and not everybody is believed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use strongroom_format::object_name::{self, ObjectName};
use strongroom_store::Prefix;

use super::super::{InPlace, LostEntry};
use super::{ENTRIES, Surveyor};
use crate::context::get_if_there;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Fetched, Replay, View};
use crate::state::State;

/// The journal as it is found behind the intact prefix.
pub(super) struct Found {
    pub(super) start: u64,
    /// The entries, where they are there or known.
    pub(super) entries: Vec<Option<Fetched>>,
    pub(super) lost: Vec<LostEntry>,
    /// Who is certified, by the entries that are there.
    pub(super) known: Arc<State>,
}

impl Found {
    pub(super) fn at(&self, n: u64) -> Option<&Fetched> {
        let at = usize::try_from(n.checked_sub(self.start)?).ok()?;
        self.entries.get(at)?.as_ref()
    }
}

impl Surveyor<'_> {
    /// Reads what is behind the intact prefix, and finds out which entries are lost.
    pub(super) fn find(&self, mut prefix: View, end: u64) -> Result<(View, Found)> {
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

    fn prefix_of(&self, head: u64) -> Result<View> {
        let mut view = View::before_genesis(self.context.config_hash);
        self.replay.begin(&mut view)?;
        self.replay.each(1..head, |fetched| {
            self.replay.fold_chained(&mut view, fetched)
        })?;
        Ok(view)
    }
}

/// Returns the number after the last entry that the store has, in whatever place. `head` entries are known.
///
/// A name says little: what is far behind everything else counts only if there is an entry.
///
/// # Errors
///
/// `Damaged` when there is one behind more lost entries than a repair can stand for.
pub(super) fn end(replay: &Replay<'_>, head: u64) -> Result<u64> {
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

/// How many entries in a row a repair stands for, at most.
const MOST_LOST: u64 = 4096;
