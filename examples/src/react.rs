//! What is done at once when a point looks wrong: it is recorded, and the last clean points are held. Nothing is deleted.

use std::collections::BTreeSet;

use serde_json::json;
use strongroom::blocking::Repository;
use strongroom::evidence::{Record, Suspect};
use strongroom::retain::Moment;
use strongroom::{HoldRequest, Time};
use strongroom_assure::{Assessor, History, HoldStep, Reaction, reaction};
use strongroom_policy::Policy;

use crate::output::Output;
use crate::when::utc;

/// Carries out what critical alarms of a policy's resources ask for, and says what was done. Doing it again does nothing more.
///
/// # Errors
///
/// What the repository said; placing holds takes the keys of an admin. What was recorded until then stays, and the next call does the rest.
pub(crate) fn react(
    repository: &Repository,
    history: &History,
    policy: &Policy,
    output: &Output,
    now: Moment,
) -> anyhow::Result<()> {
    let assessor = Assessor::default();
    let case = assessor.case(history, policy, &[], now);
    let here = repository.snapshots()?;
    let here: BTreeSet<_> = here.iter().map(|info| info.id).collect();
    for resource in policy.resources.keys() {
        let Some(report) = case.signals(resource) else {
            continue;
        };
        let wanted = reaction(history, report, &here);
        for (where_, capture) in &wanted.elsewhere {
            let of = utc(Time::new(*capture, 0));
            output.complain(&format!("{resource}: the clean point of {of} UTC in {where_} is not held: place a hold there, by sr-hold"));
        }
        if !wanted.is_empty() {
            carry_out(repository, &wanted, output)?;
        }
    }
    Ok(())
}

fn carry_out(repository: &Repository, wanted: &Reaction, output: &Output) -> anyhow::Result<()> {
    let resource = &wanted.resource;
    for one in &wanted.raised {
        record(repository, resource, one)?;
        let (id, why) = (one.snapshot.to_string(), one.signals.join(", "));
        output.complain(&format!("{resource}: snapshot {id} is suspect: {why}"));
        let _ = output.json(|| json!({ "type": "suspect", "resource": resource, "snapshot": id, "signals": one.signals }));
    }
    let (hold, count) = match &wanted.hold {
        HoldStep::Nothing => return Ok(()),
        HoldStep::Placed { hold } => (*hold, 0),
        HoldStep::Place { snapshots, reason } => {
            let request = HoldRequest::on_snapshots(snapshots.iter().copied(), reason);
            (repository.place_hold(request)?, snapshots.len())
        }
    };
    for one in wanted.held(hold) {
        record(repository, resource, &one)?;
    }
    let hold = format!("{:032x}", u128::from_be_bytes(hold));
    output.complain(&format!(
        "{resource}: {count} clean points more are held, by hold {hold}"
    ));
    let _ = output
        .json(|| json!({ "type": "held", "resource": resource, "hold": hold, "snapshots": count }));
    Ok(())
}

fn record(repository: &Repository, resource: &str, suspect: &Suspect) -> anyhow::Result<()> {
    let mut head = repository.record_head()?;
    head.resource = Some(resource.to_owned());
    repository.record(&Record::new(head, suspect.clone().into()), None)?;
    Ok(())
}
