//! Extends locks, and says in the journal that it was done.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use strongroom_crypt::Roles;
use strongroom_format::limits::{BUNDLE_ENTRIES, MAX_LOCK_EXCEPTIONS};
use strongroom_format::object_name::{self, ObjectName};
use strongroom_format::{Body, LockRecord, Time, Unknown};

use super::{LockPlan, for_journal};
use crate::context::{encode_error, object_key};
use crate::edge::{self, Remote, Ticket, cancelled};
use crate::error::{Error, ErrorKind, Result};
use crate::observer::{Event, Observer, Phase, Progress};
use crate::repository::Repository;

/// What was locked longer.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct LockReport {
    /// Objects whose locks were extended.
    pub extended: u64,
    /// Objects that are not in force any more and are gone.
    pub gone: u64,
    /// What could not be locked, and why. The next plan has it again.
    pub problems: Vec<Error>,
    /// The journal entry that says so; none if nothing was extended, or too much was not.
    pub entry: Option<u64>,
}

impl Repository {
    /// Extends locks as planned, and leaves evidence of it in the journal, from which later plans know. An object that is locked as long already keeps
    /// its lock: nothing is ever shortened.
    ///
    /// # Errors
    ///
    /// `Invalid` when the plan is of another repository, or the store cannot lock objects. `Stale` when the journal is shorter than when the plan was made, or
    /// when another generation has begun since. What the store refuses to lock is in the report;
    /// otherwise what the store said.
    ///
    /// # Cancellation
    ///
    /// Dropping the future ends it between two requests; what was extended stays so, and the next plan has all of it again.
    pub async fn extend_locks(
        &self,
        plan: LockPlan,
        observer: Arc<dyn Observer>,
    ) -> Result<LockReport> {
        if plan.repository != self.id() {
            let what = "the plan is of another repository";
            return Err(Error::new(ErrorKind::Invalid, what));
        }
        let this = self.clone();
        edge::run(self.store(), "strongroom-extend-locks", move |remote| {
            let mut report = LockReport::default();
            if plan.is_empty() {
                return Ok(report);
            }
            let state = this.journal().refresh(remote, this.context())?;
            let stale = |what| Err(Error::new(ErrorKind::Stale, what));
            if state.head < plan.entries {
                return stale("the journal is shorter than when the plan was made");
            }
            if is_outdated(&plan, remote)? {
                return stale("another generation has begun since the plan was made");
            }
            let began = this.context().components.clock.now();
            let mut extending = Extending {
                repository: &this,
                remote,
                observer: observer.as_ref(),
                plan: &plan,
                report: &mut report,
                except: BTreeSet::new(),
                locks_entries: this.lock_policy()?.locks_entries(),
            };
            extending.all()?;
            let except = extending.except;
            report.entry = record(&this, remote, &plan, began, except, &mut report.problems)?;
            this.journal().keep(this.context());
            Ok(report)
        })
        .await
    }
}

/// Says whether everything would be locked longer if the plan were made now.
fn is_outdated(plan: &LockPlan, remote: &Remote) -> Result<bool> {
    let target = remote.lock_target()?;
    Ok(target.is_some_and(|target| target.until > plan.to.until))
}

/// A plan that is being carried out.
struct Extending<'a> {
    repository: &'a Repository,
    remote: &'a Remote,
    observer: &'a dyn Observer,
    plan: &'a LockPlan,
    report: &'a mut LockReport,
    except: BTreeSet<String>,
    locks_entries: bool,
}

impl Extending<'_> {
    fn all(&mut self) -> Result<()> {
        self.observer.on_event(&Event::Phase(Phase::Store));
        let planned = self.plan.objects.iter();
        let mut coming: VecDeque<String> = planned.map(|one| one.object.clone()).collect();
        let mut total = coming.len() as u64;
        let mut waiting: VecDeque<(String, Ticket<()>)> = VecDeque::new();
        let mut done = 0;
        loop {
            while waiting.len() < AT_ONCE {
                let Some(object) = coming.pop_front() else {
                    break;
                };
                let ticket = self
                    .remote
                    .extend_later(&object_key(&object)?, self.plan.to);
                waiting.push_back((object, ticket));
            }
            let Some((object, ticket)) = waiting.pop_front() else {
                return Ok(());
            };
            match ticket.wait() {
                Ok(()) => self.report.extended += 1,
                Err(error) if error.kind() == ErrorKind::Cancelled => return Err(cancelled()),
                Err(error) => {
                    let instead = self.settle(object, error)?;
                    total += instead.len() as u64;
                    coming.extend(instead);
                }
            }
            done += 1;
            let progress = Progress {
                entries: done,
                entries_total: Some(total),
                ..Progress::default()
            };
            self.observer.on_event(&Event::Progress(&progress));
        }
    }

    /// Takes note of an object that was not locked. Returns what is to be locked in its place.
    fn settle(&mut self, object: String, error: Error) -> Result<Vec<String>> {
        let name = object_name::parse(&object);
        if error.kind() == ErrorKind::NotFound {
            // A bundle is a copy that nobody must have written.
            if let (Some(ObjectName::Bundle(n)), true) = (name, self.locks_entries) {
                let block = n.saturating_sub(BUNDLE_ENTRIES)..n;
                self.report.gone += 1;
                return Ok(block.map(object_name::journal).collect());
            }
            let journal = self.repository.journal();
            let state = journal.refresh(self.remote, self.repository.context())?;
            let is_dropped = match name {
                Some(ObjectName::Pack(name) | ObjectName::Index(name)) => {
                    state.dropped.contains_key(&name)
                }
                _ => false,
            };
            if is_dropped {
                self.report.gone += 1;
                return Ok(Vec::new());
            }
        }
        self.report
            .problems
            .push(error.object_named(object.as_str()));
        self.except.insert(object);
        Ok(Vec::new())
    }
}

/// Says in the journal how everything is locked now.
fn record(
    repository: &Repository,
    remote: &Remote,
    plan: &LockPlan,
    time: Time,
    except: BTreeSet<String>,
    problems: &mut Vec<Error>,
) -> Result<Option<u64>> {
    if except.len() > MAX_LOCK_EXCEPTIONS {
        let what = "too many objects could not be locked to name them in the journal: the next plan has all of them again";
        problems.push(Error::new(ErrorKind::Unavailable, what));
        return Ok(None);
    }
    let record = LockRecord {
        entries: plan.entries,
        time,
        locked: for_journal(plan.to),
        except: except.into_iter().collect(),
        unknown: Unknown::default(),
    };
    let evidence = record.to_evidence().map_err(encode_error)?;
    let context = repository.context();
    let roles = Roles::WRITER | Roles::MAINTAINER | Roles::AUDITOR;
    let journal = repository.journal();
    let appended = journal.append(remote, context, roles, &mut |_| {
        Ok(Body::Evidence(evidence.clone()))
    })?;
    Ok(Some(appended.n))
}

/// Extensions on their way at once.
const AT_ONCE: usize = 16;
