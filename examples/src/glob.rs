//! Restoring only what some patterns name.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use strongroom::{Include, NodeKind};

use crate::exit::Usage;

/// Patterns over relative paths. One without a slash matches a name at any depth; `*` and `?` do not match a slash.
#[derive(Debug, Clone)]
pub struct Globs {
    set: GlobSet,
}

impl Globs {
    /// Reads the patterns.
    ///
    /// # Errors
    ///
    /// [`Usage`] names the first that is none.
    pub fn new(patterns: &[String]) -> Result<Self, Usage> {
        let mut set = GlobSetBuilder::new();
        for pattern in patterns {
            let rooted = pattern.trim_start_matches('/');
            let anywhere = if pattern.contains('/') {
                rooted.to_owned()
            } else {
                format!("**/{rooted}")
            };
            let glob = GlobBuilder::new(&anywhere).literal_separator(true).build();
            set.add(glob.map_err(|error| Usage(format!("pattern {pattern}: {}", error.kind())))?);
        }
        let set = set
            .build()
            .map_err(|error| Usage(format!("patterns: {error}")))?;
        Ok(Self { set })
    }

    fn matches(&self, path: &[u8]) -> bool {
        self.set.is_match(OsStr::from_bytes(path))
    }
}

/// The entries of one snapshot that patterns choose: what matches, everything below it, and the directories above it.
#[derive(Debug)]
pub struct Chosen {
    globs: Globs,
    matched: BTreeSet<Vec<u8>>,
    above: BTreeSet<Vec<u8>>,
}

impl Chosen {
    /// Chooses nothing yet.
    #[must_use]
    pub fn new(globs: Globs) -> Self {
        Self {
            globs,
            matched: BTreeSet::new(),
            above: BTreeSet::new(),
        }
    }

    /// Looks at one path of the snapshot, relative to what becomes the target's root.
    pub fn look_at(&mut self, path: &[u8]) {
        if self.globs.matches(path) && !self.is_below_match(path) {
            for (at, _) in path.iter().enumerate().filter(|(_, byte)| **byte == b'/') {
                self.above
                    .insert(path.get(..at).unwrap_or_default().to_vec());
            }
            self.matched.insert(path.to_vec());
        }
    }

    /// Says whether nothing matched.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.matched.is_empty()
    }

    fn is_below_match(&self, path: &[u8]) -> bool {
        let slashes = path.iter().enumerate().filter(|(_, byte)| **byte == b'/');
        slashes.into_iter().any(|(at, _)| {
            path.get(..at)
                .is_some_and(|above| self.matched.contains(above))
        })
    }
}

impl Include for Chosen {
    fn includes(&self, path: &[u8], kind: Option<NodeKind>) -> bool {
        let is_chosen = path.is_empty()
            || self.matched.contains(path)
            || self.above.contains(path)
            || self.is_below_match(path);
        // What is only in the target is removed if it would have been chosen.
        is_chosen || (kind.is_none() && self.globs.matches(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_bring_what_is_above_and_below_them() {
        let globs = Globs::new(&["*.txt".to_owned(), "etc/*/conf".to_owned()]).unwrap();
        let mut chosen = Chosen::new(globs);
        assert!(chosen.is_empty());
        for path in [
            "a",
            "a/b.txt",
            "a/c",
            "etc",
            "etc/x",
            "etc/x/conf",
            "etc/x/conf/deep",
            "etc/conf",
            "z",
        ] {
            chosen.look_at(path.as_bytes());
        }
        let file = Some(NodeKind::File);
        for path in [
            "",
            "a",
            "a/b.txt",
            "etc",
            "etc/x",
            "etc/x/conf",
            "etc/x/conf/deep",
        ] {
            assert!(chosen.includes(path.as_bytes(), file), "{path}");
        }
        for path in ["a/c", "etc/conf", "z", "a/new.txt"] {
            assert!(!chosen.includes(path.as_bytes(), file), "{path}");
        }
        assert!(chosen.includes(b"a/old.txt", None), "would be removed");
        assert!(!chosen.includes(b"a/old", None));
        assert!(Globs::new(&["{a".to_owned()]).is_err());
    }
}
