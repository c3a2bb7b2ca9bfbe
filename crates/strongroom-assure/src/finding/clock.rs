//! Clocks that were wrong.

use strongroom_retain::Moment;

use super::{Finding, Severity};
use crate::control::{Case, Scope};

/// Says which entries of the last days cannot be of the time that they name.
pub(super) fn findings(case: &Case<'_>) -> Vec<Finding> {
    let now = case.now().unix_seconds;
    let skews = case.history().skews();
    let recent: Vec<_> = skews
        .filter(|one| (now - RECENT_SECONDS..=now).contains(&one.not_before))
        .collect();
    let Some(first) = recent.iter().map(|one| one.not_before).min() else {
        return Vec::new();
    };
    let what = format!("{} entries name times that cannot be right", recent.len());
    vec![
        Finding::new("clock", Scope::Fleet, Severity::Warning, what)
            .for_business("A clock was set wrong; times in reports of that day are estimates.")
            .next("Look at the time service of the machine that wrote them; retention waits until then.")
            .because(recent.iter().map(|one| one.entry))
            .since(Moment::utc(first)),
    ]
}

/// What was wrong a month ago is history.
const RECENT_SECONDS: i64 = 30 * 86_400;
