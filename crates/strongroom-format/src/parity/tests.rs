mod plain_code;

use strongroom_crypt::{RepositoryId, Suite};

use super::*;
use crate::{DecodeErrorKind, EncodeErrorKind, ObjectHash, PackClass, Preamble, pack_preamble};

use plain_code::Field;

/// Bytes that are the same everywhere and for ever.
fn noise(seed: &str, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new()
        .update(seed.as_bytes())
        .finalize_xof()
        .fill(&mut bytes);
    bytes
}

/// The library's code is the one that the document defines, whatever its version, the processor and the numbers of shards.
#[test]
fn the_code_is_that_of_the_document() {
    let field = Field::new();
    for (data, parity) in [
        (1, 1),
        (1, 2),
        (1, 5),
        (2, 1),
        (2, 2),
        (3, 2),
        (2, 3),
        (3, 4),
        (4, 3),
        (5, 5),
        (7, 8),
        (8, 7),
        (9, 6),
        (16, 16),
        (17, 3),
        (33, 31),
        (100, 2),
        (131, 6),
        (3, 40),
        (300, 1),
    ] {
        let pack = noise(&format!("{data}:{parity}"), data * 128);
        let geometry =
            Geometry::read(pack.len() as u64, 128, u32::try_from(data).unwrap(), parity).unwrap();
        let mut found = Vec::new();
        code::append_parity(&geometry, &pack, &mut found).unwrap();
        let shards: Vec<Vec<u8>> = pack.chunks(128).map(<[u8]>::to_vec).collect();
        let expected = field.parity(&shards, parity as usize).concat();
        assert!(
            found == expected,
            "{data} data shards and {parity} parity shards"
        );
    }
}

const PREAMBLE: usize = Preamble::LEN;

/// A pack as far as parity cares: a preamble, and bytes.
fn pack_of(seed: &str, len: usize) -> Vec<u8> {
    let repository = RepositoryId::from_bytes([7; 16]);
    let preamble = pack_preamble(Suite::None, repository, [9; 16], PackClass::Data);
    let mut pack = preamble.encode().to_vec();
    pack.extend_from_slice(&noise(seed, len - PREAMBLE));
    pack
}

fn percent(percent: u8) -> Overhead {
    Overhead::percent(percent).unwrap()
}

fn parity_of(pack: &[u8], overhead: Overhead) -> Vec<u8> {
    let name = ObjectHash::of(pack);
    let object = encode(&name, pack, overhead, [3; 16]).unwrap();
    let parity = Parity::decode(&object).unwrap();
    parity.check(&name, pack.len() as u64).unwrap();
    assert_eq!(parity.geometry().object_len(), object.len() as u64);
    assert_eq!(
        *parity.geometry(),
        Geometry::plan(pack.len() as u64, overhead)
    );
    assert!(parity.is_of(pack));
    object
}

/// Heals `damaged` with what is left of the parity.
fn heal(object: &[u8], damaged: &[u8]) -> Result<Vec<u8>, Unhealable> {
    Parity::salvage(object).unwrap().heal(damaged)
}

/// Inverts every bit: damage that no shard survives.
fn ruin(bytes: &mut [u8], range: std::ops::Range<usize>) {
    bytes[range].iter_mut().for_each(|byte| *byte = !*byte);
}

#[test]
fn shards_are_as_large_as_the_parity_allows() {
    let plan = |len, overhead| {
        let plan = Geometry::plan(len, percent(overhead));
        (
            plan.shard_len(),
            plan.data_shards(),
            plan.parity_shards(),
            plan.promised_burst_bytes(),
        )
    };
    assert_eq!(plan(16 << 20, 2), (65_536, 256, 6, 5 * 65_536 + 1));
    assert_eq!(plan(32 << 20, 2), (65_536, 512, 11, 10 * 65_536 + 1));
    assert_eq!(plan(4 << 20, 2), (16_384, 256, 6, 5 * 16_384 + 1));
    assert_eq!(plan(1 << 20, 2), (4_096, 256, 6, 5 * 4_096 + 1));
    assert_eq!(plan(64 << 10, 2), (1_024, 64, 2, 1_025));
    assert_eq!(plan(4 << 10, 2), (1_024, 4, 2, 1_025));
    assert_eq!(plan(4 << 10, 100), (1_024, 4, 4, 4_096));
    assert_eq!(plan(256 << 20, 100), (65_536, 4_096, 4_096, 256 << 20));
    // Never less than was asked for. The last shard is at most a quarter of the rest, and hashes are little of packs of usual length.
    for len in (4 << 20..80 << 20).step_by(999_983) {
        for overhead in [2, 5, 10, 50, 100] {
            let plan = Geometry::plan(len, percent(overhead));
            let parity = u64::from(plan.parity_shards()) * u64::from(plan.shard_len());
            let wanted = len * u64::from(overhead);
            assert!(parity * 100 >= wanted);
            assert!(parity * 400 <= wanted * 5 + 400);
            assert!(plan.object_len() * 100 < parity * 100 + len / 4);
        }
    }
}

#[test]
fn a_burst_of_the_promised_length_heals_wherever_it_begins() {
    for (len, overhead) in [
        (700, 2),
        (5_000, 2),
        (33_333, 10),
        (70_001, 3),
        (8 << 10, 100),
    ] {
        let pack = pack_of("burst", len);
        let object = parity_of(&pack, percent(overhead));
        let parity = Parity::decode(&object).unwrap();
        let burst = usize::try_from(parity.geometry().promised_burst_bytes()).unwrap();
        let shard = parity.geometry().shard_len() as usize;
        let mut starts: Vec<usize> = (0..=len - burst).step_by(shard).collect();
        starts.extend(
            starts
                .clone()
                .iter()
                .flat_map(|at| [at + 1, at + shard - 1]),
        );
        starts.push(len - burst);
        for start in starts.into_iter().filter(|start| start + burst <= len) {
            let mut damaged = pack.clone();
            ruin(&mut damaged, start..start + burst);
            assert!(
                heal(&object, &damaged).unwrap() == pack,
                "{len} bytes, at {start}"
            );
        }
    }
}

#[test]
fn one_byte_more_than_promised_is_too_much_where_it_begins_at_the_end_of_a_shard() {
    let pack = pack_of("too much", 33_333);
    let object = parity_of(&pack, percent(10));
    let geometry = *Parity::decode(&object).unwrap().geometry();
    let burst = usize::try_from(geometry.promised_burst_bytes()).unwrap();
    let start = geometry.shard_len() as usize * 3 - 1;
    let mut damaged = pack;
    ruin(&mut damaged, start..start + burst + 1);
    let error = heal(&object, &damaged).unwrap_err();
    assert_eq!(error.kind(), UnhealableKind::TooMuchDamage);
    let inspection = error.inspection();
    assert_eq!(
        inspection.damaged_data().len(),
        inspection.good_parity() + 1
    );
    assert_eq!(inspection.damaged_data().first(), Some(&2));
    let shard = u64::from(geometry.shard_len());
    let all = inspection.damaged_data().len() as u64;
    assert_eq!(
        inspection.damaged_ranges(),
        vec![2 * shard..(2 + all) * shard]
    );
    assert!(
        error.to_string().starts_with(&format!("{all} of ")),
        "{error}"
    );
}

#[test]
fn as_many_single_errors_as_parity_shards_heal() {
    let pack = pack_of("scattered", 300_000);
    let object = parity_of(&pack, percent(5));
    let parity = Parity::decode(&object).unwrap();
    let count = parity.geometry().parity_shards() as usize;
    let mut damaged = pack.clone();
    for error in 0..count {
        damaged[error * (pack.len() / count)] ^= 0x10;
    }
    assert_eq!(parity.inspect(&damaged).damaged_data().len(), count);
    assert!(heal(&object, &damaged).unwrap() == pack);
    damaged[pack.len() - 1] ^= 1;
    assert_eq!(
        heal(&object, &damaged).unwrap_err().kind(),
        UnhealableKind::TooMuchDamage
    );
}

#[test]
fn a_wrong_length_is_damage_at_the_end() {
    let pack = pack_of("length", 50_001);
    let object = parity_of(&pack, percent(10));
    let parity = Parity::decode(&object).unwrap();
    let burst = usize::try_from(parity.geometry().promised_burst_bytes()).unwrap();
    for missing in [1, 2, 1_000, burst] {
        let short = &pack[..pack.len() - missing];
        assert!(!parity.inspect(short).is_intact());
        assert!(heal(&object, short).unwrap() == pack);
    }
    let long = [pack.as_slice(), &noise("more", 70_000)].concat();
    assert!(parity.inspect(&long).damaged_data().is_empty());
    assert!(!parity.inspect(&long).is_intact());
    assert!(heal(&object, &long).unwrap() == pack);
    let half = &pack[..pack.len() / 2];
    assert_eq!(
        heal(&object, half).unwrap_err().kind(),
        UnhealableKind::TooMuchDamage
    );
    assert_eq!(
        heal(&object, &[]).unwrap_err().kind(),
        UnhealableKind::TooMuchDamage
    );
}

#[test]
fn a_pack_that_is_gone_comes_back_when_there_is_parity_for_all_of_it() {
    let pack = pack_of("gone", 60_000);
    let object = parity_of(&pack, percent(100));
    assert!(heal(&object, &[]).unwrap() == pack);
}

#[test]
fn an_intact_pack_stays_as_it_is_whatever_the_parity_looks_like() {
    let pack = pack_of("intact", 20_000);
    let mut object = parity_of(&pack, percent(10));
    assert!(heal(&object, &pack).unwrap() == pack);
    let end = object.len() - 300;
    ruin(&mut object, 200..end);
    assert!(!heal(&object, &pack).is_ok_and(|healed| healed != pack));
}

/// Damage to the parity costs at most the shards that it hits.
#[test]
fn damaged_parity_heals_with_the_rest() {
    let pack = pack_of("rotten", 40_000);
    let object = parity_of(&pack, percent(10));
    let geometry = *Parity::decode(&object).unwrap().geometry();
    let shard = geometry.shard_len() as usize;
    let mut damaged = pack.clone();
    ruin(&mut damaged, 5_000..5_000 + shard);
    // Any run of 300 bytes, the heads and the tables among them.
    for start in (0..object.len()).step_by(150) {
        let mut rotten = object.clone();
        let end = (start + 300).min(rotten.len());
        ruin(&mut rotten, start..end);
        assert!(Parity::decode(&rotten).is_err());
        assert!(heal(&rotten, &damaged).unwrap() == pack, "at {start}");
    }
    // What is missing at its end, or at its beginning, and what is too much.
    for cut in [1, 31, 32, 127, 128, 129, 1_000, 2_000] {
        assert!(
            heal(&object[..object.len() - cut], &damaged).unwrap() == pack,
            "{cut} bytes short"
        );
        assert!(
            heal(&object[cut..], &damaged).unwrap() == pack,
            "{cut} bytes short in front"
        );
    }
    let longer = [object.as_slice(), &[0; 777]].concat();
    assert!(heal(&longer, &damaged).unwrap() == pack);
    // Parity shards that are rotten are as good as not there.
    let mut rotten = object.clone();
    let shards =
        object.len() - 32 - 96 - 16 * (geometry.data_shards() + geometry.parity_shards()) as usize;
    let first = shards - geometry.parity_shards() as usize * shard;
    for spoilt in 0..geometry.parity_shards() as usize - 2 {
        rotten[first + spoilt * shard] ^= 1;
    }
    let parity = Parity::salvage(&rotten).unwrap();
    assert_eq!(parity.inspect(&damaged).good_parity(), 2);
    assert!(parity.heal(&damaged).unwrap() == pack);
    rotten[shards - 1] ^= 1;
    assert_eq!(
        heal(&rotten, &damaged).unwrap_err().kind(),
        UnhealableKind::TooMuchDamage
    );
}

/// Both heads are needed to be lost before the parity is.
#[test]
fn an_object_without_a_head_says_what_it_is() {
    let object = parity_of(&pack_of("heads", 5_000), percent(10));
    let mut headless = object.clone();
    headless[PREAMBLE + 40] ^= 1;
    let second = headless.len() - 32 - 40;
    headless[second] ^= 1;
    let kind = |object: &[u8]| Parity::salvage(object).unwrap_err().kind();
    assert_eq!(kind(&headless), DecodeErrorKind::Damaged);
    headless[8] = 2;
    assert_eq!(kind(&headless), DecodeErrorKind::Unsupported);
    assert_eq!(kind(&object[..100]), DecodeErrorKind::Truncated);
    let pack = pack_of("no parity", 5_000);
    assert_eq!(kind(&pack), DecodeErrorKind::Invalid);
    assert_eq!(
        Parity::decode(&pack).unwrap_err().kind(),
        DecodeErrorKind::Damaged
    );
}

/// Whoever writes to the store can write any parity; it puts nothing else in the place of a pack.
#[test]
fn forged_parity_gives_no_other_pack() {
    let pack = pack_of("true", 30_000);
    let other = pack_of("forged", 30_000);
    let name = ObjectHash::of(&pack);
    let forged = encode(&name, &other, percent(100), [3; 16]).unwrap();
    let parity = Parity::decode(&forged).unwrap();
    parity.check(&name, 30_000).unwrap();
    assert!(!parity.is_of(&pack));
    for given in [pack.as_slice(), &other, &[]] {
        assert_eq!(
            parity.heal(given).unwrap_err().kind(),
            UnhealableKind::WrongResult
        );
    }
    assert!(parity.check(&ObjectHash::of(&other), 30_000).is_err());
    assert!(parity.check(&name, 30_001).is_err());
}

/// A parity shard that has its hash but is not of this pack is found by making it again.
#[test]
fn parity_is_compared_with_the_pack_itself() {
    let pack = pack_of("deep", 20_000);
    let name = ObjectHash::of(&pack);
    let object = parity_of(&pack, percent(10));
    let geometry = *Parity::decode(&object).unwrap().geometry();
    let shard = geometry.shard_len() as usize;
    let tables = 16 * (geometry.data_shards() + geometry.parity_shards()) as usize;
    let mut forged = object[..object.len() - 32].to_vec();
    let shards = PREAMBLE + 96 + tables;
    forged[shards] ^= 1;
    let hash = shard_hash(&forged[shards..shards + shard]);
    let in_table = 16 * geometry.data_shards() as usize;
    let second = forged.len() - 96 - tables;
    for table in [PREAMBLE + 96, second] {
        forged[table + in_table..table + in_table + 16].copy_from_slice(&hash);
    }
    let seal = ObjectHash::of(&forged);
    forged.extend_from_slice(seal.as_bytes());
    let parity = Parity::decode(&forged).unwrap();
    parity.check(&name, 20_000).unwrap();
    assert!(parity.inspect(&pack).is_intact());
    assert!(!parity.is_of(&pack));
    let mut damaged = pack;
    damaged[77] ^= 1;
    assert_eq!(
        parity.heal(&damaged).unwrap_err().kind(),
        UnhealableKind::WrongResult
    );
}

#[test]
fn only_packs_within_the_limits_get_parity() {
    let kind = |pack: &[u8], overhead| {
        encode(&ObjectHash::of(pack), pack, overhead, [0; 16])
            .unwrap_err()
            .kind()
    };
    assert_eq!(kind(b"no pack", percent(2)), EncodeErrorKind::Invalid);
    let parity = parity_of(&pack_of("pack", 1_000), percent(2));
    assert_eq!(kind(&parity, percent(2)), EncodeErrorKind::Invalid);
    let large = pack_of("large", 256 << 20);
    assert_eq!(kind(&large, percent(100)), EncodeErrorKind::TooLarge);
}

#[test]
fn wishes_are_texts() {
    for (text, expected) in [("1%", 1), ("2", 2), ("100%", 100), ("007%", 7)] {
        assert_eq!(text.parse(), Overhead::percent(expected), "{text}");
    }
    for text in [
        "", "%", "0", "101%", "+2%", "2 %", "2%%", "two", "-1", "256",
    ] {
        assert_eq!(text.parse::<Overhead>(), Err(InvalidOverhead), "{text}");
    }
}
