//! Names of the counters of a [`Run`](super::Run). One that is absent was not measured; it is never 0 for want of a number.

/// Files that the snapshot has.
pub const FILES: &str = "files";
/// Files that the snapshot before had not.
pub const FILES_NEW: &str = "files_new";
/// Files that the snapshot before had with other content.
pub const FILES_CHANGED: &str = "files_changed";
/// Files that only the snapshot before had.
pub const FILES_DELETED: &str = "files_deleted";
/// Files that the snapshot before had as they are.
pub const FILES_UNCHANGED: &str = "files_unchanged";
/// Files that should be in the snapshot and are not.
pub const FILES_SKIPPED: &str = "files_skipped";
/// Bytes that were read from the source.
pub const BYTES_READ: &str = "bytes_read";
/// Bytes of files that are new or changed.
pub const BYTES_CHANGED: &str = "bytes_changed";
/// Bytes of content that the repository did not have, before compression.
pub const BYTES_NEW: &str = "bytes_new";
/// Bytes that the repository grew by, after compression.
pub const BYTES_STORED: &str = "bytes_stored";
/// Milliseconds of processor time.
pub const CPU_MS: &str = "cpu_ms";
/// The most bytes of memory at one time.
pub const PEAK_RSS: &str = "peak_rss";
/// Requests to the store.
pub const REQUESTS: &str = "requests";
/// Requests that were made again.
pub const RETRIES: &str = "retries";
/// Bytes sent to the store.
pub const SENT: &str = "sent";
/// Bytes received from the store.
pub const RECEIVED: &str = "received";
/// Extensions of names of files that the snapshot before had not.
pub const EXTENSIONS_NEW: &str = "extensions_new";
/// Files that were read, so new or seemingly changed ones, whose content does not begin as their extension says.
pub const MAGIC_MISMATCH: &str = "magic_mismatch";
/// Files whose content has changed while their time of modification has not.
pub const MTIME_UNCHANGED: &str = "mtime_unchanged";
/// Directories in which one and the same small new file has appeared.
pub const SAME_SMALL_FILE: &str = "same_small_file";
/// Canaries that were changed or deleted.
pub const CANARIES_CHANGED: &str = "canaries_changed";
