//! The names of one page against its references. Pure: two values in, what is wrong with them out.

#[cfg(test)]
mod tests;

use strongroom_format::split::leaf_ends;
use strongroom_format::{Leaf, Names, Node, NodeKind, Page, PageType, RefKind};

/// What the names of a page say: of the page alone at first, and of everything below it when the pages were added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Files and streams.
    pub(crate) files: u64,
    /// Directories.
    pub(crate) directories: u64,
    /// Other entries.
    pub(crate) others: u64,
    /// Bytes of the files, those of each link counted.
    pub(crate) bytes: u64,
    /// Entries of this directory alone.
    pub(crate) entries: u64,
    /// Whether an entry belongs to a link set.
    pub(crate) has_links: bool,
}

/// What is wrong with an entry or with the names as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Flaw {
    /// Name of the entry; none if it is the page's.
    pub(crate) name: Option<Vec<u8>>,
    pub(crate) what: String,
    /// Whether something is wrong, or only unusual. What is wrong with an entry keeps it from being restored as it was.
    pub(crate) is_damage: bool,
}

/// What looking at the names of a page gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct NamesSeen {
    pub(crate) counts: Counts,
    pub(crate) flaws: Vec<Flaw>,
    /// Entries after which the page should have ended.
    pub(crate) divisions: u64,
}

/// The kind of page behind a reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Below {
    Directory,
    Recipe,
    /// It is lost: nothing can be said.
    Unknown,
}

/// Compares names with the references of their page. `below` says what page the n-th reference to a page is to.
pub(crate) fn look(page: &Page, names: &Names, below: &[Below]) -> NamesSeen {
    let mut seen = NamesSeen::default();
    match (page.page_type, names) {
        (PageType::Leaf, Names::Leaf(leaf)) => seen.leaf(page, leaf, below),
        (PageType::Interior, Names::Interior(interior)) => {
            let (children, refs) = (interior.children.len(), page.refs.len() - 1);
            if children != refs {
                let what = format!("names of {children} pages for {refs} references");
                seen.flaw(None, what);
            }
            let counts = interior.children.iter().map(|(_, count)| *count);
            seen.counts.entries = counts.fold(0, u64::saturating_add);
        }
        _ => seen.flaw(None, "names of another type of page".to_owned()),
    }
    seen
}

impl NamesSeen {
    fn leaf(&mut self, page: &Page, leaf: &Leaf, below: &[Below]) {
        let mut encoded = 0;
        for (at, node) in leaf.entries.iter().enumerate() {
            self.node(page, node, below);
            encoded += node.encoded_len();
            let is_last = at + 1 == leaf.entries.len();
            if !is_last && leaf_ends(at + 1, encoded, &node.name) {
                self.divisions += 1;
            }
        }
        self.counts.entries = leaf.entries.len() as u64;
    }

    fn node(&mut self, page: &Page, node: &Node, below: &[Below]) {
        self.counts.has_links |= node.link.is_some();
        match node.kind {
            NodeKind::File | NodeKind::Stream => {
                self.counts.files += 1;
                self.counts.bytes = self.counts.bytes.saturating_add(node.size);
                self.file(page, node, below);
            }
            NodeKind::Directory => {
                self.counts.directories += 1;
                self.directory(page, node, below);
            }
            kind => {
                self.counts.others += 1;
                if node.refs != 0 || node.size != 0 {
                    self.flaw(
                        Some(node),
                        "content of something that is no file".to_owned(),
                    );
                }
                if (kind == NodeKind::Symlink) != node.target.is_some() {
                    self.flaw(
                        Some(node),
                        "a link without a target, or a target of none".to_owned(),
                    );
                }
            }
        }
        if node.kind != NodeKind::Symlink && node.target.is_some() {
            self.note(node, "a target of something that is no link");
        }
        let is_device = matches!(node.kind, NodeKind::CharDevice | NodeKind::BlockDevice);
        if is_device != node.device.is_some() {
            self.note(node, "a device without numbers, or numbers of none");
        }
    }

    fn file(&mut self, page: &Page, node: &Node, below: &[Below]) {
        let Some(refs) = refs_of(page, node) else {
            let what = "references that the page does not have".to_owned();
            return self.flaw(Some(node), what);
        };
        if let [reference] = refs
            && reference.kind == RefKind::Page
        {
            if page_below(page, node, below) == Some(Below::Directory) {
                self.flaw(Some(node), "a file whose content is a directory".to_owned());
            }
        } else if refs
            .iter()
            .any(|r| !matches!(r.kind, RefKind::Data | RefKind::Zeros))
        {
            let what = "references to something else than content".to_owned();
            return self.flaw(Some(node), what);
        }
        let sum = refs.iter().fold(0, |sum: u64, r| sum.saturating_add(r.len));
        if sum != node.size {
            let what = format!("says {} bytes, and refers to {sum}", node.size);
            self.flaw(Some(node), what);
        }
    }

    fn directory(&mut self, page: &Page, node: &Node, below: &[Below]) {
        let refs = refs_of(page, node).unwrap_or_default();
        if refs.len() != 1 || refs.iter().any(|r| r.kind != RefKind::Page) {
            let what = "a directory without its page".to_owned();
            self.flaw(Some(node), what);
        } else if page_below(page, node, below) == Some(Below::Recipe) {
            self.flaw(Some(node), "a directory whose page is a file's".to_owned());
        }
    }

    fn flaw(&mut self, node: Option<&Node>, what: String) {
        self.flaws.push(Flaw {
            name: node.map(|node| node.name.clone()),
            what,
            is_damage: true,
        });
    }

    fn note(&mut self, node: &Node, what: &str) {
        self.flaws.push(Flaw {
            name: Some(node.name.clone()),
            what: what.to_owned(),
            is_damage: false,
        });
    }
}

/// Returns the references of an entry; none if the page does not have them, or they begin with its names.
pub(crate) fn refs_of<'p>(page: &'p Page, node: &Node) -> Option<&'p [strongroom_format::Ref]> {
    if node.refs == 0 {
        return Some(&[]);
    }
    let first = node.first_ref as usize;
    if first == 0 {
        return None;
    }
    page.refs.get(first..first.checked_add(node.refs as usize)?)
}

/// Says what page the only reference of an entry is to.
fn page_below(page: &Page, node: &Node, below: &[Below]) -> Option<Below> {
    let before = page.refs.get(..node.first_ref as usize)?;
    let at = before.iter().filter(|r| r.kind == RefKind::Page).count();
    below.get(at).copied()
}

/// Returns which reference to a page each reference of a page is, counted from 0.
pub(crate) fn page_positions(page: &Page) -> Vec<Option<usize>> {
    let mut next = 0;
    let of = |r: &strongroom_format::Ref| {
        (r.kind == RefKind::Page).then(|| {
            next += 1;
            next - 1
        })
    };
    page.refs.iter().map(of).collect()
}
