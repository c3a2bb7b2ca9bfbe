//! Every setting there is: its name, what it takes, its default, and which change of it weakens.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use crate::error::Error;
use crate::level::not_among;
use crate::settings::Settings;
use crate::text::serde_as_text;
use crate::value::{Kind, Named};

/// What there is to know of a setting.
#[derive(Debug)]
pub(crate) struct Spec {
    pub(crate) path: &'static str,
    pub(crate) kind: Kind,
    pub(crate) sense: Sense,
    /// As it would stand in a document.
    pub(crate) default: Option<&'static str>,
    pub(crate) doc: &'static str,
    /// A sentence with `{}` for the value; the subject is the resource or its backups.
    pub(crate) says: &'static str,
}

/// Which change of a value weakens the protection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sense {
    /// None by itself.
    Neutral,
    /// Less of it. Not to set it is the least.
    More,
    /// Less of it. Not to set it is the most, as for a limit to what is backed up.
    MoreOrUnset,
    /// More of it. Not to set it is the most.
    Less,
    /// `false`.
    On,
    /// `true`.
    Off,
    /// An earlier word of the choice. Not to set it is before the first.
    Later,
    /// A word that is gone.
    Superset,
    /// A word that is new. Not to set it allows all.
    Subset,
    /// A rule that is gone.
    Keep,
    /// A level that is gone, or older.
    Ages,
    /// A pattern that is new.
    Excludes,
}

macro_rules! keys {
    ($($(#[doc = $doc:literal])+ $name:ident = $path:literal, $kind:expr, $sense:ident, $default:expr, $says:literal;)*) => {
        /// A setting. Its text is its place in a document: `objectives.rpo`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Key {
            $($(#[doc = $doc])+ $name,)*
        }

        impl Key {
            /// All, in the order in which they are explained.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            pub(crate) fn spec(self) -> &'static Spec {
                match self {
                    $(Self::$name => &Spec {
                        path: $path,
                        kind: $kind,
                        sense: Sense::$sense,
                        default: $default,
                        doc: concat!($($doc,)+),
                        says: $says,
                    },)*
                }
            }
        }
    };
}

use Kind::{Ages, Bytes, Choice, Choices, Count, Flag, Keep as Rules, Lines, Name, Names, Words};
use Kind::{Period as Time, Share as Part, Text, When as Times, Windows, Zone as Place};

keys! {
    /// The most data, as a length of time, that may be lost.
    Rpo = "objectives.rpo", Time, Less, None, "may lose at most {} of data";
    /// How long it may take until it works again.
    Rto = "objectives.rto", Time, Less, None, "works again within {}";
    /// How long the business can stand without it, people's work included.
    MaxDowntime = "objectives.max_downtime", Time, Less, None, "can be missed for at most {}";
    /// What a recovery point must be to count for the RPO.
    RpoQuality = "objectives.rpo_quality", Choice(&["stored", "verified", "restored"]), Later, Some("\"stored\""), "counts as recoverable what is {}";
    /// The part of time in which the RPO must be met.
    TimeWithin = "objectives.time_within", Part, More, Some("\"99.5 %\""), "meets the RPO {} of the time";
    /// The part of the runs due that must succeed.
    SuccessRate = "objectives.success_rate", Part, More, Some("\"98 %\""), "has at least {} of its runs succeed";
    /// Over which time that part is counted.
    SuccessWindow = "objectives.success_window", Time, Neutral, Some("\"30d\""), "counts that over {}";
    /// How many runs in a row may not succeed before somebody must act at once.
    AcuteAfter = "objectives.acute_after", Count, Less, Some("2"), "is acute after {} failures in a row";
    /// Whether a run that left something out counts as one that succeeded.
    PartialCounts = "objectives.partial_counts", Flag, Off, Some("false"), "counts partial runs as successful: {}";

    /// When backups are due.
    When = "schedule.when", Times, Neutral, None, "is backed up: {}";
    /// On whose clock.
    TimeZone = "schedule.timezone", Place, Neutral, None, "goes by the clock of {}";
    /// Hours in which backups may run.
    Window = "schedule.window", Windows, Neutral, None, "runs only within {}";
    /// How late a run may begin.
    StartWithin = "schedule.start_within", Time, Less, Some("\"1h\""), "begins at most {} late";
    /// How long after it was due a run must be complete.
    CompleteWithin = "schedule.complete_within", Time, Less, Some("\"12h\""), "is complete {} after it was due";
    /// What becomes of a run that is not complete in time.
    Overrun = "schedule.overrun", Choice(&["cancel", "pause", "finish"]), Later, Some("\"finish\""), "does with a run that is late: {}";
    /// By how much the beginning is spread, so that not all begin at once.
    Jitter = "schedule.jitter", Time, Neutral, Some("\"0s\""), "spreads beginnings over {}";
    /// How long a run takes; what is measured later replaces it.
    ExpectedDuration = "schedule.expected_duration", Time, Neutral, None, "takes about {}";
    /// How often a run that failed is tried again.
    Retries = "schedule.retries", Count, More, Some("3"), "is tried again when it failed: {} times";
    /// After which time.
    RetryDelay = "schedule.retry_delay", Time, Neutral, Some("\"5min\""), "waits {} between";
    /// Whether backups are made at all.
    Enabled = "schedule.enabled", Flag, On, Some("true"), "is backed up at all: {}";

    /// How many threads a run uses.
    Threads = "limits.threads", Count, Neutral, None, "uses {} threads";
    /// How much memory a run uses.
    Memory = "limits.memory", Bytes, Neutral, None, "uses {} of memory";
    /// How much it reads from its disks in a second.
    ReadRate = "limits.read", Bytes, Neutral, None, "reads {} a second";
    /// How much it sends in a second.
    UploadRate = "limits.upload", Bytes, Neutral, None, "sends {} a second";
    /// Its place among those who use the disk.
    IoPriority = "limits.io_priority", Choice(&["idle", "low", "normal"]), Neutral, None, "has {} priority for its disks";
    /// Whether it waits while the machine is under load.
    LoadGuard = "limits.load_guard", Flag, Neutral, Some("true"), "waits while the machine is busy: {}";

    /// What is left out: lines as in a `.gitignore` file at the root of the source.
    Exclude = "source.exclude", Lines, Excludes, Some("[]"), "leaves out {}";
    /// The largest file that is backed up.
    MaxFileSize = "source.max_file_size", Bytes, MoreOrUnset, None, "leaves out files of more than {}";
    /// Whether other file systems below the source are left out.
    OneFileSystem = "source.one_file_system", Flag, Off, Some("false"), "leaves out other file systems: {}";
    /// Whether the content of directories with a valid `CACHEDIR.TAG` is left out.
    SkipCaches = "source.skip_caches", Flag, Off, Some("false"), "leaves out caches: {}";
    /// What a backup is of one moment: nothing (as after a crash), each file, or the whole application.
    Consistency = "source.consistency", Choice(&["crash", "file", "application"]), Later, Some("\"crash\""), "is of one moment for each: {}";
    /// What is run before a backup.
    Before = "source.before", Text, Neutral, None, "runs {} before";
    /// What is run after it.
    After = "source.after", Text, Neutral, None, "runs {} after";

    /// The repositories that hold it.
    CopiesTo = "copies.to", Names(Named::Repository), Superset, None, "is kept in {}";
    /// How soon after its capture every copy must be there.
    CopiesWithin = "copies.within", Time, Less, Some("\"24h\""), "has every copy within {}";
    /// How many copies there must be, with the original.
    CopiesMinimum = "copies.minimum", Count, More, Some("3"), "exists at least {} times, with the original";
    /// On how many kinds of media, with the original.
    CopiesMedia = "copies.media", Count, More, Some("2"), "is on at least {} kinds of media, with the original";
    /// How many of them at another site.
    CopiesOffsite = "copies.offsite", Count, More, Some("1"), "has copies at other sites: at least {}";
    /// How many of them that nobody can change, or offline.
    CopiesImmutable = "copies.immutable", Count, More, Some("1"), "has copies that nobody can change: at least {}";
    /// How many errors of a verification may stay unresolved.
    CopiesErrors = "copies.errors", Count, Less, Some("0"), "has at most {} unresolved errors";
    /// The regions in which copies may be.
    Regions = "copies.regions", Words, Subset, None, "is kept only in {}";

    /// Which snapshots stay.
    Keep = "retention.keep", Rules, Keep, None, "keeps {}";
    /// How long every snapshot stays, whatever the rules say.
    KeepMinimum = "retention.minimum", Time, More, None, "keeps everything for {}";
    /// When every snapshot must be gone, unless it is held.
    KeepMaximum = "retention.maximum", Time, Less, None, "keeps nothing longer than {}";
    /// How long what was forgotten can be had back.
    Grace = "retention.grace", Time, More, Some("\"7d\""), "can undo a deletion for {}";
    /// How many people must agree to a deletion that no rule asks for.
    DeletionApprovals = "retention.approvals", Count, More, Some("1"), "needs {} people for a deletion by hand";

    /// Who can remove the lock of a copy: everybody, a few, nobody.
    Lock = "immutability.lock", Choice(&["none", "governance", "compliance"]), Later, Some("\"none\""), "is locked in mode {}";
    /// For how long.
    LockFor = "immutability.for", Time, More, None, "is locked for {}";
    /// Whether who writes backups must not be able to delete them.
    AppendOnly = "immutability.append_only", Flag, On, Some("false"), "is written by who cannot delete: {}";

    /// Whether copies must be encrypted.
    AtRest = "encryption.at_rest", Flag, On, Some("true"), "is encrypted at rest: {}";
    /// Whether transport must be encrypted and the peer checked.
    InTransit = "encryption.in_transit", Flag, On, Some("true"), "is encrypted in transit: {}";
    /// The suites that may encrypt it.
    Suites = "encryption.suites", Words, Subset, None, "is encrypted only by {}";
    /// How old a key may become.
    KeyAge = "encryption.key_max_age", Time, Less, None, "has keys of at most {}";
    /// How often the recovery of keys is tested.
    EscrowTest = "encryption.escrow_test_every", Time, Less, None, "has its recovery kit tested every {}";

    /// How old each level of verification may be.
    Verify = "verification.ages", Ages, Ages, None, "is verified: {}";
    /// What is verified right after each run.
    VerifyAfterRun = "verification.after_run", Choice(&["none", "L0", "L1", "L2", "L3", "L4"]), Later, Some("\"none\""), "is verified after each run: {}";
    /// How sure a sample must make one …
    Confidence = "verification.confidence", Part, More, None, "is sampled until one is {} sure …";
    /// … that less than this is damaged.
    DamageBelow = "verification.damage_below", Part, Less, None, "… that less than {} is damaged";
    /// In which time everything has been read once.
    FullEvery = "verification.full_every", Time, Less, None, "is read in full every {}";

    /// How often a restore is tried.
    DrillEvery = "drills.every", Time, Less, None, "is restored as a test every {}";
    /// What such a drill proves.
    DrillLevel = "drills.level", Choice(&["L4", "L5", "L6"]), Later, Some("\"L5\""), "is proven by that to level {}";
    /// Which points are chosen.
    DrillChoose = "drills.choose", Choices(&["latest", "random", "stratified", "never-tested", "oldest"]), Superset, Some("[\"latest\", \"random\"]"), "chooses points: {}";
    /// How many points each time.
    DrillPoints = "drills.points", Count, More, Some("1"), "restores points each time: {}";
    /// What decides whether what was restored works.
    Validators = "drills.validators", Words, Superset, None, "is validated by {}";
    /// Which disasters are rehearsed.
    Scenarios = "drills.scenarios", Choices(&["lost-server", "lost-site", "lost-keys", "lost-catalogue", "ransomware", "from-nothing", "vendor-exit"]), Superset, None, "rehearses {}";
    /// How often people rehearse it together with the business.
    GameDayEvery = "drills.game_day_every", Time, Less, None, "is rehearsed with the business every {}";

    /// Who is told, in which order and after which time.
    Escalation = "alerts.escalation", Name(Named::Escalation), Neutral, None, "escalates by {}";
    /// Who is told besides.
    Inform = "alerts.inform", Names(Named::Contact), Superset, None, "informs {} besides";
    /// What is told.
    AlertOn = "alerts.on", Choices(&["failed", "partial", "missed", "slow", "capacity", "verification", "drill", "anomaly", "policy", "keys", "obligation"]), Superset,
        Some("[\"failed\", \"partial\", \"missed\", \"slow\", \"capacity\", \"verification\", \"drill\", \"anomaly\", \"policy\", \"keys\", \"obligation\"]"), "raises alerts on {}";
    /// How long after the last moment to begin a run is missed.
    MissedAfter = "alerts.missed_after", Time, Less, Some("\"1h\""), "is missed {} after the last moment to begin";
    /// How often an alert is sent as a test.
    AlertTest = "alerts.test_every", Time, Less, None, "has its alerts tested every {}";
    /// Whether somebody else's clock notices when nothing is heard.
    Heartbeat = "alerts.heartbeat", Flag, On, Some("false"), "is watched by a clock elsewhere: {}";

    /// What looks for attacks.
    Detectors = "anomaly.detectors", Choices(&["new-data", "compression", "changed-files", "deletions", "extensions", "mtime", "notes", "canary", "empty"]), Superset,
        Some("[\"new-data\", \"compression\", \"changed-files\", \"deletions\", \"extensions\", \"mtime\", \"notes\", \"empty\"]"), "looks for attacks by {}";
    /// Files that nobody ever changes, so that whoever touches everything touches them: paths from the root of the source, as `sr-ls` shows them.
    Canaries = "anomaly.canaries", Words, Superset, None, "has canaries, which nobody changes: {}";
    /// Whether the last clean points are held when something is found.
    AnomalyHold = "anomaly.hold", Flag, On, Some("true"), "holds the last clean points: {}";

    /// How full a store may be until somebody plans.
    PlanAt = "capacity.plan_at", Part, Less, Some("\"80 %\""), "plans for more space at {}";
    /// How full until people are warned.
    WarnAt = "capacity.warn_at", Part, Less, Some("\"90 %\""), "warns at {}";
    /// How full until it is critical.
    CriticalAt = "capacity.critical_at", Part, Less, Some("\"95 %\""), "is critical at {}";
    /// How long it takes to have more space.
    LeadTime = "capacity.lead_time", Time, More, Some("\"30d\""), "needs {} to have more space";

    /// How soon after its publication a critical patch is applied.
    PatchWithin = "software.patch_within", Time, Less, None, "has critical patches within {}";
}

impl Key {
    /// Returns its place in a document: `objectives.rpo`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.spec().path
    }

    /// Returns the section it is in: `objectives`.
    #[must_use]
    pub fn section(self) -> &'static str {
        let path = self.spec().path;
        path.split_once('.').map_or(path, |(section, _)| section)
    }

    /// Returns its name in that section: `rpo`.
    #[must_use]
    pub fn name(self) -> &'static str {
        let path = self.spec().path;
        path.split_once('.').map_or(path, |(_, name)| name)
    }

    /// Returns what it means, in a sentence.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        self.spec().doc.trim()
    }
}

/// Returns the sections that settings are in, in order.
pub(crate) fn sections() -> Vec<&'static str> {
    let mut sections: Vec<&str> = Key::ALL.iter().map(|key| key.section()).collect();
    sections.dedup();
    sections
}

/// What holds where a policy says nothing.
///
/// Generous where a value costs nothing (alerts, detectors, encryption), and empty where only
/// people can know: objectives, schedules, copies, retention.
#[must_use]
pub fn built_in() -> &'static Settings {
    &BUILT_IN
}

static BUILT_IN: LazyLock<Settings> = LazyLock::new(|| {
    let mut settings = Settings::new();
    for key in Key::ALL {
        if let Some(value) = crate::parse::default_value(*key) {
            settings.insert(*key, value);
        }
    }
    settings
});

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Key {
    type Err = Error;

    /// # Errors
    ///
    /// `Invalid`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let found = Self::ALL.iter().find(|key| key.as_str() == text).copied();
        found.ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|key| key.as_str()).collect();
            not_among(text, "no setting", &names)
        })
    }
}

serde_as_text!(Key);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_in_order_and_its_default_fits() {
        let sections = sections();
        let mut sorted = sections.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), sections.len(), "sections are not mixed");
        for key in Key::ALL {
            assert_eq!(key.as_str().parse::<Key>().unwrap(), *key);
            let has_default = built_in().get(*key).is_some();
            assert_eq!(has_default, key.spec().default.is_some(), "{key}");
            assert!(key.spec().says.contains("{}"), "{key}");
        }
        assert_eq!(
            "objectives.rop".parse::<Key>().unwrap_err().hint(),
            Some("did you mean objectives.rpo?")
        );
    }
}
