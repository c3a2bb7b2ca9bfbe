//! C-07: keys are made, changed and recoverable by rules.

use strongroom_policy::{Key, Period};
use strongroom_retain::Moment;

use super::case::{Case, after};
use super::catalogue::Standard;
use super::parameter::{Parameter, ParameterKind, Parameters};
use super::several::Several;
use super::verdict::{Judgement, Scope};
use super::{ControlSpec, Head, Texts};
use crate::finding::Severity;

pub(super) const C_07: Standard = Standard {
    spec: ControlSpec::new("C-07", "Keys are changed in time and their recovery is tested")
        .with_weight(Head::Secure, Severity::Serious)
        .with_section("encryption")
        .with_texts(Texts {
            business: "If keys are lost nothing can be restored; if they are old, more people may have them.",
            next_step: "Hold a key ceremony: change the keys, try the recovery kit, record both.",
            does_not_prove: "That nobody copied a key, or that the places where kits are kept are safe.",
        })
        .with_parameters(&[
            Parameter::new("max_age", ParameterKind::Period, "how old keys may become"),
            Parameter::new("escrow_every", ParameterKind::Period, "how often recovery is tested"),
        ]),
    judge: key_management,
};

fn key_management(case: &Case<'_>, given: &Parameters) -> Vec<Judgement> {
    let mut all = Several::of(Scope::Fleet);
    let strictest = |key, given| {
        case.active()
            .filter_map(|one| one.at_most(key, given))
            .min()
    };
    if let Some(limit) = strictest(Key::KeyAge, given.period("max_age")) {
        all.add(age(case, limit));
    }
    let escrow = strictest(Key::EscrowTest, given.period("escrow_every"));
    all.add(recovery(case, escrow.unwrap_or(ESCROW_AGE)));
    vec![all.finish()]
}

/// Judges when keys were changed last, by the announcement of a keyring or an epoch.
fn age(case: &Case<'_>, limit: Period) -> Judgement {
    let changes = case.records().keys.iter().rev();
    let mut changes =
        changes.filter(|one| one.fact.generation.is_some() || !one.fact.epochs.is_empty());
    let first = case.first_entry();
    let (at, entry, what) = match (changes.next(), first) {
        (Some(change), _) => (change.at, change.entry, "changed"),
        // The keys of the first entry are as old as it is.
        (None, Some(first)) if first.entry.n == 0 => (first.said_at, first.entry, "made"),
        _ => return Judgement::unknown(Scope::Fleet, "no change of keys is in the journal"),
    };
    let end = after(at, limit);
    let why = format!("keys were {what} {}; they may be {limit} old", case.ago(at));
    if case.is_fresh(at, limit) {
        Judgement::pass(Scope::Fleet, why)
            .because([entry])
            .until(end)
    } else {
        Judgement::fail(Scope::Fleet, why)
            .because([entry])
            .since(end)
    }
}

fn recovery(case: &Case<'_>, limit: Period) -> Judgement {
    let Some(last) = case.attested("escrow-test", None) else {
        let why = format!("no test of the recovery of keys is recorded; one is good for {limit}");
        return Judgement::unknown(Scope::Fleet, why);
    };
    let end = after(last.at, limit);
    let age = case.ago(last.at);
    let judgement = match (last.fact.holds, case.is_fresh(last.at, limit)) {
        (false, _) => Judgement::fail(Scope::Fleet, format!("the recovery of keys failed {age}"))
            .since(Moment::utc(last.at)),
        (true, false) => {
            let why = format!("the recovery of keys was tested {age}; that is good for {limit}");
            Judgement::unknown(Scope::Fleet, why).since(end)
        }
        (true, true) => Judgement::pass(
            Scope::Fleet,
            format!("the recovery of keys was tested {age}"),
        )
        .until(end),
    };
    judgement.because([last.entry])
}

/// Where the policy does not say how often.
const ESCROW_AGE: Period = Period::months(12);
