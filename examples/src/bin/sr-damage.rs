//! Damages a copy of a repository, for training and tests.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use serde_json::json;
use strongroom::Store;
use strongroom_examples::{
    Output, Status, Usage, confirm, copy_store, create_store_at, finish, store_at, wait,
};
use strongroom_verify::testing::{Damage, Damages, Harm};

/// Damage a copy of a repository, to see how damage is found and repaired. The repository itself is not touched.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// The repository: a path, or file:///path.
    #[arg(long, value_name = "URL")]
    repo: PathBuf,
    /// New folder for the copy that is damaged.
    #[arg(long, value_name = "DIR", required_unless_present_any = ["in_place", "list"])]
    copy: Option<PathBuf>,
    /// Damage the repository itself. What is lost is lost; you are asked to type its path.
    #[arg(long, conflicts_with = "copy")]
    in_place: bool,
    /// Only objects of this folder: pack, index, journal, keyring, slot, bundle, checkpoint, parity, session; or config.
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// Only damages of this sort.
    #[arg(long, value_parser = clap::builder::PossibleValuesParser::new(Harm::sorts()))]
    sort: Option<String>,
    /// How many objects are damaged.
    #[arg(long, default_value_t = 1)]
    count: usize,
    /// Decides which, and how: the same number does the same to the same repository.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Show what would be done, and do nothing.
    #[arg(long, conflicts_with_all = ["copy", "in_place"])]
    list: bool,
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
    let original = store_at(&arguments.repo)?;
    let damages = choose(arguments, original.as_ref())?;
    if damages.is_empty() {
        return Err(Usage("there is no such object to damage".to_owned()).into());
    }
    let victim: Option<Arc<dyn Store>> = match &arguments.copy {
        _ if arguments.list => None,
        Some(folder) => {
            let copy = create_store_at(folder)?;
            copy_store(original.as_ref(), copy.as_ref())?;
            Some(copy)
        }
        None => {
            let path = arguments.repo.display().to_string();
            confirm(&format!("Type {path} to damage it: "), &path)?;
            Some(original)
        }
    };
    for damage in &damages {
        if let Some(store) = &victim {
            wait(damage.apply(store.as_ref()))?;
        }
        let _ = output.line(&damage.to_string());
        let _ = output.json(|| {
            json!({
                "type": "damage",
                "object": damage.object.as_str(),
                "sort": damage.harm.sort(),
                "what": damage.harm.to_string(),
            })
        });
    }
    let (done, count) = (victim.is_some(), damages.len());
    let _ = output.json(|| json!({ "type": "result", "damages": count, "done": done }));
    Ok(Status::Complete)
}

fn choose(arguments: &Arguments, store: &dyn Store) -> anyhow::Result<Vec<Damage>> {
    let is_wanted = |name: &str, sort: &str| {
        let kind = name.split(['/', '.']).next();
        let kind_fits = arguments
            .kind
            .as_deref()
            .is_none_or(|wanted| kind == Some(wanted));
        kind_fits
            && arguments
                .sort
                .as_deref()
                .is_none_or(|wanted| sort == wanted)
    };
    let damages = Damages::new(arguments.seed);
    let chosen = damages.pick(store, arguments.count, |key, sort| {
        is_wanted(key.as_str(), sort)
    });
    Ok(wait(chosen)?)
}
