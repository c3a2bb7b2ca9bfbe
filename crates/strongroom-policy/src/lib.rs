//! Backup policies: what is protected, how, why, and who answers for it.
//!
//! ```
//! use strongroom_policy::{Document, Key, Severity, diff};
//!
//! let old = Document::parse(r#"
//! format = 1
//! name = "example"
//! revision = 1
//! owner = "ops"
//! reason = "Orders cannot be entered a second time."
//! review_by = 2027-06-01
//! timezone = "Europe/Berlin"
//! site = "hq"
//!
//! [defaults]
//! owner = "ops"
//! reason = "A night of work can be done again."
//! objectives = { rpo = "24h", rto = "8h" }
//! schedule = { when = "daily 22:00", expected_duration = "5h" }
//! copies = { to = ["vault"] }
//! retention = { keep = "daily=14 weekly=8" }
//!
//! [repository.vault]
//! owner = "ops"
//! reason = "Fire takes what is at the office."
//! medium = "object"
//! site = "cloud"
//! encrypted = true
//!
//! [resource.db-orders]
//! kind = "postgresql"
//! owner = "sales"
//! criticality = "high"
//! "#)?;
//! let now = "2026-12-02T10:00:00+01:00".parse()?;
//!
//! // A nightly run of five hours cannot meet an RPO of 24 hours.
//! let findings = old.lint(now);
//! let found = findings.iter().find(|one| one.code == "rpo-impossible").ok_or("not found")?;
//! assert_eq!((found.severity, found.position.map(|at| at.line)), (Severity::Error, Some(14)));
//!
//! // What holds for a resource, where it comes from, and when its next backup is due.
//! let policy = old.policy();
//! let resource = policy.resources.get("db-orders").ok_or("no such resource")?;
//! let resolved = policy.resolve(resource);
//! let keep = resolved.setting(Key::Keep).ok_or("nothing is kept")?;
//! assert_eq!(keep.from.reason, "A night of work can be done again.");
//! let run = resolved.schedule().and_then(|one| one.next_run(now)).ok_or("no run")?;
//! assert_eq!(run.due.to_string(), "2026-12-02T22:00:00+01:00");
//!
//! // A new version that protects less is found out, wherever it does.
//! let new = Document::parse(&old.text().replace("weekly=8", "weekly=4"))?;
//! let changes = diff(policy, new.policy(), &[], now);
//! assert!(changes.weaker().any(|one| one.aspect == "retention.keep"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! It knows **neither** repositories **nor** clocks, files or networks: everything is a pure
//! function of values and `now`, so that years can be computed in seconds and the same policy
//! means the same on every machine. It runs nothing, and sends nothing.
//!
//! * A [`Document`] is a text of TOML; a [`Policy`] is what it says, as Rust types, and
//!   [`Policy::to_toml`] writes one. What cannot be understood is refused as a whole, with line,
//!   column and what was probably meant. [`json_schema`] is for editors.
//! * A [`Key`] is a setting. [`Policy::resolve`] says which value holds for a resource and who
//!   decided it ([`Origin`]); [`Policy::protection`] what all values together come to;
//!   [`Policy::explain`] both in plain words.
//! * [`Policy::lint`] finds contradictions and what is missing; [`Policy::coverage`] who is not
//!   protected; [`Policy::simulate`] runs years.
//! * [`diff`] says what a new version changes for every resource, and what of it protects less.
//!   [`Policy::standing`] says whether enough people agree.
//! * [`Schedule`] and [`ExpectedRun`] say when runs are due, must begin, must be complete and are
//!   missed; [`Policy::checks`] and [`Policy::duties`] what machines and people must do again.
//!   [`Schedule::files_for`] writes files for systemd, cron and Kubernetes, and
//!   [`Policy::calendar`] a calendar.
//!
//! # Guarantees
//!
//! * A document is read whole or not at all. Nothing is guessed: a number without a unit, a name
//!   that is not defined, and a field that is not known are errors.
//! * Whatever changes, [`diff`] compares what it comes to, resource by resource: a default, a
//!   selector, a repository or a person that changes shows at everything it is about. What cannot
//!   be compared counts as weaker.
//! * Nothing that people must do becomes done by itself. A record without the evidence that is
//!   asked for is none, and what was never done is overdue.
//! * A version is approved by the quorum of the policy that is **in force**, so that none can
//!   lower the bar for itself.
//!
//! # Why not …
//!
//! * *… several schedules for a resource?* Then "how much can be lost" would depend on which of
//!   them ran. Times of a day can be listed, and a second purpose is a second resource.
//! * *… lists that are merged from layer to layer?* Who reads a rule should see all that it
//!   excludes. A later layer replaces a list as a whole.
//! * *… the machine's time zones?* A policy would mean something else where they are older. They
//!   are compiled in; a newer release knows newer laws.
//!
//! # Minimum Rust version
//!
//! 1.95.

#[cfg(test)]
mod arbitrary;
mod bytes;
mod calendar;
mod compare;
mod coverage;
mod cron;
mod date;
mod diff;
mod due;
mod duty;
mod error;
mod explain;
mod host;
mod key;
mod level;
mod lint;
mod order;
mod parse;
mod part;
mod people;
mod period;
mod policy;
mod protection;
mod raw;
mod record;
mod repository;
mod resolve;
mod resource;
mod schedule;
mod schema;
mod select;
mod settings;
mod share;
mod simulate;
mod text;
mod value;
mod weekday;
mod when;
mod window;
mod write;
mod zone;

pub use bytes::ByteCount;
pub use calendar::{CALENDAR_EVENTS_MAX, History};
pub use compare::{Direction, compare};
pub use coverage::{Coverage, CoverageState, Covered, Ratio};
pub use date::Date;
pub use diff::{Change, Diff, diff};
pub use due::{CheckKind, DueCheck, Performed, RUNS_MAX};
pub use duty::{Exemption, Obligation, Requirement};
pub use error::{Error, ErrorKind};
pub use host::{Host, HostFile, Launch};
pub use key::{Key, built_in};
pub use level::{Criticality, Level};
pub use lint::{Finding, Severity};
pub use parse::{
    Document, DocumentHash, MAX_DOCUMENT_BYTES, MEDIA_TYPE, ParseError, Position, Problem,
};
pub use people::{Approval, Contact, Escalation, Step};
pub use period::Period;
pub use policy::{Class, Layer, Policy, Rule};
pub use protection::Protection;
pub use record::{Act, Done, Duty, Review, ReviewOutcome, SignOff, Standing, State};
pub use repository::{LockMode, Repository};
pub use resolve::{Origin, Resolved, Setting, Source};
pub use resource::Resource;
pub use schedule::{ExpectedRun, Gaps, RunState, Schedule};
pub use schema::json_schema;
pub use select::{Glob, Selector};
pub use settings::Settings;
pub use share::Share;
pub use simulate::{
    SIMULATED_RUNS_MAX, SimulatedResource, Simulation, SimulationOptions, Stored, YEARS_MAX,
};
pub use value::Value;
pub use when::When;
pub use window::Window;
pub use zone::Zone;
