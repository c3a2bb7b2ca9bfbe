//! Adding parity and taking it away.

use std::collections::VecDeque;
use std::fmt;

use bytes::Bytes;
use strongroom_format::{ObjectHash, PackRef, object_name};

use super::plan::{ParityPlan, ToMake};
use super::puts::make;
use crate::context::{Context, absent_is_none, object_key};
use crate::edge::{Remote, Ticket, cancelled};
use crate::error::{Error, ErrorKind, Result};
use crate::observer::{Event, Observer, Phase, Progress};
use crate::pack_writer::present;

/// What was done about parity.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct ParityReport {
    /// Packs that got parity.
    pub added: u64,
    /// Its bytes.
    pub bytes: u64,
    /// Bytes of packs that were read for it.
    pub read_bytes: u64,
    /// Parity objects removed.
    pub removed: u64,
    /// Packs that are not what their names say. They got no parity, and what they had was left: it may heal them.
    pub damaged: Vec<ObjectHash>,
    /// Packs that had gone meanwhile.
    pub gone: u64,
    /// What the store refused; the next time it is tried again.
    pub problems: Vec<Error>,
}

impl ParityReport {
    /// Says whether every pack has now what was planned.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.damaged.is_empty() && self.problems.is_empty()
    }
}

impl fmt::Display for ParityReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} packs got parity, {} bytes; removed that of {}",
            self.added, self.bytes, self.removed
        )?;
        for name in &self.damaged {
            write!(f, "\ndamaged: {}", object_name::pack(name))?;
        }
        self.problems
            .iter()
            .try_for_each(|error| write!(f, "\nnot done: {error}"))
    }
}

/// Carries the plan out.
///
/// # Errors
///
/// What the store said when it was asked for a pack; `Cancelled`.
pub(super) fn apply(
    context: &Context,
    remote: &Remote,
    plan: &ParityPlan,
    observer: &dyn Observer,
) -> Result<ParityReport> {
    observer.on_event(&Event::Phase(Phase::Store));
    let mut work = Work {
        context,
        remote,
        plan,
        observer,
        puts: VecDeque::new(),
        report: ParityReport::default(),
    };
    work.make()?;
    work.remove()?;
    Ok(work.report)
}

struct Work<'a> {
    context: &'a Context,
    remote: &'a Remote,
    plan: &'a ParityPlan,
    observer: &'a dyn Observer,
    puts: VecDeque<(Ticket<()>, ObjectHash, u64)>,
    report: ParityReport,
}

impl Work<'_> {
    fn make(&mut self) -> Result<()> {
        let mut coming = self.plan.make.iter();
        let mut waiting: VecDeque<(&ToMake, Ticket<Bytes>)> = VecDeque::new();
        loop {
            while waiting.len() < READS
                && let Some(next) = coming.next()
            {
                let key = object_key(&object_name::pack(&next.pack.name))?;
                waiting.push_back((next, self.remote.get_later(&key, None)));
            }
            let Some((next, ticket)) = waiting.pop_front() else {
                break;
            };
            self.make_one(next, ticket)?;
        }
        while !self.puts.is_empty() {
            self.reap()?;
        }
        Ok(())
    }

    fn make_one(&mut self, next: &ToMake, ticket: Ticket<Bytes>) -> Result<()> {
        self.remote.before_batch()?;
        let PackRef { name, .. } = next.pack;
        let Some(pack) = absent_is_none(ticket.wait())? else {
            self.report.gone += 1;
            return Ok(());
        };
        self.report.read_bytes += pack.len() as u64;
        if ObjectHash::of(&pack) != name {
            self.report.damaged.push(name);
            return Ok(());
        }
        let Some(overhead) = self.plan.overhead else {
            return Ok(());
        };
        let random = self.context.components.random.as_ref();
        let parity = match make(random, overhead, &name, &pack) {
            Ok(parity) => parity,
            Err(error) => {
                self.refused(&name, error);
                return Ok(());
            }
        };
        // The pack is not held while its parity is on its way.
        drop(pack);
        let (key, len) = (
            object_key(&object_name::parity(&name))?,
            parity.len() as u64,
        );
        let ticket = match next.replaces {
            true => self.remote.replace_later(&key, parity),
            false => self.remote.put_later(&key, parity),
        };
        self.puts.push_back((ticket, name, len));
        while self.puts.len() > PUTS {
            self.reap()?;
        }
        Ok(())
    }

    fn reap(&mut self) -> Result<()> {
        let Some((ticket, name, len)) = self.puts.pop_front() else {
            return Ok(());
        };
        match present(ticket.wait()) {
            Ok(()) => {
                self.report.added += 1;
                self.report.bytes += len;
            }
            Err(error) if error.kind() == ErrorKind::Cancelled => return Err(cancelled()),
            Err(error) => self.refused(&name, error),
        }
        let progress = Progress {
            entries: self.report.added,
            entries_total: Some(self.plan.make.len() as u64),
            bytes: self.report.read_bytes,
            bytes_total: Some(self.plan.read_bytes()),
            transferred: self.report.bytes,
            ..Progress::default()
        };
        self.observer.on_event(&Event::Progress(&progress));
        Ok(())
    }

    fn remove(&mut self) -> Result<()> {
        for (name, _) in &self.plan.remove {
            match self.remote.delete(&object_key(&object_name::parity(name))?) {
                Ok(()) => self.report.removed += 1,
                Err(error) if error.kind() == ErrorKind::Cancelled => return Err(cancelled()),
                Err(error) => self.refused(name, error),
            }
        }
        Ok(())
    }

    fn refused(&mut self, pack: &ObjectHash, error: Error) {
        let error = error.object_named(object_name::parity(pack));
        self.report.problems.push(error);
    }
}

/// Packs on their way from the store at once: each is a pack in memory.
const READS: usize = 3;
/// Parity objects on their way to the store at once.
const PUTS: usize = 4;
