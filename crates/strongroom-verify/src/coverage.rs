//! What a check looked at.

use std::collections::BTreeMap;
use std::fmt;

use strongroom_format::object_name::ObjectName;

use crate::Level;

/// What a check looked at, by area and level.
///
/// An object counts at every level that it was looked at, whether it was found good or bad: this says how far the check looked, the findings
/// say what it saw.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    tallies: BTreeMap<(Area, Level), Tally>,
    unknown_from: Option<u64>,
    cold: Tally,
}

/// How much was looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Tally {
    /// How many.
    pub count: u64,
    /// How many bytes: stored ones of objects and frames, plain ones of blobs and files.
    pub bytes: u64,
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Area {
    /// The configuration and its copy.
    Config,
    /// Slots.
    Slots,
    /// Keyrings and their copies.
    Keyrings,
    /// Journal entries.
    Journal,
    /// Bundles of entries.
    Bundles,
    /// Checkpoints.
    Checkpoints,
    /// Index segments.
    Index,
    /// Packs.
    Packs,
    /// Parity of packs.
    Parity,
    /// Beacons.
    Sessions,
    /// What has none of our names.
    Foreign,
    /// Frames of packs.
    Frames,
    /// Blobs.
    Blobs,
    /// Pages of trees.
    Pages,
    /// Snapshots.
    Snapshots,
    /// Files and other entries of snapshots.
    Files,
}

impl Area {
    /// All areas, those of objects first.
    pub const ALL: [Self; 16] = [
        Self::Config,
        Self::Slots,
        Self::Keyrings,
        Self::Journal,
        Self::Bundles,
        Self::Checkpoints,
        Self::Index,
        Self::Packs,
        Self::Parity,
        Self::Sessions,
        Self::Foreign,
        Self::Frames,
        Self::Blobs,
        Self::Pages,
        Self::Snapshots,
        Self::Files,
    ];

    /// Returns the area to which an object belongs.
    #[must_use]
    pub const fn of(name: &ObjectName) -> Self {
        match name {
            ObjectName::Config | ObjectName::ConfigCopy => Self::Config,
            ObjectName::Slot(_) => Self::Slots,
            ObjectName::Keyring(_) | ObjectName::KeyringCopy(_) => Self::Keyrings,
            ObjectName::Journal(_) | ObjectName::JournalCopy(_) => Self::Journal,
            ObjectName::Bundle(_) => Self::Bundles,
            ObjectName::Checkpoint(_) => Self::Checkpoints,
            ObjectName::Pack(_) => Self::Packs,
            ObjectName::Index(_) => Self::Index,
            ObjectName::Parity(_) => Self::Parity,
            ObjectName::Session(_) => Self::Sessions,
            _ => Self::Foreign,
        }
    }

    /// Returns the word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Slots => "slots",
            Self::Keyrings => "keyrings",
            Self::Journal => "journal",
            Self::Bundles => "bundles",
            Self::Checkpoints => "checkpoints",
            Self::Index => "index",
            Self::Packs => "packs",
            Self::Parity => "parity",
            Self::Sessions => "sessions",
            Self::Foreign => "foreign",
            Self::Frames => "frames",
            Self::Blobs => "blobs",
            Self::Pages => "pages",
            Self::Snapshots => "snapshots",
            Self::Files => "files",
        }
    }
}

impl fmt::Display for Area {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl Coverage {
    /// Returns what of an area was looked at, at a level.
    #[must_use]
    pub fn of(&self, area: Area, level: Level) -> Tally {
        self.tallies
            .get(&(area, level))
            .copied()
            .unwrap_or_default()
    }

    /// Returns the number of the first journal entry that could not be followed; `None` when the whole journal is known, or none was read.
    #[must_use]
    pub const fn journal_unknown_from(&self) -> Option<u64> {
        self.unknown_from
    }

    /// Returns every area and level at which something was looked at, in order.
    pub fn iter(&self) -> impl Iterator<Item = (Area, Level, Tally)> + '_ {
        let of = |(&(area, level), &tally): (&(Area, Level), &Tally)| (area, level, tally);
        self.tallies.iter().map(of)
    }

    /// Counts things that were looked at. Checks of your own count what they look at too.
    pub fn add(&mut self, area: Area, level: Level, count: u64, bytes: u64) {
        let tally = self.tallies.entry((area, level)).or_default();
        tally.count = tally.count.saturating_add(count);
        tally.bytes = tally.bytes.saturating_add(bytes);
    }

    /// Returns the objects that were to be looked at and were not, because they are in cold storage, and their bytes. Nearly always
    /// they are packs.
    #[must_use]
    pub const fn cold(&self) -> Tally {
        self.cold
    }

    pub(crate) const fn add_cold(&mut self, cold: Tally) {
        self.cold.count = self.cold.count.saturating_add(cold.count);
        self.cold.bytes = self.cold.bytes.saturating_add(cold.bytes);
    }

    pub(crate) const fn set_journal_unknown_from(&mut self, n: u64) {
        self.unknown_from = Some(n);
    }
}

impl fmt::Display for Coverage {
    /// A line for each area: of what was listed, how much was looked at at each further level.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for area in Area::ALL {
            let mut tallies = Level::ALL
                .into_iter()
                .map(|level| (level, self.of(area, level)))
                .filter(|(_, tally)| *tally != Tally::default())
                .peekable();
            if tallies.peek().is_none() {
                continue;
            }
            write!(f, "{area:<12}")?;
            for (level, Tally { count, bytes }) in tallies {
                write!(f, "  {} {count} ({bytes} bytes)", level.word())?;
            }
            writeln!(f)?;
        }
        if self.cold.count > 0 {
            let Tally { count, bytes } = self.cold;
            writeln!(
                f,
                "not looked at: {count} objects ({bytes} bytes) in cold storage"
            )?;
        }
        match self.unknown_from {
            Some(n) => writeln!(f, "the journal is not known from entry {n} on"),
            None => Ok(()),
        }
    }
}
