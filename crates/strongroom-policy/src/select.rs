//! Which resources something is about.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::level::Criticality;
use crate::resource::Resource;
use crate::text::{listed, serde_as_text};

/// A text with `*` for any characters, even none, and `?` for one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Glob(String);

impl Glob {
    /// Says whether a text is one of those that it stands for.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let pattern: Vec<char> = self.0.chars().collect();
        let text: Vec<char> = text.chars().collect();
        let (mut p, mut t) = (0, 0);
        // Where the last `*` was, and what of the text it stands for so far.
        let mut star: Option<(usize, usize)> = None;
        while t < text.len() {
            match pattern.get(p) {
                Some('*') => {
                    star = Some((p, t));
                    p += 1;
                }
                Some(c) if *c == '?' || Some(c) == text.get(t) => {
                    p += 1;
                    t += 1;
                }
                _ => match star {
                    Some((at, taken)) => {
                        star = Some((at, taken + 1));
                        p = at + 1;
                        t = taken + 1;
                    }
                    None => return false,
                },
            }
        }
        pattern.iter().skip(p).all(|c| *c == '*')
    }

    /// Returns its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Glob {
    type Err = Error;

    /// # Errors
    ///
    /// `Invalid`: empty, or longer than 256 bytes.
    fn from_str(text: &str) -> Result<Self, Error> {
        if text.is_empty() || text.len() > 256 {
            return Err(Error::invalid(text, "is no pattern of 1 to 256 bytes"));
        }
        Ok(Self(text.to_owned()))
    }
}

serde_as_text!(Glob);

/// Which resources something is about: those for which all conditions hold, where each condition
/// is a list of alternatives and an empty list is no condition.
///
/// A selector without conditions selects **nothing**; [`Selector::all`] selects everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Selector {
    /// Everything, whatever the conditions are.
    #[serde(default)]
    pub all: bool,
    /// Ids of resources.
    #[serde(default)]
    pub id: BTreeSet<Glob>,
    /// Kinds, such as `postgresql`.
    #[serde(default)]
    pub kind: BTreeSet<Glob>,
    /// Criticalities.
    #[serde(default)]
    pub criticality: BTreeSet<Criticality>,
    /// Classes of data.
    #[serde(default)]
    pub class: BTreeSet<Glob>,
    /// Departments.
    #[serde(default)]
    pub department: BTreeSet<Glob>,
    /// Hosts.
    #[serde(default)]
    pub host: BTreeSet<Glob>,
    /// Labels that must all be there with such a value.
    #[serde(default)]
    pub labels: BTreeMap<String, Glob>,
}

impl Selector {
    /// Returns the one that selects everything.
    #[must_use]
    pub fn all() -> Self {
        Self {
            all: true,
            ..Self::default()
        }
    }

    /// Adds an alternative to the ids.
    #[must_use]
    pub fn with_id(mut self, id: Glob) -> Self {
        self.id.insert(id);
        self
    }

    /// Adds an alternative to the criticalities.
    #[must_use]
    pub fn with_criticality(mut self, criticality: Criticality) -> Self {
        self.criticality.insert(criticality);
        self
    }

    /// Says whether it has no condition, and so selects nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Says whether a resource is among those that it selects.
    #[must_use]
    pub fn selects(&self, resource: &Resource) -> bool {
        if self.all {
            return true;
        }
        let one_of = |globs: &BTreeSet<Glob>, text: Option<&str>| {
            globs.is_empty() || text.is_some_and(|text| globs.iter().any(|glob| glob.matches(text)))
        };
        let labelled = self.labels.iter().all(|(name, glob)| {
            let value = resource.labels.get(name);
            value.is_some_and(|value| glob.matches(value))
        });
        !self.is_empty()
            && one_of(&self.id, Some(&resource.id))
            && one_of(&self.kind, Some(&resource.kind))
            && (self.criticality.is_empty() || self.criticality.contains(&resource.criticality))
            && one_of(&self.class, resource.class.as_deref())
            && one_of(&self.department, resource.department.as_deref())
            && one_of(&self.host, resource.host.as_deref())
            && labelled
    }
}

/// In words: `kind postgresql or mariadb, criticality critical`.
impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.all {
            return f.write_str("everything");
        }
        let mut conditions = Vec::new();
        let mut add = |name: &str, values: Vec<&str>| {
            if !values.is_empty() {
                conditions.push(format!("{name} {}", listed(&values, " or ")));
            }
        };
        let globs = |globs: &'_ BTreeSet<Glob>| -> Vec<String> {
            globs.iter().map(ToString::to_string).collect()
        };
        for (name, values) in [
            ("id", globs(&self.id)),
            ("kind", globs(&self.kind)),
            ("class", globs(&self.class)),
            ("department", globs(&self.department)),
            ("host", globs(&self.host)),
        ] {
            add(name, values.iter().map(String::as_str).collect());
        }
        let levels = self.criticality.iter().map(|level| level.as_str());
        add("criticality", levels.collect());
        for (name, glob) in &self.labels {
            conditions.push(format!("label {name} {glob}"));
        }
        if conditions.is_empty() {
            return f.write_str("nothing");
        }
        f.write_str(&conditions.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn glob(text: &str) -> Glob {
        text.parse().unwrap()
    }

    #[test]
    fn stars_and_question_marks() {
        for (pattern, text, matches) in [
            ("db-*", "db-orders", true),
            ("db-*", "web-db-1", false),
            ("*-db-?", "web-db-1", true),
            ("*", "", true),
            ("?", "", false),
            ("a*b*c", "aXXbYYc", true),
            ("a*b*c", "aXXcYYb", false),
            ("**", "x", true),
            ("ä?", "äö", true),
        ] {
            assert_eq!(glob(pattern).matches(text), matches, "{pattern} {text}");
        }
    }

    #[test]
    fn all_conditions_hold_and_none_selects_nothing() {
        let mut resource = Resource::new("db-orders", "postgresql");
        resource.criticality = Criticality::Critical;
        resource.labels.insert("env".into(), "prod".into());
        assert!(!Selector::default().selects(&resource));
        assert!(Selector::all().selects(&resource));
        let mut selector = Selector::default().with_id(glob("db-*"));
        assert!(selector.selects(&resource));
        selector.labels.insert("env".into(), glob("prod"));
        selector.criticality.insert(Criticality::Critical);
        assert!(selector.selects(&resource));
        assert_eq!(
            selector.to_string(),
            "id db-*, criticality critical, label env prod"
        );
        selector.department.insert(glob("*"));
        assert!(!selector.selects(&resource), "no department is none of any");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        /// As a slow and obvious matcher says.
        #[test]
        fn matches_as_a_recursion_does(pattern in "[ab*?]{1,8}", text in "[ab]{0,8}") {
            fn slow(p: &[u8], t: &[u8]) -> bool {
                match (p.split_first(), t.split_first()) {
                    (None, None) => true,
                    (Some((b'*', rest)), _) => slow(rest, t) || t.split_first().is_some_and(|(_, t)| slow(p, t)),
                    (Some((b'?', rest)), Some((_, t))) => slow(rest, t),
                    (Some((a, rest)), Some((b, t))) => a == b && slow(rest, t),
                    _ => false,
                }
            }
            prop_assert_eq!(glob(&pattern).matches(&text), slow(pattern.as_bytes(), text.as_bytes()));
        }
    }
}
