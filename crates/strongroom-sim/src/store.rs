//! The store of a world.

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt as _};
use strongroom_store::{
    Capabilities, Error, ErrorKind, GetOptions, Key, ObjectLock, ObjectMeta, Prefix, PutOptions,
    Result, Retention, Store,
};

use crate::world::{Answer, Asked, World};

/// The store of a world, as one client or a bystander sees it.
///
/// For a client every call blocks the thread that polls it until the world gives the client its turn, and may suffer the
/// faults of the world's plan. For a bystander it is a store in memory.
#[derive(Clone)]
pub struct SimStore {
    world: World,
    /// The client, and its life in which this handle is good.
    who: Option<(usize, u32)>,
}

impl SimStore {
    pub(crate) fn new(world: World, who: Option<(usize, u32)>) -> Self {
        Self { world, who }
    }

    fn ask(&self, asked: &Asked) -> Result<Answer> {
        self.world.ask(self.who, asked)
    }
}

#[async_trait]
impl Store for SimStore {
    fn capabilities(&self) -> Capabilities {
        Capabilities::default().with_object_lock(true)
    }

    async fn put(&self, key: &Key, data: Bytes, options: PutOptions) -> Result<()> {
        let PutOptions {
            mode, retention, ..
        } = options;
        self.ask(&Asked::Put(key.clone(), data, mode, retention))?;
        Ok(())
    }

    async fn get(&self, key: &Key, options: GetOptions) -> Result<Bytes> {
        match self.ask(&Asked::Get(key.clone(), options.range))? {
            Answer::Bytes(bytes) => Ok(bytes),
            _ => Err(mistaken("get")),
        }
    }

    async fn head(&self, key: &Key) -> Result<ObjectMeta> {
        match self.ask(&Asked::Head(key.clone()))? {
            Answer::Meta(meta) => Ok(meta),
            _ => Err(mistaken("head")),
        }
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        self.ask(&Asked::Delete(key.clone()))?;
        Ok(())
    }

    fn list(&self, prefix: &Prefix) -> BoxStream<'static, Result<ObjectMeta>> {
        let (store, prefix) = (self.clone(), prefix.clone());
        let listing = async move {
            let (listed, end) = match store.ask(&Asked::List(prefix)) {
                Ok(Answer::List(listed, end)) => (listed, end),
                Ok(_) => (Vec::new(), Some(mistaken("list"))),
                Err(error) => (Vec::new(), Some(error)),
            };
            stream::iter(listed.into_iter().map(Ok).chain(end.map(Err)))
        };
        stream::once(listing).flatten().boxed()
    }

    fn object_lock(&self) -> Option<&dyn ObjectLock> {
        Some(self)
    }
}

#[async_trait]
impl ObjectLock for SimStore {
    async fn retention(&self, key: &Key) -> Result<Option<Retention>> {
        match self.ask(&Asked::Lock(key.clone()))? {
            Answer::Lock(found) => Ok(found),
            _ => Err(mistaken("retention")),
        }
    }

    async fn extend(&self, key: &Key, to: Retention) -> Result<()> {
        self.ask(&Asked::Extend(key.clone(), to))?;
        Ok(())
    }
}

/// The error of an answer to another question; the world gives none.
fn mistaken(operation: &'static str) -> Error {
    Error::new(ErrorKind::Other, operation)
}

impl fmt::Display for SimStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.who {
            Some((client, _)) => write!(f, "simulated:{client}"),
            None => f.write_str("simulated:"),
        }
    }
}

impl fmt::Debug for SimStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimStore").field("who", &self.who).finish()
    }
}
