//! Creating a repository.

use std::sync::Arc;

use strongroom_crypt::{GenesisPin, Suite};
use strongroom_repo::{Credential, ErrorKind, Repository, Settings};
use strongroom_store::wrap::{Operation, Recording};
use strongroom_store::{
    Capabilities, GetOptions, Key, MemoryStore, ObjectMeta, Prefix, PutMode, PutOptions, Store,
    StoreExt as _,
};

use crate::world::{
    create, die_at_every_call, key, memory, names, open, options, passphrase, wait,
};

#[test]
fn what_was_created_opens_with_passphrase_and_recovery_code() {
    let (store, created) = memory();
    assert!(!created.single_writer);
    let opened = open(&store, &passphrase()).unwrap();
    assert_eq!(opened.id(), created.repository.id());
    assert_eq!(opened.pin(), created.pin);
    let code = Credential::from(created.recovery_code.unwrap());
    open(&store, &code).unwrap();
    assert!(wait(opened.snapshots()).unwrap().is_empty());
}

#[test]
fn another_credential_does_not_open() {
    let (store, _) = memory();
    let kind = |credential: &Credential| open(&store, credential).unwrap_err().kind();
    assert_eq!(kind(&Credential::passphrase("wrong")), ErrorKind::WrongKey);
    assert_eq!(kind(&Credential::None), ErrorKind::WrongKey);
    let code = strongroom_crypt::RecoveryCode::generate(&strongroom_crypt::SystemRandom).unwrap();
    assert_eq!(kind(&code.into()), ErrorKind::WrongKey);
}

#[test]
fn without_encryption_no_credential_is_accepted() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let plain = options().with_suite(Suite::None);
    let builder = || Repository::builder(store.clone());
    let error = wait(builder().create(plain.clone(), &passphrase())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let created = wait(builder().create(plain, &Credential::None)).unwrap();
    assert!(created.recovery_code.is_none());
    wait(builder().open(&Credential::None)).unwrap();
    assert_eq!(
        wait(builder().open(&passphrase())).unwrap_err().kind(),
        ErrorKind::Invalid
    );
}

#[test]
fn senseless_credentials_are_refused() {
    let create = |credential: &Credential| {
        wait(Repository::builder(Arc::new(MemoryStore::new())).create(options(), credential))
            .unwrap_err()
            .kind()
    };
    assert_eq!(create(&Credential::None), ErrorKind::Invalid);
    assert_eq!(create(&Credential::passphrase("")), ErrorKind::Invalid);
}

#[test]
fn the_pin_decides_which_repository_is_accepted() {
    let (store, created) = memory();
    let store: Arc<dyn Store> = store;
    let open = |pin| {
        wait(
            Repository::builder(store.clone())
                .pin(pin)
                .open(&passphrase()),
        )
    };
    open(created.pin).unwrap();
    let error = open(GenesisPin::from_bytes([1; 32])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Damaged);
}

#[test]
fn what_is_there_is_named_and_left_alone() {
    let (store, _) = memory();
    let before = names(&store);
    let error = create(&store).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert!(
        error.to_string().contains("journal/0000000000000000"),
        "{error}"
    );
    assert_eq!(names(&store), before);

    let foreign = Arc::new(MemoryStore::new());
    wait(foreign.put_new(&key("photos/cat.jpg"), "x".into())).unwrap();
    let error = create(&foreign).unwrap_err();
    assert_eq!(
        (error.kind(), error.object()),
        (ErrorKind::AlreadyExists, Some("photos/cat.jpg"))
    );
}

#[test]
fn an_empty_store_has_no_repository() {
    let error = open(&Arc::new(MemoryStore::new()), &passphrase()).unwrap_err();
    assert_eq!(
        (error.kind(), error.object()),
        (ErrorKind::NotFound, Some("config"))
    );
}

#[test]
fn dying_during_creation_leaves_a_repository_or_what_is_named_as_unfinished() {
    die_at_every_call(
        || Arc::new(MemoryStore::new()),
        create,
        |left, created| {
            let finished = names(left).iter().any(|name| name.starts_with("journal/"));
            let opened = open(left, &passphrase());
            if finished {
                opened.unwrap();
                return;
            }
            assert!(created.is_err());
            let error = opened.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotFound);
            let rest = names(left);
            if rest.iter().all(|name| name.starts_with("session/")) {
                create(left).unwrap();
                return;
            }
            let error = create(left).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::AlreadyExists);
            assert!(error.to_string().contains("interrupted"), "{error}");
            assert!(rest.iter().any(|name| error.to_string().contains(name)));
        },
    );
}

#[test]
fn a_store_that_cannot_decide_races_gets_one_writer_or_none() {
    let store = Arc::new(Careless(MemoryStore::new(), Asked::Ignores));
    let refused = create(&store).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unfit);
    assert!(
        refused.to_string().contains("ignores the condition"),
        "{refused}"
    );
    assert_eq!(names(&store.0), [""; 0]);

    let builder = Repository::builder(store.clone() as Arc<dyn Store>);
    let options = options().with_single_writer(true);
    let created = wait(builder.create(options, &passphrase())).unwrap();
    assert!(created.single_writer && created.repository.is_single_writer());
    assert!(
        created
            .probe
            .answer(strongroom_store::Question::AtomicCreate)
            .is_no()
    );
    assert!(open(&store, &passphrase()).unwrap().is_single_writer());
}

#[test]
fn a_store_that_refuses_conditions_takes_one_writer() {
    let store = Arc::new(Careless(MemoryStore::new(), Asked::Refuses));
    let refused = create(&store).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unfit);
    assert!(
        refused
            .to_string()
            .contains("refuses to create on condition"),
        "{refused}"
    );
    let builder = || Repository::builder(store.clone() as Arc<dyn Store>);
    let options = options().with_single_writer(true);
    let created = wait(builder().create(options, &passphrase())).unwrap();
    wait(created.repository.reprobe()).unwrap();
    let reopened = wait(builder().open(&passphrase())).unwrap();
    assert_eq!(wait(reopened.reprobe()).unwrap().entry, 2);
}

#[test]
fn opening_lists_the_keyrings_and_nothing_else() {
    let store = Arc::new(Recording::new(MemoryStore::new()));
    create(&store).unwrap();
    store.reset();
    let cache = tempfile::tempdir().unwrap();
    for listed in [1, 1] {
        let mut settings = Settings::default();
        settings.cache = Some(cache.path().to_owned());
        let builder = Repository::builder(store.clone() as Arc<dyn Store>).settings(settings);
        wait(builder.open(&passphrase())).unwrap();
        // What is remembered is not listed.
        assert_eq!(store.count(Operation::List), listed);
        assert_eq!(store.count(Operation::Put), 0);
    }
}

/// A store that overwrites whatever it is asked to create.
#[derive(Debug)]
struct Careless(MemoryStore, Asked);

/// What becomes of the condition that nothing is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Ignores,
    Refuses,
}

impl std::fmt::Display for Careless {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("careless")
    }
}

type Future<'a, T> =
    std::pin::Pin<Box<dyn std::future::Future<Output = strongroom_store::Result<T>> + Send + 'a>>;

// Written out: the crate does not depend on `async-trait` for one test.
impl Store for Careless {
    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }

    fn put<'s, 'k, 'a>(
        &'s self,
        key: &'k Key,
        data: bytes::Bytes,
        options: PutOptions,
    ) -> Future<'a, ()>
    where
        's: 'a,
        'k: 'a,
        Self: 'a,
    {
        if self.1 == Asked::Refuses && options.mode == PutMode::Create {
            let refused =
                strongroom_store::Error::new(strongroom_store::ErrorKind::Unsupported, "put");
            return Box::pin(std::future::ready(Err(refused)));
        }
        Box::pin(self.0.replace(key, data))
    }

    fn get<'s, 'k, 'a>(&'s self, key: &'k Key, options: GetOptions) -> Future<'a, bytes::Bytes>
    where
        's: 'a,
        'k: 'a,
        Self: 'a,
    {
        self.0.get(key, options)
    }

    fn head<'s, 'k, 'a>(&'s self, key: &'k Key) -> Future<'a, ObjectMeta>
    where
        's: 'a,
        'k: 'a,
        Self: 'a,
    {
        self.0.head(key)
    }

    fn delete<'s, 'k, 'a>(&'s self, key: &'k Key) -> Future<'a, ()>
    where
        's: 'a,
        'k: 'a,
        Self: 'a,
    {
        self.0.delete(key)
    }

    fn list(
        &self,
        prefix: &Prefix,
    ) -> futures::stream::BoxStream<'static, strongroom_store::Result<ObjectMeta>> {
        self.0.list(prefix)
    }
}
