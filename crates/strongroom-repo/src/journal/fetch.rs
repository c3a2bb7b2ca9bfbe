//! Gets entries: one by one, from bundles, and from a bundle where one is damaged.

use std::ops::Range;

use bytes::Bytes;
use strongroom_format::limits::BUNDLE_ENTRIES;
use strongroom_format::{Entry, ObjectHash, ObjectKind, decode_bundle, object_name};

use super::replay::Replay;
use crate::context::{Context, get_if_there, object_key};
use crate::edge::Ticket;
use crate::error::{Error, ErrorKind, Result};

/// An entry as it was stored and as it was decoded.
#[derive(Debug)]
pub(crate) struct Fetched {
    pub(crate) bytes: Bytes,
    pub(crate) entry: Entry,
}

/// What is asked for ahead of what is folded: so many entries, or two bundles.
const AHEAD: usize = 8;

/// From how many entries on a bundle is one request better spent.
const WORTH_A_BUNDLE: u64 = 3;

impl Fetched {
    pub(crate) fn duplicate(&self) -> Self {
        Self {
            bytes: self.bytes.clone(),
            entry: self.entry.clone(),
        }
    }
}

impl Replay<'_> {
    /// Gets the entries of `range`, which all exist, in order, and gives each to `take`.
    pub(crate) fn each(
        &self,
        range: Range<u64>,
        mut take: impl FnMut(Fetched) -> Result<()>,
    ) -> Result<()> {
        let mut parts = parts(range);
        let mut waiting = std::collections::VecDeque::new();
        loop {
            while waiting
                .iter()
                .map(|(part, _): &(Part, _)| part.weight())
                .sum::<usize>()
                < AHEAD
            {
                let Some(part) = parts.next() else { break };
                let key = object_key(&part.object())?;
                waiting.push_back((part, self.remote.get_later(&key, None)));
            }
            let Some((part, ticket)) = waiting.pop_front() else {
                return Ok(());
            };
            match part {
                Part::Single(n) => take(self.single(n, ticket)?)?,
                Part::Bundle(range) => self.bundled(range, ticket, &mut take)?,
            }
        }
    }

    /// Gets entry `n`, from its bundle or its copy if need be; `None` if it has no object of its own.
    pub(crate) fn entry(&self, n: u64) -> Result<Option<Fetched>> {
        let name = object_name::journal(n);
        let Some(bytes) = get_if_there(self.remote, &name)? else {
            return Ok(None);
        };
        self.decode(n, bytes)
            .or_else(|error| self.other_copy(n, error))
            .map(Some)
    }

    /// Gets entry `n` from its bundle or its copy.
    ///
    /// # Errors
    ///
    /// `otherwise`, if neither has it.
    pub(super) fn other_copy(&self, n: u64, otherwise: Error) -> Result<Fetched> {
        if otherwise.kind() != ErrorKind::Damaged {
            return Err(otherwise);
        }
        if let Some(bundled) = self.bundled_copy(n) {
            return Ok(bundled);
        }
        self.copy(n)?.ok_or_else(|| otherwise.losing(n))
    }

    /// Gets entry `n` from the bundle that has it.
    pub(super) fn bundled_copy(&self, n: u64) -> Option<Fetched> {
        let start = n - n % BUNDLE_ENTRIES;
        let position = usize::try_from(n - start).ok()?;
        let bytes = self.bundle(start, None)?.into_iter().nth(position)?;
        self.decode(n, bytes).ok()
    }

    /// Gets the copy of entry `n`, if it has one that is whole.
    ///
    /// # Errors
    ///
    /// What the store says when it cannot be reached.
    pub(super) fn copy(&self, n: u64) -> Result<Option<Fetched>> {
        let bytes = get_if_there(self.remote, &object_name::journal_copy(n))?;
        Ok(bytes.and_then(|bytes| self.decode(n, bytes).ok()))
    }

    /// Gets what is in the places of entry `n`: its object, its bundle, its copy; what is whole of it, in this order.
    ///
    /// # Errors
    ///
    /// What the store says when it cannot be reached.
    pub(crate) fn places(&self, n: u64) -> Result<Vec<Fetched>> {
        let object = get_if_there(self.remote, &object_name::journal(n))?;
        let object = object.and_then(|bytes| self.decode(n, bytes).ok());
        let found = [object, self.bundled_copy(n), self.copy(n)?];
        Ok(found.into_iter().flatten().collect())
    }

    /// Gets entry `n`, which is there, from whichever of its places.
    ///
    /// # Errors
    ///
    /// `Damaged` when it is in none.
    pub(crate) fn stored(&self, n: u64) -> Result<Fetched> {
        let found = self.entry(n)?;
        found.map_or_else(|| self.other_copy(n, missing_entry(n)), Ok)
    }

    /// Gets what has this hash of what is in the places of entry `n`.
    ///
    /// # Errors
    ///
    /// `Damaged` when nothing has.
    pub(crate) fn stored_as(&self, n: u64, hash: &ObjectHash) -> Result<Fetched> {
        let found = self.places(n)?;
        let found = found.into_iter().find(|one| one.entry.hash == *hash);
        found.ok_or_else(|| missing_entry(n))
    }

    /// Decodes the bytes found at `n` and checks that they are entry `n` of this repository.
    pub(crate) fn decode(&self, n: u64, bytes: Bytes) -> Result<Fetched> {
        let name = object_name::journal(n);
        let entry = Entry::decode(&bytes).map_err(|error| Error::decode(name.clone(), error))?;
        let Context {
            suite, repository, ..
        } = self.context;
        entry
            .preamble
            .check(ObjectKind::Journal, *suite, repository)
            .map_err(|error| Error::decode(name.clone(), error))?;
        if entry.n != n {
            let what = "a journal entry has the number of another";
            return Err(Error::new(ErrorKind::Damaged, what).object_named(name));
        }
        Ok(Fetched { bytes, entry })
    }

    fn single(&self, n: u64, ticket: Ticket<Bytes>) -> Result<Fetched> {
        let found = ticket.wait().map_err(|error| match error.kind() {
            ErrorKind::NotFound => missing_entry(n),
            _ => error,
        });
        found
            .and_then(|bytes| self.decode(n, bytes))
            .or_else(|error| self.other_copy(n, error))
    }

    fn bundled(
        &self,
        range: Range<u64>,
        ticket: Ticket<Bytes>,
        take: &mut impl FnMut(Fetched) -> Result<()>,
    ) -> Result<()> {
        let start = range.start - range.start % BUNDLE_ENTRIES;
        let entries = self.bundle(start, Some(ticket)).unwrap_or_default();
        let mut next = range.start;
        let skipped = usize::try_from(range.start - start).unwrap_or(usize::MAX);
        for bytes in entries.into_iter().skip(skipped) {
            let Ok(fetched) = self.decode(next, bytes) else {
                break;
            };
            take(fetched)?;
            next += 1;
        }
        // A bundle is a second copy that may be missing or damaged: the entries themselves are the first.
        for n in next..range.end {
            let key = object_key(&object_name::journal(n))?;
            take(self.single(n, self.remote.get_later(&key, None))?)?;
        }
        Ok(())
    }

    /// Returns the 64 entries from `start` on as their bundle has them, `None` if there is no good bundle.
    fn bundle(&self, start: u64, ticket: Option<Ticket<Bytes>>) -> Option<Vec<Bytes>> {
        let number = start.checked_add(BUNDLE_ENTRIES)?;
        let bytes = match ticket {
            Some(ticket) => ticket.wait(),
            None => self
                .remote
                .get(&object_key(&object_name::bundle(number)).ok()?, None),
        };
        // The entries say themselves which they are; they are checked one by one.
        Some(
            decode_bundle(&bytes.ok()?)
                .ok()?
                .into_iter()
                .map(Bytes::from)
                .collect(),
        )
    }
}

/// One request for entries.
#[derive(Debug)]
enum Part {
    Single(u64),
    Bundle(Range<u64>),
}

impl Part {
    fn weight(&self) -> usize {
        match self {
            Self::Single(_) => 1,
            Self::Bundle(_) => AHEAD / 2,
        }
    }

    fn object(&self) -> String {
        match self {
            Self::Single(n) => object_name::journal(*n),
            Self::Bundle(range) => object_name::bundle(range.end),
        }
    }
}

/// Divides entries into requests: bundles where they are complete and worth it, single entries elsewhere.
fn parts(range: Range<u64>) -> impl Iterator<Item = Part> {
    let mut next = range.start;
    std::iter::from_fn(move || {
        if next >= range.end {
            return None;
        }
        let start = next;
        let block_end = (start - start % BUNDLE_ENTRIES).saturating_add(BUNDLE_ENTRIES);
        if block_end <= range.end && block_end - start >= WORTH_A_BUNDLE {
            next = block_end;
            return Some(Part::Bundle(start..block_end));
        }
        next = start + 1;
        Some(Part::Single(start))
    })
}

/// The error for an entry that must be there, since a later one is.
pub(crate) fn missing_entry(n: u64) -> Error {
    Error::new(
        ErrorKind::Damaged,
        "a journal entry is missing, and later ones are there",
    )
    .object_named(object_name::journal(n))
    .losing(n)
}

/// The error for an entry that follows another one than the one before it.
pub(super) fn out_of_chain(n: u64, previous: &ObjectHash) -> Error {
    let what = format!("a journal entry does not follow the one before it, {previous}");
    Error::new(ErrorKind::Damaged, what)
        .object_named(object_name::journal(n))
        .losing(n)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(range: Range<u64>, bundles: usize, singles: usize) {
        let all: Vec<_> = parts(range.clone()).collect();
        let bundled = all
            .iter()
            .filter(|part| matches!(part, Part::Bundle(_)))
            .count();
        assert_eq!(
            (bundled, all.len() - bundled),
            (bundles, singles),
            "{range:?}"
        );
        let covered: u64 = all
            .iter()
            .map(|part| match part {
                Part::Single(_) => 1,
                Part::Bundle(range) => range.end - range.start,
            })
            .sum();
        assert_eq!(covered, range.end - range.start);
    }

    #[test]
    fn bundles_stand_for_their_entries() {
        check(1..1, 0, 0);
        check(1..64, 1, 0);
        check(1..63, 0, 62);
        check(1..65, 1, 1);
        check(63..130, 1, 3);
        check(1..1_001, 15, 41);
    }
}
