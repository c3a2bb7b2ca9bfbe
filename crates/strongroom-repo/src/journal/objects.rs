//! The journal byte for byte, for who keeps it elsewhere or proves what it says.

use std::ops::ControlFlow;

use super::fetch::Fetched;
use super::walk::Visitor;
use super::{Journal, View};
use crate::context::Context;
use crate::edge::Remote;
use crate::error::Result;
use crate::journal_objects::JournalObject;
use crate::state::{Effect, State};

impl Journal {
    /// Calls `each` with every entry from number `from` on, and returns the number of the first that was not looked at.
    ///
    /// # Errors
    ///
    /// As [`show`](Self::show).
    pub(crate) fn objects(
        &self,
        remote: &Remote,
        context: &Context,
        from: u64,
        each: &mut dyn FnMut(JournalObject) -> ControlFlow<()>,
    ) -> Result<u64> {
        self.show(remote, context, from, &mut Reader { each })
    }
}

/// Somebody who is called with entries.
struct Reader<'a> {
    each: &'a mut dyn FnMut(JournalObject) -> ControlFlow<()>,
}

impl Visitor for Reader<'_> {
    type Note = ();
    // What is passed on is the chain that was verified here from its first entry on.
    const BELIEVES_CHECKPOINTS: bool = false;

    fn before(&self, _: &State, _: &Fetched) {}

    fn after(&mut self, (): (), view: &View, _: Effect) -> Result<ControlFlow<()>> {
        let link = view.state.link();
        let (Some(n), Some(bytes)) = (link.n.checked_sub(1), view.recent.last()) else {
            return Ok(ControlFlow::Continue(()));
        };
        Ok((self.each)(JournalObject {
            n,
            bytes: bytes.clone(),
            link: link.previous,
        }))
    }
}
