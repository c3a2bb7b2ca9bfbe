//! Receipts, requests and entry bundles as bytes.

use strongroom_ledger::{Receipt, WitnessRequest, decode_entry_bundle};

/// C2SP tlog-witness, byte for byte.
const REQUEST: &str = "old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=
";

#[test]
fn the_request_of_the_specification_is_one() {
    let request = WitnessRequest::parse(REQUEST.as_bytes()).unwrap();
    assert_eq!((request.old, request.proof.len()), (20_852_014, 4));
    assert_eq!(request.head.note().signatures().len(), 2);
    assert_eq!(request.to_string(), REQUEST);
}

#[test]
fn what_is_no_request_is_refused() {
    let hash = "PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n";
    let many = REQUEST.replace(hash, &hash.repeat(60));
    assert_eq!(
        WitnessRequest::parse(many.as_bytes()).unwrap().proof.len(),
        63
    );
    for text in [
        String::new(),
        "old 1\n".to_owned(),
        REQUEST.replace("old 2", "old 02"),
        REQUEST.replace("old 2", "old  2"),
        REQUEST.replace("old ", "new "),
        REQUEST.replace(hash, ""),
        REQUEST.replace(hash, "\n"),
        REQUEST.replace(hash, "AAAA\n"),
        REQUEST.replace(hash, &hash.repeat(61)),
        REQUEST.replace("/0=\n\n", "/0=\n"),
    ] {
        let parsed = WitnessRequest::parse(text.as_bytes());
        // One hash less is another request.
        assert_eq!(
            parsed.is_ok(),
            text.starts_with("old 20852014\njrJZ"),
            "{text}"
        );
    }
}

/// C2SP tlog-proof, with signatures that the specification shortens.
const RECEIPT: &str = "c2sp.org/tlog-proof@v1
extra Z2VoZWlt
index 73894
gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=
B95lDa8R83lS8n0eG+o0buTxRKQTYFi//1U8anccXmA=
EKNzoDWG8LGC0Yp9o+sv3qllpMP9uHQ9B20KNL+Q1zs=
RoopEkOdqkYqMB4MJXrbt/hMjOxsVn0IrWjpz1ZMMes=
AHCioX9nLjsrse6YhjRRmk1WUEirVOLLRoOQ6vfO5vk=

example.com/fancylog
109482
sFodV/vSp5O8n9a8QpW6PRY97tfOSW5bsc2Xl/EQi08=

— example.com/fancylog hI2DJw==
";

#[test]
fn a_receipt_is_written_as_it_is_read() {
    let receipt = Receipt::parse(RECEIPT.as_bytes()).unwrap();
    assert_eq!((receipt.index, receipt.path.len()), (73_894, 5));
    assert_eq!(receipt.extra.as_deref(), Some(b"geheim".as_slice()));
    assert_eq!(receipt.to_string(), RECEIPT);
    let bare = RECEIPT.replace("extra Z2VoZWlt\n", "");
    assert_eq!(Receipt::parse(bare.as_bytes()).unwrap().to_string(), bare);
    for (from, to) in [
        ("@v1", "@v2"),
        ("index 7", "index 07"),
        ("extra ", "extra"),
        ("gSKy", "gSK"),
        ("vk=\n\n", "vk=\n"),
    ] {
        let text = RECEIPT.replacen(from, to, 1);
        assert!(Receipt::parse(text.as_bytes()).is_err(), "{text}");
    }
}

#[test]
fn what_is_no_entry_bundle_is_refused() {
    for bytes in [&b""[..], &[0], &[0, 0], &[0, 1, 0], &[0xff, 0xff]] {
        assert!(decode_entry_bundle(bytes).is_err());
    }
}
