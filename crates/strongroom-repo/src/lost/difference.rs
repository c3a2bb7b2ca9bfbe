//! What entries must have done that lead from one state to another.

use std::collections::BTreeMap;

use strongroom_crypt::SessionId;
use strongroom_format::{
    Abandon, Added, Body, Commit, Condemn, Damaged, DamagedPack, Dropped, Feature, Forget, Hold,
    HoldAction, Keys, ObjectHash, Packs, Policy, Takeover, Tombstone, Unknown,
};

use crate::error::Result;
use crate::state::State;

/// Returns what the entries `lost` must have done, if without them the journal leads to `from` and with them to `to`, as effects of Bridges in
/// their places. They are the least that makes up for it; whether they do is found out by folding them.
///
/// # Errors
///
/// As [`Packs::get`](crate::state::Packs::get).
pub(super) fn difference(
    from: &State,
    to: &State,
    lost: &[u64],
) -> Result<BTreeMap<u64, Vec<Body>>> {
    let mut effects: BTreeMap<u64, Vec<Body>> = BTreeMap::new();
    let (Some(first), Some(last)) = (lost.first(), lost.last()) else {
        return Ok(effects);
    };
    // Whom later entries need as their signers is known at once.
    effects.entry(*first).or_default().extend(keys(from, to));
    commits(from, to, lost, &mut effects);
    let rest = [
        sessions(from, to)?,
        buried(from, to)?,
        notes(from, to),
        forgotten(from, to),
        settings(from, to),
    ];
    effects
        .entry(*last)
        .or_default()
        .extend(rest.into_iter().flatten());
    if let Some((n, hash)) = to.policy.filter(|policy| Some(*policy) != from.policy) {
        let policy = Policy {
            hash,
            ..Policy::default()
        };
        effects.entry(n).or_default().push(Body::Policy(policy));
    }
    effects.retain(|n, effects| lost.contains(n) && !effects.is_empty());
    Ok(effects)
}

fn keys(from: &State, to: &State) -> Option<Body> {
    let announced = to.keyring.filter(|keyring| Some(*keyring) != from.keyring);
    let certificates = to.certificates.iter();
    let ended = from
        .certificates
        .keys()
        .filter(|key| !to.certificates.contains_key(*key));
    let mut ended: Vec<[u8; 32]> = ended.map(|(public, _)| *public).collect();
    ended.dedup();
    let is_new = |(key, one): &(&([u8; 32], u8), _)| {
        from.certificates.get(*key) != Some(*one) || ended.contains(&key.0)
    };
    let keys = Keys {
        generation: announced.map(|(generation, _)| generation),
        keyring: announced.map(|(_, hash)| hash),
        certificates: certificates
            .filter(is_new)
            .map(|(_, one)| one.clone())
            .collect(),
        epochs: to
            .epochs
            .iter()
            .filter(|(epoch, state)| from.epochs.get(*epoch) != Some(*state))
            .map(|(epoch, state)| (*epoch, *state))
            .collect(),
        ended,
        unknown: Unknown::default(),
    };
    (keys != Keys::default()).then_some(Body::Keys(keys))
}

/// Snapshots, each in the place of the entry that committed it, with the sessions that committed.
fn commits(from: &State, to: &State, lost: &[u64], effects: &mut BTreeMap<u64, Vec<Body>>) {
    let sessions = to.committed_sessions.keys();
    let mut sessions = sessions.filter(|one| !from.committed_sessions.contains_key(*one));
    for n in lost {
        let Some((id, snapshot)) = to.snapshots.get(n) else {
            continue;
        };
        if from.snapshot(id).is_some() {
            continue;
        }
        let nobody = SessionId::from_bytes([0; SessionId::LEN]);
        let commit = Commit {
            snapshot: snapshot.as_ref().clone(),
            packs: Vec::new(),
            segments: Vec::new(),
            session: sessions.next().copied().unwrap_or(nobody),
            seen: None,
            unknown: Unknown::default(),
        };
        let effects = effects.entry(*n).or_default();
        effects.push(Body::Commit(Box::new(commit)));
    }
}

fn sessions(from: &State, to: &State) -> Result<Vec<Body>> {
    let mut bodies = Vec::new();
    for (session, packs) in &to.sessions {
        let known = from.sessions.get(session);
        let is_new = |pack: &&ObjectHash| known.is_none_or(|known| !known.contains(*pack));
        let packs = packs.iter().filter(is_new);
        let packs: Vec<_> = packs
            .filter_map(|name| to.packs.get(name).transpose())
            .collect::<Result<_>>()?;
        if !packs.is_empty() || known.is_none() {
            bodies.push(Body::Packs(Packs {
                session: *session,
                packs,
                segments: Vec::new(),
                unknown: Unknown::default(),
            }));
        }
    }
    let ended = to.ended_sessions.keys();
    let ended = ended.filter(|one| !from.ended_sessions.contains_key(*one));
    let sessions: Vec<_> = ended.copied().collect();
    if !sessions.is_empty() {
        bodies.push(Body::Abandon(Abandon {
            sessions,
            ..Abandon::default()
        }));
    }
    Ok(bodies)
}

/// Packs and segments that came and went.
fn buried(from: &State, to: &State) -> Result<Vec<Body>> {
    let dropped = to.dropped.keys();
    let dropped = dropped.filter(|name| !from.dropped.contains_key(*name));
    let (segments, packs) = dropped.partition(|name| from.segments.contains_key(*name));
    let mut new_packs = Vec::new();
    for pack in to.packs.iter() {
        let pack = pack?;
        if !from.packs.contains(&pack.name)? {
            new_packs.push(pack);
        }
    }
    let new_segments = to.segments.values();
    let new_segments = new_segments.filter(|one| !from.segments.contains_key(&one.name));
    let tombstone = Tombstone {
        dropped: Dropped {
            packs,
            segments,
            ..Dropped::default()
        },
        added: Added {
            packs: new_packs,
            segments: new_segments.copied().collect(),
            ..Added::default()
        },
        ..Tombstone::default()
    };
    Ok(match tombstone == Tombstone::default() {
        true => Vec::new(),
        false => vec![Body::Tombstone(tombstone)],
    })
}

/// What was noted about packs.
fn notes(from: &State, to: &State) -> Vec<Body> {
    let mut bodies = Vec::new();
    let condemned = to.condemned.difference(&from.condemned);
    let packs: Vec<_> = condemned.copied().collect();
    if !packs.is_empty() {
        bodies.push(Body::Condemn(Condemn {
            packs,
            ..Condemn::default()
        }));
    }
    let damaged = to.damaged.iter();
    let damaged = damaged.filter(|(pack, frames)| from.damaged.get(*pack) != Some(*frames));
    let packs: Vec<_> = damaged
        .map(|(pack, frames)| DamagedPack {
            pack: *pack,
            frames: frames.iter().copied().collect(),
        })
        .collect();
    if !packs.is_empty() {
        bodies.push(Body::Damaged(Damaged {
            packs,
            ..Damaged::default()
        }));
    }
    bodies
}

fn settings(from: &State, to: &State) -> Vec<Body> {
    let mut bodies = Vec::new();
    if from.features != to.features {
        bodies.push(Body::Feature(Feature {
            read: to.features.read.iter().cloned().collect(),
            write: to.features.write.iter().cloned().collect(),
            maintain: to.features.maintain.iter().cloned().collect(),
            unknown: Unknown::default(),
        }));
    }
    let released = from
        .holds
        .iter()
        .filter(|(id, _)| !to.holds.contains_key(*id));
    let released = released.map(|(_, hold)| Hold {
        action: HoldAction::Release,
        ..hold.clone()
    });
    let placed = to.holds.iter();
    let placed = placed.filter(|(id, hold)| from.holds.get(*id) != Some(*hold));
    let placed = placed.map(|(_, hold)| hold.clone());
    bodies.extend(released.chain(placed).map(Body::Hold));
    if let Some(writer) = to.only_writer.filter(|one| Some(*one) != from.only_writer) {
        bodies.push(Body::Takeover(Takeover {
            only_writer: *writer.as_bytes(),
            ..Takeover::default()
        }));
    }
    bodies
}

/// Snapshots that were forgotten. They come before holds, which may have been placed since.
fn forgotten(from: &State, to: &State) -> Vec<Body> {
    let gone = from.snapshots.values().map(|(id, _)| *id);
    let snapshots: Vec<_> = gone.filter(|id| to.snapshot(id).is_none()).collect();
    match snapshots.is_empty() {
        true => Vec::new(),
        false => vec![Body::Forget(Forget {
            snapshots,
            ..Forget::default()
        })],
    }
}
