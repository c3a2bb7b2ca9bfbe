//! Keeps a transparency log of a repository's journal, has it witnessed, and makes and verifies audit bundles.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use serde_json::json;
use strongroom::{ObjectHash, RepositoryId, SystemRandom};
use strongroom_examples::audit::{
    BundleParts, LedgerDir, keep, lock, now, read_policy, read_signer, read_text, replace,
    say_report, write_bundle, write_new,
};
use strongroom_examples::report::{self, ReportArgs};
use strongroom_examples::{Output, RepositoryArgs, Status, finish};
use strongroom_ledger::{
    Decision, KeyKind, Monitor, NoteSigner, Rotation, SignedHead, TileTree, TrustPolicy, Witness,
    WitnessPolicy, WitnessRequest, WitnessState, merge_answers, prove_consistency, verify_bundle,
};

/// Keep a transparency log of a repository's journal, have it witnessed, and make and verify audit bundles. Ends with 4 when what is looked at is not to be believed.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make a key for a log, a witness or a maker of bundles, and print its public half.
    Key {
        /// A new file, which only you may read.
        file: PathBuf,
        /// A name without spaces, such as backup.example/vault.
        name: String,
        /// The key of a witness.
        #[arg(long)]
        witness: bool,
    },
    /// Bring the log up to date with the journal, and sign its head.
    Checkpoint {
        #[command(flatten)]
        repository: Box<RepositoryArgs>,
        #[command(flatten)]
        log: LogArgs,
    },
    /// Sign with another key from now on.
    Rotate {
        #[command(flatten)]
        log: LogArgs,
        /// File with the new key, of the same name.
        #[arg(long, value_name = "FILE")]
        new_key: PathBuf,
    },
    /// Write a request to a witness: send it by mail, on a stick, through a second bucket.
    Request {
        #[arg(long, value_name = "DIR")]
        ledger: PathBuf,
        /// Size that the witness has cosigned last.
        #[arg(long, value_name = "N", default_value_t = 0)]
        old: u64,
        file: PathBuf,
    },
    /// Answer a request as a witness.
    Witness {
        /// File with the key of the witness.
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// File with what it remembers; it must never be lost, nor be an old one.
        #[arg(long, value_name = "FILE")]
        state: PathBuf,
        /// File with the logs that it knows (C2SP tlog-policy).
        #[arg(long, value_name = "FILE")]
        trust: PathBuf,
        request: PathBuf,
        answer: PathBuf,
    },
    /// Take up the answers of witnesses.
    Merge {
        #[arg(long, value_name = "DIR")]
        ledger: PathBuf,
        #[arg(long, value_name = "FILE")]
        trust: PathBuf,
        #[arg(required = true)]
        answers: Vec<PathBuf>,
    },
    /// Say what the controls of an audit come to, out of the journal and a policy; the text goes into a bundle by `bundle --report`.
    Report(Box<AuditReportArgs>),
    /// Write a bundle that proves what the journal says, without the repository.
    Bundle(Box<BundleArgs>),
    /// Verify a bundle: no repository, no network.
    Verify(Box<VerifyArgs>),
}

#[derive(Debug, Args)]
struct LogArgs {
    /// Folder of the log: static files, which may be served and copied anywhere.
    #[arg(long, value_name = "DIR")]
    ledger: PathBuf,
    /// File with the key of the log.
    #[arg(long, value_name = "FILE")]
    log_key: PathBuf,
}

#[derive(Debug, Args)]
#[command(mut_arg("report", |kind| kind.default_value("audit")))]
struct AuditReportArgs {
    #[command(flatten)]
    repository: RepositoryArgs,
    #[command(flatten)]
    report: ReportArgs,
}

#[derive(Debug, Args)]
struct BundleArgs {
    #[command(flatten)]
    repository: RepositoryArgs,
    #[command(flatten)]
    log: LogArgs,
    /// File with logs, witnesses and quorum (C2SP tlog-policy) [default: the log alone].
    #[arg(long, value_name = "FILE")]
    trust: Option<PathBuf>,
    /// File with the checkpoint of the last audit.
    #[arg(long, value_name = "FILE")]
    last: Option<PathBuf>,
    /// Leave entries before this one out.
    #[arg(long, value_name = "N", default_value_t = 0)]
    from: u64,
    /// Do not disclose the key of the journal: nobody can read what entries say.
    #[arg(long)]
    sealed: bool,
    /// Disclose the keys of sensitive parts of evidence, too.
    #[arg(long, conflicts_with = "sealed")]
    sensitive: bool,
    /// Policy documents that entries name and do not hold.
    #[arg(long, value_name = "FILE")]
    policy: Vec<PathBuf>,
    /// Reports.
    #[arg(long, value_name = "FILE")]
    report: Vec<PathBuf>,
    /// Whatever belongs to it, such as a time stamp over the checkpoint.
    #[arg(long, value_name = "FILE")]
    attach: Vec<PathBuf>,
    /// The bundle.
    file: PathBuf,
}

#[derive(Debug, Args)]
struct VerifyArgs {
    /// The bundle.
    file: PathBuf,
    /// File with logs, witnesses and quorum (C2SP tlog-policy), from another source than the bundle.
    #[arg(long, value_name = "FILE")]
    trust: PathBuf,
    /// File with what is remembered of the log; it is made, and brought up to date.
    #[arg(long, value_name = "FILE")]
    memory: Option<PathBuf>,
    /// Id of the repository.
    #[arg(long, value_name = "HEX")]
    repository: Option<RepositoryId>,
    /// The pin of the repository: hash of its first entry.
    #[arg(long, value_name = "HEX", value_parser = object_hash)]
    genesis: Option<ObjectHash>,
    /// Every entry must be there.
    #[arg(long)]
    complete: bool,
    /// List the entries.
    #[arg(long)]
    entries: bool,
    /// Write one JSON object per line, for machines.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let verb = Arguments::parse().verb;
    let output = Output::new(match &verb {
        Verb::Checkpoint { repository, .. } => repository.json,
        Verb::Report(arguments) => arguments.repository.json,
        Verb::Bundle(arguments) => arguments.repository.json,
        Verb::Verify(arguments) => arguments.json,
        _ => false,
    });
    finish(&output, run(verb, &output))
}

fn run(verb: Verb, output: &Output) -> anyhow::Result<Status> {
    match verb {
        Verb::Key {
            file,
            name,
            witness,
        } => key(output, &file, &name, witness),
        Verb::Checkpoint { repository, log } => checkpoint(output, &repository, &log),
        Verb::Rotate { log, new_key } => rotate(&log, &new_key),
        Verb::Request { ledger, old, file } => request(&ledger, old, &file),
        Verb::Witness {
            key,
            state,
            trust,
            request,
            answer,
        } => witness(output, &key, &state, &trust, [&request, &answer]),
        Verb::Merge {
            ledger,
            trust,
            answers,
        } => merge(output, &ledger, &trust, &answers),
        Verb::Report(arguments) => {
            report::write(&arguments.repository.open()?, &arguments.report, output)
        }
        Verb::Bundle(arguments) => bundle(output, &arguments),
        Verb::Verify(arguments) => verify(output, &arguments),
    }
}

fn key(output: &Output, file: &Path, name: &str, witness: bool) -> anyhow::Result<Status> {
    let kind = if witness {
        KeyKind::Cosigner
    } else {
        KeyKind::Note
    };
    let signer = NoteSigner::generate(name, kind, &SystemRandom)?;
    write_new(file, format!("{}\n", signer.encode().as_str()).as_bytes())?;
    let _ = output.line(&signer.public().to_string());
    Ok(Status::Complete)
}

fn checkpoint(
    output: &Output,
    repository: &RepositoryArgs,
    log: &LogArgs,
) -> anyhow::Result<Status> {
    let (place, signer) = (LedgerDir::open(&log.ledger)?, read_signer(&log.log_key)?);
    let kept = keep(&repository.open()?, &place, &signer)?;
    let head = kept.head.head();
    let root = head.root().to_string();
    let _ = output.json(|| json!({ "type": "result", "size": head.size(), "root": root, "added": kept.added, "changed": kept.changed }));
    let _ = output.line(&format!(
        "{} entries, {} of them new, root {root}",
        head.size(),
        kept.added
    ));
    for n in &kept.changed {
        output.complain(&format!(
            "entry {n} was logged and is lost; a Bridge stands in its place"
        ));
    }
    Ok(Status::complete(kept.changed.is_empty()))
}

fn rotate(log: &LogArgs, new_key: &Path) -> anyhow::Result<Status> {
    let (place, old, new) = (
        LedgerDir::open(&log.ledger)?,
        read_signer(&log.log_key)?,
        read_signer(new_key)?,
    );
    let head = place
        .head()?
        .context("the log has no head yet")?
        .head()
        .clone();
    place.put_rotation(&Rotation::new(head.clone(), &old, &new)?)?;
    place.put_head(&head.sign(&new))?;
    Ok(Status::Complete)
}

fn request(ledger: &Path, old: u64, file: &Path) -> anyhow::Result<Status> {
    let place = LedgerDir::open(ledger)?;
    let head = place.head()?.context("the log has no head yet")?;
    let size = head.head().size();
    let proof = prove_consistency(&TileTree::new(&place, size), old.min(size), size)?;
    std::fs::write(file, WitnessRequest::new(old, proof, head).to_string())?;
    Ok(Status::Complete)
}

fn witness(
    output: &Output,
    key: &Path,
    state: &Path,
    trust: &Path,
    [request, answer]: [&Path; 2],
) -> anyhow::Result<Status> {
    // Whoever has the lock alone decides and saves in one step.
    let _lock = lock(state)?;
    let policy = read_policy(trust)?;
    let logs = policy.logs().into_iter().cloned().collect();
    let witness = Witness::new(read_signer(key)?, logs).context("this is no key of a witness")?;
    let seen = if state.exists() {
        read_text(state)?
    } else {
        String::new()
    };
    let seen =
        WitnessState::parse(&seen).context("what the witness remembers is damaged: retire it")?;
    let response = match witness.decide(&seen, read_text(request)?.as_bytes(), now()) {
        Decision::Refused(response) => response,
        Decision::Accepted(unsaved) => {
            unsaved
                .save(|_, after| replace(state, after.to_string().as_bytes()))?
                .1
        }
        _ => anyhow::bail!("a decision of a later version"),
    };
    std::fs::write(answer, &response.body)?;
    let code = response.status.code();
    let _ = output.line(&format!("{code} {:?}", response.status));
    Ok(if code == 200 {
        Status::Complete
    } else {
        Status::Damaged
    })
}

fn merge(
    output: &Output,
    ledger: &Path,
    trust: &Path,
    answers: &[PathBuf],
) -> anyhow::Result<Status> {
    let (place, policy) = (LedgerDir::open(ledger)?, read_policy(trust)?);
    let mut head = place.head()?.context("the log has no head yet")?;
    let answers: Vec<_> = answers
        .iter()
        .map(|file| read_text(file))
        .collect::<Result<_, _>>()?;
    let answers: Vec<_> = answers.iter().map(String::as_bytes).collect();
    let keys: Vec<_> = policy.witnesses().map(|(_, key)| key).collect();
    let added = merge_answers(&mut head, &answers, &keys);
    place.put_head(&head)?;
    let is_enough = policy.verify(&head);
    let _ = output.line(&format!("{added} cosignatures added"));
    if let Err(error) = &is_enough {
        output.complain(&error.to_string());
    }
    Ok(Status::complete(is_enough.is_ok()))
}

fn bundle(output: &Output, arguments: &BundleArgs) -> anyhow::Result<Status> {
    let place = LedgerDir::open(&arguments.log.ledger)?;
    let signer = read_signer(&arguments.log.log_key)?;
    let policy = match &arguments.trust {
        Some(path) => read_policy(path)?,
        None => WitnessPolicy::of_log(signer.public().clone()),
    };
    let last = arguments
        .last
        .as_ref()
        .map(|path| anyhow::Ok(SignedHead::parse(read_text(path)?.as_bytes())?));
    let parts = BundleParts {
        sealed: arguments.sealed,
        sensitive: arguments.sensitive,
        last: last.transpose()?,
        from: arguments.from,
        policies: arguments
            .policy
            .iter()
            .map(std::fs::read)
            .collect::<Result<_, _>>()?,
        reports: named(&arguments.report)?,
        attachments: named(&arguments.attach)?,
    };
    let repository = arguments.repository.open()?;
    let entries = write_bundle(
        &repository,
        &place,
        &signer,
        &policy,
        parts,
        arguments.file.clone(),
    )?;
    let _ = output.json(|| json!({ "type": "result", "entries": entries }));
    let _ = output.line(&format!(
        "{entries} entries in {}",
        arguments.file.display()
    ));
    Ok(Status::Complete)
}

fn verify(output: &Output, arguments: &VerifyArgs) -> anyhow::Result<Status> {
    let bytes = std::fs::read(&arguments.file)?;
    let mut trust = TrustPolicy::new(read_policy(&arguments.trust)?);
    trust.repository = arguments.repository;
    trust.genesis = arguments.genesis;
    trust.complete = arguments.complete;
    if let Some(path) = arguments.memory.as_ref().filter(|path| path.exists()) {
        trust.memory = Some(Monitor::parse(&read_text(path)?)?);
    }
    match verify_bundle(&bytes, &trust) {
        Ok(report) => {
            if let Some(path) = &arguments.memory {
                replace(path, report.memory.to_string().as_bytes())?;
            }
            say_report(output, &report, arguments.entries);
            Ok(Status::Complete)
        }
        Err(error) => {
            let reason = error.to_string();
            let _ = output.json(|| json!({ "type": "result", "refused": reason }));
            let _ = output.line(&format!("REFUSED: {reason}"));
            Ok(Status::Damaged)
        }
    }
}

fn named(files: &[PathBuf]) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let read = |path: &PathBuf| {
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        anyhow::Ok((
            name.to_owned(),
            std::fs::read(path).with_context(|| path.display().to_string())?,
        ))
    };
    files.iter().map(read).collect()
}

fn object_hash(text: &str) -> Result<ObjectHash, String> {
    ObjectHash::parse(text).ok_or_else(|| "not 64 hexadecimal digits".to_owned())
}
