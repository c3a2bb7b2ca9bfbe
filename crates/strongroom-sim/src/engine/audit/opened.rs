//! The keys of a repository, from its objects and a credential.

use std::sync::Arc;

use strongroom_crypt::{
    PassphraseLock, Random, RepositoryId, SigningKey, SlotContext, SlotId, SlotKey, StructureKeys,
    Suite, open_grant, public_bundle_key,
};
use strongroom_format::{
    Config, Grant, KeyBundle, Keyring, ObjectHash, SignedKeyring, Slot, SlotMethod, object_name,
};
use strongroom_repo::Credential;

use super::{Broken, Objects};

/// What everything else is read with.
#[derive(Debug)]
pub(in crate::engine) struct Opened {
    pub(in crate::engine) suite: Suite,
    pub(in crate::engine) repository: RepositoryId,
    pub(super) config: ObjectHash,
    pub(in crate::engine) structure: StructureKeys,
    pub(super) genesis: ObjectHash,
    /// Keys that sign entries, of every role.
    pub(in crate::engine) signers: Vec<SigningKey>,
}

const PROPERTY: &str = "the repository opens";

impl Opened {
    pub(super) fn open(
        objects: &Objects,
        credential: &Credential,
        random: &Arc<dyn Random>,
    ) -> Result<Self, Broken> {
        let broken = |what: &str| (PROPERTY, what.to_owned());
        let bytes = objects.get("config").ok_or_else(|| broken("no config"))?;
        let config = Config::decode(bytes).map_err(|error| (PROPERTY, error.to_string()))?;
        let names = objects.keys().rev();
        let mut keyrings = names.filter(|name| name.starts_with("keyring/"));
        let bundle = keyrings.find_map(|name| {
            let signed = SignedKeyring::decode(objects.get(name)?).ok()?;
            open_bundle(objects, &config, &signed.keyring, credential)
        });
        let bundle = bundle.ok_or_else(|| broken("no keyring opens"))?;
        let seeds = bundle.signing.iter();
        let signers = seeds.map(|entry| SigningKey::from_seed(entry.seed.duplicate()));
        Ok(Self {
            suite: config.suite,
            repository: config.repository,
            config: ObjectHash::of(bytes),
            structure: StructureKeys::with_random(config.suite, &bundle.structure_key, random),
            genesis: bundle.genesis,
            signers: signers.filter_map(Result::ok).collect(),
        })
    }
}

fn open_bundle(
    objects: &Objects,
    config: &Config,
    keyring: &Keyring,
    credential: &Credential,
) -> Option<KeyBundle> {
    let (suite, repository) = (config.suite, &config.repository);
    let key = match suite {
        Suite::None => public_bundle_key(repository),
        _ => keyring.grants.iter().find_map(|grant| {
            let slot = slot_key(objects, config, grant.slot, credential)?;
            let (enc, ct) = grant.hpke()?;
            let info = grant_info(repository, keyring.generation, grant);
            open_grant(&slot, &info, enc, ct).ok()
        })?,
    };
    let (role, sealed) = keyring.bundles.first()?;
    KeyBundle::open(suite, &key, repository, keyring.generation, *role, sealed).ok()
}

fn slot_key(
    objects: &Objects,
    config: &Config,
    id: SlotId,
    credential: &Credential,
) -> Option<SlotKey> {
    let Credential::Passphrase(passphrase) = credential else {
        return None;
    };
    let slot = Slot::decode(objects.get(&object_name::slot(id))?).ok()?;
    let SlotMethod::Passphrase {
        params,
        salt,
        boxed,
    } = &slot.method
    else {
        return None;
    };
    let lock = PassphraseLock::new(*params, *salt, boxed).ok()?;
    let context = SlotContext::new(config.suite, config.repository, id);
    let opened = SlotKey::open_with_passphrase(&context, passphrase, &lock);
    opened.ok().map(|opened| opened.key)
}

fn grant_info(repository: &RepositoryId, generation: u64, grant: &Grant) -> Vec<u8> {
    let mut info = b"strongroom v1 grant".to_vec();
    info.extend_from_slice(repository.as_bytes());
    info.extend_from_slice(&generation.to_le_bytes());
    info.push(grant.role);
    info.extend_from_slice(grant.slot.as_bytes());
    info
}
