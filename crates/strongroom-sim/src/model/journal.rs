//! Entries, and what they say when they are folded in order.

use super::objects::Objects;
use super::{Config, Mutant, Set};

/// What an entry is about. Several kinds of `docs/format.md` §8.3 have no part in the protocol's safety and are not here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// A snapshot, and the packs and segments that it added.
    #[default]
    Commit,
    /// Announced packs of a session.
    Packs,
    /// Snapshots are removed.
    Forget,
    /// Packs that will be dropped.
    Condemn,
    /// Packs, segments and sessions are dropped, and packs added.
    Tombstone,
    /// Segments are replaced by a merged one.
    Index,
    /// Copies no longer count.
    Damaged,
    /// A snapshot is held.
    Hold,
    /// A hold is released.
    Release,
    /// Epoch 0 is closed and epoch 1 is open.
    Close,
    /// Epoch 0 is retired.
    Retire,
    /// What was dropped is in force again. There is no such entry but in a mutant.
    Revoke,
}

/// An entry of the journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Entry {
    pub(crate) kind: Kind,
    /// Tells this attempt from every other; 0 where no history is kept.
    pub(crate) attempt: u8,
    /// The attempt in the slot before, for the hash of it; 0 where no history is kept.
    pub(crate) previous: u8,
    pub(crate) snapshots: Set,
    pub(crate) sessions: Set,
    pub(crate) add_packs: Set,
    pub(crate) add_segments: Set,
    pub(crate) drop_packs: Set,
    pub(crate) drop_segments: Set,
    /// Packs that are condemned or damaged.
    pub(crate) marked: Set,
}

/// What is in force after some prefix of the journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Ledger {
    pub(crate) packs: Set,
    pub(crate) segments: Set,
    pub(crate) dropped_packs: Set,
    pub(crate) dropped_segments: Set,
    pub(crate) snapshots: Set,
    /// Snapshots that were ever committed.
    pub(crate) committed: Set,
    pub(crate) held: Set,
    /// Snapshots that damage took a blob from: its only good copy. Nothing that the protocol can do brings it back, so these are
    /// excused until another copy is in force.
    pub(crate) hurt: Set,
    pub(crate) damaged: Set,
    pub(crate) condemned: Set,
    /// Sessions that may commit no more.
    pub(crate) ended: Set,
    /// Packs that were announced and are of no Commit yet.
    pub(crate) announced: Set,
    /// Epoch 0 is closed: new packs are sealed under epoch 1.
    pub(crate) closed: bool,
    /// Epoch 0 is retired.
    pub(crate) retired: bool,
}

impl Ledger {
    /// Folds one entry. One that is void changes nothing.
    pub(crate) fn apply(&mut self, entry: &Entry, objects: &Objects, config: &Config) {
        if self.is_void(entry, config) {
            return;
        }
        self.packs = self.packs.or(entry.add_packs).minus(entry.drop_packs);
        self.segments = self
            .segments
            .or(entry.add_segments)
            .minus(entry.drop_segments);
        self.dropped_packs = self.dropped_packs.or(entry.drop_packs);
        self.dropped_segments = self.dropped_segments.or(entry.drop_segments);
        match entry.kind {
            Kind::Commit => {
                self.snapshots = self.snapshots.or(entry.snapshots);
                self.committed = self.committed.or(entry.snapshots);
                self.announced = self.announced.minus(entry.add_packs);
            }
            Kind::Packs => self.announced = self.announced.or(entry.add_packs),
            Kind::Forget => self.snapshots = self.snapshots.minus(entry.snapshots),
            Kind::Condemn => self.condemned = self.condemned.or(entry.marked),
            Kind::Tombstone => self.ended = self.ended.or(entry.sessions),
            Kind::Index => {}
            Kind::Damaged => self.damaged = self.damaged.or(entry.marked),
            Kind::Hold => self.held = self.held.or(entry.snapshots),
            Kind::Release => self.held = self.held.minus(entry.snapshots),
            Kind::Close => self.closed = true,
            Kind::Retire => self.retired = true,
            Kind::Revoke => {
                self.packs = self.packs.or(entry.marked);
                self.segments = self.segments.or(entry.marked);
                self.snapshots = self.snapshots.or(entry.snapshots);
            }
        }
        self.damaged = self.damaged.minus(self.dropped_packs);
        self.condemned = self.condemned.and(self.packs);
        self.announced = self.announced.and(self.packs);
        self.note_damage(entry.kind == Kind::Damaged, objects, config);
    }

    /// `docs/format.md` §8.4: when an entry has no effect.
    fn is_void(&self, entry: &Entry, config: &Config) -> bool {
        let ended = matches!(entry.kind, Kind::Commit | Kind::Packs)
            && !entry.sessions.and(self.ended).is_empty();
        let packs_may_return = config.breaks(Mutant::NamesReused);
        let segments_may_return =
            packs_may_return || config.breaks(Mutant::MergeAddsDroppedSegment);
        let returns = !packs_may_return
            && !entry
                .add_packs
                .and(self.dropped_packs.or(entry.drop_packs))
                .is_empty()
            || !segments_may_return
                && !entry
                    .add_segments
                    .and(self.dropped_segments.or(entry.drop_segments))
                    .is_empty();
        let forgets_wrongly = entry.kind == Kind::Forget
            && (!entry.snapshots.within(self.snapshots)
                || !config.breaks(Mutant::ForgetIgnoresHolds)
                    && !entry.snapshots.and(self.held).is_empty());
        ended || returns || forgets_wrongly
    }

    fn note_damage(&mut self, fresh: bool, objects: &Objects, config: &Config) {
        if !fresh && self.hurt.is_empty() {
            return;
        }
        let good = self.available(objects);
        let candidates = if fresh {
            self.snapshots
        } else {
            self.hurt.and(self.snapshots)
        };
        self.hurt = Set::EMPTY;
        for snapshot in candidates.iter() {
            if !config.snapshot_blobs(snapshot).within(good) {
                self.hurt = self.hurt.or(Set::one(snapshot));
            }
        }
    }

    /// Whether something that was in force and good before is not so any more.
    pub(crate) fn lacks(&self, before: &Self, config: &Config) -> bool {
        let noticed = |mutant| !config.breaks(mutant);
        let damaged = self.damaged.and(self.packs);
        !before.packs.within(self.packs)
            || noticed(Mutant::SegmentsGoUnnoticed) && !before.segments.within(self.segments)
            || noticed(Mutant::DamageGoesUnnoticed) && !damaged.within(before.damaged)
            || noticed(Mutant::RetirementGoesUnnoticed) && self.retired != before.retired
    }

    /// Whether nothing in force is damaged. As pruners do not drop the last copy of anything live, however bad, every snapshot
    /// is whole then.
    pub(crate) fn is_sound(&self) -> bool {
        self.damaged.and(self.packs).is_empty()
    }

    /// The packs whose copies count: in force, undamaged, under an epoch that is not retired.
    pub(crate) fn good_packs(&self, objects: &Objects) -> Set {
        let retired = if self.retired {
            self.packs.minus(objects.new_epoch)
        } else {
            Set::EMPTY
        };
        self.packs.minus(self.damaged).minus(retired)
    }

    /// The blobs that have a good copy, mapped by a segment in force.
    pub(crate) fn available(&self, objects: &Objects) -> Set {
        objects.blobs(self.good_packs(objects).and(objects.mapped(self.segments)))
    }

    /// The blobs of the snapshots that are not forgotten.
    pub(crate) fn live(&self, config: &Config) -> Set {
        self.snapshots.iter().fold(Set::EMPTY, |live, snapshot| {
            live.or(config.snapshot_blobs(snapshot))
        })
    }
}
