//! The laws of [`Store`] as functions, to be run on any implementation.
//!
//! ```
//! use std::sync::Arc;
//!
//! use strongroom_store::MemoryStore;
//! use strongroom_store::conformance::assert_conforms;
//!
//! assert_conforms(|| Arc::new(MemoryStore::new()));
//! ```
//!
//! Each law has the number it has in the trait's contract, works below a folder of its own
//! (`law-1/` …), and expects that folder to be empty. Laws 1 and 2 race on real threads, and so block
//! the thread that polls them until the race is over: they are for tests, not for a busy runtime.
//! A store that needs a runtime is given one with [`Suite::with_driver`]. Stores that lock objects have laws of their own,
//! in [`LockSuite`].
//!
//! A passed suite shows that no fault was seen. That what was put survives the loss of power can be
//! seen from outside only by cutting it.

use std::fmt;
use std::sync::Arc;

use futures::executor::block_on;
use futures::future::BoxFuture;
use futures::stream::TryStreamExt;

use crate::error::Error;
use crate::key::{Key, Prefix};
use crate::store::{Store, StoreExt};

mod lock;
mod objects;
mod races;

pub use self::lock::{
    LockSuite, law_21_a_locked_object_is_read, law_22_a_locked_object_stays,
    law_23_locks_never_get_weaker, law_24_what_is_not_locked_can_be, law_25_a_lock_ends,
    law_26_who_cannot_lock_says_so,
};
pub use self::objects::{
    law_3_what_was_put_is_seen, law_4_ranges_are_exact, law_5_deleting_the_missing_succeeds,
    law_6_lists_are_complete, law_7_a_dropped_put_is_absent_or_whole,
    law_8_errors_have_the_right_kind, law_9_every_key_is_its_own,
};
pub use self::races::{law_1_put_is_atomic, law_2_one_creator_wins};

/// Runs a future to its end on the thread that calls it.
pub type Driver<'a> = &'a (dyn Fn(BoxFuture<'_, ()>) + Sync);

/// How a store broke a law.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    what: String,
}

/// What became of each law.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// The laws in the order of their numbers.
    pub laws: Vec<LawReport>,
}

/// What became of one law.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LawReport {
    /// Its number in the contract of [`Store`], or in [`LockSuite`].
    pub number: u8,
    /// What it says, in short.
    pub title: &'static str,
    /// Whether the store keeps it.
    pub verdict: Verdict,
}

/// Whether a store keeps a law.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// No fault was seen.
    Kept,
    /// The store says that it cannot do what the law is about.
    Excused(&'static str),
    /// A fault was seen.
    Broken(Violation),
}

/// Every law, and how to run them.
pub struct Suite<'a> {
    make: &'a dyn Fn() -> Arc<dyn Store>,
    driver: Driver<'a>,
    listed_objects: usize,
}

/// Objects that are put to be listed, unless told otherwise: several folders of them.
const LISTED_OBJECTS: usize = 40;

/// Runs every law on stores of its own and returns what became of them.
pub async fn run_all(make: impl Fn() -> Arc<dyn Store>) -> Report {
    Suite::new(&make).run().await
}

/// Runs every law, without a runtime.
///
/// # Panics
///
/// If one is broken; the message is the report.
pub fn assert_conforms(make: impl Fn() -> Arc<dyn Store>) {
    let report = block_on(run_all(make));
    assert!(report.is_conforming(), "{report}");
}

impl<'a> Suite<'a> {
    /// Returns the suite for stores that `make` makes; it is called once for each law.
    #[must_use]
    pub fn new(make: &'a dyn Fn() -> Arc<dyn Store>) -> Self {
        Self {
            make,
            driver: &|future| block_on(future),
            listed_objects: LISTED_OBJECTS,
        }
    }

    /// Replaces the way racing threads drive their futures, for a store that needs a runtime; for
    /// example `&|future| handle.block_on(future)` with a handle of a multi-threaded one.
    #[must_use]
    pub fn with_driver(mut self, driver: Driver<'a>) -> Self {
        self.driver = driver;
        self
    }

    /// Sets how many objects law 6 lists. More than a page of the service shows more.
    #[must_use]
    pub fn with_listed_objects(mut self, listed_objects: usize) -> Self {
        self.listed_objects = listed_objects;
        self
    }

    /// Runs every law.
    pub async fn run(&self) -> Report {
        self.run_with(&mut |_| ()).await
    }

    /// Runs every law and says at once what became of it.
    pub async fn run_with(&self, on_law: &mut (dyn FnMut(&LawReport) + Send)) -> Report {
        let mut laws = Vec::new();
        for (number, title) in (1..).zip(TITLES) {
            let store = (self.make)();
            let verdict = match excuse(number, &store) {
                Some(excuse) => Verdict::Excused(excuse),
                None => {
                    let outcome = self.run_law(number, &store).await;
                    clean_up(number, &store).await;
                    outcome.map_or_else(Verdict::Broken, |()| Verdict::Kept)
                }
            };
            let law = LawReport {
                number,
                title,
                verdict,
            };
            on_law(&law);
            laws.push(law);
        }
        Report { laws }
    }

    async fn run_law(&self, number: u8, store: &Arc<dyn Store>) -> Result<(), Violation> {
        match number {
            1 => law_1_put_is_atomic(store, self.driver).await,
            2 => law_2_one_creator_wins(store, self.driver).await,
            3 => law_3_what_was_put_is_seen(store).await,
            4 => law_4_ranges_are_exact(store).await,
            5 => law_5_deleting_the_missing_succeeds(store).await,
            6 => law_6_lists_are_complete(store, self.listed_objects).await,
            7 => law_7_a_dropped_put_is_absent_or_whole(store).await,
            8 => law_8_errors_have_the_right_kind(store).await,
            _ => law_9_every_key_is_its_own(store).await,
        }
    }
}

const TITLES: [&str; 9] = [
    "put is atomic",
    "of concurrent creators one wins",
    "what was put is seen, what was deleted is not",
    "a range is exact",
    "deleting a missing object succeeds",
    "a list yields each object once",
    "a dropped put leaves the object absent or whole",
    "errors have the right kind",
    "every key is its own object",
];

/// Why a law is not asked of a store, by what it says of itself.
fn excuse(number: u8, store: &Arc<dyn Store>) -> Option<&'static str> {
    let capabilities = store.capabilities();
    match number {
        8 => None,
        5 if !capabilities.delete => Some("cannot delete"),
        5 => None,
        _ if !capabilities.put => Some("cannot put"),
        2 if !capabilities.atomic_create => Some("does not claim it"),
        _ => None,
    }
}

/// Deletes what a law has put, and nothing else. What stays is no violation.
async fn clean_up(number: u8, store: &Arc<dyn Store>) {
    let Ok(folder) = Prefix::parse(&format!("law-{number}/")) else {
        return;
    };
    let objects: Result<Vec<_>, Error> = store.list(&folder).try_collect().await;
    for object in objects.unwrap_or_default() {
        drop(store.delete(&object.key).await);
    }
}

impl Report {
    /// Returns whether no law is broken.
    #[must_use]
    pub fn is_conforming(&self) -> bool {
        self.broken().next().is_none()
    }

    /// Returns the numbers of the broken laws.
    pub fn broken(&self) -> impl Iterator<Item = u8> {
        self.laws
            .iter()
            .filter(|law| matches!(law.verdict, Verdict::Broken(_)))
            .map(|law| law.number)
    }
}

impl Violation {
    fn new(what: impl Into<String>) -> Self {
        Self { what: what.into() }
    }
}

/// An operation that should have succeeded did not.
impl From<Error> for Violation {
    fn from(error: Error) -> Self {
        let mut what = format!("unexpected error: {error}");
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            what = format!("{what}: {cause}");
            source = cause.source();
        }
        Self { what }
    }
}

/// Turns a condition into a verdict.
fn ensure(condition: bool, what: impl FnOnce() -> String) -> Result<(), Violation> {
    if condition {
        Ok(())
    } else {
        Err(Violation::new(what()))
    }
}

/// Returns a key below a law's own folder.
fn key(text: &str) -> Result<Key, Violation> {
    Ok(Key::parse(text)?)
}

/// Returns an object, or `None` if it is missing.
async fn get_if_present(
    store: &Arc<dyn Store>,
    key: &Key,
) -> Result<Option<bytes::Bytes>, Violation> {
    // Whether missing is said by the right kind is law 8's business.
    match store.get_all(key).await {
        Ok(data) => Ok(Some(data)),
        Err(error) if error.is_retryable() => Err(error.into()),
        Err(_) => Ok(None),
    }
}

impl fmt::Debug for Suite<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Suite")
            .field("listed_objects", &self.listed_objects)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Violation {}

impl fmt::Display for LawReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "law {}: {}: ", self.number, self.title)?;
        match &self.verdict {
            Verdict::Kept => f.write_str("kept"),
            Verdict::Excused(excuse) => write!(f, "not asked: {excuse}"),
            Verdict::Broken(violation) => write!(f, "BROKEN: {violation}"),
        }
    }
}

/// One line for each law.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.laws.iter().try_for_each(|law| writeln!(f, "{law}"))
    }
}
