//! How things are, and what could be better.

use super::{Audience, Cell, Material, Report, Section, Table};
use crate::control::Verdict;
use crate::finding::Finding;

/// The most findings of one report; the JSON of the assessment has all.
const FINDINGS_MAX: usize = 100;
const IMPROVEMENTS_MAX: usize = 10;

pub(super) fn write(from: &Material<'_>, report: &mut Report) {
    let assessment = from.assessment;
    report.title = "Status of backups".to_owned();
    report.add(scorecard(from));
    report.add(findings(
        from,
        "findings",
        "What somebody must look at",
        FINDINGS_MAX,
    ));
    report.add(improvements(from));
    report.add(resources(from));
    report.add(coverage(from));
    report.rests_on(
        assessment
            .findings
            .iter()
            .flat_map(|one| one.because.iter().copied()),
    );
    report.not_proven("That a resource without a finding can be restored: see its last proof.");
    report.not_proven("Anything about what people must do, beyond the records that they made.");
}

pub(super) fn scorecard(from: &Material<'_>) -> Section {
    let mut table = Table::new(
        "scorecard",
        &[
            ("head", "Head"),
            ("pass", "Pass"),
            ("fail", "Fail"),
            ("unknown", "Unknown"),
            ("not_applicable", "Not applicable"),
            ("open", "Not passed"),
        ],
    );
    for score in &from.assessment.scorecard {
        table.row([
            score.head.as_str().into(),
            score.tally.pass.into(),
            score.tally.fail.into(),
            score.tally.unknown.into(),
            score.tally.not_applicable.into(),
            score.open.join(", ").into(),
        ]);
    }
    Section::new("scorecard", "Efficient, secure, reliable").with(table)
}

/// Returns the findings that nothing silences, the worst first.
pub(super) fn findings(from: &Material<'_>, id: &'static str, title: &str, most: usize) -> Section {
    let mut table = Table::new(
        id,
        &[
            ("severity", "Severity"),
            ("key", "Finding"),
            ("since", "Since"),
            ("what", "What"),
            ("next", "Next"),
            ("action", "Action"),
            ("entries", "Entries"),
        ],
    );
    let open = || {
        from.assessment
            .findings
            .iter()
            .filter(|one| !one.is_exempted())
    };
    for one in open().take(most) {
        table.row([
            one.severity.as_str().into(),
            one.key.clone().into(),
            one.first_seen.into(),
            words(from, one).into(),
            one.next_step.clone().into(),
            one.action.clone().into(),
            entries(&one.because).into(),
        ]);
    }
    let silenced = from
        .assessment
        .findings
        .iter()
        .filter(|one| one.is_exempted())
        .count();
    let more = open().count().saturating_sub(most);
    let mut section = Section::new(id, title.to_owned());
    if more > 0 {
        section = section.say(format!("{more} more are not shown."));
    }
    if silenced > 0 {
        section = section.say(format!(
            "{silenced} are silenced by exemptions of the policy."
        ));
    }
    section.with(table)
}

pub(super) fn words(from: &Material<'_>, finding: &Finding) -> String {
    match from.audience {
        Audience::Technical => finding.technical.clone(),
        Audience::Business => finding.business.clone(),
    }
}

pub(super) fn entries(all: &[crate::history::EntryRef]) -> String {
    let newest = all.iter().rev().take(3).map(ToString::to_string);
    newest.collect::<Vec<_>>().join(", ")
}

/// Ranks what would help most: the controls by how many findings they would end.
fn improvements(from: &Material<'_>) -> Section {
    let mut table = Table::new(
        "improvements",
        &[
            ("control", "Control"),
            ("title", "What it asks"),
            ("would_end", "Findings it would end"),
            ("worst", "Worst of them"),
            ("step", "Next step"),
        ],
    );
    let mut ranked: Vec<_> = from
        .assessment
        .controls
        .iter()
        .filter_map(|control| {
            let own = from.assessment.findings.iter();
            let own = own.filter(|one| one.rule == control.spec.id && !one.is_exempted());
            let worst = own.clone().map(|one| one.severity).max()?;
            Some((worst, own.count(), control))
        })
        .collect();
    ranked.sort_by(|a, b| (b.0, b.1, a.2.spec.id).cmp(&(a.0, a.1, b.2.spec.id)));
    for (worst, count, control) in ranked.into_iter().take(IMPROVEMENTS_MAX) {
        table.row([
            control.spec.id.into(),
            control.spec.title.into(),
            count.into(),
            worst.as_str().into(),
            control.spec.next_step.into(),
        ]);
    }
    Section::new("improvements", "What would help most").with(table)
}

pub(super) fn resources(from: &Material<'_>) -> Section {
    let mut table = Table::new(
        "resources",
        &[
            ("resource", "Resource"),
            ("criticality", "Criticality"),
            ("last_backup", "Last backup"),
            ("last_outcome", "Outcome"),
            ("loss_now", "Loss if it were lost now"),
            ("recoverable", "Recoverable"),
            ("level", "Level"),
            ("last_proof", "Last proof"),
            ("protected", "Protected"),
            ("copies", "Copies"),
            ("immutable_until", "Locked until"),
        ],
    );
    for one in from
        .assessment
        .resources
        .iter()
        .filter(|one| !one.is_retired)
    {
        let newest = one.newest.as_ref();
        let unknown = Verdict::Unknown.as_str();
        table.row([
            one.id.clone().into(),
            one.criticality.to_string().into(),
            one.last_ended.into(),
            one.last_outcome.clone().into(),
            one.rpo.now.to_string().into(),
            newest
                .map_or(unknown, |one| one.recoverable.verdict.as_str())
                .into(),
            newest
                .and_then(|one| one.recoverable.level)
                .map(|level| format!("L{level}"))
                .into(),
            newest.and_then(|one| one.recoverable.last_proof).into(),
            newest
                .map_or(unknown, |one| one.protected.verdict.as_str())
                .into(),
            newest.map(|one| one.protected.copies).into(),
            newest.and_then(|one| one.protected.immutable_until).into(),
        ]);
    }
    Section::new("resources", "Resources")
        .say("Recoverable and protected are two verdicts about the newest recovery point; neither follows from a backup that succeeded.")
        .with(table)
}

pub(super) fn coverage(from: &Material<'_>) -> Section {
    let mut table = Table::new(
        "coverage",
        &[
            ("department", "Department"),
            ("covered", "Covered"),
            ("not_covered", "Not covered"),
            ("exempt", "Exempt or retired"),
        ],
    );
    for (department, count) in &from.assessment.coverage {
        let name = match department.as_str() {
            "" => Cell::None,
            name => name.into(),
        };
        table.row([
            name,
            count.covered.into(),
            count.not_covered.into(),
            count.exempt.into(),
        ]);
    }
    Section::new("coverage", "Who is covered").with(table)
}
