//! What a drill showed.

use std::fmt;

use serde::{Serialize, Serializer};
use strongroom::Id;
use strongroom_format::record::{
    Drill as DrillFact, DrillVerdict, Fact, Record, RecordHead, ValidatorVerdict,
};

use crate::phase::Phase;
use crate::validator::Outcome;

/// What a drill showed, with everything that led to it.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// The resource, by its id in the policy.
    pub resource: Option<String>,
    /// The repository, by its name in the policy.
    pub repository: String,
    /// Which disaster was played.
    pub scenario: String,
    /// The snapshot.
    #[serde(serialize_with = "as_text")]
    pub snapshot: Id,
    /// How it was chosen.
    pub choice: String,
    /// Where it was restored to.
    pub sandbox: String,
    /// What it proves.
    pub verdict: Verdict,
    /// Why, if it is not all that was wanted.
    pub findings: Vec<Finding>,
    /// What each validator saw.
    pub validators: Vec<Validated>,
    /// How long each phase took, in milliseconds.
    pub phases_ms: Vec<(Phase, u64)>,
    /// From the beginning to the last validator, in milliseconds; `None` if it did not come that far.
    pub rto_ms: Option<u64>,
    /// What the policy allows, in milliseconds.
    pub rto_target_ms: Option<u64>,
    /// What people took of that, in milliseconds; `None` if nobody had a part.
    pub people_ms: Option<u64>,
    /// Bytes of content that were restored.
    pub bytes: u64,
    /// Files that were restored.
    pub files: u64,
    /// Whether the sandbox was seen to be gone.
    pub is_cleaned: bool,
    /// What is still there of it.
    pub remains: Vec<String>,
}

/// What a drill proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::exhaustive_enums, reason = "whoever acts on it must know all")]
pub enum Verdict {
    /// It was restored, and everything that had to be looked at is as it should be.
    Proven,
    /// Nothing is known: something could not be tried, or not be looked at.
    NotProven,
    /// It cannot be restored, or is not what it was.
    Failed,
}

impl Verdict {
    /// Returns the word in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Proven => "proven",
            Self::NotProven => "not proven",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<Verdict> for DrillVerdict {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Proven => Self::Proven,
            Verdict::Failed => Self::Failed,
            Verdict::NotProven => Self::NotProven,
        }
    }
}

/// Something to look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// What follows from it.
    pub effect: Effect,
    /// When it was found.
    pub phase: Phase,
    /// Of what sort, for machines.
    pub code: String,
    /// What, in words.
    pub what: String,
    /// The object of the store that it is about.
    pub object: Option<String>,
}

/// What follows from a [`Finding`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::exhaustive_enums, reason = "a verdict follows from all")]
pub enum Effect {
    /// Nothing for the verdict.
    Note,
    /// The drill proves nothing.
    NotProven,
    /// The drill failed.
    Failed,
}

impl Finding {
    /// Returns one.
    pub fn new(
        effect: Effect,
        phase: Phase,
        code: impl Into<String>,
        what: impl Into<String>,
    ) -> Self {
        Self {
            effect,
            phase,
            code: code.into(),
            what: what.into(),
            object: None,
        }
    }

    /// Names the object of the store that it is about.
    #[must_use]
    pub fn with_object(mut self, object: Option<String>) -> Self {
        self.object = object;
        self
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}]: {}", self.phase, self.code, self.what)?;
        match &self.object {
            Some(object) => write!(f, " ({object})"),
            None => Ok(()),
        }
    }
}

/// What a validator saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Validated {
    /// The validator.
    pub name: String,
    /// Whether the drill can be proven without it.
    pub is_required: bool,
    /// What it saw.
    pub outcome: Outcome,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

impl Report {
    /// Says whether it is proven, in the time that the policy allows, and nothing of the sandbox is left.
    #[must_use]
    pub fn is_flawless(&self) -> bool {
        self.verdict == Verdict::Proven && self.is_cleaned && !self.is_late()
    }

    /// Says whether it took longer than the policy allows.
    #[must_use]
    pub fn is_late(&self) -> bool {
        matches!((self.rto_ms, self.rto_target_ms), (Some(took), Some(target)) if took > target)
    }

    /// Returns what is to be recorded.
    #[must_use]
    pub fn to_fact(&self) -> DrillFact {
        let validator = |validated: &Validated| {
            let verdict = match &validated.outcome {
                Outcome::Passed { .. } => ValidatorVerdict::Passed,
                Outcome::Failed { .. } => ValidatorVerdict::Failed,
                Outcome::Skipped { .. } => ValidatorVerdict::Skipped,
            };
            let code = validated.outcome.code().to_owned();
            (validated.name.clone(), verdict, code)
        };
        let phase = |(phase, took): &(Phase, u64)| (phase.as_str().to_owned(), *took);
        DrillFact {
            scenario: self.scenario.clone(),
            snapshot: Some(self.snapshot),
            repository: self.repository.clone(),
            verdict: self.verdict.into(),
            sandbox: self.sandbox.clone(),
            choice: self.choice.clone(),
            phases: self.phases_ms.iter().map(phase).collect(),
            validators: self.validators.iter().map(validator).collect(),
            bytes: self.bytes,
            files: self.files,
            rto_ms: self.rto_ms,
            rto_target_ms: self.rto_target_ms,
            people_ms: self.people_ms,
            cleaned: self.is_cleaned,
            ..DrillFact::default()
        }
    }

    /// Returns the record for the journal: with the findings' words left out, which may name files, but for their codes.
    #[must_use]
    pub fn to_record(&self, mut head: RecordHead) -> Record {
        if head.resource.is_none() {
            head.resource.clone_from(&self.resource);
        }
        Record::new(head, Fact::from(self.to_fact()))
    }
}

/// Says it in a few lines.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let resource = self.resource.as_deref().unwrap_or("-");
        let snapshot = self.snapshot.to_string();
        let short = snapshot.get(..8).unwrap_or_default();
        writeln!(
            f,
            "{}: {resource}, snapshot {short} ({}), {} in {}",
            self.verdict, self.choice, self.scenario, self.sandbox
        )?;
        if let Some(took) = self.rto_ms {
            let late = if self.is_late() { ", LATE" } else { "" };
            write!(f, "  restored and validated in {}", Seconds(took))?;
            match self.rto_target_ms {
                Some(target) => writeln!(f, ", allowed are {}{late}", Seconds(target))?,
                None => writeln!(f)?,
            }
        }
        write!(f, "  {} files, {} bytes;", self.files, self.bytes)?;
        for (phase, took) in &self.phases_ms {
            write!(f, " {phase} {}", Seconds(*took))?;
        }
        writeln!(f)?;
        for one in &self.validators {
            let verdict = match &one.outcome {
                Outcome::Passed { .. } => "passed",
                Outcome::Failed { .. } => "FAILED",
                Outcome::Skipped { .. } => "skipped",
            };
            writeln!(f, "  {verdict} {}: {}", one.name, one.outcome.what())?;
        }
        for finding in &self.findings {
            writeln!(f, "  {finding}")?;
        }
        match self.is_cleaned {
            true => write!(f, "  nothing of it is left"),
            false => write!(f, "  STILL THERE: {}", self.remains.join(", ")),
        }
    }
}

struct Seconds(u64);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03} s", self.0 / 1_000, self.0 % 1_000)
    }
}

fn as_text<S: Serializer>(id: &Id, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}
