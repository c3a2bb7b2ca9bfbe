//! What the machine can do, measured between the programs.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::bail;
use serde_json::json;

use crate::job::Job;
use crate::live::parallel_copy;
use crate::measure::Line;
use crate::program::{Places, Program};
use crate::record::joined;
use crate::say;
use crate::session::Session;

impl Session<'_> {
    /// Measures what the stages take without an engine.
    pub(super) fn limits(&mut self, corpus: &str, round: usize, live: &Path) -> anyhow::Result<()> {
        let program = std::env::current_exe()?.with_file_name("limits");
        if !program.exists() {
            bail!("{}: build it, or say --no-limits", program.display());
        }
        self.prepare(&[live])?;
        let mut command = Command::new(&program);
        command
            .arg("corpus")
            .arg(live)
            .args(["--name", corpus, "--work"])
            .arg(&self.work);
        let output = command.stderr(Stdio::inherit()).output()?;
        if !output.status.success() {
            bail!("{}: {}", program.display(), output.status);
        }
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            let record = joined(serde_json::from_str(line)?, json!({ "round": round }));
            self.records.write(&record)?;
        }
        Ok(())
    }

    /// Copies the folder with one `cp -a` a core: the limit of a restore.
    pub(super) fn copy(
        &mut self,
        corpus: &str,
        round: usize,
        folder: &Path,
        live: &Path,
    ) -> anyhow::Result<()> {
        let folder = folder.join("copy");
        fs::create_dir_all(&folder)?;
        let command = parallel_copy(live, self.cores, &folder)?;
        let program = Program::of_commands("copy", &[("restore", &command)]);
        let places = Places::below(&folder, live);
        self.trash.make_room()?;
        fs::create_dir_all(&places.out)?;
        self.prepare(&[live])?;
        let line = Line {
            command: &program.command(Job::Restore, &places).unwrap_or_default(),
            environment: &[],
            folder: &folder,
            log: &folder.join("log"),
            timeout: Duration::from_secs(self.arguments.timeout),
        };
        let took = line.run()?;
        if !took.is_ok() {
            bail!("the tree could not be copied: {}", took.complaint);
        }
        let record = json!({
            "kind": "limit", "corpus": corpus, "job": "restore", "stage": "all", "threads": self.cores, "round": round,
            "least": took.wall,
        });
        self.records.write(&joined(record, took.record()))?;
        say(&format!(
            "{corpus:6} copy       #{round} restore   {:8.2} s  {:8.2} CPU s, one cp -a a core",
            took.wall,
            took.cpu()
        ))?;
        self.trash.take(&folder)
    }
}
