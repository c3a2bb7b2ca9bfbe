use std::ops::ControlFlow;
use std::sync::Arc;

use futures::executor::block_on;
use strongroom_crypt::{Argon2Params, Roles, Secret, SigningKey, Suite};
use strongroom_format::record::{Attested, Record, RecordHead};
use strongroom_format::{Body, Entry, Event, Evidence, Payload, Time, object_name};
use strongroom_store::{Key, MemoryStore, Store, StoreExt as _};

use crate::testing::{Shape, TestStore, Tree, Writer, reopen, repository, settings};
use crate::{CreateOptions, Credential, ErrorKind, HoldRequest, LostEntries, Repository};

fn events(repository: &Repository, from: u64) -> Vec<Event> {
    let (events, next) = block_on(repository.events(from)).unwrap();
    assert_eq!(next, repository.journal().state().head);
    events
}

fn numbers(events: &[Event]) -> Vec<u64> {
    events.iter().map(|event| event.n).collect()
}

fn record(repository: &Repository) -> Record {
    let fact = Attested {
        what: "clock".to_owned(),
        ..Attested::default()
    };
    Record::new(repository.record_head().unwrap(), fact.into())
}

fn own(kind: &str, schema: u64) -> Evidence {
    Evidence {
        kind: kind.to_owned(),
        schema,
        ..Evidence::default()
    }
}

fn key(name: &str) -> Key {
    Key::parse(name).unwrap()
}

/// Puts a next entry that somebody signed whom nobody certified.
fn put_by_a_stranger(store: &Arc<TestStore>, repository: &Repository) {
    let (context, state) = (repository.context(), repository.journal().state());
    let stranger = SigningKey::from_seed(Secret::from_bytes(&[7; 32])).unwrap();
    let payload = Payload::new(Time::default(), Body::Evidence(own("fake", 1)));
    let keys = context.keys();
    let bytes = Entry::seal(
        context.suite,
        context.repository,
        state.head,
        [7; 16],
        state.head_hash,
        &payload,
        keys.structure.journal(),
        &[&stranger],
    );
    let name = key(&object_name::journal(state.head));
    block_on(store.put(&name, bytes.unwrap().into(), Default::default())).unwrap();
}

#[test]
fn what_has_effect_is_there_with_who_did_it_and_when() {
    let (store, repository) = repository();
    let tree = Tree::dir([("a", Tree::file(b"content"))]);
    let snapshot = Writer::new(&repository, Shape::default()).snapshot(&tree, "mail");
    let hold = HoldRequest::on_series("mail", "a case");
    block_on(repository.place_hold(hold)).unwrap();
    put_by_a_stranger(&store, &repository);
    let of_process = record(&repository);
    let n = block_on(repository.record(&of_process, None)).unwrap();

    let all = events(&repository, 0);
    let journal = repository.journal().state().head;
    let void = n - 1;
    let expected: Vec<u64> = (0..journal).filter(|one| *one != void).collect();
    assert_eq!(numbers(&all), expected);
    let (genesis, hold, recorded) = (&all[0], &all[all.len() - 2], &all[all.len() - 1]);
    assert!(matches!(genesis.body, Body::Genesis(_)));
    assert!(genesis.roles.intersects(Roles::ADMIN));
    assert!(matches!(hold.body, Body::Hold(_)));
    assert!(hold.roles.intersects(Roles::ADMIN));
    let commits: Vec<_> = all
        .iter()
        .filter(|one| matches!(one.body, Body::Commit(_)))
        .map(|one| one.snapshot)
        .collect();
    assert_eq!(commits, [Some(snapshot)]);
    assert_eq!(genesis.snapshot, None);
    assert_eq!(recorded.record, Some(of_process));
    assert!(recorded.roles.intersects(Roles::WRITER));
    assert!(recorded.at.seconds > 1_700_000_000);
    let bytes = block_on(store.get_all(&key(&object_name::journal(n)))).unwrap();
    assert_eq!(recorded.hash, Entry::decode(&bytes).unwrap().hash);
    // The same to everybody who reads, and from anywhere on.
    let other = reopen(&store, settings(1));
    assert_eq!(events(&other, 0), all);
    assert_eq!(events(&other, n), all[all.len() - 1..]);
    assert_eq!(events(&other, journal), []);
    let error = block_on(other.events(journal + 1)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
}

#[test]
fn kinds_and_schemas_of_others_survive_untouched() {
    let (_, repository) = repository();
    let strange = [own("com.example.kind", 1), own("attested", 2)];
    for evidence in &strange {
        block_on(repository.record_evidence(evidence.clone())).unwrap();
    }
    let found = events(&repository, 1);
    let bodies: Vec<_> = found.iter().map(|event| event.body.clone()).collect();
    assert_eq!(bodies, strange.map(Body::Evidence));
    assert!(found.iter().all(|event| event.record.is_none()));
}

#[test]
fn the_sensitive_part_opens_to_who_has_the_key_of_its_epoch() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let credential = Credential::passphrase("correct horse");
    let options = CreateOptions::default()
        .with_suite(Suite::Aes256Gcm)
        .with_argon2(Argon2Params::FASTEST);
    let created = block_on(Repository::builder(store.clone()).create(options, &credential));
    let repository = created.unwrap().repository;
    let (one, text) = (record(&repository), b"Ada Lovelace".as_slice());
    let n = block_on(repository.record(&one, Some(text))).unwrap();
    let own = own("com.example.kind", 1);
    block_on(repository.record_sensitive(own.clone(), b"more")).unwrap();
    let found = events(&repository, n);
    let sealed = |at: usize| found[at].sealed.clone();
    assert_eq!(
        (sealed(0), sealed(1)),
        (Some(text.into()), Some(b"more".into()))
    );
    // The bytes are nowhere in the entry.
    let bytes = block_on(store.get_all(&key(&object_name::journal(n)))).unwrap();
    assert!(!bytes.windows(text.len()).any(|part| part == text));
    // A box of an epoch that nobody here has, and one that was moved to another entry: the events are there.
    let Body::Evidence(Evidence { sensitive, .. }) = &found[0].body else {
        panic!("not evidence");
    };
    for moved in [sensitive.clone(), Some((99, vec![0; 90]))] {
        let evidence = Evidence {
            sensitive: moved,
            ..own.clone()
        };
        let this = repository.clone();
        block_on(crate::edge::run(
            repository.store(),
            "test",
            move |remote| {
                this.journal()
                    .append(remote, this.context(), Roles::WRITER, &mut |_| {
                        Ok(Body::Evidence(evidence.clone()))
                    })
            },
        ))
        .unwrap();
    }
    let found = events(&repository, n + 2);
    assert_eq!(found.len(), 2);
    assert!(found.iter().all(|event| event.sealed.is_none()));
}

#[test]
fn a_record_that_is_damaged_takes_nothing_else_with_it() {
    let (_, repository) = repository();
    let wrong = own("attested", 1);
    let error = block_on(repository.record_evidence(wrong.clone())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    // Somebody else's program was less careful.
    let this = repository.clone();
    block_on(crate::edge::run(
        repository.store(),
        "test",
        move |remote| {
            this.journal()
                .append(remote, this.context(), Roles::WRITER, &mut |_| {
                    Ok(Body::Evidence(wrong.clone()))
                })
        },
    ))
    .unwrap();
    let found = events(&repository, 1);
    assert_eq!(
        (numbers(&found), found[0].record.is_none()),
        (vec![1], true)
    );
}

#[test]
fn who_has_had_enough_is_told_where_to_go_on() {
    let (_, repository) = repository();
    let records: Vec<_> = (0..5).map(|_| record(&repository)).collect();
    assert_eq!(
        block_on(repository.record_all(&records)).unwrap(),
        [1, 2, 3, 4, 5]
    );
    let mut left = 3;
    let next = repository.history(1, move |_| {
        left -= 1;
        match left {
            0 => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    });
    assert_eq!(block_on(next).unwrap(), 4);
    assert_eq!(numbers(&events(&repository, 4)), [4, 5]);
}

#[test]
fn the_end_of_a_long_journal_is_read_without_the_beginning() {
    let (store, repository) = repository();
    let records: Vec<_> = (0..640).map(|_| record(&repository)).collect();
    block_on(repository.record_all(&records)).unwrap();
    let other = reopen(&store, settings(1));
    let before = store.calls().len();
    let late = events(&other, 630);
    assert_eq!(numbers(&late), (630..=640).collect::<Vec<_>>());
    let calls = store.calls().len() - before;
    assert!(calls < 25, "{calls} requests");
    let all = events(&other, 0);
    assert_eq!(all.len(), 641);
    assert_eq!(all[630..], late);
}

#[test]
fn of_a_journal_with_a_hole_it_is_what_comes_before() {
    let (store, repository) = repository();
    let records: Vec<_> = (0..5).map(|_| record(&repository)).collect();
    block_on(repository.record_all(&records)).unwrap();
    block_on(store.delete(&key(&object_name::journal(3)))).unwrap();
    for mode in [LostEntries::Prefix, LostEntries::Skip] {
        let builder = Repository::builder(store.clone() as Arc<dyn Store>);
        let opened = builder.on_lost_entries(mode).open(&Credential::None);
        let around = block_on(opened).unwrap();
        let (found, next) = block_on(around.events(0)).unwrap();
        assert_eq!((numbers(&found), next), (vec![0, 1, 2], 3));
    }
}

#[test]
fn a_head_names_the_policy_in_force_and_persons_are_the_same_to_all() {
    let (store, repository) = repository();
    assert_eq!(repository.record_head().unwrap().policy, None);
    let first = block_on(repository.set_policy(b"format = 1".to_vec(), "application/toml"));
    let first = first.unwrap();
    assert_eq!(block_on(repository.policy()).unwrap(), Some(first));
    // The same again is in force already.
    let again = block_on(repository.set_policy(b"format = 1".to_vec(), "application/toml"));
    assert_eq!(again.unwrap(), first);
    let second = block_on(repository.set_policy(b"format = 2".to_vec(), "application/toml"));
    let second = second.unwrap();
    assert_eq!(second.n, first.n + 1);
    let head = repository.record_head().unwrap();
    assert_eq!(head.policy, Some(second.hash));
    let Body::Policy(policy) = &events(&repository, second.n)[0].body else {
        panic!("not a policy");
    };
    assert_eq!(policy.previous, Some(first.hash));
    let error = block_on(repository.set_policy(Vec::new(), "text/plain")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);

    let other = reopen(&store, settings(1));
    assert_eq!(other.person("Ada"), repository.person("Ada"));
    assert_ne!(other.person("Ada"), other.person("Eve"));
    let (_, another) = crate::testing::repository();
    assert_ne!(another.person("Ada"), other.person("Ada"));
    let ids: [RecordHead; 2] = [other.record_head().unwrap(), other.record_head().unwrap()];
    assert_ne!(ids[0].id, ids[1].id);
}
