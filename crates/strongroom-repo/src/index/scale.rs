//! The index and the state at a scale that no test has: of the repository nothing else exists.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use strongroom_format::{ObjectHash, PackClass};

use super::{Breadth, Index};
use crate::edge;
use crate::error::{Error, ErrorKind, Result};
use crate::head::Cache;
use crate::journal::View;
use crate::prune::scale::{PruneScale, ScaleShape, id, splitmix};
use crate::state::State;

/// The index of a repository that is a function of a number, in a local cache folder, and the state that belongs to it.
#[derive(Debug)]
pub struct IndexScale {
    scale: PruneScale,
    folder: PathBuf,
    state: Option<Arc<State>>,
    index: Option<Arc<Index>>,
}

impl IndexScale {
    /// Takes up the repository in this cache folder, or an empty one; nothing is made or loaded yet.
    ///
    /// # Errors
    ///
    /// What creating a repository in memory may say.
    pub async fn open(cache: &Path, shape: ScaleShape) -> Result<Self> {
        Ok(Self {
            scale: PruneScale::open(cache, shape).await?,
            folder: cache.to_owned(),
            state: None,
            index: None,
        })
    }

    /// Makes the index, one segment after another.
    ///
    /// # Errors
    ///
    /// As [`PruneScale::generate`].
    pub fn make(&self) -> Result<()> {
        self.scale.generate()
    }

    /// Writes the state as the local cache keeps it, beside the index.
    ///
    /// # Errors
    ///
    /// `Internal` when it cannot be written.
    pub fn remember(&self) -> Result<()> {
        let context = self.scale.context();
        let mut view = View {
            state: self.made_up_state()?,
            recent: Vec::new(),
        };
        match self.cache().write(context, &mut view, None) {
            None => Err(Error::new(ErrorKind::Internal, "nothing was remembered")),
            Some(_) => Ok(()),
        }
    }

    /// Reads the state that [`remember`](Self::remember) wrote.
    ///
    /// # Errors
    ///
    /// `NotFound` when there is none.
    pub fn recall(&mut self) -> Result<()> {
        let remembered = self.cache().read();
        let view = remembered.and_then(|one| one.view(self.scale.context()));
        let missing = || Error::new(ErrorKind::NotFound, "nothing is remembered");
        self.state = Some(view.ok_or_else(missing)?.state);
        Ok(())
    }

    /// Loads the index, with a state that is made up if none was recalled.
    ///
    /// # Errors
    ///
    /// `Damaged` when the index is not whole.
    pub async fn load(&mut self) -> Result<()> {
        let state = match &self.state {
            Some(state) => Arc::clone(state),
            None => self.made_up_state()?,
        };
        self.state = Some(Arc::clone(&state));
        let context = Arc::clone(self.scale.context());
        let loaded = edge::run(self.scale.store(), "strongroom-scale", move |remote| {
            Index::load(remote, &context, &state, None, Breadth::Whole)
        });
        self.index = Some(Arc::new(loaded.await?));
        Ok(())
    }

    /// Returns how many packs the state has.
    #[must_use]
    pub fn packs(&self) -> u64 {
        self.state
            .as_ref()
            .map_or(0, |state| state.packs.len() as u64)
    }

    /// Returns the bytes of memory of all filters.
    #[must_use]
    pub fn filter_bytes(&self) -> u64 {
        let index = self.index.iter();
        index.map(|index| index.routing().filter_bytes()).sum()
    }

    /// Looks up blobs that are there, scattered over the whole index, and returns how many were found.
    ///
    /// # Errors
    ///
    /// `Damaged` when a page cannot be read.
    pub fn find_present(&self, count: u64) -> Result<u64> {
        let blobs = self.scale.blobs(PackClass::Data).max(1);
        self.find(count, |number| splitmix(number) % blobs)
    }

    /// Looks up blobs that are not there, and returns how many were found: none.
    ///
    /// # Errors
    ///
    /// `Damaged` when a page cannot be read.
    pub fn find_absent(&self, count: u64) -> Result<u64> {
        self.find(count, |number| ABSENT + number)
    }

    /// Merges whatever is worth it, one group after another, and returns how many segments there were in these and how many came of them.
    ///
    /// # Errors
    ///
    /// `Damaged` when a page cannot be read.
    pub fn merge(&self) -> Result<(u64, u64)> {
        let (Some(index), Some(state)) = (&self.index, &self.state) else {
            return Ok((0, 0));
        };
        let (mut before, mut after) = (0, 0);
        for group in index.to_merge(state) {
            let merged = index.merged(&group, state)?;
            before += group.len() as u64;
            let bytes = self.scale.sealed(merged)?;
            after += u64::from(!ObjectHash::of(&bytes).as_bytes().is_empty());
        }
        Ok((before, after))
    }

    fn find(&self, count: u64, number: impl Fn(u64) -> u64) -> Result<u64> {
        let Some(index) = &self.index else {
            return Ok(0);
        };
        let mut found = 0;
        for at in 0..count {
            found += u64::from(index.contains(&id(PackClass::Data, number(at)))?);
        }
        Ok(found)
    }

    #[cfg(test)]
    pub(super) fn index(&self) -> Option<&Arc<Index>> {
        self.index.as_ref()
    }

    fn made_up_state(&self) -> Result<Arc<State>> {
        let context = self.scale.context();
        let mut state = self.scale.state(context)?;
        state.genesis = context.keys().genesis;
        state.head = 1;
        Ok(Arc::new(state))
    }

    fn cache(&self) -> Cache {
        Cache::new(
            &self.folder.join("remembered"),
            &self.scale.context().repository,
            crate::settings::PACKS_IN_MEMORY,
        )
    }
}

/// No blob has so high a number.
const ABSENT: u64 = 1 << 50;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_made_is_recalled_loaded_and_found() {
        let folder = tempfile::tempdir().unwrap();
        let shape = ScaleShape {
            segment_blobs: 1_000,
            ..ScaleShape::of_blobs(20_000)
        };
        let open = || futures::executor::block_on(IndexScale::open(folder.path(), shape)).unwrap();
        open().make().unwrap();
        open().remember().unwrap();
        let mut scale = open();
        scale.recall().unwrap();
        assert!(scale.packs() > 30);
        futures::executor::block_on(scale.load()).unwrap();
        assert!((20_000..60_000).contains(&scale.filter_bytes()));
        assert_eq!(scale.find_present(500).unwrap(), 500);
        assert_eq!(scale.find_absent(500).unwrap(), 0);
        let (before, after) = scale.merge().unwrap();
        assert!(before > 15 && after == 1, "{before} became {after}");
    }
}
