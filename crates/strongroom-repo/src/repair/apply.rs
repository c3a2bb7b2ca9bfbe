//! Carries a plan out, item by item, each looked at again before.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;
use strongroom_format::ObjectHash;
use strongroom_format::object_name::ObjectName;

use super::chain::Chain;
use super::exam::Doubt;
use super::item::{Remedy, RepairItem, Wrong};
use super::live::Live;
use super::look::{Look, Suspects};
use super::mirrors::Mirrors;
use super::packs::Exams;
use super::plan::{RepairPlan, single};
use super::relocate::{Grounds, Moved};
use super::report::RepairReport;
use crate::context::{absent_is_none, object_key};
use crate::edge::Remote;
use crate::error::{Error, ErrorKind, Result};
use crate::observer::{Event, Observer, Phase, Progress};
use crate::repository::Repository;

/// A plan that is being carried out.
struct Applying<'a> {
    repository: &'a Repository,
    remote: &'a Remote,
    mirrors: &'a Mirrors<'a>,
    plan: &'a RepairPlan,
    observer: &'a dyn Observer,
    report: RepairReport,
    progress: Progress,
}

/// Carries a plan out.
///
/// # Errors
///
/// `Stale` when nothing could be done because something else is decided by now; otherwise what the store said.
pub(super) fn apply(
    repository: &Repository,
    remote: &Remote,
    mirrors: &Mirrors<'_>,
    plan: &RepairPlan,
    observer: &dyn Observer,
) -> Result<RepairReport> {
    let mut applying = Applying {
        repository,
        remote,
        mirrors,
        plan,
        observer,
        report: RepairReport::default(),
        progress: Progress::default(),
    };
    let work = plan.items.iter().filter(|item| item.is_action()).count();
    applying.progress.entries_total = Some(work as u64);
    repository.say_single_writer(observer);
    observer.on_event(&Event::Phase(Phase::Store));
    applying.objects()?;
    applying.segments()?;
    observer.on_event(&Event::Phase(Phase::Commit));
    applying.quarantine()?;
    applying.relocate()?;
    let report = applying.report;
    let did = report.puts + report.entries + report.deleted;
    match report.stale.first() {
        Some(name) if did == 0 => {
            let what = "what was planned is not what has to be done any more";
            Err(Error::new(ErrorKind::Stale, what).object_named(name.to_string()))
        }
        _ => Ok(report),
    }
}

impl<'a> Applying<'a> {
    /// Puts back, makes anew and deletes objects that need no entry.
    fn objects(&mut self) -> Result<()> {
        let look = self.look()?;
        let mut chain = Chain::new(&look);
        for item in &self.plan.items {
            let needs_entry = matches!(
                (&item.remedy, item.object),
                (
                    Remedy::Move { .. } | Remedy::Quarantine(_) | Remedy::None(_),
                    _
                ) | (
                    Remedy::Rebuild(_),
                    ObjectName::Index(_) | ObjectName::Pack(_)
                )
            );
            if needs_entry {
                continue;
            }
            let found = match item.object {
                ObjectName::Pack(name) => Self::pack(&look, &name)?,
                _ => {
                    single(&look, &mut chain, &item.object)?.map(|found| (found.item, found.bytes))
                }
            };
            match found {
                None => self.report.already += 1,
                Some((now, bytes)) if now.decides_like(item) => {
                    let done = self.carry_out(&now, bytes);
                    self.settle(item, done)?;
                }
                Some(_) => self.report.stale.push(item.object),
            }
            self.tell();
        }
        Ok(())
    }

    fn pack(look: &Look<'_>, name: &ObjectHash) -> Result<Option<(RepairItem, Option<Bytes>)>> {
        let Some(pack) = look.state.packs.get(name)? else {
            return Ok(None);
        };
        let (exam, _) = look.examine(&pack, &Doubt::Nothing)?;
        let is_quarantined = look.state.damaged.contains_key(name);
        if exam.is_good() && !is_quarantined {
            return Ok(None);
        }
        look.whole_source(&exam).map(|found| {
            // A source that is gone is another decision, not none.
            let nothing = || {
                let remedy = Remedy::Quarantine(Vec::new());
                (
                    RepairItem::new(ObjectName::Pack(*name), Wrong::Altered, remedy),
                    None,
                )
            };
            Some(found.unwrap_or_else(nothing))
        })
    }

    fn carry_out(&mut self, item: &RepairItem, bytes: Option<Bytes>) -> Result<()> {
        let name = item.object.to_string();
        let key = object_key(&name)?;
        let Some(bytes) = bytes else {
            self.remote.delete(&key)?;
            self.report.deleted += 1;
            return Ok(());
        };
        let len = bytes.len() as u64;
        match item.wrong {
            Wrong::Missing => match self.remote.put(&key, bytes.clone()) {
                // Somebody else was faster; a check says whether it was done well.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                    self.report.already += 1;
                    return Ok(());
                }
                put => put?,
            },
            _ => self.remote.replace(&key, bytes.clone())?,
        }
        self.report.wrote(len);
        // A store may take what it does not keep.
        if absent_is_none(self.remote.get(&key, None))?.as_ref() != Some(&bytes) {
            let what = "what was put back is not there";
            return Err(Error::new(ErrorKind::Damaged, what).object_named(name));
        }
        match item.remedy {
            Remedy::Rebuild(_) => self.report.rebuilt += 1,
            _ => self.report.put_back += 1,
        }
        Ok(())
    }

    /// Makes segments anew.
    fn segments(&mut self) -> Result<()> {
        let planned = self.plan.items.iter().filter(|item| {
            matches!(item.remedy, Remedy::Rebuild(_))
                && !matches!(item.object, ObjectName::Bundle(_))
        });
        let planned: Vec<&RepairItem> = planned.collect();
        if planned.is_empty() {
            return Ok(());
        }
        for _ in 0..MAX_TRIES {
            let look = self.look()?;
            let mut bad = BTreeSet::new();
            for item in &planned {
                if let ObjectName::Index(name) = item.object
                    && let Some(found) = look.segment(name)?
                    && found.item.decides_like(item)
                {
                    bad.insert(name);
                }
            }
            if bad.is_empty() && look.unmapped()?.is_empty() {
                self.report.already += planned.len() as u64;
                return Ok(());
            }
            match look.rebuild(&bad, &mut self.report) {
                Err(error) if error.kind() == ErrorKind::Stale => continue,
                other => return other,
            }
        }
        self.report
            .stale
            .extend(planned.iter().map(|item| item.object));
        Ok(())
    }

    /// Puts in quarantine what has no source.
    fn quarantine(&mut self) -> Result<()> {
        let mut frames = BTreeMap::new();
        let look = self.look()?;
        for item in &self.plan.items {
            let (Remedy::Quarantine(_), ObjectName::Pack(name)) = (&item.remedy, item.object)
            else {
                continue;
            };
            let Some(pack) = look.state.packs.get(&name)? else {
                self.report.already += 1;
                continue;
            };
            let (exam, _) = look.examine(&pack, &Doubt::of(&item.wrong))?;
            if !look.is_new(&exam) {
                self.report.already += 1;
            } else {
                frames.insert(name, exam.named());
            }
            self.tell();
        }
        let (entries, said) = look.put_in_quarantine(&frames)?;
        self.report.entries += entries.len() as u64;
        self.report.quarantined += said.len() as u64;
        Ok(())
    }

    /// Moves what is good of packs, and drops them. Snapshots are walked once for all of them, and again when others have changed what that
    /// stands on.
    fn relocate(&mut self) -> Result<()> {
        let suspects = self.suspected_packs();
        let planned = self.plan.items.iter();
        let mut waiting: VecDeque<&RepairItem> = planned
            .filter(|item| matches!(item.remedy, Remedy::Move { .. }))
            .collect();
        let mut tries = 0;
        while !waiting.is_empty() && tries < MAX_TRIES {
            let look = self.look()?;
            let exams = look.exams(&suspects)?;
            let mut live = None;
            while let Some(item) = waiting.pop_front() {
                self.remote.before_batch()?;
                let moved = self.relocate_one(&look, &exams, &mut live, item);
                if let Ok(Moved::Again) = moved {
                    waiting.push_front(item);
                    tries += 1;
                    break;
                }
                tries = 0;
                self.settle(item, moved.map(drop))?;
                self.tell();
            }
        }
        self.report
            .stale
            .extend(waiting.iter().map(|item| item.object));
        Ok(())
    }

    fn suspected_packs(&self) -> Suspects {
        let mut all = Suspects::new();
        for item in &self.plan.items {
            if let ObjectName::Pack(_) = item.object {
                all.insert(item.object, Doubt::of(&item.wrong));
            }
        }
        all
    }

    fn relocate_one<'l>(
        &mut self,
        look: &'l Look<'_>,
        exams: &'l Exams,
        live: &mut Option<Live<'l>>,
        item: &RepairItem,
    ) -> Result<Moved> {
        let ObjectName::Pack(name) = item.object else {
            return Ok(Moved::Gone);
        };
        let Some(pack) = look.state.packs.get(&name)? else {
            self.report.already += 1;
            return Ok(Moved::Gone);
        };
        let (exam, bytes) = look.examine(&pack, &Doubt::of(&item.wrong))?;
        let is_quarantined = look.state.damaged.contains_key(&name);
        if exam.is_good() && !is_quarantined {
            self.report.already += 1;
            return Ok(Moved::Gone);
        }
        let from = match exam.wrong {
            None | Some(Wrong::Frames(_) | Wrong::Header) => None,
            Some(_) => look.find_pack(&exam)?,
        };
        if let Some(found) = &from
            && (found.exam.newer || !is_quarantined)
        {
            // It is to be left alone, or put back: another plan says so.
            self.report.stale.push(item.object);
            return Ok(Moved::Gone);
        }
        let moved = match from.filter(|found| found.exam.moves_whole(&look.retired)) {
            Some(found) => {
                let grounds = Grounds::default();
                look.relocate(&found.exam, &found.bytes, &grounds, &mut self.report)?
            }
            None => {
                let grounds = match exam.newer || look.forbidden.is_some() {
                    true => None,
                    false => look.grounds(&exam, exams, live)?,
                };
                let Some(grounds) = grounds else {
                    self.report.stale.push(item.object);
                    return Ok(Moved::Gone);
                };
                look.relocate(&exam, &bytes, &grounds, &mut self.report)?
            }
        };
        if moved == Moved::Gone {
            self.report.already += 1;
        }
        Ok(moved)
    }

    fn look(&self) -> Result<Look<'a>> {
        Look::begin(self.repository, self.remote, self.mirrors)
    }

    /// Takes note of an item that failed; passes on what ends the whole.
    fn settle(&mut self, item: &RepairItem, done: Result<()>) -> Result<()> {
        match done {
            Ok(()) => Ok(()),
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::PermissionDenied | ErrorKind::Damaged | ErrorKind::NotFound
                ) =>
            {
                tracing::debug!(object = %item.object, %error, "something was not repaired");
                self.report.problems.push(error);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn tell(&mut self) {
        self.progress.entries += 1;
        self.progress.transferred = self.report.written_bytes;
        self.observer.on_event(&Event::Progress(&self.progress));
    }
}

/// How often something is tried again that others have overtaken.
const MAX_TRIES: u32 = 8;
