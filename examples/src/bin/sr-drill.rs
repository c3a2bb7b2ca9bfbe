//! Restores for real, into a sandbox, and says what that proves.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use serde_json::json;
use strongroom::evidence::Record;
use strongroom_drill::recovery::{Nobody, Operator, Pick, Way};
use strongroom_drill::scenario::{Estate as _, Standing, readiness, run_scenario, scenario};
use strongroom_drill::{Cancel, Monotonic, Report, Stop, SystemMonotonic, Verdict, run_all};
use strongroom_examples::drill::{
    DrillArgs, Site, Terminal, cancel_by_signal, read_captured, record_head,
};
use strongroom_examples::policy::read;
use strongroom_examples::{Output, RepositoryArgs, Status, Usage, finish};
use strongroom_policy::Document;

/// Restore snapshots of a policy's resources into sandboxes, validate, measure, clean up, and record it in the journal.
///
/// Ends with 0 when all is proven, in time, and nothing of the sandboxes is left; with 3 when something is not proven, late or left; with 4
/// when something failed.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(flatten)]
    repository: RepositoryArgs,
    /// The policy.
    file: PathBuf,
    /// Ids of resources in it.
    #[arg(required = true)]
    resources: Vec<String>,
    /// Play this disaster: lost-server, lost-site, lost-keys, lost-catalogue, ransomware, from-nothing, vendor-exit.
    #[arg(long, value_name = "NAME")]
    scenario: Option<String>,
    /// Only look whether the scenario could be played.
    #[arg(long, requires = "scenario")]
    ready: bool,
    /// Ask at the terminal what people must do. Else nobody is there, and a scenario is not proven.
    #[arg(long)]
    people: bool,
    /// Record what was captured of the latest snapshot when it was backed up, from this file, and drill nothing.
    #[arg(long, value_name = "FILE", conflicts_with = "scenario")]
    record_captured: Option<PathBuf>,
    /// Record nothing in the journal.
    #[arg(long)]
    no_record: bool,
    #[command(flatten)]
    drill: DrillArgs,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let output = Arc::new(arguments.repository.output());
    finish(&output, run(&arguments, &output))
}

fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<Status> {
    let document = read(&arguments.file, output)?;
    let mut sites = Vec::new();
    for id in &arguments.resources {
        let resource = document.policy().resources.get(id);
        let resource = resource.ok_or_else(|| Usage(format!("there is no resource {id:?}")))?;
        sites.push(Site::new(
            &arguments.repository,
            &arguments.drill,
            &document,
            resource,
        )?);
    }
    let cancel = cancel_by_signal()?;
    if let Some(file) = &arguments.record_captured {
        return capture(output, &document, &sites, file);
    }
    match &arguments.scenario {
        Some(name) => play(arguments, output, &document, &sites, name, &cancel),
        None => drill(arguments, output, &document, &sites, &cancel),
    }
}

/// Drills each resource as the policy says.
fn drill(
    arguments: &Arguments,
    output: &Output,
    document: &Document,
    sites: &[Site<'_>],
    cancel: &Cancel,
) -> anyhow::Result<Status> {
    let repository = arguments.repository.open()?;
    let mut drills = Vec::new();
    let mut status = Status::Complete;
    for site in sites {
        let stop = Stop::new(cancel.clone(), Arc::new(SystemMonotonic::start()));
        let chosen = site
            .choose(repository.inner(), Pick::ByPolicy, &stop)
            .unwrap_or_default();
        if chosen.is_empty() {
            output.complain(&format!(
                "{}: not proven: no point was chosen",
                site.resource().id
            ));
            status = Status::Partial;
        }
        drills.extend(
            chosen
                .into_iter()
                .map(|choice| site.drill(repository.inner(), choice)),
        );
    }
    let reports = run_all(drills, arguments.drill.parallel, cancel);
    for report in &reports {
        let _ = output.line(&report.to_string());
        let _ = output.json(|| json!({ "type": "drill", "drill": report }));
    }
    record(arguments, output, document, &reports)?;
    let worst = reports
        .iter()
        .map(status_of)
        .max_by_key(|status| *status as u8);
    Ok(match worst {
        Some(Status::Complete) | None => status,
        Some(worst) => worst,
    })
}

/// Plays a scenario for each resource.
fn play(
    arguments: &Arguments,
    output: &Output,
    document: &Document,
    sites: &[Site<'_>],
    name: &str,
    cancel: &Cancel,
) -> anyhow::Result<Status> {
    let scenario = scenario(name).ok_or_else(|| Usage(format!("there is no scenario {name:?}")))?;
    let clock: Arc<dyn Monotonic> = Arc::new(SystemMonotonic::start());
    let stop = Stop::new(cancel.clone(), Arc::clone(&clock));
    let people: &dyn Operator = if arguments.people {
        &Terminal::default()
    } else {
        &Nobody::new()
    };
    let mut worst = Status::Complete;
    for site in sites {
        let status = if arguments.ready {
            let lag = site.settings().rpo.unwrap_or(Duration::MAX);
            let ready = readiness(&scenario, site, lag, &stop);
            for one in &ready {
                let _ = output.line(&format!(
                    "{:?} {}: {}",
                    one.standing, one.precondition, one.what
                ));
            }
            let _ =
                output.json(|| json!({ "type": "readiness", "scenario": name, "ready": ready }));
            Status::complete(ready.iter().all(|one| one.standing == Standing::Holds))
        } else {
            let report = run_scenario(&scenario, site, people, &clock, cancel);
            let _ = output.line(&report.to_string());
            let _ = output.json(|| json!({ "type": "scenario", "scenario": report }));
            record(arguments, output, document, &report.reports)?;
            let of_drills = report
                .reports
                .iter()
                .map(status_of)
                .max_by_key(|one| *one as u8);
            match report.verdict {
                Verdict::Proven => of_drills.unwrap_or(Status::Partial),
                Verdict::NotProven => Status::Partial,
                Verdict::Failed => Status::Damaged,
            }
        };
        worst = [worst, status]
            .into_iter()
            .max_by_key(|one| *one as u8)
            .unwrap_or(worst);
    }
    Ok(worst)
}

/// Records what was captured at backup.
fn capture(
    output: &Output,
    document: &Document,
    sites: &[Site<'_>],
    file: &std::path::Path,
) -> anyhow::Result<Status> {
    let [site] = sites else {
        return Err(Usage("values are captured of one resource".to_owned()).into());
    };
    let captured = read_captured(file)?;
    let stop = Stop::never();
    let failed = |outcome| anyhow::anyhow!("{outcome:?}");
    let repository = site.open(Way::Usual, &stop).map_err(failed)?;
    let points = site.points(&repository, &stop).map_err(failed)?;
    let point = points
        .last()
        .ok_or_else(|| Usage("there is no snapshot".to_owned()))?;
    let (fact, text) = captured.to_attested(&point.snapshot);
    let mut head = record_head(&repository, document)?;
    head.resource = Some(site.resource().id.clone());
    let n =
        stop.wait(repository.record(&Record::new(head, fact.into()), Some(text.as_bytes())))??;
    let _ = output.line(&format!(
        "captured values of snapshot {} are entry {n}",
        point.snapshot
    ));
    let _ = output
        .json(|| json!({ "type": "captured", "snapshot": point.snapshot.to_string(), "entry": n }));
    Ok(Status::Complete)
}

/// Records what drills showed, and says where.
fn record(
    arguments: &Arguments,
    output: &Output,
    document: &Document,
    reports: &[Report],
) -> anyhow::Result<()> {
    if arguments.no_record || reports.is_empty() {
        return Ok(());
    }
    let repository = arguments.repository.open()?;
    let head = || record_head(repository.inner(), document);
    let records = reports.iter().map(|report| Ok(report.to_record(head()?)));
    let records = records.collect::<anyhow::Result<Vec<Record>>>()?;
    let entries = repository.record_all(&records)?;
    let _ = output.line(&format!("recorded as journal entries {entries:?}"));
    let _ = output.json(|| json!({ "type": "recorded", "entries": entries }));
    Ok(())
}

fn status_of(report: &Report) -> Status {
    match report.verdict {
        Verdict::Failed => Status::Damaged,
        Verdict::Proven if report.is_flawless() => Status::Complete,
        Verdict::Proven | Verdict::NotProven => Status::Partial,
    }
}
