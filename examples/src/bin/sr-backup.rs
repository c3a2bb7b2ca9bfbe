//! Backs up files, standard input, or the output of a command.

use std::process::ExitCode;
use std::sync::Arc;

use clap::{ArgGroup, Parser};
use strongroom::blocking::Repository;
use strongroom::{BackupOptions, ParentChoice, Settings};
use strongroom_examples::backup::{What, report, report_dry_run};
use strongroom_examples::{Output, RepositoryArgs, Status, Watch, finish, host_name};

/// Back up files, standard input, or the output of a command.
#[derive(Debug, Parser)]
#[command(version, group = ArgGroup::new("what").required(true).args(["paths", "stdin", "command"]))]
struct Arguments {
    #[command(flatten)]
    repository: RepositoryArgs,
    #[command(flatten)]
    what: What,
    /// Name of this machine [default: its own].
    #[arg(long)]
    host: Option<String>,
    /// Tag of the snapshot; can be given several times.
    #[arg(long = "tag")]
    tags: Vec<String>,
    /// What successive backups of the same thing share [default: the paths, or the entry's name]. Those who maintain the
    /// repository without keys to its content see it.
    #[arg(long)]
    series: Option<String>,
    /// Words for people.
    #[arg(long)]
    description: Option<String>,
    /// Earlier snapshot that tells what has not changed: the beginning of its id, `latest` of the series, or `none`.
    #[arg(long, value_name = "SNAPSHOT", default_value = "latest")]
    parent: String,
    /// Compression level, -7 to 19 [default: 3].
    #[arg(long, allow_negative_numbers = true, value_parser = clap::value_parser!(i32).range(-7..=19))]
    level: Option<i32>,
    /// Show what would be taken (+), what is unchanged (=), and what is left out by which rule (-). Stores nothing.
    #[arg(long, conflicts_with_all = ["stdin", "command"])]
    dry_run: bool,
    /// New content after which a long backup announces what is stored.
    #[arg(long, hide = true)]
    announce_bytes: Option<u64>,
    /// Size of a full pack.
    #[arg(long, hide = true)]
    pack_bytes: Option<usize>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let output = Arc::new(arguments.repository.output());
    finish(&output, run(&arguments, &output))
}

fn run(arguments: &Arguments, output: &Arc<Output>) -> anyhow::Result<Status> {
    let (source, read_ahead) = arguments.what.source()?;
    let more = |mut settings: Settings| {
        settings.level = arguments.level.unwrap_or(settings.level);
        settings.announce_bytes = arguments.announce_bytes.unwrap_or(settings.announce_bytes);
        settings.pack_bytes = arguments.pack_bytes.unwrap_or(settings.pack_bytes);
        settings
    };
    let repository = arguments.repository.open_after(more, read_ahead)?;
    let options = options(arguments, &repository)?;
    if arguments.dry_run {
        let plan = repository.backup_dry_run(source, options, Watch::listing(output))?;
        return Ok(report_dry_run(output, &plan));
    }
    let watch = Watch::new(output);
    let done = repository.backup(source, options, watch.clone());
    watch.end();
    Ok(report(output, &done?))
}

fn options(arguments: &Arguments, repository: &Repository) -> anyhow::Result<BackupOptions> {
    let series = arguments
        .series
        .clone()
        .unwrap_or_else(|| arguments.what.series());
    let host = arguments.host.clone().unwrap_or_else(host_name);
    let mut options = arguments
        .what
        .recorded_in(BackupOptions::new(series))?
        .with_host(host)
        .with_tags(arguments.tags.clone())
        .with_parent(match arguments.parent.as_str() {
            "latest" => ParentChoice::Latest,
            "none" => ParentChoice::None,
            id => ParentChoice::Snapshot(repository.find_snapshot(id, Default::default())?),
        });
    if let Some(description) = &arguments.description {
        options = options.with_description(description);
    }
    Ok(options)
}
