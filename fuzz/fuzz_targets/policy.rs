#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_policy::{Document, diff};
use strongroom_retain::Moment;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    // Large documents make slow rounds, and show nothing that small ones do not.
    if text.len() > 16 << 10 {
        return;
    }
    match Document::parse(text) {
        Ok(document) => {
            let now = Moment::utc(1_796_000_000);
            let policy = document.policy();
            for finding in document.lint(now) {
                assert!(!finding.to_string().is_empty());
            }
            let again = Document::parse(&policy.to_toml()).unwrap();
            assert_eq!(again.policy(), policy);
            assert!(diff(policy, again.policy(), &[], now).is_empty());
        }
        Err(error) => assert!(!error.problems().is_empty()),
    }
});
