//! Canaries: files that nobody changes, so that whoever touches everything touches them.

use std::ops::ControlFlow;

use strongroom_crypt::Id;
use strongroom_format::NodeKind;

use crate::blobs::Blobs;
use crate::edge;
use crate::error::{ErrorKind, Result};
use crate::list::{Found, read, resolve};
use crate::repository::Repository;
use crate::restore::open_snapshot;
use crate::tree::TreeEntry;

/// What became of files that nobody changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Canaries {
    /// Those that the earlier snapshot has, and the later one not, or with other content.
    pub changed: u64,
    /// Those that the later snapshot does not have as a file, whatever the earlier one has: a path that was mistyped watches nothing.
    pub missing: u64,
}

impl Repository {
    /// Looks at files that nobody changes, in a snapshot and, if there is one, in an earlier one. `paths` are those in the snapshots.
    ///
    /// Only content counts: another time or owner does not. Where the same number of bytes was stored in other pieces, both are read and compared.
    ///
    /// # Errors
    ///
    /// `NotFound` when one of the snapshots is not in force; `Damaged` or `NotFound` naming an object when a page, or content that has to be compared, is
    /// lost; otherwise what the store said.
    ///
    /// # Cancellation
    ///
    /// Dropping the future ends it at the next page.
    pub async fn canaries(
        &self,
        earlier: Option<&Id>,
        later: &Id,
        paths: Vec<Vec<u8>>,
    ) -> Result<Canaries> {
        let (this, earlier, later) = (self.clone(), earlier.copied(), *later);
        edge::run(self.store(), "strongroom-canaries", move |remote| {
            let open = |id: &Id| open_snapshot(&this, remote, id, CACHE_BYTES);
            let before = earlier.as_ref().map(open).transpose()?;
            let (after, after_blobs) = open(&later)?;
            let mut found = Canaries::default();
            for path in &paths {
                let is = file_at(&after_blobs, &after.root, path)?;
                found.missing += u64::from(is.is_none());
                let Some((before, blobs)) = &before else {
                    continue;
                };
                let Some(was) = file_at(blobs, &before.root, path)? else {
                    continue;
                };
                let is_same = match &is {
                    Some(is) => is_same((blobs, &was), (&after_blobs, is))?,
                    None => false,
                };
                found.changed += u64::from(!is_same);
            }
            Ok(found)
        })
        .await
    }
}

/// Returns the file at a path; `None` if there is none.
fn file_at(blobs: &Blobs, root: &Id, path: &[u8]) -> Result<Option<Box<TreeEntry>>> {
    match resolve(blobs, root, path) {
        Ok(Found::Entry(entry)) if matches!(entry.node.kind, NodeKind::File | NodeKind::Stream) => {
            Ok(Some(entry))
        }
        Ok(_) => Ok(None),
        // A page that is lost has a name, and then nobody knows what was there.
        Err(error) if error.kind() == ErrorKind::NotFound && error.object().is_none() => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_same(was: (&Blobs, &TreeEntry), is: (&Blobs, &TreeEntry)) -> Result<bool> {
    if was.1.node.size != is.1.node.size {
        return Ok(false);
    }
    Ok(was.1.refs == is.1.refs || hash(was)? == hash(is)?)
}

fn hash((blobs, entry): (&Blobs, &TreeEntry)) -> Result<blake3::Hash> {
    let mut hasher = blake3::Hasher::new();
    read(blobs, entry, &mut |piece| {
        hasher.update(piece);
        ControlFlow::Continue(())
    })?;
    Ok(hasher.finalize())
}

const CACHE_BYTES: usize = 8 << 20;

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;
    use crate::testing::{Shape, Tree, Writer, repository};

    fn tree(files: &[(&str, &str)]) -> Tree {
        let files = files
            .iter()
            .map(|(name, text)| (*name, Tree::file(text.as_bytes())));
        Tree::dir([("d", Tree::dir(files))])
    }

    fn look(before: Option<&Tree>, after: &Tree, paths: &[&str]) -> Canaries {
        let (_, repository) = repository();
        let write = |tree: &Tree| Writer::new(&repository, Shape::default()).snapshot(tree, "mail");
        let before = before.map(write);
        let after = write(after);
        let paths = paths.iter().map(|path| path.as_bytes().to_vec()).collect();
        block_on(repository.canaries(before.as_ref(), &after, paths)).unwrap()
    }

    fn found(changed: u64, missing: u64) -> Canaries {
        Canaries { changed, missing }
    }

    #[test]
    fn a_canary_that_was_touched_or_is_gone_is_counted() {
        let before = tree(&[("a", "one"), ("b", "two"), ("c", "three"), ("e", "four")]);
        let after = tree(&[("a", "one"), ("b", "owt"), ("e", "longer")]);
        let paths = ["d/a", "/d/b", "d/c", "d/e"];
        assert_eq!(look(Some(&before), &after, &paths), found(3, 1));
        assert_eq!(look(Some(&before), &before, &paths), found(0, 0));
    }

    #[test]
    fn one_that_never_was_there_is_missing_and_not_changed() {
        let before = tree(&[("a", "one")]);
        let after = tree(&[("a", "one"), ("new", "canary")]);
        let paths = ["d/new", "nowhere", "d"];
        assert_eq!(look(Some(&before), &after, &paths), found(0, 2));
        assert_eq!(look(None, &after, &["d/a", "d/b"]), found(0, 1));
    }
}
