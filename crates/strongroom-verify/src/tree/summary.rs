//! What the pages of a snapshot add up to, against what the snapshot says.

use std::collections::HashMap;

use strongroom_format::{Leaf, Names, Node, NodeKind};

use super::nodes::{Counts, refs_of};
use super::{MISSING, Tree};
use crate::content::Sink;
use crate::error::Result;
use crate::pack::FrameReader;
use crate::{Level, Problem, Severity, Subject};

impl Tree {
    /// Adds up what is below each page, and compares the roots with the summaries of their snapshots.
    pub(super) fn add_up(&mut self, sink: &mut Sink) {
        let roots = self.roots.iter().filter_map(|root| root.page);
        let order = self.pages.bottom_up(roots);
        for number in order {
            let Some(page) = self.pages.get(number) else {
                continue;
            };
            if !page.is_directory() {
                continue;
            }
            let Some(Some(mut counts)) = self.counts.get(number as usize).copied() else {
                continue;
            };
            let mut is_known = true;
            for link in self.pages.links(number) {
                match self.pages.get(*link) {
                    Some(page) if *link != MISSING && page.is_recipe() => {}
                    Some(_) if *link != MISSING => {
                        match self.counts.get(*link as usize).copied().flatten() {
                            Some(below) => counts.add(&below),
                            None => is_known = false,
                        }
                    }
                    _ => is_known = false,
                }
            }
            if let Some(slot) = self.counts.get_mut(number as usize) {
                *slot = is_known.then_some(counts);
            }
        }
        self.compare_summaries(sink);
    }

    fn compare_summaries(&self, sink: &mut Sink) {
        for root in &self.roots {
            let counts = root
                .page
                .and_then(|page| self.counts.get(page as usize).copied().flatten());
            let Some(counts) = counts else {
                continue;
            };
            let summary = &root.details.summary;
            // The root is a directory of no other one.
            let there = [
                ("files", summary.files, counts.files),
                (
                    "directories",
                    summary.directories,
                    counts.directories.saturating_add(1),
                ),
                ("other entries", summary.others, counts.others),
                ("bytes", summary.bytes, counts.bytes),
            ];
            let wrong: Vec<String> = there
                .into_iter()
                .filter(|(_, says, is)| says != is)
                .map(|(what, says, is)| format!("says {says} {what}, and has {is}"))
                .collect();
            if !wrong.is_empty() {
                let subject = Subject::Snapshot(root.snapshot);
                let (problem, level) = (Problem::WrongSummary, Level::Decoded);
                sink.say(Severity::Damage, subject, problem, level, wrong.join(", "));
            }
        }
    }

    /// Compares the entries of every link set: they are one file under several names.
    pub(super) fn check_links_of_files(
        &self,
        reader: &mut FrameReader<'_>,
        sink: &mut Sink,
    ) -> Result<()> {
        let places: HashMap<u32, (u32, u32)> = self
            .names_at
            .iter()
            .filter(|(.., number)| self.has_links(*number))
            .map(|(pack, frame, number)| (*number, (*pack, *frame)))
            .collect();
        if places.is_empty() {
            return Ok(());
        }
        for root in self.roots.clone() {
            let Some(page) = root.page else { continue };
            let mut sets: HashMap<u64, LinkSet> = HashMap::new();
            // A page that occurs twice has the same entries both times.
            for number in self.pages.bottom_up(std::iter::once(page)) {
                let Some(place) = places.get(&number) else {
                    continue;
                };
                let Some((page, Ok(Names::Leaf(leaf)), _)) = self.read(reader, *place, number)?
                else {
                    continue;
                };
                for node in &leaf.entries {
                    let Some(link) = node.link else { continue };
                    let refs = refs_of(&page, node).unwrap_or_default();
                    let set = LinkSet::of(node, refs);
                    let first = *sets.entry(link).or_insert(set);
                    if let Some((severity, what)) = first.differs(&set) {
                        let subject = Subject::File {
                            snapshot: root.snapshot,
                            path: node.name.clone(),
                        };
                        let (problem, level) = (Problem::BadFile, Level::Decoded);
                        sink.say(severity, subject, problem, level, what);
                    }
                }
            }
        }
        Ok(())
    }

    fn has_links(&self, number: u32) -> bool {
        let counts = self.own_links.get(number as usize);
        counts.copied().unwrap_or_default()
    }
}

impl Counts {
    /// Adds what is below a page.
    fn add(&mut self, below: &Self) {
        let sum = |a: &mut u64, b: u64| *a = a.saturating_add(b);
        sum(&mut self.files, below.files);
        sum(&mut self.directories, below.directories);
        sum(&mut self.others, below.others);
        sum(&mut self.bytes, below.bytes);
    }
}

/// What the entries of a link set have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct LinkSet {
    metadata: [u8; 16],
    content: [u8; 16],
    ctime: Option<strongroom_format::Time>,
}

impl LinkSet {
    fn of(node: &Node, refs: &[strongroom_format::Ref]) -> Self {
        let mut content = Vec::new();
        for reference in refs {
            content.extend_from_slice(reference.id.as_bytes());
            content.extend_from_slice(&reference.len.to_le_bytes());
        }
        // The same file may have been looked at twice: times that looking changes are left out, and the number by which a later backup
        // recognises it.
        let plain = Node {
            name: b"x".to_vec(),
            first_ref: 0,
            refs: 0,
            atime: None,
            ctime: None,
            inode: 0,
            kind: match node.kind {
                NodeKind::Directory => NodeKind::File,
                kind => kind,
            },
            ..node.clone()
        };
        let leaf = Leaf {
            entries: vec![plain],
            ..Leaf::default()
        };
        let mut metadata = Vec::new();
        // What was decoded can be encoded.
        let is_encoded = leaf.encode(&mut metadata).is_ok();
        debug_assert!(is_encoded, "an entry that was decoded can be encoded");
        Self {
            metadata: short(&metadata),
            content: short(&content),
            ctime: node.ctime,
        }
    }

    fn differs(&self, other: &Self) -> Option<(Severity, &'static str)> {
        if (self.metadata, self.content) == (other.metadata, other.content) {
            return None;
        }
        // Whatever is done to a file between two looks changes this time: then the source was like that.
        if self.ctime.is_some() && other.ctime.is_some() && self.ctime != other.ctime {
            return Some((Severity::Note, "names of one file at different times"));
        }
        let what = if self.content == other.content {
            "names of one file with different metadata"
        } else {
            "names of one file with different content"
        };
        Some((Severity::Damage, what))
    }
}

fn short(bytes: &[u8]) -> [u8; 16] {
    let hash = strongroom_format::ObjectHash::of(bytes);
    hash.as_bytes().first_chunk().copied().unwrap_or_default()
}
