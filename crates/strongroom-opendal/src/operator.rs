//! A store around any operator of `opendal`.

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use opendal_core::{Buffer, EntryMode, Operator};
use strongroom_store::{
    Capabilities, Error, ErrorKind, GetOptions, Key, ObjectMeta, Prefix, PutMode, PutOptions,
    Result, Store,
};

use crate::bounds::{check_len, check_put, check_range};

/// A store around any operator of `opendal`, for services that nothing of ours is made for.
///
/// It is as good as the service and what `opendal` makes of it: that objects are never seen in part, and that an error which says *not
/// found* means it, are the service's promises, not checked here. Services that write files in place, such as `opendal`'s SFTP, do
/// not keep the laws of [`Store`] through it. Put it to the test with the conformance suite before trusting it, build the
/// operator without a retry layer (retries are [`Retrying`](strongroom_store::wrap::Retrying)'s), and with a timeout layer.
///
/// [`atomic_create`](Capabilities::atomic_create) is claimed if the service claims to know `if_not_exists`. Its futures need tokio
/// if those of the service do; see [`Hosted`](strongroom_tokio::Hosted).
#[derive(Debug, Clone)]
pub struct Opendal {
    operator: Operator,
}

impl Opendal {
    /// Returns the store of all that the operator has below its root.
    #[must_use]
    pub fn new(operator: Operator) -> Self {
        Self { operator }
    }

    async fn get_part(&self, key: &Key, options: &GetOptions) -> Result<Bytes> {
        let failed = |error| failure("get", error);
        let stat = self.operator.stat(key.as_str()).await.map_err(failed)?;
        if stat.mode() == EntryMode::DIR {
            return Err(Error::new(ErrorKind::NotFound, "get"));
        }
        let range = check_range(stat.content_length(), options)?;
        check_len("get", range.end - range.start)?;
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        let read = self.operator.read_with(key.as_str()).range(range.clone());
        let data = read.await.map_err(failed)?;
        if data.len() as u64 != range.end - range.start {
            return Err(Error::new(ErrorKind::Other, "get")
                .with_source("the service gave another length than was asked for"));
        }
        Ok(data.to_bytes())
    }

    async fn put_whole(&self, key: &Key, data: Bytes, options: &PutOptions) -> Result<()> {
        check_put(data.len(), options)?;
        let capability = self.operator.info().capability();
        let data = Buffer::from(data);
        let written = match options.mode {
            PutMode::Overwrite => self.operator.write(key.as_str(), data).await,
            _ if capability.write_with_if_not_exists => {
                self.operator
                    .write_with(key.as_str(), data)
                    .if_not_exists(true)
                    .await
            }
            // For one writer alone, as the capabilities say.
            _ => match self.operator.exists(key.as_str()).await {
                Ok(true) => return Err(Error::new(ErrorKind::AlreadyExists, "put")),
                Ok(false) => self.operator.write(key.as_str(), data).await,
                Err(error) => Err(error),
            },
        };
        match written {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == opendal_core::ErrorKind::ConditionNotMatch => {
                Err(Error::new(ErrorKind::AlreadyExists, "put").with_source(error))
            }
            Err(error) => Err(failure("put", error)),
        }
    }
}

fn failure(operation: &'static str, error: opendal_core::Error) -> Error {
    use opendal_core::ErrorKind as Found;
    let kind = match error.kind() {
        Found::NotFound => ErrorKind::NotFound,
        Found::AlreadyExists => ErrorKind::AlreadyExists,
        Found::PermissionDenied => ErrorKind::PermissionDenied,
        Found::RateLimited => ErrorKind::Unavailable,
        Found::Unsupported => ErrorKind::Unsupported,
        Found::RangeNotSatisfied => ErrorKind::InvalidRange,
        _ if error.is_temporary() => ErrorKind::Unavailable,
        _ => ErrorKind::Other,
    };
    Error::new(kind, operation).with_source(error)
}

#[async_trait]
impl Store for Opendal {
    fn capabilities(&self) -> Capabilities {
        let capability = self.operator.info().capability();
        Capabilities::default()
            .with_put(capability.write)
            .with_delete(capability.delete)
            .with_atomic_create(capability.write_with_if_not_exists)
    }

    async fn put(&self, key: &Key, data: Bytes, options: PutOptions) -> Result<()> {
        let put = self.put_whole(key, data, &options);
        put.await.map_err(|error| error.with_key(key))
    }

    async fn get(&self, key: &Key, options: GetOptions) -> Result<Bytes> {
        let get = self.get_part(key, &options);
        get.await.map_err(|error| error.with_key(key))
    }

    async fn head(&self, key: &Key) -> Result<ObjectMeta> {
        match self.operator.stat(key.as_str()).await {
            Ok(found) if found.mode() != EntryMode::DIR => {
                Ok(ObjectMeta::new(key.clone(), found.content_length()))
            }
            Ok(_) => Err(Error::new(ErrorKind::NotFound, "head").with_key(key)),
            Err(error) => Err(failure("head", error).with_key(key)),
        }
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        match self.operator.delete(key.as_str()).await {
            Err(error) if error.kind() != opendal_core::ErrorKind::NotFound => {
                Err(failure("delete", error).with_key(key))
            }
            _ => Ok(()),
        }
    }

    fn list(&self, prefix: &Prefix) -> BoxStream<'static, Result<ObjectMeta>> {
        let (operator, prefix) = (self.operator.clone(), prefix.as_str().to_owned());
        stream::once(async move {
            let lister = operator.lister_with(&prefix).recursive(true).await;
            let lister = lister.map_err(|error| failure("list", error))?;
            let entries = lister.map_err(|error| failure("list", error));
            Ok::<_, Error>(entries.try_filter_map(move |entry| {
                let operator = operator.clone();
                async move { object(&operator, &entry).await }
            }))
        })
        .try_flatten()
        .boxed()
    }
}

/// Returns the object that an entry of a list stands for; `None` if it is none, or has gone.
async fn object(operator: &Operator, entry: &opendal_core::Entry) -> Result<Option<ObjectMeta>> {
    let Ok(key) = Key::parse(entry.path()) else {
        return Ok(None); // folders end in a slash
    };
    // Lists of some services do not tell lengths.
    match operator.stat(entry.path()).await {
        Ok(found) if found.mode() == EntryMode::DIR => Ok(None),
        Ok(found) => Ok(Some(ObjectMeta::new(key, found.content_length()))),
        Err(error) if error.kind() == opendal_core::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failure("list", error)),
    }
}

impl fmt::Display for Opendal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let info = self.operator.info();
        write!(f, "{}:{}{}", info.scheme(), info.name(), info.root())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use opendal_core::services::Memory;
    use strongroom_store::conformance::assert_conforms;

    use super::*;

    #[test]
    fn a_service_that_keeps_the_laws_keeps_them_here() {
        assert_conforms(|| {
            let operator = Operator::new(Memory::default()).expect("an operator");
            Arc::new(Opendal::new(operator))
        });
    }
}
