//! How much threads give way to others.

use std::fmt;
use std::io;
use std::str::FromStr;
use std::thread;

use strongroom_store::manners::ThreadSetup;

/// How much the threads of operations give way to others: a [`ThreadSetup`] for [`Manners`](strongroom_store::manners::Manners).
///
/// Priority is only ever lowered, for which nobody needs a privilege. Threads that such a thread starts inherit it.
///
/// ```
/// use std::sync::Arc;
///
/// use strongroom_fs::{IoPriority, ThreadPriority};
/// use strongroom_store::manners::Manners;
///
/// let priority = ThreadPriority::new().with_nice(10).with_io(IoPriority::Idle).tried()?;
/// let manners = Manners::new().with_thread_setup(Arc::new(priority));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ThreadPriority {
    /// How nice to others that compute, 0 to 19. A thread that is nicer stays so. `None` leaves it.
    pub nice: Option<u8>,
    /// How nice to others that use disks. `None` leaves it: it then follows from `nice`.
    pub io: Option<IoPriority>,
}

/// When a thread's requests reach a disk, among those of others. Not every scheduler of requests heeds it: on Linux `bfq` and `mq-deadline` do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum IoPriority {
    /// With everybody's, at a level from 0, which is first, to 7.
    BestEffort(u8),
    /// When nobody else has any.
    Idle,
}

impl ThreadPriority {
    /// Leaves everything as it is.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            nice: None,
            io: None,
        }
    }

    /// Sets how nice to be to others that compute; more than 19 counts as that.
    #[must_use]
    pub const fn with_nice(mut self, nice: u8) -> Self {
        self.nice = Some(nice);
        self
    }

    /// Sets how nice to be to others that use disks.
    #[must_use]
    pub const fn with_io(mut self, io: IoPriority) -> Self {
        self.io = Some(io);
        self
    }

    /// Sets the priority of the thread that calls.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn apply(&self) -> io::Result<()> {
        if let Some(nice) = self.nice {
            let now = rustix::process::getpriority_process(None)?;
            let nice = i32::from(nice.min(NICEST)).max(now);
            rustix::process::setpriority_process(None, nice)?;
        }
        self.io.map_or(Ok(()), set_io_priority)
    }

    /// Tries on a thread of its own whether the system lets it be set, so that it is known before anything rests on it.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn tried(self) -> io::Result<Self> {
        let trial = thread::Builder::new().spawn(move || self.apply())?;
        let panicked = |_| Err(io::Error::other("the trial ended early"));
        trial.join().unwrap_or_else(panicked)?;
        Ok(self)
    }
}

impl ThreadSetup for ThreadPriority {
    fn set_up(&self) {
        // An operation does not fail because it is less polite than it should be; `tried` tells before.
        drop(self.apply());
    }
}

impl IoPriority {
    /// Returns what the system calls it: the class in the upper bits, the level in the lower 13.
    const fn encoded(self) -> libc::c_int {
        match self {
            Self::BestEffort(level) if level < 7 => (2 << CLASS_SHIFT) | level as libc::c_int,
            Self::BestEffort(_) => (2 << CLASS_SHIFT) | 7,
            Self::Idle => 3 << CLASS_SHIFT,
        }
    }
}

/// Reads `idle`, or `0` to `7` for best effort.
impl FromStr for IoPriority {
    type Err = IoPriorityError;

    fn from_str(text: &str) -> Result<Self, IoPriorityError> {
        match (text, text.parse()) {
            ("idle", _) => Ok(Self::Idle),
            (_, Ok(level @ 0..=7)) => Ok(Self::BestEffort(level)),
            _ => Err(IoPriorityError(())),
        }
    }
}

impl fmt::Display for IoPriority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BestEffort(level) => write!(f, "{level}"),
            Self::Idle => f.write_str("idle"),
        }
    }
}

/// A text that is no [`IoPriority`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an io priority is idle, or a level from 0 to 7")]
pub struct IoPriorityError(());

#[expect(
    unsafe_code,
    reason = "no safe interface sets the priority of input and output"
)]
fn set_io_priority(priority: IoPriority) -> io::Result<()> {
    const OF_A_THREAD: libc::c_int = 1;
    const THIS: libc::c_int = 0;
    let set = libc::SYS_ioprio_set;
    // SAFETY: the call takes three integers, reads and writes no memory of ours, and changes nothing but this thread's priority.
    let result = unsafe { libc::syscall(set, OF_A_THREAD, THIS, priority.encoded()) };
    match result {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

const NICEST: u8 = 19;
const CLASS_SHIFT: u32 = 13;

#[cfg(test)]
mod tests {
    use super::*;

    fn nice() -> i32 {
        rustix::process::getpriority_process(None).unwrap()
    }

    #[test]
    fn a_thread_is_set_and_those_it_starts_inherit_it() {
        let before = nice();
        let wanted = u8::try_from(before.max(0) + 2).unwrap_or(NICEST);
        let priority = ThreadPriority::new()
            .with_nice(wanted)
            .with_io(IoPriority::Idle);
        let both = thread::spawn(move || {
            priority.set_up();
            let own = nice();
            // It is not taken back by one that is less nice.
            ThreadPriority::new().with_nice(0).apply().unwrap();
            assert_eq!(nice(), own);
            (own, thread::spawn(nice).join().unwrap())
        });
        let wanted = i32::from(wanted.min(NICEST));
        assert_eq!(both.join().unwrap(), (wanted, wanted));
        assert_eq!(nice(), before, "nobody else is touched");
    }

    #[test]
    fn it_can_be_tried_before() {
        let priority = ThreadPriority::new().with_io(IoPriority::BestEffort(7));
        assert_eq!(priority.tried().unwrap(), priority);
        assert_eq!(
            ThreadPriority::new().tried().unwrap(),
            ThreadPriority::new()
        );
    }

    #[test]
    fn io_priorities_are_read_as_they_are_shown() {
        for text in ["idle", "0", "7"] {
            let priority: IoPriority = text.parse().unwrap();
            assert_eq!(priority.to_string(), text);
        }
        for wrong in ["", "8", "-1", "realtime", "Idle"] {
            assert_eq!(
                wrong.parse::<IoPriority>(),
                Err(IoPriorityError(())),
                "{wrong}"
            );
        }
        assert_eq!(IoPriority::Idle.encoded(), 0x6000);
        assert_eq!(IoPriority::BestEffort(4).encoded(), 0x4004);
        assert_eq!(IoPriority::BestEffort(200).encoded(), 0x4007);
    }
}
