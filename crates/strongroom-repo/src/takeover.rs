//! Another writer in single-writer mode.

use strongroom_crypt::{Roles, SigningKey, VerifyingKey};
use strongroom_format::{Body, Certificate, KeyBundle, SigningEntry, Takeover};

use crate::context::crypt_error;
use crate::create::WORKER_ROLES;
use crate::edge::{self, Remote};
use crate::error::{Error, ErrorKind, Result};
use crate::repository::Repository;
use crate::slots::{Changes, rotate};

impl Repository {
    /// Makes this handle the only writer of a repository in single-writer mode, and says why in the journal.
    ///
    /// Such a repository is in a store that does not decide races between writers, so two at once can lose what one of them has
    /// acknowledged. **Make sure that the old writer is not at work**: it is refused from its next journal entry on, and an entry
    /// that it is just putting may still replace one of the new writer's.
    ///
    /// That is so for one machine too, when a put that was given up arrives late. A handle remembers such an entry and puts the same bytes again
    /// before any other. A process that ended meanwhile, or another handle, cannot: after an error of kind `Unavailable`, go on with the handle
    /// that got it, or wait until nothing of the old process can be on its way to the store.
    ///
    /// Every handle that was open before is refused with `TakenOver`, and on machines with a cache folder so is every later one, until it
    /// takes over in turn. The repository's keys are shared by all who can open it, so nothing keeps a machine that opens it for the first time,
    /// or without a cache folder, from writing: it counts as the same writer.
    ///
    /// # Errors
    ///
    /// `Invalid` outside single-writer mode, where nobody needs to take over. `WrongKey` when this handle's keys are not the admin's. Otherwise as
    /// [`snapshots`](Self::snapshots). After an error the old writer may still be the writer; do it again.
    ///
    /// # Cancellation
    ///
    /// As after an error.
    pub async fn take_over(&self, reason: &str) -> Result<()> {
        let this = self.clone();
        let reason = reason.to_owned();
        edge::run(self.store(), "strongroom-take-over", move |remote| {
            take_over(&this, remote, reason)
        })
        .await
    }
}

fn take_over(repository: &Repository, remote: &Remote, reason: String) -> Result<()> {
    let context = repository.context();
    let state = repository.journal().refresh(remote, context)?;
    check_mode(state.only_writer.as_ref())?;
    context.keys().signer(Roles::ADMIN)?;
    let key = SigningKey::generate(&context.components.random).map_err(crypt_error)?;
    // A key that nobody has had: with the one before, everybody would go on as if nothing had happened.
    rotate(repository, remote, &mut |bundle| {
        let old = repository.journal().state().only_writer;
        Ok(Changes {
            certificates: vec![add(bundle, &key, old.as_ref())],
            ..Changes::default()
        })
    })?;
    let body = Takeover {
        only_writer: *key.public().as_bytes(),
        reason,
        ..Takeover::default()
    };
    repository
        .journal()
        .append(remote, context, Roles::ADMIN, &mut |now| {
            check_mode(now.only_writer.as_ref())?;
            Ok(Body::Takeover(body.clone()))
        })?;
    context.set_writer(Some(key.public()));
    // What is remembered of this machine is remembered with the state.
    repository.journal().remember_again(context);
    Ok(())
}

fn check_mode(only_writer: Option<&VerifyingKey>) -> Result<()> {
    let what = "only a repository that takes one writer at a time is taken over";
    only_writer
        .map(drop)
        .ok_or_else(|| Error::new(ErrorKind::Invalid, what))
}

/// Adds a key for everyday work, and forgets those of earlier writers but the last, who is the writer until the takeover is in the journal.
fn add(bundle: &mut KeyBundle, key: &SigningKey, old: Option<&VerifyingKey>) -> Certificate {
    let (roles, public) = (WORKER_ROLES, *key.public().as_bytes());
    let is_old = |one: &SigningEntry| old.is_some_and(|old| *old.as_bytes() == one.public);
    bundle
        .signing
        .retain(|one| one.roles != roles || is_old(one));
    bundle.signing.push(SigningEntry {
        roles,
        public,
        seed: key.seed().duplicate(),
    });
    Certificate {
        roles,
        public,
        label: String::new(),
        not_after: 0,
    }
}

#[cfg(test)]
mod tests;
