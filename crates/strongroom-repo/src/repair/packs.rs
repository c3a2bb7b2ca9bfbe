//! What can be done about packs.

use std::collections::BTreeMap;

use bytes::Bytes;
use strongroom_format::ObjectHash;
use strongroom_format::object_name::ObjectName;

use super::exam::{Doubt, Exam};
use super::item::{NoRemedy, Remedy, RepairItem, RepairSource, Wrong};
use super::live::Live;
use super::look::{Look, Suspects};
use super::relocate::{Grounds, is_announced};
use crate::error::Result;

/// A pack as it was written, from elsewhere.
#[derive(Debug)]
pub(super) struct FoundPack {
    pub(super) origin: RepairSource,
    pub(super) bytes: Bytes,
    /// Of these bytes.
    pub(super) exam: Exam,
}

/// Packs that were examined.
pub(super) type Exams = BTreeMap<ObjectHash, Exam>;

impl Look<'_> {
    /// Examines the packs in force among the suspects; those that are as they should be are left out. What seems to be missing may have been
    /// dropped meanwhile, and is left out then too.
    ///
    /// # Errors
    ///
    /// What the store says when it cannot be reached.
    pub(super) fn exams(&self, suspects: &Suspects) -> Result<Exams> {
        let mut exams = Exams::new();
        for (name, doubt) in suspects {
            let ObjectName::Pack(name) = name else {
                continue;
            };
            let Some(pack) = self.state.packs.get(name)? else {
                continue;
            };
            let (exam, _) = self.examine(&pack, doubt)?;
            let is_quarantined = self.state.damaged.contains_key(name);
            if exam.is_good() && !is_quarantined {
                continue;
            }
            if exam.wrong.is_some() && self.was_dropped(name)? {
                continue;
            }
            exams.insert(*name, exam);
        }
        Ok(exams)
    }

    /// Decides about a pack for which there is a source of all its bytes, or which needs none; `None` if there is no source.
    ///
    /// # Errors
    ///
    /// What the store says when it cannot be reached.
    pub(super) fn whole_source(&self, exam: &Exam) -> Result<Option<(RepairItem, Option<Bytes>)>> {
        let name = ObjectName::Pack(exam.pack.name);
        let wrong = exam.wrong.clone().unwrap_or(Wrong::Quarantined);
        let is_quarantined = self.state.damaged.contains_key(&exam.pack.name);
        // Its bytes may be put back whoever wrote them; nothing else may be done.
        if exam.newer && (exam.wrong.is_none() || is_quarantined) {
            return Ok(Some((newer(name), None)));
        }
        let found = match &exam.wrong {
            None => None,
            // These are the very bytes that were written: nobody has better ones.
            Some(Wrong::Frames(_) | Wrong::Header) => return Ok(None),
            Some(_) => match self.find_pack(exam)? {
                None => return Ok(None),
                found => found,
            },
        };
        if is_quarantined {
            let source = found.as_ref().map_or(exam, |found| &found.exam);
            if source.newer {
                return Ok(Some((newer(name), None)));
            }
            // What is left behind must be needed by nothing.
            if !source.moves_whole(&self.retired) {
                return Ok(None);
            }
        }
        let len = u64::from(exam.pack.len);
        let Some(found) = found else {
            // What was said of it ends only when it is dropped.
            let frames = count(exam.good(&self.retired).len());
            let remedy = self.leave_quarantine(exam, None, frames);
            let item = RepairItem::new(name, wrong, remedy).costing(2 * len, len);
            return Ok(Some((item, None)));
        };
        let locked = match exam.wrong {
            Some(Wrong::Missing) => None,
            _ if is_quarantined => None,
            _ => self.locked_until(&name)?,
        };
        if let Some(until) = locked {
            // From quarantine it is moved to new packs, and leaves the locked one behind.
            let remedy = match (&self.forbidden, self.is_new(exam)) {
                (None, true) => Remedy::Quarantine(exam.named()),
                _ => Remedy::None(NoRemedy::Locked),
            };
            return Ok(Some((
                RepairItem::new(name, wrong, remedy).locked(until),
                None,
            )));
        }
        let remedy = match is_quarantined {
            false => Remedy::PutBack(found.origin),
            true => {
                let frames = count(found.exam.good(&self.retired).len());
                self.leave_quarantine(exam, Some(found.origin), frames)
            }
        };
        let bytes = Some(found.bytes);
        let item = RepairItem::new(name, wrong, remedy).costing(2 * len, len);
        Ok(Some((item, bytes)))
    }

    /// Decides about a pack for which there is no source, by what snapshots need of it.
    ///
    /// # Errors
    ///
    /// What the store says when it cannot be reached.
    pub(super) fn without_source(&self, exam: &Exam, live: &mut Live<'_>) -> Result<RepairItem> {
        let name = exam.pack.name;
        let wrong = exam.wrong.clone().unwrap_or(Wrong::Quarantined);
        let item = |remedy| RepairItem::new(ObjectName::Pack(name), wrong.clone(), remedy);
        if let Some(why) = &self.forbidden {
            return Ok(item(Remedy::None(NoRemedy::Newer(why.clone()))));
        }
        if exam.newer {
            return Ok(item(newer(ObjectName::Pack(name)).remedy));
        }
        let good = exam.good(&self.retired);
        let frames = exam
            .header
            .as_ref()
            .map_or(0, |(_, header)| header.frames.len());
        if self.refused(&name).is_none() && live.allows(&name)?.is_some() {
            let len = u64::from(exam.pack.len);
            let remedy = Remedy::Move {
                from: (!good.is_empty()).then_some(RepairSource::Pack),
                frames: count(good.len()),
                left: count(frames.saturating_sub(good.len())),
            };
            return Ok(item(remedy).costing(len, len));
        }
        Ok(match self.is_new(exam) {
            true => item(Remedy::Quarantine(exam.named())),
            false => item(Remedy::None(NoRemedy::WaitsForBackup)),
        })
    }

    /// Says on what it stands that a pack can be dropped when its good frames are moved; `None` if it cannot. `live` is the walk through
    /// all snapshots, made when it is needed first.
    ///
    /// # Errors
    ///
    /// What the store says when it cannot be reached.
    pub(super) fn grounds<'l>(
        &'l self,
        exam: &Exam,
        exams: &'l Exams,
        live: &mut Option<Live<'l>>,
    ) -> Result<Option<Grounds>> {
        let name = exam.pack.name;
        if exam.moves_whole(&self.retired) {
            return Ok(Some(Grounds::default()));
        }
        // What was looked at is what is moved now.
        let known = exams.get(&name);
        if known.is_none_or(|known| known.bad != exam.bad || known.header != exam.header) {
            return Ok(None);
        }
        let live = match live {
            Some(live) => live,
            None => {
                let mut walk = Live::new(self, exams)?;
                walk.walk()?;
                live.insert(walk)
            }
        };
        let relied = live.allows(&name)?;
        Ok(relied.map(|relied| Grounds {
            relied,
            walked: Some(live.walked.clone()),
        }))
    }

    /// Looks for the bytes of a pack: in its parity, then in mirrors. Of what is in quarantine nothing may be bad in them, but a later version
    /// may have written it.
    ///
    /// # Errors
    ///
    /// What the store says when it cannot be reached.
    pub(super) fn find_pack(&self, exam: &Exam) -> Result<Option<FoundPack>> {
        let pack = &exam.pack;
        let name = ObjectName::Pack(pack.name);
        let is_right = |bytes: &Bytes| Look::is_pack(pack, bytes);
        let (origin, bytes) = match self.healed(pack)? {
            Some(bytes) => (RepairSource::Parity, bytes),
            None => match self.mirrors.find(&name, is_right)? {
                Some((mirror, bytes)) => (RepairSource::Mirror(mirror), bytes),
                None => return Ok(None),
            },
        };
        let exam = self.inspect(pack, None, &bytes, &Doubt::Nothing)?;
        let found = FoundPack {
            origin,
            bytes,
            exam,
        };
        Ok(Some(found).filter(|found| !found.exam.is_damaged()))
    }

    fn leave_quarantine(&self, exam: &Exam, from: Option<RepairSource>, frames: u32) -> Remedy {
        match self.refused(&exam.pack.name) {
            Some(reason) => Remedy::None(reason),
            None => Remedy::Move {
                from,
                frames,
                left: 0,
            },
        }
    }

    /// Says why a pack must not be dropped now.
    fn refused(&self, name: &ObjectHash) -> Option<NoRemedy> {
        if let Some(why) = &self.forbidden {
            return Some(NoRemedy::Newer(why.clone()));
        }
        is_announced(&self.state, name).then_some(NoRemedy::WaitsForBackup)
    }
}

fn newer(name: ObjectName) -> RepairItem {
    let why = "a later version wrote it, use that to repair it".to_owned();
    RepairItem::new(name, Wrong::Newer, Remedy::None(NoRemedy::Newer(why)))
}

fn count(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}
