//! What a machine remembers of its runs: which was made last, and what could not be recorded.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use rustix::fs::{FlockOperation, flock};
use strongroom::blocking::Repository;
use strongroom::evidence::Record;
use strongroom_policy::{ExpectedRun, Policy, Resource};

/// A folder of one resource.
#[derive(Debug)]
pub(super) struct StateFolder {
    folder: PathBuf,
}

impl StateFolder {
    /// Makes the folder if it is not there.
    pub(super) fn open(
        base: Option<&Path>,
        policy: &Policy,
        resource: &Resource,
    ) -> anyhow::Result<Self> {
        let base = match base {
            Some(base) => base.to_owned(),
            None => default_base().context("no folder for state: --state names one")?,
        };
        // Ids are people's words: a digest is a name that every file system takes.
        let name = blake3::hash(format!("{}\0{}", policy.name, resource.id).as_bytes());
        let name = name.to_hex();
        let folder = base.join("runs").join(name.get(..32).unwrap_or(&name));
        fs::create_dir_all(folder.join("waiting")).with_context(|| folder.display().to_string())?;
        Ok(Self { folder })
    }

    /// Makes sure that no other run of the resource is on its way, for as long as what it returns lives.
    pub(super) fn lock(&self) -> anyhow::Result<File> {
        let file = File::create(self.folder.join("lock"))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(file),
            Err(rustix::io::Errno::WOULDBLOCK) => {
                anyhow::bail!("another run of this resource is on its way")
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Returns when the last run was due that was made.
    pub(super) fn done(&self) -> Option<i64> {
        let text = fs::read_to_string(self.folder.join("done")).ok()?;
        text.trim().parse().ok()
    }

    /// Remembers that a run was made. That it cannot costs a run too many.
    pub(super) fn set_done(&self, due: Option<&ExpectedRun>) {
        if let Some(due) = due {
            drop(fs::write(
                self.folder.join("done"),
                due.due.unix_seconds.to_string(),
            ));
        }
    }

    /// Keeps a record that could not be put into the journal.
    pub(super) fn keep(&self, record: &Record) -> anyhow::Result<()> {
        let name = format!("{}.{}", record.head.id, record.fact.kind());
        let path = self.folder.join("waiting").join(name);
        let bytes = record.encode()?;
        let unfinished = path.with_extension("unfinished");
        fs::write(&unfinished, bytes)?;
        fs::rename(unfinished, path)?;
        Ok(())
    }

    /// Puts records that were kept into the journal, the oldest first, and says how many.
    pub(super) fn send(&self, repository: &Repository) -> anyhow::Result<usize> {
        let mut files: Vec<PathBuf> = Vec::new();
        for file in fs::read_dir(self.folder.join("waiting"))? {
            files.push(file?.path());
        }
        files.sort();
        let mut sent = Vec::new();
        let mut records = Vec::new();
        for path in files {
            let kind = path
                .extension()
                .and_then(|kind| kind.to_str())
                .unwrap_or_default();
            let bytes = fs::read(&path)?;
            // What was cut off when the machine stopped says nothing.
            if let Ok(record) = Record::decode(kind, &bytes) {
                records.push(record);
                sent.push(path);
            }
        }
        repository.record_all(&records)?;
        sent.iter().try_for_each(fs::remove_file)?;
        Ok(sent.len())
    }
}

fn default_base() -> io::Result<PathBuf> {
    let folder = |name: &str| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let base = folder("XDG_STATE_HOME")
        .or_else(|| folder("HOME").map(|home| home.join(".local/state")))
        .ok_or(io::ErrorKind::NotFound)?;
    Ok(base.join("strongroom"))
}
