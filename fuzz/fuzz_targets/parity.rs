#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_format::ObjectHash;
use strongroom_format::parity::{Overhead, Parity, encode};

// An object of any bytes, once as they are and once with a seal; and damage to the parity of a pack.
fuzz_target!(|data: &[u8]| {
    let _ = Parity::decode(data);
    if let Ok(parity) = Parity::salvage(data) {
        let _ = parity.heal(data);
    }
    let whole = [data, ObjectHash::of(data).as_bytes()].concat();
    if let Ok(parity) = Parity::decode(&whole) {
        assert_eq!(parity.geometry().object_len(), whole.len() as u64);
        let _ = parity.heal(&whole);
    }
    let mut pack = include_bytes!("../../testdata/format/pack.bin").to_vec();
    let intact = pack.clone();
    let overhead = Overhead::percent(1 + data.first().map_or(0, |byte| byte % 100)).unwrap();
    let mut object = encode(&ObjectHash::of(&pack), &pack, overhead, [7; 16]).unwrap();
    for damage in data.chunks_exact(5) {
        let at = u16::from_le_bytes([damage[0], damage[1]]) as usize;
        let target = if damage[2] & 1 == 0 {
            &mut pack
        } else {
            &mut object
        };
        match damage[2] >> 1 & 3 {
            0 => target.truncate(at),
            _ => {
                if let Some(byte) = target.get_mut(at) {
                    *byte ^= damage[3];
                }
            }
        }
    }
    if let Ok(healed) = Parity::salvage(&object).map(|parity| parity.heal(&pack)) {
        assert!(healed.is_err() || healed == Ok(intact));
    }
});
