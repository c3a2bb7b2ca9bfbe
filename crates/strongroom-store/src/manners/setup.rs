//! What is done first on threads that work.

/// Sets up a thread that is started for an operation: its priority, or where it may run. A closure is one; `strongroom-fs` has one for
/// priorities.
///
/// It is called on the first thread of an operation, whose others are started by that one and on Linux inherit priority of processing and of
/// input and output, and affinity. What cannot be set is left as it is: an operation does not fail for it.
pub trait ThreadSetup: Send + Sync {
    /// Sets up the thread that calls.
    fn set_up(&self);
}

impl<F: Fn() + Send + Sync> ThreadSetup for F {
    fn set_up(&self) {
        self();
    }
}
