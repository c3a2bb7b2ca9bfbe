//! Asks packs themselves whether they have what the index says, where it matters.

use std::collections::HashSet;
use std::sync::Arc;

use strongroom_crypt::Id;
use strongroom_format::PackHeader;

use super::{Kind, Marks};
use crate::error::Result;
use crate::index::bitmap::Bitmap;
use crate::index::is_loss;
use crate::packs::PackInfo;

/// A marked row of a blob that has other copies.
#[derive(Debug)]
struct Claim {
    pack: u32,
    position: u32,
    row: u64,
    prefix: [u8; 20],
    kind: Kind,
}

impl Marks {
    /// Makes sure of every copy that was marked although there are others: those may go because of it, so the header of its pack must
    /// say that it is there. Where it does not, the index is wrong, and another copy is marked.
    ///
    /// Copies in several packs are rare; without any, nothing is read. Memory: 40 bytes for each of the blobs that are looked up
    /// together, 20 MiB.
    ///
    /// # Errors
    ///
    /// As [`mark`](Self::mark); those of `header`, unless they mean that the pack is lost.
    pub(crate) fn confirm(
        &mut self,
        mut header: impl FnMut(&PackInfo) -> Result<Arc<PackHeader>>,
    ) -> Result<()> {
        let mut is_settled = false;
        while !is_settled {
            is_settled = true;
            for part in 0..self.parts.len() {
                while let Some(claims) = self.claims(part)? {
                    is_settled &= self.ask(part, claims, &mut header)?;
                }
            }
        }
        Ok(())
    }

    /// Takes marked rows of a part that have rivals, in the order of their packs. `None` if there are no more.
    fn claims(&mut self, part: usize) -> Result<Option<Vec<Claim>>> {
        let Some(part) = self.parts.get_mut(part) else {
            return Ok(None);
        };
        let Some(rivals) = part.rivals.take() else {
            return Ok(None);
        };
        let mut rest: Option<Bitmap> = None;
        let mut found = Vec::new();
        let mut row = 0;
        part.segment.each_entry(|entry| {
            if rivals.get(row) && found.len() < TOGETHER {
                found.push((row, entry.prefix, entry.frame));
            } else if rivals.get(row) {
                let rest = rest.get_or_insert_with(|| Bitmap::new(part.segment.entries()));
                rest.set(row);
            }
            row += 1;
            Ok(())
        })?;
        part.rivals = rest;
        let claim = |(row, prefix, frame): (u64, [u8; 20], u32)| {
            let found = part.segment.frame(frame)?;
            Ok(Claim {
                pack: found.pack,
                position: found.position,
                row,
                prefix,
                kind: match part.pages.get(u64::from(frame)) {
                    true => Kind::Page,
                    false => Kind::Content,
                },
            })
        };
        let mut claims = found
            .into_iter()
            .map(claim)
            .collect::<Result<Vec<Claim>>>()?;
        claims.sort_unstable_by_key(|claim| (claim.pack, claim.position, claim.row));
        Ok(Some(claims))
    }

    /// Looks at what packs say of rows; says whether all of them are right.
    fn ask(
        &mut self,
        at: usize,
        claims: Vec<Claim>,
        header: &mut impl FnMut(&PackInfo) -> Result<Arc<PackHeader>>,
    ) -> Result<bool> {
        let mut refuted = Vec::new();
        for of_pack in claims.chunk_by(|one, other| one.pack == other.pack) {
            let Some((pack, part)) = of_pack.first().and_then(|claim| {
                let part = self.parts.get(at)?;
                Some((part.packs.get(claim.pack as usize)?, part))
            }) else {
                continue;
            };
            // What another segment said of it first was refuted: this one is not.
            let is_marked = |claim: &&Claim| part.rows.get(claim.row);
            let said = match header(pack) {
                Ok(header) => blobs(&header),
                Err(error) if is_loss(&error) => HashSet::new(),
                Err(error) => return Err(error),
            };
            let wrong = of_pack
                .iter()
                .filter(is_marked)
                .filter(|claim| !said.contains(&(claim.position, claim.prefix)));
            refuted.extend(wrong.map(|claim| (claim.row, claim.prefix, claim.kind)));
        }
        let is_right = refuted.is_empty();
        for (row, ..) in &refuted {
            if let Some(part) = self.parts.get_mut(at) {
                part.rows.clear(*row);
                let rows = part.segment.entries();
                part.refuted
                    .get_or_insert_with(|| Bitmap::new(rows))
                    .set(*row);
            }
        }
        for (_, prefix, kind) in refuted {
            // Rows have the first 20 bytes only, of which alone looking up takes notice.
            let mut id = [0; 32];
            id.iter_mut().zip(prefix).for_each(|(to, from)| *to = from);
            self.mark(&Id::from_bytes(id), kind, |_, _| Ok(()))?;
        }
        Ok(is_right)
    }
}

/// Returns what is in the frames of a pack.
fn blobs(header: &PackHeader) -> HashSet<(u32, [u8; 20])> {
    let frames = (0..).zip(0..header.frames.len());
    let blobs = frames.flat_map(|(position, frame)| {
        let blobs = header.frame_blobs(frame).iter();
        blobs.map(move |blob| (position, strongroom_format::EntryRow::prefix_of(&blob.id)))
    });
    blobs.collect()
}

/// Blobs that are looked up together.
const TOGETHER: usize = 1 << 19;
