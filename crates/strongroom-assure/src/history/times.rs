//! Setting right what clocks that were wrong said.

use std::collections::BTreeSet;
use std::sync::Arc;

use strongroom_format::Event;

use super::clock::{Skew, TOLERANCE_SECONDS, out_of_order};
use super::join::makes;
use super::{CLOCK_WINDOW, EntryRef, History, RunSeen};

impl History {
    /// Compares the times of new entries with those before them, and returns the entries about whose times something changed.
    pub(super) fn check_clocks(&mut self, journal: u16, events: &[&Event]) -> Vec<EntryRef> {
        let recent = self.place.recent.entry(journal).or_default();
        recent.extend(
            events
                .iter()
                .map(|event| (EntryRef::new(journal, event.n), event.at.seconds)),
        );
        recent.sort_by_key(|(entry, _)| *entry);
        let found = out_of_order(recent);
        let oldest = recent.first().map(|(entry, _)| *entry).unwrap_or_default();
        let last = EntryRef::new(journal, u64::MAX);
        // Only the last ones are looked at again, so that reading day by day takes no longer than reading at once.
        recent.drain(..recent.len().saturating_sub(CLOCK_WINDOW));
        let before: Vec<Skew> = self
            .skews
            .range(oldest..=last)
            .map(|(_, one)| *one)
            .collect();
        let mut changed: Vec<EntryRef> = Vec::new();
        for one in before
            .iter()
            .filter(|one| one.is_out_of_order() && !found.contains(one))
        {
            self.skews.remove(&one.entry);
            changed.push(one.entry);
        }
        for one in found.into_iter().filter(|one| !before.contains(one)) {
            self.skews.insert(one.entry, one);
            changed.push(one.entry);
        }
        for event in events {
            self.note_drift(EntryRef::new(journal, event.n), event);
        }
        changed
    }

    /// Notes a clock that was set during a run, as the one who ran it measured.
    fn note_drift(&mut self, entry: EntryRef, event: &Event) {
        let measured = event.record.as_ref().and_then(|record| record.head.skew_ms);
        let limit = TOLERANCE_SECONDS.unsigned_abs() * 1000;
        let Some(drift_ms) = measured.filter(|drift| drift.unsigned_abs() > limit) else {
            return;
        };
        let said_at = event.at.seconds;
        self.skews.entry(entry).or_insert(Skew {
            entry,
            said_at,
            not_before: said_at,
            not_after: None,
            drift_ms: Some(drift_ms),
        });
    }

    /// Returns when an entry was written, with a clock that was wrong set right.
    pub(super) fn at(&self, entry: EntryRef, said_at: i64) -> i64 {
        let skew = self.skews.get(&entry);
        skew.map_or(said_at, |skew| {
            skew.not_after
                .unwrap_or(skew.not_before)
                .max(skew.not_before)
        })
    }

    /// Returns how the time of an entry is wrong, if the order of entries shows that it is.
    pub(super) fn wrong(&self, entry: EntryRef) -> Option<Skew> {
        let skew = self.skews.get(&entry).filter(|skew| skew.is_out_of_order());
        skew.copied()
    }

    /// Sets right what was read of entries whose clocks are only now known to have been wrong, or not to have been.
    pub(super) fn set_right(&mut self, changed: &[EntryRef]) {
        if changed.is_empty() {
            return;
        }
        let changed: BTreeSet<EntryRef> = changed.iter().copied().collect();
        let recent = self.entries.iter().rev().take(ENTRIES_LOOKED_AT);
        let found: Vec<(EntryRef, i64, Option<Arc<str>>)> = recent
            .filter(|seen| changed.contains(&seen.entry))
            .map(|seen| {
                (
                    seen.entry,
                    self.at(seen.entry, seen.said_at),
                    seen.resource.clone(),
                )
            })
            .collect();
        for (entry, at, resource) in found {
            self.notes.set_at(entry, at);
            for policy in self.policies.iter_mut().filter(|one| one.entry == entry) {
                policy.from = policy.from.max(at);
                policy.at = at;
            }
            if let Some(resource) = resource {
                self.set_runs_right(&resource, entry, at);
            }
        }
    }

    /// Moves the runs of a resource that an entry shows, with their snapshots.
    fn set_runs_right(&mut self, resource: &Arc<str>, entry: EntryRef, at: i64) {
        let wrong = self.wrong(entry);
        let runs = &mut self.of(resource).runs;
        let mut moved = Vec::new();
        runs.retain(|run| {
            let is_it = run.entry == entry;
            if is_it {
                moved.push(run.clone());
            }
            !is_it
        });
        for mut run in moved {
            run.set_right(wrong.as_ref(), at);
            if let Some(index) = run.snapshot.filter(|_| makes(&run.job)) {
                self.move_snapshot(index, resource, &run);
            }
            self.insert_run(resource, run);
        }
    }

    fn move_snapshot(&mut self, index: usize, resource: &Arc<str>, run: &RunSeen) {
        let Some(snapshot) = self.snapshots.get_mut(index) else {
            return;
        };
        let before = snapshot.capture;
        snapshot.durable = run.durable.unwrap_or(snapshot.durable);
        snapshot.capture = run.capture.unwrap_or(before).min(snapshot.durable);
        let capture = snapshot.capture;
        self.take_copy(resource, before, index);
        self.insert_copy(resource, capture, index);
    }
}

const ENTRIES_LOOKED_AT: usize = 4 * CLOCK_WINDOW;
