//! A policy: what is protected, how, why, and who answers for it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::date::Date;
use crate::duty::{Exemption, Obligation, Requirement};
use crate::level::Criticality;
use crate::part::{FieldKind, Fields, Item, Part, PartSpec};
use crate::people::{Approval, Contact, Escalation};
use crate::repository::Repository;
use crate::resource::Resource;
use crate::select::Selector;
use crate::settings::Settings;
use crate::value::{Kind, Named, Value};
use crate::zone::Zone;

mod tables;

/// A policy: what is protected, how, why, and who answers for it.
///
/// A value of a setting is that of the first of these which has it: the resource's own settings,
/// the last [`Rule`] that is about it, its [`Class`], its criticality, the defaults, and what is
/// [built in](crate::built_in). Each setting is looked up by itself.
///
/// [`Document::parse`](crate::Document::parse) reads one, [`Policy::to_toml`] writes one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Policy {
    /// Its name.
    pub name: String,
    /// A number that rises with each change.
    #[serde(default)]
    pub revision: u64,
    /// Whose it is.
    #[serde(default)]
    pub organisation: Option<String>,
    /// Who answers for it.
    #[serde(default)]
    pub owner: String,
    /// Why there is one.
    #[serde(default)]
    pub reason: String,
    /// The first day on which it is in force.
    #[serde(default)]
    pub effective: Option<Date>,
    /// When somebody must look at it again.
    #[serde(default)]
    pub review_by: Option<Date>,
    /// The time zone of what names none.
    pub timezone: Zone,
    /// The site of resources that name none.
    #[serde(default)]
    pub site: Option<String>,
    /// Who must agree to it.
    #[serde(default)]
    pub approval: Approval,
    /// What holds for all.
    #[serde(default)]
    pub defaults: Layer,
    /// What holds for those of a criticality.
    #[serde(default)]
    pub criticality: BTreeMap<Criticality, Layer>,
    /// Classes of data, and what holds for them.
    #[serde(default)]
    pub classes: BTreeMap<String, Class>,
    /// What holds for those that a selector selects; the last one counts most.
    #[serde(default)]
    pub rules: Vec<Rule>,
    /// Where copies are kept.
    #[serde(default)]
    pub repositories: BTreeMap<String, Repository>,
    /// Who can be told something.
    #[serde(default)]
    pub contacts: BTreeMap<String, Contact>,
    /// In which order they are told.
    #[serde(default)]
    pub escalations: BTreeMap<String, Escalation>,
    /// Bounds that must hold.
    #[serde(default)]
    pub requirements: BTreeMap<String, Requirement>,
    /// What need not hold for a while.
    #[serde(default)]
    pub exemptions: BTreeMap<String, Exemption>,
    /// What people must do.
    #[serde(default)]
    pub obligations: BTreeMap<String, Obligation>,
    /// What is protected.
    #[serde(default)]
    pub resources: BTreeMap<String, Resource>,
}

/// Settings, with who answers for them and why.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Layer {
    /// Who answers for it.
    #[serde(default)]
    pub owner: String,
    /// Why it is as it is.
    #[serde(default)]
    pub reason: String,
    /// When somebody must look at it again.
    #[serde(default)]
    pub review_by: Option<Date>,
    /// The settings.
    #[serde(default)]
    pub settings: Settings,
}

impl Layer {
    /// Returns one.
    #[must_use]
    pub fn new(owner: impl Into<String>, reason: impl Into<String>, settings: Settings) -> Self {
        Self {
            owner: owner.into(),
            reason: reason.into(),
            review_by: None,
            settings,
        }
    }
}

/// A class of data, and what holds for it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Class {
    /// What it is, for people.
    #[serde(default)]
    pub description: Option<String>,
    /// Whether it is about people: then it may not be kept without end.
    #[serde(default)]
    pub personal: bool,
    /// What holds for it.
    #[serde(default)]
    pub layer: Layer,
}

impl Class {
    /// Returns one for which something holds.
    #[must_use]
    pub fn new(layer: Layer) -> Self {
        Self {
            layer,
            ..Self::default()
        }
    }
}

/// What holds for the resources that a selector selects.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Rule {
    /// Its name among all rules.
    pub name: String,
    /// What it is about.
    #[serde(default)]
    pub matches: Selector,
    /// What of that it is not about.
    #[serde(default)]
    pub except: Selector,
    /// What holds for it.
    #[serde(default)]
    pub layer: Layer,
}

impl Rule {
    /// Returns one.
    #[must_use]
    pub fn new(name: impl Into<String>, matches: Selector, layer: Layer) -> Self {
        Self {
            name: name.into(),
            matches,
            except: Selector::default(),
            layer,
        }
    }

    /// Says whether it is about a resource.
    #[must_use]
    pub fn is_about(&self, resource: &Resource) -> bool {
        self.matches.selects(resource) && !self.except.selects(resource)
    }
}

impl Policy {
    /// Returns one that says nothing.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            revision: 1,
            organisation: None,
            owner: String::new(),
            reason: String::new(),
            effective: None,
            review_by: None,
            timezone: Zone::utc(),
            site: None,
            approval: Approval::default(),
            defaults: Layer::default(),
            criticality: BTreeMap::new(),
            classes: BTreeMap::new(),
            rules: Vec::new(),
            repositories: BTreeMap::new(),
            contacts: BTreeMap::new(),
            escalations: BTreeMap::new(),
            requirements: BTreeMap::new(),
            exemptions: BTreeMap::new(),
            obligations: BTreeMap::new(),
            resources: BTreeMap::new(),
        }
    }

    /// Adds a resource, in place of one of the same id.
    #[must_use]
    pub fn with_resource(mut self, resource: Resource) -> Self {
        self.resources.insert(resource.id.clone(), resource);
        self
    }

    /// Returns the site that a resource is at.
    #[must_use]
    pub fn site_of<'a>(&'a self, resource: &'a Resource) -> Option<&'a str> {
        resource.site.as_deref().or(self.site.as_deref())
    }

    /// Returns the names of what is not defined, each with the place that names it.
    pub(crate) fn dangling(&self) -> Vec<(String, Named, String)> {
        let mut found = Vec::new();
        for (path, spec, fields) in self.parts() {
            self.dangling_of(&path, spec, &fields, &mut found);
        }
        found
    }

    fn dangling_of(
        &self,
        path: &str,
        spec: &PartSpec,
        fields: &Fields,
        found: &mut Vec<(String, Named, String)>,
    ) {
        let mut look = |path: String, kind: Kind, value: &Value| {
            for (named, name) in names_in(kind, value) {
                if !self.defines(named, name) {
                    found.push((path.clone(), named, name.to_owned()));
                }
            }
        };
        for field in spec.fields {
            if let (FieldKind::Value(kind), Some(Item::Value(value))) =
                (field.kind, fields.get(field.name))
            {
                look(format!("{path}.{}", field.name), kind, value);
            }
        }
        for (key, value) in fields.settings.iter() {
            look(format!("{path}.{key}"), key.spec().kind, value);
        }
        for field in spec.fields {
            if let (FieldKind::Parts(inner), Some(Item::Parts(parts))) =
                (field.kind, fields.get(field.name))
            {
                for part in parts {
                    let path = format!("{path}.{}", field.name);
                    self.dangling_of(&path, inner, part, found);
                }
            }
        }
    }

    fn defines(&self, named: Named, name: &str) -> bool {
        match named {
            Named::Repository => self.repositories.contains_key(name),
            Named::Contact => self.contacts.contains_key(name),
            Named::Escalation => self.escalations.contains_key(name),
            Named::Class => self.classes.contains_key(name),
            Named::Resource => self.resources.contains_key(name),
        }
    }

    /// Returns the names of all that is defined of a kind.
    pub(crate) fn defined(&self, named: Named) -> Vec<&str> {
        let names: Box<dyn Iterator<Item = &String>> = match named {
            Named::Repository => Box::new(self.repositories.keys()),
            Named::Contact => Box::new(self.contacts.keys()),
            Named::Escalation => Box::new(self.escalations.keys()),
            Named::Class => Box::new(self.classes.keys()),
            Named::Resource => Box::new(self.resources.keys()),
        };
        names.map(String::as_str).collect()
    }

    /// Returns all tables of the document that it is, with their paths, in the order of a document.
    pub(crate) fn parts(&self) -> Vec<(String, &'static PartSpec, Fields)> {
        let mut parts = Vec::new();
        let mut add = |path: String, spec, fields| parts.push((path, spec, fields));
        add(String::new(), Self::SPEC, self.fields());
        if self.approval != Approval::default() {
            add("approval".into(), Approval::SPEC, self.approval.fields());
        }
        if self.defaults != Layer::default() {
            add("defaults".into(), Layer::SPEC, self.defaults.fields());
        }
        for (name, one) in &self.criticality {
            add(format!("criticality.{name}"), Layer::SPEC, one.fields());
        }
        for (name, one) in &self.classes {
            add(format!("class.{name}"), Class::SPEC, one.fields());
        }
        for one in &self.rules {
            add(format!("rule.{}", one.name), Rule::SPEC, one.fields());
        }
        for (name, one) in &self.repositories {
            add(format!("repository.{name}"), Repository::SPEC, one.fields());
        }
        for (name, one) in &self.contacts {
            add(format!("contact.{name}"), Contact::SPEC, one.fields());
        }
        for (name, one) in &self.escalations {
            add(format!("escalation.{name}"), Escalation::SPEC, one.fields());
        }
        for (name, one) in &self.requirements {
            add(
                format!("requirement.{name}"),
                Requirement::SPEC,
                one.fields(),
            );
        }
        for (name, one) in &self.exemptions {
            add(format!("exemption.{name}"), Exemption::SPEC, one.fields());
        }
        for (name, one) in &self.obligations {
            add(format!("obligation.{name}"), Obligation::SPEC, one.fields());
        }
        for (name, one) in &self.resources {
            add(format!("resource.{name}"), Resource::SPEC, one.fields());
        }
        parts
    }
}

/// Returns the names of other things in a value.
fn names_in(kind: Kind, value: &Value) -> Vec<(Named, &str)> {
    match (kind, value) {
        (Kind::Name(named), Value::Text(name)) => vec![(named, name)],
        (Kind::Names(named), Value::Set(names)) => {
            names.iter().map(|name| (named, name.as_str())).collect()
        }
        _ => Vec::new(),
    }
}

/// The version of the format of documents.
pub(crate) const FORMAT: u64 = 1;
