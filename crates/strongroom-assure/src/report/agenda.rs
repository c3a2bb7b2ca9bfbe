//! What to talk about in the next meeting, filled with data.

use super::status::{findings, words};
use super::{Material, Report, Section, Table};
use crate::finding::Severity;
use crate::obligation::ObligationState;

/// More than that is no agenda.
const FINDINGS_MAX: usize = 15;

pub(super) fn write(from: &Material<'_>, report: &mut Report) {
    report.title = "Agenda".to_owned();
    report.add(findings(from, "open", "1. What is open", FINDINGS_MAX));
    report.add(actions(from));
    report.add(work(from));
    report.add(incidents(from));
    report.add(decisions(from));
    report.add(Section::new("minutes", "6. Minutes").say(
        "Attach the minutes to the record of the meeting: without them it did not take place.",
    ));
    let assessment = from.assessment;
    report.rests_on(
        assessment
            .findings
            .iter()
            .flat_map(|one| one.because.iter().copied()),
    );
    report.rests_on(
        assessment
            .actions
            .iter()
            .flat_map(|one| one.because.iter().copied()),
    );
    report.not_proven("That the meeting took place.");
}

fn actions(from: &Material<'_>) -> Section {
    let mut table = Table::new(
        "actions",
        &[
            ("key", "Action"),
            ("what", "What"),
            ("owner", "Who"),
            ("due", "Due"),
            ("state", "State"),
            ("overdue", "Overdue"),
            ("patch", "Change of the policy"),
        ],
    );
    for one in from
        .assessment
        .actions
        .iter()
        .filter(|one| !one.state.is_closed())
    {
        let patch = one.kind.patch();
        table.row([
            one.key.clone().into(),
            one.kind.as_str().into(),
            one.owner.clone().into(),
            one.due.into(),
            one.state.as_str().into(),
            if one.is_overdue { "yes" } else { "no" }.into(),
            patch
                .map(|patch| format!("{}: {}", patch.setting, patch.change))
                .into(),
        ]);
    }
    Section::new("actions", "2. What is being done").with(table)
}

fn work(from: &Material<'_>) -> Section {
    let mut table = Table::new(
        "work",
        &[
            ("key", "Work"),
            ("kind", "Kind"),
            ("owner", "Who"),
            ("due", "Due"),
            ("state", "State"),
            ("template", "Document that helps"),
        ],
    );
    let open = from.assessment.obligations.iter();
    for one in open.filter(|one| one.state >= ObligationState::Due) {
        table.row([
            one.key.clone().into(),
            one.kind.clone().into(),
            one.owner.clone().into(),
            one.due.map(|day| day.to_string()).into(),
            one.state.as_str().into(),
            one.template.clone().into(),
        ]);
    }
    Section::new("work", "3. What people must do").with(table)
}

fn incidents(from: &Material<'_>) -> Section {
    let mut table = Table::new(
        "incidents",
        &[
            ("key", "Incident"),
            ("state", "State"),
            ("opened", "Since"),
            ("resource", "Resource"),
            ("cause", "Cause"),
        ],
    );
    for one in from.assessment.incidents.iter().filter(|one| one.is_open()) {
        table.row([
            one.key.clone().into(),
            one.state.as_str().into(),
            one.opened.into(),
            one.resource.clone().into(),
            one.cause.clone().into(),
        ]);
    }
    Section::new("incidents", "4. Incidents").with(table)
}

/// What only people can decide: serious findings without an action of somebody.
fn decisions(from: &Material<'_>) -> Section {
    let mut table = Table::new(
        "decisions",
        &[
            ("key", "Finding"),
            ("what", "What"),
            ("choice", "To decide"),
        ],
    );
    let open = from.assessment.findings.iter();
    let open = open.filter(|one| one.severity >= Severity::Serious && !one.is_exempted());
    for one in open.take(FINDINGS_MAX) {
        let proposed = from
            .assessment
            .actions
            .iter()
            .find(|action| action.finding == one.key && action.opened.is_some());
        if proposed.is_none() {
            table.row([
                one.key.clone().into(),
                words(from, one).into(),
                "who does it and by when, or an exemption with a reason and an end".into(),
            ]);
        }
    }
    Section::new("decisions", "5. To decide").with(table)
}
