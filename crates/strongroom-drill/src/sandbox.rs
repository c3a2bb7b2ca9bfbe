//! Where a drill restores to.

use std::collections::BTreeMap;
use std::fmt;
use std::fmt::Debug;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use strongroom::target::Target;

use crate::sql::Sql;
use crate::stop::{Stop, Stopped};

/// A place that is made for one drill and gone after it: a directory, a server with a data directory of its own, a container, a
/// virtual machine. It can be reached from nowhere but the machine that it is on.
///
/// The methods are called from one thread, in the order in which they are below.
///
/// # Contract
///
/// 1. [`prepare`](Self::prepare) refuses what would not fit before anything is written, with [`SandboxErrorKind::NoRoom`].
/// 2. Whatever a sandbox lacks on this machine is [`SandboxErrorKind::Unavailable`]; what the content did is
///    [`SandboxErrorKind::Refused`]. The first proves nothing about the backup, the second that it cannot be used.
/// 3. Each method but the last two ends within a fraction of a second after `stop` says so, or, while it does what must not be
///    interrupted half-way, within a minute and a half.
/// 4. [`tear_down`](Self::tear_down) is right after any of the others, failed or not, and can be called again.
/// 5. [`remains`](Self::remains) looks at the machine and not at what `tear_down` believes. It is empty before `prepare`.
/// 6. What the end of this process leaves behind can be found by whoever sets the same kind of sandbox up next, and is removed then.
pub trait Sandbox: Debug + Send {
    /// Returns what it is, such as `directory` or `postgresql`.
    fn name(&self) -> &str;

    /// Makes it, and says what it takes.
    ///
    /// # Errors
    ///
    /// By kind, as the contract says.
    fn prepare(&mut self, need: &Need, stop: &Stop) -> Result<Intake, SandboxError>;

    /// Starts what is to run, after files are restored and before a dump is loaded; says how to reach it.
    ///
    /// # Errors
    ///
    /// By kind, as the contract says.
    fn start(&mut self, stop: &Stop) -> Result<Connection, SandboxError>;

    /// Returns what takes the dump; only for those that asked for [`Intake::Stream`].
    ///
    /// # Errors
    ///
    /// By kind, as the contract says.
    fn loader(&mut self, stop: &Stop) -> Result<Box<dyn Loader>, SandboxError>;

    /// Removes everything.
    ///
    /// # Errors
    ///
    /// What could not be removed; [`remains`](Self::remains) names it.
    fn tear_down(&mut self) -> Result<(), SandboxError>;

    /// Returns what is still there of it: paths, processes, ports. Nothing proves that it is gone.
    fn remains(&self) -> Vec<String>;
}

/// Takes a dump, piece after piece.
pub trait Loader: Write + Send {
    /// Ends it: everything was given, and all of it is loaded.
    ///
    /// # Errors
    ///
    /// `Refused` with what the database said.
    fn finish(self: Box<Self>) -> Result<(), SandboxError>;
}

/// How much is coming.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "two numbers are all that is known before"
)]
pub struct Need {
    /// Bytes of content.
    pub bytes: u64,
    /// Entries.
    pub entries: u64,
}

/// What a sandbox takes.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Intake {
    /// The files of the snapshot.
    Files(Arc<dyn Target>),
    /// The content of its one file, by [`Sandbox::loader`] after [`Sandbox::start`].
    Stream,
}

/// How to reach what was restored.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Connection {
    /// Where the files are.
    pub directory: Option<PathBuf>,
    /// Where a service listens.
    pub address: Option<SocketAddr>,
    /// A database that answers.
    pub sql: Option<Arc<dyn Sql>>,
    /// What else there is to know, by name; given to commands as variables.
    pub facts: BTreeMap<String, String>,
}

impl Connection {
    /// Returns one that says nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Says where the files are.
    #[must_use]
    pub fn with_directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// Says where a service listens.
    #[must_use]
    pub fn with_address(mut self, address: SocketAddr) -> Self {
        self.address = Some(address);
        self
    }

    /// Says how to ask the database.
    #[must_use]
    pub fn with_sql(mut self, sql: Arc<dyn Sql>) -> Self {
        self.sql = Some(sql);
        self
    }

    /// Adds something to know.
    #[must_use]
    pub fn with_fact(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.facts.insert(name.into(), value.into());
        self
    }
}

/// Why a sandbox did not do what it was asked to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SandboxError {
    kind: SandboxErrorKind,
    what: String,
}

/// What a [`SandboxError`] says about the backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SandboxErrorKind {
    /// This machine lacks something. Nothing is said about the backup.
    Unavailable,
    /// It would not fit. Nothing is said about the backup.
    NoRoom,
    /// The content cannot be used.
    Refused,
    /// Something of it is still there.
    Remains,
    /// It was time to stop.
    Stopped(Stopped),
}

impl SandboxErrorKind {
    /// Returns the code of findings.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unavailable => "sandbox-unavailable",
            Self::NoRoom => "sandbox-no-room",
            Self::Refused => "content-refused",
            Self::Remains => "sandbox-remains",
            Self::Stopped(stopped) => stopped.code(),
        }
    }
}

impl SandboxError {
    /// Makes one. `what` is a lower-case phrase.
    pub fn new(kind: SandboxErrorKind, what: impl Into<String>) -> Self {
        let what = what.into();
        Self { kind, what }
    }

    /// Returns what it says about the backup.
    #[must_use]
    pub fn kind(&self) -> SandboxErrorKind {
        self.kind
    }
}

impl From<Stopped> for SandboxError {
    fn from(stopped: Stopped) -> Self {
        Self::new(SandboxErrorKind::Stopped(stopped), stopped.to_string())
    }
}

impl fmt::Display for SandboxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for SandboxError {}

/// Makes the error of something that this machine lacks.
pub(crate) fn unavailable(what: impl Into<String>) -> SandboxError {
    SandboxError::new(SandboxErrorKind::Unavailable, what)
}

/// Makes the error of content that cannot be used.
#[cfg(unix)]
pub(crate) fn refused(what: impl Into<String>) -> SandboxError {
    SandboxError::new(SandboxErrorKind::Refused, what)
}
