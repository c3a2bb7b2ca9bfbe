//! What is left out of a backup.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use globset::{Candidate, GlobBuilder, GlobSet, GlobSetBuilder};
use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

/// Exclude rules. They look at names, kinds and sizes; none of them opens a file.
///
/// Paths are relative to the root of the source, without a leading slash. A directory that is left out is
/// not looked into, so nothing below it can be brought back by a later pattern.
#[derive(Debug, Clone, Default)]
pub struct Excludes {
    patterns: Vec<String>,
    globs: Vec<String>,
    larger_than: Option<u64>,
    caches: bool,
    markers: Vec<Vec<u8>>,
}

impl Excludes {
    /// Leaves nothing out.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a line as in a `.gitignore` file at the root of the source: `*.tmp`, `/var/cache/`, `!keep.tmp`.
    /// The last line that matches decides. Empty lines and comments are allowed.
    #[must_use]
    pub fn pattern(mut self, line: impl Into<String>) -> Self {
        self.patterns.push(line.into());
        self
    }

    /// Adds a glob over whole relative paths: `home/*/.cache`, `**/*.iso`. `*` and `?` do not match `/`.
    #[must_use]
    pub fn glob(mut self, glob: impl Into<String>) -> Self {
        self.globs.push(glob.into());
        self
    }

    /// Leaves out regular files of more than that many bytes.
    #[must_use]
    pub fn larger_than(mut self, bytes: u64) -> Self {
        self.larger_than = Some(bytes);
        self
    }

    /// Leaves out the content of directories that a `CACHEDIR.TAG` with a valid signature declares to be
    /// caches. The directory and its tag stay (<https://bford.info/cachedir/>).
    #[must_use]
    pub fn caches(mut self) -> Self {
        self.caches = true;
        self
    }

    /// Leaves out the content of directories in which there is an entry of that name, such as `.nobackup`.
    /// The directory and the marker stay.
    #[must_use]
    pub fn if_present(mut self, name: impl Into<Vec<u8>>) -> Self {
        self.markers.push(name.into());
        self
    }
}

/// An exclude rule that cannot work.
#[derive(Debug, Clone, thiserror::Error)]
#[error("exclude rule {rule:?}: {message}")]
pub struct RuleError {
    rule: String,
    message: String,
}

impl RuleError {
    /// Returns the rule, as its author wrote it.
    #[must_use]
    pub fn rule(&self) -> &str {
        &self.rule
    }

    fn new(rule: &str, message: impl ToString) -> Self {
        Self {
            rule: rule.to_owned(),
            message: message.to_string(),
        }
    }
}

/// Why a directory's content is left out.
pub(crate) const CACHEDIR_TAG: &[u8] = b"CACHEDIR.TAG";

/// The first bytes of a valid tag.
pub(crate) const CACHEDIR_SIGNATURE: &[u8] = b"Signature: 8a477f597d28d172789f06886806bc55";

/// Rules, ready to be asked.
#[derive(Debug)]
pub(crate) struct Rules {
    ignore: Gitignore,
    globs: GlobSet,
    glob_texts: Vec<Arc<str>>,
    larger_than: Option<(u64, Arc<str>)>,
    pub(crate) caches: Option<Arc<str>>,
    /// Names, with the rule's text.
    pub(crate) markers: Vec<(Vec<u8>, Arc<str>)>,
}

impl Rules {
    pub(crate) fn build(excludes: &Excludes) -> Result<Self, RuleError> {
        let mut globs = GlobSetBuilder::new();
        for glob in &excludes.globs {
            let built = GlobBuilder::new(glob.trim_start_matches('/'))
                .literal_separator(true)
                .build();
            globs.add(built.map_err(|error| RuleError::new(glob, error.kind()))?);
        }
        for marker in &excludes.markers {
            if !crate::dirs::is_legal_name(marker) {
                let text = String::from_utf8_lossy(marker);
                return Err(RuleError::new(
                    &text,
                    "a marker is one name, without a slash",
                ));
            }
        }
        let marker = |name: &Vec<u8>| {
            (
                name.clone(),
                format!("if present: {}", String::from_utf8_lossy(name)).into(),
            )
        };
        Ok(Self {
            ignore: ignore_rules(&excludes.patterns)?,
            globs: globs
                .build()
                .map_err(|error| RuleError::new("globs", error))?,
            glob_texts: excludes
                .globs
                .iter()
                .map(|glob| Arc::from(glob.as_str()))
                .collect(),
            larger_than: excludes
                .larger_than
                .map(|most| (most, format!("larger than {most}").into())),
            caches: excludes.caches.then(|| Arc::from("CACHEDIR.TAG")),
            markers: excludes.markers.iter().map(marker).collect(),
        })
    }

    /// Says whether a path has to be put together to ask.
    pub(crate) fn look_at_paths(&self) -> bool {
        !self.ignore.is_empty() || !self.globs.is_empty()
    }

    /// Returns the rule that leaves the entry out.
    pub(crate) fn by_path(&self, path: &[u8], is_directory: bool) -> Option<Arc<str>> {
        let path = Path::new(OsStr::from_bytes(path));
        if !self.globs.is_empty()
            && let Some(&first) = self.globs.matches_candidate(&Candidate::new(path)).first()
        {
            return self.glob_texts.get(first).cloned();
        }
        match self.ignore.matched(path, is_directory) {
            Match::Ignore(glob) => Some(Arc::from(glob.original())),
            Match::None | Match::Whitelist(_) => None,
        }
    }

    /// Returns the rule that leaves a regular file out for its size.
    pub(crate) fn by_size(&self, size: u64) -> Option<Arc<str>> {
        self.larger_than
            .as_ref()
            .filter(|(most, _)| size > *most)
            .map(|(_, text)| Arc::clone(text))
    }
}

fn ignore_rules(patterns: &[String]) -> Result<Gitignore, RuleError> {
    let mut builder = GitignoreBuilder::new("");
    builder.allow_unclosed_class(false);
    for line in patterns {
        if line.contains(['\n', '\0']) {
            return Err(RuleError::new(line, "a pattern is one line"));
        }
        builder
            .add_line(None, line)
            .map_err(|error| RuleError::new(line, error))?;
    }
    builder
        .build()
        .map_err(|error| RuleError::new("patterns", error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rules: &Rules, path: &str, is_directory: bool, rule: Option<&str>) {
        assert_eq!(
            rules.by_path(path.as_bytes(), is_directory).as_deref(),
            rule,
            "{path}"
        );
    }

    #[test]
    fn patterns_and_globs_name_the_rule_that_decided() {
        let excludes = Excludes::new()
            .pattern("# comment")
            .pattern("")
            .pattern("*.tmp")
            .pattern("!keep.tmp")
            .pattern("/var/cache/")
            .glob("home/*/x")
            .glob("**/*.iso");
        let rules = Rules::build(&excludes).unwrap();
        check(&rules, "a.tmp", false, Some("*.tmp"));
        check(&rules, "deep/er/a.tmp", false, Some("*.tmp"));
        check(&rules, "deep/keep.tmp", false, None);
        check(&rules, "var/cache", true, Some("/var/cache/"));
        check(&rules, "var/cache", false, None);
        check(&rules, "x/var/cache", true, None);
        check(&rules, "home/ann/x", false, Some("home/*/x"));
        check(&rules, "home/ann/b/x", false, None);
        check(&rules, "a.iso", false, Some("**/*.iso"));
        assert!(rules.by_path(b"\xff\xfe.tmp", false).is_some(), "any bytes");
    }

    #[test]
    fn rules_that_cannot_work_are_refused_by_name() {
        for (bad, rule) in [
            (Excludes::new().pattern("a[b"), "a[b"),
            (Excludes::new().pattern("a\nb"), "a\nb"),
            (Excludes::new().glob("{a"), "{a"),
            (Excludes::new().if_present("a/b"), "a/b"),
            (Excludes::new().if_present(""), ""),
        ] {
            assert_eq!(Rules::build(&bad).unwrap_err().rule(), rule);
        }
    }
}
