//! The journal byte for byte, for who keeps it elsewhere or proves what it says.

use std::ops::ControlFlow;

use super::fetch::Fetched;
use super::replay::Replay;
use super::{Journal, View};
use crate::context::Context;
use crate::edge::{Remote, cancelled};
use crate::error::{Error, ErrorKind, Result};
use crate::journal_objects::JournalObject;
use strongroom_format::object_name;

impl Journal {
    /// Calls `each` with every entry from number `from` on, and returns the number of the first that was not looked at.
    ///
    /// # Errors
    ///
    /// As [`refresh`](Self::refresh); `Invalid` when there are fewer entries than `from`; `Conflict` when they are not those that this client has
    /// seen before.
    pub(crate) fn objects(
        &self,
        remote: &Remote,
        context: &Context,
        from: u64,
        each: &mut dyn FnMut(JournalObject) -> ControlFlow<()>,
    ) -> Result<u64> {
        let known = self.refresh(remote, context)?;
        let damage = self.damage();
        let end = damage.as_ref().map_or(known.head, |damage| damage.intact);
        if from > end {
            let what = format!("the journal has no more than {end} entries");
            return Err(Error::new(ErrorKind::Invalid, what));
        }
        let replay = Replay::like(remote, context, &known);
        let mut view = View::before_genesis(context.config_hash);
        replay.begin(&mut view)?;
        let mut reader = Reader {
            from,
            next: from,
            each,
            is_over: false,
        };
        let first = reader.call(&view);
        let read = first.and_then(|()| {
            replay.each(view.state.head..end, |fetched| {
                reader.take(&replay, &mut view, fetched)
            })
        });
        match read {
            Err(_) if reader.is_over => return Ok(reader.next),
            read => read?,
        }
        if damage.is_none() && view.state.head_hash != known.head_hash {
            let what = "the journal's entries are not those that lead to the head seen before";
            let last = object_name::journal(known.head.saturating_sub(1));
            return Err(Error::new(ErrorKind::Conflict, what).object_named(last));
        }
        Ok(end)
    }
}

/// Somebody who is called with entries.
struct Reader<'a> {
    /// The first entry that matters.
    from: u64,
    /// The first that was not looked at.
    next: u64,
    each: &'a mut dyn FnMut(JournalObject) -> ControlFlow<()>,
    /// Whether whoever is called has had enough.
    is_over: bool,
}

impl Reader<'_> {
    fn take(&mut self, replay: &Replay<'_>, view: &mut View, fetched: Fetched) -> Result<()> {
        replay.fold_chained(view, fetched)?;
        self.call(view)
    }

    /// Passes on the entry that was folded last.
    fn call(&mut self, view: &View) -> Result<()> {
        let link = view.state.link();
        let (Some(n), Some(bytes)) = (link.n.checked_sub(1), view.recent.last()) else {
            return Ok(());
        };
        if n < self.from {
            return Ok(());
        }
        self.next = link.n;
        let object = JournalObject {
            n,
            bytes: bytes.clone(),
            link: link.previous,
        };
        self.is_over = (self.each)(object).is_break();
        match self.is_over {
            true => Err(cancelled()),
            false => Ok(()),
        }
    }
}
