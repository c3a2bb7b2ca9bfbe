//! Quarantine: an entry that says which copies are not to be relied on.

use std::collections::BTreeMap;

use strongroom_crypt::Roles;
use strongroom_format::object_name::ObjectName;
use strongroom_format::{Body, Damaged, DamagedObject, DamagedPack, ObjectHash};

use super::exam::Exam;
use super::look::Look;
use super::report::QuarantineReport;
use crate::error::{Error, ErrorKind, Result};
use crate::state::State;

impl Look<'_> {
    /// Reads what somebody found damaged again, and says in the journal what of it is.
    ///
    /// # Errors
    ///
    /// As [`put_in_quarantine`](Self::put_in_quarantine).
    pub(super) fn quarantine(&self, found: &[DamagedObject]) -> Result<QuarantineReport> {
        let mut report = QuarantineReport::default();
        let mut frames: BTreeMap<ObjectHash, Vec<u32>> = BTreeMap::new();
        for (name, doubt) in self.suspects(Some(found))? {
            let pack = match name {
                ObjectName::Pack(pack) => self.state.packs.get(&pack)?,
                _ => None,
            };
            let is_named = found.iter().any(|one| one.name == name);
            let Some(pack) = pack else {
                report.left.push(name);
                continue;
            };
            let (exam, _) = self.examine(&pack, &doubt)?;
            match () {
                () if !is_named => {}
                () if !exam.is_damaged() && (exam.newer || exam.locked) => {
                    report.unknown.push(pack.name);
                }
                () if exam.is_good() => report.intact.push(pack.name),
                () if self.is_new(&exam) => drop(frames.insert(pack.name, exam.named())),
                () => report.already.push(pack.name),
            }
        }
        let (entries, quarantined) = self.put_in_quarantine(&frames)?;
        (report.entries, report.quarantined) = (entries, quarantined);
        Ok(report)
    }

    /// Says whether something is bad that is not in quarantine.
    pub(super) fn is_new(&self, exam: &Exam) -> bool {
        exam.is_damaged() && is_new(&self.state, &exam.pack.name, &exam.named())
    }

    /// Writes entries that say which frames are damaged; all of a pack when there are none. What is not in force any more, or in
    /// quarantine already, is left out. Returns the entries, and what they say.
    ///
    /// # Errors
    ///
    /// As [`Journal::append`](crate::journal::Journal::append).
    pub(super) fn put_in_quarantine(
        &self,
        frames: &BTreeMap<ObjectHash, Vec<u32>>,
    ) -> Result<(Vec<u64>, Vec<DamagedPack>)> {
        let mut entries = Vec::new();
        let mut said = Vec::new();
        for batch in batches(frames) {
            let mut now_said = Vec::new();
            let mut is_done = false;
            let mut make = |now: &State| {
                now_said = Vec::new();
                for one in &batch {
                    if is_new(now, &one.pack, &one.frames) && now.packs.contains(&one.pack)? {
                        now_said.push(one.clone());
                    }
                }
                is_done = now_said.is_empty();
                match is_done {
                    true => Err(Error::new(ErrorKind::Stale, "nothing is left to say")),
                    false => Ok(Body::Damaged(Damaged {
                        packs: now_said.clone(),
                        ..Damaged::default()
                    })),
                }
            };
            let roles = Roles::WRITER | Roles::MAINTAINER | Roles::AUDITOR;
            let journal = self.repository.journal();
            let appended = journal.append(self.remote, self.context, roles, &mut make);
            if is_done {
                continue;
            }
            entries.push(appended?.n);
            said.append(&mut now_said);
        }
        Ok((entries, said))
    }
}

/// Says whether a state does not have these frames in quarantine yet.
fn is_new(state: &State, pack: &ObjectHash, frames: &[u32]) -> bool {
    match state.damaged.get(pack) {
        None => true,
        Some(recorded) if recorded.is_empty() => false,
        Some(recorded) => frames.is_empty() || frames.iter().any(|frame| !recorded.contains(frame)),
    }
}

/// Divides what is to be said so that no entry grows past its limit. Damage adds up.
fn batches(frames: &BTreeMap<ObjectHash, Vec<u32>>) -> Vec<Vec<DamagedPack>> {
    let mut all = Vec::new();
    let mut batch = Vec::new();
    let mut len = 0;
    for (pack, frames) in frames {
        let mut parts: Vec<&[u32]> = frames.chunks(FRAMES).collect();
        if parts.is_empty() {
            parts.push(&[]);
        }
        for part in parts {
            if len + PACK_WEIGHT + part.len() > FRAMES {
                all.push(std::mem::take(&mut batch));
                len = 0;
            }
            len += PACK_WEIGHT + part.len();
            batch.push(DamagedPack {
                pack: *pack,
                frames: part.to_vec(),
            });
        }
    }
    all.push(batch);
    all.retain(|batch| !batch.is_empty());
    all
}

/// Frames that one entry names at most, of five bytes each.
const FRAMES: usize = 100_000;
/// What a pack's name takes beside them.
const PACK_WEIGHT: usize = 8;
