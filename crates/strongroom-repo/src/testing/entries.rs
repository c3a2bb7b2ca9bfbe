//! Journal entries that a unit test appends itself.

use futures::executor::block_on;
use strongroom_crypt::{Id, Roles};
use strongroom_format::{Body, Forget};

use crate::edge;
use crate::error::Result;
use crate::repository::Repository;

/// Appends an entry in one of these roles, and returns its number.
pub(crate) fn append_as(repository: &Repository, roles: Roles, body: Body) -> Result<u64> {
    let this = repository.clone();
    let appended = block_on(edge::run(repository.store(), "test", move |remote| {
        this.journal()
            .append(remote, this.context(), roles, &mut |_| Ok(body.clone()))
    }))?;
    Ok(appended.n)
}

/// Appends an entry in a role that it needs, and returns its number.
pub(crate) fn append(repository: &Repository, body: Body) -> u64 {
    append_as(repository, body.roles_needed(), body).unwrap()
}

/// Forgets a snapshot, whatever speaks against it, and returns the number of the entry that says so.
pub(crate) fn forget(repository: &Repository, id: Id) -> u64 {
    let forget = Forget {
        snapshots: vec![id],
        ..Forget::default()
    };
    append(repository, Body::Forget(forget))
}
