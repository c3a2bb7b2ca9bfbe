use super::*;
use crate::testing::{ORIGIN, log_key, log_signer, signer, witness_signer};
use crate::{KeyKind, ParseErrorKind, TreeHash, TreeHead};

fn key(number: u8) -> VerifierKey {
    witness_signer(number).public().clone()
}

/// The example of the specification, with keys.
fn example() -> String {
    let mut text = format!("# two organisations\nlog {}\n\n", log_key());
    for number in 1..=6 {
        let name = if number <= 3 {
            format!("X{number}")
        } else {
            format!("Y{}", number - 3)
        };
        text += &format!("\twitness {name}  {}\n", key(number));
    }
    text + "group X-witnesses 2 X1 X2 X3\ngroup Y-witnesses any Y1 Y2 Y3\ngroup X-and-Y all X-witnesses Y-witnesses\nquorum X-and-Y\n"
}

#[test]
fn the_example_of_the_specification_asks_for_two_and_one() {
    let policy = WitnessPolicy::parse(example().as_bytes()).unwrap();
    for (signed, is_enough) in [
        (&["X1", "X2", "Y3"][..], true),
        (&["X1", "X2", "X3", "Y1", "Y2", "Y3"], true),
        (&["X1", "X2", "X3"], false),
        (&["X1", "Y1", "Y2", "Y3"], false),
        (&["X1", "X1", "Y1"], false),
        (&["X-witnesses", "Y-witnesses"], false),
        (&["X-and-Y"], false),
        (&[], false),
    ] {
        assert_eq!(
            policy.is_quorum(signed.iter().copied()),
            is_enough,
            "{signed:?}"
        );
    }
    assert_eq!(
        WitnessPolicy::parse(policy.to_string().as_bytes()).as_ref(),
        Ok(&policy)
    );
    assert!(policy.has_quorum());
    assert_eq!(policy.witnesses().len(), 6);
}

#[test]
fn what_is_wrong_is_said_by_line() {
    let (log, one, two) = (log_key(), key(1), key(2));
    let check = |text: &str, line: usize| {
        let found = WitnessPolicy::parse(text.as_bytes()).map_err(|error| error.line);
        assert_eq!(found, Err(line), "{text}");
    };
    check("", 1);
    check("log", 1);
    check("quorum none", 1);
    check("quorum none\nquorum none\n", 2);
    check("quorum W\n", 1);
    check("quorum none none\n", 1);
    check(&format!("quorum W\nwitness W {one}\n"), 1);
    check(&format!("log {log}\nlog {log}\nquorum none\n"), 2);
    check(&format!("log {one}\nquorum none\n"), 1);
    check(&format!("log {log} url more\nquorum none\n"), 1);
    check(&format!("witness W {log}\nquorum none\n"), 1);
    check(&format!("witness none {one}\nquorum none\n"), 1);
    check(
        &format!("witness W {one}\nwitness W {two}\nquorum none\n"),
        2,
    );
    check(
        &format!("witness W {one}\nwitness V {one}\nquorum none\n"),
        2,
    );
    let witnesses = format!("witness W {one}\nwitness V {two}\n");
    for group in [
        "G 0 W V",
        "G 3 W V",
        "G 02 W V",
        "G any",
        "G all W X",
        "W any V",
        "none any W",
        "G 1 W W",
        "G any G",
    ] {
        check(&format!("{witnesses}group {group}\nquorum none\n"), 3);
    }
    check(
        &format!("{witnesses}group G any W\ngroup H all W V\nquorum none\n"),
        4,
    );
    check("quorum none\r\n", 1);
    check("# \u{7f}\nquorum none\n", 1);
    assert_eq!(
        WitnessPolicy::parse(b"# a\nlog \xff\nquorum none\n")
            .unwrap_err()
            .line,
        2
    );
    let other = "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    let unknown = WitnessPolicy::parse(format!("log {other}\nquorum none\n").as_bytes());
    assert_eq!(unknown.unwrap_err().kind, ParseErrorKind::Unsupported);
}

#[test]
fn a_head_needs_the_log_and_the_quorum() {
    let policy = WitnessPolicy::parse(example().as_bytes()).unwrap();
    let head = TreeHead::new(ORIGIN, 5, TreeHash::empty()).unwrap();
    let mut signed = head.clone().sign(&log_signer());
    assert_eq!(
        policy.verify(&signed),
        Err(EndorsementError::NoQuorum {
            signed: 0,
            known: 6
        })
    );
    for number in [1, 2] {
        signed
            .note_mut()
            .sign(&witness_signer(number), 1000 + u64::from(number));
    }
    // A stranger, and the log as a witness of itself, count for nothing.
    signed.note_mut().sign(&witness_signer(9), 1);
    signed
        .note_mut()
        .sign(&signer(ORIGIN, KeyKind::Cosigner, 1), 1);
    assert_eq!(
        policy.verify(&signed),
        Err(EndorsementError::NoQuorum {
            signed: 2,
            known: 6
        })
    );
    signed.note_mut().sign(&witness_signer(4), 1004);
    let endorsed = policy.verify(&signed).unwrap();
    assert_eq!(endorsed.log, log_key());
    let times: Vec<_> = endorsed.witnesses.into_iter().collect();
    assert_eq!(
        times,
        [
            ("X1".to_owned(), 1001),
            ("X2".to_owned(), 1002),
            ("Y1".to_owned(), 1004)
        ]
    );

    let mut unsigned = head.clone().sign(&signer(ORIGIN, KeyKind::Note, 9));
    (1..=6).for_each(|number| unsigned.note_mut().sign(&witness_signer(number), 1));
    assert_eq!(
        policy.verify(&unsigned),
        Err(EndorsementError::Note(NoteError::UnknownSigner))
    );
    let other = TreeHead::new("other.example", 5, TreeHash::empty()).unwrap();
    let unknown = Err(EndorsementError::UnknownLog("other.example".to_owned()));
    assert_eq!(policy.verify(&other.sign(&log_signer())), unknown);
    assert!(
        WitnessPolicy::of_log(log_key())
            .verify(&head.sign(&log_signer()))
            .is_ok()
    );
}
