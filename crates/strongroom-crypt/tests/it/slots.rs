//! Slots, sessions and what protects them.

use strongroom_crypt::{
    Argon2Params, EpochKey, Error, ErrorKind, KeyUnwrapper, KeyWrapper, OpenError, Passphrase,
    PassphraseLock, RecoveryCode, RepositoryId, Secret, SeededRandom, Session, SlotContext, SlotId,
    SlotKey, Suite, VerifyingKey, WrappedKey,
};

use crate::support::{SUITES, flip};

const ADMIN: VerifyingKey = VerifyingKey::from_bytes([7; 32]);

fn context(suite: Suite, repository: u8, slot: u8) -> SlotContext {
    let repository = RepositoryId::from_bytes([repository; 16]);
    SlotContext::new(suite, repository, SlotId::from_bytes([slot; 16]))
}

fn kind<T: std::fmt::Debug>(result: Result<T, Error>) -> ErrorKind {
    result.expect_err("refused").kind()
}

#[test]
fn a_passphrase_opens_its_slot_and_no_other() {
    let random = SeededRandom::shared(1);
    let key = SlotKey::generate(&random).unwrap();
    let (right, wrong) = (
        Passphrase::from("pässphrase"),
        Passphrase::from("passphrase"),
    );
    for suite in SUITES {
        let here = context(suite, 1, 1);
        let lock = key
            .protect_with_passphrase(&here, &right, Argon2Params::FASTEST, &ADMIN, &random)
            .unwrap();
        let opened = SlotKey::open_with_passphrase(&here, &right, &lock).unwrap();
        assert!(opened.key.secret().ct_eq(key.secret()));
        assert_eq!(opened.key.public(), key.public());
        assert_eq!(opened.admin, ADMIN);

        let refused = |context: &_, passphrase: &_, lock: &_| {
            let result = SlotKey::open_with_passphrase(context, passphrase, lock);
            assert_eq!(kind(result), ErrorKind::WrongKey);
        };
        refused(&here, &wrong, &lock);
        refused(&context(suite, 2, 1), &right, &lock);
        refused(&context(suite, 1, 2), &right, &lock);
        for bit in [0, 300, 600, 895, 1151] {
            let sealed = flip(lock.sealed(), bit);
            let damaged = PassphraseLock::new(lock.params(), *lock.salt(), &sealed).unwrap();
            refused(&here, &right, &damaged);
        }
    }
}

#[test]
fn a_recovery_code_opens_its_slot_and_no_other() {
    let random = SeededRandom::shared(2);
    let key = SlotKey::generate(&random).unwrap();
    let code = RecoveryCode::generate(&random).unwrap();
    let other = RecoveryCode::generate(&random).unwrap();
    let here = context(Suite::Aes256Gcm, 1, 1);
    let sealed = key
        .protect_with_recovery_code(&here, &code, &ADMIN, &random)
        .unwrap();

    let typed = RecoveryCode::parse(&code.to_text()).unwrap();
    let opened = SlotKey::open_with_recovery_code(&here, &typed, &sealed).unwrap();
    assert!(opened.key.secret().ct_eq(key.secret()));
    assert_eq!(opened.admin, ADMIN);
    for (context, code, sealed) in [
        (here, &other, sealed.as_slice()),
        (context(Suite::Aes256Gcm, 1, 2), &code, &sealed),
        (context(Suite::ChaCha20Poly1305, 1, 1), &code, &sealed),
        (here, &code, &sealed[..143]),
        (here, &code, &[]),
    ] {
        let result = SlotKey::open_with_recovery_code(&context, code, sealed);
        assert_eq!(kind(result), ErrorKind::WrongKey);
    }
}

#[test]
fn a_box_of_one_kind_of_slot_does_not_open_as_the_other() {
    let random = SeededRandom::shared(3);
    let key = SlotKey::generate(&random).unwrap();
    let code = RecoveryCode::generate(&random).unwrap();
    let here = context(Suite::Aes256Gcm, 1, 1);
    let sealed = key
        .protect_with_recovery_code(&here, &code, &ADMIN, &random)
        .unwrap();
    let lock = PassphraseLock::new(Argon2Params::FASTEST, [0; 16], &sealed).unwrap();
    let passphrase = Passphrase::from(code.to_text().as_str());
    let result = SlotKey::open_with_passphrase(&here, &passphrase, &lock);
    assert_eq!(kind(result), ErrorKind::WrongKey);
    assert_eq!(
        kind(PassphraseLock::new(
            Argon2Params::FASTEST,
            [0; 16],
            &sealed[1..]
        )),
        ErrorKind::Malformed
    );
}

#[test]
fn a_key_service_wraps_and_unwraps() {
    /// Not a good one: it adds its number to every byte.
    #[derive(Debug)]
    struct Service(u8);

    impl KeyWrapper for Service {
        fn wrap(&self, key: &SlotKey) -> Result<WrappedKey, Error> {
            let bytes = key.secret().expose().iter().map(|b| b.wrapping_add(self.0));
            WrappedKey::new(format!("service {}", self.0), bytes.collect())
        }
    }

    impl KeyUnwrapper for Service {
        fn unwrap(&self, slot: &WrappedKey) -> Option<Result<SlotKey, Error>> {
            if slot.key_name() != format!("service {}", self.0) {
                return None;
            }
            let bytes = slot.wrapped().iter().map(|b| b.wrapping_sub(self.0));
            let bytes = <[u8; 32]>::try_from(bytes.collect::<Vec<_>>());
            let Ok(bytes) = bytes else {
                return Some(Err(Error::external("not 32 bytes")));
            };
            Some(SlotKey::from_secret(Secret::from_bytes(&bytes)))
        }
    }

    let key = SlotKey::generate(&SeededRandom::new(4)).unwrap();
    let wrapper: &dyn KeyWrapper = &Service(1);
    let wrapped = wrapper.wrap(&key).unwrap();
    let unwrappers: [&dyn KeyUnwrapper; 2] = [&Service(2), &Service(1)];
    let opened = unwrappers
        .iter()
        .find_map(|service| service.unwrap(&wrapped));
    assert_eq!(opened.unwrap().unwrap().public(), key.public());

    let damaged = WrappedKey::new("service 1".to_owned(), vec![1]).unwrap();
    assert_eq!(
        kind(Service(1).unwrap(&damaged).unwrap()),
        ErrorKind::External
    );
    let long = vec![0; WrappedKey::MAX_WRAPPED_LEN + 1];
    assert_eq!(
        kind(WrappedKey::new(String::new(), long)),
        ErrorKind::Params
    );
}

#[test]
fn a_wrapped_session_opens_in_its_place_only() {
    let random = SeededRandom::shared(5);
    let key = EpochKey::generate(&random).unwrap();
    let other = EpochKey::generate(&random).unwrap();
    let repository = RepositoryId::from_bytes([1; 16]);
    let elsewhere = RepositoryId::from_bytes([2; 16]);
    for suite in SUITES {
        let session = Session::start(suite, &random).unwrap();
        let wrapped = session.wrap(&repository, 7, &key).unwrap();
        let unwrap = |repository, epoch, key, wrapped: &[u8]| {
            Session::unwrap(suite, repository, session.id(), epoch, key, wrapped)
        };
        assert_eq!(
            unwrap(&repository, 7, &key, &wrapped).unwrap().id(),
            session.id()
        );
        assert_eq!(
            unwrap(&elsewhere, 7, &key, &wrapped).unwrap_err(),
            OpenError
        );
        assert_eq!(
            unwrap(&repository, 8, &key, &wrapped).unwrap_err(),
            OpenError
        );
        assert_eq!(
            unwrap(&repository, 7, &other, &wrapped).unwrap_err(),
            OpenError
        );
        assert_eq!(
            unwrap(&repository, 7, &key, &wrapped[1..]).unwrap_err(),
            OpenError
        );
        let another = Session::start(suite, &random).unwrap().id();
        let result = Session::unwrap(suite, &repository, another, 7, &key, &wrapped);
        assert_eq!(result.unwrap_err(), OpenError);
        let result = Session::from_secret(suite, Secret::from_bytes(&[0; 32]), another);
        assert_eq!(result.unwrap_err(), OpenError);
    }
}
