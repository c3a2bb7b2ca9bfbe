//! What of a directory is left out, as options of a command line.

use std::fs;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use strongroom::{Excludes, FileTreeBuilder};

use crate::size::parse_size;

/// What is left out.
#[derive(Debug, Args)]
#[non_exhaustive]
pub struct LeaveOut {
    /// Leave out what this line, as in a .gitignore at the root of the snapshot, matches; can be given several times.
    #[arg(long, value_name = "PATTERN")]
    pub exclude: Vec<String>,
    /// File with such lines; can be given several times.
    #[arg(long, value_name = "FILE")]
    pub exclude_file: Vec<PathBuf>,
    /// Leave out what is in other file systems mounted below.
    #[arg(long)]
    pub one_file_system: bool,
    /// Leave out the content of directories that a CACHEDIR.TAG marks.
    #[arg(long)]
    pub exclude_caches: bool,
    /// Leave out files of more bytes than this, such as 500M.
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub exclude_larger_than: Option<u64>,
}

impl LeaveOut {
    /// Leaves it out of a tree.
    ///
    /// # Errors
    ///
    /// When a file with exclude rules cannot be read.
    pub fn of(&self, tree: FileTreeBuilder) -> anyhow::Result<FileTreeBuilder> {
        self.with(tree, Vec::new())
    }

    /// Leaves it out of a tree, and what these lines match; they come first.
    ///
    /// # Errors
    ///
    /// When a file with exclude rules cannot be read.
    pub fn with(
        &self,
        mut tree: FileTreeBuilder,
        lines: Vec<String>,
    ) -> anyhow::Result<FileTreeBuilder> {
        let lines = lines.into_iter().chain(self.rules()?);
        let mut excludes = lines.fold(Excludes::new(), Excludes::pattern);
        if self.exclude_caches {
            excludes = excludes.caches();
        }
        if let Some(bytes) = self.exclude_larger_than {
            excludes = excludes.larger_than(bytes);
        }
        if self.one_file_system {
            tree = tree.one_file_system();
        }
        Ok(tree.excludes(excludes))
    }

    /// Returns the lines.
    ///
    /// # Errors
    ///
    /// When a file with exclude rules cannot be read.
    pub fn rules(&self) -> anyhow::Result<Vec<String>> {
        let mut rules = self.exclude.clone();
        for path in &self.exclude_file {
            let text = fs::read_to_string(path)
                .with_context(|| format!("exclude file {}", path.display()))?;
            rules.extend(
                text.lines()
                    .filter(|line| !line.is_empty() && !line.starts_with('#'))
                    .map(str::to_owned),
            );
        }
        Ok(rules)
    }
}
