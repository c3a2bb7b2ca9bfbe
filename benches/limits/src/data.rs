//! Bytes to measure with.

/// One mebibyte.
pub(crate) const MEBIBYTE: usize = 1 << 20;

/// Returns bytes that do not compress, others for each seed.
pub(crate) fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes());
    hasher.finalize_xof().fill(&mut bytes);
    bytes
}

/// Returns bytes that compress about as source code does: words of a small vocabulary, some common and most rare.
pub(crate) fn prose(seed: u64, len: usize) -> Vec<u8> {
    let word = |n: u32| format!("{:x} ", n.wrapping_mul(2_654_435_761) >> 12);
    let words: Vec<String> = (0..600).map(word).collect();
    let choices = noise(seed, len);
    let (pairs, _) = choices.as_chunks::<2>();
    let chosen = |pair: &[u8; 2]| {
        let at = usize::from(u16::from_le_bytes(*pair));
        words
            .get(((at * at) >> 18) % words.len())
            .map_or("", String::as_str)
    };
    pairs
        .iter()
        .flat_map(|pair| chosen(pair).bytes())
        .take(len)
        .collect()
}
