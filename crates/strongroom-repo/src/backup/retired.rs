//! Copies that do not count because the epoch they are sealed under is retired.

use std::collections::BTreeSet;
use std::sync::Arc;

use strongroom_crypt::Id;
use strongroom_format::FrameKey;

use super::validate::retired;
use crate::blobs::Blobs;
use crate::error::Result;
use crate::index::{Index, is_loss};
use crate::packs::Location;
use crate::state::State;

/// Tells by the headers of packs which copies are sealed under a retired epoch. The index does not say.
#[derive(Debug, Clone)]
pub(super) struct Retired {
    epochs: BTreeSet<u32>,
    state: Arc<State>,
    blobs: Blobs,
}

impl Retired {
    /// Returns `None` where no epoch is retired, which is nearly everywhere: then nothing is asked of headers.
    pub(super) fn of(state: &Arc<State>, blobs: &Blobs) -> Option<Self> {
        let epochs = retired(state);
        (!epochs.is_empty()).then(|| Self {
            epochs,
            state: Arc::clone(state),
            blobs: blobs.clone(),
        })
    }

    /// Says whether a blob has a copy in force, not known to be damaged, under an epoch that is not retired.
    ///
    /// # Errors
    ///
    /// As [`is_retired`](Self::is_retired) and [`Index::grounds`].
    pub(super) fn has_other(&self, index: &Index, id: &Id) -> Result<bool> {
        for (location, _) in index.grounds(id)? {
            if !self.is_retired(&location)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Says whether a copy is sealed under a key that is retired, or cannot be read.
    ///
    /// # Errors
    ///
    /// What the store says when it cannot be reached.
    pub(super) fn is_retired(&self, location: &Location) -> Result<bool> {
        // What came since is of this session, whose epoch is open.
        if !self.state.packs.contains(&location.pack.name)? {
            return Ok(false);
        }
        let header = match self.blobs.header(&location.pack) {
            Ok(header) => header,
            Err(error) if is_loss(&error) => return Ok(true),
            Err(error) => return Err(error),
        };
        let frame = header.frames.get(location.position as usize);
        Ok(match frame.map(|frame| frame.key) {
            Some(FrameKey::Refs) => false,
            Some(FrameKey::Session(session)) => header
                .sessions
                .get(usize::from(session))
                .is_none_or(|session| self.epochs.contains(&session.epoch)),
            None => true,
        })
    }
}
