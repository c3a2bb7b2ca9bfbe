//! What lost entries did, as far as it follows from what is there: their Bridges say it again. All of it is known where a state behind them is.

use std::collections::BTreeMap;

use strongroom_crypt::Id;
use strongroom_format::{Body, Certificate, Checkpoint, Forget, Keys, object_name};

use super::super::difference::difference;
use super::assembly::Assembled;
use super::found::Found;
use super::{ENTRIES, Surveyor};
use crate::context::get_if_there;
use crate::error::Result;
use crate::journal::View;
use crate::state::State;

/// What is to be said in the places of lost entries.
pub(super) type Effects = BTreeMap<u64, Vec<Body>>;

impl Surveyor<'_> {
    /// What is known of lost entries in any case: a keyring that the admin signed and that no entry announces.
    pub(super) fn announce(&self, prefix: &View, plain: &Assembled, found: &Found) -> Effects {
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
    pub(super) fn forget_again(
        &self,
        prefix: &View,
        plain: &Assembled,
        found: &Found,
        effects: &mut Effects,
    ) {
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

    /// Returns what the lost entries did, if a state behind them is known and tells it all.
    pub(super) fn tell(&self, prefix: &View, found: &Found) -> Result<Option<(Effects, String)>> {
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
                if is_same(&state, &truth.state)? {
                    return Ok(Some((effects, truth.source)));
                }
                for (n, more) in difference(&state, &truth.state, &unknown)? {
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
}

/// A state that is known to be that of the journal, after so many entries.
struct Truth {
    state: State,
    source: String,
}

/// Says whether two states are the same, but for Bridges, and for sessions that committed what was forgotten since: no effect says that, and it matters only for what
/// the same session might announce after its commit.
fn is_same(one: &State, other: &State) -> Result<bool> {
    let plain = |state: &State| -> Result<Checkpoint> {
        Ok(Checkpoint {
            bridges: Vec::new(),
            committed_sessions: Vec::new(),
            ..state.to_checkpoint()?
        })
    };
    Ok(plain(one)? == plain(other)?)
}

/// How often effects are derived from what is known to have come of them.
const ROUNDS: usize = 3;
