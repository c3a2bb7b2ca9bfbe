//! Stores around a store.
//!
//! Each does one thing, so that they can be stacked. Each is built by `new(inner, …)`, lends its `inner()`, obeys the laws as far as the
//! store inside does, passes on classes of storage, retentions and the [lock](crate::ObjectLock), and shows itself and the store inside
//! by `Display`. None needs a runtime; what takes time asks a [`Sleep`] and a [`Monotonic`] for it, which a runtime, a simulation or a test
//! replaces.
//!
//! | to | |
//! |---|---|
//! | try again what may pass | [`Retrying`] |
//! | give up on what takes too long | [`Deadline`] |
//! | ask twice when an answer is slow | [`Hedged`] |
//! | have so many calls at once, or as many as the store takes well | [`Limited`], [`Adaptive`] |
//! | move so many bytes a second | [`Bandwidth`] |
//! | stop for a while, or back off | [`Polite`] |
//! | know what was asked for, and what it costs | [`Counted`], [`Prices`] |
//! | read only once what never changes | `Cached` (on Unix) |
//! | keep objects in different places by what they are | [`Split`] |
//! | keep everything in several places | [`Mirrored`] |
//! | show a folder, or less than everything that can be done | [`Prefixed`], [`ReadOnly`] |
//! | test | [`Recording`], [`Faulty`], [`Glacial`], [`ManualTime`] |
//!
//! # Their order
//!
//! What is outside sees what the inside makes of it: `Limited` outside `Retrying` bounds the calls of users, inside it the attempts. For
//! a store that is far away, from the inside out: count what is really sent; bound each attempt; ask twice; bound how many at once, for
//! which errors have to be seen; try again; then wait for bandwidth, which is nobody's fault; and what is in the cache needs none of it.
//!
//! ```
//! use strongroom_store::MemoryStore;
//! use strongroom_store::wrap::{
//!     Adaptive, AdaptivePolicy, Bandwidth, BandwidthLimits, Counted, Deadline, DeadlinePolicy, HedgePolicy, Hedged, Rate,
//!     RetryPolicy, Retrying,
//! };
//!
//! let far_away = MemoryStore::new();
//! let counted = Counted::new(far_away);
//! let store = Deadline::new(counted.clone(), DeadlinePolicy::default());
//! let store = Hedged::new(store, HedgePolicy::default());
//! let store = Adaptive::new(store, AdaptivePolicy::default().with_bounds(2, 32));
//! let store = Retrying::new(store, RetryPolicy::default());
//! let limits = BandwidthLimits::new(Some(Rate::new(10 << 20)), None);
//! let store = Bandwidth::new(store, limits.clone());
//! assert_eq!(
//!     store.to_string(),
//!     "bandwidth(up 10485760 B/s, down unlimited, retrying(8, adaptive(2 to 32, hedged(deadline(30s, counted(memory:))))))"
//! );
//! ```

mod adaptive;
mod bandwidth;
#[cfg(unix)]
mod cached;
mod counted;
mod deadline;
mod faulty;
mod gate;
mod glacial;
mod hedged;
mod jitter;
mod limited;
mod locking;
mod looking;
mod mirrored;
mod monotonic;
mod polite;
mod prefixed;
mod read_only;
mod recording;
mod retrying;
mod sleep;
mod split;
mod timer;
mod turns;

pub use self::adaptive::{Adaptive, AdaptivePolicy, AdaptiveStatus};
pub use self::bandwidth::{Bandwidth, BandwidthLimits, Rate};
#[cfg(unix)]
pub use self::cached::{CacheCounts, CacheRules, CacheSettings, Cached};
pub use self::counted::{ClassPrices, CostEstimate, Counted, Counts, Prices, RequestKind, Tally};
pub use self::deadline::{Deadline, DeadlinePolicy};
pub use self::faulty::{Fault, FaultPlan, Faulty, Rule, When};
pub use self::gate::Gate;
pub use self::glacial::Glacial;
pub use self::hedged::{HedgeCounts, HedgePolicy, Hedged};
pub use self::jitter::{Jitter, RandomJitter};
pub use self::limited::Limited;
pub(crate) use self::locking::can_lock;
pub use self::looking::Looking;
pub use self::mirrored::{
    Health, MemberStatus, MirrorSettings, MirrorStatus, Mirrored, NoRules, ObjectRules, RangeReads,
    Wholeness, WritePolicy,
};
pub use self::monotonic::{ManualTime, Monotonic, SystemMonotonic};
pub use self::polite::Polite;
pub use self::prefixed::Prefixed;
pub use self::read_only::ReadOnly;
pub use self::recording::{Call, Operation, Recording};
pub use self::retrying::{RetryCounts, RetryPolicy, Retrying};
pub use self::sleep::{RecordingSleep, Sleep, ThreadSleep};
pub use self::split::{Split, SplitRules};
pub use self::timer::TimerSleep;
