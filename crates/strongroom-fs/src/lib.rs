//! Local file trees as the source of a backup and the target of a restore.
