//! Holds: what must not be forgotten, whatever a policy says.

use strongroom_crypt::{Id, Roles};
use strongroom_format::{Body, Hold, HoldAction, Time, Unknown};

use crate::edge;
use crate::error::{Error, ErrorKind, Result};
use crate::repository::Repository;
use crate::state::State;

/// A hold to be placed. [`HoldRequest::on_snapshots`] and [`HoldRequest::on_series`] make one.
///
/// ```
/// use strongroom_repo::HoldRequest;
///
/// let request = HoldRequest::on_series("mail", "case 2026-17, until counsel releases it");
/// assert_eq!(request.series.as_deref(), Some("mail"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HoldRequest {
    /// The snapshots that are held. None means by series.
    pub snapshots: Vec<Id>,
    /// The series all of whose snapshots are held, later ones too.
    pub series: Option<String>,
    /// Why, for people.
    pub reason: String,
    /// When releasing it is due. Nothing happens by itself: a hold lasts until somebody releases it.
    pub due: Option<Time>,
}

/// A hold in force.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HoldInfo {
    /// Names it.
    pub id: [u8; 16],
    /// The snapshots that it names. None means by series.
    pub snapshots: Vec<Id>,
    /// The series.
    pub series: Option<String>,
    /// Why, for people.
    pub reason: String,
    /// When releasing it is due.
    pub due: Option<Time>,
}

impl HoldRequest {
    /// Holds these snapshots.
    pub fn on_snapshots(
        snapshots: impl IntoIterator<Item = Id>,
        reason: impl Into<String>,
    ) -> Self {
        Self {
            snapshots: snapshots.into_iter().collect(),
            series: None,
            reason: reason.into(),
            due: None,
        }
    }

    /// Holds all snapshots of a series, those to come included.
    pub fn on_series(series: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            snapshots: Vec::new(),
            series: Some(series.into()),
            reason: reason.into(),
            due: None,
        }
    }

    /// Says when releasing it is due.
    #[must_use]
    pub fn with_due(mut self, due: Time) -> Self {
        self.due = Some(due);
        self
    }

    /// Says what is wrong with the request itself.
    fn check(&self) -> Result<()> {
        let what = match (self.snapshots.is_empty(), &self.series) {
            _ if self.reason.trim().is_empty() => "a hold needs a reason",
            (true, None) => "a hold names snapshots or a series",
            (false, Some(_)) => "a hold names either snapshots or a series",
            _ => return Ok(()),
        };
        Err(Error::new(ErrorKind::Invalid, what))
    }

    /// Makes sure that it holds something: a name that was mistyped would protect nothing.
    fn check_in(&self, state: &State) -> Result<()> {
        if let Some(id) = self
            .snapshots
            .iter()
            .find(|id| state.snapshot(id).is_none())
        {
            let what = format!("there is no snapshot {id} to hold");
            return Err(Error::new(ErrorKind::NotFound, what));
        }
        let Some(series) = &self.series else {
            return Ok(());
        };
        let mut all = state.snapshots.values();
        if all.any(|(_, snapshot)| snapshot.series == *series) {
            return Ok(());
        }
        let what = format!("there is no snapshot of the series {series} to hold");
        Err(Error::new(ErrorKind::NotFound, what))
    }
}

impl Repository {
    /// Places a hold and returns its id. What is held is not forgotten by anybody until the hold is released.
    ///
    /// # Errors
    ///
    /// `Invalid` without a reason, or unless the request names either snapshots or a series; `NotFound` when one of the
    /// snapshots is not in force, or the series has none; `WrongKey` when this handle's keys are not an admin's; otherwise
    /// as [`snapshots`](Self::snapshots).
    ///
    /// # Cancellation
    ///
    /// Dropping the future may leave the hold placed or not; [`holds`](Self::holds) tells.
    pub async fn place_hold(&self, mut request: HoldRequest) -> Result<[u8; 16]> {
        request.check()?;
        request.snapshots.sort_unstable();
        request.snapshots.dedup();
        let this = self.clone();
        edge::run(self.store(), "strongroom-hold", move |remote| {
            let context = this.context();
            this.journal().refresh(remote, context)?;
            let id = context.random()?;
            let hold = Hold {
                action: HoldAction::Place,
                id,
                snapshots: request.snapshots.clone(),
                series: request.series.clone(),
                reason: request.reason.clone(),
                end: request.due,
                unknown: Unknown::default(),
            };
            this.journal()
                .append(remote, context, Roles::ADMIN, &mut |state| {
                    request.check_in(state)?;
                    Ok(Body::Hold(hold.clone()))
                })?;
            Ok(id)
        })
        .await
    }

    /// Releases a hold.
    ///
    /// # Errors
    ///
    /// `NotFound` when there is none with this id, or somebody else has released it; `WrongKey` when this handle's keys
    /// are not an admin's; otherwise as [`snapshots`](Self::snapshots).
    ///
    /// # Cancellation
    ///
    /// Dropping the future may leave the hold in force or not; [`holds`](Self::holds) tells.
    pub async fn release_hold(&self, id: [u8; 16]) -> Result<()> {
        let this = self.clone();
        edge::run(self.store(), "strongroom-release", move |remote| {
            let context = this.context();
            this.journal().refresh(remote, context)?;
            let hold = Hold {
                action: HoldAction::Release,
                id,
                ..Hold::default()
            };
            let mut release = |state: &State| match state.holds.contains_key(&id) {
                true => Ok(Body::Hold(hold.clone())),
                false => Err(Error::new(ErrorKind::NotFound, "there is no such hold")),
            };
            this.journal()
                .append(remote, context, Roles::ADMIN, &mut release)?;
            Ok(())
        })
        .await
    }

    /// Lists the holds in force, by id.
    ///
    /// # Errors
    ///
    /// As [`snapshots`](Self::snapshots).
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves nothing behind.
    pub async fn holds(&self) -> Result<Vec<HoldInfo>> {
        let this = self.clone();
        edge::run(self.store(), "strongroom-holds", move |remote| {
            let state = this.journal().refresh(remote, this.context())?;
            Ok(state.holds.values().map(HoldInfo::of).collect())
        })
        .await
    }
}

impl HoldInfo {
    fn of(hold: &Hold) -> Self {
        Self {
            id: hold.id,
            snapshots: hold.snapshots.clone(),
            series: hold.series.clone(),
            reason: hold.reason.clone(),
            due: hold.end,
        }
    }
}

#[cfg(test)]
mod tests;
