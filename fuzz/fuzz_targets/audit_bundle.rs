#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_ledger::{TrustPolicy, WitnessPolicy, verify_bundle};

// The keys are those of the vector, so that what is behind the seal is reached from it.
fuzz_target!(|data: &[u8]| {
    let policy = b"log backup.example/vault+7507ede6+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c\nquorum none\n";
    let trust = TrustPolicy::new(WitnessPolicy::parse(policy).unwrap());
    if let Ok(report) = verify_bundle(data, &trust) {
        assert_eq!(
            report.head.size(),
            report.entries.len() as u64 + report.left_out
        );
    }
});
