//! Where copies are kept.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::bytes::ByteCount;
use crate::date::Date;
use crate::error::Error;
use crate::level::{by_name, not_among};
use crate::part::{Field, FieldKind, Fields, Part, PartSpec};
use crate::text::serde_as_text;
use crate::value::Kind;

/// A place where copies are kept, and what it promises.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Repository {
    /// Who answers for it.
    #[serde(default)]
    pub owner: String,
    /// Why there is one.
    #[serde(default)]
    pub reason: String,
    /// When somebody must look at it again.
    #[serde(default)]
    pub review_by: Option<Date>,
    /// Where it is, for people and programs; never a secret.
    #[serde(default)]
    pub url: Option<String>,
    /// Who runs it.
    #[serde(default)]
    pub provider: Option<String>,
    /// What it is kept on: `disk`, `object`, `tape`.
    #[serde(default)]
    pub medium: String,
    /// The site it is at.
    #[serde(default)]
    pub site: String,
    /// The region whose law holds there.
    #[serde(default)]
    pub region: Option<String>,
    /// Whether nothing can reach it between backups.
    #[serde(default)]
    pub offline: bool,
    /// Whether it can lock objects, and who can remove such a lock.
    #[serde(default)]
    pub lock: LockMode,
    /// Whether who writes to it cannot delete.
    #[serde(default)]
    pub append_only: bool,
    /// Whether it is encrypted.
    #[serde(default)]
    pub encrypted: bool,
    /// Whether nobody who runs what is backed up can reach it.
    #[serde(default)]
    pub separate_credentials: bool,
    /// How much it can hold.
    #[serde(default)]
    pub capacity: Option<ByteCount>,
}

/// Who can remove the lock of an object. The order is that of strength.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum LockMode {
    /// There is none.
    #[default]
    None,
    /// Those who have a permission for it.
    Governance,
    /// Nobody.
    Compliance,
}

impl LockMode {
    /// All, the weakest first.
    pub const ALL: [Self; 3] = [Self::None, Self::Governance, Self::Compliance];

    /// Returns its text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Governance => "governance",
            Self::Compliance => "compliance",
        }
    }
}

by_name! {
    LockMode, "mode of a lock";
}

impl Repository {
    /// Returns one on a medium at a site, which promises nothing.
    #[must_use]
    pub fn new(medium: impl Into<String>, site: impl Into<String>) -> Self {
        Self {
            medium: medium.into(),
            site: site.into(),
            ..Self::default()
        }
    }

    /// Says whether what is in it cannot be changed: it is offline, or locks objects.
    #[must_use]
    pub fn is_immutable(&self) -> bool {
        self.offline || self.lock > LockMode::None
    }
}

impl Part for Repository {
    const SPEC: &'static PartSpec = &PartSpec {
        what: "a repository",
        doc: "A place where copies are kept, and what it promises.",
        has_settings: false,
        fields: &[
            Field::new("owner", Kind::Text, "Who answers for it."),
            Field::new("reason", Kind::Text, "Why there is one."),
            Field::of(
                "review_by",
                FieldKind::Date,
                "When somebody must look at it again.",
            ),
            Field::new("url", Kind::Text, "Where it is; never a secret."),
            Field::new("provider", Kind::Text, "Who runs it."),
            Field::new(
                "medium",
                Kind::Text,
                "What it is kept on: disk, object, tape.",
            )
            .required(),
            Field::new("site", Kind::Text, "The site it is at.").required(),
            Field::new("region", Kind::Text, "The region whose law holds there."),
            Field::new(
                "offline",
                Kind::Flag,
                "Whether nothing can reach it between backups.",
            ),
            Field::new(
                "lock",
                LOCK,
                "Whether it can lock objects, and who can remove a lock.",
            ),
            Field::new(
                "append_only",
                Kind::Flag,
                "Whether who writes to it cannot delete.",
            ),
            Field::new("encrypted", Kind::Flag, "Whether it is encrypted."),
            Field::new(
                "separate_credentials",
                Kind::Flag,
                "Whether nobody who runs what is backed up can reach it.",
            ),
            Field::new("capacity", Kind::Bytes, "How much it can hold."),
        ],
    };

    fn build(_name: &str, mut from: Fields) -> Self {
        let lock = from.text("lock").and_then(|text| text.parse().ok());
        Self {
            owner: from.text("owner").unwrap_or_default(),
            reason: from.text("reason").unwrap_or_default(),
            review_by: from.date("review_by"),
            url: from.text("url"),
            provider: from.text("provider"),
            medium: from.text("medium").unwrap_or_default(),
            site: from.text("site").unwrap_or_default(),
            region: from.text("region"),
            offline: from.flag("offline").unwrap_or_default(),
            lock: lock.unwrap_or_default(),
            append_only: from.flag("append_only").unwrap_or_default(),
            encrypted: from.flag("encrypted").unwrap_or_default(),
            separate_credentials: from.flag("separate_credentials").unwrap_or_default(),
            capacity: from.bytes("capacity"),
        }
    }

    fn fields(&self) -> Fields {
        let mut to = Fields::default();
        to.put_text("owner", &self.owner);
        to.put_text("reason", &self.reason);
        to.put("review_by", self.review_by);
        to.put("url", self.url.clone());
        to.put("provider", self.provider.clone());
        to.put_text("medium", &self.medium);
        to.put_text("site", &self.site);
        to.put("region", self.region.clone());
        to.put_flag("offline", self.offline);
        to.put("lock", Some(self.lock.to_string()));
        to.put_flag("append_only", self.append_only);
        to.put_flag("encrypted", self.encrypted);
        to.put_flag("separate_credentials", self.separate_credentials);
        to.put("capacity", self.capacity);
        to
    }
}

pub(crate) const LOCK: Kind = Kind::Choice(&["none", "governance", "compliance"]);
