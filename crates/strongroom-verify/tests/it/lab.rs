//! A museum, everything that may happen to it, and what each of that may cost.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use strongroom_crypt::{Id, Suite};
use strongroom_repo::testing::{Flat, MemoryTarget};
use strongroom_repo::{ErrorKind, Repository, RestoreOptions};
use strongroom_store::{Key, MemoryStore};
use strongroom_verify::testing::{Damage, Damages, Harm};

use crate::insider::{get, key, names, wait};
use crate::museum::{Museum, open};
use crate::oracle::Oracle;

/// A museum with its damages.
pub(crate) struct Lab {
    pub(crate) museum: Museum,
    pub(crate) oracle: Oracle,
    pub(crate) damages: Vec<Damage>,
}

/// Paths of each snapshot that a restore did not bring back as they were.
pub(crate) type Costs = BTreeMap<Id, BTreeSet<Vec<u8>>>;

/// What a damage may cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Price {
    /// Exactly this.
    Exactly(Costs),
    /// The repository may refuse to open, naming an object of this folder; if it does not, exactly this.
    MayRefuse(Costs),
    /// The store shows an earlier repository, or none.
    Anything,
}

impl Lab {
    pub(crate) fn new(suite: Suite, flips: usize) -> Self {
        let museum = Museum::new(suite, 1);
        let other = Museum::new(suite, 100);
        let oracle = Oracle::new(&museum.store);
        let mut generator = Damages::new(7).with_flips(flips).with_foreign(other.store);
        for (pack, (frames, end)) in &oracle.packs {
            let each = frames
                .iter()
                .flat_map(|frame| [frame.start, frame.start + 32, frame.end - 16, frame.end - 1]);
            generator = generator.with_borders(pack.clone(), each.chain([*end]));
        }
        for (name, bytes) in &museum.older {
            let now = names(&museum.store, "").contains(name);
            if now && get(&museum.store, name.as_str()) != *bytes {
                generator = generator.with_older(name.clone(), bytes.clone());
            }
        }
        let damages = wait(generator.all(&museum.store)).unwrap();
        Self {
            museum,
            oracle,
            damages,
        }
    }

    /// Returns a copy of the repository with this damage.
    pub(crate) fn damaged(&self, damage: &Damage) -> Arc<MemoryStore> {
        let store = self.museum.copy();
        wait(damage.apply(&store)).unwrap();
        store
    }

    /// Returns what this damage may cost.
    pub(crate) fn price(&self, damage: &Damage) -> Price {
        let nothing = self.oracle.lost(&BTreeSet::new());
        let objects = damage.objects();
        let folder = folder(&damage.object);
        match folder {
            "pack" => {
                let frames = objects
                    .iter()
                    .flat_map(|pack| self.dead_frames(pack, &damage.harm));
                Price::Exactly(self.oracle.lost(&frames.collect()))
            }
            "journal" => {
                let newest = names(&self.museum.store, "journal/").pop().unwrap();
                match &damage.harm {
                    Harm::FolderDeleted(..) => Price::Anything,
                    Harm::Deleted if damage.object == newest => Price::Anything,
                    _ => Price::MayRefuse(nothing),
                }
            }
            "slot" => Price::MayRefuse(nothing),
            "keyring" if objects.len() > 1 => Price::MayRefuse(nothing),
            // Two configurations that are whole and differ: a reader must stop.
            "config" if damage.harm.sort() == "foreign" => Price::Anything,
            _ => Price::Exactly(nothing),
        }
    }

    /// Returns the frames of a pack that a harm spoils.
    fn dead_frames(&self, pack: &Key, harm: &Harm) -> BTreeSet<(Key, usize)> {
        let len = get(&self.museum.store, pack.as_str()).len() as u64;
        let changed: Range<u64> = match harm {
            Harm::Truncated(to) => *to..len,
            Harm::Appended(_) => return BTreeSet::new(),
            Harm::Flipped(bit) => bit / 8..bit / 8 + 1,
            Harm::Zeroed { from, len } => *from..from + len,
            _ => 0..len,
        };
        let header = self.oracle.packs.get(pack).map_or(0, |(_, end)| *end);
        // The header's box is bound to the preamble. The tail is not needed by whoever has an index.
        let needs_header = changed.start < 64 || header < changed.end && changed.start < len - 32;
        match needs_header {
            true => self.oracle.all_frames(pack),
            false => self.oracle.frames_in(pack, &changed),
        }
    }

    /// Restores every snapshot that the repository should have, and returns what differs.
    pub(crate) fn restore(&self, repository: &Repository) -> Costs {
        let restore = |(id, flat): (&Id, &Flat)| {
            let (differing, complaint) = differing(repository, id, flat);
            // What is missing is said, and nothing else is.
            assert_eq!(
                complaint.is_none(),
                differing.is_empty(),
                "{id}: {complaint:?}"
            );
            (*id, differing)
        };
        self.museum.snapshots.iter().map(restore).collect()
    }

    /// Opens the repository in a store as its users do.
    pub(crate) fn open(
        &self,
        store: &Arc<MemoryStore>,
    ) -> Result<Repository, strongroom_repo::Error> {
        open(store, self.museum.suite, 0xace)
    }

    /// Says what is wrong with what a damage cost, if anything.
    pub(crate) fn judge_cost(
        &self,
        damage: &Damage,
        store: &Arc<MemoryStore>,
    ) -> Result<&'static str, String> {
        let price = self.price(damage);
        let opened = self.open(store);
        let (costs, may_refuse) = match (price, &opened) {
            (Price::Anything, _) => return Ok("older or none"),
            (Price::Exactly(_), Err(error)) => return Err(format!("does not open: {error}")),
            (Price::MayRefuse(_), Err(error)) => {
                let kinds = [
                    ErrorKind::Damaged,
                    ErrorKind::Incompatible,
                    ErrorKind::NotFound,
                    ErrorKind::WrongKey,
                ];
                let named = error.object().map(|object| folder(&key(object)).to_owned());
                return match kinds.contains(&error.kind()) {
                    true if named.as_deref() == Some(folder(&damage.object)) => {
                        Ok("refused by name")
                    }
                    _ => Err(format!(
                        "refused with {:?} of {named:?}: {error}",
                        error.kind()
                    )),
                };
            }
            (Price::Exactly(costs), Ok(_)) => (costs, false),
            (Price::MayRefuse(costs), Ok(_)) => (costs, true),
        };
        let Ok(repository) = opened else {
            return Err("unreachable".to_owned());
        };
        let paid = self.restore(&repository);
        let total: usize = costs.values().map(BTreeSet::len).sum();
        match paid == costs {
            true if total == 0 && may_refuse => Ok("nothing, opened"),
            true if total == 0 => Ok("nothing"),
            true => Ok("its files"),
            false => Err(first_difference(&costs, &paid)),
        }
    }
}

/// Restores a snapshot and returns the paths that are not as they were, and what the engine said if it said that anything is wrong.
pub(crate) fn differing(
    repository: &Repository,
    id: &Id,
    flat: &Flat,
) -> (BTreeSet<Vec<u8>>, Option<String>) {
    let target = Arc::new(MemoryTarget::default());
    let options = RestoreOptions::default();
    let report = wait(repository.restore(id, target.clone(), options, Arc::new(())));
    let restored = target.flat();
    let differs = |(path, content): &(&Vec<u8>, &_)| restored.get(*path) != Some(*content);
    let differing = flat.iter().filter(differs).map(|(path, _)| path.clone());
    let complaint = match report {
        Ok(report) if report.is_complete() => None,
        Ok(report) => {
            let first = report.lost.first().map(|lost| lost.message.clone());
            Some(format!(
                "{} lost: {first:?}, {:?}",
                report.lost_total, report.stopped
            ))
        }
        Err(error) => Some(error.to_string()),
    };
    (differing.collect(), complaint)
}

fn first_difference(wanted: &Costs, paid: &Costs) -> String {
    for (id, wanted) in wanted {
        let paid = &paid[id];
        let show =
            |one: Option<&Vec<u8>>| one.map(|path| String::from_utf8_lossy(path).into_owned());
        if paid != wanted {
            return format!(
                "snapshot {id}: lost {} instead of {} entries; too much: {:?}, too little: {:?}",
                paid.len(),
                wanted.len(),
                show(paid.difference(wanted).next()),
                show(wanted.difference(paid).next())
            );
        }
    }
    "nothing differs".to_owned()
}

pub(crate) fn folder(key: &Key) -> &str {
    key.as_str()
        .split_once('/')
        .map_or("config", |(folder, _)| folder)
}

/// Checks the repository in a store, on the thread that asks.
pub(crate) fn check(
    store: &Arc<MemoryStore>,
    keys: Option<strongroom_format::AuditKeys>,
    level: strongroom_verify::Level,
) -> strongroom_verify::Report {
    let auditor = strongroom_verify::Auditor::new(store.clone()).with_threads(0);
    let auditor = match keys {
        Some(keys) => auditor.with_keys(keys),
        None => auditor,
    };
    let now = strongroom_format::Time::new(1_790_000_000, 0);
    let options = strongroom_verify::CheckOptions::new(now).with_level(level);
    wait(auditor.check(options, Arc::new(()))).unwrap()
}
