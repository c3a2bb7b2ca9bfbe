//! The limits of the format (`docs/format.md`, §12). Every decoder checks them before it allocates.

/// Bytes of any object.
pub const MAX_OBJECT_BYTES: usize = 268_435_456;
/// Bytes of a journal entry.
pub const MAX_ENTRY_BYTES: usize = 2_097_152;
/// Bytes of a config or slot object.
pub const MAX_CONFIG_BYTES: usize = 65_536;
/// Bytes of a beacon.
pub const MAX_BEACON_BYTES: usize = 65_536;
/// Bytes of a file of audit keys.
pub const MAX_AUDIT_KEYS_BYTES: usize = 1_048_576;
/// Epochs in a file of audit keys.
pub const MAX_AUDIT_KEYS_EPOCHS: usize = 4_096;
/// Bytes of a keyring object.
pub const MAX_KEYRING_BYTES: usize = 4_194_304;
/// Bytes of a blob's plaintext.
pub const MAX_BLOB_BYTES: usize = 16_777_216;
/// Bytes of a frame's plaintext, before compression.
pub const MAX_FRAME_PLAIN_BYTES: usize = 16_777_216;
/// Blobs in a frame.
pub const MAX_FRAME_BLOBS: usize = 65_536;
/// Frames in a pack.
pub const MAX_PACK_FRAMES: usize = 1_048_576;
/// Blobs in a pack.
pub const MAX_PACK_BLOBS: usize = 4_194_304;
/// Session keys in a pack.
pub const MAX_PACK_SESSIONS: usize = 65_535;
/// Bytes of a pack header's plaintext, padding included.
pub const MAX_HEADER_BYTES: usize = 67_108_864;
/// References in a tree page.
pub const MAX_PAGE_REFS: usize = 65_536;
/// Entries in a directory leaf, and children of an interior page.
pub const MAX_LEAF_ENTRIES: usize = 65_536;
/// Bytes of a name in a directory.
pub const MAX_NAME_BYTES: usize = 4_096;
/// Bytes of the name of an owner, a group or an extended attribute.
pub const MAX_SHORT_NAME_BYTES: usize = 4_096;
/// Bytes of the target of a symbolic link.
pub const MAX_TARGET_BYTES: usize = 65_535;
/// Bytes of a tag, a series, the name of a label and its text.
pub const MAX_LABEL_BYTES: usize = 65_536;
/// Bytes of the window of a compressed frame.
pub const MAX_WINDOW_BYTES: u64 = 16_777_216;
/// Bytes of one extended attribute's value.
pub const MAX_XATTR_BYTES: usize = 65_536;
/// Bytes of all extended attributes of an entry, names and values.
pub const MAX_XATTRS_BYTES: usize = 1_048_576;
/// CBOR arrays and maps inside one another.
pub const MAX_CBOR_DEPTH: u8 = 16;
/// Interior pages above one another, in one directory or recipe.
pub const MAX_PAGE_HEIGHT: u8 = 16;
/// Directories inside one another.
pub const MAX_DIRECTORY_DEPTH: usize = 65_536;
/// Signatures of a journal entry, checkpoint or keyring.
pub const MAX_SIGNATURES: usize = 8;
/// Bytes of a public key beside a signature.
pub const MAX_SIGNING_KEY_BYTES: usize = 4_096;
/// Bytes of a signature.
pub const MAX_SIGNATURE_BYTES: usize = 8_192;
/// Bytes of a slot's public key, and of either part of a grant.
pub const MAX_KEM_BYTES: usize = 4_096;
/// Bytes of a part of a checkpoint's plaintext.
pub const MAX_CHECKPOINT_PART_BYTES: usize = 16_777_216;
/// Entries in a bundle.
pub const BUNDLE_ENTRIES: u64 = 64;
/// Skipped entries that the details of a snapshot name; the summary has the count of all.
pub const MAX_DETAILS_SKIPPED: usize = 1_000;
/// Rules by which a check chose packs.
pub const MAX_CHECK_CHOICES: usize = 64;
/// Strata of a sample.
pub const MAX_CHECK_STRATA: usize = 1_024;
/// Damaged packs, and packs not read, that the record of a check lists.
pub const MAX_CHECK_PACKS: usize = 12_288;
/// Damaged frames that the record of a check lists.
pub const MAX_CHECK_FRAMES: usize = 65_536;
/// Objects that the record of extended locks excepts.
pub const MAX_LOCK_EXCEPTIONS: usize = 4_096;
/// Answers in the record of a probe.
pub const MAX_PROBE_ANSWERS: usize = 256;
/// Codes of problems in the record of a check.
pub const MAX_CHECK_PROBLEMS: usize = 1_024;
/// Bytes of a text in a record of the process.
pub const MAX_RECORD_TEXT_BYTES: usize = 4_096;
/// Items of a list or map in a record of the process.
pub const MAX_RECORD_ITEMS: usize = 16_384;
