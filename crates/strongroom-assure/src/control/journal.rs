//! C-15 and C-16: the journal is whole, witnessed, and kept.

use strongroom_policy::Period;
use strongroom_retain::Moment;

use super::case::{Case, after};
use super::catalogue::Standard;
use super::parameter::{Parameter, ParameterKind, Parameters};
use super::several::Several;
use super::verdict::{Judgement, Scope};
use super::{ControlSpec, Head, Texts};
use crate::finding::Severity;

pub(super) const C_15: Standard = Standard {
    spec: ControlSpec::new("C-15", "The journal is whole, and others have seen its state")
        .with_weight(Head::Secure, Severity::Serious)
        .with_texts(Texts {
            business: "What happened could be rewritten, so that no report can be believed.",
            next_step: "Compare the journal with the last checkpoint and its witnesses (sr-audit verify), and record the result.",
            does_not_prove: "What was never written into it.",
        })
        .with_parameters(&[
            Parameter::new("witnesses", ParameterKind::Count, "how many others must have seen it"),
            Parameter::new("every", ParameterKind::Period, "how often it is compared"),
        ]),
    judge: intact,
};

pub(super) const C_16: Standard = Standard {
    spec: ControlSpec::new("C-16", "The journal is kept as long as it must be")
        .with_weight(Head::Secure, Severity::Warning)
        .with_texts(Texts {
            business: "What happened long ago can no longer be shown.",
            next_step: "Keep the journal's segments and bundles; restore what is missing from another copy.",
            does_not_prove: "That the records that other systems keep are there.",
        })
        .with_parameters(&[Parameter::new(
            "keep",
            ParameterKind::Period,
            "how long entries must be kept",
        )]),
    judge: kept,
};

fn intact(case: &Case<'_>, given: &Parameters) -> Vec<Judgement> {
    let limit = given.period("every").unwrap_or(COMPARED);
    let mut all = Several::of(Scope::Fleet);
    all.add(whole(case));
    all.add(witnessed(
        case,
        limit,
        given.count("witnesses").unwrap_or(0),
    ));
    vec![all.finish()]
}

/// Judges that no number is missing between the first and the last entry.
fn whole(case: &Case<'_>) -> Judgement {
    let journals = case.history().journals();
    let entries: u64 = journals.iter().map(|one| one.entries).sum();
    if entries == 0 {
        return Judgement::unknown(Scope::Fleet, "the journal is empty");
    }
    let missing: u64 = journals.iter().map(|one| one.missing()).sum();
    match missing {
        0 => Judgement::pass(
            Scope::Fleet,
            format!("{entries} entries follow each other without a gap"),
        ),
        _ => Judgement::fail(
            Scope::Fleet,
            format!("{missing} entries are missing among {entries}"),
        ),
    }
}

fn witnessed(case: &Case<'_>, limit: Period, wanted: u64) -> Judgement {
    let Some(last) = case.attested("log", None) else {
        let why = format!("nobody has compared it with a checkpoint; that is good for {limit}");
        return Judgement::unknown(Scope::Fleet, why);
    };
    let end = after(last.at, limit);
    let age = case.ago(last.at);
    let count = last
        .fact
        .values
        .get("witnesses")
        .and_then(|text| text.parse::<u64>().ok());
    let count = count.unwrap_or(0);
    let why = format!("it was compared with its checkpoint {age}; {count} witnesses have seen it");
    let judgement = match (last.fact.holds, case.is_fresh(last.at, limit)) {
        (false, _) => {
            let why =
                format!("it does not follow from the checkpoint that it was compared with {age}");
            Judgement::fail(Scope::Fleet, why).since(Moment::utc(last.at))
        }
        (true, false) => {
            Judgement::unknown(Scope::Fleet, format!("{why}; that is good for {limit}")).since(end)
        }
        (true, true) if count < wanted => {
            Judgement::fail(Scope::Fleet, format!("{why}; {wanted} must"))
                .since(Moment::utc(last.at))
        }
        (true, true) => Judgement::pass(Scope::Fleet, why).until(end),
    };
    judgement.because([last.entry])
}

fn kept(case: &Case<'_>, given: &Parameters) -> Vec<Judgement> {
    let keep = given.period("keep").unwrap_or(KEPT);
    let Some(first) = case.first_entry() else {
        return vec![Judgement::unknown(Scope::Fleet, "the journal is empty")];
    };
    let from = keep.before(case.now()).unix_seconds;
    let age = case.ago(first.said_at);
    let judgement = if first.entry.n == 0 {
        let why = format!("it is there from its first entry, {age}; {keep} are asked for");
        Judgement::pass(Scope::Fleet, why)
    } else if first.said_at <= from {
        let why = format!(
            "it reaches back to entry {}, {age}; {keep} are asked for",
            first.entry
        );
        Judgement::pass(Scope::Fleet, why)
    } else {
        let why = format!(
            "its oldest entry that is there is {}, {age}; {keep} are asked for",
            first.entry
        );
        Judgement::fail(Scope::Fleet, why)
    };
    vec![judgement.because([first.entry])]
}

const COMPARED: Period = Period::days(35);
/// Where nobody asks for more, as PCI DSS 10.5.1 does.
const KEPT: Period = Period::months(12);
