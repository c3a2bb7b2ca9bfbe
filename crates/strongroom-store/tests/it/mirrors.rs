//! Several stores as one: races, members that fail, lag, rot and come back.

mod away;
mod crash;
mod laws;
mod plans;
mod races;
mod rot;

use std::sync::Arc;

use bytes::Bytes;
use futures::executor::block_on;
use strongroom_store::replica::SyncOrder;
use strongroom_store::wrap::{
    Fault, FaultPlan, Faulty, Health, MirrorSettings, Mirrored, ObjectRules, Recording, Rule,
    Wholeness, WritePolicy,
};
use strongroom_store::{ErrorKind, Key, MemoryStore, Store, StoreExt as _};

use crate::{folder, key, names};

/// A pack proves itself by beginning with its name; an entry is whole if it begins with `entry`, and follows the one before.
#[derive(Debug)]
struct Rules;

impl ObjectRules for Rules {
    fn can_check(&self, key: &Key) -> bool {
        key.as_str().starts_with("pack/") || key.as_str().starts_with("journal/")
    }

    fn check(&self, key: &Key, bytes: &Bytes) -> Wholeness {
        match key.as_str().split_once('/') {
            Some(("pack", name)) if bytes.starts_with(name.as_bytes()) => Wholeness::Proven,
            Some(("journal", _)) if bytes.starts_with(b"entry") => Wholeness::Plausible,
            Some(("pack" | "journal", _)) => Wholeness::Broken,
            _ => Wholeness::Unknown,
        }
    }

    fn predecessor(&self, key: &Key) -> Option<Key> {
        let number: u64 = key.as_str().strip_prefix("journal/")?.parse().ok()?;
        Key::parse(&format!("journal/{}", number.checked_sub(1)?)).ok()
    }
}

type Flaky = Faulty<Recording<MemoryStore>>;

/// A mirror, and its members as they can be made to fail.
struct Mirror {
    store: Mirrored,
    members: Vec<Flaky>,
}

impl Mirror {
    fn new(count: usize, policy: WritePolicy) -> Self {
        let member = |_| Faulty::new(Recording::new(MemoryStore::new()), FaultPlan::new());
        let members: Vec<_> = (0..count).map(member).collect();
        let store = handle(&members, policy);
        Self { store, members }
    }

    fn member(&self, number: usize) -> &Flaky {
        self.members.get(number).expect("a member")
    }

    fn put(&self, name: &str, data: &'static str) {
        block_on(self.store.put_new(&key(name), data.into())).expect("it works");
    }

    fn down(&self, member: usize) {
        self.member(member)
            .inject(Rule::new(Fault::FailBefore(ErrorKind::Unavailable)));
    }

    fn up(&self, member: usize) {
        self.member(member).heal();
    }

    fn health(&self, member: usize) -> Health {
        self.store
            .status()
            .members
            .get(member)
            .expect("a member")
            .health
    }

    /// What a member has, beside the mirror and its faults.
    fn names(&self, member: usize) -> Vec<String> {
        names(self.member(member).inner().inner(), "")
    }

    fn bytes(&self, member: usize, name: &str) -> Bytes {
        block_on(self.member(member).inner().inner().get_all(&key(name))).expect("it works")
    }

    fn spoil(&self, member: usize, name: &str) {
        let store = self.member(member).inner().inner();
        block_on(store.replace(&key(name), "rotten".into())).expect("it works");
    }

    fn lose(&self, member: usize, name: &str) {
        block_on(self.member(member).inner().inner().delete(&key(name))).expect("it works");
    }
}

fn handle(members: &[Flaky], policy: WritePolicy) -> Mirrored {
    let mut stores = members
        .iter()
        .map(|member| Arc::new(member.clone()) as Arc<dyn Store>);
    let settings = MirrorSettings::default()
        .with_policy(policy)
        .with_rules(Arc::new(Rules));
    Mirrored::new(stores.next().expect("it works"), stores.collect(), settings)
}

fn order() -> SyncOrder {
    SyncOrder::new()
        .object(key("config"))
        .folder(folder("pack/"))
        .folder(folder("journal/"))
}

/// The names that are put, in order: packs, and the entry that needs them.
fn history() -> Vec<String> {
    let round = |n: usize| {
        [
            format!("pack/{n}x"),
            format!("pack/{n}y"),
            format!("journal/{n}"),
        ]
    };
    (0..5).flat_map(round).collect()
}

fn content(name: &str) -> Bytes {
    match name.split_once('/') {
        Some(("pack", rest)) => Bytes::from(format!("{rest} content")),
        _ => Bytes::from(format!("entry {name}")),
    }
}
