//! Index segments: put back, or made anew from the headers of packs.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use strongroom_crypt::{Roles, SessionId};
use strongroom_format::object_name::ObjectName;
use strongroom_format::{
    Body, EntryRow, IndexChange, ObjectHash, PackRef, PackRow, SegmentBuilder, SegmentRef,
};

use super::item::{Remedy, RepairItem, RepairSource, Wrong};
use super::look::{Found, Look, Sight};
use super::report::RepairReport;
use crate::error::{Error, ErrorKind, Result};
use crate::index::{Prefix, builder_of_headers, is_loss, push_header};
use crate::pack_writer::put_segment;
use crate::packs::PackInfo;
use crate::state::State;

impl Look<'_> {
    /// Finds out about a segment in force.
    ///
    /// # Errors
    ///
    /// What the store said.
    pub(super) fn segment(&self, name: ObjectHash) -> Result<Option<Found>> {
        let object = ObjectName::Index(name);
        let Some(segment) = self.state.segments.get(&name) else {
            return Ok(None);
        };
        let is_right = |bytes: &bytes::Bytes| ObjectHash::of(bytes) == name;
        let judge = |bytes: &_| is_right(bytes).then_some(()).ok_or(Sight::Bad);
        let len = u64::from(segment.len);
        let Some(wrong) = self.sight(&object, judge)? else {
            let remedy = Remedy::Rebuild(RepairSource::Headers);
            let found = Found::without_bytes(object, Wrong::Misleading, remedy);
            return Ok(self.misleads(&name)?.then_some(found));
        };
        if self.was_dropped(&name)? {
            return Ok(None);
        }
        // What is locked cannot be replaced; another segment can say the same.
        let locked = match wrong {
            Wrong::Missing => None,
            _ => self.locked_until(&object)?,
        };
        if locked.is_none()
            && let Some(bytes) = self.index.bytes_of(&name)
        {
            return Ok(Some(Found::put_back(
                object,
                wrong,
                RepairSource::Memory,
                bytes,
            )));
        }
        if locked.is_none()
            && let Some((mirror, bytes)) = self.mirrors.find(&object, is_right)?
        {
            let from = RepairSource::Mirror(mirror);
            return Ok(Some(Found::put_back(object, wrong, from, bytes)));
        }
        let mut found = Found::without_bytes(object, wrong, Remedy::Rebuild(RepairSource::Headers));
        found.item = found.item.costing(len, len);
        found.item.locked_until = locked;
        Ok(Some(found))
    }

    /// Says whether a segment that is as it was written says something else of packs in force than their headers do.
    fn misleads(&self, name: &ObjectHash) -> Result<bool> {
        let mut rows: BTreeMap<ObjectHash, (Arc<PackInfo>, Rows)> = BTreeMap::new();
        self.index.each_row_of(name, |prefix, pack, position| {
            // Rows are many a pack, and each of these questions may read a page.
            if rows.contains_key(&pack.name) || self.state.packs.contains(&pack.name)? {
                let (_, rows) = rows
                    .entry(pack.name)
                    .or_insert_with(|| (Arc::clone(pack), Rows::new()));
                rows.insert((prefix, position));
            }
            Ok(())
        })?;
        for (name, (pack, rows)) in rows {
            let header = match self.blobs.header(&pack) {
                Ok(header) => header,
                Err(error) if is_loss(&error) => {
                    // The pack is lost, or it is only not where the segment says.
                    let known = self.state.packs.get(&name)?;
                    let (_, read) = builder_of_headers(self.remote, self.context, known.iter())?;
                    match read.is_empty() {
                        true => continue,
                        false => return Ok(true),
                    }
                }
                Err(error) => return Err(error),
            };
            let positions = (0..).zip(&header.frames);
            let said = positions.flat_map(|(position, _): (u32, _)| {
                let blobs = header.frame_blobs(position as usize).iter();
                blobs.map(move |blob| (EntryRow::prefix_of(&blob.id), position))
            });
            if said.collect::<Rows>() != rows {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Returns the packs in force that nothing maps which can be read and that can be read themselves, if no segment that is bad accounts
    /// for it.
    ///
    /// # Errors
    ///
    /// What the store says when it cannot be reached.
    pub(super) fn unmapped(&self) -> Result<Vec<RepairItem>> {
        if !self.index.problems().is_empty() {
            return Ok(Vec::new());
        }
        let packs = self.index.unmapped(&self.state, &BTreeSet::new())?;
        let (_, readable) = builder_of_headers(self.remote, self.context, packs.iter())?;
        let item = |pack: ObjectHash| {
            let remedy = Remedy::Rebuild(RepairSource::Headers);
            RepairItem::new(ObjectName::Pack(pack), Wrong::Unmapped, remedy)
        };
        Ok(readable.into_iter().map(item).collect())
    }

    /// Makes segments of the headers of packs that nothing else maps, in the place of `bad` ones.
    ///
    /// The new ones map every blob of each pack that only bad ones mapped and whose header can be read, by its own last bytes or by what a bad
    /// one says that can be read. That this is so must be true just
    /// before the entry: what it relies on is still in force, and what came since came with segments of its own.
    ///
    /// # Errors
    ///
    /// `Stale` when somebody else changed the index meanwhile; otherwise what the store said.
    pub(super) fn rebuild(
        &self,
        bad: &BTreeSet<ObjectHash>,
        report: &mut RepairReport,
    ) -> Result<()> {
        let unmapped = self.index.unmapped(&self.state, bad)?;
        let mut added: Vec<SegmentRef> = Vec::new();
        let nobody = SessionId::from_bytes([0; SessionId::LEN]);
        for packs in unmapped.chunks(PACKS) {
            let (mut builder, mut mapped) =
                builder_of_headers(self.remote, self.context, packs.iter())?;
            self.carry_over(&mut builder, packs, &mut mapped)?;
            if !mapped.is_empty() {
                let (segment, bytes) = put_segment(self.remote, self.context, nobody, builder)?;
                report.wrote(bytes.len() as u64);
                added.push(segment);
            }
        }
        if bad.is_empty() && added.is_empty() {
            return Ok(());
        }
        let known: HashSet<ObjectHash> = self.index.segments().copied().collect();
        let mut make = |now: &State| match self.stands(now, bad, &known, &added) {
            true => Ok(Body::Index(IndexChange {
                removed: bad.iter().copied().collect(),
                added: added.clone(),
                ..IndexChange::default()
            })),
            false => Err(Error::new(
                ErrorKind::Stale,
                "somebody else changed the index meanwhile",
            )),
        };
        let journal = self.repository.journal();
        journal.append(self.remote, self.context, Roles::MAINTAINER, &mut make)?;
        report.entries += 1;
        report.rebuilt += bad.len().max(added.len()) as u64;
        Ok(())
    }

    /// Maps packs too that do not say themselves where their headers are, and whose headers are where a segment says: without that nothing
    /// would be found in them any more.
    fn carry_over(
        &self,
        builder: &mut SegmentBuilder,
        packs: &[PackRef],
        mapped: &mut Vec<ObjectHash>,
    ) -> Result<()> {
        if packs.len() == mapped.len() {
            return Ok(());
        }
        let done: HashSet<ObjectHash> = mapped.iter().copied().collect();
        let left = packs.iter().filter(|pack| !done.contains(&pack.name));
        let left: BTreeMap<ObjectHash, u32> = left.map(|pack| (pack.name, pack.len)).collect();
        let mut carried = HashSet::new();
        for info in self.index.packs()? {
            if left.get(&info.name) != Some(&info.len) || carried.contains(&info.name) {
                continue;
            }
            let header = match self.blobs.header(&info) {
                Ok(header) => header,
                Err(error) if is_loss(&error) => continue,
                Err(error) => return Err(error),
            };
            let row = PackRow {
                name: info.name,
                len: info.len,
                header_offset: info.header_offset,
                header_len: info.header_len,
                class: info.class,
            };
            push_header(builder, row, &header);
            carried.insert(info.name);
            mapped.push(info.name);
        }
        Ok(())
    }

    fn stands(
        &self,
        now: &State,
        bad: &BTreeSet<ObjectHash>,
        known: &HashSet<ObjectHash>,
        added: &[SegmentRef],
    ) -> bool {
        bad.iter().all(|name| now.segments.contains_key(name))
            && known
                .iter()
                .filter(|name| !bad.contains(*name))
                .all(|name| now.segments.contains_key(name))
            && added
                .iter()
                .all(|segment| !now.dropped.contains_key(&segment.name))
    }
}

/// What a segment says of one pack: beginnings of ids, and the positions of their frames.
type Rows = HashSet<(Prefix, u32)>;

/// Packs that one segment maps at most.
const PACKS: usize = 2_000;
