//! Which snapshots stay: rules ([`KeepRules`]) or a policy of your own ([`Retention`]), groups, verdicts and their reasons.

pub use strongroom_retain::{
    Count, Decision, Error, ErrorKind, Group, GroupBy, GroupField, GroupKey, KeepEverything,
    KeepRules, Loss, Moment, Period, Plan, Reason, Retention, Rule, SnapshotInfo, Span, Tags, Unit,
    Verdict, plan,
};
