//! What a later version wrote, as somebody with all keys can.

use std::fs;
use std::path::Path;

use strongroom_crypt::{
    RepositoryId, Roles, Sealer as _, SigningKey, StructureKeys, Suite, public_bundle_key,
};
use strongroom_format::{
    Body, Config, Hold, KeyBundle, ObjectHash, Payload, SignedKeyring, Time, entry_head,
    object_name,
};

use crate::generate::tree;
use crate::program::{BACKUP, CHECK, INIT, Program};

/// Without a password, so that anybody can take the keys out of it.
fn plain(program: &str, repository: &Path) -> Program {
    Program::new(program, repository).arg("--no-password")
}

/// Appends a hold with an action that this version does not know, signed by the admin.
fn append_unsupported(repository: &Path) {
    let read = |name: &str| fs::read(repository.join(name)).unwrap();
    let config = Config::decode(&read("config")).unwrap();
    let id: RepositoryId = config.repository;
    let newest = fs::read_dir(repository.join("keyring")).unwrap();
    let mut newest: Vec<_> = newest.map(|entry| entry.unwrap().path()).collect();
    newest.retain(|path| path.extension().is_none());
    newest.sort();
    let signed = SignedKeyring::decode(&fs::read(newest.last().unwrap()).unwrap()).unwrap();
    let sealed = &signed.keyring.bundles[0].1;
    let generation = signed.keyring.generation;
    let opener = public_bundle_key(&id);
    let bundle = KeyBundle::open(Suite::None, &opener, &id, generation, 0, sealed).unwrap();
    let admin = bundle
        .signing
        .iter()
        .find(|one| one.roles.intersects(Roles::ADMIN));
    let admin = SigningKey::from_seed(admin.unwrap().seed.duplicate()).unwrap();

    let payload = Payload::new(Time::new(1_800_000_000, 0), Body::Hold(Hold::default()));
    let mut plain = payload.encode().unwrap();
    let action = plain.windows(2).rposition(|pair| pair == [0x00, 0x01]);
    plain[action.unwrap() + 1] = 0x05;
    let n = (1..).find(|n| !repository.join(object_name::journal(*n)).exists());
    let n = n.unwrap();
    let previous = ObjectHash::of(&read(&object_name::journal(n - 1)));
    let head = entry_head(Suite::None, id, n, [4; 16], &previous);
    let mut sealed = Vec::new();
    let keys = StructureKeys::new(Suite::None, &bundle.structure_key);
    keys.journal().seal(&head, &plain, &mut sealed).unwrap();
    let hash = ObjectHash::of(&sealed);
    let message = [b"strongroom v1 journal".as_slice(), &head, hash.as_bytes()].concat();
    let mut entry = head.to_vec();
    entry.extend_from_slice(&u32::try_from(sealed.len()).unwrap().to_le_bytes());
    entry.extend_from_slice(&sealed);
    // One signature, of algorithm 1: lengths of key and signature, and these.
    entry.extend_from_slice(&[1, 0, 1, 0, 32, 0, 64, 0]);
    entry.extend_from_slice(admin.public().as_bytes());
    entry.extend_from_slice(&admin.sign(&message));
    let seal = ObjectHash::of(&entry);
    entry.extend_from_slice(seal.as_bytes());
    fs::write(repository.join(object_name::journal(n)), entry).unwrap();
}

#[test]
fn a_check_that_could_not_read_the_whole_journal_is_partial() {
    let scratch = tempfile::tempdir().unwrap();
    let (source, repository) = (
        scratch.path().join("source"),
        scratch.path().join("repository"),
    );
    tree(&source, 2, 10, 1);
    plain(INIT, &repository)
        .args(&["--suite", "none"])
        .expect(0);
    plain(BACKUP, &repository).arg(&source).expect(0);
    let keys = scratch.path().join("keys");
    let export = plain(crate::program::KEYS, &repository).arg("export-audit");
    export.arg(&keys).expect(0);
    let check = || {
        let check = Program::new(CHECK, &repository).args(&["--json", "--audit-keys"]);
        check.arg(&keys)
    };
    assert_eq!(check().expect(0).result()["level"], "L3");
    append_unsupported(&repository);
    let ended = check().expect(3);
    let result = ended.result();
    assert_eq!(
        (&result["intact"], &result["level"]),
        (&true.into(), &"L1".into()),
        "{result}"
    );
    assert!(
        ended
            .of_type("finding")
            .iter()
            .any(|line| line["code"] == "newer-version"),
        "{}",
        ended.stdout
    );
    // Hashes are all that was asked for here.
    check().args(&["--level", "L1"]).expect(0);
}
