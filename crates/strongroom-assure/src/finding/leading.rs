//! What gets worse and has not failed yet.

use strongroom_policy::Policy;
use strongroom_retain::Moment;

use super::{Finding, Severity};
use crate::control::{Case, Scope, Subject};
use crate::leading::{Indicator, IndicatorKind, endings, indicators};
use crate::window::window;

/// Says what will fail if it goes on.
pub(super) fn findings(case: &Case<'_>) -> Vec<Finding> {
    let mut all = Vec::new();
    for subject in case.active() {
        all.extend(late(case, subject));
        let (history, policy) = (case.history(), case.policy());
        let found = indicators(history, policy, &subject.resource, case.now());
        all.extend(found.iter().map(|one| worse(policy, one)));
    }
    for finding in &mut all {
        finding.exempt(case, Some("schedule"));
    }
    // A lock that ends frees room; whether locks last long enough C-11 judges by what was read back.
    let ending = endings(case.history(), ENDING_SECONDS, case.now());
    let ending = ending
        .iter()
        .filter(|one| one.kind == IndicatorKind::KeyEnds);
    all.extend(ending.map(|one| worse(case.policy(), one)));
    all
}

/// Says that the next runs will not end in their window.
fn late(case: &Case<'_>, subject: &Subject) -> Option<Finding> {
    let report = window(case.history(), case.policy(), &subject.resource, case.now());
    let forecast = report.forecast.filter(|one| one.is_at_risk)?;
    let what = format!(
        "the run due {} will be late in {:.0} of 100 cases (n = {}); it must be complete by {}",
        Moment::utc(forecast.due),
        forecast.overrun_share * 100.0,
        forecast.n,
        Moment::utc(forecast.complete_by)
    );
    Some(
        Finding::new("window", subject.scope(), Severity::Warning, what)
            .for_business(format!(
                "Backups of {} will soon run into working hours.",
                subject.resource.id
            ))
            .next("Begin earlier, widen the window, or find what made the run longer.")
            .because(report.overran),
    )
}

fn worse(policy: &Policy, one: &Indicator) -> Finding {
    let (rule, what, next) = match one.kind {
        IndicatorKind::Retries => (
            "retries",
            "requests are made again more and more often",
            "Look at the network and the store before they fail.",
        ),
        IndicatorKind::Slack => (
            "slack",
            "runs leave less and less of the time that they have",
            "Begin earlier, widen the window, or find what grows.",
        ),
        IndicatorKind::VerificationDebt => (
            "verification-debt",
            "verification falls behind what is backed up",
            "Give the verification more time, or let it read less at once and more often.",
        ),
        IndicatorKind::LockEnds => (
            "lock-ends",
            "a lock ends before the retention does",
            "Extend the lock.",
        ),
        IndicatorKind::KeyEnds => (
            "key-ends",
            "a key or certificate comes to its end",
            "Make a new one before it does.",
        ),
    };
    let scope = match policy.repositories.contains_key(&one.about) {
        true => Scope::Repository(one.about.clone()),
        false => Scope::Resource(one.about.clone()),
    };
    let what = format!(
        "{}: {what}: {:.3}, told from {:.3} on (n = {})",
        one.about, one.value, one.threshold, one.n
    );
    let finding = match one.kind {
        IndicatorKind::KeyEnds => {
            Finding::new(rule, Scope::Fleet, Severity::Note, what).about(&one.about)
        }
        _ => Finding::new(rule, scope, Severity::Note, what),
    };
    finding
        .for_business("Something gets worse that has not failed yet.")
        .next(next)
        .because(one.evidence.iter().copied())
}

/// A month is enough to make a new key or certificate.
const ENDING_SECONDS: u64 = 30 * 86_400;
