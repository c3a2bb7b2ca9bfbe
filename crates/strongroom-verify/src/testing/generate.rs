//! What may happen to every object of a store.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use strongroom_format::PackClass;
use strongroom_format::object_name::{self, ObjectName};
use strongroom_store::{Key, Prefix, Result, Store, StoreExt as _};

use super::borders::borders;
use super::damage::{Damage, Harm, Origin};

/// Generates damages for every object of a store.
///
/// For each object: it is deleted; cut off at nothing, at every border of its structure, at half and before the last byte; something
/// follows it; bits of it are turned, one in each of its fields and others evenly over the rest; a block of it is zeroed; it has changed places with another of its
/// kind; its bytes are those of a sibling, of an object of its kind in another repository, of its predecessor, or its own of long ago.
/// And each folder is gone. What would change no byte is left out.
#[derive(Clone)]
pub struct Damages {
    seed: u64,
    flips: usize,
    foreign: Option<Arc<dyn Store>>,
    older: BTreeMap<Key, Vec<Bytes>>,
    borders: BTreeMap<Key, Vec<u64>>,
}

impl Damages {
    /// Generates what this seed decides.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            flips: 16,
            foreign: None,
            older: BTreeMap::new(),
            borders: BTreeMap::new(),
        }
    }

    /// Turns so many bits of each object, beside one at each border. Default 16.
    #[must_use]
    pub fn with_flips(mut self, flips: usize) -> Self {
        self.flips = flips;
        self
    }

    /// Takes objects of another repository from this store.
    #[must_use]
    pub fn with_foreign(mut self, store: Arc<dyn Store>) -> Self {
        self.foreign = Some(store);
        self
    }

    /// Knows what an object's bytes once were.
    #[must_use]
    pub fn with_older(mut self, key: Key, bytes: Bytes) -> Self {
        self.older.entry(key).or_default().push(bytes);
        self
    }

    /// Knows of borders within an object that do not show without a key, such as those of a pack's frames.
    #[must_use]
    pub fn with_borders(mut self, key: Key, offsets: impl IntoIterator<Item = u64>) -> Self {
        self.borders.entry(key).or_default().extend(offsets);
        self
    }

    /// Returns every damage, object by object in the order of their names, then folder by folder.
    ///
    /// # Errors
    ///
    /// What a store said.
    pub async fn all(&self, store: &dyn Store) -> Result<Vec<Damage>> {
        let objects = read(store).await?;
        let foreign = match &self.foreign {
            Some(other) => read(other).await?,
            None => BTreeMap::new(),
        };
        let mut damages = Vec::new();
        for (key, bytes) in &objects {
            let place = Place {
                key,
                bytes,
                objects: &objects,
                foreign: &foreign,
            };
            damages.extend(self.of(&place));
        }
        damages.extend(folders(&objects)?);
        Ok(damages)
    }

    fn of(&self, place: &Place<'_>) -> Vec<Damage> {
        let name = object_name::parse(place.key.as_str());
        let len = place.bytes.len() as u64;
        let mut borders = borders(name.as_ref(), place.bytes);
        let more = self.borders.get(place.key).into_iter().flatten().copied();
        borders.extend(more.filter(|offset| *offset < len));
        borders.sort_unstable();
        borders.dedup();

        let mut harms = vec![Harm::Deleted];
        let mut ends = borders.clone();
        ends.extend([0, 1, len / 2, len.saturating_sub(1)]);
        ends.retain(|end| *end < len);
        ends.sort_unstable();
        ends.dedup();
        harms.extend(ends.into_iter().map(Harm::Truncated));
        let mut dice = Dice::new(self.seed, place.key.as_str());
        harms.push(Harm::Appended(vec![0]));
        harms.push(Harm::Appended((0..48).map(|_| dice.byte()).collect()));
        harms.extend(self.flips(&borders, len, &mut dice));
        harms.extend(zeroes(len, &mut dice));
        harms.extend(place.exchanges());
        let older = self.older.get(place.key).into_iter().flatten();
        harms.extend(older.map(|bytes| Harm::Replaced {
            by: bytes.clone(),
            origin: Origin::Older(place.key.clone()),
        }));
        harms.retain(|harm| place.is_changed_by(harm));
        let damage = |harm| Damage::new(place.key.clone(), harm);
        harms.into_iter().map(damage).collect()
    }

    /// One bit at each border, and others in equal distances.
    fn flips(&self, borders: &[u64], len: u64, dice: &mut Dice) -> Vec<Harm> {
        let mut bits: Vec<u64> = borders
            .iter()
            .map(|border| border * 8 + dice.below(8))
            .collect();
        let step = (len * 8 / (self.flips as u64).max(1)).max(1);
        let first = dice.below(step);
        let evenly = (0..self.flips as u64).map(|i| first + i * step);
        bits.extend(evenly.filter(|bit| *bit < len * 8));
        bits.sort_unstable();
        bits.dedup();
        bits.into_iter().map(Harm::Flipped).collect()
    }
}

/// An object among those of its store and of another.
struct Place<'a> {
    key: &'a Key,
    bytes: &'a Bytes,
    objects: &'a BTreeMap<Key, Bytes>,
    foreign: &'a BTreeMap<Key, Bytes>,
}

impl Place<'_> {
    /// Other objects in its place.
    fn exchanges(&self) -> Vec<Harm> {
        let mut harms = Vec::new();
        let kind = kind(self.key, self.bytes);
        let is_alike = |(key, bytes): &(&Key, &Bytes)| kind_of(key, bytes) == kind;
        let next = self.objects.range(self.key..).skip(1).find(is_alike);
        if let Some((other, _)) = next {
            harms.push(Harm::Swapped(other.clone()));
        }
        let mut others = self.objects.iter().filter(is_alike);
        if let Some((other, by)) = others.rfind(|(other, _)| *other != self.key) {
            harms.push(Harm::Replaced {
                by: by.clone(),
                origin: Origin::Sibling(other.clone()),
            });
        }
        let before = self.objects.range(..self.key).rfind(is_alike);
        if let Some((other, by)) = before.filter(|_| is_numbered(self.key)) {
            harms.push(Harm::Replaced {
                by: by.clone(),
                origin: Origin::Older(other.clone()),
            });
        }
        let same_name = self.foreign.get_key_value(self.key);
        let foreign = same_name.or_else(|| self.foreign.iter().find(is_alike));
        if let Some((other, by)) = foreign {
            harms.push(Harm::Replaced {
                by: by.clone(),
                origin: Origin::Foreign(other.clone()),
            });
        }
        harms
    }

    fn is_changed_by(&self, harm: &Harm) -> bool {
        match harm {
            Harm::Deleted | Harm::FolderDeleted(..) => true,
            Harm::Swapped(with) => self.objects.get(with) != Some(self.bytes),
            harm => harm.damaged(self.bytes) != self.bytes,
        }
    }
}

/// A block of zeros at the start, in the middle and at the end, and one of 512 bytes somewhere.
fn zeroes(len: u64, dice: &mut Dice) -> Vec<Harm> {
    const BLOCK: u64 = 4096;
    const SECTOR: u64 = 512;
    let middle = len / 2 / SECTOR * SECTOR;
    let last = len.saturating_sub(1) / BLOCK * BLOCK;
    let anywhere = dice.below(len.div_ceil(SECTOR).max(1)) * SECTOR;
    let blocks = [
        (0, BLOCK),
        (middle, BLOCK),
        (last, BLOCK),
        (anywhere, SECTOR),
    ];
    let mut harms: Vec<_> = blocks
        .into_iter()
        .map(|(from, block)| Harm::Zeroed {
            from,
            len: block.min(len.saturating_sub(from)),
        })
        .collect();
    harms.dedup();
    harms
}

/// Every folder that has objects, gone.
fn folders(objects: &BTreeMap<Key, Bytes>) -> Result<Vec<Damage>> {
    let mut folders: BTreeMap<String, Vec<Key>> = BTreeMap::new();
    for key in objects.keys() {
        if let Some((folder, _)) = key.as_str().split_once('/') {
            folders
                .entry(format!("{folder}/"))
                .or_default()
                .push(key.clone());
        }
    }
    let mut damages = Vec::new();
    for (folder, keys) in folders {
        if let Some(first) = keys.first().cloned() {
            let harm = Harm::FolderDeleted(Prefix::parse(&folder)?, keys);
            damages.push(Damage::new(first, harm));
        }
    }
    Ok(damages)
}

/// Returns what stands for an object's kind: its folder, and the class of a pack.
fn kind<'a>(key: &'a Key, bytes: &Bytes) -> (&'a str, Option<u8>) {
    let folder = key
        .as_str()
        .split_once('/')
        .map_or("config", |(folder, _)| folder);
    let class = bytes.get(14).filter(|_| folder == "pack").copied();
    (
        folder,
        class.filter(|class| *class <= PackClass::Pages as u8),
    )
}

fn kind_of<'a>(key: &&'a Key, bytes: &&Bytes) -> (&'a str, Option<u8>) {
    kind(key, bytes)
}

fn is_numbered(key: &Key) -> bool {
    matches!(
        object_name::parse(key.as_str()),
        Some(
            ObjectName::Journal(_)
                | ObjectName::Bundle(_)
                | ObjectName::Checkpoint(_)
                | ObjectName::Keyring(_)
                | ObjectName::KeyringCopy(_)
        )
    )
}

async fn read(store: &dyn Store) -> Result<BTreeMap<Key, Bytes>> {
    let mut objects = BTreeMap::new();
    for meta in store.list_all(&Prefix::root()).await? {
        let bytes = store.get_all(&meta.key).await?;
        objects.insert(meta.key, bytes);
    }
    Ok(objects)
}

/// Numbers that a seed and a name decide (splitmix64).
struct Dice(u64);

impl Dice {
    fn new(seed: u64, name: &str) -> Self {
        // FNV-1a, so that what happens to one object does not depend on which others there are.
        let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        Self(name.bytes().fold(seed ^ 0xcbf2_9ce4_8422_2325, mix))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }
}

impl fmt::Debug for Damages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Damages")
            .field("seed", &self.seed)
            .field("flips", &self.flips)
            .field("older", &self.older.len())
            .finish_non_exhaustive()
    }
}
