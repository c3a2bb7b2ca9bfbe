//! Time limits that progress extends.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::time::timeout;

/// When something last moved. What takes long because much is to be moved is not stuck.
#[derive(Debug)]
pub(crate) struct Activity {
    started: Instant,
    /// In milliseconds since the start.
    last_ms: AtomicU64,
}

/// Nothing moved for as long as was allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stuck;

impl Activity {
    pub(crate) fn new() -> Self {
        Self {
            started: Instant::now(),
            last_ms: AtomicU64::new(0),
        }
    }

    /// Says that something has moved.
    pub(crate) fn note(&self) {
        let elapsed = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_ms.fetch_max(elapsed, Ordering::Relaxed);
    }

    /// Waits for a future for as long as there is progress, of its own or of others. It is silent at first.
    pub(crate) async fn guard<F: Future>(
        &self,
        silence_max: Duration,
        future: F,
    ) -> Result<F::Output, Stuck> {
        let begun = Instant::now();
        let mut future = pin!(future);
        loop {
            let patience = silence_max.saturating_sub(self.silent_since(begun));
            if let Ok(output) = timeout(patience, &mut future).await {
                return Ok(output);
            }
            if self.silent_since(begun) >= silence_max {
                return Err(Stuck);
            }
        }
    }

    /// Returns how long nothing has moved since that moment.
    fn silent_since(&self, moment: Instant) -> Duration {
        let last = Duration::from_millis(self.last_ms.load(Ordering::Relaxed));
        let last = self.started.checked_add(last).unwrap_or(moment);
        last.max(moment).elapsed()
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    #[tokio::test]
    async fn silence_ends_a_wait_and_progress_extends_it() {
        let activity = Activity::new();
        let short = Duration::from_millis(20);
        assert_eq!(activity.guard(short, ready(7)).await, Ok(7));
        assert_eq!(activity.guard(short, pending::<()>()).await, Err(Stuck));
        let slow = async {
            for _ in 0..8 {
                tokio::time::sleep(short / 4).await;
                activity.note();
            }
        };
        assert_eq!(activity.guard(short, slow).await, Ok(()));
    }
}
