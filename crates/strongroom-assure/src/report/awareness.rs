//! What would be lost, by department, in words that everybody understands.

use std::collections::BTreeMap;

use strongroom_policy::Criticality;

use super::{Cell, Material, Report, Section, Table};
use crate::assess::ResourceLine;
use crate::control::Verdict;
use crate::rpo::Exposure;

pub(super) fn write(from: &Material<'_>, report: &mut Report) {
    report.title = "What would be lost".to_owned();
    let mut departments: BTreeMap<&str, Vec<&ResourceLine>> = BTreeMap::new();
    for one in from
        .assessment
        .resources
        .iter()
        .filter(|one| !one.is_retired)
    {
        let department = one.department.as_deref().unwrap_or_default();
        departments.entry(department).or_default().push(one);
    }
    let mut table = Table::new(
        "departments",
        &[
            ("department", "Department"),
            ("resources", "Resources"),
            ("critical", "Of them critical"),
            ("loss_now", "Most that would be lost now"),
            ("worst", "Of which"),
            ("proven", "Of them proven to come back"),
        ],
    );
    for (department, lines) in &departments {
        let worst = lines.iter().max_by_key(|one| one.rpo.now);
        let is_critical = |one: &&&ResourceLine| one.criticality == Criticality::Critical;
        let is_proven = |one: &&&ResourceLine| {
            let newest = one.newest.as_ref();
            newest.is_some_and(|one| one.recoverable.verdict == Verdict::Pass)
        };
        table.row([
            if department.is_empty() {
                Cell::None
            } else {
                (*department).into()
            },
            lines.len().into(),
            lines.iter().filter(is_critical).count().into(),
            worst.map(|one| loss(one.rpo.now)).into(),
            worst.map(|one| one.id.clone()).into(),
            lines.iter().filter(is_proven).count().into(),
        ]);
        report.rests_on(
            lines
                .iter()
                .flat_map(|one| one.rpo.evidence.iter().copied()),
        );
    }
    report.add(
        Section::new("departments", "Departments")
            .say("If a system were lost at this moment, everything since its last recovery point would have to be done again.")
            .with(table),
    );
    report.not_proven("How much that work is worth: only whoever does it knows.");
}

fn loss(exposure: Exposure) -> String {
    match exposure {
        Exposure::Everything => "everything".to_owned(),
        Exposure::Seconds(_) => format!("the work of {exposure}"),
    }
}
