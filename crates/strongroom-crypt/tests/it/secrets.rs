//! Secrets never print.

use std::fmt::Debug;

use strongroom_crypt::{
    BoxSealer, EpochKey, FrameSealer, IdHasher, Passphrase, RecoveryCode, Secret, SeededRandom,
    Session, SigningKey, SlotKey, StructureKeys, Suite,
};

use crate::support::Given;

const BYTES: [u8; 32] = [0xc3; 32];

fn secret() -> Secret {
    Secret::from_bytes(&BYTES)
}

/// Neither as hexadecimal nor as the decimal numbers of a derived `Debug`.
fn check(value: &dyn Debug) {
    for text in [format!("{value:?}"), format!("{value:#?}")] {
        assert!(!text.contains("c3c3"), "{text}");
        assert!(!text.contains("195"), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[test]
fn no_secret_type_shows_its_bytes() {
    let given = Given::shared(&BYTES.repeat(3));
    let suite = Suite::Aes256Gcm;
    check(&secret());
    check(&BoxSealer::new(suite, &secret()));
    check(&FrameSealer::new(suite, &secret()));
    check(&IdHasher::new(&secret()));
    check(&StructureKeys::new(suite, &secret()));
    check(&EpochKey::new(secret()));
    check(&EpochKey::new(secret()).details(suite, &given));
    check(&Session::start(suite, &given).unwrap());
    check(&SlotKey::from_secret(secret()).unwrap());
    check(&SigningKey::from_seed(secret()).unwrap());
    check(&RecoveryCode::generate(&given).unwrap());
    check(&Passphrase::from("hunter2"));
    check(&SeededRandom::new(195));
}

#[test]
fn secrets_compare_by_their_bytes() {
    assert!(secret().ct_eq(&secret().duplicate()));
    assert!(!secret().ct_eq(&Secret::from_bytes(&[0xc2; 32])));
}
