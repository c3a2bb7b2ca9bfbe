//! The journal once more, from its first entry on, for whoever wants more of its entries than the state that they lead to.

use std::ops::{ControlFlow, Range};

use strongroom_format::{Entry, object_name};

use super::fetch::Fetched;
use super::replay::{Replay, WORTH_A_CHECKPOINT};
use super::{Journal, View};
use crate::context::Context;
use crate::edge::{Remote, cancelled};
use crate::error::{Error, ErrorKind, Result};
use crate::state::{Effect, State};

/// Somebody who is shown entries, in order.
pub(super) trait Visitor {
    /// What is kept of an entry while it is folded.
    type Note;

    /// Whether a checkpoint will do for what comes before the first entry that is shown.
    const BELIEVES_CHECKPOINTS: bool;

    /// Looks at an entry that follows `state`: folding may take away what says what it means. The state of Genesis is the one behind it.
    fn before(&self, state: &State, fetched: &Fetched) -> Self::Note;

    /// Looks at the same entry as the last one of `view`, and says whether to go on.
    ///
    /// # Errors
    ///
    /// Those of the visitor. They end the walk.
    fn after(&mut self, note: Self::Note, view: &View, effect: Effect) -> Result<ControlFlow<()>>;
}

impl Journal {
    /// Shows the visitor every entry from number `from` on, and returns the number of the first that was not looked at.
    ///
    /// Beside the state there are a few bundles in memory. Of a journal that was opened around lost entries, it is what comes before the first of them.
    ///
    /// # Errors
    ///
    /// As [`refresh`](Self::refresh); `Invalid` when there are fewer entries than `from`; `Conflict` when they are not those that this client has
    /// seen before; those of the visitor.
    pub(super) fn show<V: Visitor>(
        &self,
        remote: &Remote,
        context: &Context,
        from: u64,
        visitor: &mut V,
    ) -> Result<u64> {
        let known = self.refresh(remote, context)?;
        let damage = self.damage();
        let end = damage.as_ref().map_or(known.head, |damage| damage.intact);
        if from > end {
            let what = format!("the journal has no more than {end} entries");
            return Err(Error::new(ErrorKind::Invalid, what));
        }
        if from == end && V::BELIEVES_CHECKPOINTS {
            return Ok(end);
        }
        let replay = Replay::like(remote, context, &known);
        let walked = walk(&replay, from..end, visitor)?;
        if walked.left.is_none() && damage.is_none() {
            check_end(&walked.view, &known)?;
        }
        Ok(walked.left.unwrap_or(end))
    }
}

/// How a walk ended.
pub(super) struct Walked {
    /// What was folded.
    pub(super) view: View,
    /// The number of the entry before which the visitor left, if it did.
    pub(super) left: Option<u64>,
}

/// Folds the journal from its first entry to the end of the `range`, and shows the visitor what is in it.
///
/// # Errors
///
/// Those of reading, and those of the visitor.
pub(super) fn walk<V: Visitor>(
    replay: &Replay<'_>,
    range: Range<u64>,
    visitor: &mut V,
) -> Result<Walked> {
    let mut view = View::before_genesis(replay.context.config_hash);
    replay.begin(&mut view)?;
    let mut walker = Walker {
        from: range.start,
        left: None,
        visitor,
    };
    let walked = walker.walk(replay, &mut view, range.end);
    let left = walker.left;
    match walked {
        Err(error) if left.is_none() => Err(error),
        _ => Ok(Walked { view, left }),
    }
}

/// Makes sure that a walk to the end came to what was `known` of it.
///
/// # Errors
///
/// `Conflict` when it did not.
pub(super) fn check_end(view: &View, known: &State) -> Result<()> {
    if view.state.head_hash == known.head_hash {
        return Ok(());
    }
    let what = "the journal's entries are not those that lead to the head seen before";
    let last = object_name::journal(known.head.saturating_sub(1));
    Err(Error::new(ErrorKind::Conflict, what).object_named(last))
}

/// A walk under way.
struct Walker<'v, V> {
    /// The first entry that is shown.
    from: u64,
    /// Where the visitor left.
    left: Option<u64>,
    visitor: &'v mut V,
}

impl<V: Visitor> Walker<'_, V> {
    /// Walks on behind the first entry, which is in the view.
    fn walk(&mut self, replay: &Replay<'_>, view: &mut View, end: u64) -> Result<()> {
        if self.from == 0 {
            self.show_genesis(view)?;
        } else if V::BELIEVES_CHECKPOINTS && self.from > WORTH_A_CHECKPOINT {
            replay.jump(view, self.from)?;
        }
        replay.each(view.state.head..end, |fetched| {
            self.take(replay, view, fetched)
        })
    }

    fn show_genesis(&mut self, view: &View) -> Result<()> {
        let Some(bytes) = view.recent.last() else {
            return Ok(());
        };
        let Ok(entry) = Entry::decode(bytes) else {
            return Ok(());
        };
        let bytes = bytes.clone();
        let note = self.visitor.before(&view.state, &Fetched { bytes, entry });
        self.show(note, view, Effect::InForce)
    }

    fn take(&mut self, replay: &Replay<'_>, view: &mut View, fetched: Fetched) -> Result<()> {
        let fetched = replay.chained(&view.state.link(), fetched)?;
        let is_shown = fetched.entry.n >= self.from;
        let note = is_shown.then(|| self.visitor.before(&view.state, &fetched));
        let effect = replay.fold(view, fetched)?;
        match note {
            Some(note) => self.show(note, view, effect),
            None => Ok(()),
        }
    }

    /// Shows the entry that was folded last.
    fn show(&mut self, note: V::Note, view: &View, effect: Effect) -> Result<()> {
        match self.visitor.after(note, view, effect)? {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => {
                self.left = Some(view.state.head);
                Err(cancelled())
            }
        }
    }
}
