//! What people did about a policy: agreed, read, reviewed, worked. And what of that is missing.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use strongroom_retain::Moment;

use crate::date::Date;
use crate::parse::DocumentHash;
use crate::period::Period;
use crate::policy::Policy;
use crate::text::as_text;

/// What somebody said about a version of a policy.
///
/// Who signed it is for the keeper of the records to check: here a person is who the record says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SignOff {
    /// The version.
    pub document: DocumentHash,
    /// Who; the name of a contact.
    pub person: String,
    /// What.
    pub act: Act,
    /// When.
    #[serde(with = "as_text")]
    pub at: Moment,
    /// In their own words.
    #[serde(default)]
    pub note: Option<String>,
}

/// What somebody says about a version of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Act {
    /// This is what I propose. Who proposes does not approve.
    Propose,
    /// I agree.
    Approve,
    /// I do not agree.
    Reject,
    /// I have read it.
    Acknowledge,
}

impl SignOff {
    /// Returns one.
    #[must_use]
    pub fn new(document: DocumentHash, person: impl Into<String>, act: Act, at: Moment) -> Self {
        Self {
            document,
            person: person.into(),
            act,
            at,
            note: None,
        }
    }
}

/// Whether a version of a policy may be put in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Standing {
    /// Whether it may.
    pub state: State,
    /// Who approves it.
    pub approved_by: BTreeSet<String>,
    /// Who does not agree.
    pub rejected_by: BTreeSet<String>,
    /// How many more people must approve.
    pub missing: u64,
    /// Roles of which nobody approves it.
    pub missing_roles: BTreeSet<String>,
}

/// Whether a version of a policy may be put in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum State {
    /// Not yet: approvals are missing.
    Pending,
    /// No: somebody does not agree.
    Rejected,
    /// Yes.
    Approved,
}

impl Policy {
    /// Says whether a version of this policy may be put in force.
    ///
    /// `self` is the policy that is **in force**, whose quorum, roles and contacts decide: a
    /// version cannot lower the bar for itself. Where there is none yet it is the first version.
    /// `weaker` is whether the version protects less ([`Diff::is_weaker`](crate::Diff::is_weaker)).
    ///
    /// Of each person the last approval or rejection counts. Records of the future, of people who
    /// are no contacts, of whoever proposed it, and approvals that are too old do not.
    #[must_use]
    pub fn standing(
        &self,
        document: DocumentHash,
        weaker: bool,
        records: &[SignOff],
        now: Moment,
    ) -> Standing {
        let mut about: Vec<&SignOff> = records
            .iter()
            .filter(|one| one.document == document && one.at.unix_seconds <= now.unix_seconds)
            .filter(|one| self.contacts.contains_key(&one.person))
            .collect();
        about.sort_by_key(|one| one.at.unix_seconds);
        let mut last: BTreeMap<&str, &SignOff> = BTreeMap::new();
        let mut proposers = BTreeSet::new();
        for one in about {
            match one.act {
                Act::Propose => {
                    proposers.insert(one.person.as_str());
                }
                Act::Approve | Act::Reject => {
                    last.insert(&one.person, one);
                }
                Act::Acknowledge => {}
            }
        }
        let expires = self.approval.expires;
        let is_fresh = |one: &SignOff| {
            expires.is_none_or(|time| time.after(one.at).unix_seconds > now.unix_seconds)
        };
        let by = |act: Act| -> BTreeSet<String> {
            let of_act = last.values().filter(|one| one.act == act);
            of_act.map(|one| one.person.clone()).collect()
        };
        let rejected_by = by(Act::Reject);
        let mut approved_by = by(Act::Approve);
        approved_by.retain(|name| {
            !proposers.contains(name.as_str())
                && last.get(name.as_str()).is_some_and(|one| is_fresh(one))
        });
        let approval = &self.approval;
        let wanted = match weaker {
            true => approval.weakening_quorum.max(approval.quorum),
            false => approval.quorum,
        };
        let has = u64::try_from(approved_by.len()).unwrap_or(u64::MAX);
        let missing = wanted.saturating_sub(has);
        let has_role = |role: &&String| {
            let mut roles = approved_by
                .iter()
                .filter_map(|name| self.contacts.get(name));
            roles.any(|one| one.roles.contains(*role))
        };
        let missing_roles: BTreeSet<String> = approval
            .roles
            .iter()
            .filter(|role| !has_role(role))
            .cloned()
            .collect();
        let state = if !rejected_by.is_empty() {
            State::Rejected
        } else if missing > 0 || !missing_roles.is_empty() {
            State::Pending
        } else {
            State::Approved
        };
        Standing {
            state,
            approved_by,
            rejected_by,
            missing,
            missing_roles,
        }
    }

    /// Returns the people who have not said that they have read a version.
    #[must_use]
    pub fn unread_by(&self, document: DocumentHash, records: &[SignOff]) -> Vec<&str> {
        let has_read = |name: &str| {
            let mut about = records.iter().filter(|one| one.document == document);
            about.any(|one| one.person == name && one.act != Act::Reject)
        };
        let people = self.contacts.iter().filter(|(_, one)| one.kind == "person");
        let unread = people.filter(|(name, _)| !has_read(name));
        unread.map(|(name, _)| name.as_str()).collect()
    }
}

/// Somebody looked at a part of a policy again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Review {
    /// The part, such as `rule.gold`; empty for the whole.
    pub path: String,
    /// Who.
    pub by: String,
    /// When.
    #[serde(with = "as_text")]
    pub at: Moment,
    /// What came of it.
    pub outcome: ReviewOutcome,
    /// When it must be done again; the date in the policy if absent.
    #[serde(default)]
    pub next: Option<Date>,
}

/// What came of a review.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ReviewOutcome {
    /// It stays as it is.
    Kept,
    /// It must be changed; a new version follows.
    ToChange,
    /// It is no longer needed.
    ToRemove,
}

impl Review {
    /// Returns one that leaves a part as it is, until a day.
    #[must_use]
    pub fn kept(path: impl Into<String>, by: impl Into<String>, at: Moment, next: Date) -> Self {
        Self {
            path: path.into(),
            by: by.into(),
            at,
            outcome: ReviewOutcome::Kept,
            next: Some(next),
        }
    }
}

/// Work that was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Done {
    /// The obligation.
    pub obligation: String,
    /// Who did it.
    pub by: String,
    /// When.
    #[serde(with = "as_text")]
    pub at: Moment,
    /// What is attached: hashes or names of documents.
    #[serde(default)]
    pub evidence: Vec<String>,
}

impl Done {
    /// Returns one.
    #[must_use]
    pub fn new(obligation: impl Into<String>, by: impl Into<String>, at: Moment) -> Self {
        Self {
            obligation: obligation.into(),
            by: by.into(),
            at,
            evidence: Vec::new(),
        }
    }

    /// Attaches a document.
    #[must_use]
    pub fn with_evidence(mut self, evidence: impl Into<String>) -> Self {
        self.evidence.push(evidence.into());
        self
    }
}

/// Something that people must do by a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Duty {
    /// What: `obligation.NAME`, or the path of what must be reviewed with `.review_by`.
    pub path: String,
    /// The kind of obligation, or `review`.
    pub kind: String,
    /// Who must do it.
    pub owner: String,
    /// By which day; `None` when it was never done and nothing says since when it should be.
    pub due: Option<Date>,
    /// When it was done last, with all that must be attached.
    pub last: Option<Date>,
    /// Whether it is late. What was never done, and has no day, is.
    pub is_overdue: bool,
}

impl Policy {
    /// Returns what people must do, the most urgent first.
    ///
    /// Nothing becomes done by itself: an obligation counts from its last record, and a record
    /// without the evidence that the obligation asks for is none.
    #[must_use]
    pub fn duties(&self, done: &[Done], reviews: &[Review], now: Moment) -> Vec<Duty> {
        let today = Date::of(self.timezone.moment(now.unix_seconds));
        let local = |moment: Moment| Date::of(self.timezone.moment(moment.unix_seconds));
        let is_past = |at: Moment| at.unix_seconds <= now.unix_seconds;
        let mut duties = Vec::new();
        for (name, one) in &self.obligations {
            let counts = |record: &&Done| {
                record.obligation == *name
                    && is_past(record.at)
                    && (one.evidence.is_none() || !record.evidence.is_empty())
            };
            let last = done
                .iter()
                .filter(counts)
                .map(|record| local(record.at))
                .max();
            let first = one
                .first
                .or_else(|| self.effective.map(|day| day.plus(one.every)));
            let due = last.map(|last| last.plus(one.every)).or(first);
            let grace = one.grace.unwrap_or(Period::ZERO);
            duties.push(Duty {
                path: format!("obligation.{name}"),
                kind: one.kind.clone(),
                owner: one.owner.clone(),
                due,
                last,
                is_overdue: due.is_none_or(|due| due.plus(grace) < today),
            });
        }
        for (path, _, mut fields) in self.parts() {
            let Some(by) = fields.date("review_by") else {
                continue;
            };
            let about = reviews
                .iter()
                .filter(|one| one.path == path && is_past(one.at));
            let last = about.max_by_key(|one| one.at.unix_seconds);
            let kept = last.filter(|one| one.outcome == ReviewOutcome::Kept);
            let due = kept
                .and_then(|one| one.next)
                .map_or(by, |next| next.max(by));
            let dot = if path.is_empty() { "" } else { "." };
            duties.push(Duty {
                path: format!("{path}{dot}review_by"),
                kind: "review".to_owned(),
                owner: fields.text("owner").unwrap_or_default(),
                due: Some(due),
                last: last.map(|one| local(one.at)),
                is_overdue: due < today,
            });
        }
        duties.sort_by(|a, b| (a.due, &a.path).cmp(&(b.due, &b.path)));
        duties
    }
}

#[cfg(test)]
mod tests;
