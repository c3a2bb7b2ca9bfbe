//! Tree pages: lists of references to names, content and other pages.

use strongroom_crypt::Id;

use crate::fields::Fields;
use crate::limits::{MAX_PAGE_HEIGHT, MAX_PAGE_REFS};
use crate::{DecodeError, EncodeError};

/// A page of a directory or of a file's recipe (`docs/format.md`, §9.3). Its encoding is the plaintext of a blob of
/// kind 2, and the id of that is the page's id.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the format fixes the fields")]
pub struct Page {
    /// What the references are for.
    pub page_type: PageType,
    /// 0 where no page is referred to within the same directory or recipe, otherwise one more than the highest.
    pub height: u8,
    /// The references; of a directory page the first is its names.
    pub refs: Vec<Ref>,
}

impl Page {
    /// Appends the page.
    ///
    /// # Errors
    ///
    /// `TooLarge` above 65,536 references, `Invalid` where [`Page::decode`] would refuse the page.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let count = u32::try_from(self.refs.len())
            .ok()
            .filter(|count| *count as usize <= MAX_PAGE_REFS)
            .ok_or(EncodeError::too_large("references of a page"))?;
        self.validate()
            .map_err(|error| EncodeError::invalid(error.what()))?;
        out.reserve(HEAD_BYTES + REF_BYTES * self.refs.len());
        out.extend_from_slice(&[VERSION, self.page_type as u8, self.height, 0]);
        out.extend_from_slice(&count.to_le_bytes());
        for reference in &self.refs {
            out.extend_from_slice(reference.id.as_bytes());
            let tail = reference.len | u64::from(reference.kind as u8) << LEN_BITS;
            out.extend_from_slice(&tail.to_le_bytes());
        }
        Ok(())
    }

    /// Decodes a whole page.
    ///
    /// # Errors
    ///
    /// `Unsupported` for another version, page type or kind of reference; `TooLarge` above the limits of references and
    /// height; `Truncated`; `Invalid` when the references do not suit the type.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut f = Fields::new(bytes, "page");
        if f.u8()? != VERSION {
            return Err(DecodeError::unsupported("version of a page", 0));
        }
        let page_type = match f.u8()? {
            1 => PageType::Leaf,
            2 => PageType::Interior,
            3 => PageType::Recipe,
            _ => return Err(DecodeError::unsupported("type of a page", 1)),
        };
        let height = f.u8()?;
        f.reserved(1)?;
        let count = f.count(REF_BYTES, MAX_PAGE_REFS)?;
        let (rows, rest) = f.rest().as_chunks::<REF_BYTES>();
        if rows.len() != count || !rest.is_empty() {
            return Err(DecodeError::invalid("page", HEAD_BYTES + REF_BYTES * count));
        }
        let mut refs = Vec::with_capacity(count);
        for (position, row) in rows.iter().enumerate() {
            refs.push(
                Ref::decode(row)
                    .map_err(|error| error.shifted(HEAD_BYTES + REF_BYTES * position))?,
            );
        }
        let page = Self {
            page_type,
            height,
            refs,
        };
        page.validate()?;
        Ok(page)
    }

    fn validate(&self) -> Result<(), DecodeError> {
        if self.height > MAX_PAGE_HEIGHT {
            return Err(DecodeError::too_large("height of a page", 2));
        }
        let content = match self.page_type {
            PageType::Recipe => self.refs.as_slice(),
            PageType::Leaf | PageType::Interior => match self.refs.split_first() {
                Some((names, content)) if names.kind == RefKind::Names => content,
                _ => return Err(DecodeError::invalid("names of a page", HEAD_BYTES)),
            },
        };
        let mut pages = 0;
        for (position, reference) in content.iter().enumerate() {
            let offset = HEAD_BYTES + REF_BYTES * position;
            if reference.len >> LEN_BITS != 0 {
                return Err(DecodeError::invalid("length of a reference", offset));
            }
            match reference.kind {
                RefKind::Names => return Err(DecodeError::invalid("second names", offset)),
                RefKind::Zeros if reference.id.as_bytes() != &[0; 32] => {
                    return Err(DecodeError::invalid("id of zeros", offset));
                }
                RefKind::Page => pages += 1,
                RefKind::Data | RefKind::Zeros => {}
            }
        }
        let suits = match self.page_type {
            PageType::Leaf => self.height == 0,
            PageType::Interior => self.height > 0 && pages > 0 && pages == content.len(),
            PageType::Recipe => (self.height > 0) == (pages > 0),
        };
        if suits {
            Ok(())
        } else {
            Err(DecodeError::invalid("height of a page", 2))
        }
    }
}

/// What the references of a page are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "another type is another version of the page"
)]
#[repr(u8)]
pub enum PageType {
    /// Entries of a directory.
    Leaf = 1,
    /// Pages of a directory.
    Interior = 2,
    /// Content of a file.
    Recipe = 3,
}

/// Something that a page refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "the format fixes the fields")]
pub struct Ref {
    /// The blob or page; zeros have none.
    pub id: Id,
    /// Bytes, below 2^56: of the blob, or of the content below a page.
    pub len: u64,
    /// What it is.
    pub kind: RefKind,
}

impl Ref {
    /// Describes a run of zero bytes, of which nothing is stored.
    #[must_use]
    pub const fn zeros(len: u64) -> Self {
        Self {
            id: Id::from_bytes([0; 32]),
            len,
            kind: RefKind::Zeros,
        }
    }

    #[inline]
    fn decode(row: &[u8; REF_BYTES]) -> Result<Self, DecodeError> {
        let [id @ .., a, b, c, d, e, f, g, h] = *row;
        let tail = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
        let kind = match tail >> LEN_BITS {
            0 => RefKind::Data,
            1 => RefKind::Names,
            2 => RefKind::Page,
            3 => RefKind::Zeros,
            _ => {
                return Err(DecodeError::unsupported(
                    "kind of a reference",
                    REF_BYTES - 1,
                ));
            }
        };
        Ok(Self {
            id: Id::from_bytes(id),
            len: tail & ((1 << LEN_BITS) - 1),
            kind,
        })
    }
}

/// Kinds of references.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "another kind is another version of the page"
)]
#[repr(u8)]
pub enum RefKind {
    /// A blob of content.
    Data = 0,
    /// The blob with the page's names.
    Names = 1,
    /// Another page.
    Page = 2,
    /// A hole.
    Zeros = 3,
}

const VERSION: u8 = 1;
const HEAD_BYTES: usize = 8;
const REF_BYTES: usize = 40;
/// Bits of a length; the kind is in the eight above them.
const LEN_BITS: u32 = 56;
