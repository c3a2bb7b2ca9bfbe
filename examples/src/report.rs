//! Reports out of a repository's journal, for `sr-status` and `sr-audit`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use clap::{Args, ValueEnum};
use strongroom::blocking::Repository;
use strongroom::retain::Moment;
use strongroom_assure::{
    Assessor, Audience, Controls, Framework, History, Material, Report, ReportKind, STANDARD,
    Severity, standard,
};
use strongroom_policy::{DocumentHash, Period, Policy};

use crate::exit::{Status, Usage};
use crate::output::Output;
use crate::policy::read;
use crate::react::react;

/// Which report, of what, for whom.
#[derive(Debug, Args)]
#[non_exhaustive]
pub struct ReportArgs {
    /// The policy [default: the one in force in the journal].
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// Which report: status, sla, audit, gap, agenda, awareness, access, disposal, review, paged or trend.
    #[arg(long, value_name = "KIND", default_value = "status")]
    pub report: ReportKind,
    /// The framework of a gap report: gdpr, hipaa, pci-dss, iso-27001, nist-800-34, nist-800-53, nist-800-88, soc2, aws-backup, cis, dora,
    /// nis2 or 3-2-1-1-0, or a file of your own.
    #[arg(long, value_name = "ID|FILE")]
    pub framework: Option<String>,
    /// For whom it is worded.
    #[arg(long, value_enum, default_value_t = For::Technical)]
    pub audience: For,
    /// The incident or the disposal that it is about.
    #[arg(long, value_name = "KEY")]
    pub about: Option<String>,
    /// How long before now to compare with: 1d, 7d, 1mo, 3mo.
    #[arg(long, value_name = "TIME", default_value = "1mo")]
    pub period: Period,
    /// The time as of which is judged, as 2026-12-02T10:00:00+01:00; the machine's clock if absent.
    #[arg(long, value_name = "TIME")]
    pub now: Option<Moment>,
    /// How it is written.
    #[arg(long, value_enum, default_value_t = Format::Markdown)]
    pub format: Format,
}

/// For whom a report is worded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[non_exhaustive]
pub enum For {
    /// Those who operate backups.
    Technical,
    /// Those whose data it is.
    Business,
}

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[non_exhaustive]
pub enum Format {
    /// For people.
    Markdown,
    /// For programs.
    Json,
}

/// Makes a report out of a repository's journal, and says how bad the worst finding is that nothing silences.
///
/// # Errors
///
/// What the repository, the policy or the framework said.
pub fn report(
    repository: &Repository,
    arguments: &ReportArgs,
    output: &Output,
) -> anyhow::Result<(Report, Option<Severity>)> {
    let clock = || Moment::utc(strongroom::Components::default().clock.now().seconds);
    let now = arguments.now.unwrap_or_else(clock);
    let (events, _) = repository.events(0)?;
    let history = History::from_events(&events);
    let (policy, hash) = policy(&history, arguments.policy.as_deref(), output, now)?;
    let framework = match (&arguments.framework, arguments.report) {
        (Some(name), _) => Some(framework(name)?),
        (None, ReportKind::Gap) => {
            return Err(Usage("a gap report needs --framework".to_owned()).into());
        }
        (None, _) => None,
    };
    let assessor = Assessor::default().with_document(hash);
    let case = assessor.case(&history, &policy, &[], now);
    let assessment = assessor.assess(&case);
    let then = arguments.period.before(now);
    let before = assessor.assess(&assessor.case(&history, &policy, &[], then));
    let mut material = Material::new(&assessor, &case, &assessment)
        .with_before(&before)
        .with_audience(match arguments.audience {
            For::Technical => Audience::Technical,
            For::Business => Audience::Business,
        });
    if let Some(framework) = &framework {
        material = material.with_framework(framework);
    }
    if let Some(about) = &arguments.about {
        material = material.with_subject(about);
    }
    Ok((material.report(arguments.report), assessment.worst()))
}

/// Records points that look wrong, and holds the last clean ones where the policy says so. Says what it did, and does nothing twice.
///
/// # Errors
///
/// What the repository or the policy said. Holds take the keys of an admin.
pub fn react_to_alarms(
    repository: &Repository,
    arguments: &ReportArgs,
    output: &Output,
) -> anyhow::Result<()> {
    let now = Moment::utc(strongroom::Components::default().clock.now().seconds);
    let (events, _) = repository.events(0)?;
    let history = History::from_events(&events);
    let (policy, _) = policy(&history, arguments.policy.as_deref(), output, now)?;
    react(repository, &history, &policy, output, now)
}

/// Makes a report and writes it. The status is that of the worst finding: 0 up to notes, 3 up to serious ones, 4 for critical ones.
///
/// # Errors
///
/// As [`report`].
pub fn write(
    repository: &Repository,
    arguments: &ReportArgs,
    output: &Output,
) -> anyhow::Result<Status> {
    let (report, worst) = report(repository, arguments, output)?;
    let text = match arguments.format {
        Format::Markdown => report.to_markdown(),
        Format::Json => report.to_json(),
    };
    let _ = output.line(text.trim_end());
    let _ = output.json(|| serde_json::from_str(&report.to_json()).unwrap_or_default());
    Ok(match worst {
        None | Some(Severity::Note) => Status::Complete,
        Some(Severity::Warning | Severity::Serious) => Status::Partial,
        Some(Severity::Critical) => Status::Damaged,
    })
}

/// Reads the policy of a file, or the one in force in the journal, and what names its text.
fn policy(
    history: &History,
    file: Option<&Path>,
    output: &Output,
    now: Moment,
) -> anyhow::Result<(Policy, DocumentHash)> {
    if let Some(file) = file {
        let document = read(file, output)?;
        return Ok((document.policy().clone(), document.hash()));
    }
    let set = history.policy_at(now.unix_seconds);
    let set = set.ok_or_else(|| anyhow!("no policy is in the journal: name one with --policy"))?;
    match (&set.policy, &set.problem) {
        (Some(policy), _) => Ok((Policy::clone(policy), set.hash)),
        (None, Some(problem)) => bail!("the policy in the journal cannot be read: {problem}"),
        (None, None) => {
            bail!("only the hash of the policy is in the journal: name it with --policy")
        }
    }
}

/// Reads one of the frameworks that come with the library, or a file.
fn framework(name: &str) -> anyhow::Result<Framework> {
    if let Some(known) = standard(name) {
        return Ok(known);
    }
    if !Path::new(name).exists() {
        let names: Vec<&str> = STANDARD.iter().map(|(name, _)| *name).collect();
        let what = format!(
            "there is no framework and no file {name:?}; there are {}",
            names.join(", ")
        );
        return Err(Usage(what).into());
    }
    let text = fs::read_to_string(name).with_context(|| name.to_owned())?;
    Framework::parse(&text, &Controls::standard()).map_err(|error| anyhow!("{name}:{error}"))
}
