//! Copies of snapshots in another repository, with other keys, another suite, another chunker.
//!
//! A snapshot is a source like any other: its tree is walked, and the ordinary backup pipeline of the target stores what the
//! target has not got. Between two copies of a series only what differs is read, and that is decided by what entries refer to in
//! the source and not by times alone: a copy is exact.

mod content;
mod options;
mod origin;
mod original;
mod report;
mod source;
#[cfg(test)]
mod tests;
mod walk;

use std::sync::Arc;

use strongroom_crypt::Id;
use strongroom_format::{Details, Snapshot};

pub use self::options::CopyOptions;
use self::origin::{Copies, Origin, lacks_of};
pub(crate) use self::original::Original;
pub use self::report::{Copied, CopyReport, NotCopied, Uncopied};
use self::source::CopySource;
use crate::backup::{BackupOptions, ParentChoice, back_up};
use crate::context::Context;
use crate::edge::Remote;
use crate::error::{Error, ErrorKind, Result};
use crate::index::is_loss;
use crate::observer::{Event, Observer};
use crate::pair;
use crate::repository::Repository;
use crate::state::State;

impl Repository {
    /// Copies snapshots into another repository, the oldest first.
    ///
    /// Times, series, tags, labels, details and all metadata of entries stay as they are; ids, chunks and parents are the target's. A
    /// label of the copy names the repository and the snapshot that it was first made of, and what is there by that
    /// label is not copied again, whichever way it came. So an interrupted copy is resumed by the same call.
    ///
    /// What cannot be read here is left out, told to the observer and named in the report and in the copy, which is then `Partial`.
    /// A snapshot that cannot be read at all, or is forgotten meanwhile, is named in the report; the others are copied.
    ///
    /// # Errors
    ///
    /// `Invalid` when the target is this repository; `NotFound` when one of the ids is not in force; otherwise what
    /// [`backup`](Self::backup) says of the target, or either store said. What was copied before is there.
    ///
    /// # Cancellation
    ///
    /// Dropping the future ends the copying. Snapshots that were committed in the target are there; at worst unreferenced packs remain.
    pub async fn copy_to(
        &self,
        target: &Self,
        options: CopyOptions,
        observer: Arc<dyn Observer>,
    ) -> Result<CopyReport> {
        if self.id() == target.id() {
            let what = "the target is the same repository";
            return Err(Error::new(ErrorKind::Invalid, what));
        }
        let (source, to) = (self.clone(), target.clone());
        let work = move |from: &Remote, remote: &Remote| {
            let copying = Copying {
                source: &source,
                from,
                target: &to,
                remote,
                options: &options,
                observer: &observer,
            };
            let report = copying.run();
            to.journal().keep(to.context());
            report
        };
        pair::between(self.store(), target.store(), "strongroom-copy", work).await
    }

    /// Copies snapshots into several repositories, one after the other. What fails for one does not keep the others from theirs.
    ///
    /// # Errors
    ///
    /// As [`copy_to`](Self::copy_to), for each target.
    ///
    /// # Cancellation
    ///
    /// As [`copy_to`](Self::copy_to).
    pub async fn copy_to_all(
        &self,
        targets: &[Self],
        options: CopyOptions,
        observer: Arc<dyn Observer>,
    ) -> Vec<Result<CopyReport>> {
        let mut reports = Vec::with_capacity(targets.len());
        for target in targets {
            let copied = self.copy_to(target, options.clone(), observer.clone());
            reports.push(copied.await);
        }
        reports
    }
}

/// What one call works on.
struct Copying<'a> {
    source: &'a Repository,
    from: &'a Remote,
    target: &'a Repository,
    remote: &'a Remote,
    options: &'a CopyOptions,
    observer: &'a Arc<dyn Observer>,
}

/// A snapshot of the source.
type Selected = (Id, Snapshot);

impl Copying<'_> {
    fn run(&self) -> Result<CopyReport> {
        let state = self
            .source
            .journal()
            .refresh(self.from, self.source.context())?;
        let selected = self.options.select(&state)?;
        let mut report = CopyReport::default();
        let mut copies = self.copies()?;
        let of = selected.len() as u64;
        for (done, one) in (0..).zip(&selected) {
            self.observer.on_event(&Event::Snapshot {
                id: &one.0,
                done,
                of,
            });
            let origin = Origin::of(&self.source.id(), &one.0, &one.1);
            if let Some(copy) = copies.find(&origin, self.most_lacking(&one.1)) {
                report.note(one.0, Uncopied::AlreadyThere(copy));
                continue;
            }
            self.copy(one, &mut copies, &mut report)?;
        }
        Ok(report)
    }

    fn copy(&self, one: &Selected, copies: &mut Copies, report: &mut CopyReport) -> Result<()> {
        let (id, snapshot) = one;
        let now = self.source.journal().state();
        let parent = self.parent(one, &now, copies);
        let origin = Origin::of(&self.source.id(), id, snapshot);
        let (source, options) = match self.prepare(one, parent, &origin) {
            Err(error) if is_loss(&error) || error.kind() == ErrorKind::WrongKey => {
                report.note(*id, Uncopied::Unreadable(error));
                return Ok(());
            }
            prepared => prepared?,
        };
        let copied = back_up(self.target, self.remote, &source, &options, self.observer);
        report.fetched_bytes += source.fetched();
        match (copied, source.take_failure()) {
            (Ok(copied), _) => {
                let lost = report.add(*id, snapshot, &copied);
                let lacks = lacks_of(&snapshot.labels).saturating_add(lost);
                copies.add(origin, copied.snapshot, lacks);
            }
            (Err(_), Some(_)) if source.is_forgotten() => report.note(*id, Uncopied::Forgotten),
            (Err(_), Some(error)) if is_loss(&error) => {
                report.note(*id, Uncopied::Unreadable(error));
            }
            (Err(_), Some(error)) => return Err(error),
            // Somebody else was faster.
            (Err(error), None) if error.kind() == ErrorKind::AlreadyExists => {
                *copies = self.copies()?;
                match copies.find(&origin, u64::MAX) {
                    Some(copy) => report.note(*id, Uncopied::AlreadyThere(copy)),
                    None => return Err(error),
                }
            }
            (Err(error), None) => return Err(error),
        }
        Ok(())
    }

    /// Reads what the target has.
    fn copies(&self) -> Result<Copies> {
        let context = self.target.context();
        let state = self.target.journal().refresh(self.remote, context)?;
        Ok(Copies::of(&self.target.id(), &state))
    }

    /// Returns how many entries a copy may lack, not to be made once more.
    fn most_lacking(&self, snapshot: &Snapshot) -> u64 {
        match self.options.again_in_part {
            true => lacks_of(&snapshot.labels),
            false => u64::MAX,
        }
    }

    /// Chooses the latest snapshot of the series before this one that has a copy, and that copy.
    fn parent(&self, one: &Selected, now: &State, copies: &Copies) -> Option<(Id, Id)> {
        let (_, snapshot) = one;
        let host = |one: &Snapshot| one.labels.get("host").map(str::to_owned);
        let is_before = |other: &Snapshot| {
            other.series == snapshot.series
                && host(other) == host(snapshot)
                && other.began <= snapshot.began
        };
        let mut before: Vec<&(Id, Arc<Snapshot>)> = now
            .snapshots
            .values()
            .filter(|(id, other)| *id != one.0 && is_before(other))
            .collect();
        before.sort_by_key(|(_, other)| std::cmp::Reverse(other.began));
        before.into_iter().find_map(|(id, other)| {
            let origin = Origin::of(&self.source.id(), id, other);
            Some((*id, copies.find(&origin, u64::MAX)?))
        })
    }

    fn prepare(
        &self,
        (id, snapshot): &Selected,
        parent: Option<(Id, Id)>,
        origin: &Origin,
    ) -> Result<(CopySource, BackupOptions)> {
        let details = details(self.source.context(), snapshot)?;
        let source = CopySource::open(self.source, self.from, *id, parent.map(|(id, _)| id))?;
        let mut options = BackupOptions::new(snapshot.series.clone());
        options.tags = snapshot.tags.clone();
        options.labels = snapshot.labels.to_map();
        origin.label(&mut options.labels);
        options.utc_offset_seconds = snapshot.utc_offset_seconds;
        options.program = snapshot.program.clone();
        options.chunking = self.options.chunking_of(snapshot)?;
        options.parent = match parent {
            Some((_, copy)) => ParentChoice::Snapshot(copy),
            None => ParentChoice::None,
        };
        let most = self.most_lacking(snapshot);
        let original = Original::new(snapshot, details, origin.clone(), most);
        options.original = Some(Arc::new(original));
        Ok((source, options))
    }
}

/// Opens the details of a snapshot. A copy without them would say less than its original.
fn details(context: &Context, snapshot: &Snapshot) -> Result<Details> {
    let Some((epoch, sealed)) = &snapshot.details else {
        return Ok(Details::default());
    };
    let keys = context.keys();
    let key = keys.epoch(*epoch).ok_or_else(|| {
        let what = "the key of an epoch is not in the keyring";
        Error::new(ErrorKind::WrongKey, what)
    })?;
    let sealer = key.details(context.suite, &context.components.random);
    Details::open(&sealer, &context.repository, &snapshot.random, sealed).map_err(|error| {
        Error::new(ErrorKind::Damaged, "the details of a snapshot do not open").caused_by(error)
    })
}
