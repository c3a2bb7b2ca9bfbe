//! The protocol with one of its rules left out.

/// One rule of the protocol that is broken on purpose. A model that does not notice is worth nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Mutant {
    /// A pruner deletes what it plans to drop before its Tombstone is in the journal.
    DeletesBeforeTombstone,
    /// A pruner deletes objects that no entry names, because a list showed them, without a Tombstone.
    DeletesOrphansWithoutTombstone,
    /// A pruner deletes the announced packs of a session that seems to sleep, without a Tombstone.
    DeletesSleepersPacks,
    /// A writer does not look again at what it refers to when it writes its Commit.
    NoRevalidation,
    /// A writer that has looked does not look again although a segment was dropped.
    SegmentsGoUnnoticed,
    /// A writer that has looked does not look again although a pack was found damaged.
    DamageGoesUnnoticed,
    /// A writer that has looked does not look again although an epoch was retired.
    RetirementGoesUnnoticed,
    /// A writer looks only for the root page of a subtree that it reuses, whatever became of the parent.
    OnlyRootRevalidated,
    /// A subtree of a parent that was damaged meanwhile is reused without a walk.
    DamagedParentTrusted,
    /// The store replaces an entry that is there.
    PutReplaces,
    /// A pack that is stored again has its old name.
    NamesReused,
    /// A writer validates against its cache, which an interrupted prune has left behind.
    StaleCacheTrusted,
    /// A writer takes silence after a put for success.
    SilenceIsSuccess,
    /// A pruner takes silence after its Tombstone for success, and deletes.
    PrunerTakesSilenceForSuccess,
    /// A Commit adds a pack that was dropped.
    CommitsDroppedPack,
    /// A writer commits although its session was ended.
    CommitsEndedSession,
    /// A pruner validates against what was referred to when it planned.
    PrunerIgnoresNewCommits,
    /// A pruner counts copies that another pruner has dropped since it planned.
    PrunerIgnoresOtherTombstones,
    /// A pruner adds a pack of its own that another pruner has dropped, and deletes what it believes it dropped.
    PrunerAddsDroppedPack,
    /// A merge leaves a pack out.
    MergeDropsMappings,
    /// A merger removes segments although its merged one was dropped, and readers accept it.
    MergeAddsDroppedSegment,
    /// A Tombstone drops the last segment that maps a pack it keeps.
    TombstoneForgetsMappings,
    /// A Commit is written while its pack is still on its way.
    CommitBeforePack,
    /// A Commit is written while its segment is still on its way.
    CommitBeforeSegment,
    /// A damaged copy satisfies a precondition of a writer.
    DamagedCopyCounts,
    /// A Tombstone is written while the pack it adds is still on its way.
    TombstoneBeforePack,
    /// An Index entry is written while its segment is still on its way.
    IndexBeforeSegment,
    /// A Commit adds a segment that was dropped.
    CommitsDroppedSegment,
    /// A pruner adds a segment of its own that another pruner has dropped, and deletes what it believes it dropped.
    PrunerAddsDroppedSegment,
    /// A writer looks for packs in force and not for segments that map them.
    UnmappedPackCounts,
    /// A pruner drops the last copy of a live blob because it is damaged.
    PrunerDropsDamagedCopy,
    /// A damaged copy satisfies a precondition of a pruner.
    PrunerKeepsDamagedCopy,
    /// A writer refers to packs of a retired epoch.
    RefersToRetiredEpoch,
    /// A writer adds a pack that was sealed under an epoch that has been retired since.
    AddsUnderRetiredEpoch,
    /// An epoch is retired while live blobs have no pack under another.
    RetiresWithoutSurvivors,
    /// Forgetting does not look for holds.
    ForgetIgnoresHolds,
    /// A writer takes whatever a list of the store showed when it began for packs in force.
    ListDecides,
    /// A writer takes every pack that was announced for one that will stay.
    AnnouncedIsKept,
    /// A pruner deletes packs once they are condemned.
    CondemnedIsDropped,
    /// A forgotten snapshot comes back by an entry that takes its Tombstone back.
    TombstoneRevoked,
    /// A reader that meets a deleted pack does not look at the journal again.
    ReaderGivesUp,
}

impl Mutant {
    /// Every mutant.
    pub const ALL: [Self; 41] = [
        Self::DeletesBeforeTombstone,
        Self::DeletesOrphansWithoutTombstone,
        Self::DeletesSleepersPacks,
        Self::NoRevalidation,
        Self::SegmentsGoUnnoticed,
        Self::DamageGoesUnnoticed,
        Self::RetirementGoesUnnoticed,
        Self::OnlyRootRevalidated,
        Self::DamagedParentTrusted,
        Self::PutReplaces,
        Self::NamesReused,
        Self::StaleCacheTrusted,
        Self::SilenceIsSuccess,
        Self::PrunerTakesSilenceForSuccess,
        Self::CommitsDroppedPack,
        Self::CommitsEndedSession,
        Self::PrunerIgnoresNewCommits,
        Self::PrunerIgnoresOtherTombstones,
        Self::PrunerAddsDroppedPack,
        Self::MergeDropsMappings,
        Self::MergeAddsDroppedSegment,
        Self::TombstoneForgetsMappings,
        Self::CommitBeforePack,
        Self::CommitBeforeSegment,
        Self::TombstoneBeforePack,
        Self::IndexBeforeSegment,
        Self::CommitsDroppedSegment,
        Self::PrunerAddsDroppedSegment,
        Self::UnmappedPackCounts,
        Self::PrunerDropsDamagedCopy,
        Self::DamagedCopyCounts,
        Self::PrunerKeepsDamagedCopy,
        Self::RefersToRetiredEpoch,
        Self::AddsUnderRetiredEpoch,
        Self::RetiresWithoutSurvivors,
        Self::ForgetIgnoresHolds,
        Self::ListDecides,
        Self::AnnouncedIsKept,
        Self::CondemnedIsDropped,
        Self::TombstoneRevoked,
        Self::ReaderGivesUp,
    ];
}
