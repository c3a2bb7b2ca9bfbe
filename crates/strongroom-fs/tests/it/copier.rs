//! A backup and restore in one, without a repository between.

use std::collections::HashMap;

use strongroom_format::{Node, NodeKind};
use strongroom_repo::{
    Batch, BatchItem, Deviation, Entry, Fill, Made, Piece, SmallFile, Source, Target, TargetError,
    WalkEvent,
};

/// What happened.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) problems: Vec<(String, strongroom_repo::SourceError)>,
    pub(crate) changed: Vec<String>,
    pub(crate) deviations: Vec<(String, Deviation)>,
    pub(crate) errors: Vec<(String, TargetError)>,
    pub(crate) entries: usize,
}

impl Report {
    #[track_caller]
    pub(crate) fn assert_clean(&self) {
        assert!(self.problems.is_empty(), "{:?}", self.problems);
        assert!(self.changed.is_empty(), "{:?}", self.changed);
        assert!(self.deviations.is_empty(), "{:?}", self.deviations);
        assert!(self.errors.is_empty(), "{:?}", self.errors);
    }
}

pub(crate) fn shown(path: &[u8]) -> String {
    path.escape_ascii().to_string()
}

pub(crate) fn events(source: &dyn Source) -> Vec<WalkEvent> {
    let mut walk = source.walk().unwrap();
    let mut events = Vec::new();
    while walk.next(&mut events) {}
    events
}

/// Asks for one entry.
pub(crate) fn fill(
    source: &dyn Source,
    entry: Entry,
    want_content: bool,
) -> (Entry, Fill, Vec<u8>) {
    let mut batch = Batch::default();
    batch.items.push(BatchItem {
        entry,
        want_content,
        fill: Fill::Pending,
    });
    source.fill(&mut batch);
    let item = batch.items.pop().unwrap();
    assert!(!matches!(item.fill, Fill::Pending));
    (item.entry, item.fill, batch.data)
}

/// Reads a large file; the holes become zeros.
pub(crate) fn read_whole(
    source: &dyn Source,
    entry: &mut Entry,
) -> Result<(Vec<u8>, u64, bool), strongroom_repo::SourceError> {
    let mut content = source.open(entry)?;
    let (mut data, mut holes) = (Vec::new(), 0);
    let mut buf = vec![1; 256 << 10];
    loop {
        match content.read(&mut buf)? {
            Piece::Data(count) => data.extend_from_slice(&buf[..count]),
            Piece::Hole(len) => {
                holes += len;
                data.resize(data.len() + usize::try_from(len).unwrap(), 0);
            }
            Piece::End => break,
        }
    }
    let changed = content.finish(entry)?;
    Ok((data, holes, changed))
}

/// Copies all of `source` into `target`. `keep` is what a resumed restore does: files that are there are compared.
pub(crate) fn copy(source: &dyn Source, target: &dyn Target, keep: bool) -> Report {
    let mut report = Report::default();
    let mut links = HashMap::new();
    let mut open: Vec<(Vec<u8>, Node, bool)> = Vec::new();
    for event in events(source) {
        match event {
            WalkEvent::Enter(entry) => {
                let path = entry.path();
                let (entry, fill, _) = fill(source, entry, false);
                note(&mut report, &path, &fill);
                let made = target.create_directory(&path, &entry.node).unwrap();
                open.push((path, entry.node, made == Made::Created));
            }
            WalkEvent::Leave => {
                let (path, node, _) = open.pop().unwrap();
                let done = target.finish_directory(&path, &node);
                settle(&mut report, &path, done);
            }
            WalkEvent::Item(entry) => {
                report.entries += 1;
                let fresh = open.last().unwrap().2;
                copy_item(source, target, entry, fresh, keep, &mut links, &mut report);
            }
            WalkEvent::Problem(problem) => {
                report.problems.push((shown(&problem.path), problem.error));
            }
            _ => {}
        }
    }
    assert!(open.is_empty());
    report
}

fn copy_item(
    source: &dyn Source,
    target: &dyn Target,
    entry: Entry,
    fresh: bool,
    keep: bool,
    links: &mut HashMap<u64, Vec<u8>>,
    report: &mut Report,
) {
    let path = entry.path();
    if let Some(first) = entry.node.link.and_then(|link| links.get(&link)) {
        let done = target.link(&path, first);
        return settle(report, &path, done);
    }
    if let Some(link) = entry.node.link {
        links.insert(link, path.clone());
    }
    let small = entry.node.size <= 1 << 20;
    let (mut entry, filled, mut data) = fill(source, entry, small);
    note(report, &path, &filled);
    if matches!(filled, Fill::Failed(_)) {
        return;
    }
    if entry.node.kind != NodeKind::File {
        let done = target.create_other(&path, &entry.node);
        return settle(report, &path, done);
    }
    if !small {
        data = read_whole(source, &mut entry).unwrap().0;
    }
    let node = &entry.node;
    if keep && let Some(existing) = target.existing_file(&path, node).unwrap() {
        let mut there = vec![0; data.len()];
        existing.content.read_exact_at(0, &mut there).unwrap();
        if there == data {
            let done = target
                .open_file(&path, node, false)
                .and_then(|file| file.finish(node));
            return settle(report, &path, done);
        }
    }
    let done = if small {
        target
            .write_files(&[SmallFile {
                path: &path,
                node,
                content: &data,
                fresh,
            }])
            .pop()
            .unwrap()
    } else {
        target.open_file(&path, node, fresh).and_then(|file| {
            for (index, piece) in data.chunks(300_000).enumerate() {
                file.write_at(300_000 * index as u64, piece)?;
            }
            file.finish(node)
        })
    };
    settle(report, &path, done);
}

fn note(report: &mut Report, path: &[u8], fill: &Fill) {
    match fill {
        Fill::Done { changed: true, .. } => report.changed.push(shown(path)),
        Fill::Failed(error) => report.problems.push((shown(path), error.clone())),
        _ => {}
    }
}

fn settle(report: &mut Report, path: &[u8], done: Result<Vec<Deviation>, TargetError>) {
    match done {
        Ok(deviations) => report
            .deviations
            .extend(deviations.into_iter().map(|one| (shown(path), one))),
        Err(error) => report.errors.push((shown(path), error)),
    }
}
