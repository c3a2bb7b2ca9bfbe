//! Bringing objects out of a cold class.

use async_trait::async_trait;
use futures::stream::{self, StreamExt, TryStreamExt};
use strongroom_store::{Key, Result, Store, Warmer, Warmth};

use crate::judge::{Doing, explain};
use crate::store::{ObjectStore, Service};

/// Asks S3 for a copy that can be read, for as many days and as fast as the store's address says.
#[async_trait]
impl Warmer for ObjectStore {
    async fn warmth(&self, key: &Key) -> Result<Warmth> {
        self.head(key).await?; // which tells why an object is not there
        let Service::S3 { calls, .. } = self.service();
        let warmth = calls.warmth(&self.path(key)).await;
        warmth.map_err(|error| explain("warmth", Some(key), Doing::Otherwise, &error))
    }

    async fn warm(&self, keys: &[Key]) -> Result<()> {
        let Service::S3 { calls, restore } = self.service();
        let asked: Vec<_> = keys
            .iter()
            .map(|key| async move {
                let asked = calls.restore(&self.path(key), restore).await;
                asked.map_err(|error| explain("warm", Some(key), Doing::Otherwise, &error))
            })
            .collect();
        let concurrency = self.capabilities().concurrency.max(1);
        stream::iter(asked)
            .buffer_unordered(concurrency)
            .try_collect()
            .await
    }
}
