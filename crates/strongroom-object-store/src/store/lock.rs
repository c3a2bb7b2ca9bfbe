//! Locks of objects.

use async_trait::async_trait;
use strongroom_store::{Error, ErrorKind, Key, ObjectLock, Result, Retention};

use super::ObjectStore;
use crate::judge::{Doing, explain};
use crate::s3::calls::S3Calls;

impl ObjectStore {
    fn lock_of(&self, operation: &'static str, key: &Key) -> Result<&S3Calls> {
        self.locking().ok_or_else(|| {
            Error::new(ErrorKind::Unsupported, operation)
                .with_key(key)
                .with_source("this store does not lock objects")
        })
    }
}

#[async_trait]
impl ObjectLock for ObjectStore {
    async fn retention(&self, key: &Key) -> Result<Option<Retention>> {
        let retention = self
            .lock_of("retention", key)?
            .retention(&self.path(key))
            .await;
        retention.map_err(|error| explain("retention", Some(key), Doing::Otherwise, &error))
    }

    async fn extend(&self, key: &Key, to: Retention) -> Result<()> {
        let calls = self.lock_of("extend", key)?;
        if let Some(current) = self.retention(key).await? {
            if current.covers(&to) {
                return Ok(());
            }
            if !to.covers(&current) {
                return Err(Error::new(ErrorKind::Invalid, "extend")
                    .with_key(key)
                    .with_source("it would shorten or weaken the lock"));
            }
        }
        let extended = calls.set_retention(&self.path(key), to).await;
        extended.map_err(|error| explain("extend", Some(key), Doing::Otherwise, &error))
    }
}
