//! Stores with byte-for-byte copies of the repository.

use std::sync::Mutex;

use bytes::Bytes;
use strongroom_format::object_name::ObjectName;

use crate::context::get_if_there;
use crate::edge::Remote;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::lock;

/// Stores with byte-for-byte copies of the repository. One that cannot be read is one that has nothing, and the plan says so.
#[derive(Debug)]
pub(super) struct Mirrors<'a> {
    remotes: &'a [Remote],
    problems: Mutex<Vec<Option<Error>>>,
}

impl<'a> Mirrors<'a> {
    pub(super) fn new(remotes: &'a [Remote]) -> Self {
        let problems = remotes.iter().map(|_| None).collect();
        Self {
            remotes,
            problems: Mutex::new(problems),
        }
    }

    /// Returns the first copy that is right, and whose it is.
    ///
    /// # Errors
    ///
    /// `Cancelled`.
    pub(super) fn find(
        &self,
        name: &ObjectName,
        is_right: impl Fn(&Bytes) -> bool,
    ) -> Result<Option<(usize, Bytes)>> {
        for (number, remote) in self.remotes.iter().enumerate() {
            match get_if_there(remote, &name.to_string()) {
                Ok(Some(bytes)) if is_right(&bytes) => return Ok(Some((number, bytes))),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::Cancelled => return Err(error),
                Err(error) => self.note(number, error),
            }
        }
        Ok(None)
    }

    /// Returns what each store said first that could not be read.
    pub(super) fn problems(&self) -> Vec<(usize, String)> {
        let problems = lock(&self.problems);
        let said = |(number, error): (usize, &Option<Error>)| {
            let error = error.as_ref()?;
            Some((number, error.to_string()))
        };
        problems.iter().enumerate().filter_map(said).collect()
    }

    fn note(&self, number: usize, error: Error) {
        if let Some(first) = lock(&self.problems).get_mut(number) {
            first.get_or_insert(error);
        }
    }
}
