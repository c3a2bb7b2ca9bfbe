//! Which entries are void (format §8.2, §8.4).

use std::collections::HashSet;

use strongroom_crypt::{Roles, VerifyingKey};
use strongroom_format::{Body, ObjectHash, PackRef, SegmentRef};

use super::State;

impl State {
    /// Says why an entry with this body, validly signed by these keys, would have no effect as the next one.
    ///
    /// Whoever writes an entry asks first; whoever reads one asks the same question of the same state.
    pub(crate) fn void_reason(
        &self,
        body: &Body,
        signers: &[VerifyingKey],
    ) -> Option<&'static str> {
        if self.head == 0 {
            return self.void_first(body, signers);
        }
        if matches!(body, Body::Genesis(_)) {
            return Some("a second Genesis");
        }
        let needed = match body {
            // Whoever is certified for anything may have written what only a later version knows.
            Body::Unknown { .. } => Roles::from_bits(u8::MAX),
            known => known.roles_needed(),
        };
        if !signers.iter().any(|signer| self.has_role(signer, needed)) {
            return Some("no signer is certified for what it does");
        }
        if self.lacks_only_writer(body, signers) {
            return Some("in single-writer mode its signer is not the only writer");
        }
        self.void_body(body)
    }

    fn void_first(&self, body: &Body, signers: &[VerifyingKey]) -> Option<&'static str> {
        match body {
            Body::Genesis(genesis)
                if !signers.iter().any(|key| *key.as_bytes() == genesis.admin) =>
            {
                Some("Genesis is not signed by the admin it names")
            }
            Body::Genesis(genesis) if genesis.config != self.head_hash => {
                Some("Genesis names another config")
            }
            Body::Genesis(_) => None,
            _ => Some("the first entry is not Genesis"),
        }
    }

    /// Says whether, in single-writer mode, the entry needs the only writer and is not signed by it.
    pub(crate) fn lacks_only_writer(&self, body: &Body, signers: &[VerifyingKey]) -> bool {
        match (&self.only_writer, body) {
            (None, _)
            | (
                _,
                // Only an admin can write these.
                Body::Keys(_)
                | Body::Feature(_)
                | Body::Hold(_)
                | Body::Policy(_)
                | Body::Takeover(_)
                | Body::Bridge(_),
            ) => false,
            (Some(only), _) => !signers.contains(only),
        }
    }

    pub(super) fn void_body(&self, body: &Body) -> Option<&'static str> {
        match body {
            Body::Commit(commit) if self.session_ended(&commit.session) => Some(SESSION_ENDED),
            Body::Commit(commit) => self.void_additions(&commit.packs, &commit.segments),
            Body::Packs(packs) if self.session_ended(&packs.session) => Some(SESSION_ENDED),
            Body::Packs(packs) => self.void_additions(&packs.packs, &packs.segments),
            Body::Tombstone(tombstone) => {
                let (dropped, added) = (&tombstone.dropped, &tombstone.added);
                let gone: HashSet<&ObjectHash> =
                    dropped.packs.iter().chain(&dropped.segments).collect();
                if names(&added.packs, &added.segments).any(|name| gone.contains(name)) {
                    return Some(COMES_BACK);
                }
                self.void_additions(&added.packs, &added.segments)
            }
            Body::Index(index) => {
                if index
                    .added
                    .iter()
                    .any(|segment| index.removed.contains(&segment.name))
                {
                    return Some(COMES_BACK);
                }
                self.void_additions(&[], &index.added)
            }
            Body::Takeover(_) if self.only_writer.is_none() => {
                Some("a takeover outside single-writer mode")
            }
            Body::Forget(forget) => {
                let held = self.held();
                forget
                    .snapshots
                    .iter()
                    .find_map(|id| match self.snapshot(id) {
                        None => Some("it forgets a snapshot that is not in force"),
                        Some((_, snapshot)) if held.has(id, snapshot) => {
                            Some("it forgets a snapshot that is held")
                        }
                        Some(_) => None,
                    })
            }
            _ => None,
        }
    }

    fn void_additions(&self, packs: &[PackRef], segments: &[SegmentRef]) -> Option<&'static str> {
        names(packs, segments)
            .any(|name| self.dropped.contains_key(name))
            .then_some(COMES_BACK)
    }
}

fn names<'a>(
    packs: &'a [PackRef],
    segments: &'a [SegmentRef],
) -> impl Iterator<Item = &'a ObjectHash> {
    packs
        .iter()
        .map(|pack| &pack.name)
        .chain(segments.iter().map(|segment| &segment.name))
}

const SESSION_ENDED: &str = "its session was abandoned or dropped";
const COMES_BACK: &str = "it adds what was dropped";
