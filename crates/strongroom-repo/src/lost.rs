//! Entries of the journal that are in none of their places: what to do when opening, and what that costs.

mod difference;
mod plan;
mod repair;
mod survey;
#[cfg(test)]
mod tests;

use std::fmt;

use strongroom_crypt::Id;
use strongroom_format::{ObjectHash, PackRef, Time};

pub use self::plan::{JournalRepairPlan, JournalRepairReport};
pub(crate) use self::survey::{Extent, Sources, Survey};
use crate::journal::Journal;
use crate::repository::Repository;

/// What opening does when entries of the journal are lost; see [`Error::lost_entry`](crate::Error::lost_entry).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum LostEntries {
    /// It is an error.
    #[default]
    Refuse,
    /// The repository is as it was before the first lost entry, and is only read.
    Prefix,
    /// The repository is as if the lost entries had done what is still known of them, and is only read: snapshots beyond the gap are listed too, and
    /// restored. What a lost entry forgot is listed again.
    Skip,
}

/// What is lost of a journal, and what that costs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct JournalDamage {
    /// The lost entries, in order.
    pub lost: Vec<LostEntry>,
    /// How many entries come before the first of them.
    pub intact: u64,
    /// How many entries there were, as far as the store shows.
    pub end: u64,
    /// The entries behind the first lost one that are there.
    pub later: Vec<LaterEntry>,
    /// Where what the lost entries did is known from: then nothing is lost but their bytes.
    pub known_from: Option<String>,
    /// Packs in the store that no entry names, looked for when what the lost entries did is not known: they count again.
    pub found_packs: Vec<PackRef>,
    /// Packs in force that the store does not have, likewise: a lost entry may have dropped them, or they are lost, too.
    pub gone_packs: Vec<ObjectHash>,
    /// What was shown when the repository was opened so.
    pub mode: LostEntries,
}

/// An entry that is in none of its places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct LostEntry {
    /// Its number.
    pub n: u64,
    /// What is in its place.
    pub found: InPlace,
    /// Its bytes are known, from this machine's cache or another store, and a repair brings them back.
    pub is_known: bool,
}

/// What is found in the place of a lost entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum InPlace {
    /// Nothing.
    Nothing,
    /// Bytes that are no entry.
    Rubbish,
    /// An entry that is not of this chain: one that lost a race long ago and arrived when the place was empty.
    Another,
}

/// An entry behind a lost one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LaterEntry {
    /// Its number.
    pub n: u64,
    /// When its author wrote it; `None` if it does not open.
    pub time: Option<Time>,
    /// What it is, as the format calls it; empty if it does not open.
    pub kind: &'static str,
    /// The snapshot that it committed, and its series.
    pub snapshot: Option<(Id, String)>,
    /// Why it has no effect, now that the lost entries have none.
    pub void: Option<&'static str>,
}

impl Repository {
    /// Returns what is lost of the journal, if this handle was opened around it; `None` in ordinary life. Such a handle only reads.
    #[must_use]
    pub fn journal_damage(&self) -> Option<JournalDamage> {
        let damage = Journal::damage(self.journal())?;
        Some(JournalDamage::clone(&damage))
    }
}

impl JournalDamage {
    /// All of it is lost.
    pub(crate) fn of_everything() -> Self {
        Self {
            lost: Vec::new(),
            intact: 0,
            end: 0,
            later: Vec::new(),
            known_from: None,
            found_packs: Vec::new(),
            gone_packs: Vec::new(),
            mode: LostEntries::Skip,
        }
    }
}

impl fmt::Display for JournalDamage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} of {} journal entries are lost",
            self.lost.len(),
            self.end
        )?;
        for lost in &self.lost {
            write!(f, "\n  {lost}")?;
        }
        write!(f, "\n{} entries before them are intact", self.intact)?;
        for later in &self.later {
            write!(f, "\n  {later}")?;
        }
        match &self.known_from {
            Some(source) => write!(f, "\nwhat the lost entries did is known from {source}")?,
            None => f.write_str("\nwhat the lost entries did is not known")?,
        }
        let (found, gone) = (self.found_packs.len(), self.gone_packs.len());
        if found > 0 {
            write!(f, "\n{found} packs that no entry names are there")?;
        }
        if gone > 0 {
            write!(f, "\n{gone} packs that entries name are not there")?;
        }
        Ok(())
    }
}

impl fmt::Display for LostEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = match self.found {
            InPlace::Nothing => "nothing is in its place",
            InPlace::Rubbish => "what is in its place is no entry",
            InPlace::Another => "another entry is in its place",
        };
        write!(f, "entry {} is lost: {found}", self.n)?;
        match self.is_known {
            true => f.write_str(", and its bytes are known"),
            false => Ok(()),
        }
    }
}

impl fmt::Display for LaterEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            "" => "something that does not open",
            kind => kind,
        };
        write!(f, "behind them entry {}: {kind}", self.n)?;
        if let Some((id, series)) = &self.snapshot {
            write!(f, " of snapshot {id}, series {series}")?;
        }
        match self.void {
            Some(reason) => write!(f, ", without effect: {reason}"),
            None => Ok(()),
        }
    }
}
