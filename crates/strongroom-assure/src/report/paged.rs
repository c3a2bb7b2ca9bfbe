//! Who would be told now, in which order.

use super::{Material, Report, Section, Table};
use crate::finding::{Escalated, Waiting};

pub(super) fn write(from: &Material<'_>, report: &mut Report) {
    report.title = "Who would be told now".to_owned();
    report.add(order(from));
    let waiting = waiting(from, report);
    report.add(waiting);
    report.not_proven("That somebody answers: see the last alert that was sent as a test.");
    report.not_proven("Who is on duty: contacts are roles, and their calendars are elsewhere.");
}

fn order(from: &Material<'_>) -> Section {
    let mut table = Table::new(
        "order",
        &[
            ("escalation", "Escalation"),
            ("step", "Step"),
            ("after", "After"),
            ("contact", "Who"),
            ("name", "Name"),
            ("address", "Where"),
            ("deputy", "Deputy"),
        ],
    );
    let policy = from.case.policy();
    for (name, escalation) in &policy.escalations {
        for (nth, step) in escalation.steps.iter().enumerate() {
            for contact in &step.notify {
                let known = policy.contacts.get(contact);
                table.row([
                    name.clone().into(),
                    nth.into(),
                    step.after.to_string().into(),
                    contact.clone().into(),
                    known.and_then(|one| one.name.clone()).into(),
                    known.and_then(|one| one.address.clone()).into(),
                    known.and_then(|one| one.deputy.clone()).into(),
                ]);
            }
        }
    }
    Section::new("order", "In which order people are told").with(table)
}

fn waiting(from: &Material<'_>, report: &mut Report) -> Section {
    let mut table = Table::new(
        "waiting",
        &[
            ("about", "About"),
            ("since", "Since"),
            ("step", "Last step"),
            ("next", "Next"),
            ("due", "By"),
            ("late", "Late"),
        ],
    );
    for one in &from.assessment.escalations {
        table.row([
            one.about.clone().into(),
            one.since.into(),
            u64::from(one.step).into(),
            next(one).into(),
            one.due.into(),
            if one.is_late { "yes" } else { "no" }.into(),
        ]);
        report.rests_on(one.because.iter().copied());
    }
    Section::new("waiting", "Alerts that wait for an answer").with(table)
}

fn next(one: &Escalated) -> String {
    match &one.waiting {
        Waiting::Step { notify, .. } => notify.join(", "),
        Waiting::Repeat => "from the beginning".to_owned(),
        Waiting::Anybody => "nobody is left".to_owned(),
    }
}
