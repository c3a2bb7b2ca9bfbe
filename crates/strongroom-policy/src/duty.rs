//! What people must do, what must hold, and what need not for a while.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::date::Date;
use crate::part::{Field, FieldKind, Fields, Part, PartSpec};
use crate::period::Period;
use crate::resource::Resource;
use crate::select::Selector;
use crate::settings::Settings;
use crate::value::{Kind, Named};

/// Work that people must do again and again. A record that is missing is overdue, and never done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Obligation {
    /// What it is: `review`, `meeting`, `training`, `drill`, `audit`, …
    #[serde(default)]
    pub kind: String,
    /// Who must do it.
    #[serde(default)]
    pub owner: String,
    /// Why.
    #[serde(default)]
    pub reason: String,
    /// Who must do it otherwise.
    #[serde(default)]
    pub deputy: Option<String>,
    /// How often.
    #[serde(default)]
    pub every: Period,
    /// When for the first time; so long after the policy is in force if absent.
    #[serde(default)]
    pub first: Option<Date>,
    /// How long after it was due somebody is told.
    #[serde(default)]
    pub grace: Option<Period>,
    /// What must be attached to the record.
    #[serde(default)]
    pub evidence: Option<String>,
    /// The document that helps.
    #[serde(default)]
    pub template: Option<String>,
    /// Roles of those who must take part.
    #[serde(default)]
    pub roles: BTreeSet<String>,
}

impl Obligation {
    /// Returns one.
    #[must_use]
    pub fn new(kind: impl Into<String>, owner: impl Into<String>, every: Period) -> Self {
        Self {
            kind: kind.into(),
            owner: owner.into(),
            every,
            ..Self::default()
        }
    }
}

impl Part for Obligation {
    const SPEC: &'static PartSpec = &PartSpec {
        what: "an obligation",
        doc: "Work that people must do again and again.",
        has_settings: false,
        fields: &[
            Field::new("kind", Kind::Choice(KINDS), "What it is.").required(),
            Field::new("owner", Kind::Text, "Who must do it."),
            Field::new("reason", Kind::Text, "Why."),
            Field::new(
                "deputy",
                Kind::Name(Named::Contact),
                "Who must do it otherwise.",
            ),
            Field::new("every", Kind::Period, "How often.").required(),
            Field::of("first", FieldKind::Date, "When for the first time."),
            Field::new(
                "grace",
                Kind::Period,
                "How long after it was due somebody is told.",
            ),
            Field::new(
                "evidence",
                Kind::Text,
                "What must be attached to the record.",
            ),
            Field::new("template", Kind::Text, "The document that helps."),
            Field::new("roles", Kind::Words, "Roles of those who must take part."),
        ],
    };

    fn build(_name: &str, mut from: Fields) -> Self {
        Self {
            kind: from.text("kind").unwrap_or_default(),
            owner: from.text("owner").unwrap_or_default(),
            reason: from.text("reason").unwrap_or_default(),
            deputy: from.text("deputy"),
            every: from.period("every").unwrap_or_default(),
            first: from.date("first"),
            grace: from.period("grace"),
            evidence: from.text("evidence"),
            template: from.text("template"),
            roles: from.set("roles").unwrap_or_default(),
        }
    }

    fn fields(&self) -> Fields {
        let mut to = Fields::default();
        to.put_text("kind", &self.kind);
        to.put_text("owner", &self.owner);
        to.put_text("reason", &self.reason);
        to.put("deputy", self.deputy.clone());
        to.put("every", Some(self.every));
        to.put("first", self.first);
        to.put("grace", self.grace);
        to.put("evidence", self.evidence.clone());
        to.put("template", self.template.clone());
        to.put_set("roles", &self.roles);
        to
    }
}

const KINDS: &[&str] = &[
    "review",
    "meeting",
    "training",
    "drill",
    "game-day",
    "audit",
    "access-review",
    "access-log-review",
    "key-ceremony",
    "capacity-plan",
    "impact-analysis",
    "inventory",
    "media-inventory",
    "patching",
    "evaluation",
    "other",
];

/// Bounds that a law, a contract or the organisation sets. Each setting here is the least that the
/// resources it is about must have.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Requirement {
    /// Who answers for it.
    #[serde(default)]
    pub owner: String,
    /// Why it holds.
    #[serde(default)]
    pub reason: String,
    /// Where it is written, such as `GDPR art. 5(1)(e)`.
    #[serde(default)]
    pub basis: Option<String>,
    /// When somebody must look at it again.
    #[serde(default)]
    pub review_by: Option<Date>,
    /// What it is about.
    #[serde(default)]
    pub matches: Selector,
    /// What of that it is not about.
    #[serde(default)]
    pub except: Selector,
    /// The bounds.
    #[serde(default)]
    pub bounds: Settings,
}

impl Requirement {
    /// Returns one that is about what a selector selects.
    #[must_use]
    pub fn new(matches: Selector, bounds: Settings) -> Self {
        Self {
            matches,
            bounds,
            ..Self::default()
        }
    }

    /// Says whether it is about a resource.
    #[must_use]
    pub fn is_about(&self, resource: &Resource) -> bool {
        self.matches.selects(resource) && !self.except.selects(resource)
    }
}

impl Part for Requirement {
    const SPEC: &'static PartSpec = &PartSpec {
        what: "a requirement",
        doc: "Bounds that a law, a contract or the organisation sets.",
        has_settings: true,
        fields: &[
            Field::new("owner", Kind::Text, "Who answers for it."),
            Field::new("reason", Kind::Text, "Why it holds."),
            Field::new("basis", Kind::Text, "Where it is written."),
            Field::of(
                "review_by",
                FieldKind::Date,
                "When somebody must look at it again.",
            ),
            Field::of("match", FieldKind::Select, "What it is about.").required(),
            Field::of("except", FieldKind::Select, "What of that it is not about."),
        ],
    };

    fn build(_name: &str, mut from: Fields) -> Self {
        Self {
            owner: from.text("owner").unwrap_or_default(),
            reason: from.text("reason").unwrap_or_default(),
            basis: from.text("basis"),
            review_by: from.date("review_by"),
            matches: from.selector("match").unwrap_or_default(),
            except: from.selector("except").unwrap_or_default(),
            bounds: from.settings,
        }
    }

    fn fields(&self) -> Fields {
        let mut to = Fields::of_settings(self.bounds.clone());
        to.put_text("owner", &self.owner);
        to.put_text("reason", &self.reason);
        to.put("basis", self.basis.clone());
        to.put("review_by", self.review_by);
        to.put_selector("match", &self.matches);
        to.put_selector("except", &self.except);
        to
    }
}

/// What need not hold for some resources until a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Exemption {
    /// Who answers for it.
    #[serde(default)]
    pub owner: String,
    /// Why.
    #[serde(default)]
    pub reason: String,
    /// What it is about.
    #[serde(default)]
    pub matches: Selector,
    /// What of that it is not about.
    #[serde(default)]
    pub except: Selector,
    /// Sections of settings, names of requirements, or `all`.
    #[serde(default)]
    pub from: BTreeSet<String>,
    /// The first day on which it no longer holds.
    pub until: Date,
}

impl Exemption {
    /// Returns one.
    #[must_use]
    pub fn new(matches: Selector, from: impl IntoIterator<Item = String>, until: Date) -> Self {
        Self {
            owner: String::new(),
            reason: String::new(),
            matches,
            except: Selector::default(),
            from: from.into_iter().collect(),
            until,
        }
    }

    /// Says whether it frees a resource of something on a day.
    #[must_use]
    pub fn frees(&self, resource: &Resource, from: &str, on: Date) -> bool {
        on < self.until
            && (self.from.contains(from) || self.from.contains("all"))
            && self.matches.selects(resource)
            && !self.except.selects(resource)
    }
}

impl Part for Exemption {
    const SPEC: &'static PartSpec = &PartSpec {
        what: "an exemption",
        doc: "What need not hold for some resources until a day.",
        has_settings: false,
        fields: &[
            Field::new("owner", Kind::Text, "Who answers for it."),
            Field::new("reason", Kind::Text, "Why."),
            Field::of("match", FieldKind::Select, "What it is about.").required(),
            Field::of("except", FieldKind::Select, "What of that it is not about."),
            Field::new(
                "from",
                Kind::Words,
                "Sections of settings, names of requirements, or all.",
            )
            .required(),
            Field::of(
                "until",
                FieldKind::Date,
                "The first day on which it no longer holds.",
            )
            .required(),
        ],
    };

    fn build(_name: &str, mut from: Fields) -> Self {
        Self {
            owner: from.text("owner").unwrap_or_default(),
            reason: from.text("reason").unwrap_or_default(),
            matches: from.selector("match").unwrap_or_default(),
            except: from.selector("except").unwrap_or_default(),
            from: from.set("from").unwrap_or_default(),
            // Without a day it is over: a document without one is refused anyway.
            until: from.date("until").unwrap_or(Date::of_day_number(0)),
        }
    }

    fn fields(&self) -> Fields {
        let mut to = Fields::default();
        to.put_text("owner", &self.owner);
        to.put_text("reason", &self.reason);
        to.put_selector("match", &self.matches);
        to.put_selector("except", &self.except);
        to.put_set("from", &self.from);
        to.put("until", Some(self.until));
        to
    }
}
