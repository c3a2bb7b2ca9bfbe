//! A draft of the review of an incident: facts from the journal, and questions for people.

use super::{Material, Report, Section, Table};
use crate::incident::Incident;

pub(super) fn write(from: &Material<'_>, report: &mut Report) {
    report.title = "Draft of the review of an incident".to_owned();
    let all = from.assessment.incidents.iter();
    let all: Vec<&Incident> = all
        .filter(|one| match from.subject {
            Some(subject) => one.key == subject,
            None => one.is_open(),
        })
        .collect();
    if all.is_empty() {
        report.add(Section::new("incident", "Incidents").say("There is no such incident."));
    }
    for one in all {
        report.add(facts(one));
        report.add(timeline(one));
        report.rests_on(one.because.iter().copied());
        report.rests_on(one.timeline.iter().map(|told| told.entry));
    }
    report.add(
        Section::new("questions", "For those who were there")
            .say("What did we expect, and what happened instead?")
            .say("What went well, and where were we lucky?")
            .say("What made it possible: which step, rule or tool could have stopped it earlier?")
            .say("What will we change, who does it, and by when? Record each as an action.")
            .say("Attach this, filled in, to the record of the review. Without it the incident cannot be closed, unless somebody takes that on themselves."),
    );
    report.not_proven("Why it happened: the journal has what was recorded, and no intentions.");
}

fn facts(one: &Incident) -> Section {
    let mut table = Table::new("facts", &[("what", "What"), ("value", "Value")]);
    let duration = |seconds: Option<i64>| seconds.map(|seconds| format!("{seconds} s"));
    table.row(["state".into(), one.state.as_str().into()]);
    table.row(["resource".into(), one.resource.clone().into()]);
    table.row(["cause".into(), one.cause.clone().into()]);
    table.row(["opened".into(), one.opened.into()]);
    table.row([
        "time to acknowledge".into(),
        duration(one.acknowledge_seconds()).into(),
    ]);
    table.row([
        "time to resolve".into(),
        duration(one.resolve_seconds()).into(),
    ]);
    table.row([
        "data lost in truth".into(),
        duration(one.actual_loss_seconds).into(),
    ]);
    table.row([
        "time of recovery in truth".into(),
        duration(one.actual_recovery_seconds).into(),
    ]);
    let mut section = Section::new("incident", format!("Incident {}", one.key));
    for why in &one.refused {
        section = section.say(format!("Does not count: {why}."));
    }
    section.with(table)
}

fn timeline(one: &Incident) -> Section {
    let mut table = Table::new(
        "timeline",
        &[("at", "When"), ("what", "What"), ("entry", "Entry")],
    );
    for told in &one.timeline {
        table.row([
            told.at.into(),
            told.what.clone().into(),
            told.entry.to_string().into(),
        ]);
    }
    Section::new("timeline", format!("What the journal tells of {}", one.key)).with(table)
}
