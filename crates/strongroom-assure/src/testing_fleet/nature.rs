//! What nights are like in an organisation without problems.

use std::collections::BTreeMap;

use strongroom_format::record::counter::*;

use crate::stats::{Prng, amount, whole_amount};

/// What a resource is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Database,
    Server,
    Laptop,
    Mailbox,
}

/// What a run counts.
pub(super) type Counted = BTreeMap<&'static str, u64>;

/// A resource as it lives from day to day.
#[derive(Debug, Clone)]
pub(super) struct Nature {
    kind: Kind,
    prng: Prng,
    files: u64,
    /// How much its days differ; 0 for one whose days are known, so that a slow change has a day.
    spread: f64,
}

/// What becomes of a night.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Night {
    Good,
    Retried,
    Partial,
    Failed,
}

impl Nature {
    pub(super) fn new(kind: Kind, seed: u64, is_even: bool) -> Self {
        let files = match kind {
            Kind::Database => 12,
            Kind::Server => 40_000,
            Kind::Laptop => 9_000,
            Kind::Mailbox => 30_000,
        };
        Self {
            kind,
            prng: Prng::new(seed),
            files: if is_even { 40_000 } else { files },
            spread: if is_even { 0.0 } else { 0.35 },
        }
    }

    fn chance(&mut self, of: usize) -> bool {
        self.prng.below(of) == 0
    }

    /// One run in 200 needs another attempt, one in 3000 is done in part, one in 5000 fails whatever is tried.
    pub(super) fn night(&mut self) -> Night {
        match self.prng.below(15_000) {
            0..75 => Night::Retried,
            75..80 => Night::Partial,
            80..83 => Night::Failed,
            _ => Night::Good,
        }
    }

    /// Says whether the clock of this night was set wrong by half an hour.
    pub(super) fn has_skew(&mut self) -> bool {
        self.chance(60_000)
    }

    /// About `mean`, and at times far above, as such things are.
    fn about(&mut self, mean: f64) -> u64 {
        let uniform = |prng: &mut Prng| amount(prng.next_u64() >> 11) / amount(1 << 53);
        let (a, b) = (uniform(&mut self.prng).max(1e-12), uniform(&mut self.prng));
        let normal = (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos();
        whole_amount(mean * (self.spread * normal).exp())
    }

    /// Counts what an ordinary day of it has: weekends, ends of months, holidays, growth, an import or an upgrade at times.
    pub(super) fn day(&mut self, day: i64) -> Counted {
        let is_even = self.spread == 0.0;
        let busy = match (day.rem_euclid(7), day.rem_euclid(30)) {
            _ if is_even => 1.0,
            _ if day.rem_euclid(365) > 352 => 0.02,
            (5 | 6, _) => 0.05,
            (_, 29) => 6.0,
            _ => 1.0,
        };
        if self.kind == Kind::Database {
            return self.database(busy);
        }
        let size = amount(self.files) / 40_000.0;
        let (new, changed) = (
            self.about(200.0 * busy * size.min(1.0)),
            self.about(600.0 * busy * size.min(1.0)),
        );
        let deleted = if is_even {
            new
        } else {
            self.about(150.0 * busy * size.min(1.0))
        };
        self.files = (self.files + new).saturating_sub(deleted.min(self.files / 2));
        let bytes_changed = (new + changed) * 400_000 + 1;
        let bytes_new = bytes_changed / 100 * (30 + self.about(12.0).min(60));
        let compression = 180 + self.about(40.0);
        let mut counted = Counted::from([
            (FILES, self.files),
            (FILES_NEW, new),
            (FILES_CHANGED, changed),
            (FILES_DELETED, deleted),
            (BYTES_READ, bytes_changed),
            (BYTES_CHANGED, bytes_changed),
            (BYTES_NEW, bytes_new),
            (BYTES_STORED, bytes_new * 100 / compression),
            (EXTENSIONS_NEW, self.about(0.4)),
            (MAGIC_MISMATCH, self.about(2.0)),
            (MTIME_UNCHANGED, self.about(1.0)),
            (SAME_SMALL_FILE, self.about(0.7)),
            (CANARIES_CHANGED, 0),
        ]);
        if !is_even && self.chance(400) {
            self.import(&mut counted);
        } else if !is_even && self.chance(500) {
            // An upgrade: half of all files change, and compress as programs do.
            add(&mut counted, FILES_CHANGED, self.files / 2);
            add(&mut counted, BYTES_CHANGED, 5 << 30);
            add(&mut counted, BYTES_NEW, 4 << 30);
            add(&mut counted, BYTES_STORED, 2 << 30);
        }
        counted
    }

    /// Photographs: all is new, and nothing compresses.
    fn import(&mut self, counted: &mut Counted) {
        let count = self.files / 4;
        self.files += count;
        add(counted, FILES, count);
        add(counted, FILES_NEW, count);
        for name in [BYTES_CHANGED, BYTES_NEW, BYTES_STORED] {
            add(counted, name, count * 4_000_000);
        }
    }

    fn database(&mut self, busy: f64) -> Counted {
        let changed = self.about(2e9 * busy.max(0.2));
        let new = changed / 3;
        Counted::from([
            (FILES, self.files),
            (FILES_NEW, 0),
            (FILES_CHANGED, self.files),
            (FILES_DELETED, 0),
            (BYTES_READ, 40_000_000_000),
            (BYTES_CHANGED, changed),
            (BYTES_NEW, new),
            (BYTES_STORED, new / 4 + self.about(1e6)),
            (EXTENSIONS_NEW, 0),
            (MAGIC_MISMATCH, 0),
            (MTIME_UNCHANGED, 0),
            (SAME_SMALL_FILE, 0),
            (CANARIES_CHANGED, 0),
        ])
    }
}

pub(super) fn add(counted: &mut Counted, name: &'static str, more: u64) {
    *counted.entry(name).or_default() += more;
}

/// Somebody encrypts a part of the files: they change, no longer compress, and are no longer what they are called.
pub(super) fn encrypt(counted: &mut Counted, share: f64) {
    let hit = whole_amount(amount(counted[FILES]) * share);
    add(counted, FILES_CHANGED, hit);
    for name in [BYTES_CHANGED, BYTES_NEW, BYTES_STORED] {
        add(counted, name, hit * 400_000);
    }
    add(counted, MAGIC_MISMATCH, hit * 7 / 10);
}
