//! The builder of a blocking repository.

use std::sync::Arc;

use strongroom_crypt::{GenesisPin, RecoveryCode};
use strongroom_format::AuditKeys;
use strongroom_repo::{
    AuditScope, Components, CreateOptions, Credential, LostEntries, Observer, Result, Salvage,
    Settings, StoreProbe,
};

use super::Repository;
use super::thread::Thread;

/// Creates or opens a repository in a store. As [`crate::RepositoryBuilder`].
#[derive(Debug, Clone)]
#[must_use]
pub struct RepositoryBuilder {
    inner: strongroom_repo::RepositoryBuilder,
}

/// A repository that was just created. As [`crate::Created`].
#[derive(Debug)]
#[non_exhaustive]
pub struct Created {
    /// The repository, open.
    pub repository: Repository,
    /// Opens the repository when the credential is lost. It is nowhere else: show it once, on paper.
    pub recovery_code: Option<RecoveryCode>,
    /// Proves later that the store shows this repository and no other.
    pub pin: GenesisPin,
    /// Only one machine may ever write at a time. Say so at every backup.
    pub single_writer: bool,
    /// What the store was found to do; recorded in the repository.
    pub probe: StoreProbe,
    /// Names of scratch objects of the probe that could not be deleted.
    pub left: Vec<String>,
}

impl RepositoryBuilder {
    pub(super) fn new(inner: strongroom_repo::RepositoryBuilder) -> Self {
        Self { inner }
    }

    /// Replaces the settings.
    pub fn settings(mut self, settings: Settings) -> Self {
        self.inner = self.inner.settings(settings);
        self
    }

    /// Replaces clock and randomness.
    pub fn components(mut self, components: Components) -> Self {
        self.inner = self.inner.components(components);
        self
    }

    /// Accepts only the repository with this Genesis, whatever the store shows.
    pub fn pin(mut self, pin: GenesisPin) -> Self {
        self.inner = self.inner.pin(pin);
        self
    }

    /// Says what to do when entries of the journal are lost. Default: it is an error.
    pub fn on_lost_entries(mut self, on_lost: LostEntries) -> Self {
        self.inner = self.inner.on_lost_entries(on_lost);
        self
    }

    /// Finds the trees of a repository whose journal is lost, from packs alone. The repository is one of them, only read, in which each is a
    /// snapshot.
    ///
    /// # Errors
    ///
    /// As [`crate::RepositoryBuilder::salvage`]; `Unavailable` when there is no thread to be had.
    pub fn salvage(
        self,
        credential: &Credential,
        observer: Arc<dyn Observer>,
    ) -> Result<(Salvage, Repository)> {
        let (thread, credential) = (Thread::start()?, credential.clone());
        let salvage = thread.run(async move { self.inner.salvage(&credential, observer).await })?;
        let repository = Repository::new(Arc::new(thread), salvage.repository().clone());
        Ok((salvage, repository))
    }

    /// Creates a repository in a store where nothing is.
    ///
    /// # Errors
    ///
    /// As [`crate::RepositoryBuilder::create`]; `Unavailable` when there is no thread to be had.
    pub fn create(self, options: CreateOptions, credential: &Credential) -> Result<Created> {
        let (thread, credential) = (Thread::start()?, credential.clone());
        let created = thread.run(async move { self.inner.create(options, &credential).await })?;
        Ok(Created {
            repository: Repository::new(Arc::new(thread), created.repository),
            recovery_code: created.recovery_code,
            pin: created.pin,
            single_writer: created.single_writer,
            probe: created.probe,
            left: created.left,
        })
    }

    /// Returns the keys for an auditor without opening the repository.
    ///
    /// # Errors
    ///
    /// As [`crate::RepositoryBuilder::audit_keys`]; `Unavailable` when there is no thread to be had.
    pub fn audit_keys(self, scope: AuditScope, credential: &Credential) -> Result<AuditKeys> {
        let (thread, credential) = (Thread::start()?, credential.clone());
        thread.run(async move { self.inner.audit_keys(scope, &credential).await })
    }

    /// Opens a repository.
    ///
    /// # Errors
    ///
    /// As [`crate::RepositoryBuilder::open`]; `Unavailable` when there is no thread to be had.
    pub fn open(self, credential: &Credential) -> Result<Repository> {
        let (thread, credential) = (Thread::start()?, credential.clone());
        let repository = thread.run(async move { self.inner.open(&credential).await })?;
        Ok(Repository::new(Arc::new(thread), repository))
    }
}
