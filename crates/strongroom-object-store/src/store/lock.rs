//! Locks of objects.

use async_trait::async_trait;
use strongroom_store::{
    Error, ErrorKind, Hidden, HiddenPage, Key, ObjectLock, Prefix, Result, Retention,
};

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

    async fn hidden(&self, prefix: &Prefix, from: Option<&str>) -> Result<HiddenPage> {
        let unsupported = || Error::new(ErrorKind::Unsupported, "hidden");
        let calls = self.locking().ok_or_else(unsupported)?;
        let root = &self.inner.root;
        let page = calls.hidden(&format!("{root}{prefix}"), from).await;
        let page = page.map_err(|error| explain("hidden", None, Doing::Otherwise, &error))?;
        // Objects of somebody else, whose names are no keys, are not ours to speak of.
        let ours = |(path, deleted): (String, bool)| {
            let key = Key::parse(path.strip_prefix(root.as_str())?).ok()?;
            Some(Hidden::new(key, deleted))
        };
        let objects = page.paths.into_iter().filter_map(ours).collect();
        Ok(HiddenPage::new(objects, page.next))
    }

    async fn uncover(&self, key: &Key) -> Result<bool> {
        let uncovered = self.lock_of("uncover", key)?.uncover(&self.path(key)).await;
        uncovered.map_err(|error| explain("uncover", Some(key), Doing::Otherwise, &error))
    }
}
