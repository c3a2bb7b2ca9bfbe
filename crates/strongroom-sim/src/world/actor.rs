//! A client as the scheduler sees it.

/// What a client is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doing {
    /// Its call may happen, or its program go on.
    Ready,
    /// It sleeps until this step, or until nobody else has anything to do.
    Asleep(u64),
    /// Its program has ended.
    Done,
}

#[derive(Debug)]
pub(crate) struct Actor {
    pub(crate) doing: Doing,
    /// How far its clock is off, in nanoseconds.
    pub(crate) clock_offset: i128,
    /// Its process has died: no call of it has an effect until it is revived.
    pub(crate) dead: bool,
    /// How often it was revived: handles of earlier lives stay dead.
    pub(crate) life: u32,
}

impl Actor {
    pub(crate) fn new() -> Self {
        Self {
            doing: Doing::Ready,
            clock_offset: 0,
            dead: false,
            life: 0,
        }
    }
}
