//! What a journal entry seals.

use crate::body::Body;
use crate::cbor::{self, MapWriter, Reader, Unknown};
use crate::config::missing;
use crate::item::Item as _;
use crate::limits::MAX_ENTRY_BYTES;
use crate::{DecodeError, EncodeError, Locked, Time};

/// The plaintext of a journal entry (`docs/format.md`, §8.1).
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what later versions add is in `unknown`"
)]
pub struct Payload {
    /// When its author wrote it; informational.
    pub time: Time,
    /// What it says.
    pub body: Body,
    /// Whether a program that does not know the body's type must not write to the repository.
    pub must_understand: bool,
    /// How the entry, the packs and segments that it adds, and the bundle that ends with it were put, at least; informational.
    pub locked: Option<Locked>,
    /// What a later version added.
    pub unknown: Unknown,
}

impl Payload {
    /// Joins time and body, for a type that every version knows.
    #[must_use]
    pub fn new(time: Time, body: Body) -> Self {
        Self {
            time,
            body,
            must_understand: false,
            locked: None,
            unknown: Unknown::default(),
        }
    }

    /// Returns the plaintext.
    ///
    /// # Errors
    ///
    /// `Invalid` when a field breaks a rule of the format.
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let mut out = Vec::new();
        let mut map = MapWriter::new(&mut out);
        map.uint(0, self.body.kind());
        self.time.write(map.key(1))?;
        self.body.write(map.key(2))?;
        if self.must_understand {
            cbor::boolean(map.key(3), true);
        }
        if let Some(locked) = &self.locked {
            locked.write(map.key(4));
        }
        map.finish(&self.unknown)?;
        Ok(out)
    }

    /// Decodes the whole plaintext.
    ///
    /// # Errors
    ///
    /// `Unsupported` where a known type has a value of a later version; `TooLarge` above a limit; `Truncated`; `Invalid`.
    pub fn decode(plain: &[u8]) -> Result<Self, DecodeError> {
        if plain.len() > MAX_ENTRY_BYTES {
            return Err(DecodeError::too_large("payload", MAX_ENTRY_BYTES));
        }
        let mut r = Reader::new(plain);
        let (mut kind, mut time, mut body, mut must_understand) = (None, None, None, false);
        let mut locked = None;
        let unknown = r.map("payload", |r, key| {
            match key {
                0 => kind = Some(r.uint("type of an entry")?),
                1 => time = Some(Time::read(r, "time of an entry")?),
                2 => body = Some(Body::read(r, kind.ok_or(missing("type of an entry"))?)?),
                3 => {
                    must_understand = r.boolean("must understand")?;
                    if !must_understand {
                        return Err(DecodeError::invalid("must understand", r.position()));
                    }
                }
                4 => locked = Some(Locked::read(r)?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        r.finish("payload")?;
        Ok(Self {
            time: time.ok_or(missing("time of an entry"))?,
            body: body.ok_or(missing("body"))?,
            must_understand,
            locked,
            unknown,
        })
    }
}
