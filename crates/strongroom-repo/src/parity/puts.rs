//! Parity on its way to the store, beside the packs that it is of.

use std::collections::VecDeque;
use std::fmt;

use bytes::Bytes;
use strongroom_crypt::Random;
use strongroom_format::parity::{self, Overhead};
use strongroom_format::{ObjectHash, object_name};

use crate::context::{encode_error, object_key};
use crate::edge::{Remote, Ticket};
use crate::error::{Error, ErrorKind, Result};
use crate::pack_writer::present;

/// What an operation has written of parity, beside its packs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ParityCount {
    /// Packs that got parity.
    pub packs: u64,
    /// Its bytes.
    pub bytes: u64,
    /// Packs that were to get parity and did not. They are stored and durable, only without it;
    /// [`plan_parity`](crate::Repository::plan_parity) finds them.
    pub failed: u64,
    /// Why the first of them did not.
    pub first_failure: Option<String>,
}

impl ParityCount {
    /// Says whether every pack that was to get parity has got it.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.failed == 0
    }

    /// Adds what another part of the operation has written.
    pub(crate) fn add(&mut self, more: Self) {
        self.packs += more.packs;
        self.bytes += more.bytes;
        self.failed += more.failed;
        let first = self.first_failure.take().or(more.first_failure);
        self.first_failure = first;
    }

    pub(super) fn written(&mut self, bytes: u64) {
        self.packs += 1;
        self.bytes += bytes;
    }

    fn failed(&mut self, error: &Error) {
        self.failed += 1;
        self.first_failure.get_or_insert_with(|| error.to_string());
    }
}

impl fmt::Display for ParityCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "parity of {} packs, {} bytes", self.packs, self.bytes)?;
        if let Some(why) = &self.first_failure {
            write!(f, "; {} packs have none: {why}", self.failed)?;
        }
        Ok(())
    }
}

/// Puts parity and counts. Nothing waits for it but the end of the operation, and no failure of it is one of the operation: the packs
/// are what counts.
#[derive(Debug)]
pub(crate) struct ParityPuts<'a> {
    remote: &'a Remote,
    under_way: VecDeque<(Ticket<()>, u64)>,
    count: ParityCount,
}

impl<'a> ParityPuts<'a> {
    pub(crate) fn new(remote: &'a Remote) -> Self {
        Self {
            remote,
            under_way: VecDeque::new(),
            count: ParityCount::default(),
        }
    }

    /// Sends the parity of a pack on its way, if it was to have any. Waits only while too many puts are on theirs.
    pub(crate) fn begin(&mut self, pack: &ObjectHash, made: Option<Result<Bytes>>) {
        let Some(made) = made else { return };
        let key = object_key(&object_name::parity(pack));
        match made.and_then(|bytes| Ok((key?, bytes))) {
            Ok((key, bytes)) => {
                let len = bytes.len() as u64;
                self.under_way
                    .push_back((self.remote.put_later(&key, bytes), len));
            }
            Err(error) => self.count.failed(&error),
        }
        while self
            .under_way
            .front()
            .is_some_and(|(ticket, _)| ticket.is_ready())
        {
            self.reap();
        }
    }

    /// Waits until all of it is in the store or has failed, and returns the count since the last time.
    pub(crate) fn finish(&mut self) -> ParityCount {
        while !self.under_way.is_empty() {
            self.reap();
        }
        std::mem::take(&mut self.count)
    }

    fn reap(&mut self) {
        if let Some((ticket, len)) = self.under_way.pop_front() {
            // Somebody else may have given the pack its parity already.
            match present(ticket.wait()) {
                Ok(()) => self.count.written(len),
                Err(error) => self.count.failed(&error),
            }
        }
    }
}

/// Makes the parity of a pack.
///
/// # Errors
///
/// `Invalid` when it would be larger than an object may be; `Internal` without random bytes.
pub(crate) fn make(
    random: &dyn Random,
    overhead: Overhead,
    name: &ObjectHash,
    pack: &[u8],
) -> Result<Bytes> {
    let mut bytes = [0; 16];
    random.fill(&mut bytes).map_err(|error| {
        Error::new(ErrorKind::Internal, "the system gave no random bytes").caused_by(error)
    })?;
    let made = parity::encode(name, pack, overhead, bytes);
    Ok(made.map_err(encode_error)?.into())
}
