//! A maintainer of another make: it knows `docs/format.md` and not the engine, and does whatever is allowed, wise or not.
//!
//! It forgets any snapshot that nobody holds, drops any pack and segment that no snapshot needs, reclaims what sessions that
//! are only asleep have stored, calls good frames damaged, and deletes what was dropped at once. Its preconditions hold exactly:
//! they are checked against the state of one moment, and its entry is put at the number that was free then.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use futures::executor::block_on;
use strongroom_crypt::Id;
use strongroom_format::{
    Abandon, Body, Condemn, Damaged, DamagedPack, Dropped, Entry, Forget, ObjectHash, Payload,
    Tombstone, Unknown, object_name,
};
use strongroom_repo::Clock as _;
use strongroom_store::{Key, Store as _, StoreExt as _};

use super::Worker;
use crate::dice::Dice;
use crate::engine::audit::{self, Inventory, Journal, Opened, Signatures, trees};

/// The repository at one moment.
struct Moment {
    opened: Opened,
    journal: Journal,
    objects: BTreeMap<String, Bytes>,
}

/// What is in its packs, and what of it snapshots need.
struct Content<'a> {
    journal: &'a Journal,
    inventory: Inventory,
    live: BTreeSet<Id>,
}

impl Worker<'_> {
    /// Does something that is allowed.
    pub(super) fn maintain(&mut self) {
        let objects = self.client.world().objects();
        let moment = audit::read(&objects, self.setup, Signatures::Believed);
        let moment = moment.map(|(opened, journal)| Moment {
            opened,
            journal,
            objects,
        });
        let moment = match moment {
            Ok(moment) => moment,
            Err((property, what)) => return self.ledger.violate(property, what),
        };
        let packs: Vec<ObjectHash> = moment.journal.packs.keys().copied().collect();
        let some_packs = |dice: &mut Dice| {
            let chosen = packs.iter().filter(|_| dice.one_in(3));
            chosen.copied().collect::<Vec<_>>()
        };
        match self.dice.below(12) {
            0..=3 => self.forget_any(&moment),
            4..=7 => self.drop_any(&moment),
            8 => {
                let packs = some_packs(&mut self.dice);
                let unknown = Unknown::default();
                self.put_entry(&moment, Body::Condemn(Condemn { packs, unknown }));
            }
            9 => self.doubt_any(&moment, some_packs),
            10 => {
                let sessions = moment.journal.sessions.iter();
                let sessions = sessions.filter(|_| self.dice.one_in(2)).copied().collect();
                let unknown = Unknown::default();
                self.put_entry(&moment, Body::Abandon(Abandon { sessions, unknown }));
            }
            _ => self.delete_any(&moment),
        }
    }

    fn forget_any(&mut self, moment: &Moment) {
        let snapshots = moment.journal.snapshots.iter();
        let free = snapshots.filter(|(id, (_, one))| !moment.journal.holds(id, one));
        let free: Vec<_> = free.collect();
        let Some((id, (_, snapshot))) = self.dice.pick(&free) else {
            return;
        };
        let Some(number) = snapshot.tags.first().and_then(|tag| tag.parse().ok()) else {
            return;
        };
        let forget = Forget {
            snapshots: vec![**id],
            emptied: Vec::new(),
            unknown: Unknown::default(),
        };
        self.ledger.set_out(&[number]);
        let done = self.put_entry(moment, Body::Forget(forget));
        self.ledger.forgot(&[number], done);
    }

    /// Drops packs and segments of which nothing is needed, and whatever nobody has named.
    fn drop_any(&mut self, moment: &Moment) {
        let Some(content) = self.content(moment) else {
            return;
        };
        let mut dropped = Dropped::default();
        let share = self.dice.between(1, 3);
        for pack in moment.journal.packs.keys() {
            if self.dice.one_in(share) && content.can_do_without(pack, &dropped) {
                dropped.packs.push(*pack);
            }
        }
        for segment in moment.journal.segments.keys() {
            if self.dice.one_in(share) && content.can_do_without(segment, &dropped) {
                dropped.segments.push(*segment);
            }
        }
        if self.dice.one_in(2) {
            let (packs, segments) = moment.orphans();
            dropped.packs.extend(packs);
            dropped.segments.extend(segments);
        }
        let sessions = moment.journal.sessions.iter();
        let sessions = sessions.filter(|_| self.dice.one_in(3));
        dropped.sessions.extend(sessions.copied());
        let tombstone = Tombstone {
            dropped,
            added: Default::default(),
            unknown: Unknown::default(),
        };
        self.put_entry(moment, Body::Tombstone(tombstone));
        self.delete_any(moment);
    }

    /// Says that frames are damaged, whether or not they are.
    fn doubt_any(&mut self, moment: &Moment, some: impl Fn(&mut Dice) -> Vec<ObjectHash>) {
        let Some(content) = self.content(moment) else {
            return;
        };
        let mut packs = Vec::new();
        for pack in some(&mut self.dice) {
            let frames = content
                .inventory
                .packs
                .get(&pack)
                .map_or(0, |one| one.header.frames.len());
            let frame = u32::try_from(self.dice.index(frames)).unwrap_or(0);
            let frames = if self.dice.one_in(2) {
                vec![frame]
            } else {
                Vec::new()
            };
            packs.push(DamagedPack { pack, frames });
        }
        let unknown = Unknown::default();
        self.put_entry(moment, Body::Damaged(Damaged { packs, unknown }));
    }

    /// Opens the packs of a moment; `None` if they are rotten.
    fn content<'a>(&self, moment: &'a Moment) -> Option<Content<'a>> {
        let journal = &moment.journal;
        let inventory = Inventory::take(&moment.objects, &moment.opened, journal);
        let content = inventory.and_then(|inventory| {
            let live = trees::check(&moment.opened, journal, &inventory)?;
            Ok(Content {
                journal,
                inventory,
                live,
            })
        });
        match content {
            Ok(content) => Some(content),
            Err((property, what)) => {
                if !self.setup.profile.loses_packs() {
                    self.ledger.violate(property, what);
                }
                None
            }
        }
    }

    /// Deletes some of what was dropped before that moment.
    fn delete_any(&mut self, moment: &Moment) {
        for name in moment.journal.dropped.keys() {
            for key in [object_name::pack(name), object_name::index(name)] {
                if !moment.objects.contains_key(&key) || self.dice.one_in(4) {
                    continue;
                }
                if let Ok(key) = Key::parse(&key) {
                    drop(block_on(self.client.store().delete(&key)));
                }
            }
        }
    }

    /// Puts an entry after the last of that moment. Says whether it is in the journal, if that can be known.
    fn put_entry(&mut self, moment: &Moment, body: Body) -> Option<bool> {
        let Moment {
            opened, journal, ..
        } = moment;
        let mut attempt = [0; 16];
        for part in attempt.chunks_mut(8) {
            part.copy_from_slice(&self.dice.any().to_le_bytes());
        }
        self.client
            .say(&format!("entry {}: {body:?}", journal.entries), "by letter");
        let payload = Payload::new(self.client.clock().now(), body);
        let signers: Vec<_> = opened.signers.iter().collect();
        let entry = Entry::seal(
            opened.suite,
            opened.repository,
            journal.entries,
            attempt,
            journal.last,
            &payload,
            opened.structure.journal(),
            &signers,
        );
        let entry = match entry {
            Ok(entry) => Bytes::from(entry),
            Err(_) => return Some(false),
        };
        let key = Key::parse(&object_name::journal(journal.entries)).ok()?;
        drop(block_on(self.client.store().put_new(&key, entry.clone())));
        // If nothing is there, it may be on its way.
        let objects = self.client.world().objects();
        objects.get(key.as_str()).map(|found| *found == entry)
    }
}

impl Content<'_> {
    /// Says whether every blob that is needed has a place without this pack or segment and those already dropped, and a good
    /// one if it has one now.
    fn can_do_without(&self, name: &ObjectHash, dropped: &Dropped) -> bool {
        let end = self.journal.entries;
        self.live.iter().all(|id| {
            let places = self
                .inventory
                .blobs
                .get(id)
                .map(Vec::as_slice)
                .unwrap_or_default();
            let is_kept = |pack: &ObjectHash, segment: &ObjectHash| {
                let goes = pack == name || segment == name;
                !goes && !dropped.packs.contains(pack) && !dropped.segments.contains(segment)
            };
            let (mut has_good, mut keeps_good, mut keeps_any) = (false, false, false);
            for place in places {
                let is_good = !self.journal.is_damaged(&place.pack, place.frame, end);
                let is_kept = is_kept(&place.pack, &place.segment);
                has_good |= is_good;
                keeps_good |= is_good && is_kept;
                keeps_any |= is_kept;
            }
            keeps_any && (keeps_good || !has_good)
        })
    }
}

impl Moment {
    /// Returns packs and segments that no entry has named.
    fn orphans(&self) -> (Vec<ObjectHash>, Vec<ObjectHash>) {
        let hash = |name: &str| ObjectHash::parse(name.rsplit('/').next()?);
        let unnamed = |folder: &str| -> Vec<ObjectHash> {
            let names = self.objects.keys().filter(|name| name.starts_with(folder));
            let hashes = names.filter_map(|name| hash(name));
            let is_unnamed = |one: &ObjectHash| {
                let journal = &self.journal;
                let is_in_force =
                    journal.packs.contains_key(one) || journal.segments.contains_key(one);
                !is_in_force && !journal.dropped.contains_key(one)
            };
            hashes.filter(is_unnamed).collect()
        };
        (unnamed("pack/"), unnamed("index/"))
    }
}
