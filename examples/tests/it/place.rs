//! A folder with a source and a repository, for the tests of one program.

use std::path::{Path, PathBuf};

use crate::generate::tree;
use crate::program::{BACKUP, Program, RESTORE, SNAPSHOTS, init};

/// A folder with a small source and a new repository.
#[derive(Debug)]
pub(crate) struct Place(tempfile::TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        tree(&place.at("source"), 3, 40, 1);
        init(&place.at("repository"));
        place
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn run(&self, program: &str) -> Program {
        Program::new(program, &self.at("repository"))
    }

    pub(crate) fn restored(&self) -> PathBuf {
        let target = self.at("restored");
        self.run(RESTORE)
            .arg("latest")
            .arg("--target")
            .arg(&target)
            .expect(0);
        target
    }

    pub(crate) fn count_snapshots(&self) -> usize {
        self.run(SNAPSHOTS)
            .arg("--json")
            .expect(0)
            .of_type("snapshot")
            .len()
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Backs the source up and returns the snapshot's id.
    pub(crate) fn back_up(&self) -> String {
        let done = self
            .run(BACKUP)
            .arg("--json")
            .arg(self.at("source"))
            .expect(0);
        done.result()["snapshot"].as_str().unwrap().to_owned()
    }

    /// Adds a file to the source, so that the next snapshot is another one.
    pub(crate) fn change(&self, name: &str) {
        std::fs::write(self.at("source").join(name), name).unwrap();
    }
}
