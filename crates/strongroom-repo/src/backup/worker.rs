//! What the computing threads do: read small files, cut, hash, leave out what is known, compress, seal.

use crossbeam_channel::Sender;
use strongroom_format::{BlobRecord, NodeKind, Ref, RefKind};

use super::Run;
use super::group::Group;
use crate::buffers::OneOfFew;
use crate::error::Result;
use crate::frame_writer::{FrameWriter, Gather};
use crate::outlet::Outlet;
use crate::source::Fill;

/// Work for a computing thread.
#[derive(Debug)]
pub(super) enum Job {
    /// Small files and metadata.
    Group(Group),
    /// Consecutive chunks of one large file.
    Chunks(Chunks),
}

/// Consecutive chunks of one large file.
#[derive(Debug)]
pub(super) struct Chunks {
    /// Their bytes, from the front of the buffer.
    pub(super) data: OneOfFew,
    /// Where each ends.
    pub(super) ends: Vec<usize>,
    /// The owner of the file.
    pub(super) owner: u32,
    /// Takes the references.
    pub(super) reply: Sender<Vec<Ref>>,
}

/// Kind of a blob of file content, docs/format.md §3.5.
pub(super) const DATA: u8 = 0;

/// Does one job after another.
#[derive(Debug)]
pub(super) struct Worker<'r, 'a> {
    run: &'r Run<'a>,
    frames: FrameWriter<'a>,
    gather: Gather,
    results: Outlet<'r, Result<Group>>,
}

impl<'r, 'a> Worker<'r, 'a> {
    pub(super) fn new(
        run: &'r Run<'a>,
        frames: FrameWriter<'a>,
        results: Outlet<'r, Result<Group>>,
    ) -> Self {
        Self {
            run,
            frames,
            gather: Gather::default(),
            results,
        }
    }

    /// Does a job and hands on what came of it.
    pub(super) fn work(&mut self, job: Job) -> Result<()> {
        let Self {
            run,
            frames,
            gather,
            results,
        } = self;
        run.remote.before_batch()?;
        match job {
            Job::Group(mut group) => {
                fill(run, frames, gather, &mut group)?;
                results.send(Ok(group))
            }
            Job::Chunks(chunks) => {
                let refs = store_chunks(run, frames, gather, &chunks)?;
                let Chunks { data, reply, .. } = chunks;
                drop(data);
                // A reader that has gone has had an error of its own.
                drop(reply.send(refs));
                Ok(())
            }
        }
    }
}

fn fill(
    run: &Run<'_>,
    frames: &mut FrameWriter<'_>,
    gather: &mut Gather,
    group: &mut Group,
) -> Result<()> {
    let batch = &mut group.batch;
    batch.data = run.buffers.batches.take();
    run.source.fill(batch);
    run.remote.has_read(batch.data.len() as u64)?;
    for item in &batch.items {
        let from = group.refs.len();
        if let (true, Fill::Done { content, .. }) = (item.want_content, &item.fill) {
            let owner = item.entry.node.uid;
            let mut start = content.start;
            while start < content.end {
                let rest = batch.data.get(start..content.end).unwrap_or_default();
                let len = run.chunker.cut(rest).clamp(1, rest.len().max(1));
                let at = start..start + len;
                group
                    .refs
                    .push(store_blob(run, frames, gather, &batch.data, at, owner)?);
                start += len;
            }
            if item.entry.node.kind == NodeKind::File {
                run.progress.read(content.len() as u64);
            }
        }
        group.answers.push(from..group.refs.len());
    }
    run.progress.stored(gather.flush(frames, &batch.data)?);
    run.buffers.batches.put(std::mem::take(&mut batch.data));
    Ok(())
}

fn store_chunks(
    run: &Run<'_>,
    frames: &mut FrameWriter<'_>,
    gather: &mut Gather,
    chunks: &Chunks,
) -> Result<Vec<Ref>> {
    let data = &chunks.data.bytes;
    let mut refs = Vec::with_capacity(chunks.ends.len());
    let mut start = 0;
    for &end in &chunks.ends {
        refs.push(store_blob(
            run,
            frames,
            gather,
            data,
            start..end,
            chunks.owner,
        )?);
        start = end;
    }
    run.progress.read(start as u64);
    run.progress.stored(gather.flush(frames, data)?);
    Ok(refs)
}

fn store_blob(
    run: &Run<'_>,
    frames: &mut FrameWriter<'_>,
    gather: &mut Gather,
    data: &[u8],
    at: std::ops::Range<usize>,
    owner: u32,
) -> Result<Ref> {
    let plain = data.get(at.clone()).unwrap_or_default();
    let id = run.keys.ids.id(DATA, plain);
    let len = u32::try_from(plain.len()).unwrap_or(u32::MAX);
    if run.known.claim(&id)? {
        run.progress.new_bytes(u64::from(len));
        let blob = BlobRecord { id, len };
        run.progress
            .stored(gather.add(frames, data, at, blob, owner)?);
    }
    Ok(Ref {
        id,
        len: u64::from(len),
        kind: RefKind::Data,
    })
}
