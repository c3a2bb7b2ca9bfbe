//! Snapshots, as Commit entries and checkpoints record them.

use strongroom_crypt::{Id, StructureKeys};

use crate::cbor::{self, MapWriter, Reader, Unknown};
use crate::config::{missing, read_sorted};
use crate::limits::MAX_LABEL_BYTES;
use crate::{DecodeError, EncodeError, Labels, Time};

/// One backup (`docs/format.md`, §8.7).
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what later versions add is in `unknown`"
)]
pub struct Snapshot {
    /// Random bytes, so that ids never repeat.
    pub random: [u8; 16],
    /// When capture began.
    pub began: Time,
    /// When everything was durable.
    pub durable: Time,
    /// Root page of the tree.
    pub root: Id,
    /// What successive backups of the same thing share.
    pub series: String,
    /// Tags; written sorted and once.
    pub tags: Vec<String>,
    /// Labels; `host` is the machine's name.
    pub labels: Labels,
    /// Whether everything that was asked for is in it.
    pub outcome: Outcome,
    /// Counts.
    pub summary: Summary,
    /// Epoch and sealed [`Details`](crate::Details).
    pub details: Option<(u32, Vec<u8>)>,
    /// The snapshot that unchanged entries were taken from.
    pub parent: Option<Id>,
    /// How content was cut.
    pub chunker: ChunkerRecord,
    /// Local time minus UTC where the backup was made.
    pub utc_offset_seconds: Option<i32>,
    /// Program and version.
    pub program: String,
    /// What a later version added.
    pub unknown: Unknown,
}

/// A snapshot of nothing, for a writer to fill in.
impl Default for Snapshot {
    fn default() -> Self {
        Self {
            random: [0; 16],
            began: Time::default(),
            durable: Time::default(),
            root: Id::from_bytes([0; 32]),
            series: String::new(),
            tags: Vec::new(),
            labels: Labels::default(),
            outcome: Outcome::default(),
            summary: Summary::default(),
            details: None,
            parent: None,
            chunker: ChunkerRecord::default(),
            utc_offset_seconds: None,
            program: String::new(),
            unknown: Unknown::default(),
        }
    }
}

/// Whether everything that was asked for is in a snapshot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum Outcome {
    /// Everything.
    #[default]
    Complete = 0,
    /// Not what the summary counts as skipped.
    Partial = 1,
}

/// Counts of a snapshot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what later versions add is in `unknown`"
)]
pub struct Summary {
    /// Regular files.
    pub files: u64,
    /// Directories.
    pub directories: u64,
    /// All other entries.
    pub others: u64,
    /// Bytes of file content.
    pub bytes: u64,
    /// Of these the bytes that the repository did not have, before compression.
    pub new_bytes: u64,
    /// Bytes added to the store.
    pub added_bytes: u64,
    /// Entries unchanged since the parent.
    pub unchanged: u64,
    /// Entries skipped or changed while read.
    pub skipped: u64,
    /// What a later version added.
    pub unknown: Unknown,
}

/// How content was cut (`docs/format.md`, §11); a reader needs none of this.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "the format fixes the fields")]
pub struct ChunkerRecord {
    /// Number of the algorithm.
    pub id: u64,
    /// Least bytes of a chunk that is not the last.
    pub min: u64,
    /// Bytes aimed at.
    pub target: u64,
    /// Most bytes of a chunk.
    pub max: u64,
}

impl Snapshot {
    /// Returns the id: a keyed hash of the encoding.
    ///
    /// # Errors
    ///
    /// As [`Snapshot::encode`].
    pub fn id(&self, keys: &StructureKeys) -> Result<Id, EncodeError> {
        let mut bytes = Vec::new();
        self.encode(&mut bytes)?;
        Ok(keys.page_id(SNAPSHOT_ID_KIND, &bytes))
    }

    /// Appends the encoding.
    ///
    /// # Errors
    ///
    /// `Invalid` when a time has a billion nanoseconds; `TooLarge` when a tag, a label or the series is.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        if self.is_too_large() {
            return Err(EncodeError::too_large("text of a snapshot"));
        }
        let mut map = MapWriter::new(out);
        map.bytes(0, &self.random);
        self.began.write(map.key(1))?;
        self.durable.write(map.key(2))?;
        map.bytes(3, self.root.as_bytes());
        map.text(4, &self.series);
        if !self.tags.is_empty() {
            crate::config::write_features(map.key(5), &self.tags);
        }
        if !self.labels.is_empty() {
            write_labels(map.key(6), &self.labels);
        }
        map.uint(7, self.outcome as u64);
        self.summary.write(map.key(8))?;
        if let Some((epoch, sealed)) = &self.details {
            write_epoch_box(map.key(9), *epoch, sealed);
        }
        if let Some(parent) = &self.parent {
            map.bytes(10, parent.as_bytes());
        }
        let ChunkerRecord {
            id,
            min,
            target,
            max,
        } = self.chunker;
        map.array(11, &[id, min, target, max], |out, field| {
            cbor::uint(out, *field);
            Ok(())
        })?;
        if let Some(offset) = self.utc_offset_seconds {
            map.int(12, i64::from(offset));
        }
        map.text(13, &self.program);
        map.finish(&self.unknown)
    }

    /// Decodes a whole encoding.
    ///
    /// # Errors
    ///
    /// `Unsupported` for another outcome; `Truncated`; `TooLarge` for nesting and for texts; `Invalid`.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut r = Reader::new(bytes);
        let snapshot = Self::read(&mut r)?;
        r.finish("snapshot")?;
        Ok(snapshot)
    }

    pub(crate) fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let at = r.position();
        let mut snapshot = Self::default();
        let mut seen = 0_u32;
        let unknown = r.map("snapshot", |r, key| {
            match key {
                0 => snapshot.random = r.fixed("random")?,
                1 => snapshot.began = Time::read(r, "began")?,
                2 => snapshot.durable = Time::read(r, "durable")?,
                3 => snapshot.root = Id::from_bytes(r.fixed("root")?),
                4 => snapshot.series = r.string("series")?,
                7 => {
                    snapshot.outcome = match r.uint("outcome")? {
                        0 => Outcome::Complete,
                        1 => Outcome::Partial,
                        _ => return Err(DecodeError::unsupported("outcome", r.position())),
                    }
                }
                8 => snapshot.summary = Summary::read(r)?,
                11 => snapshot.chunker = ChunkerRecord::read(r)?,
                13 => snapshot.program = r.string("program")?,
                5..=12 => snapshot.read_optional(r, key)?,
                _ => return Ok(false),
            }
            seen |= 1 << key;
            Ok(true)
        })?;
        if seen & REQUIRED_KEYS != REQUIRED_KEYS {
            return Err(DecodeError::invalid("snapshot", at));
        }
        if snapshot.is_too_large() {
            return Err(DecodeError::too_large("text of a snapshot", at));
        }
        snapshot.unknown = unknown;
        Ok(snapshot)
    }

    fn is_too_large(&self) -> bool {
        let labels = self.labels.iter().flat_map(|(name, text)| [name, text]);
        let tags = self.tags.iter().map(String::as_str);
        let mut texts = tags.chain(labels).chain([self.series.as_str()]);
        texts.any(|text| text.len() > MAX_LABEL_BYTES)
    }

    fn read_optional(&mut self, r: &mut Reader<'_>, key: u64) -> Result<(), DecodeError> {
        let at = r.position();
        match key {
            5 => {
                self.tags = read_sorted(r, "tags", |r| r.string("tag"))?;
                if self.tags.is_empty() {
                    return Err(DecodeError::invalid("tags", at));
                }
            }
            6 => {
                self.labels = r.text_map("labels")?.into();
                if self.labels.is_empty() {
                    return Err(DecodeError::invalid("labels", at));
                }
            }
            9 => self.details = Some(read_epoch_box(r, "details")?),
            10 => self.parent = Some(Id::from_bytes(r.fixed("parent")?)),
            _ => {
                let offset = i32::try_from(r.int("offset from UTC")?);
                let offset = offset.map_err(|_| DecodeError::invalid("offset from UTC", at))?;
                self.utc_offset_seconds = Some(offset);
            }
        }
        Ok(())
    }
}

impl Summary {
    fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let mut map = MapWriter::new(out);
        let fields = [
            self.files,
            self.directories,
            self.others,
            self.bytes,
            self.new_bytes,
            self.added_bytes,
            self.unchanged,
            self.skipped,
        ];
        for (key, field) in (0..).zip(fields) {
            map.uint(key, field);
        }
        map.finish(&self.unknown)
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut summary = Self::default();
        let mut seen = 0_u32;
        let unknown = r.map("summary", |r, key| {
            let field = match key {
                0 => &mut summary.files,
                1 => &mut summary.directories,
                2 => &mut summary.others,
                3 => &mut summary.bytes,
                4 => &mut summary.new_bytes,
                5 => &mut summary.added_bytes,
                6 => &mut summary.unchanged,
                7 => &mut summary.skipped,
                _ => return Ok(false),
            };
            *field = r.uint("summary")?;
            seen |= 1 << key;
            Ok(true)
        })?;
        if seen != 0xFF {
            return Err(missing("summary"));
        }
        summary.unknown = unknown;
        Ok(summary)
    }
}

impl ChunkerRecord {
    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.tuple("chunker", 4, |r| {
            Ok(Self {
                id: r.uint("chunker")?,
                min: r.uint("chunker")?,
                target: r.uint("chunker")?,
                max: r.uint("chunker")?,
            })
        })
    }
}

/// Writes `[uint epoch, bytes box]`.
pub(crate) fn write_epoch_box(out: &mut Vec<u8>, epoch: u32, sealed: &[u8]) {
    cbor::array(out, 2);
    cbor::uint(out, u64::from(epoch));
    cbor::bytes(out, sealed);
}

/// Reads `[uint epoch, bytes box]`.
pub(crate) fn read_epoch_box(
    r: &mut Reader<'_>,
    what: &'static str,
) -> Result<(u32, Vec<u8>), DecodeError> {
    r.tuple(what, 2, |r| Ok((r.u32(what)?, r.bytes(what)?.to_vec())))
}

fn write_labels(out: &mut Vec<u8>, labels: &Labels) {
    let mut sorted: Vec<(&str, &str)> = labels.iter().collect();
    // Bytewise order of encodings: shorter first.
    sorted.sort_by_key(|(key, _)| (key.len(), key.as_bytes()));
    cbor::map(out, sorted.len());
    for (key, value) in sorted {
        cbor::text(out, key);
        cbor::text(out, value);
    }
}

/// The first byte hashed into the id of a snapshot, where blobs have their kind.
const SNAPSHOT_ID_KIND: u8 = 5;
/// Keys 0 to 4, 7, 8, 11 and 13.
const REQUIRED_KEYS: u32 = 0b10_1001_1001_1111;
