//! Who knows whether there is room for more work.

use std::time::Duration;

/// Says whether there is room for more work: the host's signal to back off.
///
/// A closure is a guard. `strongroom-fs` has two that look at the system: at its pressure, and at its load.
///
/// # Contract
///
/// 1. It is asked before each batch of work and each request, on any thread, by several at once. So it answers from what it knows: one that must
///    look somewhere looks now and then.
/// 2. It may change its mind at any time. Whoever waits is not told before its wait is over.
pub trait LoadGuard: Send + Sync {
    /// Says whether work may go on.
    fn advice(&self) -> Advice;
}

impl<F: Fn() -> Advice + Send + Sync> LoadGuard for F {
    fn advice(&self) -> Advice {
        self()
    }
}

/// What a [`LoadGuard`] says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Advice {
    /// There is room.
    #[default]
    Proceed,
    /// There is little: each thread waits so long, a day at most, before its next batch, and then does it, so that work goes on at a part of its speed.
    Ease(Duration),
    /// There is none: nothing goes on before the guard was asked again, after this time, and says otherwise. A millisecond at least, a day at most.
    Hold(Duration),
}
