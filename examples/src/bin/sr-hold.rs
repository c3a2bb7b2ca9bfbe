//! Places, releases and lists holds.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use serde_json::json;
use strongroom::retain::Moment;
use strongroom::{HoldRequest, Time};
use strongroom_examples::{Output, RepositoryArgs, Status, Usage, finish, found, utc};

/// Hold snapshots: what is held is not forgotten by anybody until the hold is released.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(flatten)]
    repository: RepositoryArgs,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Place a hold on snapshots, or on a series with all that are to come.
    Place {
        /// The beginnings of their ids.
        snapshots: Vec<String>,
        /// The series.
        #[arg(long, conflicts_with = "snapshots")]
        series: Option<String>,
        /// Why. Everybody who reads the journal sees it.
        #[arg(long)]
        reason: String,
        /// When releasing it is due.
        #[arg(long, value_name = "TIME")]
        due: Option<Moment>,
    },
    /// Release a hold.
    Release {
        /// Its id.
        id: String,
    },
    /// List the holds in force.
    List,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let output = arguments.repository.output();
    finish(&output, run(&arguments, &output))
}

fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<Status> {
    let repository = arguments.repository.open()?;
    match &arguments.what {
        What::Place {
            snapshots,
            series,
            reason,
            due,
        } => {
            let mut request = match series {
                Some(series) => HoldRequest::on_series(series, reason),
                None => HoldRequest::on_snapshots(found(&repository, snapshots)?, reason),
            };
            request.due = due.map(|due| Time::new(due.unix_seconds, 0));
            let id = hex(&repository.place_hold(request)?);
            let _ = output.line(&format!("hold {id}"));
            let _ = output.json(|| json!({ "type": "result", "hold": id }));
        }
        What::Release { id } => {
            repository
                .release_hold(parse(id).ok_or_else(|| Usage("not the id of a hold".into()))?)?;
            let _ = output.json(|| json!({ "type": "result", "released": id }));
        }
        What::List => {
            for hold in repository.holds()? {
                let (id, due) = (hex(&hold.id), hold.due.map(utc));
                let what = match &hold.series {
                    Some(series) if hold.snapshots.is_empty() => format!("series {series}"),
                    _ => format!("{} snapshots", hold.snapshots.len()),
                };
                let until = due
                    .as_ref()
                    .map_or_else(String::new, |due| format!(", due {due}"));
                let _ = output.line(&format!("{id}  {what}: {}{until}", hold.reason));
                let snapshots: Vec<_> = hold.snapshots.iter().map(ToString::to_string).collect();
                let _ = output.json(|| {
                    json!({ "type": "hold", "hold": id, "series": hold.series, "snapshots": snapshots, "reason": hold.reason, "due": due })
                });
            }
        }
    }
    Ok(Status::Complete)
}

fn hex(bytes: &[u8; 16]) -> String {
    format!("{:032x}", u128::from_be_bytes(*bytes))
}

fn parse(text: &str) -> Option<[u8; 16]> {
    let number = u128::from_str_radix(text, 16).ok()?;
    (text.len() == 32).then(|| number.to_be_bytes())
}
