//! What people must do, by when, and the records that show that they did.
//!
//! Nothing here becomes done by itself. A record counts when it names who did it and has attached
//! what the policy asks for; what was never done is due, and then overdue.

use serde::Serialize;
use strongroom_format::record::ObligationMet;
use strongroom_policy::{Date, Done, Duty, Period, Review, ReviewOutcome};
use strongroom_retain::Moment;

use crate::control::Case;
use crate::history::{EntryRef, Noted};

mod audit;

pub use audit::{Audit, AuditControl, AuditSignature};

/// Something that people must do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Obligation {
    /// `obligation.NAME`, or the path of what must be reviewed with `.review_by`.
    pub key: String,
    /// The kind of obligation, or `review`.
    pub kind: String,
    /// Who must do it.
    pub owner: String,
    /// How far it is.
    pub state: ObligationState,
    /// By which day; `None` when nothing says since when it should be done.
    pub due: Option<Date>,
    /// When it was done last, with all that must be attached.
    pub last: Option<Date>,
    /// How often.
    pub every: Option<Period>,
    /// What must be attached.
    pub evidence: Option<String>,
    /// The document that helps.
    pub template: Option<String>,
    /// The journal entries of the records that count.
    pub because: Vec<EntryRef>,
    /// Records that do not count, each with the reason.
    pub refused: Vec<Refused>,
}

/// A record that does not count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Refused {
    /// The journal entry.
    pub entry: EntryRef,
    /// Why not.
    pub why: String,
}

/// How far an obligation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ObligationState {
    /// It was done, and is not due again.
    Met,
    /// It was never done, and its first day has not come.
    Waiting,
    /// Its day has come, and it is not yet late.
    Due,
    /// It is late.
    Overdue,
}

impl ObligationState {
    /// Returns its text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Waiting => "waiting",
            Self::Due => "due",
            Self::Overdue => "overdue",
        }
    }
}

/// Returns what people must do, the most urgent first.
#[must_use]
pub fn obligations(case: &Case<'_>) -> Vec<Obligation> {
    let policy = case.policy();
    let mut done = Vec::new();
    let mut reviews = Vec::new();
    let mut refused: Vec<(&str, Refused)> = Vec::new();
    for met in &case.records().met {
        let key = key_of(&met.fact);
        match counts(case, met) {
            Ok(()) => record(met, key, &mut done, &mut reviews),
            Err(why) => refused.push((
                key,
                Refused {
                    entry: met.entry,
                    why,
                },
            )),
        }
    }
    let duties = policy.duties(&done, &reviews, case.now());
    let all = duties.into_iter().map(|duty| {
        let name = duty.path.strip_prefix("obligation.");
        let own = name.and_then(|name| policy.obligations.get(name));
        let key = name.unwrap_or(&duty.path);
        let because = case
            .records()
            .met
            .iter()
            .filter(|met| key_of(&met.fact) == key && counts(case, met).is_ok());
        Obligation {
            state: state(&duty, case.today()),
            every: own.map(|one| one.every),
            evidence: own.and_then(|one| one.evidence.clone()),
            template: own.and_then(|one| one.template.clone()),
            because: because.map(|met| met.entry).collect(),
            refused: of_key(&refused, key),
            key: duty.path,
            kind: duty.kind,
            owner: duty.owner,
            due: duty.due,
            last: duty.last,
        }
    });
    all.collect()
}

/// Returns the obligation that a record is about, without the table that it stands in.
fn key_of(met: &ObligationMet) -> &str {
    let key = met.obligation.as_str();
    key.strip_prefix("obligation.").unwrap_or(key)
}

/// Says whether a record shows that somebody did something, or why not.
fn counts(case: &Case<'_>, met: &Noted<ObligationMet>) -> Result<(), String> {
    if met.head.actor.is_none() {
        return Err("it does not say who did it".to_owned());
    }
    let own = case.policy().obligations.get(key_of(&met.fact));
    let wanted = own.and_then(|one| one.evidence.as_deref());
    match wanted {
        Some(what) if met.fact.attachment.is_none() => Err(format!("{what} is not attached")),
        _ => Ok(()),
    }
}

fn record(met: &Noted<ObligationMet>, key: &str, done: &mut Vec<Done>, reviews: &mut Vec<Review>) {
    let by = met.head.actor.map(|actor| actor.to_string());
    let by = by.unwrap_or_default();
    let at = Moment::utc(met.at);
    match key.strip_suffix("review_by") {
        Some(path) if path.is_empty() || path.ends_with('.') => {
            let path = path.strip_suffix('.').unwrap_or(path);
            reviews.extend(review(path, by, at, &met.fact.outcome));
        }
        _ => {
            let attachment = met.fact.attachment.map(|hash| hash.to_string());
            let mut one = Done::new(key, by, at);
            one.evidence.extend(attachment);
            done.push(one);
        }
    }
}

/// Reads the outcome of a review: `kept until 2027-06-01` moves its day, everything else does not.
fn review(path: &str, by: String, at: Moment, outcome: &str) -> Option<Review> {
    let next = outcome
        .strip_prefix("kept until ")
        .and_then(|day| day.parse::<Date>().ok());
    let mut review = Review::kept(path, by, at, next.unwrap_or_else(|| Date::of(at)));
    if next.is_none() {
        review.outcome = ReviewOutcome::ToChange;
        review.next = None;
    }
    Some(review)
}

fn of_key(refused: &[(&str, Refused)], key: &str) -> Vec<Refused> {
    let about = refused.iter().filter(|(of, _)| *of == key);
    about.map(|(_, one)| one.clone()).collect()
}

fn state(duty: &Duty, today: Date) -> ObligationState {
    let is_due = duty.due.is_none_or(|due| due <= today);
    match (duty.is_overdue, is_due, duty.last) {
        (true, _, _) => ObligationState::Overdue,
        (false, true, _) => ObligationState::Due,
        (false, false, Some(_)) => ObligationState::Met,
        (false, false, None) if duty.path.ends_with("review_by") => ObligationState::Met,
        (false, false, None) => ObligationState::Waiting,
    }
}

#[cfg(test)]
mod tests;
