//! The entries that a replica lacks, and which of them it must not show alone.

use std::collections::{HashMap, VecDeque};
use std::ops::Range;

use strongroom_format::object_name::ObjectName;
use strongroom_format::{Body, ObjectHash, PackRef, SegmentRef};

use crate::context::Context;
use crate::edge::Remote;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::Replay;
use crate::state::State;

/// The entries that a replica lacks.
#[derive(Debug)]
pub(super) struct Window {
    pub(super) range: Range<u64>,
    /// Hashes of these entries, in order.
    hashes: Vec<ObjectHash>,
    /// What was added in the window and dropped in it again.
    pub(super) passing: Vec<Passing>,
}

/// Something that only prefixes of the journal that end inside the window name as in force.
#[derive(Debug, Clone, Copy)]
pub(super) struct Passing {
    pub(super) name: ObjectName,
    /// Its hash.
    pub(super) hash: ObjectHash,
    /// The entry that added it.
    added: u64,
    /// The entry that dropped it.
    dropped: u64,
}

impl Window {
    /// Reads the entries of `range`, which follow the one with the hash `previous` and end with the state's last.
    pub(super) fn read(
        source: &Remote,
        context: &Context,
        state: &State,
        range: Range<u64>,
        previous: ObjectHash,
    ) -> Result<Self> {
        let replay = Replay::like(source, context, state);
        let keys = context.keys();
        let mut window = Self {
            range: range.clone(),
            hashes: Vec::new(),
            passing: Vec::new(),
        };
        let mut link = state.link_behind(range.start, previous);
        let mut added = HashMap::new();
        replay.each(range, |fetched| {
            let fetched = replay.chained(&link, fetched)?;
            link = state.link_behind(fetched.entry.n + 1, fetched.entry.hash);
            window.hashes.push(fetched.entry.hash);
            // What does not open has no effect; that of a later version, our own reading has stopped at.
            if let Ok(payload) = fetched.entry.open(keys.structure.journal()) {
                window.note(fetched.entry.n, &payload.body, &mut added);
            }
            Ok(())
        })?;
        if link.last != state.head_hash {
            let what = "the journal was not read twice alike";
            return Err(Error::new(ErrorKind::Conflict, what));
        }
        Ok(window)
    }

    /// Returns the hash of an entry of the window.
    pub(super) fn hash(&self, n: u64) -> Option<&ObjectHash> {
        let at = usize::try_from(n.checked_sub(self.range.start)?).ok()?;
        self.hashes.get(at)
    }

    /// Divides the window into runs of entries that are shown at once. Every prefix that ends with a run names only what is there,
    /// if `missing` is what is not.
    pub(super) fn runs(&self, missing: &[Passing]) -> Vec<Range<u64>> {
        if self.range.start == 0 {
            // Nothing is there yet that somebody could open.
            return vec![self.range.clone()];
        }
        let mut hollow: Vec<(u64, u64)> =
            missing.iter().map(|one| (one.added, one.dropped)).collect();
        hollow.sort_unstable();
        let mut hollow = VecDeque::from(hollow);
        let mut runs = Vec::new();
        let mut start = self.range.start;
        // The prefix before an entry is hollow up to this one.
        let mut until = start;
        for end in self.range.start + 1..=self.range.end {
            while let Some((_, dropped)) = hollow.pop_front_if(|(added, _)| *added < end) {
                until = until.max(dropped);
            }
            if end > until {
                runs.push(start..end);
                start = end;
            }
        }
        runs
    }

    fn note(&mut self, n: u64, body: &Body, added: &mut HashMap<ObjectHash, (u64, ObjectName)>) {
        let mut add = |packs: &[PackRef], segments: &[SegmentRef]| {
            let packs = packs
                .iter()
                .map(|pack| (pack.name, ObjectName::Pack(pack.name)));
            let segments = segments
                .iter()
                .map(|one| (one.name, ObjectName::Index(one.name)));
            for (hash, name) in packs.chain(segments) {
                added.entry(hash).or_insert((n, name));
            }
        };
        match body {
            Body::Commit(commit) => add(&commit.packs, &commit.segments),
            Body::Packs(packs) => add(&packs.packs, &packs.segments),
            Body::Tombstone(tombstone) => {
                add(&tombstone.added.packs, &tombstone.added.segments);
                let dropped = &tombstone.dropped;
                self.pass(n, dropped.packs.iter().chain(&dropped.segments), added);
            }
            Body::Index(index) => {
                add(&[], &index.added);
                self.pass(n, index.removed.iter(), added);
            }
            _ => {}
        }
    }

    fn pass<'a>(
        &mut self,
        n: u64,
        dropped: impl Iterator<Item = &'a ObjectHash>,
        added: &mut HashMap<ObjectHash, (u64, ObjectName)>,
    ) {
        self.passing.extend(dropped.filter_map(|hash| {
            let (added, name) = added.remove(hash)?;
            Some(Passing {
                name,
                hash: *hash,
                added,
                dropped: n,
            })
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(range: Range<u64>, hollow: &[(u64, u64)]) -> Vec<Range<u64>> {
        let name = ObjectHash::from_bytes([0; 32]);
        let missing: Vec<_> = hollow
            .iter()
            .map(|&(added, dropped)| Passing {
                name: ObjectName::Pack(name),
                hash: name,
                added,
                dropped,
            })
            .collect();
        let window = Window {
            range,
            hashes: Vec::new(),
            passing: Vec::new(),
        };
        window.runs(&missing)
    }

    #[test]
    fn no_run_ends_where_something_in_force_is_missing() {
        assert_eq!(runs(5..8, &[]), [5..6, 6..7, 7..8]);
        // Added by 5 and dropped by 7: the prefixes of 6 and 7 entries are hollow, that of 8 is not.
        assert_eq!(runs(5..9, &[(5, 7)]), [5..8, 8..9]);
        assert_eq!(runs(5..9, &[(6, 7)]), [5..6, 6..8, 8..9]);
        assert_eq!(
            runs(5..12, &[(9, 10), (5, 7), (6, 8)]),
            [5..9, 9..11, 11..12]
        );
        let whole = runs(0..3, &[]);
        assert!(
            whole.len() == 1 && whole[0] == (0..3),
            "what is new is shown when it is complete"
        );
    }
}
