//! What is measured.

use serde::Serialize;
use strongroom_policy::{Key, Level, Policy, Resource};

/// What a recovery point must be to count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Quality {
    /// In a repository.
    #[default]
    Stored,
    /// Read since, and found good, at the level of [`RpoOptions::level`] or deeper.
    Verified,
    /// Restored by a drill that proved it.
    Restored,
}

/// Which copies count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Tier {
    /// Every copy.
    #[default]
    Any,
    /// Those at another site than the resource.
    Offsite,
    /// Those that nobody can change, or that are offline.
    Immutable,
}

impl Quality {
    /// All, the weakest first.
    pub const ALL: [Self; 3] = [Self::Stored, Self::Verified, Self::Restored];

    /// Returns the one that a policy asks for with a word.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        match word {
            "stored" => Some(Self::Stored),
            "verified" => Some(Self::Verified),
            "restored" => Some(Self::Restored),
            _ => None,
        }
    }
}

impl Tier {
    /// All.
    pub const ALL: [Self; 3] = [Self::Any, Self::Offsite, Self::Immutable];
}

/// What is measured.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RpoOptions {
    /// What a point must be.
    pub quality: Quality,
    /// Which copies count.
    pub tier: Tier,
    /// The least level that makes a point a verified one.
    pub level: Level,
    /// Over how many seconds until now.
    pub window_seconds: u64,
}

/// Stored, any copy, L2, 30 days.
impl Default for RpoOptions {
    fn default() -> Self {
        Self {
            quality: Quality::Stored,
            tier: Tier::Any,
            level: Level::L2,
            window_seconds: 30 * 86_400,
        }
    }
}

impl RpoOptions {
    /// Returns what a policy asks for: its quality, over its window.
    #[must_use]
    pub fn of_policy(policy: &Policy, resource: &Resource) -> Self {
        let resolved = policy.resolve(resource);
        let quality = resolved.text(Key::RpoQuality).and_then(Quality::of_word);
        let window = resolved.period(Key::SuccessWindow);
        let default = Self::default();
        Self {
            quality: quality.unwrap_or_default(),
            window_seconds: window.map_or(default.window_seconds, |one| one.mean_seconds()),
            ..default
        }
    }

    /// With another quality.
    #[must_use]
    pub fn with_quality(self, quality: Quality) -> Self {
        Self { quality, ..self }
    }

    /// With other copies.
    #[must_use]
    pub fn with_tier(self, tier: Tier) -> Self {
        Self { tier, ..self }
    }

    /// With another level.
    #[must_use]
    pub fn with_level(self, level: Level) -> Self {
        Self { level, ..self }
    }

    /// Over another time.
    #[must_use]
    pub fn with_window_seconds(self, window_seconds: u64) -> Self {
        Self {
            window_seconds,
            ..self
        }
    }
}
