//! What a framework asks for and evidence does not show.

use super::{Material, Report, Section, Table};
use crate::framework::{ItemResult, ItemState, NeedState};

pub(super) fn write(from: &Material<'_>, report: &mut Report) {
    report.title = "Gaps".to_owned();
    let Some(framework) = from.framework else {
        report.add(Section::new("items", "Items").say("No framework was chosen."));
        return;
    };
    let result = from.assessor.framework(from.case, framework);
    report.title = format!("Gaps: {} ({})", result.title, result.version);
    report.statement = result.tally.to_string();
    report.add(items(&result.items));
    report.add(gaps(&result.items));
    report.add(people(&result.items));
    let checks = result.items.iter().flat_map(|item| &item.checks);
    report.rests_on(checks.flat_map(|one| one.because.iter().copied()));
    report.not_proven(result.note);
    report.not_proven("That an item is met as a whole: only what is named here was looked at.");
}

fn items(all: &[ItemResult]) -> Section {
    let mut table = Table::new(
        "items",
        &[
            ("id", "Item"),
            ("title", "What it asks for"),
            ("state", "State"),
            ("checks", "Controls"),
            ("people", "Work of people"),
        ],
    );
    for item in all {
        let checks: Vec<String> = item
            .checks
            .iter()
            .map(|one| match one.parameters.is_empty() {
                true => format!("{} {}", one.control, one.verdict),
                false => format!("{} ({}) {}", one.control, one.parameters, one.verdict),
            })
            .collect();
        let people: Vec<String> = item
            .people
            .iter()
            .map(|one| format!("{} {}", one.kind, one.state.as_str()))
            .collect();
        table.row([
            item.id.clone().into(),
            item.title.clone().into(),
            item.state.as_str().into(),
            checks.join("; ").into(),
            people.join("; ").into(),
        ]);
    }
    Section::new("items", "Items").with(table)
}

fn gaps(all: &[ItemResult]) -> Section {
    let mut table = Table::new(
        "gaps",
        &[
            ("item", "Item"),
            ("control", "Control"),
            ("scope", "About"),
            ("verdict", "Verdict"),
            ("since", "Since"),
            ("reason", "Why"),
        ],
    );
    for item in all.iter().filter(|one| one.state >= ItemState::Unknown) {
        for check in &item.checks {
            for why in &check.why {
                table.row([
                    item.id.clone().into(),
                    check.control.clone().into(),
                    why.scope.key().into(),
                    why.verdict.as_str().into(),
                    why.since.into(),
                    why.reason.clone().into(),
                ]);
            }
        }
    }
    Section::new("gaps", "What evidence does not show").with(table)
}

fn people(all: &[ItemResult]) -> Section {
    let mut table = Table::new(
        "people",
        &[
            ("item", "Item"),
            ("kind", "Work"),
            ("state", "State"),
            ("obligation", "Obligation of the policy"),
            ("due", "Due"),
        ],
    );
    for item in all {
        for one in item.people.iter().filter(|one| one.state != NeedState::Met) {
            table.row([
                item.id.clone().into(),
                one.kind.clone().into(),
                one.state.as_str().into(),
                one.obligation.clone().into(),
                one.due.map(|day| day.to_string()).into(),
            ]);
        }
    }
    Section::new("people", "What people must do").with(table)
}
