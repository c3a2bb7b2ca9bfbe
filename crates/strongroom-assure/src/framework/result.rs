//! What evidence says about a framework, item by item.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use strongroom_policy::Date;

use super::{Check, Framework, Item, Need};
use crate::control::{Case, ControlResult, Controls, Judgement, Parameters, Verdict};
use crate::history::EntryRef;
use crate::obligation::{Obligation, ObligationState};

/// What evidence says about a framework. It is no statement about a law: see [`note`](Self::note).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct FrameworkResult {
    /// Its stable name.
    pub id: String,
    /// What it is called.
    pub title: String,
    /// The edition that the items are of.
    pub version: String,
    /// The number of the mapping.
    pub revision: u64,
    /// What whoever reads this must know.
    pub note: String,
    /// How many items are in which state.
    pub tally: Tally,
    /// The items, in their order.
    pub items: Vec<ItemResult>,
}

/// What evidence says about an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ItemResult {
    /// Its number.
    pub id: String,
    /// What it asks for.
    pub title: String,
    /// The worst of its checks and of the work of people.
    pub state: ItemState,
    /// Its controls.
    pub checks: Vec<CheckResult>,
    /// What people must do for it.
    pub people: Vec<NeedResult>,
    /// What whoever reads the result should know.
    pub note: Option<String>,
}

/// How far an item is. The order is that of urgency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ItemState {
    /// There is nothing that it is about.
    NotApplicable,
    /// All of its controls pass, and what people must do is done.
    Pass,
    /// Its controls pass, and people must do something.
    NeedsPeople,
    /// Evidence is missing or too old.
    Unknown,
    /// A control fails, or what people must do is overdue.
    Fail,
}

impl ItemState {
    /// Returns its text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotApplicable => "not applicable",
            Self::Pass => "pass",
            Self::NeedsPeople => "needs people",
            Self::Unknown => "unknown",
            Self::Fail => "fail",
        }
    }

    const fn of(verdict: Verdict) -> Self {
        match verdict {
            Verdict::NotApplicable => Self::NotApplicable,
            Verdict::Pass => Self::Pass,
            Verdict::Unknown => Self::Unknown,
            Verdict::Fail => Self::Fail,
        }
    }
}

/// What a control says for an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CheckResult {
    /// The control.
    pub control: String,
    /// With which parameters.
    pub parameters: Parameters,
    /// The worst verdict of all scopes.
    pub verdict: Verdict,
    /// How many scopes have which verdict: pass, fail, unknown, not applicable.
    pub counts: [usize; 4],
    /// The judgements of the worst verdict, unless that is a pass; of many the first.
    pub why: Vec<Judgement>,
    /// The journal entries that show it.
    pub because: Vec<EntryRef>,
}

/// How far the work of people for an item is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct NeedResult {
    /// The kind of obligation.
    pub kind: String,
    /// How far it is.
    pub state: NeedState,
    /// The obligation of the policy that stands for it.
    pub obligation: Option<String>,
    /// By which day.
    pub due: Option<Date>,
    /// The journal entries of its records.
    pub because: Vec<EntryRef>,
}

/// How far the work of people is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum NeedState {
    /// It was done, with what must be attached, and is not due again.
    Met,
    /// It is to be done.
    Due,
    /// The policy asks nobody for it, or less often than the framework.
    NotAsked,
    /// It is late.
    Overdue,
}

impl NeedState {
    /// Returns its text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Due => "to be done",
            Self::NotAsked => "asked of nobody",
            Self::Overdue => "overdue",
        }
    }
}

/// How many items or controls are in which state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Tally {
    /// Evidence shows that they hold.
    pub pass: usize,
    /// Evidence shows that they do not.
    pub fail: usize,
    /// Nobody can know.
    pub unknown: usize,
    /// People must do something.
    pub people: usize,
    /// They are about nothing here.
    pub not_applicable: usize,
}

impl Tally {
    pub(crate) fn add(&mut self, state: ItemState) {
        let place = match state {
            ItemState::Pass => &mut self.pass,
            ItemState::Fail => &mut self.fail,
            ItemState::Unknown => &mut self.unknown,
            ItemState::NeedsPeople => &mut self.people,
            ItemState::NotApplicable => &mut self.not_applicable,
        };
        *place += 1;
    }

    /// Counts verdicts.
    pub(crate) fn of(verdicts: impl IntoIterator<Item = Verdict>) -> Self {
        let mut tally = Self::default();
        for verdict in verdicts {
            tally.add(ItemState::of(verdict));
        }
        tally
    }
}

/// The one sentence that every report begins with.
impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "controls evaluated: {} pass, {} fail, {} unknown, {} need people",
            self.pass, self.fail, self.unknown, self.people
        )
    }
}

impl Framework {
    /// Judges a case item by item.
    #[must_use]
    pub fn evaluate(
        &self,
        case: &Case<'_>,
        controls: &Controls,
        work: &[Obligation],
    ) -> FrameworkResult {
        let mut known: BTreeMap<(String, String), ControlResult> = BTreeMap::new();
        let mut tally = Tally::default();
        let mut items = Vec::with_capacity(self.items.len());
        for item in &self.items {
            let checks = item.checks.iter().filter_map(|check| {
                let key = (check.control.clone(), check.parameters.to_string());
                let result = match known.get(&key) {
                    Some(result) => result.clone(),
                    None => controls.judge(&check.control, case, &check.parameters)?,
                };
                known.insert(key, result.clone());
                Some(summary(check, &result))
            });
            let checks: Vec<CheckResult> = checks.collect();
            let people = item
                .people
                .iter()
                .map(|need| done(case, need, work))
                .collect();
            let result = joined(item, checks, people);
            tally.add(result.state);
            items.push(result);
        }
        FrameworkResult {
            id: self.id.clone(),
            title: self.title.clone(),
            version: self.version.clone(),
            revision: self.revision,
            note: self.note.clone(),
            tally,
            items,
        }
    }
}

fn joined(item: &Item, checks: Vec<CheckResult>, people: Vec<NeedResult>) -> ItemResult {
    let of_checks = checks.iter().map(|one| ItemState::of(one.verdict));
    // A control that was not found was not judged.
    let lost = (checks.len() < item.checks.len()).then_some(ItemState::Unknown);
    let of_people = people.iter().map(|one| match one.state {
        NeedState::Met => ItemState::Pass,
        NeedState::Due | NeedState::NotAsked => ItemState::NeedsPeople,
        NeedState::Overdue => ItemState::Fail,
    });
    let state = of_checks.chain(lost).chain(of_people).max();
    ItemResult {
        id: item.id.clone(),
        title: item.title.clone(),
        state: state.unwrap_or(ItemState::Unknown),
        checks,
        people,
        note: item.note.clone(),
    }
}

fn summary(check: &Check, result: &ControlResult) -> CheckResult {
    let all = result.judgements.iter();
    let worst = all.clone().filter(|one| one.verdict == result.verdict);
    let is_bad = matches!(result.verdict, Verdict::Fail | Verdict::Unknown);
    let mut because: Vec<EntryRef> = worst.clone().flat_map(|one| one.because.clone()).collect();
    because.sort_unstable();
    because.dedup();
    because.truncate(crate::control::BECAUSE_MAX);
    CheckResult {
        control: check.control.clone(),
        parameters: check.parameters.clone(),
        verdict: result.verdict,
        counts: [
            Verdict::Pass,
            Verdict::Fail,
            Verdict::Unknown,
            Verdict::NotApplicable,
        ]
        .map(|verdict| result.count(verdict)),
        why: worst.filter(|_| is_bad).take(WHY_MAX).cloned().collect(),
        because,
    }
}

/// Returns how far the work of a kind is: of several obligations of that kind the worst.
fn done(case: &Case<'_>, need: &Need, work: &[Obligation]) -> NeedResult {
    let of_kind = work.iter().filter(|one| one.kind == need.kind);
    let state = |one: &Obligation| {
        let zone = &case.policy().timezone;
        let last = one.last.map(|day| day.start(zone).unix_seconds);
        let is_recent = need
            .every
            .is_none_or(|every| last.is_some_and(|at| case.is_fresh(at, every)));
        match one.state {
            ObligationState::Overdue => NeedState::Overdue,
            ObligationState::Due | ObligationState::Waiting => NeedState::Due,
            ObligationState::Met if one.last.is_none() || !is_recent => NeedState::Due,
            ObligationState::Met => NeedState::Met,
        }
    };
    let worst = of_kind.max_by_key(|one| state(one));
    NeedResult {
        kind: need.kind.clone(),
        state: worst.map_or(NeedState::NotAsked, state),
        obligation: worst.map(|one| one.key.clone()),
        due: worst.and_then(|one| one.due),
        because: worst.map(|one| one.because.clone()).unwrap_or_default(),
    }
}

/// The most judgements that are shown for one check.
const WHY_MAX: usize = 10;

#[cfg(test)]
mod tests;
