//! Somebody who has all keys, without the engine: signs entries, opens headers and reads trees.

use std::sync::Arc;

use bytes::Bytes;
use strongroom_crypt::{
    EpochKey, IdHasher, Passphrase, PassphraseLock, Random, RepositoryId, Roles, Secret,
    SeededRandom, SigningKey, SlotContext, SlotKey, StructureKeys, Suite, open_grant,
    public_bundle_key,
};
use strongroom_format::{
    Body, Config, Entry, EpochState, KeyBundle, ObjectHash, PackHeader, PackTail, Payload,
    Preamble, SignedKeyring, Slot, SlotMethod, Time, object_name, open_header,
};
use strongroom_store::{Key, MemoryStore, Prefix, StoreExt as _};

pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    futures::executor::block_on(future)
}

pub(crate) fn key(name: &str) -> Key {
    Key::parse(name).unwrap()
}

pub(crate) fn names(store: &MemoryStore, folder: &str) -> Vec<Key> {
    let prefix = Prefix::parse(folder).unwrap();
    let listed = wait(store.list_all(&prefix)).unwrap();
    listed.into_iter().map(|meta| meta.key).collect()
}

pub(crate) fn get(store: &MemoryStore, name: &str) -> Bytes {
    wait(store.get_all(&key(name))).unwrap()
}

pub(crate) fn put(store: &MemoryStore, name: &str, bytes: impl Into<Bytes>) {
    wait(store.replace(&key(name), bytes.into())).unwrap();
}

pub(crate) const PASSPHRASE: &str = "correct horse";

/// All keys of a repository.
pub(crate) struct Insider {
    pub(crate) suite: Suite,
    pub(crate) repository: RepositoryId,
    pub(crate) bundle: KeyBundle,
    pub(crate) structure: StructureKeys,
    pub(crate) ids: IdHasher,
    pub(crate) random: Arc<dyn Random>,
}

impl Insider {
    /// Opens the newest keyring with the passphrase of these tests, or with what is public without encryption.
    pub(crate) fn of(store: &MemoryStore) -> Self {
        let config = Config::decode(&get(store, "config")).unwrap();
        let (suite, repository) = (config.suite, config.repository);
        let newest = names(store, "keyring/")
            .into_iter()
            .rfind(|key| !key.as_str().ends_with(".copy"))
            .unwrap();
        let signed = SignedKeyring::decode(&get(store, newest.as_str())).unwrap();
        let generation = signed.keyring.generation;
        let bundle_key = match suite {
            Suite::None => public_bundle_key(&repository),
            _ => granted(store, &signed, suite, repository),
        };
        let sealed = &signed.keyring.bundles[0].1;
        let bundle =
            KeyBundle::open(suite, &bundle_key, &repository, generation, 0, sealed).unwrap();
        Self {
            suite,
            repository,
            structure: StructureKeys::new(suite, &bundle.structure_key),
            ids: IdHasher::new(&bundle.id_key),
            bundle,
            random: SeededRandom::shared(0x1a51de),
        }
    }

    pub(crate) fn random_bytes(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        self.random.fill(&mut bytes).unwrap();
        bytes
    }

    /// Returns the key that may sign this.
    pub(crate) fn signer(&self, body: &Body) -> SigningKey {
        let needed = body.roles_needed();
        let able = |entry: &&strongroom_format::SigningEntry| {
            needed == Roles::NONE || entry.roles.intersects(needed)
        };
        let entry = self.bundle.signing.iter().find(able).unwrap();
        SigningKey::from_seed(entry.seed.duplicate()).unwrap()
    }

    /// Appends an entry, whatever it says, and returns its number.
    pub(crate) fn append(&self, store: &MemoryStore, body: Body) -> u64 {
        let signer = self.signer(&body);
        self.append_as(store, body, &signer)
    }

    pub(crate) fn append_as(&self, store: &MemoryStore, body: Body, signer: &SigningKey) -> u64 {
        let entries = entries(store);
        let previous = get(store, entries.last().unwrap().as_str());
        let n = Preamble::decode(&previous).unwrap().number + 1;
        let time = Time::new(1_750_000_000 + i64::try_from(n).unwrap(), 0);
        let entry = Entry::seal(
            self.suite,
            self.repository,
            n,
            self.random_bytes(),
            ObjectHash::of(&previous),
            &Payload::new(time, body),
            self.structure.journal(),
            &[signer],
        )
        .unwrap();
        wait(store.put_new(&key(&object_name::journal(n)), entry.into())).unwrap();
        n
    }

    /// Returns the payloads of the journal.
    pub(crate) fn payloads(&self, store: &MemoryStore) -> Vec<Payload> {
        let open = |key: &Key| {
            let entry = Entry::decode(&get(store, key.as_str())).unwrap();
            entry.open(self.structure.journal()).unwrap()
        };
        entries(store).iter().map(open).collect()
    }

    /// Opens the header of a pack; with the offset at which it begins.
    pub(crate) fn header(&self, pack: &[u8]) -> (PackHeader, u64) {
        let preamble = Preamble::decode(pack).unwrap();
        let tail = PackTail::decode(pack.last_chunk().unwrap(), pack.len() as u64).unwrap();
        let at = usize::try_from(tail.header_offset).unwrap();
        let sealed = &pack[at..pack.len() - 32];
        let header = open_header(
            self.structure.header(),
            &preamble,
            tail.header_offset,
            sealed,
        );
        (header.unwrap(), tail.header_offset)
    }

    /// Returns the epoch that is open.
    pub(crate) fn open_epoch(&self) -> (u32, EpochKey) {
        let open = |epoch: &&strongroom_format::Epoch| epoch.state == EpochState::Open;
        let epoch = self.bundle.epochs.iter().rfind(open).unwrap();
        (epoch.number, EpochKey::new(epoch.key.duplicate()))
    }
}

/// Names of the entries in the journal, without other objects in that folder.
pub(crate) fn entries(store: &MemoryStore) -> Vec<Key> {
    let mut keys = names(store, "journal/");
    keys.retain(|key| object_name::parse(key.as_str()).is_some() && !key.as_str().contains('.'));
    keys
}

fn granted(
    store: &MemoryStore,
    signed: &SignedKeyring,
    suite: Suite,
    repository: RepositoryId,
) -> Secret {
    for name in names(store, "slot/") {
        let slot = Slot::decode(&get(store, name.as_str())).unwrap();
        let SlotMethod::Passphrase {
            params,
            salt,
            boxed,
        } = &slot.method
        else {
            continue;
        };
        let context = SlotContext::new(suite, repository, slot.id);
        let lock = PassphraseLock::new(*params, *salt, boxed).unwrap();
        let passphrase = Passphrase::from(PASSPHRASE);
        let Ok(opened) = SlotKey::open_with_passphrase(&context, &passphrase, &lock) else {
            continue;
        };
        let info = [
            b"strongroom v1 grant".as_slice(),
            repository.as_bytes(),
            &signed.keyring.generation.to_le_bytes(),
            &[0],
            slot.id.as_bytes(),
        ]
        .concat();
        let mut grants = signed.keyring.grants.iter();
        if let Some(grant) = grants.find(|one| one.slot == slot.id) {
            let (enc, ct) = grant.hpke().unwrap();
            return open_grant(&opened.key, &info, enc, ct).unwrap();
        }
    }
    panic!("no slot opens")
}
