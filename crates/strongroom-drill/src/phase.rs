//! What a drill spends its time on.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::clock::{Monotonic, millis};

/// A part of a drill. The order is that in which they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Phase {
    /// The snapshot is found in the repository.
    Locate,
    /// What restoring it needs is computed.
    Plan,
    /// The sandbox is set up.
    Prepare,
    /// Files are restored.
    Restore,
    /// The service is started.
    Start,
    /// A dump is loaded into it.
    Load,
    /// What is there is judged.
    Validate,
    /// The sandbox is removed, and that is proven.
    Clean,
}

impl Phase {
    /// Returns the name in records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Locate => "locate",
            Self::Plan => "plan",
            Self::Prepare => "prepare",
            Self::Restore => "restore",
            Self::Start => "start",
            Self::Load => "load",
            Self::Validate => "validate",
            Self::Clean => "clean",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Takes the time of phases.
#[derive(Debug)]
pub(crate) struct Timeline {
    clock: Arc<dyn Monotonic>,
    phases: Vec<(Phase, Duration)>,
    began: Duration,
    ended: Option<Duration>,
}

impl Timeline {
    pub(crate) fn start(clock: Arc<dyn Monotonic>) -> Self {
        let began = clock.elapsed();
        Self {
            clock,
            phases: Vec::new(),
            began,
            ended: None,
        }
    }

    /// Does something, and takes its time.
    pub(crate) fn time<T>(&mut self, phase: Phase, work: impl FnOnce() -> T) -> T {
        let before = self.clock.elapsed();
        let done = work();
        let after = self.clock.elapsed();
        self.phases.push((phase, after.saturating_sub(before)));
        if phase != Phase::Clean {
            self.ended = Some(after);
        }
        done
    }

    /// Returns how long each phase took, in milliseconds.
    pub(crate) fn phases_ms(&self) -> Vec<(Phase, u64)> {
        let phases = self.phases.iter();
        phases
            .map(|(phase, took)| (*phase, millis(*took)))
            .collect()
    }

    /// Returns the time from the beginning to the end of the last phase but cleaning up, gaps included, in milliseconds.
    pub(crate) fn restored_ms(&self) -> Option<u64> {
        self.ended
            .map(|ended| millis(ended.saturating_sub(self.began)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::testing::Ticking;

    #[test]
    fn cleaning_up_is_no_part_of_the_time_to_restore() {
        let mut timeline = Timeline::start(Arc::new(Ticking::default()));
        assert_eq!(timeline.restored_ms(), None);
        timeline.time(Phase::Locate, || ());
        timeline.time(Phase::Validate, || ());
        timeline.time(Phase::Clean, || ());
        // The clock takes a second at each look: one between phases, one in each.
        assert_eq!(timeline.restored_ms(), Some(4_000));
        let phases = timeline.phases_ms();
        assert_eq!(phases.last(), Some(&(Phase::Clean, 1_000)));
        assert_eq!(phases.len(), 3);
    }
}
