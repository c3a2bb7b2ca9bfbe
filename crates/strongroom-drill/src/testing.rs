//! Worlds for tests: repositories in memory, and sandboxes that fail where they are told to.

use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use strongroom::{
    BackupOptions, CreateOptions, Credential, DirectoryTarget, DirectoryTargetOptions, FileTree,
    Id, MemoryStore, Repository, Store, StreamSource, Suite,
};

use crate::sandbox::{Connection, Intake, Loader, Need, Sandbox, SandboxError, SandboxErrorKind};
use crate::stop::{Cancel, Stop};
use crate::validator::{Outcome, Scene, Validator};

pub(crate) fn repository() -> (Arc<MemoryStore>, Repository) {
    let store = Arc::new(MemoryStore::new());
    let builder = Repository::builder(Arc::clone(&store) as Arc<dyn Store>);
    let options = CreateOptions::default().with_suite(Suite::None);
    let created = builder.create(options, &Credential::None);
    let created = Stop::never().wait(created).unwrap().unwrap();
    (store, created.repository)
}

pub(crate) fn back_up(repository: &Repository, folder: &Path, series: &str) -> Id {
    let tree = Arc::new(FileTree::builder(folder).build().unwrap());
    let report = repository.backup(tree, BackupOptions::new(series), Arc::new(()));
    Stop::never().wait(report).unwrap().unwrap().snapshot
}

pub(crate) fn back_up_stream(repository: &Repository, content: &'static str) -> Id {
    let source = Arc::new(StreamSource::new("dump.sql", content.as_bytes()).unwrap());
    let report = repository.backup(source, BackupOptions::new("dump"), Arc::new(()));
    Stop::never().wait(report).unwrap().unwrap().snapshot
}

/// A small tree, and a repository with a snapshot of it.
pub(crate) fn letters() -> (tempfile::TempDir, Repository, Id) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("sent")).unwrap();
    std::fs::write(folder.path().join("sent/one"), "Dear sir").unwrap();
    std::fs::write(folder.path().join("two"), "Dear madam").unwrap();
    let (_, repository) = repository();
    let snapshot = back_up(&repository, folder.path(), "letters");
    (folder, repository, snapshot)
}

/// What a fake sandbox does otherwise than it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Fault {
    #[default]
    None,
    Prepare(SandboxErrorKind),
    PreparePanics,
    Start(SandboxErrorKind),
    StartPanics,
    Loader(SandboxErrorKind),
    /// The database closes its pipe.
    Write,
    Finish(SandboxErrorKind),
    TearDown,
    TearDownPanics,
    /// It says that it is gone, and is not.
    Remains,
    RemainsPanics,
}

/// A sandbox that is a folder, or takes a stream.
#[derive(Debug)]
pub(crate) struct Fake {
    pub(crate) fault: Fault,
    pub(crate) taken: Arc<Mutex<Vec<u8>>>,
    pub(crate) torn: Arc<AtomicUsize>,
    folder: Option<tempfile::TempDir>,
    is_stream: bool,
}

impl Fake {
    pub(crate) fn files(fault: Fault) -> Self {
        Self {
            fault,
            taken: Arc::default(),
            torn: Arc::default(),
            folder: None,
            is_stream: false,
        }
    }

    pub(crate) fn stream(fault: Fault) -> Self {
        Self {
            is_stream: true,
            ..Self::files(fault)
        }
    }
}

fn fails(kind: SandboxErrorKind) -> SandboxError {
    SandboxError::new(kind, "as told")
}

impl Sandbox for Fake {
    fn name(&self) -> &str {
        "fake"
    }

    fn prepare(&mut self, _need: &Need, _stop: &Stop) -> Result<Intake, SandboxError> {
        match self.fault {
            Fault::Prepare(kind) => return Err(fails(kind)),
            Fault::PreparePanics => panic!("as told"),
            _ => {}
        }
        let folder = tempfile::tempdir().unwrap();
        let options = DirectoryTargetOptions::new();
        let target = DirectoryTarget::create(folder.path().join("c"), options).unwrap();
        self.folder = Some(folder);
        Ok(match self.is_stream {
            true => Intake::Stream,
            false => Intake::Files(Arc::new(target)),
        })
    }

    fn start(&mut self, _stop: &Stop) -> Result<Connection, SandboxError> {
        match self.fault {
            Fault::Start(kind) => Err(fails(kind)),
            Fault::StartPanics => panic!("as told"),
            _ => {
                let folder = self.folder.as_ref().unwrap().path().join("c");
                Ok(Connection::new().with_directory(folder))
            }
        }
    }

    fn loader(&mut self, _stop: &Stop) -> Result<Box<dyn Loader>, SandboxError> {
        if let Fault::Loader(kind) = self.fault {
            return Err(fails(kind));
        }
        let taken = Arc::clone(&self.taken);
        let fault = self.fault;
        Ok(Box::new(FakeLoader { taken, fault }))
    }

    fn tear_down(&mut self) -> Result<(), SandboxError> {
        self.torn.fetch_add(1, Ordering::Relaxed);
        match self.fault {
            Fault::TearDown => return Err(fails(SandboxErrorKind::Remains)),
            Fault::TearDownPanics => panic!("as told"),
            _ => {}
        }
        self.folder = None;
        Ok(())
    }

    fn remains(&self) -> Vec<String> {
        match (self.fault, &self.folder) {
            (Fault::RemainsPanics, _) => panic!("as told"),
            (Fault::Remains, _) | (_, Some(_)) => vec!["a folder".to_owned()],
            _ => Vec::new(),
        }
    }
}

struct FakeLoader {
    taken: Arc<Mutex<Vec<u8>>>,
    fault: Fault,
}

impl Write for FakeLoader {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        if self.fault == Fault::Write {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.taken.lock().unwrap().extend_from_slice(piece);
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Loader for FakeLoader {
    fn finish(self: Box<Self>) -> Result<(), SandboxError> {
        match self.fault {
            Fault::Finish(kind) => Err(fails(kind)),
            _ => Ok(()),
        }
    }
}

/// A validator that says what it is told to.
#[derive(Debug, Clone)]
pub(crate) enum Says {
    Passed,
    Failed,
    Skipped,
    Panics,
    /// Nothing, until it is time to stop.
    Waits,
    /// Cancels the drill.
    Cancels(Cancel),
}

impl Validator for Says {
    fn name(&self) -> &str {
        "says"
    }

    fn validate(&self, _scene: &Scene<'_>, stop: &Stop) -> Outcome {
        match self {
            Self::Passed => Outcome::passed("as told"),
            Self::Failed => Outcome::failed("told", "as told"),
            Self::Skipped => Outcome::skipped("told", "as told"),
            Self::Panics => panic!("as told"),
            Self::Waits => match stop.wait(std::future::pending::<()>()) {
                Ok(()) => Outcome::passed("never"),
                Err(stopped) => stopped.into(),
            },
            Self::Cancels(cancel) => {
                cancel.cancel();
                Outcome::passed("as told")
            }
        }
    }
}
