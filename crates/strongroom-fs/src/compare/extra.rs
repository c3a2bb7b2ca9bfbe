//! What is on disk and not in the snapshot.

use std::sync::Arc;

use strongroom_format::NodeKind;
use strongroom_repo::Include;

use super::report::Discrepancy;
use super::target::Comparison;
use crate::dirs;
use crate::stat;
use crate::tree::scan::{Lister, Mount, Place, ScanError, Seen};
use crate::tree::select::Selection;

/// The directories that the walk is in, from the root downwards, as the source sees them.
#[derive(Debug, Default)]
pub(super) struct Levels(Vec<Place>);

impl Comparison {
    /// Returns the names in a directory that belong to the source, sorted.
    pub(super) fn names_on_disk(&self, path: &[u8]) -> Vec<Vec<u8>> {
        let Some(place) = self.place(path) else {
            return Vec::new();
        };
        let mut lister = Lister::new();
        let mut listing = match self.scan.list(&place, &mut lister, usize::MAX) {
            Ok(listing) => listing,
            Err(ScanError::Source(error)) => {
                self.fail(path, error.message().to_owned());
                return Vec::new();
            }
            // It is not read ahead.
            Err(ScanError::TooLarge) => return Vec::new(),
        };
        let mut names = Vec::new();
        loop {
            while let Some((name, seen)) = listing.take() {
                if !matches!(seen, Seen::Excluded(_)) {
                    names.push(name.to_vec());
                }
            }
            match self.scan.next_slice(&place, &mut lister, &mut listing) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    self.fail(path, error.message().to_owned());
                    break;
                }
            }
        }
        if let Some(error) = listing.broke {
            self.fail(path, error.message().to_owned());
        }
        names
    }

    /// Returns a directory as the source sees it; `None` if its content is no part of the source.
    fn place(&self, path: &[u8]) -> Option<Place> {
        let disk = self.look(path).ok()??;
        if stat::kind_of(&disk) != Some(NodeKind::Directory) {
            return None;
        }
        let device = stat::device_of(&disk);
        let mut levels = self.levels();
        let Ok((above, name)) = dirs::split(path) else {
            let mount = Mount {
                device,
                path: Vec::new(),
            };
            let place = Place {
                path: Arc::from([]),
                mount: Arc::new(mount),
                selection: self.scan.selection.clone(),
            };
            levels.0 = vec![place.clone()];
            return Some(place);
        };
        while levels.0.pop_if(|level| *level.path != *above).is_some() {}
        let parent = levels.0.last()?;
        let named = match &parent.selection {
            Selection::Whole => None,
            Selection::Only(names) => Some(names.get(name)?.clone()),
        };
        let mut mount = Arc::clone(&parent.mount);
        if device != mount.device {
            if self.scan.one_file_system.is_some() && named.is_none() {
                return None;
            }
            let path = path.to_vec();
            mount = Arc::new(Mount { device, path });
        }
        let place = Place {
            path: Arc::from(path),
            mount,
            selection: named.unwrap_or(Selection::Whole),
        };
        levels.0.push(place.clone());
        Some(place)
    }
}

impl Include for Comparison {
    /// Is asked, without a kind, for everything that only the disk has. Nothing is ever removed.
    fn includes(&self, path: &[u8], kind: Option<NodeKind>) -> bool {
        let include = self.options.include.as_ref();
        let wanted = include.is_none_or(|include| include.includes(path, kind));
        if wanted && kind.is_none() {
            let disk = self.look(path).ok().flatten();
            // What is gone by now is in neither.
            if let Some(disk) = disk {
                self.differs(
                    path,
                    Discrepancy::OnlyOnDisk,
                    String::new(),
                    Some(&disk),
                    None,
                );
            }
            return false;
        }
        wanted
    }
}
