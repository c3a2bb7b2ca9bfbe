//! Decides which snapshots stay, and says why.
//!
//! ```
//! use strongroom_retain::{GroupBy, KeepRules, Moment, SnapshotInfo, plan};
//!
//! let at = |text: &str| text.parse::<Moment>();
//! let snapshots = [
//!     SnapshotInfo::new("a1", at("2026-11-20T08:00:00+01:00")?).with_series("home"),
//!     SnapshotInfo::new("b2", at("2026-11-21T08:00:00+01:00")?).with_series("home"),
//!     SnapshotInfo::new("c3", at("2026-11-21T20:00:00+01:00")?).with_series("home"),
//! ];
//! let rules: KeepRules = "daily=7 weekly=4 monthly=12 within=6h".parse()?;
//! let by: GroupBy = "series,host".parse()?;
//!
//! let plan = plan(&snapshots, &by, &rules, at("2026-11-22T02:00:00+01:00")?, &[])?;
//! assert_eq!(plan.forgotten_ids().collect::<Vec<_>>(), [&"b2"]);
//! for one in plan.decisions() {
//!     println!("{} {}", one.snapshot().id, one.why());
//! }
//! # Ok::<(), strongroom_retain::Error>(())
//! ```
//!
//! It knows **neither** repositories **nor** files, and it forgets nothing: it says what should be
//! forgotten, and somebody else does it. It reads no clock; `now` is an argument.
//!
//! * [`Retention`] is the joint, with numbered laws. [`KeepRules`] is the standard policy,
//!   [`KeepEverything`] the shortest.
//! * A [`SnapshotInfo`] is all that a policy may know. Its [`Moment`] has the offset of the clock
//!   where the backup was made, whose days and weeks count.
//! * [`plan`] applies a policy to each group ([`GroupBy`], [`GroupKey`]) and returns a [`Plan`]:
//!   for each snapshot, kept or forgotten, a [`Reason`] or what each rule lacks ([`Loss`]).
//! * [`simulate`] runs rules over years of backups, with outages and wrong clocks.
//! * The feature `conformance` adds the laws as functions, for policies of your own.
//!
//! # Guarantees
//!
//! * No rules keep everything, and what does not parse is an error and never a policy.
//! * What is pinned, held or dated in the future is kept whatever a policy says.
//! * A plan leaves no group without a snapshot (a complete one where it had one), unless that very
//!   group is named.
//! * A snapshot dated after `now` is no measure for the others: a clock that was fast forgets
//!   nothing. That needs a `now` that is right. Where it is as wrong as the dates, no rule can tell;
//!   who knows the order in which snapshots were made should ask that first.
//!
//! # Why not …
//!
//! * *… measure from now?* A machine that was off for a year would lose its last backups at the
//!   first run. `within` is measured from the newest snapshot, as restic does; borg measures from
//!   now.
//! * *… let weekly rules skip what daily ones keep*, as borg does? Then what one rule keeps would
//!   depend on the others, and "why is it kept" would have no short answer.
//! * *… use time zones by name?* A snapshot records what its clock showed, and a rule needs no
//!   more. So there is no table of zones that changes twice a year, and no dependency at all.
//!
//! # Minimum Rust version
//!
//! 1.95.

mod choose;
mod civil;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod count;
mod error;
mod group;
mod moment;
mod plan;
mod retention;
mod rules;
mod simulate;
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
pub use simulate::{
    Apply, Clocks, Level, Schedule, Simulation, YEARS_MAX, simulate, simulate_with,
};
pub use snapshot::SnapshotInfo;
pub use span::Span;
pub use unit::{Period, Unit};
pub use verdict::{Loss, Reason, Verdict};
