//! Repositories on SFTP and WebDAV, and on whatever else `opendal` has a service for.
//!
//! ```no_run
//! # async fn example() -> strongroom_store::Result<()> {
//! use std::collections::BTreeMap;
//! use strongroom_store::{Key, StoreExt};
//!
//! let environment = BTreeMap::from([("HOME".to_owned(), "/home/me".to_owned())]);
//! let store = strongroom_opendal::open("sftp://backup@nas.example/srv/backup", &environment)?;
//! store.put_new(&Key::parse("pack/ab")?, "bytes".into()).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Concepts
//!
//! * [`Sftp`] keeps objects as files on a server that is reached by the system's `ssh`.
//! * [`Dav`] keeps them as files on a WebDAV server.
//! * [`Opendal`] is a store around any `opendal` operator.
//! * [`open`] turns an address into one of the first two, hosted on a runtime of its own. The types themselves need tokio.
//!
//! # What it is not
//!
//! SFTP and WebDAV are not spoken through `opendal`, whose services for them cannot keep the laws of
//! [`Store`](strongroom_store::Store); decision 18 says what was found. S3, Azure and Google have a crate of their own.
//!
//! # Guarantees
//!
//! An object is never seen in part, and of several creators one wins, on servers that were measured to allow it. Nothing is retried
//! here, every request has a time limit, and no error or `Display` contains a password.

mod activity;
mod address;
mod bounds;
mod dav;
mod operator;
mod random;
#[cfg(unix)]
mod sftp;
mod walk;

pub use opendal_core;

pub use crate::address::open;
pub use crate::dav::{Dav, DavCreate, DavCredentials, DavSettings};
pub use crate::operator::Opendal;
#[cfg(unix)]
pub use crate::sftp::{Sftp, SftpCreate, SftpSettings};
