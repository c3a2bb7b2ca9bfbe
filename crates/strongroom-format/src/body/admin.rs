//! Entries of an admin.

use strongroom_crypt::Id;

use super::write_raw_map;
use crate::cbor::{self, MapWriter, Reader, Unknown};
use crate::config::{missing, read_features, write_features};
use crate::item::Item;
use crate::{Certificate, DecodeError, EncodeError, EpochState, ObjectHash, Time};

/// The first entry: who may sign what.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what later versions add is in `unknown`"
)]
pub struct Genesis {
    /// The admin's public key.
    pub admin: [u8; 32],
    /// Hash of the config object.
    pub config: ObjectHash,
    /// Who else may sign.
    pub certificates: Vec<Certificate>,
    /// Whether only one key may write.
    pub single_writer: bool,
    /// That key, present exactly in this mode.
    pub only_writer: Option<[u8; 32]>,
    /// Whether the store was seen to decide races.
    pub probed: bool,
    /// What else was found of the store: an encoded [`ProbeRecord`](crate::ProbeRecord), kept as it is.
    pub probe: Option<Vec<u8>>,
    /// What a later version added.
    pub unknown: Unknown,
}

impl Genesis {
    pub(super) fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        if self.single_writer != self.only_writer.is_some() {
            return Err(EncodeError::invalid("only writer"));
        }
        let mut map = MapWriter::new(out);
        map.bytes(0, &self.admin);
        self.config.write(map.key(1));
        map.items(2, &self.certificates);
        map.nonzero(3, u64::from(self.single_writer));
        if let Some(writer) = &self.only_writer {
            map.bytes(4, writer);
        }
        cbor::boolean(map.key(5), self.probed);
        if let Some(probe) = &self.probe {
            write_raw_map(map.key(6), probe, 2)?;
        }
        map.finish(&self.unknown)
    }

    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (mut admin, mut config, mut certificates) = (None, None, None);
        let (mut single_writer, mut only_writer, mut probed) = (false, None, None);
        let mut probe = None;
        let unknown = r.map("genesis", |r, key| {
            match key {
                0 => admin = Some(r.fixed("admin")?),
                1 => config = Some(Item::read(r)?),
                2 => certificates = Some(r.items("certificates")?),
                3 => {
                    single_writer = match r.uint("writer mode")? {
                        0 => return Err(DecodeError::invalid("writer mode", r.position())),
                        1 => true,
                        _ => return Err(DecodeError::unsupported("writer mode", r.position())),
                    }
                }
                4 => only_writer = Some(r.fixed("only writer")?),
                5 => probed = Some(r.boolean("probed")?),
                6 => probe = Some(r.raw_map("probe")?.to_vec()),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        if single_writer != only_writer.is_some() {
            return Err(missing("only writer"));
        }
        Ok(Self {
            admin: admin.ok_or(missing("admin"))?,
            config: config.ok_or(missing("config"))?,
            certificates: certificates.ok_or(missing("certificates"))?,
            single_writer,
            only_writer,
            probed: probed.ok_or(missing("probed"))?,
            probe,
            unknown,
        })
    }
}

/// A keyring generation, certificates, states of epochs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what later versions add is in `unknown`"
)]
pub struct Keys {
    /// Generation of the keyring that is announced.
    pub generation: Option<u64>,
    /// Hash of that keyring's object, present exactly if the generation is.
    pub keyring: Option<ObjectHash>,
    /// Certificates added.
    pub certificates: Vec<Certificate>,
    /// Public keys whose certificates end.
    pub ended: Vec<[u8; 32]>,
    /// New states of epochs.
    pub epochs: Vec<(u32, EpochState)>,
    /// What a later version added.
    pub unknown: Unknown,
}

impl Keys {
    pub(super) fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        if self.generation.is_some() != self.keyring.is_some() {
            return Err(EncodeError::invalid("keyring"));
        }
        let mut map = MapWriter::new(out);
        if let Some(generation) = self.generation {
            map.uint(0, generation);
        }
        if let Some(keyring) = &self.keyring {
            keyring.write(map.key(1));
        }
        map.some_items(2, &self.certificates);
        map.some_items(3, &self.ended);
        map.some_items(4, &self.epochs);
        map.finish(&self.unknown)
    }

    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut keys = Self::default();
        let unknown = r.map("keys", |r, key| {
            match key {
                0 => keys.generation = Some(r.uint("generation")?),
                1 => keys.keyring = Some(Item::read(r)?),
                2 => keys.certificates = r.items("certificates")?,
                3 => keys.ended = r.items("ended certificates")?,
                4 => keys.epochs = r.items("epochs")?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        if keys.generation.is_some() != keys.keyring.is_some() {
            return Err(missing("keyring"));
        }
        keys.unknown = unknown;
        Ok(keys)
    }
}

/// Features that must be known from here on; written sorted and once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what later versions add is in `unknown`"
)]
pub struct Feature {
    /// By a reader.
    pub read: Vec<String>,
    /// By a writer.
    pub write: Vec<String>,
    /// By maintenance.
    pub maintain: Vec<String>,
    /// What a later version added.
    pub unknown: Unknown,
}

impl Feature {
    pub(super) fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let mut map = MapWriter::new(out);
        write_features(map.key(0), &self.read);
        write_features(map.key(1), &self.write);
        write_features(map.key(2), &self.maintain);
        map.finish(&self.unknown)
    }

    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (mut read, mut write, mut maintain) = (None, None, None);
        let unknown = r.map("feature", |r, key| {
            match key {
                0 => read = Some(read_features(r)?),
                1 => write = Some(read_features(r)?),
                2 => maintain = Some(read_features(r)?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(Self {
            read: read.ok_or(missing("features"))?,
            write: write.ok_or(missing("features"))?,
            maintain: maintain.ok_or(missing("features"))?,
            unknown,
        })
    }
}

/// A hold placed or released: snapshots under it are not forgotten.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what later versions add is in `unknown`"
)]
pub struct Hold {
    /// What happens to it.
    pub action: HoldAction,
    /// Names the hold.
    pub id: [u8; 16],
    /// The snapshots; none means by series.
    pub snapshots: Vec<Id>,
    /// The series.
    pub series: Option<String>,
    /// For people. Like the snapshots it may be missing in a release, and is then empty.
    pub reason: String,
    /// When releasing it is due.
    pub end: Option<Time>,
    /// What a later version added.
    pub unknown: Unknown,
}

/// What happens to a hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum HoldAction {
    /// It ends.
    Release = 0,
    /// It begins.
    #[default]
    Place = 1,
}

impl Hold {
    pub(crate) fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let mut map = MapWriter::new(out);
        map.uint(0, u64::from(self.action as u8));
        map.bytes(1, &self.id);
        let is_release = self.action == HoldAction::Release;
        if !(is_release && self.snapshots.is_empty()) {
            map.items(2, &self.snapshots);
        }
        if let Some(series) = &self.series {
            map.text(3, series);
        }
        if !(is_release && self.reason.is_empty()) {
            map.text(4, &self.reason);
        }
        if let Some(end) = self.end {
            end.write(map.key(5))?;
        }
        map.finish(&self.unknown)
    }

    pub(crate) fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (mut action, mut id, mut snapshots) = (None, None, None);
        let (mut series, mut reason, mut end) = (None, None, None);
        let unknown = r.map("hold", |r, key| {
            match key {
                0 => {
                    action = Some(match r.uint("action")? {
                        0 => HoldAction::Release,
                        1 => HoldAction::Place,
                        _ => return Err(DecodeError::unsupported("action", r.position())),
                    });
                }
                1 => id = Some(r.fixed("hold")?),
                2 => snapshots = Some(r.items("snapshots")?),
                3 => series = Some(r.string("series")?),
                4 => reason = Some(r.string("reason")?),
                5 => end = Some(Time::read(r, "end of a hold")?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        let action = action.ok_or(missing("action"))?;
        if action == HoldAction::Release {
            // A release needs no more than the id.
            snapshots.get_or_insert_default();
            reason.get_or_insert_default();
        }
        Ok(Self {
            action,
            id: id.ok_or(missing("hold"))?,
            snapshots: snapshots.ok_or(missing("snapshots"))?,
            series,
            reason: reason.ok_or(missing("reason"))?,
            end,
            unknown,
        })
    }
}

/// Another only writer in single-writer mode.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what later versions add is in `unknown`"
)]
pub struct Takeover {
    /// Public key of the new only writer.
    pub only_writer: [u8; 32],
    /// For people.
    pub reason: String,
    /// What a later version added.
    pub unknown: Unknown,
}

impl Takeover {
    pub(super) fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let mut map = MapWriter::new(out);
        map.bytes(0, &self.only_writer);
        map.text(1, &self.reason);
        map.finish(&self.unknown)
    }

    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (mut only_writer, mut reason) = (None, None);
        let unknown = r.map("takeover", |r, key| {
            match key {
                0 => only_writer = Some(r.fixed("only writer")?),
                1 => reason = Some(r.string("reason")?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(Self {
            only_writer: only_writer.ok_or(missing("only writer"))?,
            reason: reason.ok_or(missing("reason"))?,
            unknown,
        })
    }
}
