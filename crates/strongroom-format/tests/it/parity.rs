//! Random damage to packs of random lengths: what heals and what does not is decided by counting shards.

use std::ops::Range;

use proptest::collection::vec;
use proptest::prelude::*;
use strongroom_format::parity::*;
use strongroom_format::*;

use crate::sample::{REPOSITORY, SUITE};

/// A preamble and bytes of BLAKE3's output.
fn pack(seed: u64, len: usize) -> Vec<u8> {
    let preamble = pack_preamble(SUITE, REPOSITORY, [7; 16], PackClass::Data);
    let mut pack = preamble.encode().to_vec();
    pack.resize(len, 0);
    let mut output = blake3::Hasher::new();
    output.update(&seed.to_le_bytes());
    output.finalize_xof().fill(&mut pack[64..]);
    pack
}

fn parity_of(pack: &[u8], percent: u8) -> Vec<u8> {
    let overhead = Overhead::percent(percent).unwrap();
    encode(&ObjectHash::of(pack), pack, overhead, [9; 16]).unwrap()
}

/// Inverts the bytes of a range, as far as there are any.
fn ruin(bytes: &mut [u8], start: usize, len: usize) -> Range<usize> {
    let start = start % bytes.len();
    let end = (start + len).min(bytes.len());
    bytes[start..end].iter_mut().for_each(|byte| *byte = !*byte);
    start..end
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_heals_is_decided_by_counting(
        seed in any::<u64>(),
        len in 64..120_000_usize,
        percent in prop_oneof![Just(2_u8), 1..=100_u8],
        bursts in vec((any::<usize>(), 1..3_000_usize), 0..4),
        rotten in vec(any::<usize>(), 0..3),
    ) {
        let pack = pack(seed, len);
        let object = parity_of(&pack, percent);
        let geometry = *Parity::decode(&object).unwrap().geometry();
        let shard = geometry.shard_len() as usize;
        let (data, parity) = (geometry.data_shards() as usize, geometry.parity_shards() as usize);

        let (mut bad_data, mut bad_parity) = (vec![false; data], vec![false; parity]);
        let mut damaged = pack.clone();
        let mut touched = vec![0_u8; len];
        for (start, burst) in bursts {
            let range = ruin(&mut damaged, start, burst);
            touched[range].iter_mut().for_each(|byte| *byte ^= 1);
        }
        for (at, touched) in touched.iter().enumerate() {
            bad_data[at / shard] |= *touched == 1;
        }
        let mut spoilt = object;
        let shards = 160 + 16 * (data + parity);
        let mut flipped = std::collections::BTreeSet::new();
        for at in rotten {
            let at = at % (parity * shard);
            if flipped.insert(at) {
                spoilt[shards + at] ^= 0x40;
                bad_parity[at / shard] = true;
            }
        }

        let view = Parity::salvage(&spoilt).unwrap();
        let found = view.inspect(&damaged);
        let numbers = |bad: &[bool]| (0..).zip(bad).filter(|(_, bad)| **bad).map(|(at, _)| at).collect::<Vec<u32>>();
        prop_assert_eq!(found.damaged_data(), numbers(&bad_data));
        prop_assert_eq!(found.damaged_parity(), numbers(&bad_parity));
        let good = parity - numbers(&bad_parity).len();
        match view.heal(&damaged) {
            Ok(healed) => {
                prop_assert!(healed == pack);
                prop_assert!(numbers(&bad_data).len() <= good);
            }
            Err(error) => {
                prop_assert_eq!(error.kind(), UnhealableKind::TooMuchDamage);
                prop_assert!(numbers(&bad_data).len() > good);
            }
        }
    }

    /// Any bytes at all: no panic, and nothing but packs with the right name.
    #[test]
    fn salvage_takes_any_damage(
        start in any::<usize>(),
        burst in 0..4_000_usize,
        cut in 0..3_000_usize,
        from_front in any::<bool>(),
        flips in vec((any::<usize>(), any::<u8>()), 0..40),
    ) {
        let pack = pack(1, 20_000);
        let mut object = parity_of(&pack, 10);
        if burst > 0 {
            ruin(&mut object, start, burst);
        }
        for (at, mask) in flips {
            let len = object.len();
            object[at % len] ^= mask;
        }
        let rest = if from_front { &object[cut..] } else { &object[..object.len() - cut] };
        let mut damaged = pack.clone();
        damaged[10_000..10_100].fill(0);
        if let Ok(parity) = Parity::salvage(rest) {
            prop_assert!(parity.heal(&damaged).map_or(true, |healed| healed == pack));
        }
    }
}

/// Packs of the usual sizes, with bursts of the promised length at random places: all heal, and none with a shard more.
#[test]
fn packs_of_full_size_heal() {
    for (seed, len) in [(1, 16 << 20), (2, 4 << 20), (3, (1 << 20) + 12_345)] {
        let pack = pack(seed, len);
        let object = parity_of(&pack, 2);
        let parity = Parity::decode(&object).unwrap();
        assert!(object.len() * 100 < len * 4);
        let geometry = parity.geometry();
        let burst = usize::try_from(geometry.promised_burst_bytes()).unwrap();
        let start = (len / 3) | 1;
        let mut damaged = pack.clone();
        ruin(&mut damaged, start, burst);
        assert!(parity.heal(&damaged).unwrap() == pack);
        ruin(&mut damaged, start + burst, geometry.shard_len() as usize);
        let error = parity.heal(&damaged).unwrap_err();
        assert_eq!(error.kind(), UnhealableKind::TooMuchDamage);
        let ranges = error.inspection().damaged_ranges();
        let end = (start + burst) as u64 + u64::from(geometry.shard_len());
        assert!(ranges.len() == 1 && ranges[0].start <= start as u64 && end <= ranges[0].end);
    }
}
