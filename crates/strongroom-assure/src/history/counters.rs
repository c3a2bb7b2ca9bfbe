//! What a run counted.

use std::collections::BTreeMap;

use strongroom_format::record::counter;

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident = $word:ident;)*) => {
        /// What a run counted. What is `None` was not measured; it is never 0 for want of a number.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Counters {
            $($(#[$doc])* pub $name: Option<u64>,)*
        }

        impl Counters {
            /// Takes those that have names here.
            #[must_use]
            pub fn of(counted: &BTreeMap<String, u64>) -> Self {
                let mut counters = Self::default();
                for (name, value) in counted {
                    match name.as_str() {
                        $(counter::$word => counters.$name = Some(*value),)*
                        _ => {}
                    }
                }
                counters
            }
        }
    };
}

counters! {
    /// Files in the snapshot.
    files = FILES;
    /// Those that were not there before.
    files_new = FILES_NEW;
    /// Those whose content changed.
    files_changed = FILES_CHANGED;
    /// Those that were there before.
    files_deleted = FILES_DELETED;
    /// Those that are as they were.
    files_unchanged = FILES_UNCHANGED;
    /// Those that could not be read.
    files_skipped = FILES_SKIPPED;
    /// Bytes read from the source.
    bytes_read = BYTES_READ;
    /// Bytes of content in files that are new or changed.
    bytes_changed = BYTES_CHANGED;
    /// Of these, bytes that the repository did not have, before compression.
    bytes_new = BYTES_NEW;
    /// Bytes that were added to the repository, after compression.
    bytes_stored = BYTES_STORED;
    /// Milliseconds of work of the processors.
    cpu_ms = CPU_MS;
    /// The most memory in use, in bytes.
    peak_rss = PEAK_RSS;
    /// Requests to the store.
    requests = REQUESTS;
    /// Requests that were made again.
    retries = RETRIES;
    /// Bytes sent.
    sent = SENT;
    /// Bytes received.
    received = RECEIVED;
    /// Extensions of names that the snapshot before had not.
    extensions_new = EXTENSIONS_NEW;
    /// Files whose content does not begin as their extension says.
    magic_mismatch = MAGIC_MISMATCH;
    /// Files whose content changed while their time did not.
    mtime_unchanged = MTIME_UNCHANGED;
    /// Directories in which one and the same small file appeared.
    same_small_file = SAME_SMALL_FILE;
    /// Files that are there to be left alone, and were not.
    canaries_changed = CANARIES_CHANGED;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_measured_is_none() {
        let counted = BTreeMap::from([
            (counter::FILES.to_owned(), 7),
            ("of a later version".to_owned(), 1),
        ]);
        let counters = Counters::of(&counted);
        assert_eq!((counters.files, counters.files_new), (Some(7), None));
    }
}
