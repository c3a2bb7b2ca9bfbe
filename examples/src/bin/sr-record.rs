//! Records what people did and saw.

use std::process::ExitCode;

use clap::Parser;
use strongroom_examples::finish;
use strongroom_examples::record::{RecordArgs, record};

/// Record what people did or saw in the journal of a repository, where nobody can change it: duties, decisions, incidents, actions, attestations.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(flatten)]
    record: RecordArgs,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let output = arguments.record.repository.output();
    finish(&output, record(&arguments.record, &output))
}
