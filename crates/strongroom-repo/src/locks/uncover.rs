//! Finding and bringing back objects over which something younger stands.

use std::fmt;

use strongroom_format::ObjectHash;
use strongroom_format::object_name::{self, ObjectName};
use strongroom_store::{
    ErrorKind as StoreErrorKind, Key, ObjectLock, Prefix, Store, StoreExt as _,
};

use crate::error::{Error, ErrorKind, Result};

/// An object of a repository that cannot be seen: a store locks versions, and something younger stands over the one that is locked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HiddenObject {
    /// Its name.
    pub object: String,
    /// Whether it seems to be deleted; if not, other bytes are read in its place.
    pub deleted: bool,
}

/// What [`uncover`] found and did.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct UncoverReport {
    /// The objects that are hidden. Of those without a lock some may have been deleted as they should.
    pub hidden: Vec<HiddenObject>,
    /// How many of them are back.
    pub uncovered: u64,
    /// Those that are not locked and were left alone.
    pub unlocked: Vec<String>,
    /// Those with which it failed.
    pub problems: Vec<Error>,
}

impl fmt::Display for UncoverReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} objects are hidden: {} were brought back, {} are not locked, {} failed",
            self.hidden.len(),
            self.uncovered,
            self.unlocked.len(),
            self.problems.len()
        )
    }
}

/// Looks in a store for objects of a repository that something younger hides, and brings back those that are locked unless it is a
/// `dry_run`. The repository need not be open, and often cannot be before.
///
/// Only names that are written once are looked at: what opens the repository, journal, bundles, packs and segments. Of a pack or a segment
/// whose name is the hash of what is read nothing is hidden, whatever else the store keeps. What comes back is what was put first, and
/// nobody's word is taken for it: read the repository, and check it, afterwards. A store around several looks in each that locks; the
/// members of a mirror are given one after another.
///
/// # Errors
///
/// `Invalid` for a store that does not lock objects, or does not know what it hides; otherwise what the store says when it is asked for hidden
/// objects. What it says of one of them is in the result.
///
/// # Cancellation
///
/// Dropping the future leaves some objects brought back and others not; it can be done again.
pub async fn uncover(store: &dyn Store, dry_run: bool) -> Result<UncoverReport> {
    let lock = store.object_lock().ok_or_else(does_not_know)?;
    let found = hidden_objects(store).await?.ok_or_else(does_not_know)?;
    let mut report = UncoverReport::default();
    for (key, _, object) in found {
        if !dry_run {
            report.bring_back(lock, &key).await;
        }
        report.hidden.push(object);
    }
    Ok(report)
}

impl UncoverReport {
    async fn bring_back(&mut self, lock: &dyn ObjectLock, key: &Key) {
        match lock.uncover(key).await {
            Ok(true) => self.uncovered += 1,
            Ok(false) => self.unlocked.push(key.as_str().to_owned()),
            Err(error) => {
                let error = Error::from(error);
                self.problems.push(error.object_named(key.as_str()));
            }
        }
    }
}

/// Returns what is hidden of the names that are written once; `None` if the store does not know.
pub(crate) async fn hidden_objects(
    store: &dyn Store,
) -> Result<Option<Vec<(Key, ObjectName, HiddenObject)>>> {
    let Some(lock) = store.object_lock() else {
        return Ok(None);
    };
    let mut found = Vec::new();
    let mut from: Option<String> = None;
    loop {
        let page = match lock.hidden(&Prefix::root(), from.as_deref()).await {
            Err(error) if error.kind() == StoreErrorKind::Unsupported => return Ok(None),
            page => page?,
        };
        for hidden in page.objects {
            let Some(name) = object_name::parse(hidden.key.as_str()).filter(is_written_once) else {
                continue;
            };
            if !hidden.deleted && reads_as_named(store, &hidden.key, &name).await? {
                continue;
            }
            let object = HiddenObject {
                object: name.to_string(),
                deleted: hidden.deleted,
            };
            found.push((hidden.key, name, object));
        }
        match page.next {
            Some(next) => from = Some(next),
            None => return Ok(Some(found)),
        }
    }
}

/// Checkpoints, parity and beacons are replaced or deleted.
fn is_written_once(name: &ObjectName) -> bool {
    !matches!(
        name,
        ObjectName::Checkpoint(_) | ObjectName::Parity(_) | ObjectName::Session(_)
    )
}

/// Says whether what is read is what the name says, as far as a name says anything.
async fn reads_as_named(store: &dyn Store, key: &Key, name: &ObjectName) -> Result<bool> {
    let (ObjectName::Pack(hash) | ObjectName::Index(hash)) = name else {
        return Ok(false);
    };
    match store.get_all(key).await {
        Ok(bytes) => Ok(ObjectHash::of(&bytes) == *hash),
        Err(error) if error.is_retryable() => Err(error.into()),
        Err(_unreadable) => Ok(false),
    }
}

fn does_not_know() -> Error {
    let what = "the store does not lock objects, or does not know what is hidden in it";
    Error::new(ErrorKind::Invalid, what)
}
