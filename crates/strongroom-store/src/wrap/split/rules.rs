//! Which objects go where.

use std::fmt;

use crate::key::{Key, Prefix};

/// Which objects of a [`Split`](super::Split) are in its `data`: those of some folders, all of them or those that are put as
/// [`Cold`](crate::StorageClass::Cold).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SplitRules {
    /// None of them is within another.
    folders: Vec<Prefix>,
    takes: Takes,
}

/// What `data` has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Takes {
    /// All of the folders.
    All,
    /// What is put as cold of them.
    Cold,
    /// All but the folders.
    AllBut,
}

impl SplitRules {
    /// Everything in these folders is in `data`, whatever its class.
    #[must_use]
    pub fn all_of(folders: impl IntoIterator<Item = Prefix>) -> Self {
        Self::new(folders, Takes::All)
    }

    /// Everything but what is in these folders is in `data`: for a journal on a store that decides races, beside one that locks objects and does
    /// not.
    #[must_use]
    pub fn all_but(folders: impl IntoIterator<Item = Prefix>) -> Self {
        Self::new(folders, Takes::AllBut)
    }

    /// Of these folders, what is put as cold is in `data`.
    #[must_use]
    pub fn cold_of(folders: impl IntoIterator<Item = Prefix>) -> Self {
        Self::new(folders, Takes::Cold)
    }

    fn new(folders: impl IntoIterator<Item = Prefix>, takes: Takes) -> Self {
        let mut all: Vec<Prefix> = folders.into_iter().collect();
        // A folder comes before those within it.
        all.sort_unstable();
        let mut folders: Vec<Prefix> = Vec::new();
        for folder in all {
            if !folders.iter().any(|outer| is_within(&folder, outer)) {
                folders.push(folder);
            }
        }
        Self { folders, takes }
    }

    /// Returns whether the object of this name may be in `data`.
    #[must_use]
    pub fn concern(&self, key: &Key) -> bool {
        let is_named = self.folders.iter().any(|folder| folder.matches(key));
        is_named != self.is_all_but()
    }

    pub(super) fn takes_all(&self) -> bool {
        self.takes != Takes::Cold
    }

    /// Returns whether `data` has everything but the folders.
    pub(super) fn is_all_but(&self) -> bool {
        self.takes == Takes::AllBut
    }

    /// Returns the folders of `data` that a list of a folder has to look at.
    pub(super) fn within(&self, prefix: &Prefix) -> Vec<Prefix> {
        if self.is_all_but() {
            let is_homes = self.folders.iter().any(|folder| is_within(prefix, folder));
            return if is_homes {
                Vec::new()
            } else {
                vec![prefix.clone()]
            };
        }
        let within = |folder: &Prefix| {
            if is_within(prefix, folder) {
                Some(prefix.clone())
            } else {
                is_within(folder, prefix).then(|| folder.clone())
            }
        };
        self.folders.iter().filter_map(within).collect()
    }

    /// Returns whether all objects of a folder are in `data`.
    pub(super) fn take_whole(&self, prefix: &Prefix) -> bool {
        let is_in = |folder: &Prefix| is_within(prefix, folder);
        match self.takes {
            Takes::Cold => false,
            Takes::All => self.folders.iter().any(is_in),
            Takes::AllBut => !self
                .folders
                .iter()
                .any(|folder| is_in(folder) || is_within(folder, prefix)),
        }
    }
}

fn is_within(inner: &Prefix, outer: &Prefix) -> bool {
    inner.as_str().starts_with(outer.as_str())
}

impl fmt::Display for SplitRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.takes {
            Takes::All => "all of",
            Takes::Cold => "cold of",
            Takes::AllBut => "all but",
        })?;
        for (at, folder) in self.folders.iter().enumerate() {
            let before = if at == 0 { " " } else { ", " };
            let name = if folder.as_str().is_empty() {
                "everything"
            } else {
                folder.as_str()
            };
            write!(f, "{before}{name}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(text: &str) -> Prefix {
        Prefix::parse(text).expect("a folder")
    }

    fn within(rules: &SplitRules, prefix: &str) -> Vec<String> {
        let found = rules.within(&folder(prefix));
        found.iter().map(Prefix::to_string).collect()
    }

    #[test]
    fn all_but_some_is_the_opposite_of_all_of_them() {
        let rules = SplitRules::all_but(["journal/", "session/"].map(folder));
        let key = |text: &str| Key::parse(text).expect("a key");
        assert!(rules.concern(&key("config")) && rules.concern(&key("pack/a")));
        assert!(!rules.concern(&key("journal/1")) && !rules.concern(&key("session/a/b")));
        assert_eq!(within(&rules, ""), [""]);
        assert_eq!(within(&rules, "pack/"), ["pack/"]);
        assert_eq!(within(&rules, "journal/a/"), [""; 0]);
        assert!(rules.take_whole(&folder("pack/")));
        assert!(!rules.take_whole(&folder("")) && !rules.take_whole(&folder("journal/")));
        assert_eq!(rules.to_string(), "all but journal/, session/");
    }

    #[test]
    fn a_list_looks_only_where_something_can_be() {
        let folders = ["pack/ab/", "pack/", "parity/", "pack/cd/ef/"].map(folder);
        let rules = SplitRules::cold_of(folders);
        assert_eq!(within(&rules, ""), ["pack/", "parity/"]);
        assert_eq!(within(&rules, "pack/ab/"), ["pack/ab/"]);
        assert_eq!(within(&rules, "packs/"), [""; 0]);
        assert_eq!(rules.to_string(), "cold of pack/, parity/");
        assert!(!rules.take_whole(&folder("pack/")));
        let rules = SplitRules::all_of([folder("pack/")]);
        assert!(rules.take_whole(&folder("pack/ab/")) && !rules.take_whole(&folder("")));
    }
}
