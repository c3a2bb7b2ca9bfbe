use super::*;
use crate::key::KeyKind;
use crate::testing::signer;

const GO_TEXT: &str = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
const PETER: &str = "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
const ENOCH: &str = "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n";

fn peter() -> VerifierKey {
    VerifierKey::parse("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
        .unwrap()
}

fn enoch() -> VerifierKey {
    VerifierKey::parse("EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop").unwrap()
}

fn parse(text: &str) -> Result<Note, ParseError> {
    Note::parse(text.as_bytes())
}

/// C2SP signed-note, "verifier keys", and its first example byte for byte.
#[test]
fn the_examples_of_the_specification_are_notes() {
    let key =
        VerifierKey::parse("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k")
            .unwrap();
    let text = "This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
    let note = parse(text).unwrap();
    assert_eq!(note.verify(&[&key]).unwrap()[0].key, key);
    assert_eq!(note.to_string(), text);

    let poem = "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned è subito sera.\n\n— quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n";
    let note = parse(poem).unwrap();
    assert_eq!(note.text().lines().count(), 4);
    assert_eq!(note.signatures()[0].name(), "quasimodo.example/salvatore");
    assert_eq!(note.to_string(), poem);
    assert_eq!(note.verify(&[&key]), Err(NoteError::UnknownSigner));
}

/// The test vectors of golang.org/x/mod/sumdb/note.
#[test]
fn signatures_are_those_of_the_go_implementation() {
    let key = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
    let mut note = Note::new(GO_TEXT).unwrap();
    note.sign(&NoteSigner::parse(key).unwrap(), 0);
    assert_eq!(note.to_string(), format!("{GO_TEXT}\n{PETER}"));

    let both = parse(&format!("{GO_TEXT}\n{PETER}{ENOCH}")).unwrap();
    assert_eq!(both.verify(&[&peter(), &enoch()]).unwrap().len(), 2);
    assert_eq!(both.verify(&[&enoch()]).unwrap()[0].key, enoch());
    assert_eq!(both.verify(&[]), Err(NoteError::UnknownSigner));
}

#[test]
fn a_known_key_that_fails_rejects_the_note() {
    let other = GO_TEXT.replace("know", "now");
    let note = parse(&format!("{other}\n{PETER}{ENOCH}")).unwrap();
    let bad = Err(NoteError::BadSignature("PeterNeumann".to_owned()));
    assert_eq!(note.verify(&[&peter()]), bad);
    // One good signature does not help.
    let mixed = PETER.replace("x08go/ZJ", "x08go/ZK");
    let note = parse(&format!("{GO_TEXT}\n{ENOCH}{mixed}")).unwrap();
    assert_eq!(note.verify(&[&peter(), &enoch()]), bad);
    assert_eq!(note.verify(&[&enoch()]).unwrap().len(), 1);
    // A known name with another id, and a known id with another name, are of unknown keys.
    for line in [
        mixed.replace("x08go/ZK", "x08gp/ZK"),
        mixed.replace("PeterNeumann", "Peter"),
    ] {
        let note = parse(&format!("{GO_TEXT}\n{line}")).unwrap();
        assert_eq!(note.verify(&[&peter()]), Err(NoteError::UnknownSigner));
    }
}

#[test]
fn a_signer_counts_once_and_sixteen_are_taken() {
    let note = parse(&format!("{GO_TEXT}\n{}", PETER.repeat(16))).unwrap();
    assert_eq!(note.verify(&[&peter()]).unwrap().len(), 1);
    assert!(parse(&format!("{GO_TEXT}\n{}", PETER.repeat(MAX_NOTE_SIGNATURES))).is_ok());
    let many = parse(&format!(
        "{GO_TEXT}\n{}",
        PETER.repeat(MAX_NOTE_SIGNATURES + 1)
    ));
    assert_eq!(many.unwrap_err().kind(), crate::ParseErrorKind::TooLarge);
}

#[test]
fn what_is_no_note_is_refused() {
    let body = PETER.strip_prefix("— PeterNeumann ").unwrap();
    for text in [
        String::new(),
        GO_TEXT.to_owned(),
        format!("{GO_TEXT}\n"),
        format!("{GO_TEXT}{PETER}"),
        format!("{GO_TEXT}\n{}", PETER.trim_end()),
        format!("{GO_TEXT}\n{PETER}\n"),
        format!("{GO_TEXT}\n{PETER}text\n"),
        format!("{GO_TEXT}\r\n\n{PETER}"),
        format!("{GO_TEXT}\n{}", PETER.replace("— ", "- ")),
        format!("{GO_TEXT}\n—  {body}"),
        format!("{GO_TEXT}\n— Peter+Neumann {body}"),
        format!("{GO_TEXT}\n— Peter\u{a0}Neumann {body}"),
        format!("{GO_TEXT}\n— PeterNeumann  {body}"),
        format!("{GO_TEXT}\n— PeterNeumann x08=\n"),
        format!("{GO_TEXT}\n— PeterNeumann {}", body.replace('=', "")),
    ] {
        assert!(parse(&text).is_err(), "{text:?}");
    }
    assert!(Note::parse(&[b"\xff\n\n", PETER.as_bytes()].concat()).is_err());
    assert!(Note::new("no end").is_err());
    assert!(Note::new("tab\t\n").is_err());
    assert!(Note::new("a".repeat(MAX_NOTE_BYTES) + "\n").is_err());
}

#[test]
fn merging_takes_what_holds_once() {
    let known = signer("known", KeyKind::Cosigner, 1);
    let stranger = signer("stranger", KeyKind::Cosigner, 2);
    let mut note = Note::new("text\n").unwrap();
    let right = known.sign("text\n", 7);
    let wrong = known.sign("other\n", 7);
    let lines = [wrong, right.clone(), stranger.sign("text\n", 7), right];
    assert_eq!(note.merge(&lines, &[known.public()]), 1);
    assert_eq!(note.merge(&lines, &[known.public()]), 0);
    assert_eq!(note.verify(&[known.public()]).unwrap()[0].time, Some(7));
}
