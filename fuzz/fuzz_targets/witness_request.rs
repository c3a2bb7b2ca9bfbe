#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_crypt::{Secret, SigningKey};
use strongroom_ledger::{
    Decision, KeyKind, NoteSigner, VerifierKey, Witness, WitnessRequest, WitnessState,
};

fuzz_target!(|data: &[u8]| {
    if let Ok(request) = WitnessRequest::parse(data) {
        assert_eq!(request.to_string().as_bytes(), data);
    }
    let key = SigningKey::from_seed(Secret::from_bytes(&[1; 32])).unwrap();
    let signer = NoteSigner::new("witness", KeyKind::Cosigner, key).unwrap();
    let log = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    let witness = Witness::new(signer, vec![VerifierKey::parse(log).unwrap()]).unwrap();
    let state = WitnessState::default();
    // Nobody here has the log's key.
    assert!(matches!(
        witness.decide(&state, data, 1),
        Decision::Refused(_)
    ));
});
