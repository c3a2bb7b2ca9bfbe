//! The configuration of a repository, readable without a key.

use strongroom_crypt::{RepositoryId, Suite};

use crate::cbor::{self, MapWriter, Reader, Unknown};
use crate::fields::{read_prefixed, write_prefixed};
use crate::limits::MAX_CONFIG_BYTES;
use crate::whole::{finish_whole, open_whole};
use crate::{DecodeError, EncodeError, ObjectKind, Preamble, Time};

/// What never changes about a repository (`docs/format.md`, §5). Version 1 defines no feature.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what later versions add is in `unknown`"
)]
pub struct Config {
    /// Names the repository in every object.
    pub repository: RepositoryId,
    /// Algorithms of the repository.
    pub suite: Suite,
    /// Features that a reader must know.
    pub read_features: Vec<String>,
    /// Features that a writer must know.
    pub write_features: Vec<String>,
    /// Features that maintenance must know.
    pub maintain_features: Vec<String>,
    /// When the repository was made.
    pub created: Time,
    /// What a later version added.
    pub unknown: Unknown,
}

impl Config {
    /// Describes a repository without features.
    #[must_use]
    pub fn new(repository: RepositoryId, suite: Suite, created: Time) -> Self {
        Self {
            repository,
            suite,
            read_features: Vec::new(),
            write_features: Vec::new(),
            maintain_features: Vec::new(),
            created,
            unknown: Unknown::default(),
        }
    }

    /// Returns the object; features are written sorted and once.
    ///
    /// # Errors
    ///
    /// `TooLarge` above 65,536 bytes, `Invalid` when the time has a billion nanoseconds.
    pub fn encode(&self, random: [u8; 16]) -> Result<Vec<u8>, EncodeError> {
        let mut body = Vec::new();
        let mut map = MapWriter::new(&mut body);
        map.uint(0, 1);
        map.bytes(1, self.repository.as_bytes());
        map.uint(2, u64::from(self.suite.id()));
        write_features(map.key(3), &self.read_features);
        write_features(map.key(4), &self.write_features);
        write_features(map.key(5), &self.maintain_features);
        self.created.write(map.key(6))?;
        map.finish(&self.unknown)?;
        let preamble = Preamble::new(ObjectKind::Config, self.suite, self.repository, random);
        let mut object = preamble.encode().to_vec();
        write_prefixed(&mut object, &body, "config")?;
        finish_whole(object, MAX_CONFIG_BYTES, "config")
    }

    /// Decodes a whole object.
    ///
    /// # Errors
    ///
    /// `Damaged` when it is not whole, `Unsupported` when a later version wrote it, otherwise `Invalid`,
    /// `Truncated` or `TooLarge`.
    pub fn decode(object: &[u8]) -> Result<Self, DecodeError> {
        let (preamble, mut fields) =
            open_whole(object, ObjectKind::Config, MAX_CONFIG_BYTES, "config")?;
        let base = fields.position() + 4;
        let body = read_prefixed(&mut fields, MAX_CONFIG_BYTES)?;
        fields.finish()?;
        Self::read(body, &preamble).map_err(|error| error.shifted(base))
    }

    /// Returns the features that a reader must know and this version does not.
    #[must_use]
    pub fn unsupported_read_features(&self) -> &[String] {
        &self.read_features
    }

    /// Returns the features that a writer must know and this version does not.
    #[must_use]
    pub fn unsupported_write_features(&self) -> &[String] {
        &self.write_features
    }

    /// Returns the features that maintenance must know and this version does not.
    #[must_use]
    pub fn unsupported_maintain_features(&self) -> &[String] {
        &self.maintain_features
    }

    fn read(body: &[u8], preamble: &Preamble) -> Result<Self, DecodeError> {
        let mut r = Reader::new(body);
        let mut major = None;
        let (mut repository, mut suite, mut created) = (None, None, None);
        let mut features = [None, None, None];
        let unknown = r.map("config", |r, key| {
            match key {
                0 => major = Some(r.uint("major version")?),
                1 => repository = Some(RepositoryId::from_bytes(r.fixed("repository id")?)),
                2 => suite = Some(r.uint("suite")?),
                3..=5 => {
                    let [read, write, maintain] = &mut features;
                    let set = match key {
                        3 => read,
                        4 => write,
                        _ => maintain,
                    };
                    *set = Some(read_features(r)?);
                }
                6 => created = Some(Time::read(r, "created")?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        r.finish("config")?;
        if major != Some(1) {
            return Err(DecodeError::invalid("major version", 0));
        }
        if suite != Some(u64::from(preamble.suite.id())) {
            return Err(DecodeError::invalid("suite", 0));
        }
        if repository != Some(preamble.repository) {
            return Err(DecodeError::invalid("repository id", 0));
        }
        let [Some(read), Some(write), Some(maintain)] = features else {
            return Err(missing("features"));
        };
        Ok(Self {
            repository: preamble.repository,
            suite: preamble.suite,
            read_features: read,
            write_features: write,
            maintain_features: maintain,
            created: created.ok_or(missing("created"))?,
            unknown,
        })
    }
}

/// Writes names of features in the order in which readers expect them.
pub(crate) fn write_features(out: &mut Vec<u8>, features: &[String]) {
    let mut sorted: Vec<&String> = features.iter().collect();
    sorted.sort_unstable();
    sorted.dedup();
    cbor::array(out, sorted.len());
    for feature in sorted {
        cbor::text(out, feature);
    }
}

/// Reads names of features, sorted and each once.
pub(crate) fn read_features(r: &mut Reader<'_>) -> Result<Vec<String>, DecodeError> {
    read_sorted(r, "features", |r| r.string("feature"))
}

/// Reads an array that ascends strictly.
pub(crate) fn read_sorted<T: Ord>(
    r: &mut Reader<'_>,
    what: &'static str,
    item: impl FnMut(&mut Reader<'_>) -> Result<T, DecodeError>,
) -> Result<Vec<T>, DecodeError> {
    let at = r.position();
    let items = r.array(what, item)?;
    if items.is_sorted_by(|a, b| a < b) {
        Ok(items)
    } else {
        Err(DecodeError::invalid(what, at))
    }
}

/// The error for a key that must be there.
pub(crate) const fn missing(what: &'static str) -> DecodeError {
    DecodeError::invalid(what, 0)
}
