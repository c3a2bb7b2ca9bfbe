//! Bringing objects out of a cold class.

use async_trait::async_trait;
use futures::stream::{self, StreamExt, TryStreamExt};
use object_store::client::HttpError;
use strongroom_store::{Key, Result, Store, Warmer, Warmth};

use super::{ObjectStore, Service};
use crate::judge::{Doing, explain};

impl ObjectStore {
    async fn warm_one(&self, key: &Key) -> Result<()> {
        let path = self.path(key);
        let asked = match &self.inner.service {
            Service::S3 { calls, restore } => calls.restore(&path, restore).await,
            Service::Azure(calls) => match calls.warmth(&path).await {
                // To ask twice would be paid for twice.
                Ok(Warmth::Cold) => calls.rehydrate(&path).await,
                Ok(_) => Ok(()),
                Err(error) => Err(error),
            },
            Service::Google(_) | Service::Web => Ok(()),
        };
        asked.map_err(|error| explain("warm", Some(key), Doing::Otherwise, &error))
    }
}

/// Asks S3 for a copy that can be read, for as many days and as fast as the store's address says; Azure to move the object.
#[async_trait]
impl Warmer for ObjectStore {
    async fn warmth(&self, key: &Key) -> Result<Warmth> {
        let path = self.path(key);
        let warmth: Result<Warmth, HttpError> = match &self.inner.service {
            Service::S3 { calls, .. } => calls.warmth(&path).await,
            Service::Azure(calls) => calls.warmth(&path).await,
            Service::Google(_) | Service::Web => {
                return self.look(key).await.map(|_| Warmth::Ready { until: None });
            }
        };
        match warmth {
            Ok(warmth) => Ok(warmth),
            Err(error) => {
                // A HEAD is refused without a reason; looking asks for it.
                self.look(key).await?;
                Err(explain("warmth", Some(key), Doing::Otherwise, &error))
            }
        }
    }

    async fn warm(&self, keys: &[Key]) -> Result<()> {
        let asked: Vec<_> = keys.iter().map(|key| self.warm_one(key)).collect();
        let concurrency = self.capabilities().concurrency.max(1);
        stream::iter(asked)
            .buffer_unordered(concurrency)
            .try_collect()
            .await
    }
}
