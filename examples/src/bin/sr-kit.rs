//! Writes a recovery kit, and restores with nothing but one.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use serde_json::json;
use strongroom::blocking::Repository;
use strongroom::{
    DirectoryTarget, DirectoryTargetOptions, NewSlot, RecoveryCode, RecoveryKit, RestoreOptions,
    SnapshotFilter, SystemRandom,
};
use strongroom_examples::{
    Output, RepositoryArgs, Status, Usage, Watch, finish, restore, show, store_at,
};

/// Write a page of paper that restores on a machine with nothing; restore with it.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Print the kit. Whoever has it can read everything: print it, and keep no file of it.
    Write {
        #[command(flatten)]
        repository: RepositoryArgs,
        /// Add a slot for a new recovery code, which the kit has; else it has a blank line for the one there is.
        #[arg(long)]
        new_code: bool,
        /// Write a page for a browser to print.
        #[arg(long)]
        html: bool,
    },
    /// List the snapshots of the repository that a kit is of.
    List {
        #[command(flatten)]
        kit: KitArgs,
    },
    /// Restore a snapshot into a directory.
    Restore {
        #[command(flatten)]
        kit: KitArgs,
        /// Directory to restore into.
        #[arg(long, value_name = "DIR")]
        target: PathBuf,
        /// The beginning of its id.
        #[arg(long, default_value = "latest")]
        snapshot: String,
    },
}

#[derive(Debug, Args)]
struct KitArgs {
    /// File with the lines of the kit, typed again or printed.
    #[arg(long, value_name = "FILE")]
    kit: PathBuf,
    /// Where the repository is now, if it is not where the kit says.
    #[arg(long, value_name = "URL")]
    repo: Option<String>,
    /// Write one JSON object per line, for machines.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let output = Arc::new(match &arguments.verb {
        Verb::Write { repository, .. } => repository.output(),
        Verb::List { kit } | Verb::Restore { kit, .. } => Output::new(kit.json),
    });
    finish(&output, run(&arguments.verb, &output))
}

fn run(verb: &Verb, output: &Arc<Output>) -> anyhow::Result<Status> {
    match verb {
        Verb::Write {
            repository,
            new_code,
            html,
        } => write(repository, output, *new_code, *html),
        Verb::List { kit } => {
            for info in kit.open()?.snapshots()? {
                let _ = output.json(|| show::snapshot::object(&info));
                let _ = output.line(&show::snapshot::line(&info));
            }
            Ok(Status::Complete)
        }
        Verb::Restore {
            kit,
            target,
            snapshot,
        } => {
            let repository = kit.open()?;
            let id = repository.find_snapshot(snapshot, SnapshotFilter::default())?;
            let target = DirectoryTarget::create(target, DirectoryTargetOptions::new())?;
            let (watch, options) = (Watch::new(output), RestoreOptions::default());
            let report = repository.restore(&id, Arc::new(target), options, watch.clone());
            watch.end();
            restore::report(output, &id, report?, false)
        }
    }
}

fn write(
    arguments: &RepositoryArgs,
    output: &Output,
    new_code: bool,
    html: bool,
) -> anyhow::Result<Status> {
    let repository = arguments.open()?;
    let mut kit = repository.recovery_kit(location(arguments));
    if new_code {
        let code = Arc::new(RecoveryCode::generate(&SystemRandom)?);
        repository.add_slot("recovery kit", NewSlot::RecoveryCode(Arc::clone(&code)))?;
        kit = kit.with_code(code);
    }
    let page = if html { kit.to_html() } else { kit.to_text() };
    let written = [
        output.json(|| json!({ "type": "kit", "page": page.as_str() })),
        output.line(&page),
    ];
    // A kit that nobody got is none, though a reader that went away is no error elsewhere.
    if written.iter().any(ControlFlow::is_break) {
        let what = match new_code {
            true => {
                "the kit was not written, and nobody has its code: take its slot away with sr-keys revoke"
            }
            false => "the kit was not written",
        };
        anyhow::bail!(what);
    }
    Ok(Status::Complete)
}

/// A path that somebody else will understand.
fn location(arguments: &RepositoryArgs) -> String {
    let path = Path::new(&arguments.repo);
    let whole = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    whole.to_string_lossy().into_owned()
}

impl KitArgs {
    /// Opens the repository with nothing but what the kit says.
    fn open(&self) -> anyhow::Result<Repository> {
        let text =
            std::fs::read_to_string(&self.kit).with_context(|| self.kit.display().to_string())?;
        let kit = RecoveryKit::parse(&text).map_err(|error| Usage(error.to_string()))?;
        let credential = kit
            .credential()
            .ok_or_else(|| Usage("the kit has no recovery code: fill it in".to_owned()))?;
        let location = self.repo.as_deref().unwrap_or(kit.location());
        let builder = Repository::builder(store_at(location)?).pin(kit.pin());
        Ok(builder.open(&credential)?)
    }
}
