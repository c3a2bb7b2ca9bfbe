#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_ledger::{KeyKind, Note, NoteSigner, Rotation, SignatureLine, VerifierKey};

fuzz_target!(|data: &[u8]| {
    let key = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    let key = VerifierKey::parse(key).unwrap();
    if let Ok(note) = Note::parse(data) {
        assert_eq!(note.to_string().as_bytes(), data);
        let _ = note.verify(&[&key]);
    }
    if let Ok(rotation) = Rotation::parse(data) {
        assert_eq!(rotation.to_string().as_bytes(), data);
        assert!(rotation.verify().is_err() || rotation.old() != rotation.new_key());
    }
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(key) = VerifierKey::parse(text) {
        assert_eq!(key.to_string(), text);
        assert!(matches!(key.kind(), KeyKind::Note | KeyKind::Cosigner));
    }
    if let Ok(signer) = NoteSigner::parse(text) {
        assert_eq!(signer.encode().as_str(), text);
    }
    if let Ok(lines) = SignatureLine::parse_all(text) {
        let again: String = lines.iter().map(|line| format!("{line}\n")).collect();
        assert_eq!(again, text);
    }
});
