//! Every control with its evidence and its age, for somebody to sign.

use strongroom_policy::Period;

use super::{Material, Report, Section, Table};
use crate::control::Verdict;
use crate::obligation::Audit;

/// How many entries somebody must look at.
const SAMPLE: usize = 25;
/// Over which time, unless a period before is given.
const QUARTER: Period = Period::days(92);

pub(super) fn write(from: &Material<'_>, report: &mut Report) {
    report.title = "Attestation: each control, its evidence and its age".to_owned();
    let mut table = Table::new(
        "controls",
        &[
            ("id", "Control"),
            ("title", "What it asks"),
            ("verdict", "Verdict"),
            ("pass", "Pass"),
            ("fail", "Fail"),
            ("unknown", "Unknown"),
            ("not_applicable", "Not applicable"),
            ("valid_until", "Valid until"),
            ("newest_entry", "Newest entry"),
            ("does_not_prove", "Does not prove"),
        ],
    );
    for control in &from.assessment.controls {
        let ends = control
            .judgements
            .iter()
            .filter(|one| one.verdict == Verdict::Pass);
        let entries = control.judgements.iter().flat_map(|one| one.because.iter());
        table.row([
            control.spec.id.into(),
            control.spec.title.into(),
            control.verdict.as_str().into(),
            control.count(Verdict::Pass).into(),
            control.count(Verdict::Fail).into(),
            control.count(Verdict::Unknown).into(),
            control.count(Verdict::NotApplicable).into(),
            ends.filter_map(|one| one.valid_until).min().into(),
            entries.max().map(ToString::to_string).into(),
            control.spec.does_not_prove.into(),
        ]);
    }
    report.add(Section::new("controls", "Controls").with(table));
    report.add(reasons(from));
    let audit = freeze(from);
    report.rests_on(
        audit
            .controls
            .iter()
            .flat_map(|one| one.because.iter().copied()),
    );
    report.add(signatures(from, &audit));
    report.not_proven("That the policy asks for what a law asks for: a lawyer must confirm.");
    report.not_proven("That whoever signed looked at the sample.");
}

/// Freezes the audit that the report is of. The seed is the newest entry before it, which nobody
/// who made that entry could choose for it.
fn freeze(from: &Material<'_>) -> Audit {
    let since = from
        .before
        .map_or_else(|| QUARTER.before(from.assessment.at), |one| one.at);
    let seed = format!("{} entries", from.assessment.journal.entries);
    Audit::freeze(
        from.assessment,
        "all resources of the policy",
        since,
        seed,
        SAMPLE,
    )
}

fn reasons(from: &Material<'_>) -> Section {
    let mut table = Table::new(
        "not_passed",
        &[
            ("control", "Control"),
            ("scope", "About"),
            ("verdict", "Verdict"),
            ("since", "Since"),
            ("reason", "Why"),
        ],
    );
    for control in &from.assessment.controls {
        for one in &control.judgements {
            if matches!(one.verdict, Verdict::Fail | Verdict::Unknown) {
                table.row([
                    control.spec.id.into(),
                    one.scope.key().into(),
                    one.verdict.as_str().into(),
                    one.since.into(),
                    one.reason.clone().into(),
                ]);
            }
        }
    }
    Section::new("not_passed", "What does not pass").with(table)
}

fn signatures(from: &Material<'_>, audit: &Audit) -> Section {
    let mut table = Table::new(
        "signatures",
        &[
            ("person", "Who (digest)"),
            ("role", "Role"),
            ("decision", "Decision"),
            ("at", "When"),
            ("entry", "Entry"),
        ],
    );
    for one in audit.signatures(from.case) {
        table.row([
            one.person.into(),
            one.role.into(),
            one.decision.into(),
            one.at.into(),
            one.entry.to_string().into(),
        ]);
    }
    let sample: Vec<String> = audit.sample.iter().map(ToString::to_string).collect();
    Section::new("signatures", "Who signed")
        .say(format!(
            "The audit from {} until {} has the hash {}. Whoever agrees signs that hash.",
            audit.from,
            audit.until,
            audit.hash()
        ))
        .say(format!(
            "Of {} entries these are drawn for somebody to look at, by the seed “{}”: {}.",
            audit.evidence,
            audit.seed,
            sample.join(", ")
        ))
        .with(table)
}
