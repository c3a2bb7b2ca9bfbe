#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_ledger::WitnessPolicy;

fuzz_target!(|data: &[u8]| {
    match WitnessPolicy::parse(data) {
        Ok(policy) => {
            let again = WitnessPolicy::parse(policy.to_string().as_bytes());
            assert_eq!(again.as_ref(), Ok(&policy));
            assert_eq!(policy.is_quorum([]), !policy.has_quorum());
            let names: Vec<_> = policy.witnesses().map(|(name, _)| name).collect();
            assert!(policy.is_quorum(names));
        }
        Err(error) => assert!(error.line > 0),
    }
});
