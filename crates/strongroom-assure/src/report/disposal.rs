//! What was disposed of, how, by whom, and what remains: a certificate.

use strongroom_format::record::Disposal;
use strongroom_retain::Moment;

use super::{Cell, Material, Report, Section, Table};
use crate::history::Noted;

pub(super) fn write(from: &Material<'_>, report: &mut Report) {
    report.title = "Certificate of disposal".to_owned();
    let all = from.case.records().disposals.iter();
    let all: Vec<&&Noted<Disposal>> = all
        .filter(|one| {
            from.subject
                .is_none_or(|subject| one.fact.subject == subject)
        })
        .collect();
    if all.is_empty() {
        report.add(Section::new("disposal", "Disposals").say("No disposal was recorded."));
    }
    for one in all {
        report.add(certificate(one));
        report.rests_on([one.entry]);
    }
    report.not_proven("What a provider keeps inside its own systems after a deletion.");
    report.not_proven("That nobody made a copy outside the policy.");
    report.not_proven("That erasing keys suffices where data was ever stored without encryption.");
}

fn certificate(one: &Noted<Disposal>) -> Section {
    let fact = &one.fact;
    let mut table = Table::new(
        "copies",
        &[
            ("repository", "Repository"),
            ("location", "Where"),
            ("method", "How"),
            ("verified", "Seen to be gone"),
            ("remains_until", "Remains until"),
        ],
    );
    for copy in &fact.copies {
        table.row([
            copy.repository.clone().into(),
            copy.location.clone().into(),
            copy.method.to_string().into(),
            Cell::Text(if copy.verified { "yes" } else { "no" }.to_owned()),
            copy.remains_until
                .map(|time| Moment::utc(time.seconds))
                .into(),
        ]);
    }
    let keys: Vec<String> = fact
        .keys
        .iter()
        .map(|key| key.iter().map(|byte| format!("{byte:02x}")).collect())
        .collect();
    let operators: Vec<String> = fact.operators.iter().map(ToString::to_string).collect();
    let listed = |list: Vec<String>| match list.is_empty() {
        true => "none".to_owned(),
        false => list.join(", "),
    };
    let dual = match operators.len() {
        0 | 1 => " One person alone: somebody else should have seen it.",
        _ => "",
    };
    Section::new("disposal", format!("Disposal of {}", fact.subject))
        .say(format!(
            "{} snapshots, {} blobs, {} bytes; recorded {} in entry {}.",
            fact.snapshots,
            fact.blobs,
            fact.bytes,
            Moment::utc(one.at),
            one.entry
        ))
        .say(format!("Keys destroyed: {}.", listed(keys)))
        .say(format!("Done by (digests): {}.{dual}", listed(operators)))
        .say(match fact.residual.trim() {
            "" => "Nobody said what remains.".to_owned(),
            residual => format!("What remains: {residual}"),
        })
        .with(table)
}
