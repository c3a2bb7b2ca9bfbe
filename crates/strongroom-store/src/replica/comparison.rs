//! How a copy differs from its reference.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use futures::stream::{self, StreamExt as _, TryStreamExt as _};

use super::order::{Step, SyncOrder};
use crate::error::{ErrorKind, Result};
use crate::key::Key;
use crate::options::ObjectMeta;
use crate::store::{Store, StoreExt as _};
use crate::wrap::{NoRules, ObjectRules, Wholeness};

/// What is compared, and how.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CompareOptions {
    /// Which objects, and in which order they would be copied.
    pub order: SyncOrder,
    /// How thoroughly.
    pub thoroughness: Thoroughness,
    /// What is known of the objects: it tells which of two that differ is broken.
    pub rules: Arc<dyn ObjectRules>,
    /// Differences that are listed; all are counted.
    pub listed_max: usize,
}

/// How thoroughly objects are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Thoroughness {
    /// By name and length: one list of each store.
    #[default]
    Lengths,
    /// Byte by byte: everything is read from both.
    Bytes,
}

/// Objects and their bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub struct Count {
    /// How many.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// How a copy differs from its reference.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Comparison {
    /// How thoroughly it was looked.
    pub thoroughness: Thoroughness,
    /// What both have alike.
    pub same: Count,
    /// What the copy lacks.
    pub missing: Count,
    /// What only the copy has.
    pub surplus: Count,
    /// What both have under one name and is not the same: other lengths, or other bytes where these were compared.
    pub differing: Count,
    /// The first of all these, in the order in which they would be copied.
    pub differences: Vec<Difference>,
}

/// An object that is not the same in both.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// Its name.
    pub key: Key,
    /// How it differs.
    pub kind: DifferenceKind,
    /// Its length in the reference.
    pub reference_len: Option<u64>,
    /// Its length in the copy.
    pub copy_len: Option<u64>,
    /// Of the order.
    pub(super) step: usize,
}

/// How an object differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum DifferenceKind {
    /// The copy lacks it.
    Missing,
    /// Only the copy has it.
    Surplus,
    /// Lengths or bytes differ, and the rules do not tell which is right.
    Differs,
    /// The copy's is broken, the reference's is whole.
    CopyBroken,
    /// The reference's is broken, the copy's is whole.
    ReferenceBroken,
    /// Both are broken.
    BothBroken,
}

impl CompareOptions {
    /// Compares these objects by length.
    #[must_use]
    pub fn new(order: SyncOrder) -> Self {
        Self {
            order,
            thoroughness: Thoroughness::default(),
            rules: Arc::new(NoRules),
            listed_max: 100_000,
        }
    }

    /// Sets how thoroughly they are compared.
    #[must_use]
    pub fn with_thoroughness(mut self, thoroughness: Thoroughness) -> Self {
        self.thoroughness = thoroughness;
        self
    }

    /// Tells what is known of the objects.
    #[must_use]
    pub fn with_rules(mut self, rules: Arc<dyn ObjectRules>) -> Self {
        self.rules = rules;
        self
    }

    /// Sets how many differences are listed.
    #[must_use]
    pub fn with_listed_max(mut self, listed_max: usize) -> Self {
        self.listed_max = listed_max;
        self
    }
}

/// Compares a copy with its reference. Changes nothing.
///
/// Both may be written to meanwhile. Folders are listed in the reverse of the order, so that whatever refers to something was listed
/// before that was: what is copied by this comparison needs nothing that is not. An object that came or went meanwhile may be counted as
/// a difference; [`sync`](super::sync) looks again.
///
/// # Errors
///
/// What either store said.
///
/// # Cancellation
///
/// Dropping the future leaves nothing behind.
pub async fn compare(
    reference: &Arc<dyn Store>,
    copy: &Arc<dyn Store>,
    options: &CompareOptions,
) -> Result<Comparison> {
    let mut comparison = Comparison {
        thoroughness: options.thoroughness,
        ..Comparison::default()
    };
    let mut later: Vec<Difference> = Vec::new();
    for (number, step) in options.order.steps().iter().enumerate().rev() {
        let theirs = listed(copy, step).await?;
        let ours = listed(reference, step).await?;
        let mut found = comparison.merge(number, ours, theirs);
        let common = found.iter().filter(|pair| pair.needs_look(options));
        let looks = common.map(|pair| look(reference, copy, options, pair.key.clone()));
        let looks: Vec<_> = looks.collect();
        let looks: Vec<(Key, Option<DifferenceKind>)> = stream::iter(looks)
            .buffered(LOOKS_AT_ONCE)
            .try_collect()
            .await?;
        let mut looks = looks.into_iter().peekable();
        for pair in &mut found {
            if let Some((_, kind)) = looks.next_if(|(key, _)| *key == pair.key) {
                pair.kind = kind;
            }
        }
        let mut differences = comparison.count(found);
        differences.append(&mut later);
        differences.truncate(options.listed_max);
        later = differences;
    }
    comparison.differences = later;
    Ok(comparison)
}

/// What was found under one name.
struct Pair {
    key: Key,
    kind: Option<DifferenceKind>,
    reference_len: Option<u64>,
    copy_len: Option<u64>,
    step: usize,
}

impl Pair {
    /// Says whether its bytes are to be read on both sides.
    fn needs_look(&self, options: &CompareOptions) -> bool {
        let in_both = self.reference_len.is_some() && self.copy_len.is_some();
        let differs = self.kind.is_some();
        let tells = options.rules.can_check(&self.key);
        in_both && (options.thoroughness == Thoroughness::Bytes || (differs && tells))
    }
}

impl Comparison {
    /// Says whether the copy has everything that the reference has, and nothing is different. What it has beyond does not count.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.missing.objects == 0 && self.differing.objects == 0
    }

    /// Says whether every difference is listed.
    #[must_use]
    pub fn is_listed_in_full(&self) -> bool {
        let all = [self.missing, self.surplus, self.differing];
        let all: u64 = all.iter().map(|count| count.objects).sum();
        all == self.differences.len() as u64
    }

    fn merge(&self, step: usize, ours: Vec<ObjectMeta>, theirs: Vec<ObjectMeta>) -> Vec<Pair> {
        let (mut ours, mut theirs) = (ours.into_iter().peekable(), theirs.into_iter().peekable());
        let mut pairs = Vec::new();
        loop {
            let order = match (ours.peek(), theirs.peek()) {
                (Some(a), Some(b)) => a.key.cmp(&b.key),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => return pairs,
            };
            let our = if order == Ordering::Greater {
                None
            } else {
                ours.next()
            };
            let their = if order == Ordering::Less {
                None
            } else {
                theirs.next()
            };
            let (reference_len, copy_len) =
                (our.as_ref().map(|o| o.len), their.as_ref().map(|o| o.len));
            let Some(object) = our.or(their) else {
                continue;
            };
            let kind = match (reference_len, copy_len) {
                (Some(_), None) => Some(DifferenceKind::Missing),
                (None, _) => Some(DifferenceKind::Surplus),
                (Some(a), Some(b)) => (a != b).then_some(DifferenceKind::Differs),
            };
            pairs.push(Pair {
                key: object.key,
                kind,
                reference_len,
                copy_len,
                step,
            });
        }
    }

    fn count(&mut self, pairs: Vec<Pair>) -> Vec<Difference> {
        let mut differences = Vec::new();
        for pair in pairs {
            let count = match pair.kind {
                None => &mut self.same,
                Some(DifferenceKind::Missing) => &mut self.missing,
                Some(DifferenceKind::Surplus) => &mut self.surplus,
                Some(_) => &mut self.differing,
            };
            count.add(pair.reference_len.or(pair.copy_len).unwrap_or(0));
            if let Some(kind) = pair.kind {
                differences.push(Difference {
                    key: pair.key,
                    kind,
                    reference_len: pair.reference_len,
                    copy_len: pair.copy_len,
                    step: pair.step,
                });
            }
        }
        differences
    }
}

impl Count {
    pub(super) fn add(&mut self, bytes: u64) {
        self.objects += 1;
        self.bytes += bytes;
    }
}

async fn listed(store: &Arc<dyn Store>, step: &Step) -> Result<Vec<ObjectMeta>> {
    match step {
        Step::Folder(folder) => store.list_all(folder).await,
        Step::Object(key) => match store.head(key).await {
            Ok(object) => Ok(vec![object]),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        },
    }
}

/// Reads an object on both sides. One that is gone by now is as it was listed.
async fn look(
    reference: &Arc<dyn Store>,
    copy: &Arc<dyn Store>,
    options: &CompareOptions,
    key: Key,
) -> Result<(Key, Option<DifferenceKind>)> {
    let (ours, theirs) = (reference.get_fresh(&key).await, copy.get_fresh(&key).await);
    let (ours, theirs) = match (ours, theirs) {
        (Ok(ours), Ok(theirs)) => (ours, theirs),
        (Err(error), _) | (_, Err(error)) if error.kind() != ErrorKind::NotFound => {
            return Err(error);
        }
        (Err(_), _) => return Ok((key, Some(DifferenceKind::Surplus))),
        (_, Err(_)) => return Ok((key, Some(DifferenceKind::Missing))),
    };
    let broken = |bytes| options.rules.check(&key, bytes) == Wholeness::Broken;
    let kind = match (broken(&ours), broken(&theirs)) {
        (true, true) => Some(DifferenceKind::BothBroken),
        (true, false) => Some(DifferenceKind::ReferenceBroken),
        (false, true) => Some(DifferenceKind::CopyBroken),
        (false, false) => (ours != theirs).then_some(DifferenceKind::Differs),
    };
    Ok((key, kind))
}

impl fmt::Display for DifferenceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "missing",
            Self::Surplus => "surplus",
            Self::Differs => "differs",
            Self::CopyBroken => "broken in the copy",
            Self::ReferenceBroken => "broken in the reference",
            Self::BothBroken => "broken in both",
        })
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.key)?;
        match (self.reference_len, self.copy_len) {
            (Some(a), Some(b)) if a != b => write!(f, ", {a} bytes, {b} in the copy"),
            (Some(len), _) | (None, Some(len)) => write!(f, ", {len} bytes"),
            (None, None) => Ok(()),
        }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = match self.thoroughness {
            Thoroughness::Lengths => "by name and length",
            Thoroughness::Bytes => "byte by byte",
        };
        write!(
            f,
            "compared {how}: {} the same, {} missing",
            self.same, self.missing
        )?;
        write!(
            f,
            ", {} different, {} surplus",
            self.differing, self.surplus
        )?;
        for difference in &self.differences {
            write!(f, "\n{difference}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} objects ({} bytes)", self.objects, self.bytes)
    }
}

/// Objects that are read from both stores at once; each may be as large as an object can be.
const LOOKS_AT_ONCE: usize = 2;
