//! The plan of a repair: what is wrong, what will be done about it, and what is lost.

use std::fmt;
use std::sync::Arc;

use strongroom_crypt::RepositoryId;
use strongroom_format::ObjectHash;
use strongroom_format::object_name::ObjectName;
use strongroom_store::Store;

use super::item::{NoRemedy, Remedy, RepairItem, Wrong};
use super::live::Live;
use super::look::{Found, Look, Suspects};
use super::losses::Losses;
use super::naming::losses;
use super::options::RepairOptions;
use crate::error::Result;
use crate::repair::chain::Chain;

/// What a repair will do, and why. Made by [`Repository::plan_repair`](crate::Repository::plan_repair) and carried out by
/// [`Repository::repair`](crate::Repository::repair).
///
/// Two plans are equal when they decide the same about the same state.
#[derive(Debug, Clone)]
pub struct RepairPlan {
    pub(super) repository: RepositoryId,
    pub(super) head: u64,
    pub(super) hash: ObjectHash,
    pub(super) items: Vec<RepairItem>,
    losses: Losses,
    problems: Vec<(usize, String)>,
    pub(super) from: Vec<Arc<dyn Store>>,
}

impl PartialEq for RepairPlan {
    fn eq(&self, other: &Self) -> bool {
        (self.repository, self.head, self.hash) == (other.repository, other.head, other.hash)
            && self.items == other.items
            && self.losses == other.losses
    }
}

impl Eq for RepairPlan {}

impl RepairPlan {
    /// Returns the number of journal entries that the plan was made from, and the hash of the last of them.
    #[must_use]
    pub fn head(&self) -> (u64, ObjectHash) {
        (self.head, self.hash)
    }

    /// Returns everything that is wrong, in the order in which it is repaired.
    #[must_use]
    pub fn items(&self) -> &[RepairItem] {
        &self.items
    }

    /// Returns what cannot be brought back by what the plan has.
    #[must_use]
    pub fn lost(&self) -> &Losses {
        &self.losses
    }

    /// Returns which of the stores to take from could not be read, and what they said.
    #[must_use]
    pub fn unreadable_sources(&self) -> &[(usize, String)] {
        &self.problems
    }

    /// Says whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Says whether carrying it out does anything.
    #[must_use]
    pub fn has_work(&self) -> bool {
        self.items.iter().any(RepairItem::is_action)
    }

    /// Returns the bytes that carrying it out reads, about.
    #[must_use]
    pub fn read_bytes(&self) -> u64 {
        self.items.iter().map(|item| item.read_bytes).sum()
    }

    /// Returns the bytes that carrying it out writes, about.
    #[must_use]
    pub fn written_bytes(&self) -> u64 {
        self.items.iter().map(|item| item.written_bytes).sum()
    }
}

impl fmt::Display for RepairPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            f.write_str("nothing is wrong")?;
        } else {
            let work = self.items.iter().filter(|item| item.is_action()).count();
            write!(
                f,
                "{} objects are not as they should be, something is done about {work}: reads {} bytes, writes {}",
                self.items.len(),
                self.read_bytes(),
                self.written_bytes()
            )?;
        }
        for item in &self.items {
            write!(f, "\n  {item}")?;
        }
        for (number, problem) in &self.problems {
            write!(f, "\n  mirror {number} cannot be read: {problem}")?;
        }
        if !self.losses.is_empty() {
            write!(f, "\n{}", self.losses)?;
        }
        Ok(())
    }
}

/// Makes a plan for the state as it is.
///
/// # Errors
///
/// What the store says when it cannot be reached.
pub(super) fn make_plan(look: &Look<'_>, options: &RepairOptions) -> Result<RepairPlan> {
    let suspects = look.suspects(options.suspects.as_deref())?;
    let mut items = singles(look, &suspects)?;
    items.extend(look.unmapped()?);
    let exams = look.exams(&suspects)?;
    let mut unsourced = Vec::new();
    for exam in exams.values() {
        match look.whole_source(exam)? {
            Some((item, _)) => items.push(item),
            None => unsourced.push(exam),
        }
    }
    let mut live = None;
    if !unsourced.is_empty() {
        // What has a source is as good as there.
        let bad = unsourced.iter().map(|exam| exam.pack.name).collect();
        let mut walk = Live::new(look, &exams)?.only(&bad);
        walk.walk()?;
        for exam in &unsourced {
            items.push(look.without_source(exam, &mut walk)?);
        }
        live = Some(walk);
    }
    refuse(look, &mut items);
    leave_locked(look, &mut items)?;
    items.sort_by_key(|item| (rank(&item.remedy, &item.object), item.object));
    let lost_objects = items.iter().filter(|item| is_lost(item));
    let lost_objects = lost_objects.map(|item| item.object).collect();
    let losses = match &live {
        Some(live) => losses(look, live, lost_objects)?,
        None => Losses {
            objects: lost_objects,
            ..Losses::default()
        },
    };
    Ok(RepairPlan {
        repository: look.context.repository,
        head: look.state.head,
        hash: look.state.head_hash,
        items,
        losses,
        problems: look.mirrors.problems(),
        from: options.from.clone(),
    })
}

/// Finds out about everything but packs.
fn singles(look: &Look<'_>, suspects: &Suspects) -> Result<Vec<RepairItem>> {
    let mut chain = Chain::new(look);
    let mut items = Vec::new();
    for name in suspects.keys() {
        items.extend(single(look, &mut chain, name)?.map(|found| found.item));
    }
    Ok(items)
}

/// Finds out about an object that is not a pack; `None` if it is as it should be, or nothing to repair.
///
/// # Errors
///
/// What the store says when it cannot be reached.
pub(super) fn single(
    look: &Look<'_>,
    chain: &mut Chain,
    name: &ObjectName,
) -> Result<Option<Found>> {
    let name = *name;
    match name {
        ObjectName::Config | ObjectName::ConfigCopy => look.config(name),
        ObjectName::Keyring(generation) | ObjectName::KeyringCopy(generation) => {
            look.keyring(name, generation)
        }
        ObjectName::Slot(_) => look.slot(name),
        ObjectName::Journal(n) | ObjectName::JournalCopy(n) => chain.entry(look, name, n),
        ObjectName::Bundle(n) => chain.bundle(look, n),
        ObjectName::Checkpoint(n) => look.checkpoint(name, n),
        ObjectName::Session(_) => look.beacon(name),
        ObjectName::Index(segment) => look.segment(segment),
        ObjectName::Parity(pack) => look.parity(pack),
        _ => Ok(None),
    }
}

/// Leaves alone what needs an entry where a later version forbids this one to write any.
fn refuse(look: &Look<'_>, items: &mut [RepairItem]) {
    let Some(why) = &look.forbidden else { return };
    for item in items {
        let needs_entry = matches!(
            item.remedy,
            Remedy::Move { .. } | Remedy::Quarantine(_) | Remedy::Rebuild(_)
        );
        if needs_entry && !matches!(item.object, ObjectName::Bundle(_)) {
            item.remedy = Remedy::None(NoRemedy::Newer(why.clone()));
        }
    }
}

/// Leaves alone what would be replaced or deleted and is locked. Packs and segments are replaced by others.
fn leave_locked(look: &Look<'_>, items: &mut [RepairItem]) -> Result<()> {
    for item in items {
        let is_replaced = match (&item.remedy, item.object) {
            (_, ObjectName::Pack(_) | ObjectName::Index(_)) => false,
            (Remedy::PutBack(_) | Remedy::Rebuild(_), _) => item.wrong != Wrong::Missing,
            (Remedy::Delete, _) => true,
            _ => false,
        };
        if is_replaced && let Some(until) = look.locked_until(&item.object)? {
            item.remedy = Remedy::None(NoRemedy::Locked);
            (item.read_bytes, item.written_bytes) = (0, 0);
            item.locked_until = Some(until);
        }
    }
    Ok(())
}

fn is_lost(item: &RepairItem) -> bool {
    let is_sourceless = matches!(
        item.remedy,
        Remedy::None(NoRemedy::AddSlot | NoRemedy::EntryLost | NoRemedy::NoSource)
    );
    is_sourceless || (item.wrong == Wrong::Missing && matches!(item.remedy, Remedy::Quarantine(_)))
}

/// The order of work: first what everything depends on and what costs an entry last, since an entry relies on the rest.
fn rank(remedy: &Remedy, object: &ObjectName) -> u8 {
    match (remedy, object) {
        (Remedy::PutBack(_), ObjectName::Pack(_) | ObjectName::Index(_)) => 1,
        (Remedy::PutBack(_), _) => 0,
        (Remedy::Rebuild(_), ObjectName::Bundle(_)) => 2,
        (Remedy::Rebuild(_), _) => 3,
        (Remedy::Quarantine(_), _) => 4,
        (Remedy::Move { .. }, _) => 5,
        (Remedy::Delete, _) => 6,
        (Remedy::None(_), _) => 7,
    }
}
