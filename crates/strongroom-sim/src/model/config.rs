//! How large a world is explored, and what happens in it.

use super::{Mutant, Set};

/// The root page of the tree that every snapshot may share: blob 0, which refers to blob 1.
pub(crate) const PAGE: u8 = 0;
/// The page and what is below it.
pub(crate) const SUBTREE: Set = Set::of(&[PAGE, 1]);
/// Numbers of packs, and of the segments that map one pack each, are below this.
pub(crate) const MAX_PACKS: u8 = 16;
/// Merged segments are numbered from here.
pub(crate) const FIRST_MERGED: u8 = MAX_PACKS;
/// How many merged segments there can be.
pub(crate) const MAX_MERGED: u8 = 4;
/// How many writers there can be.
pub(crate) const MAX_WRITERS: u8 = 2;
/// How many pruners there can be.
pub(crate) const MAX_PRUNERS: u8 = 2;

/// The bounds of a model. Every field that counts something is a budget, after which it happens no more.
///
/// Blobs are 0 to 3. Blob 0 is a page that refers to blob 1: a snapshot with the one has the other.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// What it is called in reports.
    pub name: &'static str,
    /// The packs that are in force at the beginning, as what they hold. Each has its own segment.
    pub initial: Vec<Set>,
    /// The blobs of snapshot 0, which is there at the beginning.
    pub parent: Set,
    /// What each writer backs up, at most two writers.
    pub targets: Vec<Set>,
    /// Sessions that a writer begins at most: after a crash, or after its session was ended by others.
    pub sessions: u8,
    /// Packs that a session uploads at most: what was missing at first, and what it has to store again.
    pub uploads: u8,
    /// How many of its sessions a writer commits at most.
    pub backups: u8,
    /// How many pruners there are, at most two.
    pub pruners: u8,
    /// How often each pruner plans.
    pub rounds: u8,
    /// How many packs one Tombstone drops at most.
    pub drops: u32,
    /// Pruners copy what is live into new packs.
    pub repack: bool,
    /// Pruners drop packs and segments that no entry names, whatever their age.
    pub reclaim: bool,
    /// Pruners may end the sessions whose packs they drop.
    pub ends_sessions: bool,
    /// Pruners also drop segments by themselves, in force or not, as long as everything live stays mapped.
    pub drops_segments: bool,
    /// A reader restores one snapshot, blob by blob.
    pub reader: bool,
    /// How often an index merger plans.
    pub merges: u8,
    /// Crashes of writers, pruners and mergers.
    pub crashes: u8,
    /// Puts of entries that are lost on the way, or given up while they may still land.
    pub losses: u8,
    /// Packs whose upload was interrupted may still land.
    pub late_packs: bool,
    /// Segments are put by themselves, after their packs.
    pub segments: bool,
    /// Writers may announce their packs, and then sleep as long as they like.
    pub announces: bool,
    /// The writers have one identity and one session between them.
    pub twins: bool,
    /// Forget entries.
    pub forgets: u8,
    /// Condemn entries.
    pub condemns: u8,
    /// Damaged entries.
    pub damages: u8,
    /// Hold entries, placing or releasing.
    pub holds: u8,
    /// Epoch 0 is closed, and may be retired.
    pub epochs: bool,
    /// The whole journal is kept in the state, slot by slot, and entries that come too late keep coming. Otherwise entries
    /// are folded as they land, and what can have no effect any more is left out.
    pub journal: bool,
    /// A writer has as many sessions and packs as it likes: it is asked whether it gets done alone.
    pub(crate) alone: bool,
    /// The rule that is broken.
    pub mutant: Option<Mutant>,
}

impl Config {
    /// A world with one writer, one pruner and nothing else.
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            initial: vec![Set::of(&[0]), Set::of(&[1])],
            parent: SUBTREE,
            targets: vec![Set::of(&[0, 1, 2])],
            sessions: 1,
            uploads: 2,
            backups: 1,
            pruners: 1,
            rounds: 1,
            drops: 1,
            repack: true,
            reclaim: true,
            ends_sessions: false,
            drops_segments: false,
            reader: false,
            merges: 0,
            crashes: 0,
            losses: 0,
            late_packs: false,
            segments: false,
            announces: false,
            twins: false,
            forgets: 1,
            condemns: 0,
            damages: 0,
            holds: 0,
            epochs: false,
            journal: false,
            alone: false,
            mutant: None,
        }
    }

    /// The same world with a rule broken.
    #[must_use]
    pub fn with_mutant(mut self, mutant: Mutant) -> Self {
        self.mutant = Some(mutant);
        self
    }

    /// Whether `mutant` is the rule that is broken.
    pub(crate) fn breaks(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    /// How many writers there are.
    pub(crate) fn writers(&self) -> u8 {
        u8::try_from(self.targets.len())
            .unwrap_or(MAX_WRITERS)
            .min(MAX_WRITERS)
    }

    /// What `writer` backs up.
    pub(crate) fn target(&self, writer: u8) -> Set {
        self.targets
            .get(usize::from(writer))
            .copied()
            .unwrap_or_default()
    }

    fn first_upload(&self) -> u8 {
        u8::try_from(self.initial.len()).unwrap_or(MAX_PACKS)
    }

    fn first_repack(&self) -> u8 {
        self.first_upload() + self.writers() * self.sessions * self.uploads
    }

    /// The number of the pack that is the `upload`th of a session.
    pub(crate) fn uploaded_pack(&self, writer: u8, session: u8, upload: u8) -> u8 {
        self.first_upload() + (writer * self.sessions + session) * self.uploads + upload
    }

    /// The number of the pack that a pruner writes in a round.
    pub(crate) fn repacked(&self, pruner: u8, round: u8) -> u8 {
        self.first_repack() + pruner * self.rounds + round
    }

    /// How many numbers of packs there are.
    pub fn packs(&self) -> u8 {
        self.first_repack() + self.pruners * self.rounds
    }

    /// The number of a session.
    pub(crate) fn session(&self, writer: u8, session: u8) -> u8 {
        match (self.twins, session < self.sessions) {
            (true, _) => session,
            (false, true) => writer * self.sessions + session,
            (false, false) => self.writers() * self.sessions + writer,
        }
    }

    /// The session that a pack was uploaded in; none for those of pruners and of the beginning.
    pub(crate) fn session_of(&self, pack: u8) -> Option<u8> {
        let upload = pack.checked_sub(self.first_upload())?;
        let session = upload.checked_div(self.uploads)?;
        (pack < self.first_repack())
            .then(|| self.session(session / self.sessions, session % self.sessions))
    }

    /// The number of the snapshot of a session.
    pub(crate) fn snapshot(&self, writer: u8, session: u8) -> u8 {
        match session < self.sessions {
            true => 1 + writer * self.sessions + session,
            false => 1 + self.writers() * self.sessions + writer,
        }
    }

    /// The blobs of a snapshot.
    pub(crate) fn snapshot_blobs(&self, snapshot: u8) -> Set {
        let all = self.writers() * self.sessions;
        match snapshot.checked_sub(1) {
            None => self.parent,
            Some(session) if session < all => {
                self.target(session.checked_div(self.sessions).unwrap_or(0))
            }
            Some(session) => self.target(session - all),
        }
    }
}
