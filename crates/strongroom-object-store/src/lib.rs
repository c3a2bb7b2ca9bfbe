//! Repositories on S3, Azure Blob Storage and Google Cloud Storage, and read-only on plain HTTP.
//!
//! ```no_run
//! # fn main() -> Result<(), strongroom_store::Error> {
//! # futures::executor::block_on(async {
//! use std::collections::BTreeMap;
//!
//! use strongroom_store::{Key, StoreExt};
//!
//! let environment = BTreeMap::from([
//!     ("AWS_ACCESS_KEY_ID".to_owned(), "…".to_owned()),
//!     ("AWS_SECRET_ACCESS_KEY".to_owned(), "…".to_owned()),
//! ]);
//! let store = strongroom_object_store::open("s3://bucket/backups?region=eu-central-1", &environment)?;
//! store.put_new(&Key::parse("config")?, "bytes".into()).await?;
//! # Ok(())
//! # })
//! # }
//! ```
//!
//! # What it is not
//!
//! Not a general client. It does what [`Store`](strongroom_store::Store) asks for, each call in one request where there is nothing
//! to clear up, never in parts, and without trying again: wrap it in
//! [`Retrying`](strongroom_store::wrap::Retrying) for that. The requests and signatures are those of the crate `object_store`, which
//! is used below and shows nowhere in this API.
//!
//! # Concepts
//!
//! * A [`Location`] is a store's address, parsed: it holds no secret and can be printed. [`S3`], [`Azure`], [`Google`] and [`Web`]
//!   are the same for one service, to be set up by hand.
//! * Credentials come from an [`Environment`](strongroom_store::Environment) that the caller hands in, or are set on the service.
//! * [`ObjectStore`] is the store. Its futures have to be polled inside tokio; [`open`] returns it
//!   [`Hosted`](strongroom_tokio::Hosted), for any executor.
//!
//! # Guarantees
//!
//! * An error has the kind and the [`Cause`](strongroom_store::Cause) that the service gave. `NotFound` is said only when the
//!   service said that this object is missing; a missing bucket is `NoStore`, the error page of a proxy is `Other`.
//! * A create that the service refused because of another one at the same moment is cleared up by looking; one whose answer was lost
//!   is `Unavailable`, which [`Retrying`](strongroom_store::wrap::Retrying) clears up.
//! * A service that falls silent gives `Unavailable` with [`Timeout`](strongroom_store::Cause::Timeout) after a bounded time; a slow
//!   one that moves does not.
//! * No answer larger than [`MAX_OBJECT_BYTES`](strongroom_store::MAX_OBJECT_BYTES) is read.
//! * Secrets are in no `Debug`, `Display` or error. No variable of the process is read and nothing is set for the process; TLS is
//!   that of `ring`, with the roots of the system.

mod address;
mod azure;
mod google;
mod judge;
mod listing;
mod location;
mod markup;
mod profile;
mod refusal;
mod s3;
mod secret;
mod settings;
mod store;
mod text;
mod time;
mod tls;
mod transport;
mod watch;
mod web;

pub use crate::azure::{ApplicationProof, Azure, AzureCredentials};
pub use crate::google::{Google, GoogleCredentials};
pub use crate::location::{Location, open, open_hosted};
pub use crate::s3::{AwsCredentials, Discovery, S3, ServerSideEncryption};
pub use crate::secret::Secret;
pub use crate::settings::Creates;
pub use crate::store::ObjectStore;
pub use crate::transport::Timeouts;
pub use crate::web::Web;
