#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_ledger::{Tile, decode_entry_bundle};

fuzz_target!(|data: &[u8]| {
    if let Ok(leaves) = decode_entry_bundle(data) {
        let again: Vec<u8> = leaves
            .iter()
            .flat_map(|leaf| [vec![0, 67], leaf.record()].concat())
            .collect();
        assert_eq!(again, data);
    }
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(tile) = Tile::parse(text) {
        assert_eq!(tile.to_string(), text);
    }
});
