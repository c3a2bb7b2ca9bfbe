//! What a policy says about drills.

use std::time::Duration;

use serde::Serialize;
use strongroom_policy::{Key, Period, Resolved};

use crate::choose::Rule;

/// What a policy says about the drills of a resource.
///
/// ```
/// use strongroom_drill::DrillSettings;
/// use strongroom_drill::choose::Rule;
/// use strongroom_policy::{Document, Resource};
///
/// let document = Document::parse(r#"
/// format = 1
/// name = "example"
/// revision = 1
/// timezone = "UTC"
/// [defaults]
/// objectives = { rto = "4h" }
/// drills = { every = "3mo", choose = ["latest", "oldest"], validators = ["files"] }
/// "#)?;
/// let resolved = document.policy().resolve(&Resource::new("shop", "files"));
/// let settings = DrillSettings::of(&resolved);
/// assert_eq!(settings.rules, [Rule::Latest, Rule::Oldest]);
/// assert_eq!((settings.points, settings.validators.as_slice()), (1, &["files".to_owned()][..]));
/// assert_eq!(settings.rto.ok_or("none")?.as_secs(), 4 * 3_600);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DrillSettings {
    /// How often; `None` if no drill is asked for.
    pub every: Option<Period>,
    /// By which rules points are chosen.
    pub rules: Vec<Rule>,
    /// How many points each rule chooses.
    pub points: usize,
    /// Which validators must pass, by the words that [`validator_of`](crate::validator::validator_of) reads.
    pub validators: Vec<String>,
    /// Which scenarios are rehearsed.
    pub scenarios: Vec<String>,
    /// How long a restore may take.
    pub rto: Option<Duration>,
    /// How old the data may be that a restore brings back.
    pub rpo: Option<Duration>,
}

impl DrillSettings {
    /// Reads what holds for a resource.
    #[must_use]
    pub fn of(resolved: &Resolved) -> Self {
        let words = |key| resolved.words(key).into_iter().map(str::to_owned).collect();
        let rules = resolved.words(Key::DrillChoose);
        let length = |key| {
            let period = resolved.period(key)?;
            Some(Duration::from_secs(period.mean_seconds()))
        };
        let mut rules: Vec<Rule> = rules
            .into_iter()
            .filter_map(|word| word.parse().ok())
            .collect();
        rules.sort_unstable();
        Self {
            every: resolved.period(Key::DrillEvery),
            rules,
            points: usize::try_from(resolved.count(Key::DrillPoints).unwrap_or(1)).unwrap_or(1),
            validators: words(Key::Validators),
            scenarios: words(Key::Scenarios),
            rto: length(Key::Rto),
            rpo: length(Key::Rpo),
        }
    }
}
