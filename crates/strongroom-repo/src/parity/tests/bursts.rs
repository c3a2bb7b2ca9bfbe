//! Two hundred repositories with two per cent of parity and random bursts: all heal.

use strongroom_crypt::{Random as _, SeededRandom};
use strongroom_format::parity::UnhealableKind;

use super::*;
use crate::{Components, Execution};

/// Numbers that a seed decides.
struct Dice(SeededRandom);

impl Dice {
    /// Returns a number below `limit`.
    fn below(&self, limit: usize) -> usize {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes).unwrap();
        usize::try_from(u64::from_le_bytes(bytes) % limit as u64).unwrap()
    }

    /// Replaces each of some bytes by another.
    fn spoil(&self, bytes: &mut [u8]) {
        let mut masks = vec![0; bytes.len()];
        self.0.fill(&mut masks).unwrap();
        for (byte, mask) in bytes.iter_mut().zip(masks) {
            *byte ^= mask.max(1);
        }
    }
}

/// A repository of a few packs of that size, and its only snapshot.
fn made(seed: u64, pack_bytes: usize, tree: &Tree) -> (Arc<MemoryStore>, Repository, Id) {
    let store = Arc::new(MemoryStore::new());
    let components = Components {
        execution: Execution::Inline,
        random: Arc::new(SeededRandom::new(seed)),
        ..Components::default()
    };
    let settings = Settings {
        pack_bytes,
        parity: Some(Overhead::DISKS),
        ..Settings::default()
    };
    let builder = Repository::builder(store.clone())
        .settings(settings)
        .components(components);
    let options = CreateOptions::default().with_suite(Suite::None);
    let created = block_on(builder.create(options, &Credential::None)).unwrap();
    let source = Arc::new(TreeSource::new(tree.clone()));
    let backup = created
        .repository
        .backup(source, BackupOptions::new("home"), Arc::new(()));
    let report = block_on(backup).unwrap();
    assert_eq!(report.parity.packs, report.packs);
    (store, created.repository, report.snapshot)
}

fn one_repository(seed: u64, pack_bytes: usize, content: usize) {
    let dice = Dice(SeededRandom::new(seed));
    let files = 1 + dice.below(5);
    let file = |n: usize| {
        let len = content / files + dice.below(content / 10);
        (
            format!("{n}").into_bytes(),
            Tree::file(&noise(seed ^ (n as u64) << 32, len)),
        )
    };
    let tree = Tree::Dir((0..files).map(file).collect());
    let (store, repository, snapshot) = made(seed, pack_bytes, &tree);
    let store = store.as_ref();

    // A burst of up to the promised length in every pack.
    let packs = packs(&repository);
    for pack in &packs {
        let name = object_name::pack(&pack.name);
        let intact = get(store, &name);
        let mut bytes = intact.to_vec();
        let object = get(store, &object_name::parity(&pack.name));
        let promised = Parity::decode(&object)
            .unwrap()
            .geometry()
            .promised_burst_bytes();
        let promised = usize::try_from(promised).unwrap();
        let burst = match dice.below(3) {
            0 => promised,
            _ => 1 + dice.below(promised),
        };
        let start = dice.below(bytes.len() - burst + 1);
        match dice.below(4) {
            // A run to the end may be one that is not there any more.
            0 => bytes.truncate(bytes.len() - burst),
            _ => dice.spoil(&mut bytes[start..start + burst]),
        }
        overwrite(store, &name, bytes);
    }
    // What is found is told by parity alone, and what it gives back is put in its place.
    for pack in &packs {
        let name = object_name::pack(&pack.name);
        let object = get(store, &object_name::parity(&pack.name));
        let parity = Parity::salvage(&object).unwrap();
        let damaged = get(store, &name);
        assert!(!parity.inspect(&damaged).is_intact());
        let healed = parity
            .heal(&damaged)
            .unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        assert_eq!(ObjectHash::of(&healed), pack.name);
        overwrite(store, &name, healed);
    }
    assert_restores(&repository, &snapshot, &tree);
}

#[test]
fn two_hundred_repositories_heal() {
    for seed in 0..190 {
        one_repository(seed, (16 << 10) << (seed % 4), 150_000);
    }
    for seed in 190..199 {
        one_repository(seed, 1 << 20, 2_500_000);
    }
    // Packs of full size.
    one_repository(199, Settings::default().pack_bytes, 20_000_000);
}

#[test]
fn a_burst_beyond_the_promise_is_reported_with_its_extent() {
    let tree = Tree::dir([("file", Tree::file(&noise(7, 1_000_000)))]);
    let (store, repository, _) = made(7, 256 << 10, &tree);
    let largest = packs(&repository)
        .into_iter()
        .max_by_key(|pack| pack.len)
        .unwrap();
    let object = get(store.as_ref(), &object_name::parity(&largest.name));
    let parity = Parity::decode(&object).unwrap();
    let geometry = parity.geometry();
    let shard = usize::try_from(geometry.shard_len()).unwrap();
    let burst = usize::try_from(geometry.promised_burst_bytes()).unwrap() + 1;
    let mut bytes = get(store.as_ref(), &object_name::pack(&largest.name)).to_vec();
    // It begins with the last byte of a shard, so that it touches one more than can be spared.
    let start = 5 * shard - 1;
    Dice(SeededRandom::new(7)).spoil(&mut bytes[start..start + burst]);
    let error = parity.heal(&bytes).unwrap_err();
    assert_eq!(error.kind(), UnhealableKind::TooMuchDamage);
    let shards = geometry.parity_shards() + 1;
    let expected: Vec<u32> = (4..4 + shards).collect();
    assert_eq!(error.inspection().damaged_data(), expected);
    let (from, to) = (4 * shard as u64, u64::from(4 + shards) * shard as u64);
    assert_eq!(error.inspection().damaged_ranges(), vec![from..to]);
    // A byte less, and it heals.
    let intact = get(store.as_ref(), &object_name::pack(&largest.name));
    bytes[start] = intact[start];
    assert!(parity.heal(&bytes).unwrap() == intact);
}
