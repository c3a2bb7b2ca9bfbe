//! What those who write new packs share.

use strongroom_crypt::{Session, SessionId};
use strongroom_format::{PackClass, SessionKeyRecord};

use crate::buffers::Buffers;
use crate::context::Context;
use crate::edge::Remote;
use crate::error::Result;
use crate::frame_writer::FrameSealer;
use crate::keys::Keys;
use crate::pack_writer::{PackWriter, start_session};
use crate::prune::inspect::Reframing;
use crate::prune::options::PruneOptions;
use crate::state::State;

/// What the writers of a repack share.
#[derive(Debug)]
pub(in crate::prune) struct Tools<'a> {
    pub(super) context: &'a Context,
    keys: &'a Keys,
    pub(super) remote: &'a Remote,
    packs: [PackWriter<'a>; 3],
    pub(super) session: Option<(Session, SessionKeyRecord)>,
}

impl<'a> Tools<'a> {
    pub(in crate::prune) fn new(
        context: &'a Context,
        keys: &'a Keys,
        remote: &'a Remote,
        state: &State,
        options: &PruneOptions,
    ) -> Result<Self> {
        let buffers = Buffers::default();
        let writer = |class, open| PackWriter::new(context, class, open, buffers.clone());
        let needs_session = Reframing::new(keys, state, options).has_content_keys();
        Ok(Self {
            context,
            keys,
            remote,
            packs: [
                writer(PackClass::Data, OPEN_PACKS),
                writer(PackClass::Names, 1),
                writer(PackClass::Pages, 1),
            ],
            session: match needs_session {
                true => Some(start_session(context, keys, state)?),
                false => None,
            },
        })
    }

    pub(super) fn writer(&self, class: PackClass) -> &PackWriter<'a> {
        let [data, names, pages] = &self.packs;
        match class {
            PackClass::Data => data,
            PackClass::Names => names,
            PackClass::Pages => pages,
        }
    }

    pub(super) fn sealer(&self, kind: u8) -> Option<FrameSealer<'_>> {
        if kind == crate::blobs::PAGE {
            return Some(FrameSealer::Refs(self.keys.structure.refs()));
        }
        let (session, record) = self.session.as_ref()?;
        Some(FrameSealer::Session(session.sealer(), record))
    }

    /// The author that segments name: the session whose secret new frames have, if there is one.
    pub(super) fn author(&self) -> SessionId {
        let nobody = SessionId::from_bytes([0; SessionId::LEN]);
        self.session
            .as_ref()
            .map_or(nobody, |(session, _)| session.id())
    }
}

/// Packs open at once.
const OPEN_PACKS: usize = 2;
