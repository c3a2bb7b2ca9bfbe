use super::*;
use crate::KeyKind;
use crate::testing::{ORIGIN, log_key, log_signer, signer};

const EXAMPLE: &str = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n";

/// C2SP tlog-checkpoint and tlog-cosignature, byte for byte.
#[test]
fn the_example_of_the_specification_is_a_head() {
    let signed = SignedHead::parse(EXAMPLE.as_bytes()).unwrap();
    assert_eq!(signed.head().origin(), "example.com/behind-the-sofa");
    assert_eq!(signed.head().size(), 20_852_163);
    assert_eq!(signed.to_string(), EXAMPLE);
}

#[test]
fn what_is_no_head_is_refused() {
    let root = TreeHash::empty();
    for text in [
        String::new(),
        "o\n1\n".to_owned(),
        format!("o\n1\n{root}"),
        format!("\n1\n{root}\n"),
        format!("o\n01\n{root}\n"),
        format!("o\n-1\n{root}\n"),
        format!("o\n18446744073709551616\n{root}\n"),
        format!("o\n1\n{root}=\n"),
        "o\n1\nAAAA\n".to_owned(),
        format!("o\n1\n{root}\n\n"),
        format!("o\n1\n{root}\n\next\n"),
        format!("o\n1\n{root}\n{}", "ext\n".repeat(17)),
    ] {
        assert!(TreeHead::parse(&text).is_err(), "{text:?}");
    }
    let extended = format!("o\n0\n{root}\next 1\next 2\n");
    assert_eq!(TreeHead::parse(&extended).unwrap().to_string(), extended);
}

#[test]
fn a_log_signs_under_its_own_name() {
    let head = TreeHead::new(ORIGIN, 0, TreeHash::empty()).unwrap();
    let signed = head.clone().sign(&log_signer());
    assert_eq!(signed.verify(&[&log_key()]), Ok(()));
    let other = signer("other.example", KeyKind::Note, 1);
    let signed = head.sign(&other);
    assert_eq!(
        signed.verify(&[other.public(), &log_key()]),
        Err(NoteError::UnknownSigner)
    );
    assert!(TreeHead::new("a\nb", 0, TreeHash::empty()).is_err());
}
