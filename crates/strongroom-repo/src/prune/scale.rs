//! Prune at a scale that no test has: real index segments in a local cache, and everything else made up as it is asked for.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use strongroom_crypt::{Id, SeededRandom, SessionId};
use strongroom_format::object_name::{self, ObjectName};
use strongroom_format::{
    BlobRecord, Codec, FrameKey, FrameRecord, ObjectHash, PackClass, PackHeader, PackRef, PackRow,
    Ref, RefKind, SegmentBuilder, SegmentRef, SessionKeyRecord, Snapshot, Time,
};
use strongroom_store::MemoryStore;

use super::choose::{Choice, Grounds};
use super::inspect::{Headers, Reframing};
use super::mark::Pages;
use super::spill::SpillPlace;
use super::{CLASSES, PackAction, PruneOptions, Survey};
use crate::context::{Context, encode_error};
use crate::create::CreateOptions;
use crate::credential::Credential;
use crate::edge;
use crate::error::{Error, ErrorKind, Result};
use crate::index::{Breadth, Index};
use crate::pack_writer::pack_bytes;
use crate::packs::PackInfo;
use crate::repository::Repository;
use crate::settings::{Clock, Components, Execution, Settings};
use crate::state::State;

/// A repository of which only the index exists, in a local cache folder. Its packs and reference lists are functions of a number.
///
/// Blobs come in groups: the names of a directory, its files, and the page that refers to them; one file of each is another group's.
/// Some of the groups are needed, scattered at random.
#[derive(Debug)]
pub struct PruneScale {
    repository: Repository,
    shape: ScaleShape,
    /// How many groups there are, and where each level of pages above them begins.
    groups: u64,
    levels: Vec<(u64, u64)>,
}

/// How large it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ScaleShape {
    /// Blobs, about.
    pub blobs: u64,
    /// Of a hundred groups so many are needed.
    pub needed_percent: u64,
    /// Files of a group.
    pub files: u64,
    /// Blobs of a frame.
    pub frame_blobs: u64,
    /// Frames of a pack.
    pub pack_frames: u32,
    /// Entries of a segment.
    pub segment_blobs: u64,
}

impl ScaleShape {
    /// Returns the shape of a repository of so many blobs: directories of 100 files, 8 files to a frame, 64 frames to a pack, a million
    /// blobs to a segment, 70 % needed.
    #[must_use]
    pub fn of_blobs(blobs: u64) -> Self {
        Self {
            blobs,
            needed_percent: 70,
            files: 100,
            frame_blobs: 8,
            pack_frames: 64,
            segment_blobs: 1 << 20,
        }
    }
}

/// What was found out, and how long it took.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ScaleReport {
    /// Rows of the index.
    pub rows: u64,
    /// Rows that are marked.
    pub needed: u64,
    /// Pages that were followed.
    pub pages: u64,
    /// Packs.
    pub packs: u64,
    /// Packs that a plan drops or writes anew.
    pub dropped: u64,
    /// Of these, packs that it writes anew.
    pub repacked: u64,
    /// Bytes of content that nothing needs, in frames with something that is needed.
    pub trapped_bytes: u64,
    /// Time to load the index.
    pub load: Duration,
    /// Time to mark and to add up.
    pub mark: Duration,
    /// Time to look into packs and to decide.
    pub plan: Duration,
}

impl PruneScale {
    /// Takes up the repository in this cache folder, or an empty one; nothing is made yet.
    ///
    /// # Errors
    ///
    /// What creating a repository in memory may say.
    pub async fn open(cache: &Path, shape: ScaleShape) -> Result<Self> {
        let components = Components {
            // The same keys each time, so that what one process has made another can read.
            random: Arc::new(SeededRandom::new(1)),
            clock: Arc::new(Still),
            execution: Execution::Inline,
            ..Components::default()
        };
        let settings = Settings {
            cache: Some(cache.to_owned()),
            ..Settings::default()
        };
        let builder = Repository::builder(Arc::new(MemoryStore::new()))
            .settings(settings)
            .components(components);
        let options = CreateOptions::default().with_argon2(strongroom_crypt::Argon2Params::FASTEST);
        let created = builder
            .create(options, &Credential::passphrase("scale"))
            .await?;
        let groups = shape.blobs / (shape.files + 2);
        let mut levels = Vec::new();
        let (mut start, mut count) = (groups, groups);
        while count > 1 || levels.is_empty() {
            count = count.div_ceil(FAN_OUT);
            levels.push((start, count));
            start += count;
        }
        Ok(Self {
            repository: created.repository,
            shape,
            groups,
            levels,
        })
    }

    /// Makes the index, one segment after another.
    ///
    /// # Errors
    ///
    /// `Invalid` when the shape is out of bounds.
    pub fn generate(&self) -> Result<()> {
        let context = self.repository.context();
        let mut builder = SegmentBuilder::new();
        for class in CLASSES {
            for pack in 0..self.packs(class) {
                self.push(&mut builder, class, pack)?;
                if builder.entries() >= self.shape.segment_blobs {
                    keep(context, std::mem::take(&mut builder))?;
                }
            }
        }
        match builder.is_empty() {
            true => Ok(()),
            false => keep(context, builder),
        }
    }

    /// Marks what is needed and decides on every pack. The index must have been made, by this process or another.
    ///
    /// # Errors
    ///
    /// `Damaged` when the index is not whole.
    pub async fn plan(self, options: PruneOptions) -> Result<ScaleReport> {
        let access = self.repository.store();
        edge::run(access, "strongroom-scale", move |remote| {
            let context = Arc::clone(self.repository.context());
            let state = self.state(&context)?;
            let began = Instant::now();
            let index = Index::load(remote, &context, &state, None, Breadth::Whole)?;
            let load = began.elapsed();
            let began = Instant::now();
            let survey = Survey::new(
                &state,
                &index,
                Synthetic(&self),
                SpillPlace::of(&context),
                &Synthetic(&self),
                Default::default(),
            )?;
            let mark = began.elapsed();
            let began = Instant::now();
            let keys = context.keys();
            let reframing = Reframing::new(&keys, &state, &options);
            let survey = survey.inspected(&Synthetic(&self), &reframing, options.max_unused)?;
            let grounds = Grounds {
                figures: &survey.figures,
                options: &options,
                counts_trapped: reframing.has_content_keys(),
                condemned: &Default::default(),
                damaged: &Default::default(),
                announced: &Default::default(),
                full_lens: CLASSES.map(|class| pack_bytes(&context, class)),
            };
            let choice = grounds.choose();
            let report = report(&survey, &choice);
            Ok(ScaleReport {
                load,
                mark,
                plan: began.elapsed(),
                ..report
            })
        })
        .await
    }

    pub(crate) fn context(&self) -> &Arc<Context> {
        self.repository.context()
    }

    pub(crate) fn store(&self) -> edge::Access {
        self.repository.store()
    }

    /// Seals a segment.
    pub(crate) fn sealed(&self, builder: SegmentBuilder) -> Result<Vec<u8>> {
        sealed(self.context(), builder)
    }

    /// The state that an index of this shape belongs to.
    pub(crate) fn state(&self, context: &Context) -> Result<State> {
        let mut state = State::before_genesis(ObjectHash::default());
        for class in CLASSES {
            for pack in 0..self.packs(class) {
                let row = self.row(class, pack);
                let reference = PackRef {
                    name: row.name,
                    len: row.len,
                    class,
                };
                state.packs.insert_new(reference)?;
            }
        }
        for (name, len) in local_segments(context)? {
            let segment = SegmentRef {
                name,
                len,
                entries: 0,
            };
            state.segments.insert_new(segment);
        }
        let (root, _) = self.levels.last().copied().unwrap_or_default();
        let snapshot = Snapshot {
            root: id(PackClass::Pages, root),
            ..Snapshot::default()
        };
        state
            .snapshots
            .insert_new((1, (id(PackClass::Pages, root), Arc::new(snapshot))));
        Ok(state)
    }

    /// How many blobs of a class there are.
    pub(crate) fn blobs(&self, class: PackClass) -> u64 {
        match class {
            PackClass::Data => self.groups * self.shape.files,
            PackClass::Names => self.groups,
            PackClass::Pages => self.levels.last().map_or(0, |(start, count)| start + count),
        }
    }

    fn packs(&self, class: PackClass) -> u64 {
        let frames = self.blobs(class).div_ceil(self.shape.frame_blobs);
        frames.div_ceil(u64::from(self.shape.pack_frames))
    }

    /// The blobs of a frame, counted through all packs of a class.
    fn frame(&self, class: PackClass, frame: u64) -> std::ops::Range<u64> {
        let blobs = self.blobs(class);
        let start = frame * self.shape.frame_blobs;
        start.min(blobs)..(start + self.shape.frame_blobs).min(blobs)
    }

    /// The frames of a pack, counted likewise.
    fn frames(&self, class: PackClass, pack: u64) -> std::ops::Range<u64> {
        let frames = self.blobs(class).div_ceil(self.shape.frame_blobs);
        let in_pack = u64::from(self.shape.pack_frames);
        let start = pack * in_pack;
        start.min(frames)..(start + in_pack).min(frames)
    }

    fn row(&self, class: PackClass, pack: u64) -> PackRow {
        let mut name = [0; 32];
        let (head, tail) = name.split_at_mut(24);
        head.copy_from_slice(&mixed(class as u64 + 16, pack));
        tail.copy_from_slice(&((class as u64) << CLASS_SHIFT | pack).to_le_bytes());
        let header_offset = 64 + self.shape.pack_frames * FRAME_BYTES;
        PackRow {
            name: ObjectHash::from_bytes(name),
            len: header_offset + HEADER_BYTES + 32,
            header_offset,
            header_len: HEADER_BYTES,
            class,
        }
    }

    fn push(&self, builder: &mut SegmentBuilder, class: PackClass, pack: u64) -> Result<()> {
        let row = builder.push_pack(self.row(class, pack));
        for (position, frame) in (0..).zip(self.frames(class, pack)) {
            let blobs = self.frame(class, frame);
            let stored = u32::try_from(blobs.end - blobs.start).unwrap_or(0) * STORED_BYTES;
            let offset = 64 + position * FRAME_BYTES;
            let frame_row = builder.push_frame(row, offset, stored, position);
            for blob in blobs {
                builder.push_entry(&id(class, blob), frame_row);
            }
        }
        Ok(())
    }

    fn is_needed(&self, group: u64) -> bool {
        splitmix(group ^ 0x5eed) % 100 < self.shape.needed_percent
    }
}

/// A clock that stands, so that the first entry of the journal is the same each time as well.
#[derive(Debug)]
struct Still;

impl Clock for Still {
    fn now(&self) -> Time {
        Time::new(1_700_000_000, 0)
    }
}

/// Pages and headers, made up as they are asked for.
#[derive(Debug)]
struct Synthetic<'a>(&'a PruneScale);

impl Pages for Synthetic<'_> {
    fn references(&mut self, page: &Id, refs: &mut Vec<Ref>) -> Result<()> {
        let scale = self.0;
        let number = number_of(page.as_bytes());
        let reference = |kind, class, number| Ref {
            id: id(class, number),
            len: u64::from(BLOB_BYTES),
            kind,
        };
        if number < scale.groups {
            refs.push(reference(RefKind::Names, PackClass::Names, number));
            let foreign = splitmix(number) % (scale.groups * scale.shape.files).max(1);
            refs.push(reference(RefKind::Data, PackClass::Data, foreign));
            let own = number * scale.shape.files;
            let own = own + 1..own + scale.shape.files;
            refs.extend(own.map(|file| reference(RefKind::Data, PackClass::Data, file)));
            return Ok(());
        }
        let mut below = (0, scale.groups);
        for (start, count) in &scale.levels {
            if number < start + count {
                let first = below.0 + (number - start) * FAN_OUT;
                let last = (first + FAN_OUT).min(below.0 + below.1);
                let children = first..last;
                let needed =
                    children.filter(|page| *page >= scale.groups || scale.is_needed(*page));
                refs.extend(needed.map(|page| reference(RefKind::Page, PackClass::Pages, page)));
                break;
            }
            below = (*start, *count);
        }
        Ok(())
    }
}

impl Headers for Synthetic<'_> {
    type Ticket = ();

    fn begin(&self, _pack: &PackInfo) -> Result<()> {
        Ok(())
    }

    fn finish(&self, pack: &PackInfo, (): ()) -> Result<Arc<PackHeader>> {
        let scale = self.0;
        let number = number_of(pack.name.as_bytes());
        let (mut frames, mut blobs) = (Vec::new(), Vec::new());
        for (position, frame) in (0..).zip(scale.frames(pack.class, number)) {
            let range = scale.frame(pack.class, frame);
            let count = u32::try_from(range.end - range.start).unwrap_or(u32::MAX);
            frames.push(FrameRecord {
                offset: 64 + position * FRAME_BYTES,
                stored_len: count * STORED_BYTES,
                plain_len: count * BLOB_BYTES,
                blobs: count,
                key: match pack.class {
                    PackClass::Pages => FrameKey::Refs,
                    _ => FrameKey::Session(0),
                },
                kind: pack.class as u8,
                codec: Codec::Zstd,
            });
            blobs.extend(range.map(|blob| BlobRecord {
                id: id(pack.class, blob),
                len: BLOB_BYTES,
            }));
        }
        let session = SessionKeyRecord {
            session: SessionId::from_bytes([0; SessionId::LEN]),
            epoch: 0,
            wrap_kind: SessionKeyRecord::BOX,
            wrapped: vec![0; 112],
        };
        PackHeader::new(vec![session], frames, blobs)
            .map(Arc::new)
            .map_err(encode_error)
    }
}

fn keep(context: &Context, builder: SegmentBuilder) -> Result<()> {
    Index::keep_locally(context, sealed(context, builder)?.into())
}

fn sealed(context: &Context, builder: SegmentBuilder) -> Result<Vec<u8>> {
    let nobody = SessionId::from_bytes([0; SessionId::LEN]);
    let keys = context.keys();
    let sealer = keys.structure.index();
    let bytes = builder.finish(
        context.suite,
        context.repository,
        context.random()?,
        nobody,
        sealer,
    );
    bytes.map_err(encode_error)
}

fn local_segments(context: &Context) -> Result<Vec<(ObjectHash, u32)>> {
    let failed = |error| Error::new(ErrorKind::NotFound, "no index was made").caused_by(error);
    let cache = context.settings.cache.clone().unwrap_or_default();
    let folder = cache.join(context.repository.to_string()).join("index");
    let mut segments = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let object = format!("index/{}", entry.file_name().to_string_lossy());
        if let Some(ObjectName::Index(name)) = object_name::parse(&object) {
            let len = entry.metadata().map_err(failed)?.len();
            segments.push((name, u32::try_from(len).unwrap_or(u32::MAX)));
        }
    }
    Ok(segments)
}

fn report(survey: &Survey, choice: &Choice) -> ScaleReport {
    let with = |action| {
        choice
            .decisions
            .iter()
            .filter(|one| one.action == action)
            .count() as u64
    };
    let trapped = survey.figures.packs.iter().map(|pack| pack.trapped.plain);
    ScaleReport {
        rows: survey.marks.rows(),
        needed: survey.marks.count(),
        pages: survey.pages,
        packs: survey.figures.packs.len() as u64,
        dropped: with(PackAction::Drop) + with(PackAction::Repack),
        repacked: with(PackAction::Repack),
        trapped_bytes: trapped.sum(),
        ..ScaleReport::default()
    }
}

/// The id of a blob: pseudo-random, with its number at the end, where no index looks.
pub(crate) fn id(class: PackClass, number: u64) -> Id {
    let mut bytes = [0; 32];
    let (head, tail) = bytes.split_at_mut(24);
    head.copy_from_slice(&mixed(class as u64, number));
    tail.copy_from_slice(&((class as u64) << CLASS_SHIFT | number).to_le_bytes());
    Id::from_bytes(bytes)
}

fn number_of(bytes: &[u8; 32]) -> u64 {
    let tail = bytes.last_chunk().copied().unwrap_or_default();
    u64::from_le_bytes(tail) & ((1 << CLASS_SHIFT) - 1)
}

fn mixed(class: u64, number: u64) -> [u8; 24] {
    let mut bytes = [0; 24];
    let mut state = splitmix(class << CLASS_SHIFT ^ number);
    for part in bytes.chunks_exact_mut(8) {
        state = splitmix(state);
        part.copy_from_slice(&state.to_be_bytes());
    }
    bytes
}

/// The finalizer of `SplitMix64`: a bijection that looks random.
pub(crate) fn splitmix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

/// Pages that a page above refers to.
const FAN_OUT: u64 = 1_000;
const CLASS_SHIFT: u32 = 56;
const BLOB_BYTES: u32 = 64 << 10;
/// What is left of one after compression.
const STORED_BYTES: u32 = 25 << 10;
const FRAME_BYTES: u32 = 200 << 10;
const HEADER_BYTES: u32 = 32 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_one_is_planned_like_a_large_one() {
        let cache = tempfile::tempdir().unwrap();
        let shape = ScaleShape {
            segment_blobs: 5_000,
            ..ScaleShape::of_blobs(40_000)
        };
        let open = || futures::executor::block_on(PruneScale::open(cache.path(), shape)).unwrap();
        open().generate().unwrap();
        let report = futures::executor::block_on(open().plan(PruneOptions::default())).unwrap();
        assert!((39_000..41_000).contains(&report.rows), "{report:?}");
        let share = report.needed as f64 / report.rows as f64;
        assert!((0.6..0.8).contains(&share), "{report:?}");
        assert!(
            report.trapped_bytes > 0 && report.repacked > 0,
            "{report:?}"
        );
    }
}
