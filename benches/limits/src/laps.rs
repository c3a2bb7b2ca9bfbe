//! How long a thread was in which stage.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// What unavoidably happens to the bytes of a backup, in this order, and what a check does to get them back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Names and times of every entry.
    Walk,
    /// Bytes of files, or of packs, into memory.
    Read,
    /// Content-defined cut points.
    Cut,
    /// Keyed hash of each chunk.
    Id,
    /// Is it there already?
    Known,
    /// Zstandard.
    Compress,
    /// AES-256-GCM.
    Seal,
    /// Hash of a whole pack.
    Name,
    /// To the disk and its cache flushed.
    Write,
    /// The reverse of sealing.
    Open,
    /// The reverse of compressing.
    Decompress,
}

impl Stage {
    /// Returns the name in records.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Walk => "walk",
            Self::Read => "read",
            Self::Cut => "cut",
            Self::Id => "id",
            Self::Known => "known",
            Self::Compress => "compress",
            Self::Seal => "seal",
            Self::Name => "name",
            Self::Write => "write",
            Self::Open => "open",
            Self::Decompress => "decompress",
        }
    }
}

/// CPU time and bytes by stage; each thread has its own, and they are added up in the end.
#[derive(Debug, Default)]
pub(crate) struct Laps(Vec<Lap>);

/// What one stage took.
#[derive(Debug)]
pub(crate) struct Lap {
    pub(crate) stage: Stage,
    pub(crate) cpu: Duration,
    pub(crate) bytes: u64,
}

impl Laps {
    /// Does a part of a stage's work and counts its CPU time.
    pub(crate) fn lap<T>(&mut self, stage: Stage, bytes: usize, work: impl FnOnce() -> T) -> T {
        let began = thread_cpu();
        let done = work();
        self.count(stage, thread_cpu().saturating_sub(began), bytes as u64);
        done
    }

    /// Counts what was measured elsewhere.
    pub(crate) fn count(&mut self, stage: Stage, cpu: Duration, bytes: u64) {
        match self.0.iter_mut().find(|lap| lap.stage == stage) {
            Some(lap) => {
                lap.cpu += cpu;
                lap.bytes += bytes;
            }
            None => self.0.push(Lap { stage, cpu, bytes }),
        }
    }

    /// Adds another thread's.
    pub(crate) fn add(&mut self, other: &Self) {
        for lap in &other.0 {
            self.count(lap.stage, lap.cpu, lap.bytes);
        }
    }

    /// Returns the stages in the order in which they were first met.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Lap> {
        self.0.iter()
    }

    /// Returns the CPU time of all stages.
    pub(crate) fn cpu(&self) -> Duration {
        self.0.iter().map(|lap| lap.cpu).sum()
    }
}

/// Returns the CPU time that this thread has had.
pub(crate) fn thread_cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn laps_of_threads_add_up() {
        let (mut one, mut two) = (Laps::default(), Laps::default());
        one.count(Stage::Read, Duration::from_millis(3), 10);
        two.count(Stage::Read, Duration::from_millis(4), 1);
        two.count(Stage::Id, Duration::from_millis(5), 1);
        one.add(&two);
        assert_eq!(one.cpu(), Duration::from_millis(12));
        let bytes: Vec<_> = one.iter().map(|lap| (lap.stage, lap.bytes)).collect();
        assert_eq!(bytes, [(Stage::Read, 11), (Stage::Id, 1)]);
    }
}
