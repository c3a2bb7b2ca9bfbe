//! Requests to Azure that the library has no function for: deleting one blob, and bringing it out of the archive.

use std::fmt;

use object_store::HeaderMap;
use object_store::HeaderValue;
use object_store::azure::{AzureAuthorizer, AzureCredentialProvider};
use object_store::client::{HttpError, HttpErrorKind, HttpRequest, HttpRequestBody, HttpService};
use reqwest::Method;
use strongroom_store::Warmth;

use crate::judge;
use crate::text::encode;
use crate::transport::Transport;

/// Sends requests to one container. Clones share everything.
#[derive(Clone)]
pub(crate) struct AzureCalls {
    transport: Transport,
    container_url: String,
    account: String,
    /// `None` for requests without signatures.
    credentials: Option<AzureCredentialProvider>,
}

impl AzureCalls {
    pub(crate) fn new(
        transport: Transport,
        container_url: String,
        account: String,
        credentials: Option<AzureCredentialProvider>,
    ) -> Self {
        Self {
            transport,
            container_url,
            account,
            credentials,
        }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        query: &str,
        headers: &[(&'static str, &'static str)],
    ) -> Result<HeaderMap, HttpError> {
        let broken = |error| HttpError::new_boxed(HttpErrorKind::Unknown, error);
        let url = format!("{}/{}{query}", self.container_url, encode(path));
        let mut request = HttpRequest::new(HttpRequestBody::empty());
        *request.uri_mut() = url.parse().map_err(|error| broken(Box::new(error)))?;
        *request.method_mut() = method;
        request
            .headers_mut()
            .insert("content-length", HeaderValue::from_static("0"));
        for (name, value) in headers {
            request
                .headers_mut()
                .insert(*name, HeaderValue::from_static(value));
        }
        if let Some(provider) = &self.credentials {
            let credential = provider
                .get_credential()
                .await
                .map_err(|error| broken(Box::new(error)))?;
            AzureAuthorizer::new(&credential, &self.account)
                .try_authorize(&mut request)
                .map_err(|error| broken(Box::new(error)))?;
        }
        let response = self.transport.call(request).await?;
        Ok(response.into_parts().0.headers)
    }

    /// Deletes a blob and its snapshots.
    pub(crate) async fn delete(&self, path: &str) -> Result<(), HttpError> {
        let snapshots = [("x-ms-delete-snapshots", "include")];
        self.send(Method::DELETE, path, "", &snapshots)
            .await
            .map(drop)
    }

    /// Returns whether a blob can be read now.
    pub(crate) async fn warmth(&self, path: &str) -> Result<Warmth, HttpError> {
        let headers = self.send(Method::HEAD, path, "", &[]).await?;
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let rehydrating = header("x-ms-archive-status")
            .is_some_and(|status| status.starts_with("rehydrate-pending"));
        Ok(match header("x-ms-access-tier") {
            Some("Archive") if rehydrating => Warmth::Warming,
            Some("Archive") => Warmth::Cold,
            _ => Warmth::Ready { until: None },
        })
    }

    /// Moves a blob out of the archive, for good.
    pub(crate) async fn rehydrate(&self, path: &str) -> Result<(), HttpError> {
        let headers = [
            ("x-ms-access-tier", "Hot"),
            ("x-ms-rehydrate-priority", "Standard"),
        ];
        match self.send(Method::PUT, path, "?comp=tier", &headers).await {
            Ok(_) => Ok(()),
            Err(error) => {
                let on_its_way = judge::refusal(&error)
                    .is_some_and(|refusal| refusal.code() == "BlobBeingRehydrated");
                if on_its_way { Ok(()) } else { Err(error) }
            }
        }
    }
}

/// Without credentials, which the library's own `Debug` may spell out.
impl fmt::Debug for AzureCalls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AzureCalls")
            .field("account", &self.account)
            .finish_non_exhaustive()
    }
}
