//! Puts a store to the test: does it keep the laws that a repository rests on?

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use futures::executor::block_on;
use serde_json::json;
use strongroom::store::wrap::{Looking, Prefixed};
use strongroom::store::{ErrorKind, Key, Prefix, ProbeOptions, Probed, StoreExt as _, probe};
use strongroom::{Fitness, ProcessEnvironment, Random as _, Store, Stores, SystemRandom};
use strongroom_examples::{Output, Status, finish};
use strongroom_store::conformance::{LawReport, Report, Suite, Verdict};

/// Put a store to the test, law by law: your bucket, server or disk. Works below a fresh folder `conform-…` and cleans it up. Ends
/// with 0 if no law is broken and any number of machines may write to a repository there, else with 1.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// The store: a path, file:///path, s3://bucket/prefix, az://, gs://, sftp://, dav://; credentials come from the environment.
    #[arg(value_name = "URL")]
    url: OsString,
    /// Objects to put and list; more than a page of the service shows more.
    #[arg(long, value_name = "N", default_value_t = 40)]
    objects: usize,
    /// Write one JSON object per line, for machines.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let output = Output::new(arguments.json);
    finish(&output, run(&arguments, &output))
}

fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<Status> {
    let stores = Stores::new().with_environment(ProcessEnvironment);
    let whole = stores.open(&arguments.url)?;
    let mut name = [0; 8];
    SystemRandom.fill(&mut name)?;
    let scratch = Prefix::parse(&format!("conform-{:016x}/", u64::from_le_bytes(name)))?;
    let _ = output.line(&format!("{whole}, below {scratch}"));
    let _ = output.json(
        || json!({ "type": "store", "store": whole.to_string(), "scratch": scratch.as_str() }),
    );
    let store: Arc<dyn Store> = Arc::new(Prefixed::new(Arc::clone(&whole), scratch.clone()));
    let tested = test(arguments, output, &store);
    let left = block_on(clean_up(&*whole, &scratch));
    remove_folders(&arguments.url, &scratch);
    let (report, probed) = tested?;
    conclude(output, &report, &probed, &left?)
}

/// Asks first, then runs the laws.
fn test(
    arguments: &Arguments,
    output: &Output,
    store: &Arc<dyn Store>,
) -> anyhow::Result<(Report, Probed)> {
    let now = strongroom::Components::default().clock.now().seconds;
    let folder = Prefix::parse("probe/")?;
    let probed = block_on(probe(
        &**store,
        &folder,
        ProbeOptions::default().with_now(now),
    ))?;
    for (question, answer) in probed.answers() {
        let _ = output.line(&format!("probe: {}: {answer}", question.title()));
    }
    let store = block_on(unconditional(store))?;
    let make = || Arc::clone(&store);
    let suite = Suite::new(&make).with_listed_objects(arguments.objects);
    let report = block_on(suite.run_with(&mut |law| show(output, law)));
    Ok((report, probed))
}

/// Returns a store to put to the test: where it refuses conditions, one that looks instead, so that the other laws can be tried.
async fn unconditional(store: &Arc<dyn Store>) -> anyhow::Result<Arc<dyn Store>> {
    let key = Key::parse("probe/condition")?;
    let put = store.put_new(&key, "x".into()).await;
    // What is left is deleted with all the rest.
    drop(store.delete(&key).await);
    Ok(match put {
        Err(error) if error.kind() == ErrorKind::Unsupported => {
            Arc::new(Looking::new(Arc::clone(store)))
        }
        _ => Arc::clone(store),
    })
}

fn show(output: &Output, law: &LawReport) {
    let _ = output.line(&law.to_string());
    let (verdict, why) = match &law.verdict {
        Verdict::Kept => ("kept", None),
        Verdict::Excused(why) => ("not asked", Some((*why).to_owned())),
        Verdict::Broken(how) => ("broken", Some(how.to_string())),
        _ => ("unknown", None),
    };
    let _ = output.json(|| {
        json!({ "type": "law", "number": law.number, "title": law.title, "verdict": verdict, "why": why })
    });
}

/// Names of objects left behind that people are shown.
const MAX_NAMED: usize = 8;

/// Deletes what is left in the folder, and returns what cannot be deleted.
async fn clean_up(store: &dyn Store, scratch: &Prefix) -> anyhow::Result<Vec<Key>> {
    let mut left = Vec::new();
    for object in store.list_all(scratch).await? {
        if store.delete(&object.key).await.is_err() {
            left.push(object.key);
        }
    }
    Ok(left)
}

/// Removes the empty folders that a directory keeps of what is deleted. Whatever is in them keeps them.
fn remove_folders(url: &OsStr, scratch: &Prefix) {
    fn remove(folder: &Path) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                remove(&entry.path());
            }
        }
        // It stays if something is in it, which `clean_up` has named.
        drop(fs::remove_dir(folder));
    }
    let text = url.to_string_lossy();
    let path = text.strip_prefix("file://").or(text.strip_prefix("file:"));
    let path = path.map_or_else(|| PathBuf::from(url), PathBuf::from);
    remove(&path.join(scratch.as_str()));
}

fn conclude(
    output: &Output,
    report: &Report,
    probed: &Probed,
    left: &[Key],
) -> anyhow::Result<Status> {
    let fitness = Fitness::of_probed(probed);
    let left: Vec<_> = left.iter().map(Key::as_str).collect();
    let broken: Vec<_> = report.broken().collect();
    let is_fit = broken.is_empty() && fitness == Fitness::ManyWriters;
    for name in left.iter().take(MAX_NAMED) {
        output.complain(&format!("warning: could not be deleted: {name}"));
    }
    if left.len() > MAX_NAMED {
        let more = left.len() - MAX_NAMED;
        output.complain(&format!("and {more} more (--json lists all)"));
    }
    if probed.delete.is_no() {
        output.complain("laws 3, 5 and 6 delete, which was not permitted: without that permission they are expected to fail");
    }
    let _ = output.line(&fitness.to_string());
    let _ = output.json(|| {
        let answers: serde_json::Map<_, _> = probed
            .answers()
            .map(|(question, answer)| (question.name().to_owned(), answer.to_string().into()))
            .collect();
        json!({
            "type": "result",
            "conforms": broken.is_empty(),
            "broken": broken,
            "probe": answers,
            "fitness": fitness.to_string(),
            "left": left,
        })
    });
    if is_fit {
        return Ok(Status::Complete);
    }
    match broken.as_slice() {
        [] => Err(anyhow::anyhow!("{fitness}")),
        broken => Err(anyhow::anyhow!("broken laws: {broken:?}; {fitness}")),
    }
}
