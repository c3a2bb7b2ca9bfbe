#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_crypt::{RepositoryId, Suite};
use strongroom_format::{AuditKeys, ObjectHash, ObjectKind, Preamble};

// A file of any bytes, and one whose map is any bytes. What decodes encodes to the same bytes.
fuzz_target!(|data: &[u8]| {
    let _ = AuditKeys::decode(data);
    let repository = RepositoryId::from_bytes([1; 16]);
    let preamble = Preamble::new(ObjectKind::AuditKeys, Suite::Aes256Gcm, repository, [7; 16]);
    let len = u32::try_from(data.len()).unwrap().to_le_bytes();
    let body = [preamble.encode().as_slice(), &len, data].concat();
    let file = [body.as_slice(), ObjectHash::of(&body).as_bytes()].concat();
    if let Ok(keys) = AuditKeys::decode(&file) {
        assert_eq!(keys.encode([7; 16]).unwrap(), file);
    }
});
