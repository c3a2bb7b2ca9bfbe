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
use strongroom::{ObjectHash, Time};
use strongroom_assure::History;
use strongroom_policy::Resource;

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
    warn(&repository, &record, output)?;
    let sealed = (arguments.by.is_some() || arguments.note.is_some())
        .then(|| json!({ "by": arguments.by, "note": arguments.note }).to_string());
    let n = repository.record(&record, sealed.as_ref().map(String::as_bytes))?;
    let (id, kind) = (record.head.id, record.fact.kind());
    let _ = output.line(&format!("{kind} {id} is journal entry {n}"));
    let _ =
        output.json(|| json!({ "type": "result", "kind": kind, "id": id.to_string(), "entry": n }));
    Ok(Status::Complete)
}

/// Says which names of a record the policy in force does not have: nothing counts such a record.
fn warn(repository: &Repository, record: &Record, output: &Output) -> anyhow::Result<()> {
    let (obligation, of_repository) = match &record.fact {
        Fact::Obligation(fact) => (Some(&fact.obligation), None),
        Fact::Capacity(fact) => (None, Some(&fact.repository)),
        Fact::Attested(fact) => (None, fact.repository.as_ref()),
        _ => (None, None),
    };
    let resource = record.head.resource.as_ref();
    if obligation.or(of_repository).or(resource).is_none() {
        return Ok(());
    }
    let (events, _) = repository.events(0)?;
    let (history, now) = (History::from_events(&events), record.head.at.seconds);
    let Some(policy) = history.policy_at(now).and_then(|set| set.policy.as_ref()) else {
        return Ok(());
    };
    let duties = policy.duties(&[], &[], Moment::utc(now));
    let bare = |key: &str| key.strip_prefix("obligation.").unwrap_or(key).to_owned();
    let unknown = [
        obligation
            .filter(|key| duties.iter().all(|duty| bare(&duty.path) != bare(key)))
            .map(|key| format!("obligation {key:?}")),
        of_repository
            .filter(|name| !policy.repositories.contains_key(*name))
            .map(|name| format!("repository {name:?}")),
        resource
            .filter(|id| !policy.resources.contains_key(*id))
            .map(|id| format!("resource {id:?}")),
    ];
    for what in unknown.into_iter().flatten() {
        output.complain(&format!("warning: the policy in force has no {what}"));
        let _ = output.json(|| json!({ "type": "warning", "message": format!("the policy in force has no {what}") }));
    }
    Ok(())
}

fn fact(what: &What, repository: &Repository, output: &Output) -> anyhow::Result<Fact> {
    if let Some(step) = step(what) {
        return Ok(step);
    }
    Ok(match what {
        What::Obligation {
            key,
            outcome,
            due,
            attachment,
            pages,
        } => Fact::Obligation(ObligationMet {
            obligation: key.clone(),
            due: due.map(time),
            outcome: outcome.clone(),
            attachment: attachment.as_deref().map(hash_of).transpose()?,
            pages: *pages,
            ..ObligationMet::default()
        }),
        What::SignOff {
            document,
            role,
            decision,
        } => Fact::SignOff(SignOffGiven {
            document: hash_of(document)?,
            role: role.clone(),
            decision: *decision,
            ..SignOffGiven::default()
        }),
        What::Inventory { file, incomplete } => inventory(file, !incomplete, output)?,
        What::Capacity {
            name,
            used,
            total,
            kind,
        } => Fact::Capacity(Capacity {
            repository: name.clone(),
            used: *used,
            total: *total,
            kind: *kind,
            ..Capacity::default()
        }),
        What::Review {
            snapshot,
            not_clean,
        } => Fact::Suspect(Suspect {
            snapshot: repository.find_snapshot(snapshot, Default::default())?,
            state: SuspectState::Reviewed { clean: !not_clean },
            ..Suspect::default()
        }),
        _ => anyhow::bail!("nothing to record"),
    })
}

/// Returns a fact that the command line alone says.
fn step(what: &What) -> Option<Fact> {
    Some(match what {
        What::Incident {
            key,
            step,
            cause,
            waiver,
        } => Fact::Incident(IncidentStep {
            incident: key.clone(),
            step: *step,
            cause: *cause,
            waiver: *waiver,
            ..IncidentStep::default()
        }),
        What::Action {
            key,
            finding,
            step,
            owner,
            due,
            kind,
        } => Fact::Action(ActionStep {
            action: key.clone(),
            finding: finding.clone(),
            step: *step,
            owner: owner.clone(),
            due: due.map(time),
            kind: kind.clone(),
            ..ActionStep::default()
        }),
        What::Acknowledge { about } => Fact::Acknowledged(Acknowledged {
            about: about.clone(),
            ..Acknowledged::default()
        }),
        What::Attest {
            what,
            repository,
            fails,
            values,
        } => Fact::Attested(Attested {
            what: what.clone(),
            repository: repository.clone(),
            holds: !fails,
            values: values.iter().cloned().collect(),
            ..Attested::default()
        }),
        _ => return None,
    })
}

fn inventory(file: &Path, complete: bool, output: &Output) -> anyhow::Result<Fact> {
    let document = policy::read(file, output)?;
    let resources = document.policy().resources.values();
    let item = |resource: &Resource| InventoryItem {
        id: resource.id.clone(),
        kind: resource.kind.clone(),
        criticality: resource.criticality.to_string(),
        tags: resource.labels.clone(),
        ..InventoryItem::default()
    };
    Ok(Fact::Inventory(Inventory {
        resources: resources.map(item).collect(),
        complete,
        ..Inventory::default()
    }))
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
