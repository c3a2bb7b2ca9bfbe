//! The problems that checks of this crate know, each with a code that never changes.

use std::fmt;

/// Declares problems: name, code, words.
macro_rules! problems {
    ($($(#[$doc:meta])* $name:ident $code:literal $words:literal;)*) => {
        /// What is wrong.
        ///
        /// `Display` is for people and may change; [`code`](Problem::code) never does.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Problem {
            $($(#[$doc])* $name,)*
            /// What a [`Check`](crate::Check) of the embedder found; its code, which should begin with a name of the embedder's own.
            Custom(&'static str),
        }

        impl Problem {
            /// All that this crate knows.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Returns its code: lower-case words joined by hyphens, the same in every version.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)*
                    Self::Custom(code) => code,
                }
            }

            const fn words(self) -> &'static str {
                match self {
                    $(Self::$name => $words,)*
                    Self::Custom(code) => code,
                }
            }
        }
    };
}

problems! {
    // listing
    /// A name that no version-1 writer gives.
    ForeignName "foreign-name" "not a name of this format";
    /// An object that must be there is not.
    Missing "missing" "missing";
    /// The second copy of an object is missing.
    MissingCopy "missing-copy" "has no second copy";
    /// The object's length is not the one that the journal states.
    WrongLength "wrong-length" "has another length than the journal says";
    /// A pack or segment that no entry names: left by a run that was interrupted, or of one that is under way.
    Unannounced "unannounced" "named by no journal entry";
    /// A pack or segment that was dropped and is still there.
    NotDeleted "not-deleted" "dropped, but not deleted";
    /// Parity of a pack that is not there.
    ParityWithoutPack "parity-without-pack" "parity of a pack that is not there";
    /// Parity that is whole, and is not what its pack gives.
    ParityDiffers "parity-differs" "parity of other bytes than its pack has";
    /// A beacon of a session that has ended or is old.
    StaleSession "stale-session" "beacon of a session that has ended or fallen silent";
    // wholeness
    /// The store has the object and cannot deliver it.
    Unreadable "unreadable" "the store cannot read it";
    /// It is in cold storage and was not looked at. Not damage.
    Cold "cold" "in cold storage, and not looked at";
    /// The bytes do not have the hash in the name.
    HashDiffers "hash-differs" "its bytes do not have the hash in its name";
    /// The seal of wholeness is wrong.
    NotWhole "not-whole" "its seal of wholeness is wrong, or it ends too early";
    /// The object is whole and breaks a rule of the format.
    Malformed "malformed" "breaks a rule of the format";
    /// A newer version wrote it. Not damage.
    NewerVersion "newer-version" "written by a newer version";
    /// The object is of another repository, suite, kind or number than its place says.
    WrongPlace "wrong-place" "an object of another place or repository";
    /// The previous hash of an entry is not that of the entry before it.
    ChainBroken "chain-broken" "does not follow the entry before it";
    /// Two copies are whole and differ.
    CopiesDiffer "copies-differ" "its two copies differ";
    /// A bundle holds other bytes than the entries.
    BundleDiffers "bundle-differs" "holds other bytes than the entries themselves";
    // journal
    /// An entry is missing, or not whole, and has no copy.
    EntryLost "entry-lost" "a journal entry has no intact copy";
    /// A lost entry was bridged by a repair.
    Bridged "bridged" "stands in for a journal entry that was lost";
    /// An entry, keyring or other object does not open with the keys.
    DoesNotOpen "does-not-open" "does not open with the key";
    /// An entry has no effect.
    VoidEntry "void-entry" "a journal entry without effect";
    /// An entry of a type that this version does not know.
    UnknownEntry "unknown-entry" "a journal entry of a type that this version does not know";
    /// A signature does not verify, or nobody who is certified signed.
    BadSignature "bad-signature" "not signed as it must be";
    /// Entry 0 is not that of the pin or of the keys.
    WrongGenesis "wrong-genesis" "the first entry is not the one that was pinned";
    /// Genesis has another hash of the configuration.
    ConfigDiffers "config-differs" "not the configuration that the first entry names";
    /// The store shows an older journal than was seen before.
    RolledBack "rolled-back" "the store shows an older state than was seen before";
    /// The store shows another journal than was seen before.
    Forked "forked" "the store shows another history than was seen before";
    /// The announced keyring has another hash.
    KeyringDiffers "keyring-differs" "not the keyring that the journal announces";
    /// A keyring is not signed by Genesis' admin key.
    KeyringUnsigned "keyring-unsigned" "a keyring that the admin did not sign";
    /// A checkpoint says another state than the entries before it.
    CheckpointDiffers "checkpoint-differs" "says another state than the journal";
    /// A record of an earlier check names an entry that is not in this journal, or does not decode: it proves nothing.
    EvidenceDiffers "evidence-differs" "a record of a check that is not of this history";
    // content
    /// A pack's header, index segment or other sealed structure contradicts another.
    Inconsistent "inconsistent" "contradicts another object";
    /// A segment that is in force leaves out or misplaces a blob that a snapshot needs.
    NotIndexed "not-indexed" "in no index segment in force";
    /// A frame's tag, compression or table is wrong.
    FrameDamaged "frame-damaged" "a frame does not open or decompress";
    /// A blob's bytes have another id.
    IdDiffers "id-differs" "its bytes have another id";
    /// A blob that is referred to is in no pack in force.
    BlobMissing "blob-missing" "no good copy of a blob that is needed";
    /// A page breaks a rule of trees.
    BadTree "bad-tree" "a page of a tree breaks a rule";
    /// A segment maps blobs of packs that were dropped.
    StaleIndex "stale-index" "maps blobs of packs that were dropped";
    /// The journal records damage where there is none.
    RecordedDamage "recorded-damage" "recorded as damaged, and is not";
    /// The counts of a snapshot are not those of its tree.
    WrongSummary "wrong-summary" "does not have what it says that it has";
    /// Pages do not end where the rules for writers say.
    PageDivision "page-division" "pages end where no writer of this version would end them";
    /// A file is not what its snapshot says: its length, its references, its metadata.
    BadFile "bad-file" "a file is not as its snapshot says";
    /// Files were not put together although that was asked for.
    NotRebuilt "not-rebuilt" "files were not put together";
    /// A file cannot be restored whole.
    FileLost "file-lost" "cannot be restored whole";
    /// A snapshot cannot be restored whole.
    SnapshotDamaged "snapshot-damaged" "cannot be restored whole";
    /// A pack's session key is of an epoch that the keys lack.
    NoEpochKey "no-epoch-key" "of an epoch whose key was not given";
    /// A session added a pack that it had sealed under an epoch that was closed before: whoever that was closed against can read it.
    ClosedEpoch "closed-epoch" "adds content under an epoch that was closed before";
    /// A pack in force has frames under a retired epoch: they do not count as stored.
    RetiredEpoch "retired-epoch" "has content under an epoch that is retired";
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.words())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_are_unique_and_spelt_alike() {
        let codes: BTreeSet<_> = Problem::ALL.iter().map(|problem| problem.code()).collect();
        assert_eq!(codes.len(), Problem::ALL.len());
        for code in codes {
            assert!(
                code.bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte == b'-'),
                "{code}"
            );
        }
    }
}
