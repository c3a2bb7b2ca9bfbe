//! Tree pages as they are found in packs.

use strongroom_crypt::Id;
use strongroom_format::{BlobRecord, Page, PageType, RefKind};

/// A page whose id was recomputed, and what of it the check of the tree needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FoundPage {
    /// Its id.
    pub(crate) id: Id,
    /// Position of its frame in the pack.
    pub(crate) frame: u32,
    /// Bytes of the frame's plaintext before it.
    pub(crate) start: u32,
    /// Its bytes.
    pub(crate) len: u32,
    /// What it says; none if it breaks a rule.
    pub(crate) body: Result<PageBody, &'static str>,
}

/// What a page says, without its references to blobs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PageBody {
    /// What its references are for.
    pub(crate) page_type: PageType,
    /// As it says itself.
    pub(crate) height: u8,
    /// The sum of the lengths of its references but names, as far as 64 bits hold it.
    pub(crate) sum: u64,
    /// Its references to pages.
    pub(crate) links: Vec<PageLink>,
}

/// A reference to a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PageLink {
    /// The page.
    pub(crate) id: Id,
    /// Bytes of content that are said to be below it.
    pub(crate) len: u64,
}

impl FoundPage {
    /// Reads all pages of a frame.
    pub(super) fn read_all(frame: u32, blobs: &[BlobRecord], plain: &[u8], out: &mut Vec<Self>) {
        let mut rest = plain;
        let mut start = 0;
        for blob in blobs {
            let Some((bytes, after)) = rest.split_at_checked(blob.len as usize) else {
                return;
            };
            rest = after;
            out.push(Self {
                id: blob.id,
                frame,
                start,
                len: blob.len,
                body: PageBody::read(bytes),
            });
            start += blob.len;
        }
    }
}

impl PageBody {
    fn read(bytes: &[u8]) -> Result<Self, &'static str> {
        let page = Page::decode(bytes).map_err(|error| error.what())?;
        let content = page.refs.iter().filter(|r| r.kind != RefKind::Names);
        let sum = content.fold(0_u64, |sum, reference| sum.saturating_add(reference.len));
        let pages = page.refs.iter().filter(|r| r.kind == RefKind::Page);
        Ok(Self {
            page_type: page.page_type,
            height: page.height,
            sum,
            links: pages
                .map(|r| PageLink {
                    id: r.id,
                    len: r.len,
                })
                .collect(),
        })
    }
}
