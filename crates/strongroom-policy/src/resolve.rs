//! Which value holds for a resource, and where it comes from.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};
use strongroom_retain::KeepRules;

use crate::bytes::ByteCount;
use crate::key::{Key, built_in};
use crate::level::{Criticality, Level};
use crate::period::Period;
use crate::policy::{Layer, Policy};
use crate::repository::LockMode;
use crate::resource::Resource;
use crate::schedule::Schedule;
use crate::settings::Settings;
use crate::share::Share;
use crate::value::Value;
use crate::zone::Zone;

/// What holds for a resource, each value with its origin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Resolved {
    /// The resource.
    pub resource: String,
    values: BTreeMap<Key, Setting>,
}

/// A value, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Setting {
    /// The value.
    pub value: Value,
    /// Who set it.
    pub from: Origin,
    /// Who else set the same setting, and was overruled; the last one first.
    pub instead_of: Vec<Origin>,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Origin {
    /// The table that has it.
    pub source: Source,
    /// Who answers for that.
    pub owner: String,
    /// Why it is as it is.
    pub reason: String,
}

/// A table that has settings. The order is that of precedence.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Source {
    /// What holds where no policy says anything.
    BuiltIn,
    /// The head of the document.
    Policy,
    /// `[defaults]`
    Defaults,
    /// `[criticality.…]`
    Criticality(Criticality),
    /// `[class.…]`
    Class(String),
    /// `[[rule]]`
    Rule(String),
    /// `[resource.…]`
    Resource(String),
}

impl Source {
    /// Returns the path of the table in a document.
    #[must_use]
    pub fn path(&self) -> String {
        match self {
            Self::BuiltIn | Self::Policy => String::new(),
            Self::Defaults => "defaults".to_owned(),
            Self::Criticality(level) => format!("criticality.{level}"),
            Self::Class(name) => format!("class.{name}"),
            Self::Rule(name) => format!("rule.{name}"),
            Self::Resource(id) => format!("resource.{id}"),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BuiltIn => f.write_str("built in"),
            Self::Policy => f.write_str("the head of the policy"),
            Self::Defaults => f.write_str("defaults"),
            Self::Criticality(level) => write!(f, "criticality {level}"),
            Self::Class(name) => write!(f, "class {name}"),
            Self::Rule(name) => write!(f, "rule {name}"),
            Self::Resource(id) => write!(f, "resource {id}"),
        }
    }
}

impl Policy {
    /// Returns what holds for a resource, whether it is one of the policy's or not.
    ///
    /// ```
    /// use strongroom_policy::{Document, Key, Resource};
    ///
    /// let document = Document::parse(r#"
    /// format = 1
    /// name = "example"
    /// revision = 1
    /// timezone = "UTC"
    /// [defaults]
    /// objectives = { rpo = "24h" }
    /// [[rule]]
    /// name = "databases"
    /// reason = "Orders cannot be entered again."
    /// match = { kind = ["postgresql", "mariadb"] }
    /// objectives = { rpo = "1h" }
    /// "#)?;
    /// let resolved = document.policy().resolve(&Resource::new("db-orders", "postgresql"));
    /// let rpo = resolved.setting(Key::Rpo).ok_or("no RPO")?;
    /// assert_eq!(rpo.value.to_string(), "1h");
    /// assert_eq!(rpo.from.source.to_string(), "rule databases");
    /// assert_eq!(rpo.from.reason, "Orders cannot be entered again.");
    /// assert_eq!(rpo.instead_of[0].source.to_string(), "defaults");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn resolve(&self, resource: &Resource) -> Resolved {
        let mut values: BTreeMap<Key, Setting> = BTreeMap::new();
        let mut lay = |source: Source, owner: &str, reason: &str, settings: &Settings| {
            for (key, value) in settings.iter() {
                let from = Origin {
                    source: source.clone(),
                    owner: owner.to_owned(),
                    reason: reason.to_owned(),
                };
                let before = values.remove(&key);
                let instead_of = before.map(|before| {
                    let mut list = vec![before.from];
                    list.extend(before.instead_of);
                    list
                });
                let setting = Setting {
                    value: value.clone(),
                    from,
                    instead_of: instead_of.unwrap_or_default(),
                };
                values.insert(key, setting);
            }
        };
        let zone = Settings::new()
            .with(Key::TimeZone, self.timezone.clone())
            .unwrap_or_default();
        lay(Source::BuiltIn, "", "", built_in());
        lay(Source::Policy, &self.owner, &self.reason, &zone);
        for (source, layer) in self.layers(resource) {
            lay(source, &layer.owner, &layer.reason, &layer.settings);
        }
        let own = Source::Resource(resource.id.clone());
        lay(own, &resource.owner, &resource.reason, &resource.settings);
        Resolved {
            resource: resource.id.clone(),
            values,
        }
    }

    /// Returns the layers that are about a resource, but for its own settings, the weakest first.
    pub(crate) fn layers(&self, resource: &Resource) -> Vec<(Source, &Layer)> {
        let mut layers = vec![(Source::Defaults, &self.defaults)];
        let level = resource.criticality;
        if let Some(layer) = self.criticality.get(&level) {
            layers.push((Source::Criticality(level), layer));
        }
        let class = resource.class.as_ref();
        if let Some((name, class)) = class.and_then(|name| self.classes.get_key_value(name)) {
            layers.push((Source::Class(name.clone()), &class.layer));
        }
        let rules = self.rules.iter().filter(|rule| rule.is_about(resource));
        layers.extend(rules.map(|rule| (Source::Rule(rule.name.clone()), &rule.layer)));
        layers
    }
}

macro_rules! getters {
    ($($(#[$doc:meta])* $name:ident -> $type:ty = $key:ident, $pattern:pat => $value:expr;)*) => {$(
        $(#[$doc])*
        #[must_use]
        pub fn $name(&self) -> $type {
            match self.get(Key::$key) {
                $pattern => $value,
                _ => Default::default(),
            }
        }
    )*};
}

impl Resolved {
    /// Returns a value with its origin, if there is one.
    #[must_use]
    pub fn setting(&self, key: Key) -> Option<&Setting> {
        self.values.get(&key)
    }

    /// Returns a value, if there is one.
    #[must_use]
    pub fn get(&self, key: Key) -> Option<&Value> {
        self.setting(key).map(|setting| &setting.value)
    }

    /// Returns all, in the order of the keys.
    pub fn iter(&self) -> impl Iterator<Item = (Key, &Setting)> {
        self.values.iter().map(|(key, setting)| (*key, setting))
    }

    /// Returns a length of time, if the setting is one and has a value.
    #[must_use]
    pub fn period(&self, key: Key) -> Option<Period> {
        match self.get(key) {
            Some(Value::Period(period)) => Some(*period),
            _ => None,
        }
    }

    /// Returns a number, if the setting is one and has a value.
    #[must_use]
    pub fn count(&self, key: Key) -> Option<u64> {
        match self.get(key) {
            Some(Value::Count(count)) => Some(*count),
            _ => None,
        }
    }

    /// Says whether a setting is `true`.
    #[must_use]
    pub fn flag(&self, key: Key) -> bool {
        matches!(self.get(key), Some(Value::Flag(true)))
    }

    /// Returns a share, if the setting is one and has a value.
    #[must_use]
    pub fn share(&self, key: Key) -> Option<Share> {
        match self.get(key) {
            Some(Value::Share(share)) => Some(*share),
            _ => None,
        }
    }

    /// Returns an amount of data, if the setting is one and has a value.
    #[must_use]
    pub fn bytes(&self, key: Key) -> Option<ByteCount> {
        match self.get(key) {
            Some(Value::Bytes(bytes)) => Some(*bytes),
            _ => None,
        }
    }

    /// Returns a word, if the setting is one and has a value.
    #[must_use]
    pub fn text(&self, key: Key) -> Option<&str> {
        match self.get(key) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// Returns words, none if the setting has no value.
    #[must_use]
    pub fn words(&self, key: Key) -> BTreeSet<&str> {
        match self.get(key) {
            Some(Value::Set(words)) => words.iter().map(String::as_str).collect(),
            _ => BTreeSet::new(),
        }
    }

    getters! {
        /// Returns the rules of retention, if there are any. Without them everything is kept.
        keep -> Option<&KeepRules> = Keep, Some(Value::Keep(rules)) => Some(rules);
        /// Returns what is left out.
        excludes -> &[String] = Exclude, Some(Value::List(lines)) => lines.as_slice();
    }

    /// Returns how old each level of verification may be.
    #[must_use]
    pub fn ages(&self) -> BTreeMap<Level, Period> {
        match self.get(Key::Verify) {
            Some(Value::Ages(ages)) => ages.clone(),
            _ => BTreeMap::new(),
        }
    }

    /// Returns what is verified right after each run, if anything is.
    #[must_use]
    pub fn after_run(&self) -> Option<Level> {
        self.text(Key::VerifyAfterRun)?.parse().ok()
    }

    /// Returns the mode of locks.
    #[must_use]
    pub fn lock(&self) -> LockMode {
        let mode = self.text(Key::Lock).and_then(|text| text.parse().ok());
        mode.unwrap_or_default()
    }

    /// Returns the time zone.
    #[must_use]
    pub fn zone(&self) -> Zone {
        match self.get(Key::TimeZone) {
            Some(Value::Zone(zone)) => zone.clone(),
            _ => Zone::utc(),
        }
    }

    /// Returns when backups are due; `None` when there is no schedule or it is switched off.
    #[must_use]
    pub fn schedule(&self) -> Option<Schedule> {
        Schedule::of(self)
    }
}
