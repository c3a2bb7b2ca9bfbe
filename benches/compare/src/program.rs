//! The programs that are compared: one entry each in a table.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde_json::{Map, Value};

use crate::job::Job;

/// The table that comes with this program.
const TABLE: &str = include_str!("../programs.json");

/// The secret of all repositories that are made here.
const PASSWORD: &str = "correct horse battery staple";

/// A program and how it is asked.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) name: String,
    table: Map<String, Value>,
}

/// What the braces in commands stand for.
#[derive(Debug)]
pub(crate) struct Places {
    pub(crate) repo: PathBuf,
    pub(crate) src: PathBuf,
    pub(crate) out: PathBuf,
    pub(crate) home: PathBuf,
}

impl Program {
    /// Returns all programs of the table, and those of further files of the same form.
    pub(crate) fn all(extra: &[PathBuf]) -> anyhow::Result<Vec<Self>> {
        let mut texts = vec![TABLE.to_owned()];
        for path in extra {
            let text = std::fs::read_to_string(path);
            texts.push(text.with_context(|| path.display().to_string())?);
        }
        let mut all: Vec<Self> = Vec::new();
        for text in &texts {
            let Value::Object(programs) = serde_json::from_str(text)? else {
                bail!("a table of programs is an object");
            };
            for (name, table) in programs {
                let Value::Object(table) = table else {
                    bail!("{name}: a program is an object");
                };
                all.retain(|program| program.name != name);
                all.push(Self { name, table });
            }
        }
        Ok(all)
    }

    /// Returns one that only has some commands.
    pub(crate) fn of_commands(name: &str, commands: &[(&str, &str)]) -> Self {
        let entry = |(key, command): &(&str, &str)| ((*key).to_owned(), (*command).into());
        Self {
            name: name.to_owned(),
            table: commands.iter().map(entry).collect(),
        }
    }

    /// Says whether it is installed.
    pub(crate) fn is_in(&self, path: &[PathBuf]) -> bool {
        let program = self.text("program");
        path.iter().any(|folder| folder.join(program).is_file())
    }

    /// Returns the command that prints its version.
    pub(crate) fn version_command(&self) -> &str {
        self.text("version")
    }

    /// Returns the command line of a job, if it can do it.
    pub(crate) fn command(&self, job: Job, places: &Places) -> Option<String> {
        let command = self.table.get(job.command())?.as_str()?;
        Some(places.fill(command, job.tag()))
    }

    /// Returns the environment that it wants.
    pub(crate) fn environment(&self, places: &Places) -> Vec<(String, String)> {
        let variables = self.table.get("env").and_then(Value::as_object);
        let filled = |(name, value): (&String, &Value)| {
            let value = places.fill(value.as_str().unwrap_or_default(), "");
            (name.clone(), value)
        };
        variables.into_iter().flatten().map(filled).collect()
    }

    /// Returns what it does for its time.
    pub(crate) fn does(&self, what: &str) -> &str {
        let does = self.table.get("does").and_then(|does| does.get(what));
        does.and_then(Value::as_str).unwrap_or_default()
    }

    /// Returns what must be known to read its figures.
    pub(crate) fn notes(&self) -> &str {
        self.text("notes")
    }

    fn text(&self, key: &str) -> &str {
        self.table
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }
}

impl Places {
    /// Returns those of a program below a folder of its own.
    pub(crate) fn below(folder: &Path, src: &Path) -> Self {
        Self {
            repo: folder.join("repo"),
            src: src.to_owned(),
            out: folder.join("out"),
            home: folder.join("home"),
        }
    }

    fn fill(&self, command: &str, tag: &str) -> String {
        let path = |path: &Path| path.display().to_string();
        command
            .replace("{repo}", &path(&self.repo))
            .replace("{src}", &path(&self.src))
            .replace("{out}", &path(&self.out))
            .replace("{home}", &path(&self.home))
            .replace("{tag}", tag)
            .replace("{password}", PASSWORD)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_program_of_the_table_can_do_every_job() {
        let places = Places::below(Path::new("/w"), Path::new("/live"));
        let all = Program::all(&[]).unwrap();
        assert!(all.iter().any(|program| program.name == "strongroom"));
        for program in all {
            for job in Job::ALL {
                let command = program.command(job, &places).unwrap();
                for brace in ["{repo}", "{src}", "{out}", "{home}", "{tag}", "{password}"] {
                    assert!(!command.contains(brace), "{command}");
                }
            }
            for what in ["encryption", "opening", "ids", "compression"] {
                assert!(!program.does(what).is_empty(), "{} {what}", program.name);
            }
        }
    }

    #[test]
    fn a_later_table_replaces_a_program() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), r#"{"borg": {"program": "mine"}, "new": {}}"#).unwrap();
        let all = Program::all(&[file.path().to_owned()]).unwrap();
        let borg: Vec<_> = all
            .iter()
            .filter(|program| program.name == "borg")
            .collect();
        assert_eq!(borg.len(), 1);
        assert_eq!(borg[0].text("program"), "mine");
        assert!(all.iter().any(|program| program.name == "new"));
    }
}
