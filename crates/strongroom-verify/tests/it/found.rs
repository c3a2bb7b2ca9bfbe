//! Every damage is found, at the level that is named here, about the right object, and as bad as it is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use strongroom_crypt::Suite;
use strongroom_format::{AuditKeys, ObjectHash, object_name};
use strongroom_repo::AuditScope;
use strongroom_store::{Key, MemoryStore};
use strongroom_verify::testing::{Damage, Harm};
use strongroom_verify::{Auditor, CheckOptions, Finding, Level, Report, Severity, Subject};

use crate::insider::{entries, get, names, wait};
use crate::lab::{Lab, Price, folder};
use crate::matrix::chosen;

/// What an auditor of these tests has.
pub(crate) struct Bench {
    pub(crate) lab: Lab,
    pub(crate) keys: AuditKeys,
    head: strongroom_verify::Head,
    /// What is found without any damage: notes.
    usual: BTreeSet<String>,
}

impl Bench {
    pub(crate) fn new(lab: Lab) -> Self {
        let repository = lab.open(&lab.museum.store).unwrap();
        let keys = repository.audit_keys(AuditScope::Content).unwrap();
        let store = &lab.museum.store;
        let newest = entries(store).pop().unwrap();
        let n = entries(store).len() as u64 - 1;
        let hash = ObjectHash::of(&get(store, newest.as_str()));
        let head = strongroom_verify::Head { n, hash };
        let mut bench = Self {
            lab,
            keys,
            head,
            usual: BTreeSet::new(),
        };
        let report = bench.check(&bench.lab.museum.store, true, Level::Rebuilt);
        bench.usual = report.findings().iter().map(ToString::to_string).collect();
        let loud = report
            .findings()
            .iter()
            .find(|one| one.severity > Severity::Note);
        assert!(loud.is_none(), "nothing is damaged: {report}");
        bench
    }

    pub(crate) fn check(&self, store: &Arc<MemoryStore>, with_keys: bool, level: Level) -> Report {
        let auditor = Auditor::new(store.clone())
            .with_threads(0)
            .with_pin(self.lab.museum.pin);
        let auditor = match with_keys {
            true => auditor.with_keys(copied(&self.keys)),
            false => auditor,
        };
        let options = CheckOptions::new(strongroom_format::Time::new(1_790_000_000, 0));
        let options = options.with_level(level).with_known_head(self.head);
        wait(auditor.check(options, Arc::new(()))).unwrap()
    }

    /// Returns what was found that is not usual.
    pub(crate) fn news<'a>(&self, report: &'a Report) -> Vec<&'a Finding> {
        let is_new = |one: &&Finding| !self.usual.contains(&one.to_string());
        report.findings().iter().filter(is_new).collect()
    }

    /// Says at which level a damage was found, or what is wrong with what was said of it.
    fn judge(&self, damage: &Damage) -> Result<(Option<Level>, Option<Level>), String> {
        let store = self.lab.damaged(damage);
        let keyless = self.check(&store, false, Level::Hashed);
        let full = self.check(&store, true, Level::Rebuilt);
        let level = |report: &Report| {
            let news = self.news(report);
            let about = news.iter().filter(|one| is_about(one, damage));
            about.map(|one| one.level).min()
        };
        let (without, with) = (level(&keyless), level(&full));
        let demanded = demanded(damage, &self.newest(), &self.newest_keyring());
        if let Some(most) = demanded {
            match with {
                None => {
                    return Err(format!(
                        "not found; said of others: {:?}",
                        self.summary(&full)
                    ));
                }
                Some(level) if level > most => return Err(format!("found at {level} only")),
                Some(_) => {}
            }
            if most <= Level::Hashed && without.is_none() {
                return Err(format!(
                    "not found without keys: {:?}",
                    self.summary(&keyless)
                ));
            }
        }
        self.judge_severity(damage, &full)?;
        Ok((without, with))
    }

    /// A loss is said exactly where something is lost.
    fn judge_severity(&self, damage: &Damage, report: &Report) -> Result<(), String> {
        let Price::Exactly(costs) = self.lab.price(damage) else {
            return Ok(());
        };
        let is_lost = costs.values().any(|paths| !paths.is_empty());
        let is_said = report.worst() == Some(Severity::Loss);
        match (is_lost, is_said) {
            (true, false) => Err(format!("files are lost, and it says {:?}", report.worst())),
            (false, true) => Err(format!(
                "nothing is lost, and it says {:?}",
                self.summary(report)
            )),
            _ => Ok(()),
        }
    }

    fn newest_keyring(&self) -> Vec<Key> {
        let keyrings = names(&self.lab.museum.store, "keyring/");
        keyrings.into_iter().rev().take(2).collect()
    }

    fn newest(&self) -> Key {
        entries(&self.lab.museum.store).pop().unwrap()
    }

    pub(crate) fn summary(&self, report: &Report) -> Vec<String> {
        let news = self.news(report);
        news.iter()
            .take(3)
            .map(|one| one.to_string().chars().take(160).collect())
            .collect()
    }
}

/// Keys are handed over, never copied; these tests hand over the same ones often.
pub(crate) fn copied(keys: &AuditKeys) -> AuditKeys {
    AuditKeys::decode(&keys.encode([3; 16]).unwrap()).unwrap()
}

/// Says whether a finding names what was damaged.
fn is_about(finding: &Finding, damage: &Damage) -> bool {
    let objects: BTreeSet<String> = damage
        .objects()
        .iter()
        .map(|key| key.as_str().to_owned())
        .collect();
    match &finding.subject {
        Subject::Object(name) => objects.contains(&name.to_string()),
        Subject::Frame { pack, .. } => objects.contains(&object_name::pack(pack)),
        // A store that went back is about none of its objects.
        Subject::Repository => {
            folder(&damage.object) == "journal" || matches!(damage.harm, Harm::FolderDeleted(..))
        }
        _ => false,
    }
}

/// Returns the level at which a damage is to be found at the latest; those up to L1 without any key. `None`: it may be lost without a word.
fn demanded(damage: &Damage, newest: &Key, newest_keyring: &[Key]) -> Option<Level> {
    let is_gone = matches!(damage.harm, Harm::Deleted | Harm::FolderDeleted(..));
    match (folder(&damage.object), is_gone) {
        // They may be absent: caches and signs of life.
        ("checkpoint" | "session" | "parity", true) => None,
        // An older generation may be deleted.
        ("keyring", true)
            if !damage
                .objects()
                .iter()
                .any(|key| newest_keyring.contains(key)) =>
        {
            None
        }
        ("config", true) => Some(Level::Listed),
        ("journal", true) if damage.object != *newest => Some(Level::Hashed),
        (_, true) => Some(Level::Authenticated),
        // Whole, and of another repository: what the others say has to be read.
        ("config" | "session" | "slot" | "keyring", false) if damage.harm.sort() == "foreign" => {
            Some(Level::Authenticated)
        }
        _ => Some(Level::Hashed),
    }
}

#[test]
fn every_damage_is_found() {
    let mut wrong = Vec::new();
    let mut levels: BTreeMap<(String, &str), BTreeMap<String, u32>> = BTreeMap::new();
    let mut cases = 0;
    for suite in [Suite::None, Suite::Aes256Gcm] {
        let bench = Bench::new(Lab::new(suite, 16));
        for damage in chosen(&bench.lab, 97) {
            cases += 1;
            let show =
                |level: Option<Level>| level.map_or("-".to_owned(), |level| level.to_string());
            match bench.judge(damage) {
                Ok((without, with)) => {
                    let of = (folder(&damage.object).to_owned(), damage.harm.sort());
                    let found = format!("{} / {}", show(without), show(with));
                    *levels.entry(of).or_default().entry(found).or_default() += 1;
                }
                Err(what) => wrong.push(format!("{suite:?} {damage}: {what}")),
            }
        }
    }
    println!("{cases} damages; found without keys / with all keys at:");
    for ((folder, sort), found) in &levels {
        println!("{folder:<12}{sort:<12}{found:?}");
    }
    assert!(
        wrong.is_empty(),
        "{} of {cases} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
