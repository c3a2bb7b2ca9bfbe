//! Restoring only what some patterns name.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt as _;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::bail;
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use strongroom::blocking::Repository;
use strongroom::{Depth, Id, Include, NodeKind};

use crate::exit::Usage;

/// Patterns over relative paths. One without a slash matches a name at any depth; `*` and `?` do not match a slash.
#[derive(Debug, Clone)]
pub(crate) struct Globs {
    set: GlobSet,
}

impl Globs {
    /// Reads the patterns.
    ///
    /// # Errors
    ///
    /// [`Usage`] names the first that is none.
    fn new(patterns: &[String]) -> Result<Self, Usage> {
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
#[derive(Debug, Clone)]
pub struct Chosen {
    globs: Globs,
    matched: BTreeSet<Vec<u8>>,
    above: BTreeSet<Vec<u8>>,
}

impl Chosen {
    /// Chooses in what is below `root` in a snapshot, so that directories come only with something in them.
    ///
    /// # Errors
    ///
    /// [`Usage`] names a pattern that is none; otherwise what the repository said, or that nothing matches.
    pub fn in_snapshot(
        repository: &Repository,
        snapshot: &Id,
        root: &[u8],
        patterns: &[String],
    ) -> anyhow::Result<Self> {
        let chosen = Arc::new(Mutex::new(Self::new(Globs::new(patterns)?)));
        let (into, root_len) = (chosen.clone(), root.len());
        repository.list(snapshot, root, Depth::All, move |path, _| {
            let path = path.get(root_len..).unwrap_or_default();
            let path = path.strip_prefix(b"/").unwrap_or(path);
            into.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .look_at(path);
            ControlFlow::Continue(())
        })?;
        let chosen = chosen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if chosen.matched.is_empty() {
            bail!("nothing in the snapshot matches {}", patterns.join(" or "));
        }
        Ok(chosen)
    }

    fn new(globs: Globs) -> Self {
        Self {
            globs,
            matched: BTreeSet::new(),
            above: BTreeSet::new(),
        }
    }

    /// Looks at one path of the snapshot, relative to what becomes the target's root.
    fn look_at(&mut self, path: &[u8]) {
        if self.globs.matches(path) && !self.is_below_match(path) {
            for (at, _) in path.iter().enumerate().filter(|(_, byte)| **byte == b'/') {
                self.above
                    .insert(path.get(..at).unwrap_or_default().to_vec());
            }
            self.matched.insert(path.to_vec());
        }
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
