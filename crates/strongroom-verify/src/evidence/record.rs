//! The record that a report leaves.

use std::collections::{BTreeMap, BTreeSet};

use strongroom_format::limits::{MAX_CHECK_FRAMES, MAX_CHECK_PACKS, MAX_CHECK_PROBLEMS};
use strongroom_format::object_name::ObjectName;
use strongroom_format::{CheckRecord, Choice, DamagedPack, Evidence, ObjectHash, Unknown};

use crate::{Error, ErrorKind, Report, Result};

/// What a check chose and read, for its record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Readings {
    /// Whether the journal said which packs there are: others cannot follow the rules otherwise.
    pub(crate) is_stated: bool,
    /// The rules.
    pub(crate) choices: Vec<Choice>,
    /// How many packs were read, and their bytes.
    pub(crate) read: (u64, u64),
    /// Bytes of all packs that there are.
    pub(crate) all_bytes: u64,
    /// Of packs of content alone: bytes that were read, and all. Names and pages are read every time, whatever else is.
    pub(crate) content: (u64, u64),
    /// Packs that were chosen and not read to the level.
    pub(crate) unread: BTreeSet<ObjectHash>,
}

impl Report {
    /// Returns the record of this check, to be kept in the journal: so later checks know what was read, how deep and when.
    ///
    /// `program` names program and version, `duration_ms` how long it took, 0 if nobody measured.
    ///
    /// # Errors
    ///
    /// `Invalid` for a check that could not read the journal for want of a key, which proves nothing to those who can, and for a `program` that is too long.
    pub fn evidence(&self, program: &str, duration_ms: u64) -> Result<Evidence> {
        let record = self.check_record(program, duration_ms)?;
        record.to_evidence().map_err(|error| {
            Error::new(ErrorKind::Invalid, "the record of a check has no encoding")
                .with_source(error)
        })
    }

    /// Takes note of a pack that was chosen and could not be read to the level, though it is not damaged: of a newer version, or of an epoch whose
    /// key is not here.
    pub(crate) fn note_unread(&mut self, pack: ObjectHash) {
        self.readings.unread.insert(pack);
    }

    fn check_record(&self, program: &str, duration_ms: u64) -> Result<CheckRecord> {
        let Some(head) = self.head.filter(|_| self.readings.is_stated) else {
            let what = "a check that did not read the journal leaves no evidence";
            return Err(Error::new(ErrorKind::Invalid, what));
        };
        let mut damaged: Vec<DamagedPack> = self
            .damaged_objects()
            .into_iter()
            .filter_map(|object| match object.name {
                ObjectName::Pack(pack) => Some(DamagedPack {
                    pack,
                    frames: object.frames,
                }),
                _ => None,
            })
            .collect();
        damaged.sort_by_key(|damaged| damaged.pack);
        let mut unread: Vec<_> = self.readings.unread.iter().copied().collect();
        let is_truncated = damaged.len() > MAX_CHECK_PACKS || unread.len() > MAX_CHECK_PACKS;
        damaged.truncate(MAX_CHECK_PACKS);
        unread.truncate(MAX_CHECK_PACKS);
        bound_frames(&mut damaged);
        let mut problems = BTreeMap::<String, u64>::new();
        for (problem, count) in self.counts() {
            *problems.entry(problem.code().to_owned()).or_default() += count;
        }
        Ok(CheckRecord {
            level: self.level.number(),
            head: (head.n, head.hash),
            time: self.now,
            duration_ms,
            program: program.to_owned(),
            choices: self.readings.choices.clone(),
            read: self.readings.read,
            damaged,
            unread,
            is_truncated,
            problems: problems.into_iter().take(MAX_CHECK_PROBLEMS).collect(),
            unknown: Unknown::default(),
        })
    }
}

/// Says of packs with too many damaged frames that they are damaged as a whole.
fn bound_frames(damaged: &mut [DamagedPack]) {
    let mut left = MAX_CHECK_FRAMES;
    for pack in damaged {
        match left.checked_sub(pack.frames.len()) {
            Some(rest) => left = rest,
            None => pack.frames.clear(),
        }
    }
}
