#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_crypt::{BoxSealer, RepositoryId, Sealer, Secret, SeededRandom, Suite};
use strongroom_format::KeyBundle;

fuzz_target!(|data: &[u8]| {
    // The box is that of suite 0, which anybody can make: what is fuzzed is its plaintext.
    let (key, repository) = (
        Secret::from_bytes(&[1; 32]),
        RepositoryId::from_bytes([2; 16]),
    );
    let random = SeededRandom::shared(3);
    let sealer = BoxSealer::with_random(Suite::None, &key, &random);
    let context = [
        b"keyring".as_slice(),
        repository.as_bytes(),
        &4_u64.to_le_bytes(),
        &[0],
    ]
    .concat();
    let mut sealed = Vec::new();
    sealer.seal(&context, data, &mut sealed).unwrap();
    if let Ok(bundle) = KeyBundle::open(Suite::None, &key, &repository, 4, 0, &sealed) {
        let again = bundle.seal_with(&sealer, &repository, 4, 0).unwrap();
        let mut plain = Vec::new();
        sealer.open(&context, &again, &mut plain).unwrap();
        assert_eq!(plain, data);
    }
});
