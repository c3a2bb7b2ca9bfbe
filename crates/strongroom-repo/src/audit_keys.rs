//! The keys that an auditor is handed.

use strongroom_format::{AuditKeys, ContentKeys, KeyBundle, UnknownSecrets};

use crate::context::Context;
use crate::credential::Credential;
use crate::edge::{self, Access};
use crate::error::Result;
use crate::open::{self, Opening};
use crate::repository::{Repository, RepositoryBuilder};

/// How much an auditor may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AuditScope {
    /// Journal, index and reference lists: who did what and when, and how much there is. No name of a file and no content.
    Structure,
    /// Everything.
    Content,
}

impl Repository {
    /// Returns the keys for an auditor. None of them can write, and none opens a slot or the keyring.
    ///
    /// # Errors
    ///
    /// `Damaged` when the keyring does not open any more.
    ///
    /// # Security
    ///
    /// They stay good for all that is in the repository now, whatever is revoked later.
    pub fn audit_keys(&self, scope: AuditScope) -> Result<AuditKeys> {
        of_context(self.context(), scope)
    }
}

impl RepositoryBuilder {
    /// Returns the keys for an auditor without opening the repository: only config, keyring and slot are read, so that a damaged journal
    /// can be audited.
    ///
    /// The keyring is the newest that the admin signed. Where the credential does not say who the admin is (no encryption, a key service, a
    /// recipient's key) entry 0 of the journal must be readable too, or missing.
    ///
    /// # Errors
    ///
    /// As [`open`](RepositoryBuilder::open), but for what concerns the journal.
    ///
    /// # Cancellation
    ///
    /// Dropping the future changes nothing.
    ///
    /// # Security
    ///
    /// As [`Repository::audit_keys`]. Without the journal, nobody can tell whether the store shows the newest keyring.
    pub async fn audit_keys(self, scope: AuditScope, credential: &Credential) -> Result<AuditKeys> {
        let opening = Opening {
            credential: credential.clone(),
            ..self.into_opening()
        };
        let access = Access::of(opening.store.clone(), &opening.components);
        edge::run(access, "strongroom-audit-keys", move |remote| {
            let context = open::open_keys(remote, &opening)?;
            of_context(&context, scope)
        })
        .await
    }
}

fn of_context(context: &Context, scope: AuditScope) -> Result<AuditKeys> {
    let bundle = context.keys().bundle(context.suite, &context.repository)?;
    let KeyBundle {
        id_key,
        structure_key,
        epochs,
        genesis,
        ..
    } = bundle;
    let content = match scope {
        AuditScope::Structure => None,
        AuditScope::Content => {
            let mut epochs: Vec<_> = epochs
                .into_iter()
                .map(|epoch| (epoch.number, epoch.key))
                .collect();
            epochs.sort_by_key(|(number, _)| *number);
            Some(ContentKeys { id_key, epochs })
        }
    };
    Ok(AuditKeys {
        repository: context.repository,
        suite: context.suite,
        genesis,
        structure_key,
        content,
        unknown: UnknownSecrets::default(),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures::executor::block_on;
    use strongroom_crypt::{Argon2Params, Suite};
    use strongroom_format::object_name;
    use strongroom_store::{Key, MemoryStore, Store, StoreExt as _};

    use super::*;
    use crate::{CreateOptions, ErrorKind};

    #[test]
    fn an_auditor_gets_what_the_scope_says_even_without_a_journal() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let credential = Credential::passphrase("correct horse");
        let options = CreateOptions::default()
            .with_suite(Suite::Aes256Gcm)
            .with_argon2(Argon2Params::FASTEST);
        let created =
            block_on(Repository::builder(store.clone()).create(options, &credential)).unwrap();
        let open = created.repository.audit_keys(AuditScope::Content).unwrap();
        let content = open.content.as_ref().unwrap();
        assert_eq!(content.epochs.len(), 1);
        assert_eq!(open.repository, created.repository.id());
        assert_eq!(open.genesis.as_bytes(), created.pin.as_bytes());

        let entry = Key::parse(&object_name::journal(0)).unwrap();
        block_on(store.replace(&entry, "rubbish".into())).unwrap();
        let keys = |scope, credential: &Credential| {
            block_on(Repository::builder(store.clone()).audit_keys(scope, credential))
        };
        let closed = keys(AuditScope::Structure, &credential).unwrap();
        assert!(closed.content.is_none());
        assert!(closed.structure_key.ct_eq(&open.structure_key));
        let wrong = keys(AuditScope::Structure, &Credential::passphrase("battery"));
        assert_eq!(wrong.unwrap_err().kind(), ErrorKind::WrongKey);
    }
}
