//! Stores around a store.
//!
//! Each does one thing, so that they can be stacked: `Limited` outside `Retrying` bounds the calls
//! of users, inside it the attempts. Each is built by `new(inner, …)`, lends its `inner()`, obeys
//! the laws as far as the store inside does, and shows itself and the store inside by `Display`. A
//! [`Mirrored`] has several stores inside, which hold the same; a [`Split`] has two, which do not.
//!
//! ```
//! use strongroom_store::MemoryStore;
//! use strongroom_store::wrap::{Limited, ReadOnly};
//!
//! let store = ReadOnly::new(Limited::new(MemoryStore::new(), 8));
//! assert_eq!(store.to_string(), "read-only(limited(8, memory:))");
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
mod mirrored;
mod monotonic;
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
pub use self::mirrored::{
    Health, MemberStatus, MirrorSettings, MirrorStatus, Mirrored, NoRules, ObjectRules, RangeReads,
    Wholeness, WritePolicy,
};
pub use self::monotonic::{ManualTime, Monotonic, SystemMonotonic};
pub use self::prefixed::Prefixed;
pub use self::read_only::ReadOnly;
pub use self::recording::{Call, Operation, Recording};
pub use self::retrying::{RetryCounts, RetryPolicy, Retrying};
pub use self::sleep::{RecordingSleep, Sleep, ThreadSleep};
pub use self::split::{Split, SplitRules};
pub use self::timer::TimerSleep;
