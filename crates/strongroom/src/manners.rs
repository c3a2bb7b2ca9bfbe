//! How operations behave towards the machine they run on: pausing them, backing off, and bounding what they take.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # futures::executor::block_on(async {
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use strongroom::manners::{Advice, Manners};
//! use strongroom::{Components, CreateOptions, Credential, MemoryStore, Repository};
//!
//! // The host's signal: it knows when its users need the machine.
//! let is_busy = || false;
//! let guard = move || match is_busy() {
//!     true => Advice::Ease(Duration::from_millis(200)),
//!     false => Advice::Proceed,
//! };
//! let manners = Manners::new().with_guard(Arc::new(guard));
//! let mut components = Components::default();
//! components.manners = manners.clone();
//!
//! let builder = Repository::builder(Arc::new(MemoryStore::new())).components(components);
//! # let options = CreateOptions::default().with_suite(strongroom::Suite::None);
//! # let repository = builder.create(options, &Credential::None).await?.repository;
//! // From any thread, and as often as one likes:
//! manners.pause().pause();
//! manners.pause().resume();
//! # assert!(repository.snapshots().await?.is_empty());
//! # Ok(())
//! # })
//! # }
//! ```
//!
//! | to | |
//! |---|---|
//! | pause and resume | [`Manners::pause`]; of single operations [`Repository::with_manners`](crate::Repository::with_manners) |
//! | back off when the host says so | [`Manners::with_guard`], a [`LoadGuard`] of your own or a `SystemGuard` |
//! | bound what is read of sources and written to targets | [`Manners::with_disk`] |
//! | bound what is sent to stores and received from them | [`Stores::with_bandwidth`](crate::Stores::with_bandwidth) |
//! | lower the priority of threads | [`Manners::with_thread_setup`] with a `ThreadPriority`; of a directory's store [`Stores::with_manners`](crate::Stores::with_manners) |
//! | bound threads and memory | [`Settings::threads`](crate::Settings::threads), [`Settings::memory_bytes`](crate::Settings::memory_bytes) |

#[cfg(target_os = "linux")]
pub use strongroom_fs::{IoPriority, IoPriorityError, SystemGuard, SystemLimits, ThreadPriority};
pub use strongroom_store::manners::{
    Advice, LoadGuard, Manners, MannersCounts, Pause, Resumed, ThreadSetup, Wait,
};
