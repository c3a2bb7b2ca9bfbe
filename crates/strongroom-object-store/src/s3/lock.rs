//! Object Lock: how an object is locked, and locking it longer.

use object_store::client::HttpError;
use reqwest::Method;
use strongroom_store::{Retention, RetentionMode};

use super::calls::{Call, S3Calls, mode};
use crate::judge;
use crate::markup;
use crate::text::encode_value;
use crate::time::{now, parse_rfc3339, rfc3339};

/// What the service keeps of an object's lock and version.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Current {
    /// Whether it is there.
    pub(crate) exists: bool,
    pub(crate) retention: Option<Retention>,
    pub(crate) version: Option<String>,
}

impl S3Calls {
    /// Returns the lock of an object, `None` if it has none or its date has passed.
    pub(crate) async fn retention(&self, path: &str) -> Result<Option<Retention>, HttpError> {
        let call = Call::new(Method::GET, path, "retention=");
        match self.send(call).await {
            Ok(answer) => {
                let text = answer.text();
                if markup::elements(&text, "Retention").next().is_none() {
                    // A service that does not know the question may say it of the object itself (moto).
                    return Ok(self.current(path).await?.retention);
                }
                Ok(in_force(
                    markup::text(&text, "Mode"),
                    markup::text(&text, "RetainUntilDate"),
                ))
            }
            Err(error) => {
                let code = judge::refusal(&error).map(|refusal| refusal.code().to_owned());
                match code.as_deref() {
                    Some(
                        "NoSuchObjectLockConfiguration" | "ObjectLockConfigurationNotFoundError",
                    ) => Ok(None),
                    _ => Err(error),
                }
            }
        }
    }

    /// Sets the lock of an object. The service refuses what would shorten a strict one.
    pub(crate) async fn set_retention(&self, path: &str, to: Retention) -> Result<(), HttpError> {
        let body = format!(
            "<Retention xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Mode>{}</Mode><RetainUntilDate>{}</RetainUntilDate></Retention>",
            mode(to.mode),
            rfc3339(to.until),
        );
        let call = Call::new(Method::PUT, path, "retention=").with_body(body);
        self.send(call).await.map(drop)
    }

    /// Returns the lock and the version of an object that is there.
    pub(crate) async fn current(&self, path: &str) -> Result<Current, HttpError> {
        self.current_at(path, String::new()).await
    }

    /// Returns the lock of one version.
    pub(crate) async fn retention_of(
        &self,
        path: &str,
        version: &str,
    ) -> Result<Option<Retention>, HttpError> {
        let query = format!("versionId={}", encode_value(version));
        Ok(self.current_at(path, query).await?.retention)
    }

    async fn current_at(&self, path: &str, query: String) -> Result<Current, HttpError> {
        let answer = self.send(Call::new(Method::HEAD, path, query)).await?;
        let header = |name| answer.header(name).map(str::to_owned);
        Ok(Current {
            exists: true,
            retention: in_force(
                header("x-amz-object-lock-mode"),
                header("x-amz-object-lock-retain-until-date"),
            ),
            version: header("x-amz-version-id").filter(|version| version != "null"),
        })
    }
}

fn in_force(mode: Option<String>, until: Option<String>) -> Option<Retention> {
    let mode = match mode?.as_str() {
        "GOVERNANCE" => RetentionMode::Governance,
        "COMPLIANCE" => RetentionMode::Compliance,
        _ => return None,
    };
    let until = parse_rfc3339(&until?)?;
    (until > now()).then(|| Retention::new(mode, until))
}
