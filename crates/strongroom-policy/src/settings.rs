//! Some settings, each with its value.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::error::Error;
use crate::key::Key;
use crate::raw::Raw;
use crate::value::Value;

/// Some settings, each with its value, which is always of the kind that its key takes.
///
/// ```
/// use strongroom_policy::{Key, Period, Settings};
///
/// let settings = Settings::new()
///     .with(Key::Rpo, Period::hours(24))?
///     .with(Key::Enabled, true)?;
/// assert!(Settings::new().with(Key::Rpo, true).is_err());
/// # Ok::<(), strongroom_policy::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Settings(BTreeMap<Key, Value>);

impl Settings {
    /// Returns none.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets one.
    ///
    /// # Errors
    ///
    /// `Invalid` when the value is not of the kind that the key takes.
    pub fn with(mut self, key: Key, value: impl Into<Value>) -> Result<Self, Error> {
        self.set(key, value)?;
        Ok(self)
    }

    /// Sets one.
    ///
    /// # Errors
    ///
    /// `Invalid` when the value is not of the kind that the key takes.
    pub fn set(&mut self, key: Key, value: impl Into<Value>) -> Result<(), Error> {
        let value = value.into();
        key.spec().kind.check(&value)?;
        self.0.insert(key, value);
        Ok(())
    }

    /// Adds one whose value was read as its kind.
    pub(crate) fn insert(&mut self, key: Key, value: Value) {
        self.0.insert(key, value);
    }

    /// Leaves one out.
    pub fn remove(&mut self, key: Key) {
        self.0.remove(&key);
    }

    /// Returns the value of one.
    #[must_use]
    pub fn get(&self, key: Key) -> Option<&Value> {
        self.0.get(&key)
    }

    /// Returns all in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (Key, &Value)> {
        self.0.iter().map(|(key, value)| (*key, value))
    }

    /// Says whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'de> Deserialize<'de> for Settings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Visit)
    }
}

struct Visit;

impl<'de> Visitor<'de> for Visit {
    type Value = Settings;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("settings by their names")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Settings, A::Error> {
        let mut settings = Settings::new();
        while let Some(key) = map.next_key::<Key>()? {
            let raw: Raw = map.next_value()?;
            let mut faults = Vec::new();
            match key.spec().kind.read(&raw, &mut faults) {
                Some(value) if faults.is_empty() => settings.insert(key, value),
                _ => {
                    let why = faults.first().map(|fault| fault.what.clone());
                    let why = why.unwrap_or_default();
                    return Err(A::Error::custom(format!("{key}: {why}")));
                }
            }
        }
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::period::Period;

    #[test]
    fn settings_survive_json() {
        let settings = Settings::new()
            .with(Key::Rpo, Period::hours(24))
            .unwrap()
            .with(
                Key::Keep,
                "daily=7".parse::<strongroom_retain::KeepRules>().unwrap(),
            )
            .unwrap()
            .with(Key::Exclude, vec!["*.tmp".to_owned()])
            .unwrap();
        let text = serde_json::to_string(&settings).unwrap();
        assert_eq!(
            text,
            r#"{"objectives.rpo":"1d","source.exclude":["*.tmp"],"retention.keep":"daily=7"}"#
        );
        assert_eq!(serde_json::from_str::<Settings>(&text).unwrap(), settings);
        for wrong in [
            r#"{"objectives.rpo":24}"#,
            r#"{"objectives.rp":"24h"}"#,
            "[]",
        ] {
            assert!(serde_json::from_str::<Settings>(wrong).is_err());
        }
    }
}
