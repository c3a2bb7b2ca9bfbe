//! What a check returns.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use strongroom_crypt::RepositoryId;
use strongroom_format::object_name::ObjectName;
use strongroom_format::{DamagedObject, Time};

use crate::evidence::Readings;
use crate::{BlastRadius, Coverage, Finding, Head, Level, Problem, Severity, Statement, Subject};

/// What a check found, and what it looked at.
///
/// The findings are a list of bounded length; the counts by problem are of all of them.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Report {
    /// The level that was asked for.
    pub asked: Level,
    /// The level that was reached with the keys that were given, for what [`coverage`](Self::coverage) names.
    pub level: Level,
    /// When it was made, as the caller said.
    pub now: Time,
    /// The repository, if it was known.
    pub repository: Option<RepositoryId>,
    /// The newest journal entry that was followed; without the structure key, the last of the chain of hashes. `None` when there is none.
    pub head: Option<Head>,
    /// What was looked at.
    pub coverage: Coverage,
    /// What follows from what was read.
    pub statements: Vec<Statement>,
    pub(crate) readings: Readings,
    /// What the damage costs: files and snapshots.
    pub blast: BlastRadius,
    findings: Vec<Finding>,
    findings_max: usize,
    counts: BTreeMap<Problem, u64>,
    worst: Option<Severity>,
    damaged: BTreeMap<ObjectName, Damaged>,
}

/// What was found of a damaged object.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Damaged {
    frames: BTreeSet<u32>,
    /// Not only these frames.
    is_whole: bool,
    problems: BTreeSet<Problem>,
    worst: Severity,
}

impl Report {
    pub(crate) fn new(asked: Level, now: Time, findings_max: usize) -> Self {
        Self {
            asked,
            level: Level::Listed,
            now,
            repository: None,
            head: None,
            coverage: Coverage::default(),
            statements: Vec::new(),
            readings: Readings::default(),
            blast: BlastRadius::default(),
            findings: Vec::new(),
            findings_max,
            counts: BTreeMap::new(),
            worst: None,
            damaged: BTreeMap::new(),
        }
    }

    /// Takes a finding; one that says of an object once more what was said of it is ignored. Beyond the limit of [`CheckOptions`](crate::CheckOptions) it is counted and not kept, or takes the place of a less severe one.
    pub fn add(&mut self, finding: Finding) {
        if self.is_known(&finding) {
            return;
        }
        *self.counts.entry(finding.problem).or_default() += 1;
        self.worst = self.worst.max(Some(finding.severity));
        self.note_damaged(&finding);
        if self.findings.len() < self.findings_max {
            self.findings.push(finding);
        } else if let Some(least) = self.findings.iter_mut().min_by_key(|kept| kept.severity)
            && least.severity < finding.severity
        {
            *least = finding;
        }
    }

    /// Returns the findings that were kept, the worst first.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Returns how many findings there are of a problem, kept or not.
    #[must_use]
    pub fn count(&self, problem: Problem) -> u64 {
        self.counts.get(&problem).copied().unwrap_or_default()
    }

    /// Returns how many findings there are of each problem, kept or not.
    pub fn counts(&self) -> impl Iterator<Item = (Problem, u64)> + '_ {
        self.counts
            .iter()
            .map(|(problem, count)| (*problem, *count))
    }

    /// Returns how many findings were counted and not kept.
    #[must_use]
    pub fn not_kept(&self) -> u64 {
        self.counts.values().sum::<u64>() - self.findings.len() as u64
    }

    /// Returns the worst severity of all findings; `None` without any.
    #[must_use]
    pub fn worst(&self) -> Option<Severity> {
        self.worst
    }

    /// Whether nothing is damaged or lost, as far as the check looked: [`coverage`](Self::coverage) says how far that is.
    #[must_use]
    pub fn is_intact(&self) -> bool {
        self.worst < Some(Severity::Damage)
    }

    /// Whether it went as deep as it was asked to, with all that it was to read. What is in cold storage, or sealed under a key that is not here, keeps it
    /// from that.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.level >= self.asked
            && self.readings.unread.is_empty()
            && self.count(Problem::NotRebuilt) == 0
    }

    /// Returns how many objects are damaged or missing, and cost something.
    pub(crate) fn damaged_count(&self) -> u64 {
        let objects = self.damaged.values();
        let count = objects.filter(|one| one.worst >= Severity::Damage).count();
        // A journal that is broken, or names something that is nowhere, is no object.
        (count as u64).max(u64::from(!self.is_intact()))
    }

    /// Returns the objects that are damaged or missing and the frames of packs that are, all of them, in order of their names. Disposable ones
    /// that are not whole are among them, although their damage is only [`Severity::Waste`].
    #[must_use]
    pub fn damaged_objects(&self) -> Vec<DamagedObject> {
        let of = |(name, damaged): (&ObjectName, &Damaged)| DamagedObject {
            name: *name,
            frames: match damaged.is_whole {
                true => Vec::new(),
                false => damaged.frames.iter().copied().collect(),
            },
        };
        self.damaged.iter().map(of).collect()
    }

    /// Whether the same was found of the same object: several stages look at some.
    pub(crate) fn is_known(&self, finding: &Finding) -> bool {
        match &finding.subject {
            Subject::Object(name) => self.damaged.get(name).is_some_and(|damaged| {
                finding.severity <= damaged.worst && damaged.problems.contains(&finding.problem)
            }),
            _ => false,
        }
    }

    fn note_damaged(&mut self, finding: &Finding) {
        if !is_damage(finding) {
            return;
        }
        let (name, frame) = match &finding.subject {
            Subject::Object(name) => (*name, None),
            Subject::Frame { pack, frame } => (ObjectName::Pack(*pack), Some(*frame)),
            _ => return,
        };
        let damaged = self.damaged.entry(name).or_insert_with(|| Damaged {
            frames: BTreeSet::new(),
            is_whole: false,
            problems: BTreeSet::new(),
            worst: finding.severity,
        });
        damaged.worst = damaged.worst.max(finding.severity);
        match frame {
            Some(frame) => {
                damaged.frames.insert(frame);
            }
            None => {
                damaged.is_whole = true;
                damaged.problems.insert(finding.problem);
            }
        }
    }

    /// Puts the worst findings first, otherwise in order of their subjects.
    pub(crate) fn sort(&mut self) {
        self.findings.sort_by(|a, b| {
            (b.severity, &a.subject, a.problem).cmp(&(a.severity, &b.subject, b.problem))
        });
    }
}

/// Whether something is not as it was written, and not only of no use.
fn is_damage(finding: &Finding) -> bool {
    let is_spoilt = matches!(
        finding.problem,
        Problem::NotWhole | Problem::Malformed | Problem::WrongPlace | Problem::Unreadable
    );
    finding.severity >= Severity::Damage || (finding.severity == Severity::Waste && is_spoilt)
}

impl Report {
    /// Writes some findings of each problem, the worst first, and how many more there are.
    fn write_findings(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown: BTreeMap<Problem, u64> = BTreeMap::new();
        for finding in &self.findings {
            let count = shown.entry(finding.problem).or_default();
            if *count < SHOWN_OF_EACH {
                *count += 1;
                writeln!(f, "{finding}")?;
            }
        }
        for (problem, count) in self.counts() {
            let more = count - shown.get(&problem).copied().unwrap_or_default().min(count);
            if more > 0 {
                writeln!(f, "and {more} more of {}", problem.code())?;
            }
        }
        Ok(())
    }
}

/// Findings of one problem that are written out for people; programs have them all.
const SHOWN_OF_EACH: u64 = 10;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "checked to {}", self.level)?;
        if self.level < self.asked {
            write!(f, " ({} was asked for)", self.asked)?;
        }
        match &self.head {
            Some(head) => writeln!(f, ", at {head}")?,
            None => writeln!(f, ", without reading the journal")?,
        }
        write!(f, "{}", self.coverage)?;
        for statement in &self.statements {
            writeln!(f, "{statement}")?;
        }
        self.write_findings(f)?;
        match self.worst {
            None => writeln!(f, "nothing found at {}", self.level),
            Some(worst) if worst < Severity::Damage => {
                writeln!(f, "no damage found at {}", self.level)
            }
            Some(worst) => writeln!(f, "{worst} found at {}", self.level),
        }
    }
}
