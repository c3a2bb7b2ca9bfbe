//! What keeps a repository in order: holds.

use strongroom_repo::{HoldInfo, HoldRequest, Result};

use super::Repository;

impl Repository {
    /// Places a hold: what is held is not forgotten by anybody. Returns its id.
    ///
    /// # Errors
    ///
    /// As [`crate::Repository::place_hold`].
    pub fn place_hold(&self, request: HoldRequest) -> Result<[u8; 16]> {
        self.run(|repository| async move { repository.place_hold(request).await })
    }

    /// Releases a hold.
    ///
    /// # Errors
    ///
    /// As [`crate::Repository::release_hold`].
    pub fn release_hold(&self, id: [u8; 16]) -> Result<()> {
        self.run(|repository| async move { repository.release_hold(id).await })
    }

    /// Lists the holds in force.
    ///
    /// # Errors
    ///
    /// As [`crate::Repository::holds`].
    pub fn holds(&self) -> Result<Vec<HoldInfo>> {
        self.run(|repository| async move { repository.holds().await })
    }
}
