//! Makes new snapshots of old ones, and commits them.

use std::collections::HashSet;
use std::sync::Arc;

use strongroom_crypt::{Id, Roles, SessionId};
use strongroom_format::limits::MAX_DETAILS_SKIPPED;
use strongroom_format::{
    Body, Commit, Details, Forget, ObjectHash, Outcome, SkipReason, Skipped, Snapshot, Unknown,
};

use super::REWRITTEN_FROM;
use super::directory::{count, rewrite};
use super::plan::{Rewrite, RewritePlan, RewriteReport, Rewritten, exams, successor};
use super::store::{Stored, Tools, TreeWriter};
use crate::backup::{Reach, may_add};
use crate::blobs::Blobs;
use crate::context::encode_error;
use crate::edge::Remote;
use crate::error::{Error, ErrorKind, Result};
use crate::index::is_loss;
use crate::observer::{Event, Observer, Phase};
use crate::repair::live::Live;
use crate::repair::look::Look;
use crate::repair::losses::{LossKind, SnapshotLosses};
use crate::repair::mirrors::Mirrors;
use crate::repair::naming::{Damage, losses_of};
use crate::repository::{Repository, details};
use crate::state::State;

/// What became of one.
enum Ended {
    Done(Rewritten),
    /// There is one by now, or nothing is lost any more.
    Already,
    /// Something else is lost than the plan says.
    Stale,
    /// Others took something away; look again.
    Again,
    /// It cannot be made.
    Lost(Error),
}

/// Carries a plan out.
///
/// # Errors
///
/// `Stale` when nothing could be done as planned; what the store said.
pub(super) fn apply(
    repository: &Repository,
    remote: &Remote,
    plan: &RewritePlan,
    observer: &dyn Observer,
) -> Result<RewriteReport> {
    let mut report = RewriteReport::default();
    let mirrors = Mirrors::new(&[]);
    repository.say_single_writer(observer);
    for one in plan.rewrites.iter().filter(|one| one.made.is_none()) {
        observer.on_event(&Event::Phase(Phase::Store));
        let id = one.losses.id;
        let mut ended = Ended::Again;
        for _ in 0..MAX_TRIES {
            let look = Look::begin(repository, remote, &mirrors)?;
            ended = match rewrite_one(&look, plan, one, &mut report) {
                // Nothing of it is left, or not even what is left can be read.
                Err(error) if is_loss(&error) => Ended::Lost(error),
                other => other?,
            };
            if !matches!(ended, Ended::Again) {
                break;
            }
        }
        match ended {
            Ended::Done(mut done) => {
                if plan.options.forget {
                    done.forgotten = forget(repository, remote, id, &mut report)?;
                }
                report.rewritten.push(done);
            }
            Ended::Already => {}
            Ended::Lost(error) => report.problems.push(error),
            Ended::Stale | Ended::Again => report.stale.push(id),
        }
    }
    if report.rewritten.is_empty() && !report.stale.is_empty() {
        let what = "what snapshots have lost is not what was planned any more";
        return Err(Error::new(ErrorKind::Stale, what));
    }
    Ok(report)
}

fn rewrite_one(
    look: &Look<'_>,
    plan: &RewritePlan,
    one: &Rewrite,
    report: &mut RewriteReport,
) -> Result<Ended> {
    let id = one.losses.id;
    let Some(original) = original(look, &id) else {
        return Ok(Ended::Stale);
    };
    if successor(look, &id).is_some() {
        return Ok(Ended::Already);
    }
    let exams = exams(look, &plan.options)?;
    let mut live = Live::new(look, &exams)?;
    if !live.walk_tree(&original.root)? {
        return Ok(Ended::Already);
    }
    let damage = Damage::of(&live);
    if losses_of(look, &damage, &id, &original)? != one.losses {
        return Ok(Ended::Stale);
    }
    let keys = look.context.keys();
    let tools = Tools::new(look, &keys)?;
    let mut writer = TreeWriter::new(look, &tools)?;
    let root = rewrite(&look.blobs, &original.root, &damage, &mut writer)?;
    let session = tools.session();
    let stored = writer.finish(session.0)?;
    report.written_bytes += writer.written_bytes;
    let index = match &stored.segment {
        Some((segment, bytes)) => {
            let with = look
                .index
                .with_segment(segment, bytes.clone(), look.context)?;
            Arc::new(with)
        }
        None => Arc::clone(&look.index),
    };
    let mut reach = Reach::new(look.repository, look.remote, &index, &look.state);
    if !reach.stands(&root.id, None)? {
        return Ok(Ended::Again);
    }
    let relied = reach.into_names();
    let blobs = Blobs::new(
        look.remote.clone(),
        Arc::clone(look.context),
        index,
        CACHE_BYTES,
    );
    let mut snapshot = record(look, &original, &one.losses, root.id, session.1)?;
    let counts = count(&blobs, &root)?;
    snapshot.summary.files = counts.files;
    snapshot.summary.directories = counts.directories;
    snapshot.summary.others = counts.others;
    snapshot.summary.bytes = counts.bytes;
    snapshot.summary.added_bytes = writer.written_bytes;
    commit(look, (id, snapshot), (session, &stored), &relied)
}

fn original(look: &Look<'_>, id: &Id) -> Option<Arc<Snapshot>> {
    let (n, _) = look.state.snapshot(id)?;
    let (_, snapshot) = look.state.snapshots.get(&n)?;
    Some(Arc::clone(snapshot))
}

/// Makes the record of the new snapshot.
fn record(
    look: &Look<'_>,
    original: &Arc<Snapshot>,
    losses: &SnapshotLosses,
    root: Id,
    epoch: u32,
) -> Result<Snapshot> {
    let context = look.context;
    let mut snapshot = Snapshot::clone(original);
    snapshot.random = context.random()?;
    snapshot.root = root;
    snapshot.outcome = Outcome::Partial;
    snapshot.parent = None;
    let from = losses.id.to_string();
    snapshot.labels.insert(REWRITTEN_FROM, from);
    let lost = losses.files + losses.entries + losses.pages;
    snapshot.summary.skipped = snapshot.summary.skipped.saturating_add(lost);
    snapshot.summary.new_bytes = 0;
    snapshot.summary.unchanged = 0;
    let mut known = details(context, original).unwrap_or_default();
    leave_out(&mut known, losses);
    let keys = context.keys();
    let (epoch, key) = match keys.epoch(epoch) {
        Some(key) => (epoch, key),
        None => keys.open_epoch(&look.state)?,
    };
    let sealer = key.details(context.suite, &context.components.random);
    let sealed = known.seal(&sealer, &context.repository, &snapshot.random);
    snapshot.details = Some((epoch, sealed.map_err(encode_error)?));
    Ok(snapshot)
}

/// Adds what is left out to what the original says was skipped: it is the news.
fn leave_out(details: &mut Details, losses: &SnapshotLosses) {
    let lost = losses.paths.iter().map(|one| Skipped {
        path: one.path.clone(),
        reason: SkipReason::ReadError,
        message: match one.what {
            LossKind::Content => "its content was lost in the repository".to_owned(),
            LossKind::Entries(Some(count)) => {
                format!("{count} entries of it were lost in the repository")
            }
            LossKind::Entries(None) => "entries of it were lost in the repository".to_owned(),
        },
    });
    let mut skipped: Vec<Skipped> = lost.collect();
    skipped.append(&mut details.skipped);
    skipped.truncate(MAX_DETAILS_SKIPPED);
    details.skipped = skipped;
}

/// Commits the new snapshot, if in the state before the entry everything that it needs is still there.
fn commit(
    look: &Look<'_>,
    (from, snapshot): (Id, Snapshot),
    ((session, epoch), stored): ((SessionId, u32), &Stored),
    relied: &HashSet<ObjectHash>,
) -> Result<Ended> {
    let keys = look.context.keys();
    let to = snapshot.id(&keys.structure).map_err(encode_error)?;
    let entry = Commit {
        snapshot,
        packs: stored.packs.clone(),
        segments: stored.segment.iter().map(|(segment, _)| *segment).collect(),
        session,
        seen: Some((look.state.head, look.state.head_hash)),
        unknown: Unknown::default(),
    };
    let mut refused = false;
    let mut make = |now: &State| {
        let is_new = now.snapshot(&from).is_some();
        refused = !is_new || !may_add(now, &session, epoch) || !stands(look, now, stored, relied)?;
        match refused {
            false => Ok(Body::Commit(Box::new(entry.clone()))),
            // Never leaves this function: why is in a variable beside it.
            true => Err(Error::new(ErrorKind::Stale, "the ground has moved")),
        }
    };
    let journal = look.repository.journal();
    let appended = journal.append(look.remote, look.context, Roles::WRITER, &mut make);
    if refused {
        return Ok(Ended::Again);
    }
    Ok(Ended::Done(Rewritten {
        from,
        to,
        entry: appended?.n,
        forgotten: false,
    }))
}

/// Says whether what was found in the state that was looked at can be relied on now.
///
/// # Errors
///
/// As [`Packs::get`](crate::state::Packs::get).
fn stands(
    look: &Look<'_>,
    now: &State,
    stored: &Stored,
    relied: &HashSet<ObjectHash>,
) -> Result<bool> {
    let then = &look.state;
    let same_damage = |name: &ObjectHash| now.damaged.get(name) == then.damaged.get(name);
    let is_own = |name: &ObjectHash| !now.dropped.contains_key(name);
    let mut packs = stored.packs.iter().map(|pack| &pack.name);
    let mut segments = stored.segment.iter().map(|(segment, _)| &segment.name);
    Ok(now.are_in_force(relied)?
        && relied.iter().all(same_damage)
        && packs.all(|name| is_own(name) && same_damage(name))
        && segments.all(is_own)
        && crate::backup::retired_epochs(now) == look.retired)
}

/// Forgets an original; says whether it did.
fn forget(
    repository: &Repository,
    remote: &Remote,
    id: Id,
    report: &mut RewriteReport,
) -> Result<bool> {
    let mut make = |_: &State| {
        Ok(Body::Forget(Forget {
            snapshots: vec![id],
            ..Forget::default()
        }))
    };
    let context = repository.context();
    let journal = repository.journal();
    match journal.append(remote, context, Roles::MAINTAINER, &mut make) {
        Ok(_) => Ok(true),
        // It is held, or somebody else has forgotten it.
        Err(error) if error.kind() == ErrorKind::Conflict => {
            report.problems.push(error);
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// How often it is tried when others take something away.
const MAX_TRIES: u32 = 8;
/// Decoded frames of pages and names.
const CACHE_BYTES: usize = 16 << 20;
