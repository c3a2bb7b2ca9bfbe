//! File trees, streams, commands and directories, against the real file system.
#![cfg(target_os = "linux")]

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
