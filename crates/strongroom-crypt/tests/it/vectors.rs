//! The bytes of the format, which never change: `testdata/crypt`. Each vector is checked three ways:
//! we make it, we open it, and it is what the document says, computed here from BLAKE3 and `ring`
//! alone.

use ring::aead::{AES_256_GCM, Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use strongroom_crypt::{
    Argon2Params, BoxSealer, EpochKey, FrameSealer, IdHasher, Passphrase, PassphraseLock,
    RecoveryCode, RepositoryId, Sealer, Secret, Session, SigningKey, SlotContext, SlotId, SlotKey,
    StructureKeys, Suite, VerifyingKey, chunker_key, derive, open_grant, public_bundle_key,
};

use crate::support::{Given, SUITES, Vectors};

fn vectors(text: &'static str) -> Vectors {
    Vectors::parse(text)
}

/// Format §3.1, from `ring` and BLAKE3.
fn aead(suite: Suite, key: &[u8], nonce: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let algorithm = match suite.id() {
        0 => {
            let key: [u8; 32] = key.try_into().expect("32 bytes");
            let hash = blake3::keyed_hash(&key, &[nonce, plaintext].concat());
            return [plaintext, &hash.as_bytes()[..16]].concat();
        }
        1 => &AES_256_GCM,
        _ => &CHACHA20_POLY1305,
    };
    let key = LessSafeKey::new(UnboundKey::new(algorithm, key).expect("32 bytes"));
    let nonce = Nonce::try_assume_unique_for_key(nonce).expect("12 bytes");
    let mut sealed = plaintext.to_vec();
    key.seal_in_place_append_tag(nonce, Aad::empty(), &mut sealed)
        .expect("a short message");
    sealed
}

/// Format §3.3 and §3.4: what is derived from key, salt and context.
fn derived(name: &[u8], suite: Suite, key: &[u8; 32], salt: &[u8], aad: &[u8]) -> [u8; 76] {
    let input = [
        name,
        &suite.id().to_le_bytes(),
        salt,
        blake3::hash(aad).as_bytes(),
    ]
    .concat();
    let mut derived = [0; 76];
    blake3::Hasher::new_keyed(key)
        .update(&input)
        .finalize_xof()
        .fill(&mut derived);
    derived
}

fn box_of(suite: Suite, key: &[u8; 32], salt: &[u8], aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let derived = derived(b"box", suite, key, salt, aad);
    let sealed = aead(suite, &derived[..32], &derived[32..44], plaintext);
    [salt, &derived[44..], &sealed].concat()
}

fn frame_of(suite: Suite, key: &[u8; 32], salt: &[u8], aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let derived = derived(b"frame", suite, key, salt, aad);
    let sealed = aead(suite, &derived[..32], &derived[32..44], plaintext);
    [salt, &sealed].concat()
}

/// `derive(k, label)` of §3.2, from BLAKE3.
fn derived_key(key: &[u8; 32], label: &str) -> [u8; 32] {
    *blake3::keyed_hash(key, format!("strongroom v1 {label}").as_bytes()).as_bytes()
}

#[test]
fn derived_keys() {
    let v = vectors(include_str!("../../../../testdata/crypt/keys.txt"));
    let bytes = v.array("key");
    let key = Secret::from_bytes(&bytes);
    for label in [
        "chunker",
        "journal",
        "checkpoint",
        "pack header",
        "index",
        "refs",
        "page id",
        "session wrap",
        "details",
    ] {
        let expected: [u8; 32] = v.array(&format!("derive.{label}"));
        assert_eq!(derive(&key, label).expose(), &expected, "{label}");
        assert_eq!(derived_key(&bytes, label), expected, "{label}");
    }
    assert_eq!(chunker_key(&key).expose(), &v.array("derive.chunker"));

    let repository = v.array("repository");
    let expected = v.array("suite 0 bundle key");
    let key = public_bundle_key(&RepositoryId::from_bytes(repository));
    assert_eq!(key.expose(), &expected);
    assert_eq!(
        blake3::derive_key("strongroom v1 suite 0", &repository),
        expected
    );
}

#[test]
fn ids() {
    let v = vectors(include_str!("../../../../testdata/crypt/ids.txt"));
    let key = v.array("key");
    let secret = Secret::from_bytes(&key);
    let structure = StructureKeys::new(Suite::Aes256Gcm, &secret);
    let page_key = derived_key(&key, "page id");
    let long = (0..=250).cycle().take(100_000).collect::<Vec<u8>>();
    let plaintext = v.bytes("plaintext");
    for (name, kind, plaintext) in [
        ("id.0", 0, plaintext),
        ("id.1", 1, plaintext),
        ("id.0.empty", 0, &[]),
        ("id.0.long", 0, &long),
    ] {
        let expected = v.array(name);
        assert_eq!(
            IdHasher::new(&secret).id(kind, plaintext).as_bytes(),
            &expected,
            "{name}"
        );
        let input = [&[kind], plaintext].concat();
        assert_eq!(blake3::keyed_hash(&key, &input), expected, "{name}");
    }
    for (name, kind) in [("page.2", 2), ("page.5", 5)] {
        let expected = v.array(name);
        assert_eq!(
            structure.page_id(kind, plaintext).as_bytes(),
            &expected,
            "{name}"
        );
        let input = [&[kind], plaintext].concat();
        assert_eq!(blake3::keyed_hash(&page_key, &input), expected, "{name}");
    }
}

#[test]
fn boxes_and_frames() {
    let v = vectors(include_str!("../../../../testdata/crypt/sealed.txt"));
    let key = v.array("key");
    let secret = Secret::from_bytes(&key);
    let salt = v.bytes("salt");
    for suite in SUITES {
        for case in ["short", "empty"] {
            let aad = v.bytes(&format!("{case}.aad"));
            let plaintext = v.bytes(&format!("{case}.plaintext"));

            let expected = v.bytes(&format!("{case}.box.{}", suite.id()));
            let sealer = BoxSealer::with_random(suite, &secret, &Given::shared(salt));
            check_sealed(&sealer, aad, plaintext, expected);
            assert_eq!(box_of(suite, &key, salt, aad, plaintext), expected);

            let expected = v.bytes(&format!("{case}.frame.{}", suite.id()));
            let sealer = FrameSealer::with_random(suite, &secret, &Given::shared(salt));
            check_sealed(&sealer, aad, plaintext, expected);
            assert_eq!(frame_of(suite, &key, salt, aad, plaintext), expected);
        }
    }
}

fn check_sealed(sealer: &dyn Sealer, aad: &[u8], plaintext: &[u8], expected: &[u8]) {
    let mut sealed = Vec::new();
    sealer
        .seal(aad, plaintext, &mut sealed)
        .expect("there is randomness for one");
    assert_eq!(sealed, expected, "{sealer:?}");
    let mut opened = Vec::new();
    sealer
        .open(aad, expected, &mut opened)
        .expect("a vector opens");
    assert_eq!(opened, plaintext, "{sealer:?}");
}

#[test]
fn structure_keys_use_the_right_labels() {
    let key = [9; 32];
    let secret = Secret::from_bytes(&key);
    let salt = [3; 32];
    let suite = Suite::ChaCha20Poly1305;
    let keys = StructureKeys::with_random(suite, &secret, &Given::shared(&salt.repeat(5)));
    let sealed = |sealer: &dyn Sealer| {
        let mut out = Vec::new();
        sealer.seal(b"aad", b"plaintext", &mut out).unwrap();
        out
    };
    for (label, sealer) in [
        ("journal", keys.journal()),
        ("checkpoint", keys.checkpoint()),
        ("pack header", keys.header()),
        ("index", keys.index()),
    ] {
        let expected = box_of(
            suite,
            &derived_key(&key, label),
            &salt,
            b"aad",
            b"plaintext",
        );
        assert_eq!(sealed(sealer), expected, "{label}");
    }
    let expected = frame_of(
        suite,
        &derived_key(&key, "refs"),
        &salt,
        b"aad",
        b"plaintext",
    );
    assert_eq!(sealed(keys.refs()), expected);
}

#[test]
fn sessions() {
    let v = vectors(include_str!("../../../../testdata/crypt/sessions.txt"));
    let suite = Suite::Aes256Gcm;
    let (epoch_bytes, secret) = (v.array("epoch key"), v.bytes("session secret"));
    let epoch_key = EpochKey::new(Secret::from_bytes(&epoch_bytes));
    let repository = RepositoryId::from_bytes(v.array("repository"));
    let [salt, details_salt]: [&[u8]; 2] = [v.bytes("wrap salt"), v.bytes("details salt")];
    let drawn = Given::shared(&[secret, salt].concat());
    let session = Session::start(suite, &drawn).unwrap();

    assert_eq!(session.id().as_bytes(), &v.array("session id"));
    let id = blake3::derive_key("strongroom v1 session id", secret);
    assert_eq!(id, v.array("session id"));

    let wrapped = session.wrap(&repository, 513, &epoch_key).unwrap();
    assert_eq!(wrapped, v.bytes("wrapped for epoch 513"));
    let aad = [b"session", repository.as_ref(), &id, &[1, 2, 0, 0]].concat();
    let key = derived_key(&epoch_bytes, "session wrap");
    assert_eq!(box_of(suite, &key, salt, &aad, secret), wrapped);
    Session::unwrap(suite, &repository, session.id(), 513, &epoch_key, &wrapped).unwrap();

    let details = epoch_key.details(suite, &Given::shared(details_salt));
    let aad = [b"details", repository.as_ref(), &[0x44; 16]].concat();
    check_sealed(&details, &aad, b"details", v.bytes("details"));
    let key = derived_key(&epoch_bytes, "details");
    assert_eq!(
        box_of(suite, &key, details_salt, &aad, b"details"),
        v.bytes("details")
    );
    let evidence = epoch_key.evidence(suite, &Given::shared(details_salt));
    let aad = [b"evidence", repository.as_ref(), &[0x55; 96]].concat();
    check_sealed(&evidence, &aad, b"evidence", v.bytes("evidence"));
    let key = derived_key(&epoch_bytes, "evidence");
    assert_eq!(
        box_of(suite, &key, details_salt, &aad, b"evidence"),
        v.bytes("evidence")
    );
}

#[test]
fn slots() {
    let v = vectors(include_str!("../../../../testdata/crypt/slots.txt"));
    let suite = Suite::Aes256Gcm;
    let (repository, slot) = (v.array("repository"), v.array("slot id"));
    let context = SlotContext::new(
        suite,
        RepositoryId::from_bytes(repository),
        SlotId::from_bytes(slot),
    );
    let private: [u8; 32] = v.array("private key");
    let admin = VerifyingKey::from_bytes(v.array("admin"));
    let plain = [private.as_slice(), admin.as_bytes()].concat();
    let key = SlotKey::from_secret(Secret::from_bytes(&private)).unwrap();
    assert_eq!(key.public().as_bytes(), &v.array("public key"));
    assert_eq!(
        key.secret().expose(),
        &private,
        "the vector's key is clamped"
    );
    let aad = |kind| [b"slot", repository.as_slice(), &slot, &[kind]].concat();

    let (salt, box_salt) = (v.bytes("argon2 salt"), v.bytes("box salt"));
    let params = Argon2Params::new(64, 2, 2).unwrap();
    let passphrase = Passphrase::new(v.text("passphrase"));
    let drawn = Given::shared(&[salt, box_salt].concat());
    let lock = key
        .protect_with_passphrase(&context, &passphrase, params, &admin, &drawn)
        .unwrap();
    assert_eq!(lock.sealed().as_slice(), v.bytes("passphrase box"));
    let expected = box_of(suite, &v.array("argon2 64 2 2"), box_salt, &aad(1), &plain);
    assert_eq!(lock.sealed().as_slice(), expected);
    let lock = PassphraseLock::new(params, v.array("argon2 salt"), v.bytes("passphrase box"));
    let opened = SlotKey::open_with_passphrase(&context, &passphrase, &lock.unwrap()).unwrap();
    assert_eq!(opened.admin, admin);

    let code = RecoveryCode::generate(&Given::shared(v.bytes("recovery code"))).unwrap();
    assert_eq!(code.to_text().as_str(), v.text("recovery text"));
    let sealed = key
        .protect_with_recovery_code(&context, &code, &admin, &Given::shared(box_salt))
        .unwrap();
    assert_eq!(sealed.as_slice(), v.bytes("recovery box"));
    let box_key = blake3::derive_key("strongroom v1 recovery code", v.bytes("recovery code"));
    assert_eq!(
        sealed.as_slice(),
        box_of(suite, &box_key, box_salt, &aad(2), &plain)
    );
    let opened = SlotKey::open_with_recovery_code(&context, &code, &sealed).unwrap();
    assert_eq!(opened.admin, admin);
}

#[test]
fn grants() {
    let v = vectors(include_str!("../../../../testdata/crypt/grants.txt"));
    let key = SlotKey::from_secret(Secret::from_bytes(&v.array("private key"))).unwrap();
    let info = v.bytes("info");
    let opened = open_grant(&key, info, &v.array("enc"), &v.array("ct")).unwrap();
    assert_eq!(opened.expose(), &v.array("secret"));
    let drawn = Given::shared(v.bytes("ephemeral ikm"));
    let sealed = strongroom_crypt::seal_grant(&key.public(), info, &opened, &drawn).unwrap();
    assert_eq!(sealed, (v.array("enc"), v.array("ct")));
}

#[test]
fn signatures() {
    let v = vectors(include_str!("../../../../testdata/crypt/signatures.txt"));
    let key = SigningKey::from_seed(Secret::from_bytes(&v.array("seed"))).unwrap();
    assert_eq!(key.public().as_bytes(), &v.array("public key"));
    assert_eq!(key.sign(v.bytes("message")), v.array("signature"));
    key.public()
        .verify(v.bytes("message"), &v.array("signature"))
        .unwrap();
}
