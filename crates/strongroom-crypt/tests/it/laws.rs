//! The laws of `Sealer`, by number, for boxes and frames of every suite.

use proptest::prelude::*;
use strongroom_crypt::{OpenError, SealError, Sealer, Secret, SeededRandom, suite};

use crate::support::{Given, SUITES, flip};

/// Every kind of sealer there is, under the key of this seed.
fn sealers(seed: u64) -> Vec<Box<dyn Sealer>> {
    let random = SeededRandom::shared(seed);
    let key = Secret::generate(&random).expect("seeded randomness does not fail");
    let both = SUITES.map(|number| {
        let suite = suite(number);
        assert_eq!(suite.id(), number.id());
        [suite.boxes(&key, &random), suite.frames(&key, &random)]
    });
    both.into_iter().flatten().collect()
}

fn sealed(sealer: &dyn Sealer, aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    sealer
        .seal(aad, plaintext, &mut out)
        .expect("seeded randomness does not fail");
    out
}

/// Opens both ways and checks that they agree, and that a failure leaves no trace.
fn opened(sealer: &dyn Sealer, aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
    let mut out = b"before".to_vec();
    let result = sealer.open(aad, sealed, &mut out);
    assert!(out.starts_with(b"before"), "law 3: appends");
    if result.is_err() {
        assert_eq!(out, b"before", "law 3: on error as before");
    }
    let mut place = sealed.to_vec();
    let in_place = sealer
        .open_in_place(aad, &mut place)
        .map(|opened| opened.to_vec());
    let result = result.map(|()| out.split_off(6));
    assert_eq!(result, in_place, "both ways agree");
    result
}

#[test]
fn laws_2_any_flipped_bit_fails() {
    for sealer in sealers(1) {
        let (aad, plaintext) = (b"context", b"plaintext");
        let sealed = sealed(sealer.as_ref(), aad, plaintext);
        for bit in 0..sealed.len() * 8 {
            let result = opened(sealer.as_ref(), aad, &flip(&sealed, bit));
            assert_eq!(result, Err(OpenError), "{sealer:?}, bit {bit}");
        }
        for bit in 0..aad.len() * 8 {
            let result = opened(sealer.as_ref(), &flip(aad, bit), &sealed);
            assert_eq!(
                result,
                Err(OpenError),
                "{sealer:?}, bit {bit} of the context"
            );
        }
    }
}

#[test]
fn law_2_nothing_short_or_long_opens() {
    for sealer in sealers(2) {
        let mut sealed = sealed(sealer.as_ref(), b"", b"plaintext");
        for len in 0..sealed.len() {
            assert_eq!(opened(sealer.as_ref(), b"", &sealed[..len]), Err(OpenError));
        }
        sealed.push(0);
        assert_eq!(opened(sealer.as_ref(), b"", &sealed), Err(OpenError));
    }
}

#[test]
fn law_2_no_other_sealer_opens() {
    for (index, sealer) in sealers(3).iter().enumerate() {
        let sealed = sealed(sealer.as_ref(), b"aad", b"plaintext");
        for (other, opener) in sealers(3).iter().chain(&sealers(4)).enumerate() {
            let result = opened(opener.as_ref(), b"aad", &sealed);
            assert_eq!(result.is_ok(), index == other, "{sealer:?}, {opener:?}");
        }
    }
}

#[test]
fn law_3_without_randomness_out_is_as_before() {
    let key = Secret::from_bytes(&[1; 32]);
    for number in SUITES {
        let nothing = Given::shared(&[]);
        let suite = suite(number);
        for sealer in [suite.boxes(&key, &nothing), suite.frames(&key, &nothing)] {
            let mut out = b"before".to_vec();
            assert_eq!(sealer.seal(b"", b"plaintext", &mut out), Err(SealError));
            assert_eq!(out, b"before");
        }
    }
}

#[test]
fn a_large_message_passes() {
    let plaintext = vec![0x5a; 16 * 1024 * 1024];
    for sealer in sealers(5) {
        let sealed = sealed(sealer.as_ref(), b"", &plaintext);
        assert_eq!(sealed.len(), plaintext.len() + sealer.overhead());
        assert!(opened(sealer.as_ref(), b"", &sealed).unwrap() == plaintext);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn laws_1_4_5_round_trip_overhead_and_freshness(
        seed in any::<u64>(),
        aad in proptest::collection::vec(any::<u8>(), 0..200),
        plaintext in proptest::collection::vec(any::<u8>(), 0..2000),
    ) {
        for sealer in sealers(seed) {
            let sealer = sealer.as_ref();
            let first = sealed(sealer, &aad, &plaintext);
            let second = sealed(sealer, &aad, &plaintext);
            prop_assert_ne!(&first, &second, "law 5");
            prop_assert_eq!(first.len(), plaintext.len() + sealer.overhead(), "law 4");
            prop_assert_eq!(&opened(sealer, &aad, &first).unwrap(), &plaintext, "law 1");
            prop_assert_eq!(&opened(sealer, &aad, &second).unwrap(), &plaintext, "law 1");
        }
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        for sealer in sealers(6) {
            prop_assert_eq!(opened(sealer.as_ref(), b"", &bytes), Err(OpenError));
        }
    }
}
