//! Frees what no snapshot needs.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use strongroom_examples::{PruneArgs, RepositoryArgs, finish};

/// Free what no snapshot needs: plan, show the plan, carry it out, and delete what was dropped long enough ago. Others may back up,
/// restore, forget and prune meanwhile.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(flatten)]
    repository: RepositoryArgs,
    #[command(flatten)]
    prune: PruneArgs,
    /// Show what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let output = Arc::new(arguments.repository.output());
    let opened = arguments.repository.open();
    let done =
        opened.and_then(|repository| arguments.prune.run(&repository, &output, arguments.dry_run));
    finish(&output, done)
}
