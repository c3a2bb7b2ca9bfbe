//! Kinds of worlds to run the engine in.

use std::fmt;

use strongroom_repo::ErrorKind;

use crate::dice::Dice;
use crate::faults::{Fault, FaultPlan};

/// A kind of world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Profile {
    /// Nothing goes wrong; only the order of calls is the seed's.
    Quiet,
    /// Errors of every kind, lost replies, late, lost and repeated writes, a full store.
    Faulty,
    /// Clients die at any call, with all that may become of it.
    Crashes,
    /// Clients sleep while others do months of work, clocks jump by years.
    Sleepers,
    /// Lists and reads show what was, not what is.
    Stale,
    /// Bits flip in copies, bundles and checkpoints.
    Rot,
    /// Bits flip in packs as well.
    RottenPacks,
    /// All clients are the same machine: the same series, the same cache folder.
    Twins,
    /// Everything but rot and staleness.
    Mixed,
    /// The store locks objects, and writes go astray.
    Locked,
}

impl Profile {
    /// Every profile.
    pub const ALL: [Self; 10] = [
        Self::Quiet,
        Self::Faulty,
        Self::Crashes,
        Self::Sleepers,
        Self::Stale,
        Self::Rot,
        Self::RottenPacks,
        Self::Twins,
        Self::Mixed,
        Self::Locked,
    ];

    /// Returns the profile of a name as `Display` writes it.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.to_string() == name)
    }

    /// Returns the profile that a seed has if none is asked for.
    #[must_use]
    pub fn of_seed(seed: u64) -> Self {
        let mut dice = Dice::new(seed ^ 0x70f1);
        dice.pick(&Self::ALL).copied().unwrap_or(Self::Mixed)
    }

    /// Returns what goes wrong.
    pub(super) fn plan(self, dice: &mut Dice) -> FaultPlan {
        let rare = dice.pick(&[25, 80, 250]).copied().unwrap_or(80);
        let rate = |faults: &[Fault], plan: FaultPlan, one_in: u32| {
            let with = |plan: FaultPlan, fault: &Fault| plan.with(*fault, one_in);
            faults.iter().fold(plan, with)
        };
        let switch = dice.pick(&[1, 2, 5, 20, 100]).copied().unwrap_or(5);
        let plan = FaultPlan::none()
            .with_switch_one_in(switch)
            .with_max_steps(MAX_STEPS)
            .with_torn_below("pack/")
            .with_torn_below("index/")
            .with_torn_below("bundle/")
            .with_torn_below("checkpoint/");
        match self {
            Self::Quiet => plan,
            Self::Faulty | Self::Twins => {
                let plan = rate(&WRITES, plan, rare);
                rate(&[Fault::Error], plan, rare * 2).with(Fault::Full, 1_000)
            }
            Self::Crashes => rate(&CRASHES, plan, rare * 2),
            Self::Locked => {
                let plan = rate(&WRITES, plan, rare);
                rate(&[Fault::Error, Fault::Pause], plan, rare * 2)
            }
            Self::Sleepers => rate(&TIMES, plan, rare),
            Self::Stale => rate(&[Fault::StaleList, Fault::StaleRead], plan, rare),
            Self::Rot => rate(&[Fault::Rot], plan, rare * 2)
                .with_rot_below("checkpoint/")
                .with_rot_below("bundle/")
                .with_rot_below("config.copy"),
            Self::RottenPacks => rate(&[Fault::Rot], plan, rare * 16).with_rot_below("pack/"),
            Self::Mixed => {
                let plan = rate(&WRITES, plan, rare * 2);
                let plan = rate(&CRASHES, plan, rare * 8);
                let plan = rate(&TIMES, plan, rare * 2);
                rate(&[Fault::Error], plan, rare * 4).with(Fault::Full, 2_000)
            }
        }
    }

    /// Says whether objects are locked.
    pub(super) fn locks(self) -> bool {
        self == Self::Locked
    }

    /// Says whether packs may be lost, and snapshots with them.
    pub(super) fn loses_packs(self) -> bool {
        self == Self::RottenPacks
    }

    /// Says whether no engine may give an error of this kind here, whatever its clients do.
    pub(super) fn excludes(self, kind: ErrorKind) -> bool {
        match kind {
            ErrorKind::Internal
            | ErrorKind::Incompatible
            | ErrorKind::WrongKey
            | ErrorKind::Invalid
            | ErrorKind::Source
            | ErrorKind::Target
            | ErrorKind::Cancelled => true,
            ErrorKind::Damaged => !matches!(self, Self::Stale | Self::RottenPacks),
            ErrorKind::Unavailable | ErrorKind::PermissionDenied | ErrorKind::NoSpace => {
                matches!(self, Self::Quiet | Self::Sleepers | Self::Rot)
            }
            _ => false,
        }
    }
}

const WRITES: [Fault; 4] = [
    Fault::LostReply,
    Fault::Retried,
    Fault::LateWrite,
    Fault::Duplicate,
];

const CRASHES: [Fault; 4] = [
    Fault::CrashBefore,
    Fault::CrashAfter,
    Fault::CrashLate,
    Fault::TornWrite,
];

const TIMES: [Fault; 3] = [Fault::Pause, Fault::ClockJump, Fault::TimeJump];

/// A run has some thousand calls; one of so many goes in circles.
const MAX_STEPS: u64 = 100_000;

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Quiet => "quiet",
            Self::Faulty => "faulty",
            Self::Crashes => "crashes",
            Self::Sleepers => "sleepers",
            Self::Stale => "stale",
            Self::Rot => "rot",
            Self::RottenPacks => "rotten-packs",
            Self::Twins => "twins",
            Self::Mixed => "mixed",
            Self::Locked => "locked",
        })
    }
}
