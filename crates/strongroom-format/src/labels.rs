//! Labels: names and texts that a backup is given.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::iter::Map;
use std::slice;
use std::sync::Arc;

/// Labels by name, sorted. Clones share them, and whoever has many snapshots in memory may let all with the same labels share one value: most have.
///
/// ```
/// use strongroom_format::Labels;
///
/// let mut labels = Labels::from_iter([("host", "web1")]);
/// labels.insert("ticket", "4711");
/// assert_eq!(labels.get("host"), Some("web1"));
/// assert_eq!(labels.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["host", "ticket"]);
/// ```
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Labels(Arc<[Label]>);

type Label = (Box<str>, Box<str>);

impl Labels {
    /// Returns the text of a label.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let at = self.place(name).ok()?;
        self.0.get(at).map(|(_, text)| text.as_ref())
    }

    /// Adds a label, in the place of one with the same name.
    pub fn insert(&mut self, name: impl Into<Box<str>>, text: impl Into<Box<str>>) {
        let label = (name.into(), text.into());
        let mut labels = self.0.to_vec();
        match self.place(&label.0) {
            Ok(at) => {
                if let Some(old) = labels.get_mut(at) {
                    *old = label;
                }
            }
            Err(at) => labels.insert(at, label),
        }
        self.0 = labels.into();
    }

    /// Goes through names and texts, in the order of names.
    pub fn iter(&self) -> LabelsIter<'_> {
        self.into_iter()
    }

    /// Returns how many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Says whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Says whether these are one value, shared.
    #[must_use]
    pub fn is_shared_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Returns them as a map of their own.
    #[must_use]
    pub fn to_map(&self) -> BTreeMap<String, String> {
        let owned = |(name, text): (&str, &str)| (name.to_owned(), text.to_owned());
        self.iter().map(owned).collect()
    }

    fn place(&self, name: &str) -> Result<usize, usize> {
        self.0
            .binary_search_by(|(known, _)| known.as_ref().cmp(name))
    }
}

/// Goes through labels. Made by [`Labels::iter`].
pub type LabelsIter<'a> = Map<slice::Iter<'a, Label>, fn(&'a Label) -> (&'a str, &'a str)>;

impl<'a> IntoIterator for &'a Labels {
    type Item = (&'a str, &'a str);
    type IntoIter = LabelsIter<'a>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter().map(|(name, text)| (name, text))
    }
}

/// Of labels with the same name the last counts.
impl<N: Into<String>, T: Into<String>> FromIterator<(N, T)> for Labels {
    fn from_iter<I: IntoIterator<Item = (N, T)>>(labels: I) -> Self {
        let owned = |(name, text): (N, T)| (name.into(), text.into());
        BTreeMap::from_iter(labels.into_iter().map(owned)).into()
    }
}

impl From<BTreeMap<String, String>> for Labels {
    fn from(labels: BTreeMap<String, String>) -> Self {
        let boxed = |(name, text): (String, String)| (name.into(), text.into());
        Self(labels.into_iter().map(boxed).collect())
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}

/// Lets values share the same labels, as they come. To clone it costs nothing.
#[derive(Clone, Debug, Default)]
pub struct SharedLabels(Arc<BTreeSet<Labels>>);

impl SharedLabels {
    /// Returns the same labels, shared with whoever asked for such before. Few are remembered: where each has others, there is nothing to share.
    #[must_use]
    pub fn share(&mut self, labels: Labels) -> Labels {
        if let Some(known) = self.0.get(&labels) {
            return known.clone();
        }
        if self.0.len() >= MOST_REMEMBERED {
            self.0 = Arc::default();
        }
        Arc::make_mut(&mut self.0).insert(labels.clone());
        labels
    }
}

/// Different labels that are remembered.
const MOST_REMEMBERED: usize = 4_096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_a_sorted_map() {
        let mut labels = Labels::default();
        for (name, text) in [("b", "1"), ("a", "2"), ("c", "3"), ("b", "4")] {
            labels.insert(name, text);
        }
        let all: Vec<_> = labels.iter().collect();
        assert_eq!(all, [("a", "2"), ("b", "4"), ("c", "3")]);
        assert_eq!(labels, Labels::from_iter(all.iter().copied()));
        assert_eq!(Labels::from(labels.to_map()), labels);
        assert_eq!((labels.get("b"), labels.get("d")), (Some("4"), None));
        assert_eq!((labels.len(), labels.is_empty()), (3, false));
        assert_eq!(format!("{labels:?}"), r#"{"a": "2", "b": "4", "c": "3"}"#);
    }

    #[test]
    fn the_same_are_shared_and_a_change_is_nobody_elses() {
        let mut shared = SharedLabels::default();
        let of = |text: String| Labels::from_iter([("host", text)]);
        let one = shared.share(of("web".into()));
        let mut other = shared.share(of("web".into()));
        assert!(one.is_shared_with(&other));
        other.insert("host", "db");
        assert_eq!(
            (one.get("host"), other.get("host")),
            (Some("web"), Some("db"))
        );
        for number in 0..2 * MOST_REMEMBERED {
            drop(shared.share(of(number.to_string())));
        }
        assert!(shared.0.len() <= MOST_REMEMBERED);
    }
}
