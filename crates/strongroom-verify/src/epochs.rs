//! Epochs that are not open any more: what was sealed under a closed one all the same, and what in force is under a retired one.

use std::collections::BTreeMap;

use strongroom_crypt::SessionId;
use strongroom_format::object_name::ObjectName;
use strongroom_format::{EpochState, FrameKey, ObjectHash, PackHeader};

use crate::journal::{EpochChange, PackInForce, State};
use crate::{Finding, Level, Problem, Severity, Subject};

/// What the journal says of epochs, and the packs that it has added since it closed the first.
#[derive(Debug, Default)]
pub(crate) struct Epochs {
    /// In the order of entries; empty while all are open.
    changes: Vec<EpochChange>,
    later: BTreeMap<ObjectHash, Added>,
}

/// How a pack came to be in force.
#[derive(Debug, Clone, Copy)]
struct Added {
    /// The entry.
    n: u64,
    /// Whose entry that is; `None` of one that moves what others have sealed.
    session: Option<SessionId>,
}

impl Epochs {
    pub(crate) fn of(state: &State) -> Self {
        let is_closing = |change: &&EpochChange| change.state != EpochState::Open;
        let Some(first) = state.epoch_changes.iter().find(is_closing) else {
            return Self::default();
        };
        let later = state.packs.iter().filter(|(_, pack)| pack.n > first.n);
        let added = |(name, pack): (&ObjectHash, &PackInForce)| {
            let (n, session) = (pack.n, pack.session);
            (*name, Added { n, session })
        };
        Self {
            changes: state.epoch_changes.clone(),
            later: later.map(added).collect(),
        }
    }

    /// Says what is wrong with the epochs under which a pack is sealed.
    ///
    /// Frames that are moved stay sealed as they are, so old ones may be in a new pack. A session that adds its own pack sealed it just before.
    pub(crate) fn judge(&self, pack: &ObjectHash, header: &PackHeader) -> Vec<Finding> {
        if self.changes.is_empty() {
            return Vec::new();
        }
        let added = self.later.get(pack);
        let (mut retired, mut late) = (BTreeMap::new(), BTreeMap::new());
        for frame in &header.frames {
            let FrameKey::Session(at) = frame.key else {
                continue;
            };
            let Some(record) = header.sessions.get(usize::from(at)) else {
                continue;
            };
            let epoch = record.epoch;
            match self.last_before(u64::MAX, epoch) {
                Some(change) if change.state == EpochState::Retired => {
                    let (_, frames) = retired.entry(epoch).or_insert((change.n, 0_u64));
                    *frames += 1;
                }
                _ => {
                    let own = added.filter(|added| added.session == Some(record.session));
                    let closed =
                        own.and_then(|own| Some((own.n, self.closed_before(own.n, epoch)?)));
                    late.extend(closed.map(|closed| (epoch, closed)));
                }
            }
        }
        let retired = retired.into_iter().map(|(epoch, (by, frames))| {
            let late = added.filter(|added| added.n > by);
            let late =
                late.map_or_else(String::new, |added| format!("; entry {} added it", added.n));
            let detail =
                format!("{frames} frames, of epoch {epoch}, which entry {by} retired{late}");
            damage(ObjectName::Pack(*pack), Problem::RetiredEpoch, detail)
        });
        // The pack is as it should be; that entry is not.
        let late = late.into_iter().map(|(epoch, (n, by))| {
            let detail = format!("of epoch {epoch}, which entry {by} closed");
            damage(ObjectName::Journal(n), Problem::ClosedEpoch, detail)
        });
        retired.chain(late).collect()
    }

    /// Returns what entries before `n` have made of an epoch last.
    fn last_before(&self, n: u64, epoch: u32) -> Option<&EpochChange> {
        let mut latest = self.changes.iter().rev();
        latest.find(|change| change.n < n && change.epoch == epoch)
    }

    /// Returns the entry before `n` after which nothing was to be sealed under an epoch. One that stands in for a lost entry does not tell when it was closed.
    fn closed_before(&self, n: u64, epoch: u32) -> Option<u64> {
        let last = self.last_before(n, epoch)?;
        (last.state != EpochState::Open && !last.is_bridged).then_some(last.n)
    }
}

fn damage(object: ObjectName, problem: Problem, detail: String) -> Finding {
    let (severity, subject) = (Severity::Damage, Subject::Object(object));
    Finding::new(severity, subject, problem, Level::Authenticated).with_detail(detail)
}
