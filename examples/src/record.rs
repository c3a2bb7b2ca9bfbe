//! What people did, and what a program cannot see: recorded from a command line.

use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde_json::json;
use strongroom::blocking::Repository;
use strongroom::evidence::{
    Acknowledged, ActionState, ActionStep, Attested, Capacity, CapacityKind, Decision, ErrorClass,
    Fact, IncidentState, IncidentStep, Inventory, InventoryItem, ObligationMet, Record, RecordId,
    SignOffGiven, Suspect, SuspectState,
};
use strongroom::retain::Moment;
use strongroom::{Id, ObjectHash, Time};

use crate::exit::Status;
use crate::output::Output;
use crate::policy;
use crate::repository::RepositoryArgs;
use crate::size::parse_size;

/// What to record, and of whom.
#[derive(Debug, Args)]
#[non_exhaustive]
pub struct RecordArgs {
    /// Where to record it.
    #[command(flatten)]
    pub repository: RepositoryArgs,
    /// Who did it. The record has a digest of the name, and the name only where it is sealed.
    #[arg(long, value_name = "NAME", global = true)]
    pub by: Option<String>,
    /// The resource of the policy.
    #[arg(long, value_name = "ID", global = true)]
    pub resource: Option<String>,
    /// What there is to say, such as what somebody saw. It is sealed.
    #[arg(long, value_name = "TEXT", global = true)]
    pub note: Option<String>,
    /// A record that this one answers; can be given several times.
    #[arg(long, value_name = "ID", global = true, value_parser = record_id)]
    pub answers: Vec<RecordId>,
    /// What to record.
    #[command(subcommand)]
    pub what: What,
}

/// What there is to record.
#[derive(Debug, Subcommand)]
#[non_exhaustive]
pub enum What {
    /// Somebody did what an obligation of the policy asks for.
    Obligation {
        /// Its key in the policy, such as obligation.status-meeting.
        key: String,
        /// What came of it, in a word.
        #[arg(long, default_value = "met")]
        outcome: String,
        /// Which of its days this was for [default: the next one].
        #[arg(long, value_name = "TIME")]
        due: Option<Moment>,
        /// What was written down; its hash is recorded.
        #[arg(long, value_name = "FILE")]
        attachment: Option<PathBuf>,
        /// How many pages that has.
        #[arg(long, default_value_t = 0)]
        pages: u32,
    },
    /// Somebody agrees with a document, or does not.
    SignOff {
        /// The document; its hash is recorded.
        document: PathBuf,
        /// In which role of the policy.
        #[arg(long)]
        role: String,
        /// approved, rejected or acknowledged.
        #[arg(long, value_parser = word(Decision::from_number))]
        decision: Decision,
    },
    /// An incident begins, or goes on.
    Incident {
        /// Its key.
        key: String,
        /// open, acknowledged, mitigated, resolved, reviewed or closed.
        #[arg(value_parser = word(IncidentState::from_number))]
        step: IncidentState,
        /// Where the cause is: hardware, software, shortage, network, access, configuration, source or human.
        #[arg(long, value_parser = word(ErrorClass::from_number))]
        cause: Option<ErrorClass>,
        /// The step is taken without what it needs, on somebody's responsibility.
        #[arg(long)]
        waiver: bool,
    },
    /// A corrective action begins, or goes on.
    Action {
        /// Its key.
        key: String,
        /// The key of the finding.
        finding: String,
        /// opened, reassigned, done, effective, not-effective or cancelled.
        #[arg(value_parser = word(ActionState::from_number))]
        step: ActionState,
        /// The contact of the policy who has to do it.
        #[arg(long)]
        owner: Option<String>,
        /// Until when.
        #[arg(long, value_name = "TIME")]
        due: Option<Moment>,
        /// correction, prevention or another word.
        #[arg(long)]
        kind: Option<String>,
    },
    /// Somebody has seen an alert, and takes care.
    Acknowledge {
        /// The key of the finding or incident.
        about: String,
    },
    /// Somebody looked at something that no program sees.
    Attest {
        /// What: escrow-test, isolation, clock, versions, permissions, or another word.
        what: String,
        /// The repository of the policy that it is about.
        #[arg(long = "of", value_name = "NAME")]
        repository: Option<String>,
        /// It is not as it should be.
        #[arg(long)]
        fails: bool,
        /// What was seen; can be given several times.
        #[arg(long = "value", value_name = "NAME=TEXT", value_parser = pair)]
        values: Vec<(String, String)>,
    },
    /// These are all resources that there are: those of a policy or of a list in the same form.
    Inventory {
        /// The file.
        file: PathBuf,
        /// There may be others.
        #[arg(long)]
        incomplete: bool,
    },
    /// How full a repository is, where the store does not say.
    Capacity {
        /// The repository of the policy.
        name: String,
        /// Bytes used, such as 40T.
        #[arg(long, value_parser = parse_size)]
        used: u64,
        /// Bytes that there are.
        #[arg(long, value_parser = parse_size)]
        total: Option<u64>,
        /// measured, quota, budget, unlimited or unknown.
        #[arg(long, value_parser = word(CapacityKind::from_number), default_value = "measured")]
        kind: CapacityKind,
    },
    /// Somebody has looked at a snapshot that was suspect.
    Review {
        /// The snapshot.
        snapshot: String,
        /// Something is wrong with it.
        #[arg(long)]
        not_clean: bool,
    },
}

/// Records it.
///
/// # Errors
///
/// When a file cannot be read, or the repository did not take the record.
pub fn record(arguments: &RecordArgs, output: &Output) -> anyhow::Result<Status> {
    let repository = arguments.repository.open()?;
    let fact = fact(&arguments.what, &repository, output)?;
    let mut head = repository.record_head()?;
    head.resource.clone_from(&arguments.resource);
    head.actor = arguments.by.as_ref().map(|name| repository.person(name));
    head.answers.clone_from(&arguments.answers);
    let record = Record::new(head, fact);
    let sealed = (arguments.by.is_some() || arguments.note.is_some())
        .then(|| json!({ "by": arguments.by, "note": arguments.note }).to_string());
    let n = repository.record(&record, sealed.as_ref().map(String::as_bytes))?;
    let (id, kind) = (record.head.id, record.fact.kind());
    let _ = output.line(&format!("{kind} {id} is journal entry {n}"));
    let _ =
        output.json(|| json!({ "type": "result", "kind": kind, "id": id.to_string(), "entry": n }));
    Ok(Status::Complete)
}

fn fact(what: &What, repository: &Repository, output: &Output) -> anyhow::Result<Fact> {
    Ok(match what {
        What::Obligation {
            key,
            outcome,
            due,
            attachment,
            pages,
        } => {
            let attachment = attachment.as_deref().map(hash_of).transpose()?;
            let mut fact = ObligationMet::default();
            (fact.obligation, fact.outcome) = (key.clone(), outcome.clone());
            (fact.due, fact.attachment, fact.pages) = (due.map(time), attachment, *pages);
            fact.into()
        }
        What::SignOff {
            document,
            role,
            decision,
        } => {
            let mut fact = SignOffGiven::default();
            (fact.document, fact.decision) = (hash_of(document)?, *decision);
            fact.role.clone_from(role);
            fact.into()
        }
        What::Incident {
            key,
            step,
            cause,
            waiver,
        } => {
            let mut fact = IncidentStep::default();
            fact.incident.clone_from(key);
            (fact.step, fact.cause, fact.waiver) = (*step, *cause, *waiver);
            fact.into()
        }
        What::Action {
            key,
            finding,
            step,
            owner,
            due,
            kind,
        } => {
            let mut fact = ActionStep::default();
            (fact.action, fact.finding) = (key.clone(), finding.clone());
            (fact.step, fact.due) = (*step, due.map(time));
            (fact.owner, fact.kind) = (owner.clone(), kind.clone());
            fact.into()
        }
        What::Acknowledge { about } => {
            let mut fact = Acknowledged::default();
            fact.about.clone_from(about);
            fact.into()
        }
        What::Attest {
            what,
            repository,
            fails,
            values,
        } => {
            let mut fact = Attested::default();
            (fact.what, fact.repository) = (what.clone(), repository.clone());
            (fact.holds, fact.values) = (!fails, values.iter().cloned().collect());
            fact.into()
        }
        What::Inventory { file, incomplete } => inventory(file, !incomplete, output)?,
        What::Capacity {
            name,
            used,
            total,
            kind,
        } => {
            let mut fact = Capacity::default();
            fact.repository.clone_from(name);
            (fact.used, fact.total, fact.kind) = (*used, *total, *kind);
            fact.into()
        }
        What::Review {
            snapshot,
            not_clean,
        } => {
            let found: Id = repository.find_snapshot(snapshot, Default::default())?;
            let mut fact = Suspect::default();
            (fact.snapshot, fact.state) = (found, SuspectState::Reviewed { clean: !not_clean });
            fact.into()
        }
    })
}

fn inventory(file: &Path, complete: bool, output: &Output) -> anyhow::Result<Fact> {
    let document = policy::read(file, output)?;
    let mut fact = Inventory::default();
    fact.complete = complete;
    for resource in document.policy().resources.values() {
        let mut item = InventoryItem::default();
        (item.id, item.kind) = (resource.id.clone(), resource.kind.clone());
        item.criticality = resource.criticality.to_string();
        item.tags.clone_from(&resource.labels);
        fact.resources.push(item);
    }
    Ok(fact.into())
}

fn hash_of(file: &Path) -> anyhow::Result<ObjectHash> {
    let bytes = fs::read(file).with_context(|| file.display().to_string())?;
    Ok(ObjectHash::of(&bytes))
}

fn time(moment: Moment) -> Time {
    Time::new(moment.unix_seconds, 0)
}

/// Reads what a number stands for, by its word.
fn word<T: Display + Clone + Send + Sync + 'static>(
    from_number: fn(u64) -> T,
) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static {
    move |text| {
        let known = (0..WORDS).map(from_number);
        let known: Vec<T> = known
            .filter(|one| !one.to_string().starts_with("other-"))
            .collect();
        let found = known.iter().find(|one| one.to_string() == text);
        found.cloned().ok_or_else(|| {
            let words: Vec<String> = known.iter().map(T::to_string).collect();
            format!("one of {}", words.join(", "))
        })
    }
}

fn record_id(text: &str) -> Result<RecordId, String> {
    RecordId::parse(text).ok_or_else(|| "not the id of a record".to_owned())
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("not NAME=TEXT")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// No list of meanings is longer.
const WORDS: u64 = 16;
