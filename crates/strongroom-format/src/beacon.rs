//! Beacons: signs of life of running sessions.

use strongroom_crypt::{RepositoryId, Suite};

use crate::cbor::{MapWriter, Reader, Unknown};
use crate::config::missing;
use crate::fields::{read_prefixed, write_prefixed};
use crate::limits::MAX_BEACON_BYTES;
use crate::whole::{finish_whole, open_whole};
use crate::{DecodeError, EncodeError, ObjectKind, Preamble, Time};

/// A sign that a session is running (`docs/format.md`, §2). It is advisory: nothing that is safe depends on it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what later versions add is in `unknown`"
)]
pub struct Beacon {
    /// When it was written.
    pub time: Time,
    /// The machine on which the session runs.
    pub host: Option<String>,
    /// What a later version added.
    pub unknown: Unknown,
}

impl Beacon {
    /// Returns the object.
    ///
    /// # Errors
    ///
    /// `TooLarge` above 65,536 bytes; `Invalid` when the time has a billion nanoseconds.
    pub fn encode(
        &self,
        suite: Suite,
        repository: RepositoryId,
        random: [u8; 16],
    ) -> Result<Vec<u8>, EncodeError> {
        let mut body = Vec::new();
        let mut map = MapWriter::new(&mut body);
        self.time.write(map.key(0))?;
        if let Some(host) = &self.host {
            map.text(1, host);
        }
        map.finish(&self.unknown)?;
        let preamble = Preamble::new(ObjectKind::Session, suite, repository, random);
        let mut object = preamble.encode().to_vec();
        write_prefixed(&mut object, &body, "beacon")?;
        finish_whole(object, MAX_BEACON_BYTES, "beacon")
    }

    /// Decodes a whole object.
    ///
    /// # Errors
    ///
    /// `Damaged` when it is not whole; `Unsupported` as for preambles; `TooLarge`; `Truncated`; `Invalid`.
    pub fn decode(object: &[u8]) -> Result<Self, DecodeError> {
        let (_, mut f) = open_whole(object, ObjectKind::Session, MAX_BEACON_BYTES, "beacon")?;
        let base = f.position() + 4;
        let body = read_prefixed(&mut f, MAX_BEACON_BYTES)?;
        f.finish()?;
        Self::read(body).map_err(|error| error.shifted(base))
    }

    fn read(body: &[u8]) -> Result<Self, DecodeError> {
        let mut r = Reader::new(body);
        let (mut time, mut host) = (None, None);
        let unknown = r.map("beacon", |r, key| {
            match key {
                0 => time = Some(Time::read(r, "time of a beacon")?),
                1 => host = Some(r.string("host")?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        r.finish("beacon")?;
        Ok(Self {
            time: time.ok_or(missing("time of a beacon"))?,
            host,
            unknown,
        })
    }
}
