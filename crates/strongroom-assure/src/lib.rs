//! What the evidence of a repository's journal comes to, under a policy, at a time.
//!
//! It performs no I/O and reads no clock: everything is a function of evidence, policy and `now`.
//!
//! # Minimum Rust version
//!
//! 1.95.

// History and measures.
mod accounting;
mod capacity;
mod expected;
mod history;
mod leading;
mod point;
mod recurrence;
mod rpo;
mod rto;
mod scope;
mod signal;
pub mod stats;
mod success;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod testing_org;
mod trend;
mod window;

pub use accounting::{Accounting, Tariff, accounting};
pub use capacity::{
    CapacityReport, DaysUntil, FORECAST_DAYS_MIN, Forecast, Fullness, HORIZON_DAYS, HYSTERESIS,
    Thresholds, capacity, retention_days,
};
pub use expected::{Expectations, Expected, Fate, expectations};
pub use history::{
    CheckSeen, Counters, EntryRef, EntrySeen, History, Journal, Noted, PolicySeen, ResourceHistory,
    RunSeen, Skew, SnapshotSeen, WholeCheck,
};
pub use leading::{Indicator, IndicatorKind, endings, indicators};
pub use point::Point;
pub use recurrence::{ClassCount, ErrorReport, RECURRING_RUNS, Recurrence, errors};
pub use rpo::{Exposure, Quality, Rpo, RpoOptions, Tier, rpo};
pub use rto::{
    DRILLS_MAX, PhaseTime, RecoveryActual, RtoEstimated, RtoMeasured, recoveries, rto_estimated,
    rto_measured,
};
pub use signal::{
    Alarm, AlarmSeverity, CleanSearch, HeldPoint, HoldCleanPoints, LEARNING_RUNS, Signal,
    SignalCode, SignalGroup, SignalJudgement, SignalReport, Weakening, clean_point_search, signals,
    weakenings,
};
pub use success::{BURN_RUNS_MIN, Burn, Fleet, Success, SuccessRate, fleet, success};
pub use trend::{AroundPolicy, TREND_VALUES_MIN, Trend, TrendOf, trends};
pub use window::{
    CLAIM_RUNS_MIN, DurationBaseline, RUNS_AHEAD, WindowForecast, WindowReport, durations, window,
};

// Controls, findings and reports.
mod action;
mod assess;
mod control;
mod finding;
mod framework;
mod incident;
mod obligation;
mod report;

pub use action::{Action, ActionKind, ActionState, EFFECT_AFTER, Patch, actions};
pub use assess::{
    Assessment, Assessor, Coverage, JournalSeen, PointVerdict, PolicyNamed, Protected, Recoverable,
    ResourceLine, RestoreLine, SCHEMA_VERSION, Score, assess, point_verdicts,
};
pub use control::{
    BECAUSE_MAX, Case, Control, ControlResult, ControlSpec, Controls, Head, Judgement, Parameter,
    ParameterKind, ParameterValue, Parameters, Records, RepositoryOf, Scope, Subject, Texts,
    Verdict,
};
pub use finding::{Escalated, Exempted, Finding, Severity, Waiting, escalated};
pub use framework::{
    Check, CheckResult, Framework, FrameworkError, FrameworkResult, Item, ItemResult, ItemState,
    MAX_FRAMEWORK_BYTES, Need, NeedResult, NeedState, Position, Problem, STANDARD, Tally, standard,
};
pub use incident::{Incident, IncidentState, TIMELINE_MAX, Told, incidents};
pub use obligation::{
    Audit, AuditControl, AuditSignature, Obligation, ObligationState, Refused, obligations,
};
pub use report::{Audience, Cell, Material, Report, ReportKind, Section, Table, UnknownReport};
