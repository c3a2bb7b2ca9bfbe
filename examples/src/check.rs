//! The options of a check.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use strongroom::blocking::Repository;
use strongroom::verify::sample::{Sampling, Share};
use strongroom::verify::{
    AuditKeys, AuditScope, CheckOptions, Level, PackSelection, SnapshotSelection,
};
use strongroom::{Clock as _, Error, ErrorKind, Id, Random as _, SystemClock, SystemRandom};

use crate::exit::Usage;
use crate::limit::age;
use crate::repository::RepositoryArgs;

/// How deep to look, at what, and with which keys.
#[derive(Debug, Args)]
#[non_exhaustive]
pub struct CheckArgs {
    /// How deep to look: L0 listed, L1 hashed, L2 authenticated, L3 decoded, L4 rebuilt.
    #[arg(long, default_value = "L3")]
    pub level: Level,
    /// Read only a random sample of this share of the packs.
    #[arg(long, value_name = "P%", conflicts_with = "below")]
    pub sample: Option<Share>,
    /// How sure to be of what a sample proves.
    #[arg(long, value_name = "C%", default_value = "99%")]
    pub confidence: Share,
    /// Read as many packs, chosen at random, as are needed to be sure that a smaller share is damaged.
    #[arg(long, value_name = "F%")]
    pub below: Option<Share>,
    /// Read the next part of a round that reads every pack once in this time.
    #[arg(long, value_name = "PERIOD", value_parser = age)]
    pub rolling: Option<Duration>,
    /// Read only packs that no check of this level has read for so long.
    #[arg(long, value_name = "AGE", value_parser = age)]
    pub max_age: Option<Duration>,
    /// When something in a sample is damaged, do not read everything that is like it.
    #[arg(long)]
    pub no_widen: bool,
    /// Compare parity with its packs too, which reads each of them once more.
    #[arg(long)]
    pub check_parity: bool,
    /// Only these snapshots, by their whole ids. May be given more than once.
    #[arg(long, value_name = "ID", value_parser = id)]
    pub snapshot: Vec<Id>,
    /// Only the newest snapshots of each series, so many.
    #[arg(long, value_name = "N", conflicts_with = "snapshot")]
    pub newest: Option<usize>,
    /// File with keys for an auditor, as `sr-keys export-audit` writes it.
    #[arg(long, value_name = "FILE", conflicts_with = "no_keys")]
    pub audit_keys: Option<PathBuf>,
    /// Look without any key, which shows whether objects are whole.
    #[arg(long)]
    pub no_keys: bool,
    /// Keep no evidence of the check in the journal: what goes on where the last check ended does not know of it.
    #[arg(long)]
    pub no_record: bool,
    /// What the policy calls the repository: the check is then among the records that audits and reports judge.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["no_record", "no_keys", "audit_keys", "snapshot", "newest"])]
    pub name: Option<String>,
}

/// What opens the repository for a check.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Access {
    /// Keys that read.
    pub keys: Option<AuditKeys>,
    /// The repository that a record of the check goes to, or why it does not open; none if there is to be no record.
    pub repository: Option<Result<Repository, Error>>,
}

impl CheckArgs {
    /// Returns what opens the repository.
    ///
    /// # Errors
    ///
    /// What the file, the terminal, the system or the repository said.
    pub fn access(&self, repository: &RepositoryArgs) -> anyhow::Result<Access> {
        if self.no_keys {
            return Ok(Access::default());
        }
        if let Some(path) = &self.audit_keys {
            let file = std::fs::read(path).with_context(|| path.display().to_string())?;
            let keys = AuditKeys::decode(&file)
                .map_err(|error| Usage(format!("{}: {error}", path.display())))?;
            return Ok(Access {
                keys: Some(keys),
                repository: None,
            });
        }
        let credential = repository.credential()?;
        // A passphrase is tried once: that alone takes as long as to check a small repository.
        let opened = match self.no_record {
            true => None,
            false => match repository.builder()?.open(&credential) {
                Err(error) if keeps_from_looking(&error) => return Err(error.into()),
                opened => Some(opened),
            },
        };
        let keys = match &opened {
            // One that is damaged may not open, and can be looked at all the same.
            Some(Err(_)) | None => repository
                .builder()?
                .audit_keys(AuditScope::Content, &credential)?,
            Some(Ok(opened)) => opened.audit_keys(AuditScope::Content)?,
        };
        Ok(Access {
            keys: Some(keys),
            repository: opened,
        })
    }

    /// Returns what is asked for.
    #[must_use]
    pub fn options(&self) -> CheckOptions {
        let snapshots = match self.newest {
            Some(count) => SnapshotSelection::Newest(count),
            None if self.snapshot.is_empty() => SnapshotSelection::All,
            None => SnapshotSelection::Ids(self.snapshot.clone()),
        };
        CheckOptions::new(SystemClock::default().now())
            .with_level(self.level)
            .with_packs(self.packs())
            .with_snapshots(snapshots)
    }

    fn packs(&self) -> PackSelection {
        let sampling = match (self.sample, self.below) {
            (Some(share), _) => Some(Sampling::share(share).with_confidence(self.confidence)),
            (None, Some(below)) => Some(Sampling::proving(self.confidence, below)),
            (None, None) => None,
        };
        let mut packs = PackSelection::all();
        packs.all = sampling.is_none() && self.rolling.is_none() && self.max_age.is_none();
        packs.sample = sampling;
        packs.rolling = self.rolling;
        packs.max_age = self.max_age;
        packs.with_widening(!self.no_widen)
    }
}

/// Whether an error of opening would be one of the check as well.
fn keeps_from_looking(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::WrongKey | ErrorKind::PermissionDenied | ErrorKind::Unavailable
    )
}

/// Writes keys for an auditor into a new file that only its owner may read.
///
/// # Errors
///
/// What the system said, also that there is a file of that name.
pub fn write_audit_keys(path: &Path, keys: &AuditKeys) -> anyhow::Result<()> {
    let mut random = [0; 16];
    SystemRandom.fill(&mut random)?;
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .with_context(|| path.display().to_string())?;
    file.write_all(&keys.encode(random)?)?;
    Ok(file.sync_all()?)
}

fn id(text: &str) -> Result<Id, String> {
    Id::parse(text).map_err(|error| error.to_string())
}
