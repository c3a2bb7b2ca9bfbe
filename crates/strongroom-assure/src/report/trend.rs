//! What changed since the last period.

use std::collections::BTreeMap;

use super::{Material, Report, Section, Table};
use crate::assess::{Assessment, ResourceLine};
use crate::control::Verdict;

pub(super) fn write(from: &Material<'_>, report: &mut Report) {
    report.title = "What changed".to_owned();
    let Some(before) = from.before else {
        report.add(
            Section::new("verdicts", "Controls").say("There is no period before to compare with."),
        );
        return;
    };
    report.add(verdicts(before, from.assessment));
    report.add(keys(before, from.assessment));
    report.add(resources(before, from.assessment));
    let now = from.assessment;
    report.rests_on(
        now.findings
            .iter()
            .flat_map(|one| one.because.iter().copied()),
    );
    report.not_proven("Why something changed: the columns stand beside each other, and no more.");
}

fn verdicts(before: &Assessment, now: &Assessment) -> Section {
    let mut table = Table::new(
        "verdicts",
        &[
            ("control", "Control"),
            ("before", "Before"),
            ("now", "Now"),
            ("direction", "Direction"),
        ],
    );
    for control in &now.controls {
        let old = before.control(control.spec.id).map(|one| one.verdict);
        if old == Some(control.verdict) {
            continue;
        }
        let direction = match old {
            Some(old) if old > control.verdict => "better",
            Some(_) => "worse",
            None => "new",
        };
        table.row([
            control.spec.id.into(),
            old.map(Verdict::as_str).into(),
            control.verdict.as_str().into(),
            direction.into(),
        ]);
    }
    Section::new("verdicts", "Controls whose verdict changed")
        .say(format!("At {}: {}.", before.at, before.tally))
        .with(table)
}

fn keys(before: &Assessment, now: &Assessment) -> Section {
    let mut table = Table::new(
        "findings",
        &[
            ("key", "Finding"),
            ("change", "Change"),
            ("severity", "Severity"),
        ],
    );
    for one in &now.findings {
        let change = match before.finding(&one.key) {
            None => "new",
            Some(old) if old.severity < one.severity => "worse",
            Some(old) if old.severity > one.severity => "better",
            Some(_) => continue,
        };
        table.row([
            one.key.clone().into(),
            change.into(),
            one.severity.as_str().into(),
        ]);
    }
    for old in before
        .findings
        .iter()
        .filter(|old| now.finding(&old.key).is_none())
    {
        table.row([
            old.key.clone().into(),
            "gone".into(),
            old.severity.as_str().into(),
        ]);
    }
    Section::new("findings", "Findings that came and went").with(table)
}

fn resources(before: &Assessment, now: &Assessment) -> Section {
    let mut table = Table::new(
        "resources",
        &[
            ("resource", "Resource"),
            ("loss_before", "Could have been lost before (s)"),
            ("loss_now", "Could have been lost now (s)"),
            ("restore_before", "Restore took before (s)"),
            ("restore_now", "Restore takes now (s)"),
        ],
    );
    let old: BTreeMap<&str, &ResourceLine> = before
        .resources
        .iter()
        .map(|one| (one.id.as_str(), one))
        .collect();
    for one in &now.resources {
        let Some(old) = old.get(one.id.as_str()) else {
            continue;
        };
        let is_same = old.rpo.achieved == one.rpo.achieved
            && old.restore.measured_seconds == one.restore.measured_seconds;
        if !is_same {
            table.row([
                one.id.clone().into(),
                old.rpo.achieved.seconds().into(),
                one.rpo.achieved.seconds().into(),
                old.restore.measured_seconds.into(),
                one.restore.measured_seconds.into(),
            ]);
        }
    }
    Section::new("resources", "Resources whose numbers changed").with(table)
}
