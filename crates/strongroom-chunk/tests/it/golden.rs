//! The cuts of the format, which never change: `testdata/chunk`.

use strongroom_chunk::{ChunkSizes, Chunker, ChunkerId, Fixed, Gear64, chunks};

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

/// The whole of format §11, written once more, from the document.
#[derive(Debug)]
struct Plain {
    sizes: ChunkSizes,
    table: Vec<u64>,
}

impl Plain {
    fn new(sizes: ChunkSizes, key: &[u8; 32]) -> Self {
        let mut bytes = [0; 2048];
        let mut hasher = blake3::Hasher::new_keyed(key);
        hasher.update(b"gear64").finalize_xof().fill(&mut bytes);
        let (entries, _) = bytes.as_chunks();
        let table = entries.iter().map(|entry| u64::from_le_bytes(*entry));
        Self {
            sizes,
            table: table.collect(),
        }
    }
}

impl Chunker for Plain {
    fn id(&self) -> ChunkerId {
        ChunkerId::GEAR64
    }

    fn sizes(&self) -> ChunkSizes {
        self.sizes
    }

    fn cut(&self, data: &[u8]) -> usize {
        let (target, max) = (self.sizes.target(), self.sizes.max());
        let b = target.trailing_zeros();
        let end = data.len().min(max);
        let mut hash = 0_u64;
        // Bytes are tested in pairs, so that of an odd end the last byte is not.
        for (at, byte) in data
            .iter()
            .enumerate()
            .take(end / 2 * 2)
            .skip(self.sizes.min())
        {
            let entry = self.table.get(usize::from(*byte)).expect("256 entries");
            hash = hash.wrapping_mul(2).wrapping_add(*entry);
            let ones = if at < target { b } else { b - 1 };
            let mask = ((1 << ones) - 1) << (63 - ones);
            if hash & mask == 0 {
                return at;
            }
        }
        end
    }
}

#[test]
fn gear64_cuts_where_the_document_says() {
    let key = std::array::from_fn(|at| u8::try_from(at).unwrap());
    // The largest inputs would take this slow loop long.
    let vectors = include_str!("../../../../testdata/chunk/gear64.txt").lines();
    let short =
        vectors.filter(|line| !line.starts_with("262144 ") && !line.starts_with("4194304 "));
    check(&short.collect::<Vec<_>>().join("\n"), |sizes| {
        Box::new(Plain::new(sizes, &key))
    });
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
