//! Runs the backup of one resource as a policy says, and records how it went.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use strongroom_examples::finish;
use strongroom_examples::run::{RunArgs, run};

/// Run the backup of one resource as a policy says: in its window, within its limits, with what it has run before and after, tried
/// again when that may help, verified as deep as verification.after_run says, and copied. How it went is in the journal afterwards, also when it failed. Ends with 0
/// when all is well or nothing is due, 4 when what was verified is damaged, 3 when something was left out, not verified or not copied, 2 when there is nothing to run,
/// and 1 when it failed or is too late.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(flatten)]
    run: RunArgs,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let output = Arc::new(arguments.run.repository.output());
    finish(&output, run(arguments.run, &output))
}
