//! Backs up, forgets and prunes one repository by many clients at once, kills a third of them, and proves every snapshot.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use strongroom_examples::fleet::{self, FleetArgs, PlaceArgs, WorkerArgs};
use strongroom_examples::{Output, Status, Usage, finish};

/// Back up, forget and prune one new repository by many clients at once, kill a third of them again and again, and then prove
/// every snapshot.
#[derive(Debug, Parser)]
#[command(
    version,
    subcommand_negates_reqs = true,
    args_conflicts_with_subcommands = true
)]
struct Arguments {
    #[command(flatten)]
    fleet: Option<FleetArgs>,
    #[command(subcommand)]
    role: Option<Role>,
}

#[derive(Debug, Subcommand)]
enum Role {
    /// Be one of the clients, until standard input ends.
    #[command(hide = true)]
    Worker {
        #[command(flatten)]
        place: PlaceArgs,
        #[command(flatten)]
        worker: WorkerArgs,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let output = Output::new(arguments.fleet.as_ref().is_some_and(|fleet| fleet.json));
    let result = match (&arguments.role, &arguments.fleet) {
        (Some(Role::Worker { place, worker }), _) => {
            fleet::work(worker, place).map(|()| Status::Complete)
        }
        (None, Some(fleet)) => fleet::run(fleet, &output),
        (None, None) => Err(Usage("--repo says where the repository is to be".to_owned()).into()),
    };
    finish(&output, result)
}
