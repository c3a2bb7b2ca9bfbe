use super::*;
use crate::note::Note;
use crate::testing::signer;

const SPEC: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
const GO: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const GO_PRIVATE: &str =
    "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";

/// Keys of the specification and of the Go implementation.
#[test]
fn keys_are_written_as_they_are_read() {
    for vkey in [
        SPEC,
        GO,
        "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop",
    ] {
        let key = VerifierKey::parse(vkey).unwrap();
        assert_eq!(key.to_string(), vkey);
        assert_eq!(key.kind(), KeyKind::Note);
    }
    let key = NoteSigner::parse(GO_PRIVATE).unwrap();
    assert_eq!(key.public().to_string(), GO);
    assert_eq!(key.encode().as_str(), GO_PRIVATE);
    assert_eq!(
        VerifierKey::parse(SPEC).unwrap().id().to_string(),
        "530d903a"
    );
}

/// Every part of a key alone, every changed character, and the wrong keys of the Go implementation.
#[test]
fn mangled_keys_are_refused() {
    for whole in [GO, GO_PRIVATE] {
        let parses = |text: &str| match whole == GO {
            true => VerifierKey::parse(text).is_ok(),
            false => NoteSigner::parse(text).is_ok(),
        };
        for from in 0..whole.len() {
            for to in from..=whole.len() {
                assert_eq!(parses(&whole[from..to]), (from, to) == (0, whole.len()));
            }
            let mut bytes = whole.as_bytes().to_vec();
            bytes[from] += 1;
            assert!(!parses(std::str::from_utf8(&bytes).unwrap()), "{from}");
        }
    }
    let long = "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==";
    assert!(VerifierKey::parse(long).is_err());
    let unknown = "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    assert_eq!(
        VerifierKey::parse(unknown).unwrap_err().kind(),
        crate::ParseErrorKind::Unsupported
    );
}

#[test]
fn names_have_neither_spaces_nor_plus() {
    let public = *VerifierKey::parse(GO).unwrap().public();
    for name in [
        "",
        "a b",
        "a+b",
        "a\u{a0}b",
        "a\u{2003}b",
        "a\nb",
        "a\tb",
        "\u{85}",
        &"a".repeat(1025),
    ] {
        assert!(
            VerifierKey::new(name, KeyKind::Note, public).is_err(),
            "{name:?}"
        );
    }
    assert!(VerifierKey::new("ä/π", KeyKind::Note, public).is_ok());
}

/// C2SP tlog-cosignature: the example, whose time is known though its key is not.
#[test]
fn a_cosignature_has_time_and_signature() {
    let example = "— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n";
    let lines = SignatureLine::parse_all(example).unwrap();
    assert_eq!(format!("{}\n", lines[0]), example);

    let cosigner = signer("witness", KeyKind::Cosigner, 3);
    let text =
        "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
    let mut note = Note::new(text).unwrap();
    note.sign(&cosigner, 1_679_315_147);
    let verified = note.verify(&[cosigner.public()]).unwrap();
    assert_eq!(verified[0].time, Some(1_679_315_147));
    // The signed message, byte for byte.
    let message = [
        "cosignature/v1\ntime 1679315147\nexample.com/behind-the-sofa\n20852163\n",
        "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
    ];
    assert_eq!(cosigned(1_679_315_147, text), message.concat());
    // A key is for one use: as a note's key it has another id, and signs something else.
    let other = VerifierKey::new("witness", KeyKind::Note, *cosigner.public().public()).unwrap();
    assert_ne!(other.id(), cosigner.public().id());
    assert!(note.verify(&[&other]).is_err());
    assert_eq!(
        VerifierKey::parse(&cosigner.public().to_string()).as_ref(),
        Ok(cosigner.public())
    );
}

#[test]
fn a_private_key_never_prints() {
    let key = NoteSigner::parse(GO_PRIVATE).unwrap();
    assert_eq!(
        format!("{key:?}"),
        format!("NoteSigner(VerifierKey({GO}), ..)")
    );
}
