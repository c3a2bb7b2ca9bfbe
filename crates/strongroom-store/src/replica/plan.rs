//! What would be done to make a copy like its reference.

use std::fmt;

use super::comparison::{Comparison, Count, Difference, DifferenceKind};
use crate::key::Key;

/// What is to be done about differences. The default adds and repairs, and takes nothing away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub struct SyncOptions {
    /// What becomes of objects that only the copy has.
    pub surplus: Surplus,
    /// What becomes of objects that differ, while nothing tells which is right.
    pub differing: Differing,
}

/// What becomes of objects that only the copy has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Surplus {
    /// They stay. They may be all that is left of something that the reference has lost.
    #[default]
    Keep,
    /// They are deleted.
    Delete,
}

/// What becomes of objects that differ, while nothing tells which is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Differing {
    /// They are conflicts, for somebody to decide.
    #[default]
    Report,
    /// The reference's is put in place of the copy's.
    Replace,
}

/// What would be done to make a copy like its reference. It prints and compares; nothing has been done yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SyncPlan {
    /// To be put where nothing is.
    pub copies: Count,
    /// To be put in place of something.
    pub replacements: Count,
    /// To be deleted.
    pub deletions: Count,
    /// Different, and nobody said which is right.
    pub conflicts: Count,
    /// Broken in the reference: the copy's stays.
    pub broken: Count,
    /// Left out because the caller said so, though they are missing or broken in the copy.
    pub left_out: Vec<Key>,
    /// There are more differences than the comparison listed: after this plan another one is due.
    pub is_partial: bool,
    pub(super) actions: Vec<(Action, Difference)>,
}

/// What is done about one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Copy,
    Replace,
    Delete,
    /// Nothing: it is a conflict.
    Report,
    /// Nothing: the reference's is broken, and so is the copy's.
    Lost,
}

impl SyncPlan {
    /// Decides what would be done about the differences that were found. Nothing is done.
    #[must_use]
    pub fn new(comparison: &Comparison, options: SyncOptions) -> Self {
        Self::leaving_out(comparison, options, |_| false)
    }

    /// Decides the same, and leaves out what is not to be put into the copy: [`left_out`](Self::left_out) names it.
    #[must_use]
    pub fn leaving_out(
        comparison: &Comparison,
        options: SyncOptions,
        is_left_out: impl Fn(&Key) -> bool,
    ) -> Self {
        let mut plan = Self {
            is_partial: !comparison.is_listed_in_full(),
            ..Self::default()
        };
        for difference in &comparison.differences {
            let is_only_there = difference.kind == DifferenceKind::Surplus;
            if !is_only_there && is_left_out(&difference.key) {
                plan.left_out.push(difference.key.clone());
                continue;
            }
            let len = difference.reference_len.or(difference.copy_len);
            let len = len.unwrap_or(0);
            let (count, action) = match difference.kind {
                DifferenceKind::Missing => (&mut plan.copies, Action::Copy),
                DifferenceKind::CopyBroken => (&mut plan.replacements, Action::Replace),
                DifferenceKind::Differs if options.differing == Differing::Replace => {
                    (&mut plan.replacements, Action::Replace)
                }
                DifferenceKind::Surplus if options.surplus == Surplus::Delete => {
                    (&mut plan.deletions, Action::Delete)
                }
                DifferenceKind::Surplus => continue,
                DifferenceKind::Differs => (&mut plan.conflicts, Action::Report),
                DifferenceKind::BothBroken => (&mut plan.broken, Action::Lost),
                DifferenceKind::ReferenceBroken => {
                    plan.broken.add(len);
                    continue;
                }
            };
            count.add(len);
            plan.actions.push((action, difference.clone()));
        }
        // What refers to others goes before them.
        let (mut put, gone): (Vec<_>, Vec<_>) = plan
            .actions
            .into_iter()
            .partition(|(action, _)| *action != Action::Delete);
        put.extend(gone.into_iter().rev());
        plan.actions = put;
        plan
    }

    /// Says whether nothing would be done.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let nothing = [Action::Report, Action::Lost];
        self.actions
            .iter()
            .all(|(action, _)| nothing.contains(action))
    }
}

impl fmt::Display for SyncPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "to copy {}, to replace {}",
            self.copies, self.replacements
        )?;
        write!(f, ", to delete {}", self.deletions)?;
        write!(
            f,
            "; conflicts {}, broken in the reference {}",
            self.conflicts, self.broken
        )?;
        if self.is_partial {
            f.write_str("; more to follow")?;
        }
        for key in &self.left_out {
            write!(f, "\nleave out {key}")?;
        }
        for (action, difference) in &self.actions {
            let verb = match action {
                Action::Copy => "copy",
                Action::Replace => "replace",
                Action::Delete => "delete",
                Action::Report => "conflict",
                Action::Lost => "lost",
            };
            write!(f, "\n{verb} {}", difference.key)?;
        }
        Ok(())
    }
}
