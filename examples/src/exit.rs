//! How the programs end: 0 complete, 3 partial, 4 damaged, 1 failed, 2 wrong usage.

use std::fmt;
use std::process::ExitCode;

use serde_json::json;
use strongroom::{ErrorKind, LocationError};

use crate::network::show_requests;
use crate::output::Output;

/// How a program that did not fail ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// Everything was done.
    Complete,
    /// Something was left out, and said.
    Partial,
    /// Something is damaged, and said.
    Damaged,
}

impl Status {
    /// Returns `Complete` if that is so.
    #[must_use]
    pub fn complete(is_complete: bool) -> Self {
        if is_complete {
            Self::Complete
        } else {
            Self::Partial
        }
    }
}

/// The user asked for something that makes no sense.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "one sentence")]
pub struct Usage(pub String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// Returns the word for what programs tell errors apart by.
fn kind_of(error: &anyhow::Error) -> Option<String> {
    use strongroom::verify;
    if let Some(error) = error.downcast_ref::<strongroom::Error>() {
        return Some(format!("{:?}", error.kind()));
    }
    if let Some(error) = error.downcast_ref::<verify::Error>() {
        return Some(format!("{:?}", error.kind()));
    }
    let location = error.downcast_ref::<LocationError>();
    let store = error.downcast_ref::<strongroom_store::Error>();
    match (location, store) {
        (Some(LocationError::Store(error)), _) | (None, Some(error)) => {
            Some(format!("{:?}", error.kind()))
        }
        (Some(LocationError::Unsupported { .. } | LocationError::NotBuiltIn { .. }), _) => {
            Some("Unsupported".to_owned())
        }
        (Some(_), _) => Some("Invalid".to_owned()),
        (None, None) => error.is::<Usage>().then(|| "Usage".to_owned()),
    }
}

/// Says what went wrong, if something did, and returns the program's exit status.
pub fn finish(output: &Output, result: anyhow::Result<Status>) -> ExitCode {
    show_requests(output);
    let result =
        result.and_then(|status| output.check().map(|()| status).map_err(anyhow::Error::from));
    let error = match result {
        Ok(Status::Complete) => return ExitCode::SUCCESS,
        Ok(Status::Partial) => return ExitCode::from(3),
        Ok(Status::Damaged) => return ExitCode::from(4),
        Err(error) => error,
    };
    let kind = error
        .downcast_ref::<strongroom::Error>()
        .map(strongroom::Error::kind);
    let error = match kind {
        Some(ErrorKind::WrongKey) => error.context("wrong passphrase or recovery code"),
        _ => error,
    };
    let kind = kind_of(&error);
    let _ =
        output.json(|| json!({ "type": "error", "kind": kind, "message": format!("{error:#}") }));
    output.complain(&format!("error: {error:#}"));
    ExitCode::from(if error.is::<Usage>() { 2 } else { 1 })
}
