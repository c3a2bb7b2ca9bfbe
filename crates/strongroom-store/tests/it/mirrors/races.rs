//! Several clients at once, and one that does not wait.

use bytes::Bytes;
use futures::executor::block_on;
use futures::future::poll_immediate;
use strongroom_store::wrap::{
    Fault, Faulty, Gate, Health, Mirrored, Operation, Rule, When, WritePolicy,
};
use strongroom_store::{ErrorKind, PutOptions, Store as _, StoreExt as _};

use super::{Mirror, handle};
use crate::key;

#[test]
fn of_clients_that_race_one_wins_on_every_member() {
    let members = Mirror::new(3, WritePolicy::All).members;
    let clients: Vec<_> = (0..4).map(|_| handle(&members, WritePolicy::All)).collect();
    for round in 0..10 {
        let raced = key(&format!("slot/{round}"));
        let won: Vec<_> = std::thread::scope(|scope| {
            let race = |(number, client): (usize, &Mirrored)| {
                let (client, raced) = (client.clone(), raced.clone());
                scope.spawn(move || {
                    let data = Bytes::from(format!("client {number}"));
                    block_on(client.put_new(&raced, data.clone())).map(|()| data)
                })
            };
            let racers: Vec<_> = clients.iter().enumerate().map(race).collect();
            racers
                .into_iter()
                .filter_map(|racer| racer.join().unwrap().ok())
                .collect()
        });
        let [winner] = won.as_slice() else {
            panic!("{won:?}");
        };
        for member in &members {
            let there = block_on(member.inner().inner().get_all(&raced)).unwrap();
            assert_eq!(there, winner);
        }
    }
}

#[test]
fn many_writers_and_a_flaky_follower_end_alike() {
    let mirror = Mirror::new(3, WritePolicy::AtLeast(1));
    for (member, fault) in [
        (1, Fault::FailBefore(ErrorKind::Unavailable)),
        (2, Fault::FailAfter(ErrorKind::Other)),
    ] {
        mirror.members[member].inject(Rule::new(fault).with_when(When::OneIn(4)));
    }
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let store = mirror.store.clone();
            scope.spawn(move || {
                for n in 0..60 {
                    let name = key(&format!("pack/{writer}-{n}"));
                    let data = Bytes::from(format!("{writer}-{n} first"));
                    block_on(store.put_new(&name, data)).unwrap();
                    if n % 3 == 0 {
                        let data = Bytes::from(format!("{writer}-{n} second"));
                        block_on(store.replace(&name, data)).unwrap();
                    }
                    // It is held back as long as somebody lags.
                    if n % 5 == 0 && block_on(store.delete(&name)).is_ok() {
                        let gone = block_on(store.get_all(&name)).unwrap_err();
                        assert_eq!(gone.kind(), ErrorKind::NotFound);
                    }
                }
            });
        }
    });
    mirror.members.iter().for_each(Faulty::heal);
    let status = block_on(mirror.store.catch_up());
    assert!(status.is_healthy(), "{status}");
    for name in mirror.names(0) {
        assert_eq!(mirror.bytes(1, &name), mirror.bytes(0, &name), "{name}");
        assert_eq!(mirror.bytes(2, &name), mirror.bytes(0, &name), "{name}");
    }
    assert_eq!(mirror.names(1), mirror.names(0));
    assert_eq!(mirror.names(2), mirror.names(0));
}

#[test]
fn a_put_that_nobody_waited_for_is_given_later() {
    let mirror = Mirror::new(2, WritePolicy::All);
    let pause = Rule::new(Fault::PauseBefore(Gate::new())).with_operation(Operation::Put);
    mirror.members[1].inject(pause);
    let (name, options) = (key("pack/a"), PutOptions::default());
    let mut put = mirror.store.put(&name, "a".into(), options);
    block_on(async { assert!(poll_immediate(&mut put).await.is_none()) });
    drop(put);
    assert_eq!((mirror.names(0).len(), mirror.names(1).len()), (1, 0));
    assert_eq!(mirror.health(1), Health::Lagging);
    mirror.up(1);
    assert!(block_on(mirror.store.catch_up()).is_healthy());
    assert_eq!(mirror.names(1), ["pack/a"]);
}
