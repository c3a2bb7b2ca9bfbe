//! What a backup would take.

use strongroom_format::NodeKind;

use super::Base;
use super::judge::{Entered, Judge, Verdict};
use super::run::parent_blobs;
use crate::edge::Remote;
use crate::error::{Error, ErrorKind, Result};
use crate::observer::{Event, Observer};
use crate::repository::Repository;
use crate::source::{Source, WalkEvent};

/// What a backup would take.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DryRun {
    /// Entries that would be in the snapshot.
    pub entries: u64,
    /// Bytes of content that would be read.
    pub bytes: u64,
    /// Entries known from the parent, not read.
    pub unchanged: u64,
    /// Entries left out by a rule.
    pub excluded: u64,
    /// Entries that cannot be listed.
    pub problems: u64,
}

pub(super) fn dry_run(
    repository: &Repository,
    remote: &Remote,
    base: &Base,
    source: &dyn Source,
    observer: &dyn Observer,
) -> Result<DryRun> {
    let blobs = parent_blobs(repository, remote, base);
    let mut judge = Judge::new(base.beside(&blobs));
    let mut count = DryRun::default();
    let failed =
        |error| Error::new(ErrorKind::Source, "the source cannot be read").caused_by(error);
    let mut walk = source.walk().map_err(failed)?;
    let mut events = Vec::new();
    let mut more = true;
    while more {
        remote.before_step()?;
        more = walk.next(&mut events);
        for event in events.drain(..) {
            let (entry, unchanged) = match event {
                WalkEvent::Enter(entry) => {
                    let unchanged = matches!(judge.enter(&entry), Entered::Known(_));
                    (entry, unchanged)
                }
                WalkEvent::Leave => {
                    judge.leave();
                    continue;
                }
                WalkEvent::Item(entry) => {
                    let unchanged = matches!(judge.item(&entry)?, Verdict::Known(_));
                    (entry, unchanged)
                }
                WalkEvent::Problem(problem) => {
                    count.problems += 1;
                    observer.on_event(&Event::Problem(&problem));
                    continue;
                }
                WalkEvent::Excluded { path, rule } => {
                    count.excluded += 1;
                    observer.on_event(&Event::Excluded {
                        path: &path,
                        rule: &rule,
                    });
                    continue;
                }
            };
            let bytes = if entry.node.kind == NodeKind::Directory {
                0
            } else {
                entry.node.size
            };
            count.entries += 1;
            count.unchanged += u64::from(unchanged);
            count.bytes += if unchanged { 0 } else { bytes };
            observer.on_event(&Event::Entry {
                path: &entry.path(),
                unchanged,
                bytes,
            });
        }
    }
    Ok(count)
}
