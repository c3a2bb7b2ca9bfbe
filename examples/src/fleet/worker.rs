//! One client of the fleet: backs up its folder, restores, forgets and prunes until it is told to end, or killed.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args;
use serde_json::Value;
use strongroom::blocking::Repository;
use strongroom::{
    BackupOptions, ChunkSizes, Counter, Credential, DirectoryTarget, DirectoryTargetOptions,
    ErrorKind, FileTree, RestoreOptions, Settings, SnapshotInfo,
};

use super::chance::Chance;
use super::diary::Diary;
use super::fingerprint::fingerprint;
use super::folder::Folder;
use super::place::{PlaceArgs, requests};
use super::tally;

/// The label that says what a snapshot has to restore to.
pub(super) const LABEL: &str = "fingerprint";

/// What is counted when the store could not be reached for longer than requests are tried again.
pub(super) const OUT_OF_REACH: &str = "operations given up because the store was out of reach";

/// A worker with more failures than that has nothing more to show.
const MAX_FAILURES: u32 = 20;

/// What a worker does besides, and in which share of its rounds.
const UPKEEP: &[(f64, Act)] = &[
    (0.3, Worker::forget_by_rules),
    (0.1, Worker::forget_one),
    (0.15, Worker::restore_one),
    (0.12, Worker::prune),
    (0.12, Worker::delete),
    (0.06, Worker::undelete),
];

type Act = fn(&mut Worker) -> anyhow::Result<()>;

const CHUNK_SIZES: ChunkSizes = match ChunkSizes::around(32 << 10) {
    Ok(sizes) => sizes,
    Err(_) => ChunkSizes::DEFAULT,
};

/// Who a worker is.
#[derive(Debug, Clone, Args)]
#[non_exhaustive]
pub struct WorkerArgs {
    /// Folder with the folders and diaries of all workers.
    #[arg(long)]
    pub work: PathBuf,
    /// Which worker.
    #[arg(long)]
    pub number: u64,
    /// How often it was begun before.
    #[arg(long)]
    pub incarnation: u64,
    /// Decides what it does.
    #[arg(long)]
    pub seed: u64,
}

impl WorkerArgs {
    pub(super) fn at(&self, name: &str) -> PathBuf {
        self.work.join(format!("{name}-{}", self.number))
    }

    pub(super) fn diary(&self) -> PathBuf {
        self.at("worker").with_extension("log")
    }
}

/// Works until `ends` is set.
///
/// # Errors
///
/// When the worker itself cannot go on: its folder or diary fails, or the repository does not open. Everything else is in the diary.
pub(super) fn work(
    args: &WorkerArgs,
    place: &PlaceArgs,
    password: &str,
    ends: &AtomicBool,
) -> anyhow::Result<()> {
    let mut diary = Diary::open(&args.diary())?;
    diary.write(tally::begins(args.incarnation))?;
    let mut settings = settings();
    settings.cache = Some(args.at("cache"));
    let counter = Counter::new();
    let builder = Repository::builder(place.open(&counter)?).settings(settings);
    let repository = loop {
        match builder.clone().open(&Credential::passphrase(password)) {
            Ok(repository) => break repository,
            Err(error) if place.unreliable && error.kind() == ErrorKind::Unavailable => {
                diary.write(tally::overtaken(OUT_OF_REACH, "open", &described(&error)))?;
                if ends.load(Ordering::Relaxed) {
                    return Ok(());
                }
            }
            Err(error) => {
                diary.write(tally::failed("open", &described(&error)))?;
                return Err(error.into());
            }
        }
    };
    let mut worker = Worker {
        args: args.clone(),
        unreliable: place.unreliable,
        counter,
        asked: BTreeMap::new(),
        repository,
        folder: Folder::open(args.at("source"), args.seed)?,
        diary,
        chance: Chance::of(&[args.seed, args.number, args.incarnation]),
        failures: 0,
    };
    let mut round = args.incarnation * 7;
    while !ends.load(Ordering::Relaxed) && worker.failures < MAX_FAILURES {
        worker.round(round)?;
        round += 1;
    }
    Ok(())
}

/// Small packs, small chunks and many announcements, so that a little content makes many of each. Where chunks end depends on the
/// keys: of a few large ones a fresh copy would be of another size by chance.
pub(super) fn settings() -> Settings {
    let mut settings = Settings::default();
    settings.pack_bytes = 1 << 20;
    settings.announce_bytes = 256 << 10;
    settings.chunk_sizes = CHUNK_SIZES;
    settings.threads = 1;
    settings
}

pub(super) struct Worker {
    args: WorkerArgs,
    unreliable: bool,
    counter: Counter,
    /// What was asked of the store, as far as it was written down.
    asked: BTreeMap<&'static str, u64>,
    pub(super) repository: Repository,
    folder: Folder,
    pub(super) diary: Diary,
    pub(super) chance: Chance,
    failures: u32,
}

impl Worker {
    fn round(&mut self, round: u64) -> anyhow::Result<()> {
        self.folder.change(round, &mut self.chance)?;
        self.back_up()?;
        for (share, act) in UPKEEP {
            if self.chance.happens(*share) {
                act(self)?;
            }
        }
        self.note_requests()?;
        self.note(tally::counted("rounds", 1))
    }

    fn note_requests(&mut self) -> anyhow::Result<()> {
        let now = requests(&self.counter);
        let before = |kind: &str| self.asked.get(kind).copied().unwrap_or_default();
        let since = now
            .iter()
            .map(|(kind, count)| (*kind, count - before(kind)));
        let since: BTreeMap<&str, u64> = since.filter(|(_, count)| *count > 0).collect();
        self.note(tally::asked(&since))?;
        self.asked = now;
        Ok(())
    }

    fn back_up(&mut self) -> anyhow::Result<()> {
        let expected = fingerprint(self.folder.root())?;
        let source = Arc::new(FileTree::builder(self.folder.root()).build()?);
        let mut options = BackupOptions::new(self.series()).with_host(self.series());
        options.labels.insert(LABEL.to_owned(), expected.clone());
        self.note(tally::intends(&expected))?;
        match self.repository.backup(source, options, Arc::new(())) {
            Ok(done) if done.is_complete() => {
                self.note(tally::acknowledged(&done.snapshot.to_string(), &expected))?;
                if done.passes > 1 {
                    self.note(tally::counted("passes again", u64::from(done.passes - 1)))?;
                    self.note(tally::counted("bytes stored again", done.repeated_bytes))?;
                }
                self.note(tally::counted("backups", 1))
            }
            Ok(done) => self.fail("backup", &format!("partial: {:?}", done.problems)),
            Err(error) => self.was_refused("backup", &error),
        }
    }

    /// Restores any snapshot of anybody.
    fn restore_one(&mut self) -> anyhow::Result<()> {
        let Some(info) = self.any_snapshot("restore")? else {
            return Ok(());
        };
        let target = self.args.at("restored");
        let Err(unproven) = proves(&self.repository, &info, &target) else {
            return self.note(tally::counted("restores", 1));
        };
        let Unproven { what, kind } = unproven;
        if kind == Some(ErrorKind::Unavailable) && self.unreliable {
            return self.note(tally::overtaken(OUT_OF_REACH, "restore", &what));
        }
        // Whoever restores what others forget at the same time may come too late.
        match self.repository.snapshots() {
            Ok(now) if now.iter().all(|other| other.id != info.id) => {
                self.note(tally::overtaken("overtaken", "restore", &what))
            }
            Ok(_) => self.fail("restore", &what),
            Err(error) => self.was_refused("restore", &error),
        }
    }

    /// Picks one of the snapshots in force.
    pub(super) fn any_snapshot(&mut self, during: &str) -> anyhow::Result<Option<SnapshotInfo>> {
        match self.repository.snapshots() {
            Ok(snapshots) => Ok(self.chance.one_of(&snapshots).cloned()),
            Err(error) => self.was_refused(during, &error).map(|()| None),
        }
    }

    /// Notes why an operation did not happen. What another client caused is no failure: the next round tries again.
    pub(super) fn was_refused(
        &mut self,
        during: &str,
        error: &strongroom::Error,
    ) -> anyhow::Result<()> {
        let what = described(error);
        match error.kind() {
            ErrorKind::Conflict | ErrorKind::Stale => {
                self.note(tally::overtaken("conflicts", during, &what))
            }
            ErrorKind::Unavailable if self.unreliable => {
                self.note(tally::overtaken(OUT_OF_REACH, during, &what))
            }
            _ => self.fail(during, &what),
        }
    }

    pub(super) fn fail(&mut self, during: &str, what: &str) -> anyhow::Result<()> {
        self.failures += 1;
        self.note(tally::failed(during, what))
    }

    pub(super) fn note(&mut self, line: Value) -> anyhow::Result<()> {
        Ok(self.diary.write(line)?)
    }

    pub(super) fn series(&self) -> String {
        format!("worker-{}", self.args.number)
    }
}

/// Why a snapshot was not proven.
#[derive(Debug)]
pub(super) struct Unproven {
    pub(super) what: String,
    /// What the engine said, if it said something.
    kind: Option<ErrorKind>,
}

/// Restores a snapshot into an empty folder and compares its fingerprint with the one it was made with.
pub(super) fn proves(
    repository: &Repository,
    info: &SnapshotInfo,
    folder: &Path,
) -> Result<u64, Unproven> {
    let said = |error: &dyn Display| Unproven {
        what: format!("snapshot {}: {error}", info.id),
        kind: None,
    };
    let failed = |error: &strongroom::Error| Unproven {
        kind: Some(error.kind()),
        ..said(&described(error))
    };
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(|error| said(&error))?;
    }
    let target = DirectoryTarget::create(folder, DirectoryTargetOptions::new())
        .map_err(|error| said(&error))?;
    let options = RestoreOptions::default();
    let report = repository
        .restore(&info.id, Arc::new(target), options, Arc::new(()))
        .map_err(|error| failed(&error))?;
    if let Some(error) = &report.stopped {
        return Err(failed(error));
    }
    if !report.is_complete() {
        return Err(said(&format!("lost {:?}", report.lost)));
    }
    let found = fingerprint(folder).map_err(|error| said(&error))?;
    let expected = info.snapshot.labels.get(LABEL);
    if expected != Some(found.as_str()) {
        let what = format!("its fingerprint is {found}, not {expected:?}");
        return Err(said(&what));
    }
    Ok(report.bytes_restored)
}

/// Says everything that an error says, with its kind.
pub(super) fn described(error: &strongroom::Error) -> String {
    let mut text = format!("{:?}: {error}", error.kind());
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        text.push_str(&format!(": {error}"));
        source = error.source();
    }
    text
}
