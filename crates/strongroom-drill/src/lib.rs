//! Restore drills.

pub mod captured;
pub mod choose;
mod clock;
#[cfg(unix)]
mod database;
#[cfg(unix)]
mod directory;
mod drill;
#[cfg(unix)]
mod home;
#[cfg(unix)]
mod limited;
mod phase;
#[cfg(unix)]
mod process;
mod report;
pub mod sandbox;
mod sql;
mod stop;
#[cfg(test)]
mod testing;
pub mod validator;

pub use clock::{Monotonic, SystemMonotonic};
#[cfg(unix)]
pub use database::DatabaseSandbox;
#[cfg(unix)]
pub use directory::DirectorySandbox;
pub use drill::{Drill, run_all};
#[cfg(unix)]
pub use home::sweep;
#[cfg(unix)]
pub use limited::LimitedTarget;
pub use phase::Phase;
pub use report::{Effect, Finding, Report, Validated, Verdict};
pub use sandbox::{Sandbox, SandboxError, SandboxErrorKind};
pub use sql::{Sql, SqlError};
pub use stop::{Cancel, Stop, Stopped};
