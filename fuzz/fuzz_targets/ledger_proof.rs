#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_ledger::{Receipt, TreeHash, verify_consistency, verify_cover, verify_inclusion};

// Whatever the proof, it is believed or not, and no number makes it loop or overflow.
fuzz_target!(|data: &[u8]| {
    if let Ok(receipt) = Receipt::parse(data) {
        assert_eq!(receipt.to_string().as_bytes(), data);
        let _ = receipt.verify_hash(TreeHash::empty());
    }
    let Some((numbers, rest)) = data.split_first_chunk::<16>() else {
        return;
    };
    let (first, second) = numbers.split_at(8);
    let number = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().unwrap());
    let (small, large) = (number(first), number(second));
    let (hashes, _) = rest.as_chunks::<32>();
    let hashes: Vec<_> = hashes
        .iter()
        .map(|hash| TreeHash::from_bytes(*hash))
        .collect();
    let Some((root, proof)) = hashes.split_first() else {
        return;
    };
    let leaf = proof.first().copied().unwrap_or(TreeHash::empty());
    let _ = verify_inclusion(leaf, small, large, root, proof);
    let _ = verify_consistency((small, &leaf), (large, root), proof);
    let leaves: Vec<_> = (small..large).zip(proof.iter().copied()).collect();
    let _ = verify_cover(&leaves, large, root, proof);
});
