//! What is backed up, and how a backup is reported.

use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde_json::json;
use strongroom::source::Source;
use strongroom::{BackupOptions, BackupReport, CommandSource, DryRun, FileTree, StreamSource};

use crate::exit::{Status, Usage};
use crate::leave_out::LeaveOut;
use crate::output::Output;
use crate::show::parity;
use crate::size::{rate, size};
use crate::when::seconds;

/// Paths, standard input, or a command; and what is left out.
#[derive(Debug, Args)]
#[non_exhaustive]
pub struct What {
    /// Files and directories. One directory becomes the root of the snapshot; several paths keep their whole paths.
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Back up standard input as a file of this name.
    #[arg(long, value_name = "NAME")]
    pub stdin: Option<String>,
    /// Back up what a command writes; everything after this is the command. It fails: so does the backup.
    #[arg(long, value_name = "CMD", num_args = 1.., allow_hyphen_values = true)]
    pub command: Vec<OsString>,
    /// Name of the file that a command's output becomes [default: the program's].
    #[arg(long, requires = "command")]
    pub name: Option<String>,
    #[command(flatten)]
    left_out: LeaveOut,
}

impl What {
    /// Makes the source, and what lets it read directories before the backup begins.
    ///
    /// # Errors
    ///
    /// [`Usage`] for rules and names that cannot be; otherwise what the system said.
    pub fn source(&self) -> anyhow::Result<(Arc<dyn Source>, impl FnOnce() + use<>)> {
        let tree = match self.paths.as_slice() {
            [] => None,
            paths => Some(self.tree(paths)?),
        };
        let source: Arc<dyn Source> = match &tree {
            Some(tree) => Arc::clone(tree) as Arc<dyn Source>,
            None => self.one_stream()?,
        };
        Ok((source, move || {
            if let Some(tree) = tree {
                tree.read_ahead();
            }
        }))
    }

    fn one_stream(&self) -> anyhow::Result<Arc<dyn Source>> {
        let usage = |error: io::Error| Usage(error.to_string());
        if let Some(name) = &self.stdin {
            return Ok(Arc::new(
                StreamSource::new(name.as_str(), io::stdin()).map_err(usage)?,
            ));
        }
        if !self.command.is_empty() {
            let source =
                CommandSource::new(self.command_name(), self.command.clone()).map_err(usage)?;
            return Ok(Arc::new(source.pass_errors_on()));
        }
        Err(Usage("nothing to back up".to_owned()).into())
    }

    fn tree(&self, paths: &[PathBuf]) -> anyhow::Result<Arc<FileTree>> {
        let (first, rest) = paths
            .split_first()
            .ok_or_else(|| Usage("nothing to back up".to_owned()))?;
        let builder = rest
            .iter()
            .fold(FileTree::builder(first), |builder, path| builder.path(path));
        Ok(Arc::new(self.left_out.of(builder)?.build()?))
    }

    /// Returns what successive backups of the same thing share.
    #[must_use]
    pub fn series(&self) -> String {
        if let Some(name) = &self.stdin {
            return name.clone();
        }
        if !self.command.is_empty() {
            return self.command_name();
        }
        let paths: Vec<String> = self
            .paths
            .iter()
            .map(|path| absolute(path).to_string_lossy().into_owned())
            .collect();
        paths.join(" ")
    }

    /// Writes into the options what people want to see later.
    ///
    /// # Errors
    ///
    /// When a file with exclude rules cannot be read.
    pub fn recorded_in(&self, options: BackupOptions) -> anyhow::Result<BackupOptions> {
        let paths = self
            .paths
            .iter()
            .map(|path| absolute(path).as_os_str().as_bytes().to_vec());
        let options = options
            .with_paths(paths)
            .with_excludes(self.left_out.rules()?);
        if self.command.is_empty() {
            return Ok(options);
        }
        Ok(options.with_command(
            self.command
                .iter()
                .map(|word| word.to_string_lossy().into_owned()),
        ))
    }

    fn command_name(&self) -> String {
        let program = self
            .command
            .first()
            .map(Path::new)
            .and_then(Path::file_name)
            .unwrap_or_default();
        self.name
            .clone()
            .unwrap_or_else(|| program.to_string_lossy().into_owned())
    }
}

/// Says what a backup did.
pub fn report(output: &Output, done: &BackupReport) -> Status {
    let (summary, time) = (
        &done.summary,
        done.phases.prepare + done.phases.store + done.phases.commit,
    );
    let _ = output.json(|| {
        json!({
            "type": "result",
            "snapshot": done.snapshot.to_string(),
            "outcome": if done.is_complete() { "complete" } else { "partial" },
            "parent": done.parent.map(|id| id.to_string()),
            "files": summary.files,
            "directories": summary.directories,
            "others": summary.others,
            "bytes": summary.bytes,
            "new_bytes": summary.new_bytes,
            "unchanged": summary.unchanged,
            "skipped": summary.skipped,
            "packs": done.packs,
            "announcements": done.announcements,
            "transferred_bytes": done.transferred_bytes,
            "parity": parity::object(&done.parity),
            "seconds": time.as_secs_f64(),
        })
    });
    let entries = summary.files + summary.directories + summary.others;
    let _ = output.line(&format!(
        "snapshot {}: {} files, {} directories, {} others; {} ({} entries unchanged)",
        done.snapshot,
        summary.files,
        summary.directories,
        summary.others,
        size(summary.bytes),
        summary.unchanged,
    ));
    let _ = output.line(&format!(
        "{} new, {} written to the repository, in {} ({})",
        size(summary.new_bytes),
        size(done.transferred_bytes),
        seconds(time),
        rate(summary.bytes, time),
    ));
    parity::complain(output, &done.parity);
    if !done.is_complete() {
        output.complain(&format!(
            "partial: {} of {entries} entries were skipped or changed while they were read",
            summary.skipped
        ));
    }
    Status::complete(done.is_complete())
}

/// Says what a backup would do.
pub fn report_dry_run(output: &Output, plan: &DryRun) -> Status {
    let _ = output.json(|| {
        json!({
            "type": "result",
            "entries": plan.entries,
            "bytes": plan.bytes,
            "unchanged": plan.unchanged,
            "excluded": plan.excluded,
            "problems": plan.problems,
        })
    });
    let _ = output.line(&format!(
        "would take {} entries, of which {} are unchanged, and read {}; {} left out by rules",
        plan.entries,
        plan.unchanged,
        size(plan.bytes),
        plan.excluded,
    ));
    Status::complete(plan.problems == 0)
}

/// Links are not resolved: this is for people.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
