//! Policies, read from files; and what is said of them.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use strongroom::retain::Moment;
use strongroom_policy::{Date, Document, Host, Launch, Period};

use crate::exit::{Status, Usage};
use crate::output::Output;

/// Reads a policy. Whatever is wrong with it is said, each with its place.
///
/// # Errors
///
/// The file cannot be read, or is no policy.
pub fn read(file: &Path, output: &Output) -> anyhow::Result<Document> {
    let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
    match Document::parse(&text) {
        Ok(document) => Ok(document),
        Err(error) => {
            for problem in error.problems() {
                output.complain(&format!("{}:{problem}", file.display()));
                let _ = output.json(|| json!({ "type": "problem", "problem": problem }));
            }
            bail!("{} is no policy", file.display());
        }
    }
}

/// Writes lines for people, or JSON for machines.
pub fn say(output: &Output, lines: &[impl ToString], json: impl FnOnce() -> Value) {
    for line in lines {
        let _ = output.line(line.to_string().trim_end());
    }
    let _ = output.json(json);
}

/// Says in plain words what holds for a resource, or for all.
///
/// # Errors
///
/// There is no such resource.
pub fn explain(
    output: &Output,
    document: &Document,
    id: Option<&str>,
    now: Moment,
) -> anyhow::Result<Status> {
    let policy = document.policy();
    let resource = match id {
        Some(id) => {
            let found = policy.resources.get(id);
            Some(found.ok_or_else(|| Usage(format!("there is no resource {id:?}")))?)
        }
        None => None,
    };
    let text = resource.map_or_else(|| policy.explain_all(now), |one| policy.explain(one, now));
    let chosen = policy.resources.values();
    let chosen = chosen.filter(|one| resource.is_none_or(|only| only.id == one.id));
    let resolved: Vec<_> = chosen.map(|one| policy.resolve(one)).collect();
    let hash = document.hash();
    say(
        output,
        &[text],
        || json!({ "type": "resolved", "hash": hash, "resources": resolved }),
    );
    Ok(Status::Complete)
}

/// Lists runs, checks and duties that are due within a time.
///
/// # Errors
///
/// There are too many runs in that time.
pub fn due(
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
    let day = Date::of(until);
    duties.retain(|one| one.due.is_none_or(|due| due <= day));
    let late = |is: bool| if is { ", overdue" } else { "" };
    let of_runs = runs.iter().map(|one| {
        let (due, by) = (one.due, one.start_by);
        format!(
            "{due} backup of {}, begins by {by}, complete by {}",
            one.resource, one.complete_by
        )
    });
    let of_checks = checks.iter().map(|one| {
        let late = late(one.is_overdue);
        format!("{} {:?} of {}{late}", one.due, one.kind, one.resource)
    });
    let of_duties = duties.iter().map(|one| {
        let due = one
            .due
            .map_or_else(|| "now".to_owned(), |due| due.to_string());
        format!(
            "{due} {} must do {}{}",
            one.owner,
            one.path,
            late(one.is_overdue)
        )
    });
    let lines: Vec<String> = of_runs.chain(of_checks).chain(of_duties).collect();
    say(
        output,
        &lines,
        || json!({ "type": "due", "runs": runs, "checks": checks, "duties": duties }),
    );
    let overdue =
        checks.iter().any(|one| one.is_overdue) || duties.iter().any(|one| one.is_overdue);
    Ok(Status::complete(!overdue))
}

/// Writes files for a scheduler, into a folder or to the output.
///
/// # Errors
///
/// The scheduler cannot express a schedule, or a file cannot be written.
pub fn units(
    output: &Output,
    document: &Document,
    host: Host,
    launch: &Launch,
    folder: Option<&Path>,
) -> anyhow::Result<Status> {
    let mut files = Vec::new();
    for resource in document.policy().resources.values() {
        if let Some(schedule) = document.policy().resolve(resource).schedule() {
            let written = schedule.files_for(host, launch);
            files.extend(written.with_context(|| format!("resource {}", resource.id))?);
        }
    }
    let Some(folder) = folder else {
        say(
            output,
            &files,
            || json!({ "type": "files", "files": files }),
        );
        return Ok(Status::Complete);
    };
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    for file in files {
        let path = folder.join(&file.name);
        fs::write(&path, &file.content).with_context(|| path.display().to_string())?;
    }
    Ok(Status::Complete)
}
