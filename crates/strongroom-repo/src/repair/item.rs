//! One thing that is wrong, and what can be done about it.

use std::fmt;

use strongroom_format::object_name::ObjectName;

use crate::locks::utc;

/// One thing that is wrong, and what can be done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RepairItem {
    /// The object.
    pub object: ObjectName,
    /// What is wrong with it.
    pub wrong: Wrong,
    /// What will be done.
    pub remedy: Remedy,
    /// Bytes that this reads, about.
    pub read_bytes: u64,
    /// Bytes that this writes, about.
    pub written_bytes: u64,
    /// Until when the store keeps it from being replaced and deleted, in seconds since 1970, where that decides what is done: a pack is then put in quarantine
    /// though there is a source, and the next repair moves it from there.
    pub locked_until: Option<i64>,
}

/// What is wrong with an object.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wrong {
    /// It is not there.
    Missing,
    /// It has another length than the journal says.
    Length(u64),
    /// Its bytes are not what was written, by its name, its seal or the chain.
    Altered,
    /// It is what was written, and these frames do not open, or hold something else than they say.
    Frames(Vec<u32>),
    /// It is a pack and what was written, and its header does not open, so that nobody can say what is in it.
    Header,
    /// It is in quarantine and as it should be.
    Quarantined,
    /// It is an index segment and as it was written, and says something else of packs than they do themselves.
    Misleading,
    /// It is a pack in force, and no index segment that can be read maps it.
    Unmapped,
    /// It is whole, and a later version has written it.
    Newer,
}

/// What will be done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Remedy {
    /// The bytes that belong there are put there.
    PutBack(RepairSource),
    /// Another object is made that does the same.
    Rebuild(RepairSource),
    /// What can be read of a pack is written into new ones, and the pack is dropped: nothing that is left behind is needed.
    Move {
        /// Where its bytes come from, if not from where it is.
        from: Option<RepairSource>,
        /// Frames that are moved.
        frames: u32,
        /// Frames that are left behind: what snapshots need of them is in other packs too.
        left: u32,
    },
    /// An entry says that these frames of a pack are damaged, all of it when there are none: they are no ground any more to leave
    /// something out of a backup, so the next one stores it again if it still has it.
    Quarantine(Vec<u32>),
    /// It is deleted: it is a copy, or a note, that nothing depends on.
    Delete,
    /// Nothing can be done now.
    None(NoRemedy),
}

/// Where what is put in the place of something damaged comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RepairSource {
    /// Another object of this repository has the same bytes.
    Copy(ObjectName),
    /// It was read when the repository was opened.
    Memory,
    /// The parity of the pack.
    Parity,
    /// One of the stores that the options name, counted from 0.
    Mirror(usize),
    /// Journal entries.
    Entries,
    /// The headers of packs.
    Headers,
    /// The pack itself.
    Pack,
}

/// Why nothing can be done about something.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoRemedy {
    /// A later version wrote it, or forbids this one to maintain: use that.
    Newer(String),
    /// It is in quarantine. The next backup stores again what it still has of it; what no snapshot needs any more goes by the next repair after
    /// they are forgotten.
    WaitsForBackup,
    /// No source has it. Add a new slot in its place.
    AddSlot,
    /// No source has it, and the journal cannot be read past it without what it said. A planned bridge goes on from there.
    EntryLost,
    /// Neither of its two copies is there, and no source has it.
    NoSource,
    /// The store keeps it from being replaced until its lock ends: [`RepairItem::locked_until`].
    Locked,
}

impl RepairItem {
    pub(super) fn new(object: ObjectName, wrong: Wrong, remedy: Remedy) -> Self {
        Self {
            object,
            wrong,
            remedy,
            read_bytes: 0,
            written_bytes: 0,
            locked_until: None,
        }
    }

    pub(super) fn costing(mut self, read_bytes: u64, written_bytes: u64) -> Self {
        self.read_bytes = read_bytes;
        self.written_bytes = written_bytes;
        self
    }

    pub(super) fn locked(mut self, until: i64) -> Self {
        self.locked_until = Some(until);
        self
    }

    /// Says whether something will be done about it.
    #[must_use]
    pub fn is_action(&self) -> bool {
        !matches!(self.remedy, Remedy::None(_))
    }

    /// Says whether the same is decided, whatever it costs. Bytes that belong there are the same wherever they come from: of two copies that
    /// were lost, the second comes from the first by now.
    pub(super) fn decides_like(&self, other: &Self) -> bool {
        let is_same = match (&self.remedy, &other.remedy) {
            (Remedy::PutBack(_), Remedy::PutBack(_)) => true,
            (one, other) => one == other,
        };
        self.object == other.object && is_same
    }
}

impl fmt::Display for RepairItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.object, self.wrong, self.remedy)?;
        if let Some(until) = self.locked_until {
            write!(f, " (locked until {})", utc(until))?;
        }
        if self.read_bytes + self.written_bytes > 0 {
            let (read, written) = (self.read_bytes, self.written_bytes);
            write!(f, " (reads {read} bytes, writes {written})")?;
        }
        Ok(())
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("missing"),
            Self::Length(len) => write!(f, "it has {len} bytes, which is another length"),
            Self::Altered => f.write_str("its bytes are not what was written"),
            Self::Frames(frames) => write!(f, "frames {frames:?} are not what they say"),
            Self::Header => f.write_str("it is what was written, and its header does not open"),
            Self::Quarantined => f.write_str("in quarantine, and as it should be"),
            Self::Misleading => f.write_str("it says something else of packs than they do"),
            Self::Unmapped => f.write_str("no index maps it"),
            Self::Newer => f.write_str("a later version wrote it"),
        }
    }
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PutBack(from) => write!(f, "put back from {from}"),
            Self::Rebuild(from) => write!(f, "made anew from {from}"),
            Self::Move { from, frames, left } => {
                write!(f, "{frames} frames are moved to new packs")?;
                if let Some(from) = from {
                    write!(f, ", from {from}")?;
                }
                match left {
                    0 => Ok(()),
                    left => write!(f, ", {left} are left behind that nothing needs"),
                }
            }
            Self::Quarantine(frames) if frames.is_empty() => f.write_str("quarantined whole"),
            Self::Quarantine(frames) => write!(f, "frames {frames:?} are quarantined"),
            Self::Delete => f.write_str("deleted"),
            Self::None(reason) => write!(f, "nothing: {reason}"),
        }
    }
}

impl fmt::Display for RepairSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Copy(name) => write!(f, "{name}"),
            Self::Memory => f.write_str("what was read at opening"),
            Self::Parity => f.write_str("its parity"),
            Self::Mirror(number) => write!(f, "mirror {number}"),
            Self::Entries => f.write_str("journal entries"),
            Self::Headers => f.write_str("the headers of packs"),
            Self::Pack => f.write_str("its pack"),
        }
    }
}

impl fmt::Display for NoRemedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Newer(what) => f.write_str(what),
            Self::WaitsForBackup => {
                f.write_str("it is in quarantine, and waits for a backup that still has it")
            }
            Self::AddSlot => f.write_str("no source has it, add a new slot"),
            Self::EntryLost => f.write_str("no source has it, the journal needs a bridge"),
            Self::NoSource => f.write_str("no source has it"),
            Self::Locked => f.write_str("what is locked cannot be replaced"),
        }
    }
}
