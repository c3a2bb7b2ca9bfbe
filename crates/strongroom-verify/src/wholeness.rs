//! Whether an object is whole and in its place (`docs/format.md`, §2): L1, without any key.

use strongroom_crypt::{RepositoryId, Suite};
use strongroom_format::object_name::ObjectName;
use strongroom_format::parity::Parity;
use strongroom_format::{
    Beacon, Config, DecodeError, DecodeErrorKind, Entry, ObjectHash, ObjectKind, Preamble,
    SealedCheckpoint, SignedKeyring, Slot, decode_bundle, limits,
};

use crate::{Finding, Level, Problem, Severity, Subject};

/// What all objects of a repository have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) repository: RepositoryId,
    pub(crate) suite: Suite,
}

/// What is wrong with an object, seen for itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Flaw {
    pub(crate) problem: Problem,
    pub(crate) severity: Severity,
    pub(crate) detail: String,
}

impl Flaw {
    pub(crate) fn new(problem: Problem, severity: Severity, detail: impl Into<String>) -> Self {
        Self {
            problem,
            severity,
            detail: detail.into(),
        }
    }

    /// Whether it is damage, and not something of a newer version.
    pub(crate) fn is_damage(&self) -> bool {
        self.severity >= Severity::Damage
    }

    pub(crate) fn with_severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    /// Makes the finding that an object has it.
    pub(crate) fn of(self, name: ObjectName, level: Level) -> Finding {
        let Self {
            problem,
            severity,
            detail,
        } = self;
        Finding::new(severity, Subject::Object(name), problem, level).with_detail(detail)
    }
}

/// Checks that an object is whole, of this repository, and what its name says; returns its preamble.
///
/// What is inside is left to [`judge_body`].
pub(crate) fn judge(name: &ObjectName, bytes: &[u8], place: &Place) -> Result<Preamble, Flaw> {
    if bytes.len() > limit(name) {
        let detail = format!("{} bytes, above the limit", bytes.len());
        return Err(damage(name, Problem::Malformed, detail));
    }
    judge_wholeness(name, bytes)?;
    let preamble = Preamble::decode(bytes).map_err(|error| of_error(name, error))?;
    judge_place(name, &preamble, place)?;
    Ok(preamble)
}

/// Checks what can be read of an object without a key.
pub(crate) fn judge_body(name: &ObjectName, bytes: &[u8]) -> Result<(), Flaw> {
    let result = match name {
        ObjectName::Config | ObjectName::ConfigCopy => Config::decode(bytes).map(drop),
        ObjectName::Slot(_) => Slot::decode(bytes).map(drop),
        ObjectName::Keyring(_) | ObjectName::KeyringCopy(_) => {
            SignedKeyring::decode(bytes).map(drop)
        }
        ObjectName::Journal(_) | ObjectName::JournalCopy(_) => Entry::decode(bytes).map(drop),
        ObjectName::Bundle(_) => decode_bundle(bytes).map(drop),
        ObjectName::Checkpoint(_) => SealedCheckpoint::decode(bytes).map(drop),
        ObjectName::Session(_) => Beacon::decode(bytes).map(drop),
        ObjectName::Parity(_) => Parity::decode(bytes).map(drop),
        _ => Ok(()),
    };
    result.map_err(|error| of_error(name, error))
}

/// Makes the flaw of an object that does not decode.
pub(crate) fn of_error(name: &ObjectName, error: DecodeError) -> Flaw {
    match error.kind() {
        DecodeErrorKind::Unsupported => {
            Flaw::new(Problem::NewerVersion, Severity::Note, error.to_string())
        }
        DecodeErrorKind::Damaged => damage(name, Problem::NotWhole, error.to_string()),
        _ => damage(name, Problem::Malformed, error.to_string()),
    }
}

/// The flaw of an object that is not as it was written.
pub(crate) fn damage(name: &ObjectName, problem: Problem, detail: impl Into<String>) -> Flaw {
    Flaw::new(problem, severity_of(name), detail)
}

/// How bad it is that an object is damaged, as long as nothing more is known.
pub(crate) const fn severity_of(name: &ObjectName) -> Severity {
    match name {
        // Nothing depends on a beacon, and parity can be made again.
        ObjectName::Session(_) | ObjectName::Parity(_) => Severity::Waste,
        _ => Severity::Damage,
    }
}

fn judge_wholeness(name: &ObjectName, bytes: &[u8]) -> Result<(), Flaw> {
    match name {
        ObjectName::Pack(hash) | ObjectName::Index(hash) => {
            let found = ObjectHash::of(bytes);
            if found == *hash {
                return Ok(());
            }
            let detail = format!("hash {found} of {} bytes", bytes.len());
            Err(damage(name, Problem::HashDiffers, detail))
        }
        // What follows its preamble is its own decoder's to check.
        ObjectName::Parity(_) => Ok(()),
        _ => judge_seal(name, bytes),
    }
}

fn judge_seal(name: &ObjectName, bytes: &[u8]) -> Result<(), Flaw> {
    let not_whole = || damage(name, Problem::NotWhole, format!("{} bytes", bytes.len()));
    let (body, seal) = bytes.split_last_chunk::<32>().ok_or_else(not_whole)?;
    if ObjectHash::of(body).as_bytes() == seal {
        return Ok(());
    }
    let of_another_major = Preamble::decode(bytes)
        .is_err_and(|error| error.kind() == DecodeErrorKind::Unsupported)
        && bytes.get(8..10) != Some(&MAJOR);
    if of_another_major && !is_sealed_with_our_version(body, seal) {
        let detail = "of another major version";
        return Err(Flaw::new(Problem::NewerVersion, Severity::Note, detail));
    }
    Err(not_whole())
}

/// Whether the seal is right but for the version: then the version is what was damaged.
fn is_sealed_with_our_version(body: &[u8], seal: &[u8; 32]) -> bool {
    let mut body = body.to_vec();
    if let Some(version) = body.get_mut(8..10) {
        version.copy_from_slice(&MAJOR);
    }
    ObjectHash::of(&body).as_bytes() == seal
}

fn judge_place(name: &ObjectName, preamble: &Preamble, place: &Place) -> Result<(), Flaw> {
    let wrong = |what: String| Err(damage(name, Problem::WrongPlace, what));
    if Some(preamble.kind) != kind_of(name) {
        return wrong(format!("another kind of object: {:?}", preamble.kind));
    }
    if preamble.repository != place.repository {
        return wrong(format!("of repository {}", preamble.repository));
    }
    if preamble.suite != place.suite {
        return wrong(format!("of suite {}", preamble.suite));
    }
    if let Some(number) = number_of(name)
        && preamble.number != number
    {
        return wrong(format!("number {}", preamble.number));
    }
    if let ObjectName::Slot(id) = name
        && preamble.random != *id.as_bytes()
    {
        return wrong("another slot".to_owned());
    }
    Ok(())
}

const fn kind_of(name: &ObjectName) -> Option<ObjectKind> {
    Some(match name {
        ObjectName::Config | ObjectName::ConfigCopy => ObjectKind::Config,
        ObjectName::Slot(_) => ObjectKind::Slot,
        ObjectName::Keyring(_) | ObjectName::KeyringCopy(_) => ObjectKind::Keyring,
        ObjectName::Journal(_) | ObjectName::JournalCopy(_) => ObjectKind::Journal,
        ObjectName::Bundle(_) => ObjectKind::Bundle,
        ObjectName::Checkpoint(_) => ObjectKind::Checkpoint,
        ObjectName::Pack(_) => ObjectKind::Pack,
        ObjectName::Index(_) => ObjectKind::Index,
        ObjectName::Parity(_) => ObjectKind::Parity,
        ObjectName::Session(_) => ObjectKind::Session,
        _ => return None,
    })
}

const fn number_of(name: &ObjectName) -> Option<u64> {
    match name {
        ObjectName::Keyring(n)
        | ObjectName::KeyringCopy(n)
        | ObjectName::Journal(n)
        | ObjectName::JournalCopy(n)
        | ObjectName::Bundle(n)
        | ObjectName::Checkpoint(n) => Some(*n),
        _ => None,
    }
}

const fn limit(name: &ObjectName) -> usize {
    match name {
        ObjectName::Config | ObjectName::ConfigCopy | ObjectName::Slot(_) => {
            limits::MAX_CONFIG_BYTES
        }
        ObjectName::Keyring(_) | ObjectName::KeyringCopy(_) => limits::MAX_KEYRING_BYTES,
        ObjectName::Journal(_) | ObjectName::JournalCopy(_) => limits::MAX_ENTRY_BYTES,
        ObjectName::Session(_) => limits::MAX_BEACON_BYTES,
        _ => limits::MAX_OBJECT_BYTES,
    }
}

const MAJOR: [u8; 2] = [1, 0];

#[cfg(test)]
mod tests {
    use strongroom_format::Time;

    use super::*;

    const PLACE: Place = Place {
        repository: RepositoryId::from_bytes([7; 16]),
        suite: Suite::Aes256Gcm,
    };

    fn config() -> Vec<u8> {
        let config = Config::new(PLACE.repository, PLACE.suite, Time::default());
        config.encode([1; 16]).unwrap()
    }

    fn problem(name: &ObjectName, bytes: &[u8]) -> Option<Problem> {
        let judged = judge(name, bytes, &PLACE).and_then(|_| judge_body(name, bytes));
        judged.err().map(|flaw| flaw.problem)
    }

    fn sealed(mut body: Vec<u8>) -> Vec<u8> {
        let seal = ObjectHash::of(&body);
        body.extend_from_slice(seal.as_bytes());
        body
    }

    #[test]
    fn every_flipped_bit_and_every_truncation_is_damage() {
        let whole = config();
        assert_eq!(problem(&ObjectName::Config, &whole), None);
        for bit in 0..whole.len() * 8 {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let flaw = judge(&ObjectName::Config, &bytes, &PLACE).unwrap_err();
            assert!(flaw.is_damage(), "bit {bit}: {flaw:?}");
        }
        for len in 0..whole.len() {
            assert_eq!(
                problem(&ObjectName::Config, &whole[..len]),
                Some(Problem::NotWhole),
                "{len} bytes"
            );
        }
    }

    #[test]
    fn a_newer_version_is_not_damage() {
        let mut body = config();
        body.truncate(body.len() - 32);
        body[8] = 2;
        let flaw = judge(&ObjectName::Config, &sealed(body.clone()), &PLACE).unwrap_err();
        assert_eq!(flaw.problem, Problem::NewerVersion);
        assert!(!flaw.is_damage());
        // It may end otherwise than we know.
        body.extend_from_slice(b"another kind of end of more than 32 bytes");
        assert_eq!(
            problem(&ObjectName::Config, &body),
            Some(Problem::NewerVersion)
        );
        let mut body = config();
        body.truncate(body.len() - 32);
        body[60] = 1;
        assert_eq!(
            problem(&ObjectName::Config, &sealed(body)),
            Some(Problem::NewerVersion)
        );
    }

    #[test]
    fn an_object_of_another_place_is_told() {
        let elsewhere = Config::new(
            RepositoryId::from_bytes([8; 16]),
            PLACE.suite,
            Time::default(),
        );
        let of_suite = Config::new(PLACE.repository, Suite::None, Time::default());
        for config in [elsewhere, of_suite] {
            let bytes = config.encode([1; 16]).unwrap();
            assert_eq!(
                problem(&ObjectName::Config, &bytes),
                Some(Problem::WrongPlace)
            );
        }
        assert_eq!(
            problem(&ObjectName::Journal(0), &config()),
            Some(Problem::WrongPlace)
        );
        let hash = ObjectHash::of(&config());
        assert_eq!(
            problem(&ObjectName::Pack(hash), &config()),
            Some(Problem::WrongPlace)
        );
        assert_eq!(
            problem(&ObjectName::Pack(ObjectHash::default()), &config()),
            Some(Problem::HashDiffers)
        );
    }
}
