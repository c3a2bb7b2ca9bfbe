//! The engine's one error.

use std::fmt;

use strongroom_format::{DecodeError, DecodeErrorKind, ObjectHash, object_name};
use strongroom_store::Cause;

/// Why an operation failed. One word wide; [`kind`](Self::kind) says what a caller can do about it.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    what: String,
    object: Option<String>,
    heads: Option<Heads>,
    lost_entry: Option<u64>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// What a caller can do about an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// What was asked for is not there: no repository, no such snapshot, no such path.
    NotFound,
    /// A repository is there already.
    AlreadyExists,
    /// No slot opens with the credential given.
    WrongKey,
    /// No keyring is left that opens. What is stored is closed to everybody; a mirror or a replica that has `keyring/` and `slot/` opens it again.
    KeysLost,
    /// Somebody else changed the repository in a way that makes this operation impossible; start it again.
    Conflict,
    /// The store shows an older state than this client has seen. [`Error::heads`] says which. Do not write to it before it is known
    /// why: a store that was restored from an old copy has lost acknowledged snapshots.
    Rollback,
    /// The store shows another history than this client has seen. [`Error::heads`] says where they differ. Somebody
    /// has replaced the journal, or shows different clients different ones.
    Fork,
    /// Another writer has taken over a repository that takes one writer at a time. Stop writing from here, or
    /// [take it over](crate::Repository::take_over) in turn.
    TakenOver,
    /// Stored bytes are not what was written. [`Error::object`] names the object.
    Damaged,
    /// Written by a newer version; use that.
    Incompatible,
    /// The request makes no sense as given.
    Invalid,
    /// The repository was opened for reading only, since entries of its journal are lost. Plan a repair, and carry it out.
    ReadOnly,
    /// The store does not allow it.
    PermissionDenied,
    /// The place itself is not there: no such bucket, container or share.
    NoStore,
    /// The store does not do what a repository rests on, or not what one with many writers rests on. The error says which answer of the
    /// [probe](crate::Repository::reprobe) was not yes. With one machine that writes,
    /// [`CreateOptions::single_writer`](crate::CreateOptions) may do.
    Unfit,
    /// The store is full.
    NoSpace,
    /// The store cannot be reached, or the local cache has lost what was in use; try again.
    Unavailable,
    /// An object is in cold storage. [`Error::object`] names it: [warm it up](crate::Repository::warm_up) first, with all others that are
    /// needed.
    Archived,
    /// A plan was made from another state.
    Stale,
    /// The source ended the run, such as a command that failed.
    Source,
    /// The target ended the run, such as a full disk.
    Target,
    /// The operation's future was dropped.
    Cancelled,
    /// A worker panicked or the system refused a thread: a bug, or a machine in trouble.
    Internal,
}

/// What this client has seen of a journal, and what the store shows now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Heads {
    /// The entry that was seen before.
    pub remembered: Head,
    /// What the store has: its newest entry after a rollback, the one in the same place in a fork. `None` if it has no readable entry.
    pub found: Option<Head>,
}

/// An entry of the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Head {
    /// Its number, from 0.
    pub n: u64,
    /// Its hash.
    pub hash: ObjectHash,
}

impl Head {
    pub(crate) fn new(n: u64, hash: ObjectHash) -> Self {
        Self { n, hash }
    }
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "entry {} with hash {}", self.n, self.hash)
    }
}

/// The result of an engine operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Makes an error; `what` is a lower-case phrase without a final period.
    pub(crate) fn new(kind: ErrorKind, what: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            what: what.into(),
            object: None,
            heads: None,
            lost_entry: None,
            source: None,
        }))
    }

    /// Makes the error of a store that has lost what this client has seen.
    pub(crate) fn rollback(remembered: Head, found: Option<Head>) -> Self {
        let what = match &found {
            Some(found) => {
                format!(
                    "the store went back: {remembered} was seen before, and its newest is {found}"
                )
            }
            None => format!("the store went back: {remembered} was seen before, and it has none"),
        };
        Self::about_heads(ErrorKind::Rollback, what, remembered, found)
    }

    /// Makes the error of a store that shows something else in the place of what this client has seen.
    pub(crate) fn fork(remembered: Head, found: Head) -> Self {
        let what = format!(
            "the store shows another history: {remembered} was seen before, and there it has {found}"
        );
        Self::about_heads(ErrorKind::Fork, what, remembered, Some(found))
    }

    fn about_heads(kind: ErrorKind, what: String, remembered: Head, found: Option<Head>) -> Self {
        let mut error = Self::new(kind, what).object_named(object_name::journal(remembered.n));
        error.0.heads = Some(Heads { remembered, found });
        error
    }

    /// Names the object of the store that it is about.
    #[must_use]
    pub(crate) fn object_named(mut self, name: impl Into<String>) -> Self {
        self.0.object = Some(name.into());
        self
    }

    /// Says that it is about journal entry `n`, which is in none of its places.
    #[must_use]
    pub(crate) fn losing(mut self, n: u64) -> Self {
        self.0.lost_entry = Some(n);
        self
    }

    /// Keeps what caused it.
    #[must_use]
    pub(crate) fn caused_by(
        mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Makes the error of an object that does not decode.
    pub(crate) fn decode(object: impl Into<String>, error: DecodeError) -> Self {
        let kind = match error.kind() {
            DecodeErrorKind::Unsupported => ErrorKind::Incompatible,
            _ => ErrorKind::Damaged,
        };
        let what = match kind {
            ErrorKind::Incompatible => "an object needs a newer version of this program",
            _ => "an object is damaged",
        };
        Self::new(kind, what).object_named(object).caused_by(error)
    }

    /// Returns what a caller can do about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns the name of the object in the store that it is about, if it is about one.
    #[must_use]
    pub fn object(&self) -> Option<&str> {
        self.0.object.as_deref()
    }

    /// Returns what was seen before and what is there now, for [`ErrorKind::Rollback`] and [`ErrorKind::Fork`].
    #[must_use]
    pub fn heads(&self) -> Option<&Heads> {
        self.0.heads.as_ref()
    }

    /// Returns the number of the journal entry that is lost, when that is what ended the operation: later entries follow it, or its own
    /// object is not what was written, and no copy of it is left.
    ///
    /// What to do: open the repository with [`LostEntries::Prefix`](crate::LostEntries) or [`LostEntries::Skip`](crate::LostEntries), which read
    /// around it and write nothing, look at [`Repository::journal_damage`](crate::Repository::journal_damage), and close the gap with
    /// [`Repository::plan_journal_repair`](crate::Repository::plan_journal_repair). If the store has a mirror or a replica, look for the entry there first.
    #[must_use]
    pub fn lost_entry(&self) -> Option<u64> {
        self.0.lost_entry
    }

    /// Returns what a person has to put right, where the store said so.
    #[must_use]
    pub fn cause(&self) -> Option<Cause> {
        let mut source: Option<&(dyn std::error::Error + 'static)> =
            std::error::Error::source(self);
        while let Some(error) = source {
            if let Some(error) = error.downcast_ref::<strongroom_store::Error>() {
                return error.cause();
            }
            source = error.source();
        }
        None
    }

    /// Says whether the same call may succeed later without anybody's doing.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.0.kind == ErrorKind::Unavailable
    }
}

impl From<strongroom_store::Error> for Error {
    fn from(error: strongroom_store::Error) -> Self {
        use strongroom_store::ErrorKind as Store;
        let kind = match error.kind() {
            Store::NotFound => ErrorKind::NotFound,
            Store::AlreadyExists => ErrorKind::AlreadyExists,
            Store::PermissionDenied => ErrorKind::PermissionDenied,
            Store::NoSpace => ErrorKind::NoSpace,
            Store::NoStore => ErrorKind::NoStore,
            Store::Unavailable => ErrorKind::Unavailable,
            Store::Archived => ErrorKind::Archived,
            Store::InvalidRange | Store::TooLarge => ErrorKind::Damaged,
            _ => ErrorKind::Unavailable,
        };
        let object = error.key().map(|key| key.as_str().to_owned());
        let what = match kind {
            ErrorKind::Archived => "an object is in cold storage and must be warmed up first",
            _ => "the store failed",
        };
        let what = match error.cause().filter(|cause| *cause != Cause::Archived) {
            Some(cause) => format!("{what}: {cause}"),
            None => what.to_owned(),
        };
        let mut made = Self::new(kind, what).caused_by(error);
        made.0.object = object;
        made
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.what)?;
        if let Some(object) = &self.0.object {
            write!(f, ": {object}")?;
        }
        match self.0.lost_entry {
            Some(_) => f.write_str(" (it can be read around, and repaired by a plan)"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("what", &self.0.what)
            .field("object", &self.0.object)
            .field("source", &self.0.source)
            .finish()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0
            .source
            .as_deref()
            .map(|source| source as &(dyn std::error::Error + 'static))
    }
}
