//! What goes wrong in a world, and how often.

/// What can go wrong at a call, or between two.
///
/// All but [`StaleList`](Self::StaleList), [`StaleRead`](Self::StaleRead), [`TornWrite`](Self::TornWrite) and
/// [`Rot`](Self::Rot) are within the contract of `strongroom_store::Store`: a correct program survives them on every store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Fault {
    /// The call fails and has no effect. The kind is one that says nothing of the object: unavailable, denied, full, other.
    Error,
    /// A put or delete has its effect, and the caller hears that the store is unavailable.
    LostReply,
    /// A put has its effect, the reply is lost, and whatever carries requests asks again: the caller hears *already exists*.
    Retried,
    /// A put or delete fails and has its effect later, or never.
    LateWrite,
    /// A put or delete succeeds and arrives once more later. A create that arrives after somebody has deleted the object
    /// makes it anew.
    Duplicate,
    /// The client dies before the call has an effect.
    CrashBefore,
    /// The client dies after the effect and before the reply.
    CrashAfter,
    /// The client dies and its put or delete has its effect later, or never.
    CrashLate,
    /// The client dies and its put leaves a truncated object, below the folders that
    /// [`FaultPlan::with_torn_below`] names; elsewhere it is [`CrashBefore`](Self::CrashBefore).
    TornWrite,
    /// The client sleeps while others work, for up to months of their time.
    Pause,
    /// The client's clock jumps by up to years, forward or back.
    ClockJump,
    /// Everybody's time jumps by up to years, forward or back.
    TimeJump,
    /// The store is full for a while: puts fail, deletes do not.
    Full,
    /// A list misses what was put of late, or shows what was deleted of late, or ends early with an error.
    StaleList,
    /// A get or head does not find what was put of late, or finds what was deleted of late.
    StaleRead,
    /// A bit flips in an object at rest, below the folders that [`FaultPlan::with_rot_below`] names.
    Rot,
}

impl Fault {
    /// Every fault.
    pub const ALL: [Self; 16] = [
        Self::Error,
        Self::LostReply,
        Self::Retried,
        Self::LateWrite,
        Self::Duplicate,
        Self::CrashBefore,
        Self::CrashAfter,
        Self::CrashLate,
        Self::TornWrite,
        Self::Pause,
        Self::ClockJump,
        Self::TimeJump,
        Self::Full,
        Self::StaleList,
        Self::StaleRead,
        Self::Rot,
    ];
}

/// Which faults a world has, each at its own rate. The seed of the world decides when.
///
/// ```
/// use strongroom_sim::{Fault, FaultPlan};
///
/// let plan = FaultPlan::none().with(Fault::LostReply, 20).with(Fault::CrashAfter, 200);
/// assert_eq!(plan.one_in(Fault::LostReply), 20);
/// assert_eq!(plan.one_in(Fault::Rot), 0);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FaultPlan {
    rates: [u32; Fault::ALL.len()],
    pub(crate) switch_one_in: u32,
    pub(crate) max_steps: u64,
    pub(crate) torn_below: Vec<String>,
    pub(crate) rot_below: Vec<String>,
}

impl FaultPlan {
    /// Returns a plan without faults: only the order of calls is the seed's.
    #[must_use]
    pub fn none() -> Self {
        Self {
            rates: [0; Fault::ALL.len()],
            switch_one_in: 4,
            max_steps: 1_000_000,
            torn_below: Vec::new(),
            rot_below: Vec::new(),
        }
    }

    /// Sets how rare a fault is: once in so many calls to which it applies; 0 is never.
    #[must_use]
    pub fn with(mut self, fault: Fault, one_in: u32) -> Self {
        if let Some(rate) = self.rates.get_mut(fault as usize) {
            *rate = one_in;
        }
        self
    }

    /// Sets how rarely the turn may pass to another client: once in so many calls. 1 gives the finest interleaving, large
    /// numbers give long runs of one client.
    #[must_use]
    pub fn with_switch_one_in(mut self, calls: u32) -> Self {
        self.switch_one_in = calls.max(1);
        self
    }

    /// Sets after how many calls the world gives up: every client is dead from then on, and
    /// [`World::is_exhausted`](crate::World::is_exhausted) says so.
    #[must_use]
    pub fn with_max_steps(mut self, steps: u64) -> Self {
        self.max_steps = steps;
        self
    }

    /// Names what a crash may leave truncated, by the beginning of keys.
    #[must_use]
    pub fn with_torn_below(mut self, prefix: impl Into<String>) -> Self {
        self.torn_below.push(prefix.into());
        self
    }

    /// Names what may rot, by the beginning of keys.
    #[must_use]
    pub fn with_rot_below(mut self, prefix: impl Into<String>) -> Self {
        self.rot_below.push(prefix.into());
        self
    }

    /// Returns how rare a fault is.
    #[must_use]
    pub fn one_in(&self, fault: Fault) -> u32 {
        self.rates.get(fault as usize).copied().unwrap_or(0)
    }

    /// Ends all faults; the order of calls stays the seed's.
    pub(crate) fn end(&mut self) {
        self.rates = [0; Fault::ALL.len()];
    }
}

impl Default for FaultPlan {
    fn default() -> Self {
        Self::none()
    }
}
