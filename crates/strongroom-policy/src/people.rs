//! Who is told, who must act, and who decides.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::date::Date;
use crate::part::{Field, FieldKind, Fields, Item, Part, PartSpec};
use crate::period::Period;
use crate::value::{Kind, Named};
use crate::window::Window;
use crate::zone::Zone;

/// Somebody, or some place, that can be told something.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Contact {
    /// `person`, `role`, `team`, `channel` or `vendor`.
    #[serde(default)]
    pub kind: String,
    /// A name for people.
    #[serde(default)]
    pub name: Option<String>,
    /// Where messages go, as `mailto:`, `tel:`, `slack:` or `https:`; never a secret.
    #[serde(default)]
    pub address: Option<String>,
    /// `technical` or `business`: the words that are used.
    #[serde(default)]
    pub audience: Option<String>,
    /// Who stands in.
    #[serde(default)]
    pub deputy: Option<String>,
    /// What they may do, such as `operator`, `security-officer`, `data-owner`.
    #[serde(default)]
    pub roles: BTreeSet<String>,
}

impl Contact {
    /// Returns one that is reached at an address.
    #[must_use]
    pub fn new(kind: impl Into<String>, address: impl Into<String>) -> Self {
        Self {
            kind: kind.into(),
            address: Some(address.into()),
            ..Self::default()
        }
    }

    /// Says whether it is people who can act, and not a place where somebody may read.
    #[must_use]
    pub fn is_human(&self) -> bool {
        self.kind != "channel"
    }
}

impl Part for Contact {
    const SPEC: &'static PartSpec = &PartSpec {
        what: "a contact",
        doc: "Somebody, or some place, that can be told something.",
        has_settings: false,
        fields: &[
            Field::new(
                "kind",
                Kind::Choice(&["channel", "vendor", "role", "team", "person"]),
                "What it is.",
            )
            .required(),
            Field::new("name", Kind::Text, "A name for people."),
            Field::new("address", Kind::Text, "Where messages go; never a secret."),
            Field::new(
                "audience",
                Kind::Choice(&["business", "technical"]),
                "The words that are used.",
            ),
            Field::new("deputy", Kind::Name(Named::Contact), "Who stands in."),
            Field::new(
                "roles",
                Kind::Words,
                "What they may do, such as operator or data-owner.",
            ),
        ],
    };

    fn build(_name: &str, mut from: Fields) -> Self {
        Self {
            kind: from.text("kind").unwrap_or_default(),
            name: from.text("name"),
            address: from.text("address"),
            audience: from.text("audience"),
            deputy: from.text("deputy"),
            roles: from.set("roles").unwrap_or_default(),
        }
    }

    fn fields(&self) -> Fields {
        let mut to = Fields::default();
        to.put_text("kind", &self.kind);
        to.put("name", self.name.clone());
        to.put("address", self.address.clone());
        to.put("audience", self.audience.clone());
        to.put("deputy", self.deputy.clone());
        to.put_set("roles", &self.roles);
        to
    }
}

/// Who is told in which order, until somebody acknowledges.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Escalation {
    /// Who answers for it.
    #[serde(default)]
    pub owner: String,
    /// Why it is as it is.
    #[serde(default)]
    pub reason: String,
    /// When somebody must look at it again.
    #[serde(default)]
    pub review_by: Option<Date>,
    /// The steps in the order of their times.
    #[serde(default)]
    pub steps: Vec<Step>,
    /// After which time without an answer it begins anew.
    #[serde(default)]
    pub repeat: Option<Period>,
    /// Hours in which only what is critical is told.
    #[serde(default)]
    pub quiet_hours: Vec<Window>,
    /// Days that are as quiet hours.
    #[serde(default)]
    pub holidays: Vec<Date>,
    /// On whose clock; that of the policy if absent.
    #[serde(default)]
    pub timezone: Option<Zone>,
}

/// One step of an escalation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Step {
    /// How long after the alert it is taken, if nobody has acknowledged.
    pub after: Period,
    /// Who is told.
    pub notify: BTreeSet<String>,
}

impl Step {
    /// Returns one.
    #[must_use]
    pub fn new(after: Period, notify: impl IntoIterator<Item = String>) -> Self {
        Self {
            after,
            notify: notify.into_iter().collect(),
        }
    }
}

impl Escalation {
    /// Returns one with these steps, that ends after the last.
    #[must_use]
    pub fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self {
            steps: steps.into_iter().collect(),
            ..Self::default()
        }
    }
}

const STEP: &PartSpec = &PartSpec {
    what: "a step",
    doc: "One step of an escalation.",
    has_settings: false,
    fields: &[
        Field::new(
            "after",
            Kind::Period,
            "How long after the alert it is taken.",
        )
        .required(),
        Field::new("notify", Kind::Names(Named::Contact), "Who is told.").required(),
    ],
};

impl Part for Escalation {
    const SPEC: &'static PartSpec = &PartSpec {
        what: "an escalation",
        doc: "Who is told in which order, until somebody acknowledges.",
        has_settings: false,
        fields: &[
            Field::new("owner", Kind::Text, "Who answers for it."),
            Field::new("reason", Kind::Text, "Why it is as it is."),
            Field::of(
                "review_by",
                FieldKind::Date,
                "When somebody must look at it again.",
            ),
            Field::of(
                "steps",
                FieldKind::Parts(STEP),
                "The steps in the order of their times.",
            )
            .required(),
            Field::new(
                "repeat",
                Kind::Period,
                "After which time without an answer it begins anew.",
            ),
            Field::new(
                "quiet_hours",
                Kind::Windows,
                "Hours in which only what is critical is told.",
            ),
            Field::of(
                "holidays",
                FieldKind::Dates,
                "Days that are as quiet hours.",
            ),
            Field::new(
                "timezone",
                Kind::Zone,
                "On whose clock; that of the policy if absent.",
            ),
        ],
    };

    fn build(_name: &str, mut from: Fields) -> Self {
        let step = |mut fields: Fields| Step {
            after: fields.period("after").unwrap_or_default(),
            notify: fields.set("notify").unwrap_or_default(),
        };
        let steps = from.parts("steps").unwrap_or_default();
        Self {
            owner: from.text("owner").unwrap_or_default(),
            reason: from.text("reason").unwrap_or_default(),
            review_by: from.date("review_by"),
            steps: steps.into_iter().map(step).collect(),
            repeat: from.period("repeat"),
            quiet_hours: from.windows("quiet_hours").unwrap_or_default(),
            holidays: from.dates("holidays").unwrap_or_default(),
            timezone: from.zone("timezone"),
        }
    }

    fn fields(&self) -> Fields {
        let mut to = Fields::default();
        let steps = self.steps.iter().map(|step| {
            let mut to = Fields::default();
            to.put("after", Some(step.after));
            to.put("notify", Some(step.notify.clone()));
            to
        });
        to.put_text("owner", &self.owner);
        to.put_text("reason", &self.reason);
        to.put("review_by", self.review_by);
        to.put("steps", Some(Item::Parts(steps.collect())));
        to.put("repeat", self.repeat);
        let quiet = (!self.quiet_hours.is_empty()).then(|| self.quiet_hours.clone());
        to.put("quiet_hours", quiet);
        let holidays = (!self.holidays.is_empty()).then(|| self.holidays.clone());
        to.put("holidays", holidays);
        to.put("timezone", self.timezone.clone());
        to
    }
}

/// Who must agree to a policy before it is in force.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Approval {
    /// How many people must approve; nobody need if 0.
    #[serde(default)]
    pub quorum: u64,
    /// How many must where something becomes weaker, if more.
    #[serde(default)]
    pub weakening_quorum: u64,
    /// Roles each of which must be among them.
    #[serde(default)]
    pub roles: BTreeSet<String>,
    /// How long an approval is good for.
    #[serde(default)]
    pub expires: Option<Period>,
}

impl Part for Approval {
    const SPEC: &'static PartSpec = &PartSpec {
        what: "the approval",
        doc: "Who must agree to a policy before it is in force.",
        has_settings: false,
        fields: &[
            Field::new("quorum", Kind::Count, "How many people must approve."),
            Field::new(
                "weakening_quorum",
                Kind::Count,
                "How many must where something becomes weaker, if more.",
            ),
            Field::new(
                "roles",
                Kind::Words,
                "Roles each of which must be among them.",
            ),
            Field::new("expires", Kind::Period, "How long an approval is good for."),
        ],
    };

    fn build(_name: &str, mut from: Fields) -> Self {
        Self {
            quorum: from.count("quorum").unwrap_or_default(),
            weakening_quorum: from.count("weakening_quorum").unwrap_or_default(),
            roles: from.set("roles").unwrap_or_default(),
            expires: from.period("expires"),
        }
    }

    fn fields(&self) -> Fields {
        let mut to = Fields::default();
        to.put("quorum", (self.quorum > 0).then_some(self.quorum));
        let weakening = self.weakening_quorum;
        to.put("weakening_quorum", (weakening > 0).then_some(weakening));
        to.put_set("roles", &self.roles);
        to.put("expires", self.expires);
        to
    }
}
