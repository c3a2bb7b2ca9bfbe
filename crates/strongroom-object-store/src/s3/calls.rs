//! Requests to S3 that the library has no function for, and headers that it cannot add: signed like its own.

use std::fmt;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use bytes::Bytes;
use md5::{Digest, Md5};
use object_store::HeaderMap;
use object_store::HeaderValue;
use object_store::aws::{AwsAuthorizer, AwsCredentialProvider};
use object_store::client::{
    HttpError, HttpErrorKind, HttpRequest, HttpRequestBody, HttpResponse, HttpService,
};
use reqwest::Method;
use strongroom_store::{Retention, RetentionMode};

use crate::text::{base64, encode};
use crate::time::rfc3339;
use crate::transport::Transport;

const CONTENT_SHA256: &str = "x-amz-content-sha256";

/// Asks that a put locks its object. The library hands it through to the request, of which it becomes two headers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Locked(pub(crate) Retention);

/// Sends requests to one bucket. Clones share everything.
#[derive(Clone)]
pub(crate) struct S3Calls {
    transport: Transport,
    bucket: String,
    /// Without a slash at its end.
    bucket_url: String,
    region: String,
    /// Set once the library has made them; `None` for requests without signatures.
    credentials: Arc<OnceLock<Option<AwsCredentialProvider>>>,
}

/// One request beyond put, get and list.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) method: Method,
    /// In the bucket; empty for the bucket itself.
    pub(crate) path: &'a str,
    /// As it stands in the address, encoded.
    pub(crate) query: String,
    pub(crate) body: String,
    /// Besides those that every request has.
    pub(crate) headers: Vec<(&'static str, String)>,
}

impl<'a> Call<'a> {
    pub(crate) fn new(method: Method, path: &'a str, query: impl Into<String>) -> Self {
        Self {
            method,
            path,
            query: query.into(),
            body: String::new(),
            headers: Vec::new(),
        }
    }

    pub(crate) fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn with_body(mut self, body: String) -> Self {
        self.body = body;
        self
    }
}

/// An answer, whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    /// Returns a header that is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Returns the body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl S3Calls {
    pub(crate) fn new(
        transport: Transport,
        bucket: String,
        bucket_url: String,
        region: String,
    ) -> Self {
        Self {
            transport,
            bucket,
            bucket_url,
            region,
            credentials: Arc::default(),
        }
    }

    /// Says what to sign with; the first time counts.
    pub(crate) fn set_credentials(&self, credentials: Option<AwsCredentialProvider>) {
        drop(self.credentials.set(credentials));
    }

    /// Returns the name of the bucket.
    pub(crate) fn bucket(&self) -> &str {
        &self.bucket
    }

    /// Signs and sends a request.
    pub(crate) async fn send(&self, call: Call<'_>) -> Result<Answer, HttpError> {
        let mut url = format!("{}/{}", self.bucket_url, encode(call.path));
        if !call.query.is_empty() {
            url.push('?');
            url.push_str(&call.query);
        }
        let body = Bytes::from(call.body);
        let mut request = HttpRequest::new(HttpRequestBody::from(body.clone()));
        *request.uri_mut() = url.parse().map_err(|error| broken(Box::new(error)))?;
        *request.method_mut() = call.method;
        if !body.is_empty() {
            add_digests(request.headers_mut(), &body);
        }
        for (name, value) in call.headers {
            request.headers_mut().insert(name, ascii(&value)?);
        }
        self.sign(&mut request, None).await?;
        let response = self.transport.call(request).await?;
        let (parts, body) = response.into_parts();
        Ok(Answer {
            headers: parts.headers,
            body: body.bytes().await?,
        })
    }

    async fn sign(
        &self,
        request: &mut HttpRequest,
        digest: Option<&[u8]>,
    ) -> Result<(), HttpError> {
        let Some(Some(provider)) = self.credentials.get() else {
            return Ok(());
        };
        let credential = provider
            .get_credential()
            .await
            .map_err(|error| broken(Box::new(error)))?;
        AwsAuthorizer::new(&credential, "s3", &self.region)
            .try_authorize(request, digest)
            .map_err(|error| broken(Box::new(error)))
    }

    /// Adds the lock to a put that the library has signed without it, and signs it again.
    async fn lock(&self, request: &mut HttpRequest, retention: Retention) -> Result<(), HttpError> {
        let headers = request.headers_mut();
        headers.insert(
            "x-amz-object-lock-mode",
            HeaderValue::from_static(mode(retention.mode)),
        );
        headers.insert(
            "x-amz-object-lock-retain-until-date",
            ascii(&rfc3339(retention.until))?,
        );
        if headers.contains_key("x-amz-checksum-sha256") {
            headers.insert(
                "x-amz-sdk-checksum-algorithm",
                HeaderValue::from_static("SHA256"),
            );
        }
        headers.remove("authorization");
        let digest = headers
            .get(CONTENT_SHA256)
            .and_then(|digest| unhex(digest.as_bytes()));
        self.sign(request, digest.as_deref()).await
    }
}

#[async_trait]
impl HttpService for S3Calls {
    async fn call(&self, mut request: HttpRequest) -> Result<HttpResponse, HttpError> {
        if let Some(Locked(retention)) = request.extensions().get().copied() {
            self.lock(&mut request, retention).await?;
        }
        self.transport.call(request).await
    }
}

/// The digests that services want to see with a change of an object's lock: some one, some the other.
fn add_digests(headers: &mut HeaderMap, body: &[u8]) {
    let md5 = Md5::digest(body);
    let sha256 = ring::digest::digest(&ring::digest::SHA256, body);
    for (name, digest) in [
        ("content-md5", base64(&md5)),
        ("x-amz-checksum-sha256", base64(sha256.as_ref())),
    ] {
        if let Ok(digest) = ascii(&digest) {
            headers.insert(name, digest);
        }
    }
    headers.insert("content-type", HeaderValue::from_static("application/xml"));
    headers.insert("content-length", HeaderValue::from(body.len()));
}

/// What S3 calls a mode.
pub(crate) fn mode(mode: RetentionMode) -> &'static str {
    match mode {
        RetentionMode::Governance => "GOVERNANCE",
        // The stricter one for whatever may come.
        _ => "COMPLIANCE",
    }
}

fn ascii(text: &str) -> Result<HeaderValue, HttpError> {
    HeaderValue::from_str(text).map_err(|error| broken(Box::new(error)))
}

pub(super) fn broken(error: Box<dyn std::error::Error + Send + Sync>) -> HttpError {
    HttpError::new_boxed(HttpErrorKind::Unknown, error)
}

fn unhex(text: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok()?;
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok())
        .collect()
}

/// Without credentials, which the library's own `Debug` may spell out.
impl fmt::Debug for S3Calls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Calls")
            .field("bucket_url", &self.bucket_url)
            .finish_non_exhaustive()
    }
}
