#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_crypt::{Secret, SigningKey};
use strongroom_format::{ObjectHash, SignedKeyring};

fuzz_target!(|data: &[u8]| {
    let data = whole(data);
    if let Ok(signed) = SignedKeyring::decode(&data) {
        let preamble = signed.preamble;
        let admin = SigningKey::from_seed(Secret::from_bytes(&[1; 32])).unwrap();
        assert!(!signed.is_signed_by(&admin.public()));
        let again = signed.keyring.encode(
            preamble.suite,
            preamble.repository,
            preamble.random,
            &[&admin],
        );
        // It is larger by a signature than what may have been as large as a keyring can be.
        let Ok(again) = again else { return };
        let again = SignedKeyring::decode(&again).unwrap();
        assert!(again.is_signed_by(&admin.public()));
        assert_eq!(again.keyring, signed.keyring);
    }
});

/// Takes the input for an object without its seal of wholeness, which no fuzzer would find.
fn whole(data: &[u8]) -> Vec<u8> {
    [data, ObjectHash::of(data).as_bytes()].concat()
}
