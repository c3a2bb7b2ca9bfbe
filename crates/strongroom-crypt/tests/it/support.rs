//! What the tests share.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use strongroom_crypt::{Error, Random, Suite};

pub(crate) const SUITES: [Suite; 3] = [Suite::None, Suite::Aes256Gcm, Suite::ChaCha20Poly1305];

/// Randomness that is what a test says, once.
#[derive(Debug)]
pub(crate) struct Given(Mutex<Vec<u8>>);

impl Given {
    pub(crate) fn shared(bytes: &[u8]) -> Arc<dyn Random> {
        Arc::new(Self(Mutex::new(bytes.to_vec())))
    }
}

impl Random for Given {
    fn fill(&self, out: &mut [u8]) -> Result<(), Error> {
        let mut left = self.0.lock().expect("no test panics while it draws");
        if left.len() < out.len() {
            return Err(Error::no_random("all was drawn"));
        }
        let rest = left.split_off(out.len());
        out.copy_from_slice(&left);
        *left = rest;
        Ok(())
    }
}

/// Lines `name = hex`.
pub(crate) struct Vectors(BTreeMap<&'static str, Vec<u8>>);

impl Vectors {
    pub(crate) fn parse(text: &'static str) -> Self {
        let lines = text
            .lines()
            .filter(|line| !line.starts_with('#') && !line.is_empty());
        let pairs = lines.map(|line| {
            let (name, hex) = line
                .split_once(" =")
                .expect("a line has a sign of equality");
            (name, unhex(hex.trim()))
        });
        Self(pairs.collect())
    }

    pub(crate) fn bytes(&self, name: &str) -> &[u8] {
        self.0
            .get(name)
            .unwrap_or_else(|| panic!("no vector {name}"))
    }

    pub(crate) fn array<const N: usize>(&self, name: &str) -> [u8; N] {
        self.bytes(name)
            .try_into()
            .expect("a vector of the right length")
    }

    pub(crate) fn text(&self, name: &str) -> String {
        String::from_utf8(self.bytes(name).to_vec()).expect("a vector that is text")
    }
}

fn unhex(hex: &str) -> Vec<u8> {
    let starts = (0..hex.len()).step_by(2);
    let byte = |at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok();
    starts
        .map(|at| byte(at).expect("pairs of hexadecimal digits"))
        .collect()
}

pub(crate) fn flip(bytes: &[u8], bit: usize) -> Vec<u8> {
    let mut flipped = bytes.to_vec();
    if let Some(byte) = flipped.get_mut(bit / 8) {
        *byte ^= 1 << (bit % 8);
    }
    flipped
}
