//! What a check of the content does not get to see: what is in cold storage, and what its keys do not open.

use super::Content;
use crate::pack::Gap;
use crate::{Level, Problem, Severity, Subject};

impl Content<'_> {
    /// Says how much is in cold storage. Returns whether trees are, without which no more can be known.
    pub(super) fn say_cold(&mut self) -> bool {
        if !self.table.has_cold() {
            return false;
        }
        let cold = self.table.cold();
        self.sink.report.coverage.add_cold(cold);
        let is_blind = self.table.has_cold_trees();
        if is_blind {
            self.sink.report.level = self.sink.report.level.min(Level::Hashed);
        }
        let detail = format!("{} packs, {} bytes", cold.count, cold.bytes);
        let (subject, problem) = (Subject::Repository, Problem::Cold);
        self.sink
            .say(Severity::Note, subject, problem, Level::Hashed, detail);
        is_blind
    }

    /// Whether files can be put together; says why not.
    pub(super) fn can_rebuild(&mut self) -> bool {
        if !self.table.has_cold() {
            return true;
        }
        self.sink.report.level = self.sink.report.level.min(Level::Decoded);
        let (problem, level) = (Problem::NotRebuilt, Level::Rebuilt);
        let detail = "some of their content is in cold storage";
        self.sink
            .say(Severity::Note, Subject::Repository, problem, level, detail);
        false
    }

    pub(super) fn say_gaps(&mut self) {
        for (gap, frames) in &self.gaps {
            let (severity, problem, detail) = match gap {
                // That is what was asked for: coverage says it.
                Gap::NoContentKeys => continue,
                Gap::NoEpochKey(epoch) => (
                    // Keys may be those of some epochs only; one that the journal knows nothing of either is nobody's.
                    if self.input.epochs.contains(epoch) {
                        Severity::Note
                    } else {
                        Severity::Damage
                    },
                    Problem::NoEpochKey,
                    format!("{frames} frames, of epoch {epoch}"),
                ),
                Gap::UnknownWrap(kind) => (
                    Severity::Note,
                    Problem::NewerVersion,
                    format!("{frames} frames, wrapped in the way {kind}"),
                ),
            };
            // What was not opened was not decoded.
            self.sink.report.level = self.sink.report.level.min(Level::Authenticated);
            let (subject, level) = (Subject::Repository, Level::Authenticated);
            self.sink.say(severity, subject, problem, level, detail);
        }
    }
}
