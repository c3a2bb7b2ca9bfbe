//! What is protected.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::bytes::ByteCount;
use crate::date::Date;
use crate::level::Criticality;
use crate::part::{Field, FieldKind, Fields, Part, PartSpec};
use crate::settings::Settings;
use crate::value::{Kind, Named};

/// Something that is protected: a host's files, a database, the data at a third party.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Resource {
    /// Its name among all resources.
    pub id: String,
    /// What it is, such as `files` or `postgresql`.
    pub kind: String,
    /// What it is, for people.
    #[serde(default)]
    pub description: Option<String>,
    /// Who answers for it.
    #[serde(default)]
    pub owner: String,
    /// Why it is treated as its own settings say.
    #[serde(default)]
    pub reason: String,
    /// Whose it is.
    #[serde(default)]
    pub department: Option<String>,
    /// How much depends on it.
    #[serde(default)]
    pub criticality: Criticality,
    /// The class of its data.
    #[serde(default)]
    pub class: Option<String>,
    /// The machine it is on.
    #[serde(default)]
    pub host: Option<String>,
    /// The site it is at; that of the policy if it has none.
    #[serde(default)]
    pub site: Option<String>,
    /// Names and values of your own.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// The paths that are backed up.
    #[serde(default)]
    pub paths: Vec<String>,
    /// The command whose output is backed up.
    #[serde(default)]
    pub command: Vec<String>,
    /// What must work again before it can.
    #[serde(default)]
    pub depends_on: BTreeSet<String>,
    /// What must be captured at the same moment has the same group.
    #[serde(default)]
    pub group: Option<String>,
    /// How large it is.
    #[serde(default)]
    pub size: Option<ByteCount>,
    /// How much new data it has in a day.
    #[serde(default)]
    pub daily_change: Option<ByteCount>,
    /// The third party that has it.
    #[serde(default)]
    pub third_party: Option<String>,
    /// Since when it is protected.
    #[serde(default)]
    pub since: Option<Date>,
    /// From when on it needs no more backups.
    #[serde(default)]
    pub retired: Option<Date>,
    /// What holds for it alone.
    #[serde(default)]
    pub settings: Settings,
}

impl Resource {
    /// Returns one of a kind, of normal criticality.
    #[must_use]
    pub fn new(id: impl Into<String>, kind: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            kind: kind.into(),
            ..Self::default()
        }
    }

    /// Says whether it needs no more backups on a day.
    #[must_use]
    pub fn is_retired(&self, on: Date) -> bool {
        self.retired.is_some_and(|retired| retired <= on)
    }
}

impl Part for Resource {
    const SPEC: &'static PartSpec = &PartSpec {
        what: "a resource",
        doc: "Something that is protected.",
        has_settings: true,
        fields: &[
            Field::new(
                "kind",
                Kind::Text,
                "What it is, such as files or postgresql.",
            )
            .required(),
            Field::new("description", Kind::Text, "What it is, for people."),
            Field::new("owner", Kind::Text, "Who answers for it."),
            Field::new(
                "reason",
                Kind::Text,
                "Why it is treated as its own settings say.",
            ),
            Field::new("department", Kind::Text, "Whose it is."),
            Field::new("criticality", CRITICALITY, "How much depends on it."),
            Field::new("class", Kind::Name(Named::Class), "The class of its data."),
            Field::new("host", Kind::Text, "The machine it is on."),
            Field::new(
                "site",
                Kind::Text,
                "The site it is at; that of the policy if absent.",
            ),
            Field::of("labels", FieldKind::Labels, "Names and values of your own."),
            Field::new("paths", Kind::Lines, "The paths that are backed up."),
            Field::new(
                "command",
                Kind::Lines,
                "The command whose output is backed up.",
            ),
            Field::new(
                "depends_on",
                Kind::Names(Named::Resource),
                "What must work again before it can.",
            ),
            Field::new(
                "group",
                Kind::Text,
                "What must be captured at the same moment has the same group.",
            ),
            Field::new("size", Kind::Bytes, "How large it is."),
            Field::new(
                "daily_change",
                Kind::Bytes,
                "How much new data it has in a day.",
            ),
            Field::new("third_party", Kind::Text, "The third party that has it."),
            Field::of("since", FieldKind::Date, "Since when it is protected."),
            Field::of(
                "retired",
                FieldKind::Date,
                "From when on it needs no more backups.",
            ),
        ],
    };

    fn build(name: &str, mut from: Fields) -> Self {
        let criticality = from.text("criticality").and_then(|text| text.parse().ok());
        Self {
            id: name.to_owned(),
            kind: from.text("kind").unwrap_or_default(),
            description: from.text("description"),
            owner: from.text("owner").unwrap_or_default(),
            reason: from.text("reason").unwrap_or_default(),
            department: from.text("department"),
            criticality: criticality.unwrap_or_default(),
            class: from.text("class"),
            host: from.text("host"),
            site: from.text("site"),
            labels: from.labels("labels").unwrap_or_default(),
            paths: from.lines("paths").unwrap_or_default(),
            command: from.lines("command").unwrap_or_default(),
            depends_on: from.set("depends_on").unwrap_or_default(),
            group: from.text("group"),
            size: from.bytes("size"),
            daily_change: from.bytes("daily_change"),
            third_party: from.text("third_party"),
            since: from.date("since"),
            retired: from.date("retired"),
            settings: from.settings,
        }
    }

    fn fields(&self) -> Fields {
        let mut to = Fields::of_settings(self.settings.clone());
        let lines = |lines: &Vec<String>| (!lines.is_empty()).then(|| lines.clone());
        to.put_text("kind", &self.kind);
        to.put("description", self.description.clone());
        to.put_text("owner", &self.owner);
        to.put_text("reason", &self.reason);
        to.put("department", self.department.clone());
        to.put("criticality", Some(self.criticality.to_string()));
        to.put("class", self.class.clone());
        to.put("host", self.host.clone());
        to.put("site", self.site.clone());
        to.put(
            "labels",
            (!self.labels.is_empty()).then(|| self.labels.clone()),
        );
        to.put("paths", lines(&self.paths));
        to.put("command", lines(&self.command));
        to.put_set("depends_on", &self.depends_on);
        to.put("group", self.group.clone());
        to.put("size", self.size);
        to.put("daily_change", self.daily_change);
        to.put("third_party", self.third_party.clone());
        to.put("since", self.since);
        to.put("retired", self.retired);
        to
    }
}

const CRITICALITY: Kind = Kind::Choice(&["low", "normal", "high", "critical"]);
