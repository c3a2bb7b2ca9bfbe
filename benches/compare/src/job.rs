//! What every program is asked to do, in this order.

/// A job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Job {
    /// Make a repository.
    Init,
    /// The first backup.
    First,
    /// Another one when nothing has changed.
    Unchanged,
    /// One of the second version of the same tree.
    Changed,
    /// The second version into an empty folder, compared afterwards.
    Restore,
    /// Look for damage, reading all data.
    Check,
    /// Forget all but the last and give the space back.
    Prune,
}

impl Job {
    /// All of them, in order.
    pub(crate) const ALL: [Self; 7] = [
        Self::Init,
        Self::First,
        Self::Unchanged,
        Self::Changed,
        Self::Restore,
        Self::Check,
        Self::Prune,
    ];

    /// Those that are compared.
    pub(crate) const COMPARED: [Self; 6] = [
        Self::First,
        Self::Unchanged,
        Self::Changed,
        Self::Restore,
        Self::Check,
        Self::Prune,
    ];

    /// Returns the name in records.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Init => "init",
            Self::First => "backup1",
            Self::Unchanged => "backup1n",
            Self::Changed => "backup2",
            Self::Restore => "restore",
            Self::Check => "check",
            Self::Prune => "prune",
        }
    }

    /// Returns the job of a name in records.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|job| job.as_str() == name)
    }

    /// Returns the words for people.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Init => "init",
            Self::First => "first backup",
            Self::Unchanged => "unchanged backup",
            Self::Changed => "changed backup",
            Self::Restore => "restore",
            Self::Check => "check, reading all",
            Self::Prune => "forget and prune",
        }
    }

    /// Returns what this project asks of itself: how many times as fast as the fastest other program.
    pub(crate) fn goal(self) -> Option<f64> {
        match self {
            Self::Init => None,
            Self::Check => Some(2.5),
            _ => Some(2.0),
        }
    }

    /// Returns what this project asks of itself: which share of the limit.
    pub(crate) fn goal_of_limit(self) -> Option<f64> {
        match self {
            Self::First | Self::Check => Some(0.7),
            Self::Restore => Some(0.6),
            Self::Unchanged => Some(0.5),
            _ => None,
        }
    }

    /// Returns the key of its command in the table of programs.
    pub(crate) fn command(self) -> &'static str {
        match self {
            Self::First | Self::Unchanged | Self::Changed => "backup",
            other => other.as_str(),
        }
    }

    /// Returns the name by which programs that want one call the backup that is made or used.
    pub(crate) fn tag(self) -> &'static str {
        match self {
            Self::First => "v1",
            Self::Unchanged => "v1n",
            _ => "v2",
        }
    }
}
