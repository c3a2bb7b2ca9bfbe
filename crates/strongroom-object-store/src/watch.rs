//! Telling a slow transfer from one that has stopped.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use object_store::client::{HttpError, HttpRequestBody};
use tokio::time::{Instant, timeout_at};

use crate::transport::TimedOut;

/// What the system may hold of a body after the last of it was handed over, in bytes.
const HELD_BY_SYSTEM: usize = 4 << 20;

/// The slowest link on which what the system holds is waited for, in bytes a second.
const SLOWEST: u64 = 32 << 10;

/// Watches over one request. Clones share when it last moved.
#[derive(Debug, Clone)]
pub(crate) struct Watch {
    idle: Duration,
    begun: Instant,
    /// Milliseconds after `begun`.
    moved: Arc<AtomicU64>,
}

impl Watch {
    /// Returns a watch over a request with a body of so many bytes.
    pub(crate) fn new(idle: Duration, body_len: usize) -> Self {
        let held = u64::try_from(body_len.min(HELD_BY_SYSTEM)).unwrap_or(0);
        Self {
            idle: idle + Duration::from_secs(held / SLOWEST),
            begun: Instant::now(),
            moved: Arc::new(AtomicU64::new(0)),
        }
    }

    /// Notes that something moved.
    pub(crate) fn touch(&self) {
        let since = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.moved.store(since, Ordering::Relaxed);
    }

    fn deadline(&self) -> Instant {
        self.begun + Duration::from_millis(self.moved.load(Ordering::Relaxed)) + self.idle
    }

    /// Waits for a step of the request for as long as something moves.
    pub(crate) async fn over<F: Future>(&self, step: F) -> Result<F::Output, TimedOut> {
        let mut step = pin!(step);
        loop {
            let deadline = self.deadline();
            match timeout_at(deadline, &mut step).await {
                Ok(output) => return Ok(output),
                Err(_) if self.deadline() > deadline => {} // it moved meanwhile
                Err(_) => return Err(TimedOut(self.idle)),
            }
        }
    }
}

/// A body that notes each part that is taken from it.
#[derive(Debug)]
pub(crate) struct Counted {
    body: HttpRequestBody,
    watch: Watch,
}

impl Counted {
    pub(crate) fn new(body: HttpRequestBody, watch: Watch) -> Self {
        Self { body, watch }
    }
}

impl Body for Counted {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        self.watch.touch();
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
