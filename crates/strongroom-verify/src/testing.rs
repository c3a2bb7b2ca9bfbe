//! For tests (feature `testing`): damage to a repository, generated for every object that it has.
//!
//! Nothing here is listed by hand: [`Damages`] reads a store and proposes, object by object, what a disk, a program or a person may do
//! to it. The same seed and the same store give the same damages.
//!
//! ```
//! use strongroom_store::{Key, MemoryStore, StoreExt as _};
//! use strongroom_verify::testing::Damages;
//!
//! # fn main() -> Result<(), strongroom_store::Error> { futures::executor::block_on(async {
//! let store = MemoryStore::new();
//! store.put_new(&Key::parse("config")?, vec![7; 100].into()).await?;
//! let damages = Damages::new(1).all(&store).await?;
//! assert_eq!(damages[0].to_string(), "config: deleted");
//! damages[0].apply(&store).await?;
//! assert!(!store.exists(&Key::parse("config")?).await?);
//! # Ok(()) }) }
//! ```

mod borders;
mod damage;
mod generate;

pub use self::damage::{Damage, Harm, Origin};
pub use self::generate::Damages;
