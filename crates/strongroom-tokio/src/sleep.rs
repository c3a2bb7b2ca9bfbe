//! Waiting by a runtime's timers.

use std::io;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt};
use strongroom_store::wrap::{Sleep, ThreadSleep};
use tokio::runtime::Handle;

use crate::host::Host;

/// Waits by a runtime's timers: thousands of waits need no thread of their own, and any executor can poll them.
///
/// Where the runtime has no timers or is shut down, each wait has a thread, as with
/// [`ThreadSleep`].
#[derive(Debug, Clone)]
pub struct TokioSleep {
    host: Host,
}

impl TokioSleep {
    /// Returns one with a runtime of its own, which ends with the last clone and the last wait.
    ///
    /// # Errors
    ///
    /// Those of the system, if it has no threads or descriptors left.
    pub fn new() -> io::Result<Self> {
        Ok(Self::hosted(Host::start()?))
    }

    /// Returns one that waits on a runtime of the caller's.
    #[must_use]
    pub fn on(handle: Handle) -> Self {
        Self::hosted(Host::on(handle))
    }

    pub(crate) fn hosted(host: Host) -> Self {
        Self { host }
    }
}

impl Sleep for TokioSleep {
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let wait = self.host.spawn(tokio_sleep(duration));
        async move {
            if wait.await.is_err() {
                ThreadSleep::default().sleep(duration).await;
            }
        }
        .boxed()
    }
}

/// An async function, so that a runtime without timers panics inside the task and not in whoever waits.
async fn tokio_sleep(duration: Duration) {
    tokio::time::sleep(duration).await;
}
