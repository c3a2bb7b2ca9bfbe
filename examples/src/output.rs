//! What is written to standard output: text for people, or one JSON object per line.

use std::io::{self, Write as _};
use std::ops::ControlFlow;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;

/// Standard output and standard error. Nobody reading on is no error: what is to be written then is dropped.
#[derive(Debug)]
pub struct Output {
    is_json: bool,
    failed: Mutex<Option<io::ErrorKind>>,
}

impl Output {
    /// Makes the output of a program that was asked for JSON, or not.
    #[must_use]
    pub fn new(is_json: bool) -> Self {
        Self {
            is_json,
            failed: Mutex::new(None),
        }
    }

    /// Says whether it is for machines.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.is_json
    }

    /// Writes a line for people. `Break` when nobody is reading any more.
    pub fn line(&self, text: &str) -> ControlFlow<()> {
        if self.is_json {
            self.state()
        } else {
            self.write(text)
        }
    }

    /// Writes a line for machines. `Break` when nobody is reading any more.
    pub fn json(&self, value: impl FnOnce() -> Value) -> ControlFlow<()> {
        if self.is_json {
            self.write(&value().to_string())
        } else {
            self.state()
        }
    }

    /// Writes a line to standard error, for people.
    pub fn complain(&self, text: &str) {
        if !self.is_json {
            // There is nowhere left to say that this failed.
            drop(writeln!(io::stderr(), "{text}"));
        }
    }

    /// Returns the error that ended the output, if it was another than nobody reading.
    ///
    /// # Errors
    ///
    /// That one.
    pub fn check(&self) -> io::Result<()> {
        match *self.failed() {
            None | Some(io::ErrorKind::BrokenPipe) => Ok(()),
            Some(kind) => Err(io::Error::new(kind, format!("standard output: {kind}"))),
        }
    }

    fn write(&self, text: &str) -> ControlFlow<()> {
        let mut failed = self.failed();
        if failed.is_none() {
            let written = writeln!(io::stdout(), "{text}");
            *failed = written.err().map(|error| error.kind());
        }
        if failed.is_some() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }

    fn state(&self) -> ControlFlow<()> {
        if self.failed().is_some() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }

    fn failed(&self) -> MutexGuard<'_, Option<io::ErrorKind>> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
