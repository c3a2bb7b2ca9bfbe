//! Anything else: a program decides.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use super::{Outcome, Scene, Validator};
use crate::process::{Call, Mute};
use crate::stop::{Stop, Stopped};

/// Runs a program, without a shell, in the folder of the restored files if there is one. It passes when the program ends with 0, is
/// skipped when it ends with 77 (as test programs say that they could not test) or is not there, and fails otherwise, and when it takes
/// too long.
///
/// Its environment is empty but for `PATH`, `LC_ALL`, what the sandbox says of itself, and `DRILL_SNAPSHOT`, `DRILL_DIRECTORY`,
/// `DRILL_ADDRESS`.
#[derive(Debug, Clone)]
pub struct CommandValidator {
    name: String,
    program: PathBuf,
    arguments: Vec<OsString>,
    limit: Duration,
}

impl CommandValidator {
    /// Runs a program, by its path.
    #[must_use]
    pub fn new(name: impl Into<String>, program: impl Into<PathBuf>) -> Self {
        Self {
            name: name.into(),
            program: program.into(),
            arguments: Vec::new(),
            limit: LIMIT,
        }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Gives it this long. Default: ten minutes.
    #[must_use]
    pub fn with_limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    fn call(&self, scene: &Scene<'_>) -> Call {
        let connection = scene.connection;
        let mut call = Call::new(&self.program).args(self.arguments.iter().cloned());
        let facts = connection.facts.iter();
        let mut variables: Vec<(String, OsString)> = facts
            .map(|(name, value)| (name.clone(), value.clone().into()))
            .collect();
        let snapshot = scene.snapshot.id.to_string();
        variables.push(("DRILL_SNAPSHOT".to_owned(), snapshot.into()));
        if let Some(directory) = &connection.directory {
            variables.push(("DRILL_DIRECTORY".to_owned(), directory.clone().into()));
            call = call.directory(directory);
        }
        if let Some(address) = connection.address {
            variables.push(("DRILL_ADDRESS".to_owned(), address.to_string().into()));
        }
        call.variables.extend(variables);
        call
    }
}

impl Validator for CommandValidator {
    fn name(&self) -> &str {
        &self.name
    }

    fn validate(&self, scene: &Scene<'_>, stop: &Stop) -> Outcome {
        let said = match self.call(scene).run(&stop.within(self.limit)) {
            Ok(said) => said,
            Err(Mute::Failed(error)) => {
                let what = format!("{}: {error}", self.program.display());
                return Outcome::skipped("command-missing", what);
            }
            Err(Mute::Stopped(Stopped::TimedOut)) if stop.check().is_ok() => {
                let what = format!("it ran longer than {} s", self.limit.as_secs());
                return Outcome::failed("command-timed-out", what);
            }
            Err(Mute::Stopped(stopped)) => return stopped.into(),
        };
        let last = said.errors.lines().chain(said.output.lines()).last();
        let last: String = last.unwrap_or_default().chars().take(200).collect();
        match said.status.code() {
            Some(0) => Outcome::passed(last),
            Some(SKIPPED) => Outcome::skipped("command-skipped", last),
            _ => Outcome::failed("command-failed", format!("{}: {last}", said.status)),
        }
    }
}

/// As Automake's and others' test programs end when they could not test.
const SKIPPED: i32 = 77;
const LIMIT: Duration = Duration::from_secs(600);
