//! What a caller may ask of a prune.

use std::time::Duration;

use strongroom_format::PackClass;

use crate::error::{Error, ErrorKind, Result};
use crate::settings::Settings;

/// How [`plan_prune`](crate::Repository::plan_prune) decides.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct PruneOptions {
    /// The most bytes of needed frames to be read and written again. Default: no limit.
    pub max_repack_bytes: Option<u64>,
    /// How much that nothing needs may stay. Packs are written anew until no more is left. Of frames of which less than a fifth is not needed, that
    /// counts only when twice as much is there in all. Default: 5 %.
    pub max_unused: Unused,
    /// What becomes of frames of which only a part is needed. Default: [`Reframe::Auto`].
    pub reframe: Reframe,
    /// How long ago an object that no journal entry names must have been seen first, by this client, to be given up. A client without a
    /// cache folder remembers nothing and gives up orphans only with an age of zero. Default: 24 hours.
    pub orphan_age: Duration,
    /// How long ago a session that has not ended must have announced something last to be given up, by the clock of who wrote that.
    /// Default: 7 days.
    pub session_age: Duration,
    /// Whether packs are condemned first and dropped by a later prune only, so that backups which begin in between do not build on
    /// them. Default: no.
    pub condemn: bool,
    /// Whether small index segments are merged. Default: yes.
    pub merge_segments: bool,
    /// Whether packs of content are read, which may be in cold storage. Default: [`ColdContent::Auto`].
    pub cold: ColdContent,
    /// After how long no further batch is begun. Default: no limit.
    pub time: Option<Duration>,
}

/// Whether a prune reads packs of content. Those of which nothing is needed are dropped in any case, and trees are never cold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ColdContent {
    /// As [`Leave`](Self::Leave) where [`Settings::cold_content`](crate::Settings::cold_content) is set, else as [`Repack`](Self::Repack).
    Auto,
    /// They are not read: those of which anything is needed stay, and what nothing needs stays in them. Where an epoch was retired, their
    /// headers are read all the same.
    Leave,
    /// They are written anew as others are. [`PrunePlan::content_to_read`](crate::PrunePlan::content_to_read) says which must be
    /// [warmed up](crate::Repository::warm_up) before, if they are cold. To look into packs of which only parts of frames are needed, planning
    /// reads their headers: it fails with `Archived` where they are out of reach. A pack that is out of reach when the plan is
    /// carried out stays, and is among the problems of the report.
    Repack,
}

/// How much that nothing needs may stay in the repository.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Unused {
    /// A share of what is stored after the prune, 0 to 1.
    Share(f64),
    /// Bytes.
    Bytes(u64),
    /// Any amount: only packs of which nothing is needed go.
    Unlimited,
}

/// What becomes of frames of which only a part is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reframe {
    /// Where the keys allow it they are opened and what is needed is sealed anew, if that frees a fifth of the frame, or more than twice of what
    /// [`PruneOptions::max_unused`] allows would stay otherwise. Where they do not, they are moved as they are.
    Auto,
    /// They are moved as they are. No content key is used.
    Never,
}

impl Default for PruneOptions {
    fn default() -> Self {
        Self {
            max_repack_bytes: None,
            max_unused: Unused::Share(0.05),
            reframe: Reframe::Auto,
            orphan_age: Duration::from_secs(24 * 60 * 60),
            session_age: Duration::from_secs(7 * 24 * 60 * 60),
            condemn: false,
            merge_segments: true,
            cold: ColdContent::Auto,
            time: None,
        }
    }
}

impl PruneOptions {
    /// Limits the bytes that are written again.
    #[must_use]
    pub fn with_max_repack_bytes(mut self, bytes: u64) -> Self {
        self.max_repack_bytes = Some(bytes);
        self
    }

    /// Says how much that nothing needs may stay.
    #[must_use]
    pub fn with_max_unused(mut self, unused: Unused) -> Self {
        self.max_unused = unused;
        self
    }

    /// Says what becomes of frames of which only a part is needed.
    #[must_use]
    pub fn with_reframe(mut self, reframe: Reframe) -> Self {
        self.reframe = reframe;
        self
    }

    /// Says when objects that no entry names are given up.
    #[must_use]
    pub fn with_orphan_age(mut self, age: Duration) -> Self {
        self.orphan_age = age;
        self
    }

    /// Says when sessions are given up.
    #[must_use]
    pub fn with_session_age(mut self, age: Duration) -> Self {
        self.session_age = age;
        self
    }

    /// Says whether packs are condemned before they are dropped.
    #[must_use]
    pub fn with_condemn(mut self, condemn: bool) -> Self {
        self.condemn = condemn;
        self
    }

    /// Says whether small index segments are merged.
    #[must_use]
    pub fn with_merge_segments(mut self, merge: bool) -> Self {
        self.merge_segments = merge;
        self
    }

    /// Says whether packs of content are read.
    #[must_use]
    pub fn with_cold(mut self, cold: ColdContent) -> Self {
        self.cold = cold;
        self
    }

    /// Says whether a pack of this class stays unless nothing of it is needed.
    pub(super) fn leaves(&self, class: PackClass) -> bool {
        self.cold == ColdContent::Leave && class == PackClass::Data
    }

    /// Puts what the settings say in the place of what is left to them.
    pub(super) fn resolved(mut self, settings: &Settings) -> Self {
        if self.cold == ColdContent::Auto {
            self.cold = match settings.cold_content {
                true => ColdContent::Leave,
                false => ColdContent::Repack,
            };
        }
        self
    }

    /// Says after how long no further batch is begun.
    #[must_use]
    pub fn with_time(mut self, time: Duration) -> Self {
        self.time = Some(time);
        self
    }

    pub(super) fn check(&self) -> Result<()> {
        match self.max_unused {
            Unused::Share(share) if !(0.0..=1.0).contains(&share) => Err(Error::new(
                ErrorKind::Invalid,
                "the unused share of a prune is not between 0 and 1",
            )),
            _ => Ok(()),
        }
    }

    /// Below which shares of needed bytes a frame is framed anew.
    pub(super) fn reframe_below(&self) -> ReframeBelow {
        let (fair, dear) = match self.max_unused {
            // Where nothing may stay, everything counts.
            Unused::Share(0.0) | Unused::Bytes(_) => (1.0, 1.0),
            // Packs are chosen until the share is met; frames that keep more in them would spoil that.
            Unused::Share(share) => (1.0 - share.max(FAIR), 1.0 - share),
            Unused::Unlimited => (WORTH_REFRAMING, WORTH_REFRAMING),
        };
        ReframeBelow {
            fair: fair.max(WORTH_REFRAMING),
            dear: dear.max(WORTH_REFRAMING),
        }
    }
}

/// Below which shares of needed bytes a frame is framed anew.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReframeBelow {
    /// Where it frees enough for the effort.
    pub(crate) fair: f64,
    /// Where otherwise twice as much would stay as may.
    pub(crate) dear: f64,
}

impl Unused {
    /// Returns the bytes that may stay unused beside so many that are needed.
    pub(super) fn bytes_beside(self, needed: u64) -> u64 {
        match self {
            Self::Share(share) if share < 1.0 => whole(needed as f64 * share / (1.0 - share)),
            Self::Bytes(bytes) => bytes,
            Self::Share(_) | Self::Unlimited => u64::MAX,
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the bytes are not negative, and saturate"
)]
pub(super) fn whole(bytes: f64) -> u64 {
    bytes as u64
}

/// A frame of which less is dead is framed anew only when there is too much of such: five bytes would be opened, compressed and sealed for one that becomes free.
const FAIR: f64 = 0.2;
/// Below this share of needed bytes a frame is always worth being framed anew.
const WORTH_REFRAMING: f64 = 0.5;
