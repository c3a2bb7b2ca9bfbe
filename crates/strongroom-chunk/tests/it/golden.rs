//! The cuts of the format, which never change: `testdata/chunk`.

use strongroom_chunk::{ChunkSizes, Chunker, Fixed, Gear64, chunks};

#[test]
fn gear64_cuts_where_it_always_did() {
    let key = std::array::from_fn(|at| u8::try_from(at).unwrap());
    check(
        include_str!("../../../../testdata/chunk/gear64.txt"),
        |sizes| Box::new(Gear64::new(sizes, &key).unwrap()),
    );
}

#[test]
fn fixed_cuts_where_it_always_did() {
    check(
        include_str!("../../../../testdata/chunk/fixed.txt"),
        |sizes| Box::new(Fixed::new(sizes).unwrap()),
    );
}

/// A line is `min target max input length = lengths of chunks`.
fn check(vectors: &str, chunker: impl Fn(ChunkSizes) -> Box<dyn Chunker>) {
    let mut count = 0;
    for line in vectors.lines().filter(|line| !line.starts_with('#')) {
        let (question, answer) = line
            .split_once(" = ")
            .expect("a line has a sign of equality");
        let words = question.split(' ').collect::<Vec<_>>();
        let [min, target, max, name, len] = words.as_slice() else {
            panic!("{question}");
        };
        let [min, target, max, len] =
            [min, target, max, len].map(|word| word.parse().expect("numbers"));
        let chunker = chunker(ChunkSizes::new(min, target, max).expect("sizes"));
        let input = input(name, len);
        let lengths = chunks(chunker.as_ref(), &input).map(|chunk| chunk.len().to_string());
        assert_eq!(lengths.collect::<Vec<_>>().join(" "), answer, "{question}");
        count += 1;
    }
    assert!(count >= 5, "{count} vectors");
}

/// The inputs that the files' headers describe.
fn input(name: &str, len: usize) -> Vec<u8> {
    match name {
        "random" => {
            let mut bytes = vec![0; len];
            let mut hasher = blake3::Hasher::new();
            hasher.update(b"golden").finalize_xof().fill(&mut bytes);
            bytes
        }
        "zeros" => vec![0; len],
        "periodic" => (0..64).cycle().take(len).collect(),
        "text" => {
            let lines = (0_u32..).flat_map(|number| format!("line {number}\n").into_bytes());
            lines.take(len).collect()
        }
        _ => panic!("unknown input {name}"),
    }
}
