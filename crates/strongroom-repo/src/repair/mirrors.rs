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
        for number in 0..self.remotes.len() {
            if let Some(bytes) = self.get(number, name)?.filter(&is_right) {
                return Ok(Some((number, bytes)));
            }
        }
        Ok(None)
    }

    /// Returns the copy that most have of those that are right as far as can be seen, the first among equals, and whose it is. For what no
    /// hash is known of.
    ///
    /// # Errors
    ///
    /// `Cancelled`.
    pub(super) fn find_agreed(
        &self,
        name: &ObjectName,
        is_right: impl Fn(&Bytes) -> bool,
    ) -> Result<Option<(usize, Bytes)>> {
        let mut copies: Vec<(usize, usize, Bytes)> = Vec::new();
        for number in 0..self.remotes.len() {
            let Some(bytes) = self.get(number, name)?.filter(&is_right) else {
                continue;
            };
            match copies.iter_mut().find(|(_, _, known)| *known == bytes) {
                Some((count, ..)) => *count += 1,
                None => copies.push((1, number, bytes)),
            }
        }
        let best = copies.into_iter().rev().max_by_key(|(count, ..)| *count);
        Ok(best.map(|(_, number, bytes)| (number, bytes)))
    }

    fn get(&self, number: usize, name: &ObjectName) -> Result<Option<Bytes>> {
        let Some(remote) = self.remotes.get(number) else {
            return Ok(None);
        };
        match get_if_there(remote, &name.to_string()) {
            Err(error) if error.kind() != ErrorKind::Cancelled => {
                self.note(number, error);
                Ok(None)
            }
            got => got,
        }
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
