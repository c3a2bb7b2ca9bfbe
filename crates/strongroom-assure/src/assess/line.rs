//! A line of a report for each resource.

use serde::Serialize;
use strongroom_format::record::{DrillVerdict, Job};
use strongroom_policy::{Criticality, Key, Period};
use strongroom_retain::Moment;

use super::point::{PointVerdict, point_verdicts};
use crate::control::{Case, Subject};
use crate::history::EntryRef;
use crate::report::as_text;
use crate::rpo::{Rpo, RpoOptions, rpo};
use crate::rto::{RtoEstimated, rto_estimated};

/// What there is to know of a resource, in a line.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ResourceLine {
    /// The resource.
    pub id: String,
    /// What it is.
    pub kind: String,
    /// Whose it is.
    pub department: Option<String>,
    /// Who answers for it.
    pub owner: String,
    /// How much depends on it.
    pub criticality: Criticality,
    /// Whether it needs no more backups.
    pub is_retired: bool,
    /// Outcome of its last backup.
    pub last_outcome: Option<String>,
    /// When that ended.
    #[serde(with = "as_text::option")]
    pub last_ended: Option<Moment>,
    /// How much could have been lost, and can be now.
    pub rpo: Rpo,
    /// How long the last restore took.
    pub restore: RestoreLine,
    /// How long one would take, by drills of its kind, where none of its own was proven.
    pub estimated: Option<RtoEstimated>,
    /// The newest recovery point, with its two verdicts.
    pub newest: Option<PointVerdict>,
}

/// How long a restore takes, as the last drill measured it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RestoreLine {
    /// How long it may take.
    pub target: Option<Period>,
    /// How many seconds the last proven drill took; people's work included where it was measured.
    pub measured_seconds: Option<u64>,
    /// When that was.
    #[serde(with = "as_text::option")]
    pub proven: Option<Moment>,
    /// The journal entry.
    pub because: Option<EntryRef>,
}

pub(super) fn of(case: &Case<'_>, subject: &Subject) -> ResourceLine {
    let resource = &subject.resource;
    let mut runs = case
        .runs(&resource.id)
        .rev()
        .filter(|run| run.job == Job::Backup);
    let last = runs.next();
    let options = RpoOptions::of_policy(case.policy(), resource);
    ResourceLine {
        id: resource.id.clone(),
        kind: resource.kind.clone(),
        department: resource.department.clone(),
        owner: resource.owner.clone(),
        criticality: resource.criticality,
        is_retired: resource.is_retired(case.today()),
        last_outcome: last.map(|run| run.outcome.to_string()),
        last_ended: last.map(|run| Moment::utc(run.ended)),
        rpo: rpo(
            case.history(),
            case.policy(),
            resource,
            &options,
            case.now(),
        ),
        restore: restore(case, subject),
        estimated: rto_estimated(case.history(), case.policy(), resource, case.now()),
        newest: point_verdicts(case, subject, 1).into_iter().next(),
    }
}

fn restore(case: &Case<'_>, subject: &Subject) -> RestoreLine {
    let now = case.now().unix_seconds;
    let drills = case.history().drills_of(&subject.resource.id);
    let proven = drills.filter(|one| one.at <= now && one.fact.verdict == DrillVerdict::Proven);
    let last = proven.last();
    RestoreLine {
        target: subject.resolved.period(Key::Rto),
        measured_seconds: last
            .and_then(|one| one.fact.rto_ms)
            .map(|ms| ms.div_ceil(1000)),
        proven: last.map(|one| Moment::utc(one.at)),
        because: last.map(|one| one.entry),
    }
}
