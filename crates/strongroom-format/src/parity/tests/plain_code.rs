//! The code by its definition alone (`docs/format.md`, §9.5), slow and without the library.

/// Multiplication in GF(2^16), whose elements are numbers in the Cantor basis.
pub(super) struct Field {
    /// Logarithm of each number but zero.
    log: Vec<u32>,
    /// The number with each logarithm.
    exp: Vec<u16>,
}

const CANTOR_BASIS: [u16; 16] = [
    0x0001, 0xACCA, 0x3C0E, 0x163E, 0xC582, 0xED2E, 0x914C, 0x4012, 0x6C98, 0x10D8, 0x6A72, 0xB900,
    0xFDB8, 0xFB34, 0xFF38, 0x991E,
];
const POLYNOMIAL: u32 = 0x1_002D;
const ORDER: u32 = 65_535;

impl Field {
    pub(super) fn new() -> Self {
        // Powers of x as polynomials, then each as a number in the basis.
        let mut log_of_polynomial = vec![0; 65_536];
        let mut polynomial = 1_u32;
        for power in 0..ORDER {
            log_of_polynomial[polynomial as usize] = power;
            polynomial <<= 1;
            if polynomial > ORDER {
                polynomial ^= POLYNOMIAL;
            }
        }
        let (mut log, mut exp) = (vec![0; 65_536], vec![0; 65_536]);
        for number in 1..=u16::MAX {
            let polynomial = (0..16)
                .filter(|bit| number >> bit & 1 == 1)
                .fold(0, |sum, bit| sum ^ CANTOR_BASIS[bit]);
            let power = log_of_polynomial[usize::from(polynomial)];
            log[usize::from(number)] = power;
            exp[power as usize] = number;
        }
        Self { log, exp }
    }

    /// a · b / c, with c other than zero.
    fn mul_div(&self, a: u16, b: u16, c: u16) -> u16 {
        if a == 0 || b == 0 {
            return 0;
        }
        let [a, b, c] = [a, b, c].map(|number| self.log[usize::from(number)]);
        self.exp[((a + b + ORDER - c) % ORDER) as usize]
    }

    /// Parity shard i is the sum over data shards j of (⌊j / m⌋ + 1) · data / (i ⊕ (m + j)), where m is the number of parity shards
    /// rounded up to a power of two.
    pub(super) fn parity(&self, data: &[Vec<u8>], parity: usize) -> Vec<Vec<u8>> {
        let m = parity.next_power_of_two();
        let shard = |i: usize| {
            let mut out = vec![0; data[0].len()];
            for (j, bytes) in data.iter().enumerate() {
                let numerator = u16::try_from(j / m + 1).unwrap();
                let denominator = u16::try_from(i ^ (m + j)).unwrap();
                for at in (0..out.len()).filter(|at| at % 64 < 32) {
                    let symbol = u16::from_le_bytes([bytes[at], bytes[at + 32]]);
                    let [low, high] = self.mul_div(numerator, symbol, denominator).to_le_bytes();
                    out[at] ^= low;
                    out[at + 32] ^= high;
                }
            }
            out
        };
        (0..parity).map(shard).collect()
    }
}
