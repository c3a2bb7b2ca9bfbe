//! What a copy keeps of the snapshot that it is made of.

use std::fmt;

use strongroom_crypt::RepositoryId;
use strongroom_format::limits::MAX_DETAILS_SKIPPED;
use strongroom_format::{Details, Outcome, Skipped, Snapshot, Time};

use super::origin::{Origin, label_in_part};
use crate::error::{Error, ErrorKind, Result};
use crate::state::State;

/// What a copy keeps of the snapshot that it is made of, beside what the options of a backup say.
pub(crate) struct Original {
    began: Time,
    durable: Time,
    outcome: Outcome,
    skipped: u64,
    details: Details,
    origin: Origin,
    /// A copy that lacks more entries may be there already.
    most: u64,
}

impl fmt::Debug for Original {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Original")
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}

impl Original {
    pub(super) fn new(snapshot: &Snapshot, details: Details, origin: Origin, most: u64) -> Self {
        Self {
            began: snapshot.began,
            durable: snapshot.durable,
            outcome: snapshot.outcome,
            skipped: snapshot.summary.skipped,
            details,
            origin,
            most,
        }
    }

    /// Makes the record of what was stored that of a copy. So far it says what copying skipped.
    pub(crate) fn stamp(&self, snapshot: &mut Snapshot) {
        let lost = snapshot.summary.skipped;
        if lost > 0 {
            label_in_part(&mut snapshot.labels, lost);
        }
        snapshot.began = self.began;
        snapshot.durable = self.durable;
        snapshot.summary.skipped = self.skipped.saturating_add(lost);
        if self.outcome == Outcome::Partial {
            snapshot.outcome = Outcome::Partial;
        }
    }

    /// Returns the details of the copy: those of the original, and what copying skipped.
    pub(crate) fn details(&self, skipped: &[Skipped]) -> Details {
        let mut details = self.details.clone();
        // What is lost now is the news.
        let room = MAX_DETAILS_SKIPPED.saturating_sub(skipped.len());
        details.skipped.truncate(room);
        details.skipped.splice(0..0, skipped.iter().cloned());
        details.skipped.truncate(MAX_DETAILS_SKIPPED);
        details
    }

    /// Refuses to commit what somebody else has copied meanwhile.
    pub(crate) fn check(&self, repository: &RepositoryId, state: &State) -> Result<()> {
        match self.origin.find(repository, state, self.most) {
            Some(id) => {
                let what = format!("the snapshot was copied meanwhile, as {id}");
                Err(Error::new(ErrorKind::AlreadyExists, what))
            }
            None => Ok(()),
        }
    }
}
