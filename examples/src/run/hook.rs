//! Commands that a policy has run before and after a backup.

use std::fmt;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use strongroom::evidence::ErrorClass;

/// A command line for the shell.
#[derive(Debug)]
pub(super) struct Hook {
    line: String,
    resource: String,
    limit: Duration,
}

/// Why it did not do what it should.
#[derive(Debug)]
pub(super) enum HookError {
    /// The system could not run it.
    System(String, io::Error),
    /// It ended with another status than 0.
    Status(String, ExitStatus),
    /// It took too long, and was killed with all that it had started.
    Timeout(String, Duration),
}

impl Hook {
    pub(super) fn new(line: &str, resource: &str, limit: Duration) -> Self {
        Self {
            line: line.to_owned(),
            resource: resource.to_owned(),
            limit,
        }
    }

    /// Runs it. It finds the resource in `STRONGROOM_RESOURCE`, and how the run ended in `STRONGROOM_OUTCOME`; what it writes is for people.
    pub(super) fn run(&self, outcome: &str) -> Result<(), HookError> {
        let system = |error| HookError::System(self.line.clone(), error);
        let mut child = Command::new("/bin/sh")
            .arg("-c")
            .arg(&self.line)
            .env("STRONGROOM_RESOURCE", &self.resource)
            .env("STRONGROOM_OUTCOME", outcome)
            .stdin(Stdio::null())
            .stdout(io::stderr())
            .process_group(0)
            .spawn()
            .map_err(system)?;
        let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let (ended, end) = mpsc::channel();
        let wait = move || {
            // Whoever has had enough does not listen any more.
            drop(ended.send(child.wait()));
        };
        std::thread::Builder::new()
            .name("hook".to_owned())
            .spawn(wait)
            .map_err(system)?;
        match end.recv_timeout(self.limit) {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(HookError::Status(self.line.clone(), status)),
            Ok(Err(error)) => Err(system(error)),
            Err(_) => {
                if let Some(group) = group {
                    // It may have ended this very moment.
                    let _ = kill_process_group(group, Signal::KILL);
                }
                drop(end.recv());
                Err(HookError::Timeout(self.line.clone(), self.limit))
            }
        }
    }
}

impl HookError {
    /// Returns the code that is recorded.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::System(..) => "hook-not-run",
            Self::Status(..) => "hook-failed",
            Self::Timeout(..) => "hook-timeout",
        }
    }

    /// Returns the class that is recorded.
    pub(super) fn class(&self) -> ErrorClass {
        match self {
            Self::System(..) => ErrorClass::Configuration,
            Self::Status(..) => ErrorClass::Software,
            Self::Timeout(..) => ErrorClass::Shortage,
        }
    }
}

impl fmt::Display for HookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System(line, error) => write!(f, "`{line}` cannot be run: {error}"),
            Self::Status(line, status) => write!(f, "`{line}` failed: {status}"),
            Self::Timeout(line, limit) => {
                write!(f, "`{line}` took longer than {} s", limit.as_secs())
            }
        }
    }
}

impl std::error::Error for HookError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn hook(line: &str, limit: Duration) -> Result<(), HookError> {
        Hook::new(line, "mail", limit).run("ok")
    }

    #[test]
    fn it_knows_what_it_is_about_and_is_killed_with_what_it_started() {
        let long = Duration::from_secs(60);
        hook(
            "test $STRONGROOM_RESOURCE-$STRONGROOM_OUTCOME = mail-ok",
            long,
        )
        .unwrap();
        assert_eq!(hook("exit 3", long).unwrap_err().code(), "hook-failed");
        let error = hook("sleep 600 & wait", Duration::from_millis(50)).unwrap_err();
        assert_eq!(
            (error.code(), error.class()),
            ("hook-timeout", ErrorClass::Shortage)
        );
    }
}
