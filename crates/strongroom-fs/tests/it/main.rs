//! File trees, streams, commands and directories, against the real file system.
#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails; clippy knows only the functions marked as tests"
)]

mod changing;
mod child;
mod copier;
mod deep;
mod events;
mod excludes;
mod hostile;
mod inspect;
mod ordinary_user;
mod races;
mod reconcile;
mod roots;
mod single;
