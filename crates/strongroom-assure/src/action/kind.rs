//! What can be done about a finding, and what of it a change of the policy does.

use serde::Serialize;
use strongroom_policy::{Criticality, Key, Period};
use strongroom_retain::Moment;

use crate::control::Case;
use crate::finding::{Finding, Severity};

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "what")]
#[non_exhaustive]
pub enum ActionKind {
    /// Hardware is replaced or added.
    Hardware,
    /// Software is updated.
    Software,
    /// More room is planned and bought.
    Capacity,
    /// Backups run more often, or at another time: a change of the policy.
    Schedule(Patch),
    /// More is verified, or more often: a change of the policy.
    Verification(Patch),
    /// Restores are tried more often: a change of the policy.
    Drills(Patch),
    /// Something is kept longer or shorter: a change of the policy.
    Retention(Patch),
    /// A key is changed, or its recovery is tried.
    Keys,
    /// Rights are changed.
    Access,
    /// People are trained.
    Training,
    /// Somebody finds the cause first.
    Investigate,
    /// Another word of whoever recorded it.
    Other {
        /// The word.
        word: String,
    },
}

/// A change of the policy, for somebody to agree to: what to set, and in which direction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Patch {
    /// The setting, such as `drills.every`.
    pub setting: String,
    /// What to do with it.
    pub change: String,
}

impl Patch {
    fn new(setting: &str, change: &str) -> Self {
        Self {
            setting: setting.to_owned(),
            change: change.to_owned(),
        }
    }
}

impl ActionKind {
    /// Returns its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Hardware => "hardware",
            Self::Software => "software",
            Self::Capacity => "capacity",
            Self::Schedule(_) => "schedule",
            Self::Verification(_) => "verification",
            Self::Drills(_) => "drills",
            Self::Retention(_) => "retention",
            Self::Keys => "keys",
            Self::Access => "access",
            Self::Training => "training",
            Self::Investigate => "investigate",
            Self::Other { word } => word,
        }
    }

    /// Returns the change of the policy that does it, where one does.
    #[must_use]
    pub fn patch(&self) -> Option<&Patch> {
        match self {
            Self::Schedule(patch)
            | Self::Verification(patch)
            | Self::Drills(patch)
            | Self::Retention(patch) => Some(patch),
            _ => None,
        }
    }

    /// Returns the kind that a record names, or else the one that suits a finding.
    pub(super) fn of(word: Option<&str>, finding: &str) -> Self {
        let rule = finding.split('/').next().unwrap_or_default();
        match word {
            Some("hardware") => Self::Hardware,
            Some("software") => Self::Software,
            Some("capacity") => Self::Capacity,
            Some("keys") => Self::Keys,
            Some("access") => Self::Access,
            Some("training") => Self::Training,
            Some("investigate") => Self::Investigate,
            Some("schedule") => Self::Schedule(Patch::new("schedule.when", "back up more often")),
            Some("verification") => Self::Verification(Patch::new(
                "verification.ages",
                "verify more, or more often",
            )),
            Some("drills") => Self::Drills(Patch::new("drills.every", "try restores more often")),
            Some("retention") => Self::Retention(Patch::new("retention.keep", "keep longer")),
            Some(word) => Self::Other {
                word: word.to_owned(),
            },
            None => Self::for_rule(rule),
        }
    }

    fn for_rule(rule: &str) -> Self {
        match rule {
            "C-02" => Self::Schedule(Patch::new(
                "schedule.when",
                "back up more often, or make the run shorter",
            )),
            "C-03" => Self::Retention(Patch::new("retention.minimum", "keep everything longer")),
            "C-04" => Self::Retention(Patch::new("retention.maximum", "keep nothing longer")),
            "C-07" => Self::Keys,
            "C-08" => Self::Verification(Patch::new(
                "verification.full_every",
                "read everything within a shorter time",
            )),
            "C-09" => Self::Drills(Patch::new("drills.every", "try restores more often")),
            "C-12" | "C-13" | "C-14" | "C-32" => Self::Access,
            "C-19" => Self::Capacity,
            "C-27" => Self::Software,
            "C-30" => Self::Training,
            "window" => Self::Schedule(Patch::new(
                "schedule.window",
                "begin earlier, or widen the window",
            )),
            _ => Self::Investigate,
        }
    }
}

/// Says whether a rule opens an action by itself.
pub(super) fn asks(finding: &Finding) -> bool {
    let always = ["C-19", "C-20"].contains(&finding.rule.as_str());
    // Something that is late is its own action.
    let is_work = finding.rule.starts_with("obligation") || finding.rule.starts_with("action");
    always || (finding.severity >= Severity::Serious && !is_work)
}

/// Returns by when: sooner where more depends on it; for space the time that it takes to buy it.
pub(super) fn due(
    case: &Case<'_>,
    finding: &Finding,
    criticality: Criticality,
    from: Moment,
) -> Moment {
    let days = match (finding.severity, criticality) {
        (Severity::Critical, _) => 1,
        (Severity::Serious, Criticality::Critical) => 2,
        (Severity::Serious, Criticality::High) => 5,
        (Severity::Serious, _) => 14,
        (Severity::Warning | Severity::Note, _) => 30,
    };
    let mut time = Period::days(days);
    if finding.rule == "C-19" {
        let leads = case
            .active()
            .filter_map(|one| one.resolved.period(Key::LeadTime));
        time = leads.min().unwrap_or(time);
    }
    time.after(from)
}
