//! Brings a log up to date with the journal.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, bail};
use strongroom::ObjectHash;
use strongroom::blocking::Repository;
use strongroom::verify::AuditScope;
use strongroom_crypt::StructureKeys;
use strongroom_format::{Body, Entry};
use strongroom_ledger::{Leaf, Log, NoteSigner, SignedHead, read_leaves};

use super::place::LedgerDir;

/// What was done.
#[derive(Debug)]
#[non_exhaustive]
pub struct Kept {
    /// The head, signed.
    pub head: SignedHead,
    /// How many entries came.
    pub added: u64,
    /// Entries that were logged, and in whose places Bridges stand since.
    pub changed: Vec<u64>,
}

/// Adds the entries that the journal has and the log has not, and signs the head. Nothing is signed when the journal has fewer entries than the log, or other ones.
///
/// # Errors
///
/// What the repository or the system said; that the journal is not the one that was logged.
pub fn keep(
    repository: &Repository,
    place: &LedgerDir,
    signer: &NoteSigner,
) -> anyhow::Result<Kept> {
    let signed = place.head()?;
    let mut log = match &signed {
        Some(signed) => {
            let known = [signer.public()];
            signed.verify(&known).context("the last head of the log")?;
            Log::resume(signed.head(), place)?
        }
        None => Log::new(signer.public().name()),
    };
    let links = links(repository)?;
    let size = log.size();
    let count = links.len() as u64;
    if count < size {
        bail!("the journal went back: the log has {size} of its entries, and it has {count}");
    }
    let changed = changed(place, size, &links)?;
    check_bridges(repository, &changed)?;
    for (n, hash) in (0..).zip(links).skip_while(|(n, _)| *n < size) {
        log.push(Leaf { n, hash });
    }
    let head = match signed {
        Some(signed) if log.size() == size => signed,
        _ => {
            for (tile, bytes) in log.take_files() {
                place.put_tile(tile, &bytes)?;
            }
            let head = log.head().sign(signer);
            place.put_head(&head)?;
            head
        }
    };
    Ok(Kept {
        head,
        added: log.size() - size,
        changed,
    })
}

/// The hash of every entry, as the next one states it.
fn links(repository: &Repository) -> anyhow::Result<Vec<ObjectHash>> {
    let links = Arc::new(Mutex::new(Vec::new()));
    let to = Arc::clone(&links);
    repository.journal_objects(0, move |object| {
        to.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(object.link);
        ControlFlow::Continue(())
    })?;
    let mut links = links.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(std::mem::take(&mut *links))
}

/// The entries of which the log has another hash than the journal.
fn changed(place: &LedgerDir, size: u64, links: &[ObjectHash]) -> anyhow::Result<Vec<u64>> {
    let mut changed = Vec::new();
    let mut n = 0;
    while n < size {
        let leaves = read_leaves(place, n, size)?;
        let logged = leaves.iter().zip(links.iter().skip(usize::try_from(n)?));
        changed.extend(
            logged
                .filter(|(leaf, link)| leaf.hash != **link)
                .map(|(leaf, _)| leaf.n),
        );
        n += leaves.len().max(1) as u64;
    }
    Ok(changed)
}

/// Makes sure that what stands in the places of these entries is Bridges: everything else is another history.
fn check_bridges(repository: &Repository, changed: &[u64]) -> anyhow::Result<()> {
    let Some(first) = changed.first().copied() else {
        return Ok(());
    };
    let keys = repository.audit_keys(AuditScope::Structure)?;
    let structure = StructureKeys::new(keys.suite, &keys.structure_key);
    let rewritten = Arc::new(Mutex::new(None));
    let (to, places) = (Arc::clone(&rewritten), changed.to_vec());
    repository.journal_objects(first, move |object| {
        let payload =
            Entry::decode(&object.bytes).and_then(|entry| entry.open(structure.journal()));
        let is_bridge = payload.is_ok_and(|payload| matches!(payload.body, Body::Bridge(_)));
        if !is_bridge && places.binary_search(&object.n).is_ok() {
            *to.lock().unwrap_or_else(PoisonError::into_inner) = Some(object.n);
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    })?;
    let rewritten = *rewritten.lock().unwrap_or_else(PoisonError::into_inner);
    match rewritten {
        Some(n) => {
            bail!("the journal shows another history: entry {n} is not the one that was logged")
        }
        None => Ok(()),
    }
}
