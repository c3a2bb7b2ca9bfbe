//! What the evidence of a repository's journal comes to, under a policy, at a time.
//!
//! ```
//! use strongroom_assure::{Exposure, History, RpoOptions, assess, rpo};
//! use strongroom_policy::Document;
//!
//! let document = Document::parse(r#"
//! format = 1
//! name = "example"
//! revision = 1
//! timezone = "UTC"
//! [resource.db]
//! kind = "postgresql"
//! objectives = { rpo = "24h" }
//! schedule = { when = "daily 22:00" }
//! "#)?;
//! // The events of a repository's journal; there are none yet.
//! let history = History::from_events(&[]);
//! let now = "2026-12-02T10:00:00Z".parse()?;
//!
//! let resource = document.policy().resources.get("db").ok_or("no such resource")?;
//! let measured = rpo(&history, document.policy(), resource, &RpoOptions::default(), now);
//! assert_eq!(measured.now, Exposure::Everything);
//! assert_eq!(measured.is_met_now(), Some(false));
//!
//! let assessment = assess(&history, document.policy(), &[], now);
//! # let _ = assessment;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! It knows **neither** repositories **nor** clocks, files or networks: everything is a function of evidence, policy and
//! `now`, so that years are judged in seconds and anybody can judge them again. It changes nothing: what should be held, and
//! what people should do, is returned as data.
//!
//! * A [`History`] is what journals show, in order, with the number of the entry that shows it ([`EntryRef`]).
//! * [`rpo`] says how much data could have been lost, by quality and kind of copy; [`rto_measured`], [`rto_estimated`] and
//!   [`recoveries`] how long it takes to have it back, by drills, by drills of others, and in earnest.
//! * [`expectations`] says what became of each run that was due, [`success`] and [`fleet`] how many succeeded; [`window`] and
//!   [`durations`] whether they fit their time, [`capacity`] when a repository is full.
//! * [`signals`] looks for somebody who tampers with what is backed up, [`indicators`] for what gets worse, [`errors`] for
//!   what comes again, [`accounting`] and [`trends`] for what it costs.
//! * [`Controls`] judge all of that, a [`Framework`] says which of them a law or standard asks for, [`assess`] does both and
//!   lists what is to be done.
//!
//! # Guarantees
//!
//! * What was not measured is unknown, and never good. A number has the entries that it rests on and how many there were.
//! * Runs that were missed count, and so do those of a resource that is switched off. Data is as old as its capture, not as
//!   the end of the job.
//! * A clock that was wrong makes nothing younger than the order of entries allows.
//! * Nothing that people must do becomes done by itself.
//!
//! # Why not …
//!
//! * *… means and standard deviations?* One stuck run poisons them. Medians are used, and intervals that say how little a few
//!   runs prove.
//! * *… a learned model for attacks?* Nobody can explain to an auditor why it was silent. Every sign here is a number beside
//!   what is usual.
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
mod reaction;
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
mod testing_fleet;
#[cfg(test)]
mod testing_org;
#[cfg(test)]
mod testing_policy;
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
pub use reaction::{HoldStep, Reaction, reaction};
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
