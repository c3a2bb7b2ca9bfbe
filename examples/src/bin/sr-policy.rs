//! Reads a backup policy: what is wrong with it, what it says, what it comes to, and what a new version weakens.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand, ValueEnum};
use serde_json::{Value, json};
use strongroom::retain::Moment;
use strongroom_examples::policy::{read, write_files};
use strongroom_examples::{Output, Status, Usage, finish};
use strongroom_policy::{
    Document, History, Host, Launch, Period, Resource, Severity, SimulationOptions, diff,
    json_schema,
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
        /// The user who runs it.
        #[arg(long)]
        user: Option<String>,
        /// The image, for Kubernetes.
        #[arg(long)]
        image: Option<String>,
        /// What is run; {resource} and {delay} (seconds) are filled in.
        #[arg(last = true, default_values = ["sr-run", "/etc/strongroom/policy.toml", "{resource}"])]
        command: Vec<String>,
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

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let output = Output::new(arguments.json);
    finish(&output, run(&arguments, &output))
}

fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<Status> {
    let clock = || Moment::utc(strongroom::Components::default().clock.now().seconds);
    let now = arguments.now.unwrap_or_else(clock);
    match &arguments.command {
        Command::Lint { file } => {
            let findings = read(file, output)?.lint(now);
            say(
                output,
                &findings,
                || json!({ "type": "findings", "findings": findings }),
            );
            let worst = findings.iter().map(|one| one.severity).max();
            Ok(Status::complete(worst < Some(Severity::Error)))
        }
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
        } => {
            let (old, new) = (read(old, output)?, read(new, output)?);
            let known = inventory
                .as_ref()
                .map(|file| read(file, output))
                .transpose()?;
            let known = known
                .into_iter()
                .flat_map(|one| one.policy().resources.clone().into_values());
            let known: Vec<Resource> = known.collect();
            let changes = diff(old.policy(), new.policy(), &known, now);
            say(
                output,
                &[&changes],
                || json!({ "type": "diff", "diff": changes }),
            );
            Ok(Status::complete(!changes.is_weaker()))
        }
        Command::Due { file, within } => due(output, &read(file, output)?, *within, now),
        Command::Coverage { file } => {
            let coverage = read(file, output)?.policy().coverage(&[], now);
            say(
                output,
                &[&coverage],
                || json!({ "type": "coverage", "coverage": coverage }),
            );
            let lacking = coverage
                .by_department()
                .values()
                .any(|one| one.partly + one.not_covered > 0);
            Ok(Status::complete(!lacking))
        }
        Command::Calendar { file, within } => {
            let document = read(file, output)?;
            let until = within.after(now);
            let text = document
                .policy()
                .calendar(&History::default(), now, until)?;
            say(
                output,
                &[&text],
                || json!({ "type": "calendar", "calendar": text }),
            );
            Ok(Status::Complete)
        }
        Command::Units { .. } => units(output, &arguments.command),
        Command::Schema => {
            let _ = output.line(json_schema().trim_end());
            let schema: Value = serde_json::from_str(&json_schema())?;
            let _ = output.json(|| schema);
            Ok(Status::Complete)
        }
    }
}

fn say(output: &Output, lines: &[impl ToString], json: impl FnOnce() -> Value) {
    for line in lines {
        let _ = output.line(line.to_string().trim_end());
    }
    let _ = output.json(json);
}

fn explain(
    output: &Output,
    document: &Document,
    id: Option<&str>,
    now: Moment,
) -> anyhow::Result<Status> {
    let policy = document.policy();
    let resource = match id {
        Some(id) => Some(
            policy
                .resources
                .get(id)
                .ok_or_else(|| Usage(format!("there is no resource {id:?}")))?,
        ),
        None => None,
    };
    let text = resource.map_or_else(|| policy.explain_all(now), |one| policy.explain(one, now));
    let chosen = policy
        .resources
        .values()
        .filter(|one| resource.is_none_or(|only| only.id == one.id));
    let resolved: Vec<_> = chosen.map(|one| policy.resolve(one)).collect();
    say(
        output,
        &[text],
        || json!({ "type": "resolved", "hash": document.hash(), "resources": resolved }),
    );
    Ok(Status::Complete)
}

fn due(
    output: &Output,
    document: &Document,
    within: Period,
    now: Moment,
) -> anyhow::Result<Status> {
    let (policy, until) = (document.policy(), within.after(now));
    let runs = policy.runs(now, until)?;
    let checks = policy
        .resources
        .values()
        .flat_map(|one| policy.checks(one, &[], now));
    let checks: Vec<_> = checks
        .filter(|one| one.due.unix_seconds < until.unix_seconds)
        .collect();
    let mut duties = policy.duties(&[], &[], now);
    let day = strongroom_policy::Date::of(until);
    duties.retain(|one| one.due.is_none_or(|due| due <= day));
    let mut lines: Vec<String> = Vec::new();
    lines.extend(runs.iter().map(|one| {
        format!(
            "{} backup of {}, begins by {}, complete by {}",
            one.due, one.resource, one.start_by, one.complete_by
        )
    }));
    let late = |is: bool| if is { ", overdue" } else { "" };
    lines.extend(checks.iter().map(|one| {
        format!(
            "{} {:?} of {}{}",
            one.due,
            one.kind,
            one.resource,
            late(one.is_overdue)
        )
    }));
    lines.extend(duties.iter().map(|one| {
        let due = one
            .due
            .map_or_else(|| "now".to_owned(), |due| due.to_string());
        format!(
            "{due} {} must do {}{}",
            one.owner,
            one.path,
            late(one.is_overdue)
        )
    }));
    say(
        output,
        &lines,
        || json!({ "type": "due", "runs": runs, "checks": checks, "duties": duties }),
    );
    let overdue =
        checks.iter().any(|one| one.is_overdue) || duties.iter().any(|one| one.is_overdue);
    Ok(Status::complete(!overdue))
}

fn units(output: &Output, command: &Command) -> anyhow::Result<Status> {
    let Command::Units {
        file,
        host,
        out,
        user,
        image,
        command,
    } = command
    else {
        return Ok(Status::Complete);
    };
    let host = match host {
        Scheduler::Systemd => Host::Systemd,
        Scheduler::Cron => Host::Cron,
        Scheduler::Kubernetes => Host::Kubernetes,
    };
    let mut launch = Launch::new(command);
    launch.user.clone_from(user);
    launch = image.iter().fold(launch, Launch::with_image);
    let document = read(file, output)?;
    let mut files = Vec::new();
    for resource in document.policy().resources.values() {
        if let Some(schedule) = document.policy().resolve(resource).schedule() {
            let written = schedule.files_for(host, &launch);
            files.extend(written.with_context(|| format!("resource {}", resource.id))?);
        }
    }
    if let Some(folder) = out {
        write_files(folder, &files)?;
    } else {
        say(
            output,
            &files,
            || json!({ "type": "files", "files": files }),
        );
    }
    Ok(Status::Complete)
}
