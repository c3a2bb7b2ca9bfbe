//! Finding out what a store really does, before anything is entrusted to it.

mod answer;
mod create;
mod lock;
mod objects;
mod race;
mod scratch;

pub use self::answer::{Answer, Probed, Question};
pub use self::race::probe_atomic_create;
use self::scratch::Scratch;
use crate::error::{Error, ErrorKind, Result};
use crate::key::Prefix;
use crate::store::Store;

/// What [`probe`] is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ProbeOptions {
    /// The time in seconds since 1970, by which an object is locked for two minutes to see whether the lock holds. Without it,
    /// and in a store that offers no lock, none is tried.
    pub now: Option<i64>,
    /// Creates nothing in races: for the second part of a split store, on which nobody's turn depends.
    pub no_race: bool,
}

impl ProbeOptions {
    /// Says what time it is.
    #[must_use]
    pub fn with_now(mut self, now: i64) -> Self {
        self.now = Some(now);
        self
    }

    /// Leaves out the races.
    #[must_use]
    pub fn without_race(mut self) -> Self {
        self.no_race = true;
        self
    }
}

/// Puts a store's claims to the test, below the folder `scratch`, which the caller makes up for the occasion.
///
/// Some stores ignore the condition of a create, some honour it only as long as nobody races, some refuse it; some answer *denied* to
/// who asks for what is missing. Each [`Question`] gets an [`Answer`] of its own. *No* is certain; *yes* means that no fault was seen.
/// What cannot be tried through [`Store`], conditional deletes and versions, is at best *unknown*: the store's word for it.
///
/// Where folders are in different stores ([`Capabilities::split`](crate::Capabilities)) it speaks of the one that `scratch` is in; probe the
/// other too, and put the answers together ([`Probed::with_part`]).
///
/// It needs no runtime and makes at most 110 requests, of which 67 put objects of a few bytes, 54 of them racing in three rounds and
/// one after the other. What it puts it deletes, whatever came of it; what it may not delete is in [`Probed::left`], and so is the
/// object that it locked.
///
/// # Errors
///
/// Those of a list, a get of what is missing and a put, where already the first of them fails: then there is nothing to probe. `Invalid`
/// if `scratch` leaves no room for a name, `AlreadyExists` if it is not empty. Later failures are answers.
///
/// # Cancellation
///
/// Dropping the future may leave scratch objects behind.
///
/// # Examples
///
/// ```
/// # fn main() -> Result<(), strongroom_store::Error> {
/// # futures::executor::block_on(async {
/// use strongroom_store::{Answer, MemoryStore, Prefix, ProbeOptions, probe};
///
/// let scratch = Prefix::parse("session/probe-5f1c/")?;
/// let probed = probe(&MemoryStore::new(), &scratch, ProbeOptions::default()).await?;
/// assert_eq!(probed.atomic_create, Answer::Yes);
/// assert!(probed.left.is_empty());
/// # Ok(())
/// # })
/// # }
/// ```
pub async fn probe<S: Store + ?Sized>(
    store: &S,
    scratch: &Prefix,
    options: ProbeOptions,
) -> Result<Probed> {
    let scratch = Scratch::new(store, scratch);
    let capabilities = store.capabilities();
    if !capabilities.put {
        return Err(Error::new(ErrorKind::PermissionDenied, "probe")
            .with_source("nothing can be put into the store"));
    }
    scratch.refuse_what_is_there().await?;
    let outcome = ask(&scratch, options).await;
    let (left, refusal) = scratch.clean_up().await;
    let mut probed = outcome?;
    if let (Answer::Yes, Some(refusal)) = (&probed.delete, refusal) {
        probed.delete = Answer::of_error(&refusal);
    }
    probed.left = left;
    Ok(probed)
}

async fn ask<S: Store + ?Sized>(scratch: &Scratch<'_, S>, options: ProbeOptions) -> Result<Probed> {
    let capabilities = scratch.store.capabilities();
    let claimed = |claim: bool| match claim {
        true => Answer::Unknown("the store says so, and it cannot be tried from here".to_owned()),
        false => Answer::Unknown("the store does not say".to_owned()),
    };
    let atomic_create = create::atomic_create(scratch, options.no_race).await?;
    let (complete_list, ordered_list) = objects::lists(scratch).await;
    Ok(Probed {
        atomic_create,
        missing: objects::missing(scratch).await,
        read_after_write: objects::read_after_write(scratch).await,
        ranges: objects::ranges(scratch).await,
        complete_list,
        ordered_list,
        delete: objects::delete(scratch).await,
        object_lock: lock::object_lock(scratch, options.now).await,
        conditional_delete: claimed(capabilities.conditional_delete),
        versioning: claimed(capabilities.versioning),
        left: Vec::new(),
    })
}

#[cfg(test)]
mod tests;
