//! Which policy is in force.

use strongroom_crypt::Roles;
use strongroom_format::{Body, ObjectHash, Policy, Unknown};

use crate::edge;
use crate::error::{Error, ErrorKind, Result};
use crate::repository::Repository;

/// The policy that the journal says is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PolicyInForce {
    /// Number of the entry that said so.
    pub n: u64,
    /// BLAKE3 of the document.
    pub hash: ObjectHash,
}

impl Repository {
    /// Returns the policy in force, after reading on in the journal; `None` if there never was one.
    ///
    /// # Errors
    ///
    /// As [`snapshots`](Self::snapshots).
    ///
    /// # Cancellation
    ///
    /// Dropping the future changes nothing.
    pub async fn policy(&self) -> Result<Option<PolicyInForce>> {
        let this = self.clone();
        edge::run(self.store(), "strongroom-policy", move |remote| {
            let state = this.journal().refresh(remote, this.context())?;
            Ok(state.policy.map(|(n, hash)| PolicyInForce { n, hash }))
        })
        .await
    }

    /// Puts a policy document into the journal, from where on it is in force, unless it is already. Returns the entry that says so.
    ///
    /// Nothing in the engine obeys it: whoever runs backups, and whoever judges them, reads it.
    ///
    /// # Errors
    ///
    /// `Invalid` for an empty document, and one that is larger than an entry may be; `WrongKey` when this handle's keys are not an admin's; otherwise as
    /// [`snapshots`](Self::snapshots).
    ///
    /// # Cancellation
    ///
    /// Dropping the future may leave the policy in force or not.
    pub async fn set_policy(&self, document: Vec<u8>, media_type: &str) -> Result<PolicyInForce> {
        if document.is_empty() {
            let what = "an empty policy says nothing";
            return Err(Error::new(ErrorKind::Invalid, what));
        }
        let (this, media_type) = (self.clone(), media_type.to_owned());
        edge::run(self.store(), "strongroom-policy", move |remote| {
            let context = this.context();
            let hash = ObjectHash::of(&document);
            let state = this.journal().refresh(remote, context)?;
            if let Some((n, in_force)) = state.policy
                && in_force == hash
            {
                return Ok(PolicyInForce { n, hash });
            }
            let appended = this
                .journal()
                .append(remote, context, Roles::ADMIN, &mut |state| {
                    Ok(Body::Policy(Policy {
                        hash,
                        document: Some(document.clone()),
                        previous: state.policy.map(|(_, hash)| hash),
                        media_type: media_type.clone(),
                        unknown: Unknown::default(),
                    }))
                })?;
            this.journal().keep(context);
            let n = appended.n;
            Ok(PolicyInForce { n, hash })
        })
        .await
    }
}
