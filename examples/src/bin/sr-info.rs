//! Says what a repository is, and what its store does.

use std::process::ExitCode;

use clap::Parser;
use serde_json::json;
use strongroom_examples::{ONE_WRITER, Output, RepositoryArgs, Status, finish, show};

/// Say what a repository is, and what its store was found to do when it was created. Ends with 4 if the store got worse since.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(flatten)]
    repository: RepositoryArgs,
    /// Probe the store again and record what it does now.
    #[arg(long)]
    probe: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let output = arguments.repository.output();
    finish(&output, run(&arguments, &output))
}

fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<Status> {
    let repository = arguments.repository.open()?;
    let recorded = repository.store_probe()?;
    let _ = output.json(|| {
        json!({
            "type": "result",
            "repository": repository.id().to_string(),
            "pin": repository.pin().to_string(),
            "suite": format!("{:?}", repository.suite()),
            "single_writer": repository.is_single_writer(),
            "probe": recorded.as_ref().map(show::store::object),
        })
    });
    let _ = output.line(&format!("repository     {}", repository.id()));
    let _ = output.line(&format!("pin            {}", repository.pin()));
    let _ = output.line(&format!("suite          {:?}", repository.suite()));
    match &recorded {
        Some(probe) => show::store::answers(output, probe),
        None => {
            let _ = output.line("what the store does was not recorded when it was created");
        }
    }
    if repository.is_single_writer() {
        output.complain(ONE_WRITER);
    }
    if !arguments.probe {
        return Ok(Status::Complete);
    }
    let reprobed = repository.reprobe()?;
    let _ = output.line("now:");
    show::store::answers(output, &reprobed.now);
    show::store::worse(output, &reprobed);
    let _ = output.json(|| json!({ "type": "probe", "now": show::store::object(&reprobed.now), "entry": reprobed.entry }));
    Ok(match reprobed.worse.is_empty() {
        true => Status::Complete,
        false => Status::Damaged,
    })
}
