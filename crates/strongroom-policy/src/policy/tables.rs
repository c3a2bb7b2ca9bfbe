//! The tables of a document that are a policy, its layers, classes and rules.

use super::{Class, FORMAT, Layer, Policy, Rule};
use crate::part::{Field, FieldKind, Fields, Part, PartSpec};
use crate::value::Kind;
use crate::zone::Zone;

impl Part for Policy {
    const SPEC: &'static PartSpec = &PartSpec {
        what: "a policy",
        doc: "What is protected, how, why, and who answers for it.",
        has_settings: false,
        fields: &[
            Field::new("format", Kind::Count, "The version of this format: 1.").required(),
            Field::new("name", Kind::Text, "Its name.").required(),
            Field::new(
                "revision",
                Kind::Count,
                "A number that rises with each change.",
            )
            .required(),
            Field::new("organisation", Kind::Text, "Whose it is."),
            Field::new("owner", Kind::Text, "Who answers for it."),
            Field::new("reason", Kind::Text, "Why there is one."),
            Field::of(
                "effective",
                FieldKind::Date,
                "The first day on which it is in force.",
            ),
            Field::of(
                "review_by",
                FieldKind::Date,
                "When somebody must look at it again.",
            ),
            Field::new("timezone", Kind::Zone, "The time zone of what names none.").required(),
            Field::new("site", Kind::Text, "The site of resources that name none."),
        ],
    };

    fn build(_name: &str, mut from: Fields) -> Self {
        Self {
            revision: from.count("revision").unwrap_or_default(),
            organisation: from.text("organisation"),
            owner: from.text("owner").unwrap_or_default(),
            reason: from.text("reason").unwrap_or_default(),
            effective: from.date("effective"),
            review_by: from.date("review_by"),
            timezone: from.zone("timezone").unwrap_or_else(Zone::utc),
            site: from.text("site"),
            ..Self::new(from.text("name").unwrap_or_default())
        }
    }

    fn fields(&self) -> Fields {
        let mut to = Fields::default();
        to.put("format", Some(FORMAT));
        to.put_text("name", &self.name);
        to.put("revision", Some(self.revision));
        to.put("organisation", self.organisation.clone());
        to.put_text("owner", &self.owner);
        to.put_text("reason", &self.reason);
        to.put("effective", self.effective);
        to.put("review_by", self.review_by);
        to.put("timezone", Some(self.timezone.clone()));
        to.put("site", self.site.clone());
        to
    }
}

impl Part for Layer {
    const SPEC: &'static PartSpec = &PartSpec {
        what: "a set of settings",
        doc: "Settings, with who answers for them and why.",
        has_settings: true,
        fields: &[OWNER, REASON, REVIEW_BY],
    };

    fn build(_name: &str, mut from: Fields) -> Self {
        Self::take(&mut from)
    }

    fn fields(&self) -> Fields {
        let mut to = Fields::of_settings(self.settings.clone());
        to.put_text("owner", &self.owner);
        to.put_text("reason", &self.reason);
        to.put("review_by", self.review_by);
        to
    }
}

impl Layer {
    fn take(from: &mut Fields) -> Self {
        Self {
            owner: from.text("owner").unwrap_or_default(),
            reason: from.text("reason").unwrap_or_default(),
            review_by: from.date("review_by"),
            settings: std::mem::take(&mut from.settings),
        }
    }
}

impl Part for Class {
    const SPEC: &'static PartSpec = &PartSpec {
        what: "a class",
        doc: "A class of data, and what holds for it.",
        has_settings: true,
        fields: &[
            OWNER,
            REASON,
            REVIEW_BY,
            Field::new("description", Kind::Text, "What it is, for people."),
            Field::new("personal", Kind::Flag, "Whether it is about people."),
        ],
    };

    fn build(_name: &str, mut from: Fields) -> Self {
        Self {
            description: from.text("description"),
            personal: from.flag("personal").unwrap_or_default(),
            layer: Layer::take(&mut from),
        }
    }

    fn fields(&self) -> Fields {
        let mut to = self.layer.fields();
        to.put("description", self.description.clone());
        to.put_flag("personal", self.personal);
        to
    }
}

impl Part for Rule {
    const SPEC: &'static PartSpec = &PartSpec {
        what: "a rule",
        doc: "What holds for the resources that a selector selects.",
        has_settings: true,
        fields: &[
            Field::new("name", Kind::Text, "Its name among all rules.").required(),
            OWNER,
            REASON,
            REVIEW_BY,
            Field::of("match", FieldKind::Select, "What it is about.").required(),
            Field::of("except", FieldKind::Select, "What of that it is not about."),
        ],
    };

    fn build(name: &str, mut from: Fields) -> Self {
        Self {
            name: name.to_owned(),
            matches: from.selector("match").unwrap_or_default(),
            except: from.selector("except").unwrap_or_default(),
            layer: Layer::take(&mut from),
        }
    }

    fn fields(&self) -> Fields {
        let mut to = self.layer.fields();
        to.put_text("name", &self.name);
        to.put_selector("match", &self.matches);
        to.put_selector("except", &self.except);
        to
    }
}

const OWNER: Field = Field::new("owner", Kind::Text, "Who answers for it.");
const REASON: Field = Field::new("reason", Kind::Text, "Why it is as it is.");
const REVIEW_BY: Field = Field::of(
    "review_by",
    FieldKind::Date,
    "When somebody must look at it again.",
);
