//! Who is protected, who is not, and what would be lost.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use strongroom_retain::Moment;

use crate::date::Date;
use crate::key::Key;
use crate::level::Criticality;
use crate::lint::Severity;
use crate::period::Period;
use crate::policy::Policy;
use crate::protection::Year;
use crate::resource::Resource;

/// How far the resources of an inventory are protected by a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Coverage {
    /// Each resource, in the order of ids.
    pub resources: Vec<Covered>,
}

/// How far a resource is protected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Covered {
    /// The resource.
    pub resource: String,
    /// Whose it is.
    pub department: Option<String>,
    /// How much depends on it.
    pub criticality: Criticality,
    /// How far it is protected.
    pub state: CoverageState,
    /// Whether the policy names it, or only somebody else knows it.
    pub is_in_policy: bool,
    /// The most data that is lost when all goes as expected.
    pub expected_loss: Option<Period>,
    /// How long a restore may take.
    pub rto: Option<Period>,
}

/// How far a resource is protected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "state")]
#[non_exhaustive]
pub enum CoverageState {
    /// In all that the policy asks for.
    Covered,
    /// It is backed up, and something that it must have is missing.
    Partly {
        /// The codes of findings.
        missing: Vec<String>,
    },
    /// It is not backed up.
    NotCovered,
    /// It need not be, until a day.
    Exempt {
        /// The first day on which it must.
        until: Date,
    },
    /// It needs no more backups.
    Retired,
}

impl Policy {
    /// Says how far resources are protected: those of the policy, and those of an inventory that
    /// the policy does not name (which rules with selectors may be about all the same).
    #[must_use]
    pub fn coverage(&self, inventory: &[Resource], now: Moment) -> Coverage {
        let today = Date::of(self.timezone.moment(now.unix_seconds));
        let mut with_all = self.clone();
        for resource in inventory {
            let entry = with_all.resources.entry(resource.id.clone());
            entry.or_insert_with(|| resource.clone());
        }
        let mut missing: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for finding in with_all.lint(now) {
            if finding.severity == Severity::Error {
                for id in finding.resources {
                    missing.entry(id).or_default().push(finding.code.to_owned());
                }
            }
        }
        let year = Year::new(now);
        let covered = |resource: &Resource| {
            let resolved = with_all.resolve(resource);
            let protection = with_all.protection_of(resource, &resolved, &year);
            let missing = missing.remove(&resource.id).unwrap_or_default();
            let exempt = |section| {
                let exemptions = with_all.exemptions.values();
                let freeing = exemptions.filter(|one| one.frees(resource, section, today));
                freeing.map(|one| one.until).max()
            };
            let state = match (protection.is_covered, missing.is_empty()) {
                _ if resource.is_retired(today) => CoverageState::Retired,
                (true, true) => CoverageState::Covered,
                (true, false) => CoverageState::Partly { missing },
                (false, _) => match exempt("schedule").min(exempt("copies")) {
                    Some(until) => CoverageState::Exempt { until },
                    None => CoverageState::NotCovered,
                },
            };
            Covered {
                resource: resource.id.clone(),
                department: resource.department.clone(),
                criticality: resource.criticality,
                state,
                is_in_policy: self.resources.contains_key(&resource.id),
                expected_loss: protection.expected_loss,
                rto: resolved.period(Key::Rto),
            }
        };
        Coverage {
            resources: with_all.resources.values().map(covered).collect(),
        }
    }
}

/// How many resources of a department are protected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Ratio {
    /// In all that the policy asks for.
    pub covered: u64,
    /// In part.
    pub partly: u64,
    /// Not at all.
    pub not_covered: u64,
    /// They need not be for now.
    pub exempt: u64,
}

impl Coverage {
    /// Counts by department; the empty name is that of no department. The retired are not counted.
    #[must_use]
    pub fn by_department(&self) -> BTreeMap<&str, Ratio> {
        let mut all: BTreeMap<&str, Ratio> = BTreeMap::new();
        for one in &self.resources {
            let ratio = all
                .entry(one.department.as_deref().unwrap_or_default())
                .or_default();
            match one.state {
                CoverageState::Covered => ratio.covered += 1,
                CoverageState::Partly { .. } => ratio.partly += 1,
                CoverageState::NotCovered => ratio.not_covered += 1,
                CoverageState::Exempt { .. } => ratio.exempt += 1,
                CoverageState::Retired => {}
            }
        }
        all
    }
}

/// For people: by department what is protected, what would be lost, and what is not protected.
impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (department, ratio) in self.by_department() {
            let name = if department.is_empty() {
                "no department"
            } else {
                department
            };
            let Ratio {
                covered,
                partly,
                not_covered,
                exempt,
            } = ratio;
            writeln!(
                f,
                "{name}: {covered} protected, {partly} in part, {not_covered} not at all, {exempt} exempt"
            )?;
            let of_department =
                |one: &&Covered| one.department.as_deref().unwrap_or_default() == department;
            for one in self.resources.iter().filter(of_department) {
                write!(f, "  {} ({}): ", one.resource, one.criticality)?;
                match &one.state {
                    CoverageState::Covered => f.write_str("protected")?,
                    CoverageState::Partly { missing } => {
                        write!(f, "in part ({})", missing.join(", "))?;
                    }
                    CoverageState::NotCovered => {
                        f.write_str("not protected: all of it would be lost")?;
                    }
                    CoverageState::Exempt { until } => write!(f, "exempt until {until}")?,
                    CoverageState::Retired => f.write_str("retired")?,
                }
                if let Some(loss) = one.expected_loss {
                    write!(f, "; up to {loss} of work would be lost")?;
                }
                if let Some(rto) = one.rto {
                    write!(f, ", back within {rto}")?;
                }
                f.write_str(if one.is_in_policy {
                    "\n"
                } else {
                    "; not in the policy\n"
                })?;
            }
        }
        Ok(())
    }
}
