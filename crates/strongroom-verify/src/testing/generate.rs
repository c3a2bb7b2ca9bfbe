//! What may happen to every object of a store.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use strongroom_format::object_name;
use strongroom_store::{Key, Prefix, Result, Store, StoreExt as _};

use super::borders::borders;
use super::damage::{Damage, Harm, Origin};

/// Generates damages for every object of a store.
///
/// For each object: it is deleted; cut off at nothing, at every border of its structure, at half and before the last byte; something
/// follows it; bits of it are turned, one in each of its fields and others evenly over the rest; a block of it is zeroed; it has changed places with another of its
/// kind; its bytes are
/// those of its predecessor, of the last of its kind, of an object of its kind in another repository, or its own of long ago.
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
        let catalogue = Catalogue::read(store).await?;
        let mut damages = Vec::new();
        for key in catalogue.0.keys() {
            damages.extend(self.of(store, &catalogue, key).await?);
        }
        damages.extend(folders(&catalogue)?);
        Ok(damages)
    }

    /// Returns so many damages of objects, or as many as there are, each of another object. `is_wanted` is asked for the name of the object
    /// and the [sort](Harm::sort) of the damage.
    ///
    /// # Errors
    ///
    /// What a store said.
    pub async fn pick(
        &self,
        store: &dyn Store,
        count: usize,
        is_wanted: impl Fn(&Key, &str) -> bool,
    ) -> Result<Vec<Damage>> {
        let catalogue = Catalogue::read(store).await?;
        let mut keys: Vec<&Key> = catalogue.0.keys().collect();
        keys.sort_by_cached_key(|key| Dice::new(self.seed, key.as_str()).next());
        let mut damages = Vec::new();
        for key in keys {
            if damages.len() >= count {
                break;
            }
            let mut of = self.of(store, &catalogue, key).await?;
            of.retain(|damage| is_wanted(key, damage.harm.sort()));
            let mut dice = Dice::new(!self.seed, key.as_str());
            let at = usize::try_from(dice.below(of.len() as u64)).unwrap_or(0);
            if at < of.len() {
                damages.push(of.swap_remove(at));
            }
        }
        Ok(damages)
    }

    async fn of(&self, store: &dyn Store, catalogue: &Catalogue, key: &Key) -> Result<Vec<Damage>> {
        let bytes = store.get_all(key).await?;
        let name = object_name::parse(key.as_str());
        let len = bytes.len() as u64;
        let mut borders = borders(name.as_ref(), &bytes);
        let more = self.borders.get(key).into_iter().flatten().copied();
        borders.extend(more.filter(|offset| *offset < len));
        borders.sort_unstable();
        borders.dedup();

        let mut ends = borders.clone();
        ends.extend([0, 1, len / 2, len.saturating_sub(1)]);
        ends.retain(|end| *end < len);
        ends.sort_unstable();
        ends.dedup();
        let mut dice = Dice::new(self.seed, key.as_str());
        let mut harms: Vec<_> = ends.into_iter().map(Harm::Truncated).collect();
        harms.push(Harm::Appended(vec![0]));
        harms.push(Harm::Appended((0..48).map(|_| dice.byte()).collect()));
        harms.extend(self.flips(&borders, len, &mut dice));
        harms.extend(zeroes(len, &mut dice));
        let older = self.older.get(key).into_iter().flatten();
        harms.extend(older.map(|bytes| Harm::Replaced {
            by: bytes.clone(),
            origin: Origin::Older,
        }));
        if let Some(foreign) = &self.foreign
            && let Some((other, by)) = foreign_object(foreign, catalogue, key).await?
        {
            harms.push(Harm::Replaced {
                by,
                origin: Origin::Foreign(other),
            });
        }
        harms.retain(|harm| harm.damaged(&bytes) != bytes);
        harms.insert(0, Harm::Deleted);
        for (other, harm) in catalogue.exchanges(key) {
            if store.get_all(&other).await? != bytes {
                harms.push(harm);
            }
        }
        let damage = |harm| Damage::new(key.clone(), harm);
        Ok(harms.into_iter().map(damage).collect())
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

/// The names of a store's objects, and the class of each that is a pack.
struct Catalogue(BTreeMap<Key, Option<u8>>);

impl Catalogue {
    async fn read(store: &dyn Store) -> Result<Self> {
        let mut names = BTreeMap::new();
        for meta in store.list_all(&Prefix::root()).await? {
            let class = match folder(&meta.key) {
                "pack" if meta.len > CLASS_AT => {
                    let at = CLASS_AT..CLASS_AT + 1;
                    store.get_range(&meta.key, at).await?.first().copied()
                }
                _ => None,
            };
            names.insert(meta.key, class);
        }
        Ok(Self(names))
    }

    fn kind<'a>(&self, key: &'a Key) -> (&'a str, Option<u8>) {
        (folder(key), self.0.get(key).copied().flatten())
    }

    /// Objects of its kind that may be in its place: the next, the last, and the one before it.
    fn exchanges(&self, key: &Key) -> Vec<(Key, Harm)> {
        let kind = self.kind(key);
        let alike: Vec<&Key> = self
            .0
            .keys()
            .filter(|other| self.kind(other) == kind)
            .collect();
        let Ok(at) = alike.binary_search(&key) else {
            return Vec::new();
        };
        let doubled = |other: &&Key| ((*other).clone(), Harm::Doubled((*other).clone()));
        let mut all = Vec::new();
        all.extend(
            alike
                .get(at + 1)
                .map(|next| ((*next).clone(), Harm::Swapped((*next).clone()))),
        );
        all.extend(
            at.checked_sub(1)
                .and_then(|before| alike.get(before))
                .map(doubled),
        );
        all.extend(alike.last().filter(|last| **last != key).map(doubled));
        all
    }
}

/// Returns an object of another repository that may be in the place of this one.
async fn foreign_object(
    store: &dyn Store,
    catalogue: &Catalogue,
    key: &Key,
) -> Result<Option<(Key, Bytes)>> {
    let others = Catalogue::read(store).await?;
    let kind = catalogue.kind(key);
    let same_name = others.0.get_key_value(key).map(|(other, _)| other);
    let other = same_name.or_else(|| others.0.keys().find(|other| others.kind(other) == kind));
    match other {
        Some(other) => Ok(Some((other.clone(), store.get_all(other).await?))),
        None => Ok(None),
    }
}

/// Returns the folder that stands for an object's kind.
fn folder(key: &Key) -> &str {
    key.as_str()
        .split_once('/')
        .map_or("config", |(folder, _)| folder)
}

/// Where a preamble has the class of a pack.
const CLASS_AT: u64 = 14;

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
fn folders(catalogue: &Catalogue) -> Result<Vec<Damage>> {
    let mut folders: BTreeMap<String, Vec<Key>> = BTreeMap::new();
    for key in catalogue.0.keys() {
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
