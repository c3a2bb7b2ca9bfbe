//! What a bucket says of itself.

use object_store::client::HttpError;
use reqwest::Method;

use super::calls::{Call, S3Calls};
use crate::judge;
use crate::markup;

/// What the configuration of a bucket says, as far as these credentials may read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Discovery {
    /// Whether what is overwritten or deleted is kept as an older version.
    pub versioning: bool,
    /// Whether objects can be locked.
    pub object_lock: bool,
}

impl S3Calls {
    /// Asks the bucket. What the service does not know of is not there; what may not be read is an error.
    pub(crate) async fn discover(&self) -> Result<Discovery, HttpError> {
        let versioning = self.configuration("versioning=", "Status").await?;
        let object_lock = self
            .configuration("object-lock=", "ObjectLockEnabled")
            .await?;
        Ok(Discovery {
            versioning: versioning.as_deref() == Some("Enabled"),
            object_lock: object_lock.as_deref() == Some("Enabled"),
        })
    }

    async fn configuration(&self, query: &str, element: &str) -> Result<Option<String>, HttpError> {
        match self.send(Call::new(Method::GET, "", query)).await {
            Ok(answer) => Ok(markup::text(&answer.text(), element)),
            Err(error) => {
                let absent = judge::refusal(&error).is_some_and(|refusal| {
                    let code = refusal.code();
                    matches!(refusal.status, 405 | 501)
                        || code.starts_with("ObjectLockConfigurationNotFound")
                });
                if absent { Ok(None) } else { Err(error) }
            }
        }
    }
}
