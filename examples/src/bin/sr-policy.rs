//! Reads a backup policy: what is wrong with it, what it says, what it comes to, and what a new version weakens.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};
use serde_json::{Value, json};
use strongroom::retain::Moment;
use strongroom_examples::policy::{due, explain, read, say, units};
use strongroom_examples::{Output, Status, finish};
use strongroom_policy::{
    History, Host, Launch, Period, Resource, Severity, SimulationOptions, diff, json_schema,
};

/// Read a backup policy. Ends with 0, with 3 when there is something that people must look at (errors of `lint`, a weaker
/// `diff`, what is overdue or not protected), and with 1 when the policy cannot be read. Everything is computed for `--now`.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// The time for which everything is computed, as 2026-12-02T10:00:00+01:00; the machine's clock if absent.
    #[arg(long, global = true, value_name = "TIME")]
    now: Option<Moment>,
    /// Write JSON, for machines.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Say what is wrong with it.
    Lint { file: PathBuf },
    /// Say in plain words what holds, who decided it and why.
    Explain {
        file: PathBuf,
        /// Only for this resource.
        #[arg(long, value_name = "ID")]
        resource: Option<String>,
    },
    /// Run it over years: losses, what is kept, and how much that takes.
    Simulate {
        file: PathBuf,
        #[arg(long, default_value_t = 3)]
        years: u32,
        /// How many of a thousand runs are missed by chance.
        #[arg(long, value_name = "N", default_value_t = 0)]
        missed_per_mille: u32,
    },
    /// Say what a new version changes for every resource, and what of it protects less.
    Diff {
        old: PathBuf,
        new: PathBuf,
        /// A policy whose resources are compared too: what is there, and neither version names.
        #[arg(long, value_name = "FILE")]
        inventory: Option<PathBuf>,
    },
    /// List the runs that are due, and the checks and duties that are due or overdue.
    Due {
        file: PathBuf,
        /// How far ahead.
        #[arg(long, value_name = "TIME", default_value = "1d")]
        within: Period,
    },
    /// Say by department what is protected, and what would be lost.
    Coverage { file: PathBuf },
    /// Write what is due as iCalendar.
    Calendar {
        file: PathBuf,
        /// How far ahead.
        #[arg(long, value_name = "TIME", default_value = "1mo")]
        within: Period,
    },
    /// Write files with which a scheduler runs it, one schedule a resource.
    Units {
        file: PathBuf,
        #[arg(long, value_enum, default_value_t = Scheduler::Systemd)]
        host: Scheduler,
        /// The folder for them; standard output if absent.
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
        #[command(flatten)]
        launch: LaunchArgs,
    },
    /// Write the JSON Schema of policies.
    Schema,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Scheduler {
    Systemd,
    Cron,
    Kubernetes,
}

/// What a scheduler is to run.
#[derive(Debug, Args)]
struct LaunchArgs {
    /// The user who runs it.
    #[arg(long)]
    user: Option<String>,
    /// The image, for Kubernetes.
    #[arg(long)]
    image: Option<String>,
    /// What is run; {resource} and {delay} (seconds) are filled in.
    #[arg(last = true, default_values = ["sr-run", "/etc/strongroom/policy.toml", "{resource}"])]
    command: Vec<String>,
}

impl LaunchArgs {
    fn launch(&self) -> Launch {
        let launch = self
            .user
            .iter()
            .fold(Launch::new(&self.command), Launch::with_user);
        self.image.iter().fold(launch, Launch::with_image)
    }
}

impl From<Scheduler> for Host {
    fn from(scheduler: Scheduler) -> Self {
        match scheduler {
            Scheduler::Systemd => Self::Systemd,
            Scheduler::Cron => Self::Cron,
            Scheduler::Kubernetes => Self::Kubernetes,
        }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let output = Output::new(arguments.json);
    finish(&output, run(&arguments, &output))
}

fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<Status> {
    let clock = || Moment::utc(strongroom::Components::default().clock.now().seconds);
    let now = arguments.now.unwrap_or_else(clock);
    match &arguments.command {
        Command::Lint { file } => lint(output, file, now),
        Command::Explain { file, resource } => {
            explain(output, &read(file, output)?, resource.as_deref(), now)
        }
        Command::Simulate {
            file,
            years,
            missed_per_mille,
        } => {
            let options = SimulationOptions::new(now)
                .with_years(*years)
                .with_missed_per_mille(*missed_per_mille, 1);
            let result = read(file, output)?.policy().simulate(&options)?;
            say(
                output,
                &[&result],
                || json!({ "type": "simulation", "simulation": result }),
            );
            Ok(Status::Complete)
        }
        Command::Diff {
            old,
            new,
            inventory,
        } => compare(output, [old, new], inventory.as_deref(), now),
        Command::Due { file, within } => due(output, &read(file, output)?, *within, now),
        Command::Coverage { file } => coverage(output, file, now),
        Command::Calendar { file, within } => {
            let document = read(file, output)?;
            let history = History::default();
            let text = document
                .policy()
                .calendar(&history, now, within.after(now))?;
            say(
                output,
                &[&text],
                || json!({ "type": "calendar", "calendar": text }),
            );
            Ok(Status::Complete)
        }
        Command::Units {
            file,
            host,
            out,
            launch,
        } => units(
            output,
            &read(file, output)?,
            (*host).into(),
            &launch.launch(),
            out.as_deref(),
        ),
        Command::Schema => {
            let _ = output.line(json_schema().trim_end());
            let schema: Value = serde_json::from_str(&json_schema())?;
            let _ = output.json(|| schema);
            Ok(Status::Complete)
        }
    }
}

fn lint(output: &Output, file: &Path, now: Moment) -> anyhow::Result<Status> {
    let findings = read(file, output)?.lint(now);
    say(
        output,
        &findings,
        || json!({ "type": "findings", "findings": findings }),
    );
    let worst = findings.iter().map(|one| one.severity).max();
    Ok(Status::complete(worst < Some(Severity::Error)))
}

fn compare(
    output: &Output,
    [old, new]: [&PathBuf; 2],
    inventory: Option<&Path>,
    now: Moment,
) -> anyhow::Result<Status> {
    let (old, new) = (read(old, output)?, read(new, output)?);
    let known = inventory.map(|file| read(file, output)).transpose()?;
    let known = known.map(|one| one.policy().resources.values().cloned().collect::<Vec<_>>());
    let named = &new.policy().resources;
    let is_unnamed = |one: &&Resource| !named.contains_key(&one.id);
    let unnamed = known
        .as_ref()
        .map(|all| all.iter().filter(is_unnamed).count());
    let changes = diff(old.policy(), new.policy(), &known.unwrap_or_default(), now);
    say(
        output,
        &[&changes],
        || json!({ "type": "diff", "diff": changes, "not_in_policy": unnamed }),
    );
    if let Some(count) = unnamed {
        let _ = output.line(&format!(
            "{count} resources of the inventory are not in the policy"
        ));
    }
    Ok(Status::complete(!changes.is_weaker()))
}

fn coverage(output: &Output, file: &Path, now: Moment) -> anyhow::Result<Status> {
    let coverage = read(file, output)?.policy().coverage(&[], now);
    say(
        output,
        &[&coverage],
        || json!({ "type": "coverage", "coverage": coverage }),
    );
    let departments = coverage.by_department();
    let lacking = departments
        .values()
        .any(|one| one.partly + one.not_covered > 0);
    Ok(Status::complete(!lacking))
}
