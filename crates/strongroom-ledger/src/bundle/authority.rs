//! Who may sign what, as the journal itself says (`docs/format.md`, §8.2 and §8.4).

use std::collections::BTreeMap;

use strongroom_crypt::Roles;
use strongroom_format::{Body, Bridge, Certificate, Entry, Genesis, Keys, Payload};

/// What an entry counts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Standing {
    /// It has effect.
    InForce,
    /// Somebody who may do that signed it. Whether it has effect depends on what else was in the repository.
    Signed,
    /// It stands in the journal and has no effect.
    Void(&'static str),
    /// Its signatures hold. Whether who signed may do that is not known: the entry is sealed, or earlier ones are.
    Unjudged,
    /// There is only a hash.
    Absent,
}

/// The certificates in force after some entries, of which none was left out.
#[derive(Debug, Default)]
pub(super) struct Authority {
    certificates: BTreeMap<([u8; 32], u8), Certificate>,
    only_writer: Option<[u8; 32]>,
}

impl Authority {
    /// Judges the next entry, which was opened, and takes up what it changes.
    pub(super) fn judge(&mut self, entry: &Entry, payload: &Payload) -> Standing {
        let signers: Vec<[u8; 32]> = entry.signatures.iter().map(|one| one.public).collect();
        match self.void_reason(entry, &payload.body, &signers) {
            Some(reason) => Standing::Void(reason),
            None => {
                self.take_effect(&payload.body);
                standing_of(&payload.body)
            }
        }
    }

    /// Returns the names that a key has in its certificates.
    pub(super) fn labels(&self, key: &[u8; 32]) -> impl Iterator<Item = &str> {
        let labels = self.of_key(key).map(|one| one.label.as_str());
        labels.filter(|label| !label.is_empty())
    }

    fn of_key(&self, key: &[u8; 32]) -> impl Iterator<Item = &Certificate> {
        let range = (*key, u8::MIN)..=(*key, u8::MAX);
        self.certificates
            .range(range)
            .map(|(_, certificate)| certificate)
    }

    fn void_reason(
        &self,
        entry: &Entry,
        body: &Body,
        signers: &[[u8; 32]],
    ) -> Option<&'static str> {
        if entry.n == 0 {
            return match body {
                Body::Genesis(genesis) if !signers.contains(&genesis.admin) => {
                    Some("Genesis is not signed by the admin that it names")
                }
                Body::Genesis(genesis) if genesis.config != entry.previous => {
                    Some("Genesis names another config")
                }
                Body::Genesis(_) => None,
                _ => Some("the first entry is not Genesis"),
            };
        }
        let needed = match body {
            Body::Unknown { .. } => Roles::from_bits(u8::MAX),
            known => known.roles_needed(),
        };
        let may = |key: &[u8; 32]| self.of_key(key).any(|one| one.roles.intersects(needed));
        match body {
            Body::Genesis(_) => Some("a second Genesis"),
            _ if !signers.iter().any(may) => Some("no signer is certified for what it does"),
            Body::Takeover(_) if self.only_writer.is_none() => {
                Some("a takeover outside single-writer mode")
            }
            _ if self.lacks_only_writer(body, signers) => {
                Some("in single-writer mode its signer is not the only writer")
            }
            _ => None,
        }
    }

    fn lacks_only_writer(&self, body: &Body, signers: &[[u8; 32]]) -> bool {
        let is_admins = body.roles_needed() == Roles::ADMIN;
        self.only_writer
            .is_some_and(|only| !is_admins && !signers.contains(&only))
    }

    fn take_effect(&mut self, body: &Body) {
        match body {
            Body::Genesis(genesis) => self.begin(genesis),
            Body::Keys(keys) => self.change(keys),
            Body::Takeover(takeover) => self.only_writer = Some(takeover.only_writer),
            Body::Bridge(bridge) => self.bridge(bridge),
            _ => {}
        }
    }

    fn begin(&mut self, genesis: &Genesis) {
        self.certify(&Certificate {
            roles: Roles::ADMIN,
            public: genesis.admin,
            label: String::new(),
            not_after: 0,
        });
        genesis
            .certificates
            .iter()
            .for_each(|one| self.certify(one));
        self.only_writer = genesis.only_writer;
    }

    fn change(&mut self, keys: &Keys) {
        self.certificates
            .retain(|(public, _), _| !keys.ended.contains(public));
        keys.certificates.iter().for_each(|one| self.certify(one));
    }

    fn bridge(&mut self, bridge: &Bridge) {
        for effect in &bridge.effects {
            match effect {
                Body::Takeover(_) if self.only_writer.is_none() => {}
                effect => self.take_effect(effect),
            }
        }
    }

    fn certify(&mut self, certificate: &Certificate) {
        let key = (certificate.public, certificate.roles.bits());
        self.certificates.insert(key, certificate.clone());
    }
}

/// What may still make an entry void is what else is in the repository, and for most types nothing does.
const fn standing_of(body: &Body) -> Standing {
    match body {
        Body::Commit(_)
        | Body::Packs(_)
        | Body::Tombstone(_)
        | Body::Index(_)
        | Body::Forget(_) => Standing::Signed,
        _ => Standing::InForce,
    }
}
