//! Decides which snapshots stay, and says why.

mod choose;
mod civil;
mod count;
mod error;
mod group;
mod moment;
mod plan;
mod retention;
mod rules;
mod snapshot;
mod span;
mod text;
mod unit;
mod verdict;

pub use count::Count;
pub use error::{Error, ErrorKind};
pub use group::{GroupBy, GroupField, GroupKey};
pub use moment::Moment;
pub use plan::{Decision, Group, Plan, plan};
pub use retention::{KeepEverything, Retention};
pub use rules::{KeepRules, Rule, Tags};
pub use snapshot::SnapshotInfo;
pub use span::Span;
pub use unit::{Period, Unit};
pub use verdict::{Loss, Reason, Verdict};
