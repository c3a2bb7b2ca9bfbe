//! A dump goes from the repository into the sandbox, piece by piece.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

use strongroom::{Depth, Node, NodeKind};

use super::Drill;
use super::trouble::{of_error, of_sandbox, of_stopped};
use crate::phase::Phase;
use crate::report::{Effect, Finding, Report};
use crate::sandbox::Loader;
use crate::stop::Stop;

pub(super) fn load(drill: &mut Drill, report: &mut Report, stop: &Stop) -> Result<(), Finding> {
    let (path, size) = entry(drill, stop)?;
    let loader = drill.sandbox.loader(stop);
    let loader = loader.map_err(|error| of_sandbox(Phase::Load, &error))?;
    let shared = Arc::new(Mutex::new(Feeding {
        loader: Some(loader),
        is_broken: false,
    }));
    let into = Arc::clone(&shared);
    let each = move |piece: &[u8]| {
        let mut feeding = into.lock().unwrap_or_else(PoisonError::into_inner);
        feeding.give(piece)
    };
    let snapshot = drill.choice.snapshot;
    let read = drill.repository.read_file(&snapshot, &path, each);
    // When it is time to stop, the loader may be busy: whoever cleans up ends what it waits for.
    let read = stop
        .wait(read)
        .map_err(|stopped| of_stopped(Phase::Load, stopped))?;
    let mut feeding = shared.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(loader) = feeding.loader.take() else {
        let what = "nothing took the dump";
        return Err(Finding::new(Effect::NotProven, Phase::Load, "engine", what));
    };
    // An error while it is read is its cause for a dump that ends too soon: the database is not asked.
    let bytes = read.map_err(|error| of_error(Phase::Load, &error))?;
    loader
        .finish()
        .map_err(|error| of_sandbox(Phase::Load, &error))?;
    if feeding.is_broken {
        let what = "the database did not take the whole dump, and said nothing";
        return Err(Finding::new(
            Effect::Failed,
            Phase::Load,
            "content-refused",
            what,
        ));
    }
    if bytes != size {
        let what = format!("the dump has {bytes} bytes and had {size}");
        return Err(Finding::new(
            Effect::Failed,
            Phase::Load,
            "entry-short",
            what,
        ));
    }
    report.bytes = bytes;
    report.files = 1;
    Ok(())
}

struct Feeding {
    loader: Option<Box<dyn Loader>>,
    is_broken: bool,
}

impl Feeding {
    fn give(&mut self, piece: &[u8]) -> ControlFlow<()> {
        let taken = self.loader.as_mut().map(|loader| loader.write_all(piece));
        match taken {
            Some(Ok(())) => ControlFlow::Continue(()),
            // Why is said when it is finished.
            _ => {
                self.is_broken = true;
                ControlFlow::Break(())
            }
        }
    }
}

/// Finds the dump: the file that was named, or the only one.
fn entry(drill: &Drill, stop: &Stop) -> Result<(Vec<u8>, u64), Finding> {
    let found = Arc::new(Mutex::new(Vec::new()));
    let (into, wanted) = (Arc::clone(&found), drill.entry.clone());
    let each = move |path: &[u8], node: &Node| {
        let is_content = matches!(node.kind, NodeKind::File | NodeKind::Stream);
        let is_wanted = wanted.as_ref().is_none_or(|wanted| wanted == path);
        let mut found = into.lock().unwrap_or_else(PoisonError::into_inner);
        if is_content && is_wanted {
            found.push((path.to_vec(), node.size));
        }
        if found.len() > 1 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let listing = drill
        .repository
        .list(&drill.choice.snapshot, b"", Depth::All, each);
    let listing = stop
        .wait(listing)
        .map_err(|stopped| of_stopped(Phase::Load, stopped))?;
    listing.map_err(|error| of_error(Phase::Load, &error))?;
    let mut found = std::mem::take(&mut *found.lock().unwrap_or_else(PoisonError::into_inner));
    let only = found.pop().filter(|_| found.is_empty());
    only.ok_or_else(|| {
        let what = "the snapshot has no file, or several and none is named as the dump";
        Finding::new(Effect::NotProven, Phase::Load, "entry-unclear", what)
    })
}
