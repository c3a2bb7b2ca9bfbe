//! A journal as several people write it.

use strongroom_crypt::{
    BoxSealer, RepositoryId, Roles, Sealer as _, Secret, SeededRandom, SigningKey, Suite, derive,
};
use strongroom_format::{
    AuditKeys, Body, Bridge, Certificate, ContentKeys, Entry, Evidence, Genesis, Keys, ObjectHash,
    Payload, Policy, Time, UnknownSecrets, entry_head, evidence_aad,
};

use super::About;
use crate::testing::ORIGIN;

pub(super) const POLICY: &[u8] = b"name = \"example\"\n";

/// The entries, and what it takes to write more.
pub(super) struct Journal {
    pub(super) objects: Vec<Vec<u8>>,
    pub(super) repository: RepositoryId,
    previous: ObjectHash,
    structure_key: Secret,
    epoch_key: Secret,
}

fn signing(seed: u8) -> SigningKey {
    SigningKey::from_seed(Secret::from_bytes(&[seed; 32])).unwrap()
}

const ADMIN: u8 = 10;
const WRITER: u8 = 11;
const AUDITOR: u8 = 12;
const STRANGER: u8 = 13;

impl Journal {
    const SUITE: Suite = Suite::Aes256Gcm;

    /// Genesis; evidence of the writer; certificate of an auditor; a policy; evidence of the auditor with a sensitive part; evidence of a stranger.
    pub(super) fn new() -> Self {
        let mut journal = Self {
            objects: Vec::new(),
            repository: RepositoryId::from_bytes([5; 16]),
            previous: ObjectHash::of(b"config"),
            structure_key: Secret::from_bytes(&[6; 32]),
            epoch_key: Secret::from_bytes(&[7; 32]),
        };
        journal.push(ADMIN, journal.genesis());
        journal.push(WRITER, evidence("run"));
        journal.push(ADMIN, certify(AUDITOR, Roles::AUDITOR, "auditor"));
        journal.push(ADMIN, policy());
        journal.push(AUDITOR, journal.sensitive());
        journal.push(STRANGER, evidence("fake"));
        journal.push(WRITER, evidence("run"));
        journal
    }

    fn genesis(&self) -> Body {
        Body::Genesis(Genesis {
            admin: *signing(ADMIN).public().as_bytes(),
            config: self.previous,
            certificates: vec![certificate(WRITER, Roles::WRITER, "laptop")],
            single_writer: false,
            only_writer: None,
            probed: true,
            probe: None,
            unknown: Default::default(),
        })
    }

    fn sensitive(&self) -> Body {
        let n = self.objects.len() as u64;
        let head = entry_head(
            Self::SUITE,
            self.repository,
            n,
            [u8::try_from(n).unwrap(); 16],
            &self.previous,
        );
        let sealer =
            BoxSealer::with_random(Self::SUITE, &self.evidence_key(), &SeededRandom::shared(99));
        let mut sealed = Vec::new();
        sealer
            .seal(
                &evidence_aad(&self.repository, &head),
                b"Ada Lovelace",
                &mut sealed,
            )
            .unwrap();
        Body::Evidence(Evidence {
            sensitive: Some((1, sealed)),
            ..record("verified")
        })
    }

    /// Seals the next entry.
    pub(super) fn seal(&self, n: u64, previous: ObjectHash, author: u8, body: Body) -> Vec<u8> {
        let sealer = BoxSealer::with_random(
            Self::SUITE,
            &self.journal_key(),
            &SeededRandom::shared(n + 1),
        );
        let seconds = 1_800_000_000 + i64::try_from(n).unwrap();
        let mut payload = Payload::new(Time::new(seconds, 0), body);
        payload.must_understand = matches!(payload.body, Body::Bridge(_));
        Entry::seal(
            Self::SUITE,
            self.repository,
            n,
            [u8::try_from(n).unwrap(); 16],
            previous,
            &payload,
            &sealer,
            &[&signing(author)],
        )
        .unwrap()
    }

    pub(super) fn push(&mut self, author: u8, body: Body) {
        let object = self.seal(self.objects.len() as u64, self.previous, author, body);
        self.previous = ObjectHash::of(&object);
        self.objects.push(object);
    }

    pub(super) fn push_evidence(&mut self) {
        self.push(WRITER, evidence("later"));
    }

    /// A Bridge in the place of entry `n`.
    pub(super) fn bridge(&self, n: u64, author: u8) -> Vec<u8> {
        let place = usize::try_from(n).unwrap();
        let body = Body::Bridge(Box::new(Bridge {
            stated: Some(ObjectHash::of(&self.objects[place])),
            effects: Vec::new(),
            confirmed: Vec::new(),
            reason: "lost".to_owned(),
            unknown: Default::default(),
        }));
        self.seal(n, ObjectHash::of(&self.objects[place - 1]), author, body)
    }

    fn journal_key(&self) -> Secret {
        derive(&self.structure_key, "journal")
    }

    fn evidence_key(&self) -> Secret {
        derive(&self.epoch_key, "evidence")
    }

    pub(super) fn audit_keys(&self) -> AuditKeys {
        AuditKeys {
            repository: self.repository,
            suite: Self::SUITE,
            genesis: ObjectHash::of(&self.objects[0]),
            structure_key: self.structure_key.duplicate(),
            content: Some(ContentKeys {
                id_key: Secret::from_bytes(&[8; 32]),
                epochs: vec![(1, self.epoch_key.duplicate())],
            }),
            unknown: UnknownSecrets::default(),
        }
    }

    pub(super) fn about(&self) -> About {
        About {
            origin: ORIGIN.to_owned(),
            repository: self.repository,
            suite: Self::SUITE,
            made: 1_800_000_100,
            tool: "test 1.0".to_owned(),
        }
    }
}

fn record(kind: &str) -> Evidence {
    Evidence {
        kind: kind.to_owned(),
        schema: 1,
        record: vec![0xA0],
        ..Evidence::default()
    }
}

fn evidence(kind: &str) -> Body {
    Body::Evidence(record(kind))
}

fn certificate(seed: u8, roles: Roles, label: &str) -> Certificate {
    Certificate {
        roles,
        public: *signing(seed).public().as_bytes(),
        label: label.to_owned(),
        not_after: 0,
    }
}

fn certify(seed: u8, roles: Roles, label: &str) -> Body {
    Body::Keys(Keys {
        certificates: vec![certificate(seed, roles, label)],
        ..Keys::default()
    })
}

/// Ends the writer's certificate.
pub(super) fn end_writer() -> (u8, Body) {
    let ended = vec![*signing(WRITER).public().as_bytes()];
    (
        ADMIN,
        Body::Keys(Keys {
            ended,
            ..Keys::default()
        }),
    )
}

fn policy() -> Body {
    Body::Policy(Policy {
        hash: ObjectHash::of(POLICY),
        media_type: "application/toml".to_owned(),
        ..Policy::default()
    })
}
