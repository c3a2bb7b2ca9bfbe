//! A store that fails on demand, so that any failure is ours.
//!
//! It injects exactly these faults, each where its [`Fault`] says, and no others:
//!
//! | fault | applies to | what happens |
//! |---|---|---|
//! | [`Fault::FailBefore`] | all | an error; the store inside is not called |
//! | [`Fault::FailAfter`] | all | the store inside does it or refuses, and its answer is lost: an error instead. A list yields everything and then an error |
//! | [`Fault::TornRead`] | get, list | success with the first half of the bytes; every second object is missing |
//! | [`Fault::FlippedRead`] | get | success with one bit flipped, at a place the seed decides; empty bytes stay empty |
//! | [`Fault::LostWrite`] | put, delete, extend | success, and nothing was done |
//! | [`Fault::TornWrite`] | put | an error, and the first half of the bytes are there |
//! | [`Fault::PauseBefore`], [`Fault::PauseAfter`] | all but list | the call waits at a gate |
//!
//! A fault that does not apply to an operation does nothing to it. All but `FailBefore`, `FailAfter`
//! and the pauses break laws of the trait, as real stores have done.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::stream::{self, BoxStream, StreamExt};

use super::gate::Gate;
use super::jitter::Numbers;
use super::locking::lock_of;
use super::recording::Operation;
use crate::error::{Error, ErrorKind, Result};
use crate::key::{Key, Prefix};
use crate::lock::{HiddenPage, ObjectLock, Retention};
use crate::options::{Capabilities, GetOptions, ObjectMeta, PutOptions};
use crate::store::Store;

/// Injects the faults of a plan. A clone is another handle on the same store and plan.
///
/// ```
/// # fn main() -> Result<(), strongroom_store::Error> {
/// # futures::executor::block_on(async {
/// use strongroom_store::wrap::{Fault, FaultPlan, Faulty, Operation, Rule, When};
/// use strongroom_store::{ErrorKind, Key, MemoryStore, StoreExt};
///
/// // The second put below `journal/` is done, but its acknowledgement is lost.
/// let lost = Rule::new(Fault::FailAfter(ErrorKind::Unavailable))
///     .with_operation(Operation::Put)
///     .with_key_prefix("journal/")
///     .with_when(When::Nth(2));
/// let store = Faulty::new(MemoryStore::new(), FaultPlan::new().with_rule(lost));
///
/// store.put_new(&Key::parse("journal/1")?, "one".into()).await?;
/// assert!(store.put_new(&Key::parse("journal/2")?, "two".into()).await.is_err());
/// assert_eq!(store.get_all(&Key::parse("journal/2")?).await?, "two");
/// # Ok(())
/// # })
/// # }
/// ```
#[derive(Debug)]
pub struct Faulty<S> {
    inner: Arc<S>,
    plan: Arc<Mutex<FaultPlan>>,
}

/// Which faults happen when. One plan and one seed give the same faults for the same calls.
#[derive(Debug)]
pub struct FaultPlan {
    rules: Vec<Rule>,
    numbers: Numbers,
    fired: u64,
}

/// A fault, and the calls it happens to.
#[derive(Debug, Clone)]
pub struct Rule {
    fault: Fault,
    operation: Option<Operation>,
    key_prefix: String,
    when: When,
    seen: u64,
}

/// What goes wrong; the module's table says how.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Fault {
    /// An error without an effect.
    FailBefore(ErrorKind),
    /// An error after the effect.
    FailAfter(ErrorKind),
    /// Half of what was asked for, without an error.
    TornRead,
    /// One wrong bit, without an error.
    FlippedRead,
    /// No effect, without an error.
    LostWrite,
    /// Half of the effect, with an error.
    TornWrite(ErrorKind),
    /// A wait before the effect.
    PauseBefore(Gate),
    /// A wait between the effect and its acknowledgement.
    PauseAfter(Gate),
}

/// Which of the calls that match a rule suffer its fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum When {
    /// Every one.
    Always,
    /// Only this one; the first is 1.
    Nth(u64),
    /// The first so many.
    First(u64),
    /// This one and all that follow; the first is 1.
    From(u64),
    /// One in so many, as the seed decides.
    OneIn(u64),
}

impl FaultPlan {
    /// Returns a plan without faults.
    #[must_use]
    pub fn new() -> Self {
        Self::seeded(0)
    }

    /// Returns a plan without faults whose chances are decided by a seed.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self {
            rules: Vec::new(),
            numbers: Numbers::seeded(seed),
            fired: 0,
        }
    }

    /// Adds a rule. All rules that fire apply.
    #[must_use]
    pub fn with_rule(mut self, rule: Rule) -> Self {
        self.rules.push(rule);
        self
    }

    fn faults_of(&mut self, operation: Operation, key: &str) -> Vec<Fault> {
        let Self {
            rules,
            numbers,
            fired,
        } = self;
        let matching = rules.iter_mut().filter(|rule| {
            rule.operation.is_none_or(|only| only == operation) && key.starts_with(&rule.key_prefix)
        });
        let mut faults = Vec::new();
        for rule in matching {
            rule.seen += 1;
            let fires = match rule.when {
                When::Always => true,
                When::Nth(nth) => rule.seen == nth,
                When::First(count) => rule.seen <= count,
                When::From(first) => rule.seen >= first,
                When::OneIn(count) => numbers.below(count) == 0,
            };
            if fires {
                *fired += 1;
                faults.push(rule.fault.clone());
            }
        }
        faults
    }
}

impl Default for FaultPlan {
    fn default() -> Self {
        Self::new()
    }
}

impl Rule {
    /// Returns a rule for every call of every operation.
    #[must_use]
    pub fn new(fault: Fault) -> Self {
        Self {
            fault,
            operation: None,
            key_prefix: String::new(),
            when: When::Always,
            seen: 0,
        }
    }

    /// Restricts it to one operation.
    #[must_use]
    pub fn with_operation(mut self, operation: Operation) -> Self {
        self.operation = Some(operation);
        self
    }

    /// Restricts it to keys, or listed folders, that begin so.
    #[must_use]
    pub fn with_key_prefix(mut self, prefix: &str) -> Self {
        prefix.clone_into(&mut self.key_prefix);
        self
    }

    /// Restricts it to some of the calls that match so far.
    #[must_use]
    pub fn with_when(mut self, when: When) -> Self {
        self.when = when;
        self
    }
}

impl<S: Store> Faulty<S> {
    /// Returns a store that fails as planned.
    #[must_use]
    pub fn new(inner: S, plan: FaultPlan) -> Self {
        Self {
            inner: Arc::new(inner),
            plan: Arc::new(Mutex::new(plan)),
        }
    }

    /// Returns the store inside, which is as it should be.
    #[must_use]
    pub fn inner(&self) -> &S {
        &self.inner
    }

    /// Adds a rule from now on.
    pub fn inject(&self, rule: Rule) {
        self.plan().rules.push(rule);
    }

    /// Removes all rules: from now on nothing fails.
    pub fn heal(&self) {
        self.plan().rules.clear();
    }

    /// Returns how many faults have happened.
    #[must_use]
    pub fn fired(&self) -> u64 {
        self.plan().fired
    }

    fn plan(&self) -> MutexGuard<'_, FaultPlan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Decides the faults of a call and lets those happen that come before its effect.
    async fn before(
        &self,
        operation: Operation,
        verb: &'static str,
        key: &Key,
    ) -> Result<Vec<Fault>> {
        let faults = self.plan().faults_of(operation, key.as_str());
        for fault in &faults {
            match fault {
                Fault::PauseBefore(gate) => gate.pass().await,
                Fault::FailBefore(kind) => return Err(injected(*kind, verb).with_key(key)),
                _ => {}
            }
        }
        Ok(faults)
    }

    fn flip_a_bit(&self, data: &Bytes) -> Bytes {
        let bit = self.plan().numbers.below(data.len() as u64 * 8);
        let mut flipped = BytesMut::from(data.as_ref());
        let at = usize::try_from(bit / 8).unwrap_or(usize::MAX);
        if let Some(byte) = flipped.get_mut(at) {
            *byte ^= 1 << (bit % 8);
        }
        flipped.freeze()
    }
}

/// Lets the faults happen that come between the effect and its acknowledgement.
async fn after(faults: &[Fault], verb: &'static str, key: &Key) -> Result<()> {
    for fault in faults {
        match fault {
            Fault::PauseAfter(gate) => gate.pass().await,
            Fault::FailAfter(kind) => return Err(injected(*kind, verb).with_key(key)),
            _ => {}
        }
    }
    Ok(())
}

fn injected(kind: ErrorKind, verb: &'static str) -> Error {
    Error::new(kind, verb).with_source("an injected fault")
}

fn first_half(data: &Bytes) -> Bytes {
    data.slice(..data.len() / 2)
}

#[async_trait]
impl<S: Store> Store for Faulty<S> {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn put(&self, key: &Key, data: Bytes, options: PutOptions) -> Result<()> {
        let faults = self.before(Operation::Put, "put", key).await?;
        for fault in &faults {
            match fault {
                Fault::LostWrite => return after(&faults, "put", key).await,
                Fault::TornWrite(kind) => {
                    self.inner.put(key, first_half(&data), options).await?;
                    return Err(injected(*kind, "put").with_key(key));
                }
                _ => {}
            }
        }
        let result = self.inner.put(key, data, options).await;
        after(&faults, "put", key).await?;
        result
    }

    async fn get(&self, key: &Key, options: GetOptions) -> Result<Bytes> {
        let faults = self.before(Operation::Get, "get", key).await?;
        let result = self.inner.get(key, options).await;
        after(&faults, "get", key).await?;
        let mut data = result?;
        for fault in &faults {
            match fault {
                Fault::TornRead => data = first_half(&data),
                Fault::FlippedRead => data = self.flip_a_bit(&data),
                _ => {}
            }
        }
        Ok(data)
    }

    async fn head(&self, key: &Key) -> Result<ObjectMeta> {
        let faults = self.before(Operation::Head, "head", key).await?;
        let result = self.inner.head(key).await;
        after(&faults, "head", key).await?;
        result
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        let faults = self.before(Operation::Delete, "delete", key).await?;
        let lost = faults.iter().any(|fault| matches!(fault, Fault::LostWrite));
        let result = if lost {
            Ok(())
        } else {
            self.inner.delete(key).await
        };
        after(&faults, "delete", key).await?;
        result
    }

    fn list(&self, prefix: &Prefix) -> BoxStream<'static, Result<ObjectMeta>> {
        let faults = self.plan().faults_of(Operation::List, prefix.as_str());
        let mut objects = None;
        for fault in &faults {
            let inner = || self.inner.list(prefix);
            match fault {
                Fault::FailBefore(kind) => {
                    return stream::iter([Err(injected(*kind, "list"))]).boxed();
                }
                Fault::FailAfter(kind) => {
                    let error = stream::iter([Err(injected(*kind, "list"))]);
                    objects = Some(objects.unwrap_or_else(inner).chain(error).boxed());
                }
                Fault::TornRead => {
                    let all = objects.unwrap_or_else(inner).enumerate();
                    let half =
                        all.filter_map(async |(index, object)| (index % 2 == 0).then_some(object));
                    objects = Some(half.boxed());
                }
                _ => {}
            }
        }
        objects.unwrap_or_else(|| self.inner.list(prefix))
    }

    fn object_lock(&self) -> Option<&dyn ObjectLock> {
        self.inner.object_lock().map(|_| self as &dyn ObjectLock)
    }
}

#[async_trait]
impl<S: Store> ObjectLock for Faulty<S> {
    fn locks(&self, key: &Key) -> bool {
        lock_of(&*self.inner, "locks").is_ok_and(|lock| lock.locks(key))
    }

    async fn retention(&self, key: &Key) -> Result<Option<Retention>> {
        let lock = lock_of(&*self.inner, "retention")?;
        let faults = self.before(Operation::Retention, "retention", key).await?;
        let result = lock.retention(key).await;
        after(&faults, "retention", key).await?;
        result
    }

    async fn extend(&self, key: &Key, to: Retention) -> Result<()> {
        let lock = lock_of(&*self.inner, "extend")?;
        let faults = self.before(Operation::Extend, "extend", key).await?;
        let lost = faults.iter().any(|fault| matches!(fault, Fault::LostWrite));
        let result = if lost {
            Ok(())
        } else {
            lock.extend(key, to).await
        };
        after(&faults, "extend", key).await?;
        result
    }

    async fn hidden(&self, prefix: &Prefix, from: Option<&str>) -> Result<HiddenPage> {
        lock_of(&*self.inner, "hidden")?.hidden(prefix, from).await
    }

    async fn uncover(&self, key: &Key) -> Result<bool> {
        let lock = lock_of(&*self.inner, "uncover")?;
        let faults = self.before(Operation::Extend, "uncover", key).await?;
        let result = lock.uncover(key).await;
        after(&faults, "uncover", key).await?;
        result
    }
}

impl<S> Clone for Faulty<S> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            plan: Arc::clone(&self.plan),
        }
    }
}

impl<S: Store> fmt::Display for Faulty<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "faulty({})", self.inner)
    }
}
