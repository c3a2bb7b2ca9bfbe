//! Requests to Google Cloud Storage in its own language, JSON.
//!
//! The library speaks XML to it, which was made for programs that know S3: emulators do not understand it, and its answers to HEAD
//! say nothing of why. Credentials are the library's all the same.

use std::fmt;
use std::ops::Range;

use bytes::Bytes;
use md5::{Digest, Md5};
use object_store::HeaderValue;
use object_store::PutPayload;
use object_store::client::{
    HttpError, HttpErrorKind, HttpRequest, HttpRequestBody, HttpResponse, HttpService,
};
use object_store::gcp::GcpCredentialProvider;
use reqwest::Method;
use serde_json::Value;

use crate::judge;
use crate::text::{base64, encode_value};
use crate::transport::{Transport, WantsObject};

/// Sends requests to one bucket. Clones share everything.
#[derive(Clone)]
pub(crate) struct GoogleCalls {
    transport: Transport,
    endpoint: String,
    bucket: String,
    /// `None` for requests without a token.
    credentials: Option<GcpCredentialProvider>,
}

/// A part of an object.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) data: Bytes,
    /// Which part of the object the service says it is.
    pub(crate) range: Range<u64>,
    /// The length of the whole object.
    pub(crate) len: u64,
}

/// A page of a list.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) objects: Vec<(String, u64)>,
    pub(crate) next: Option<String>,
}

impl GoogleCalls {
    pub(crate) fn new(
        transport: Transport,
        endpoint: String,
        bucket: String,
        credentials: Option<GcpCredentialProvider>,
    ) -> Self {
        Self {
            transport,
            endpoint,
            bucket,
            credentials,
        }
    }

    fn bucket_url(&self) -> String {
        format!("{}/storage/v1/b/{}", self.endpoint, self.bucket)
    }

    fn object_url(&self, path: &str) -> String {
        format!("{}/o/{}", self.bucket_url(), encode_value(path))
    }

    async fn send(
        &self,
        method: Method,
        url: &str,
        mut request: HttpRequest,
    ) -> Result<HttpResponse, HttpError> {
        *request.uri_mut() = url.parse().map_err(broken)?;
        *request.method_mut() = method;
        if let Some(provider) = &self.credentials {
            let credential = provider.get_credential().await.map_err(broken)?;
            let token = format!("Bearer {}", credential.bearer);
            let mut token = HeaderValue::from_str(&token).map_err(broken)?;
            token.set_sensitive(true);
            request.headers_mut().insert("authorization", token);
        }
        self.transport.call(request).await
    }

    async fn ask(&self, method: Method, url: &str) -> Result<Value, HttpError> {
        let response = self
            .send(method, url, HttpRequest::new(HttpRequestBody::empty()))
            .await?;
        let body = response.into_body().bytes().await?;
        if body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&body).map_err(broken)
    }

    /// Stores an object in one request.
    pub(crate) async fn put(
        &self,
        path: &str,
        data: PutPayload,
        create: bool,
        class: Option<&str>,
    ) -> Result<(), HttpError> {
        let condition = if create { "&ifGenerationMatch=0" } else { "" };
        let boundary = boundary()?;
        // The service compares the digest with what came.
        let mut digest = Md5::new();
        data.iter().for_each(|piece| digest.update(piece));
        let mut meta = serde_json::json!({ "name": path, "md5Hash": base64(&digest.finalize()) });
        if let (Some(class), Some(meta)) = (class, meta.as_object_mut()) {
            meta.insert("storageClass".to_owned(), class.into());
        }
        let before = format!(
            "--{boundary}\r\nContent-Type: application/json\r\n\r\n{meta}\r\n--{boundary}\r\nContent-Type: application/octet-stream\r\n\r\n"
        );
        let after = format!("\r\n--{boundary}--\r\n");
        let parts = std::iter::once(Bytes::from(before))
            .chain(data)
            .chain([Bytes::from(after)]);
        let body: PutPayload = parts.collect();
        let content_type = format!("multipart/related; boundary={boundary}");
        let url = format!(
            "{}/upload/storage/v1/b/{}/o?uploadType=multipart&name={}{condition}",
            self.endpoint,
            self.bucket,
            encode_value(path),
        );
        let len = body.content_length();
        let mut request = HttpRequest::new(HttpRequestBody::from(body));
        let content_type = HeaderValue::from_str(&content_type).map_err(broken)?;
        request.headers_mut().insert("content-type", content_type);
        request
            .headers_mut()
            .insert("content-length", HeaderValue::from(len));
        let put = self.send(Method::POST, &url, request).await.map(drop);
        self.told_apart(put).await
    }

    /// Reads an object or a part of it that is not empty.
    pub(crate) async fn get(
        &self,
        path: &str,
        range: Option<&Range<u64>>,
    ) -> Result<Part, HttpError> {
        let mut request = HttpRequest::new(HttpRequestBody::empty());
        request.extensions_mut().insert(WantsObject);
        if let Some(range) = range {
            let header = format!("bytes={}-{}", range.start, range.end.saturating_sub(1));
            request
                .headers_mut()
                .insert("range", HeaderValue::from_str(&header).map_err(broken)?);
        }
        let url = format!("{}?alt=media", self.object_url(path));
        let response = match self.send(Method::GET, &url, request).await {
            Ok(response) => response,
            Err(error) => return Err(self.why_not_read(path, error).await),
        };
        let served = response.headers().get("content-range");
        let served = served.and_then(|value| content_range(value.to_str().ok()?));
        let partial = response.status().as_u16() == 206;
        let data = response.into_body().bytes().await?;
        let whole = data.len() as u64;
        match (range, served) {
            (None, _) if !partial => Ok(Part {
                data,
                range: 0..whole,
                len: whole,
            }),
            (Some(_), Some((range, len))) if partial => Ok(Part { data, range, len }),
            // It sent all of it.
            (Some(range), _) if !partial => {
                let range = range.start.min(whole)..range.end.min(whole);
                let at = |offset: u64| usize::try_from(offset).unwrap_or(data.len());
                let data = data.slice(at(range.start)..at(range.end).max(at(range.start)));
                let len = whole;
                Ok(Part { data, range, len })
            }
            _ => Err(broken("a part came without Content-Range")),
        }
    }

    /// Explains why an object could not be read. The service says that one is missing in plain text, as anybody might; its description
    /// says it in the service's own words.
    async fn why_not_read(&self, path: &str, error: HttpError) -> HttpError {
        let missing = judge::refusal(&error).filter(|refusal| refusal.status == 404);
        let Some(mut refusal) = missing.cloned() else {
            return error;
        };
        match self.len(path).await {
            Err(error) => error,
            Ok(_) => {
                // It is there, or has come into being meanwhile.
                refusal.code = Some("InternalError".to_owned());
                HttpError::new(HttpErrorKind::Unknown, refusal)
            }
        }
    }

    /// Returns the length of an object.
    pub(crate) async fn len(&self, path: &str) -> Result<u64, HttpError> {
        let url = format!("{}?fields=size", self.object_url(path));
        let meta = self.ask(Method::GET, &url).await;
        size(&self.told_apart(meta).await?)
    }

    /// Deletes an object.
    pub(crate) async fn delete(&self, path: &str) -> Result<(), HttpError> {
        let deleted = self
            .ask(Method::DELETE, &self.object_url(path))
            .await
            .map(drop);
        self.told_apart(deleted).await
    }

    /// Returns a page of the objects whose paths begin so.
    pub(crate) async fn list(&self, prefix: &str, page: Option<&str>) -> Result<Page, HttpError> {
        let page = page.map_or_else(String::new, |token| {
            format!("&pageToken={}", encode_value(token))
        });
        let url = format!(
            "{}/o?prefix={}&fields=nextPageToken,items(name,size){page}",
            self.bucket_url(),
            encode_value(prefix),
        );
        let listed = self.ask(Method::GET, &url).await;
        let listed = self.told_apart(listed).await?;
        if !listed.is_object() {
            return Err(broken("another document came in place of a list"));
        }
        let mut objects = Vec::new();
        for item in listed
            .get("items")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            let name = item.get("name").and_then(Value::as_str);
            let name = name.ok_or_else(|| broken("an object without a name is listed"))?;
            objects.push((name.to_owned(), size(item)?));
        }
        let next = listed.get("nextPageToken").and_then(Value::as_str);
        Ok(Page {
            objects,
            next: next.filter(|token| !token.is_empty()).map(str::to_owned),
        })
    }

    /// Finds out whether what is missing is an object or the bucket, where the answer does not say.
    async fn told_apart<T>(&self, outcome: Result<T, HttpError>) -> Result<T, HttpError> {
        let Err(error) = outcome else { return outcome };
        let Some(mut refusal) = judge::refusal(&error)
            .filter(|refusal| refusal.status == 404)
            .cloned()
        else {
            return Err(error);
        };
        let message = refusal.message.clone().unwrap_or_default();
        let code = if message.contains("No such object") {
            "NoSuchKey"
        } else if message.contains("bucket does not exist") {
            "NoSuchBucket"
        } else if !refusal.silent {
            return Err(error); // the page of somebody else
        } else {
            // An emulator may say nothing at all.
            match self
                .ask(Method::GET, &format!("{}?fields=kind", self.bucket_url()))
                .await
            {
                Ok(bucket)
                    if bucket.get("kind").and_then(Value::as_str) == Some("storage#bucket") =>
                {
                    "NoSuchKey"
                }
                Err(error)
                    if judge::refusal(&error).is_some_and(|refusal| refusal.status == 404) =>
                {
                    "NoSuchBucket"
                }
                _ => return Err(error),
            }
        };
        refusal.code = Some(code.to_owned());
        Err(HttpError::new(HttpErrorKind::Unknown, refusal))
    }
}

/// Returns what separates the parts of one upload: nobody can have put it into the data.
fn boundary() -> Result<String, HttpError> {
    let random: [u8; 16] = ring::rand::generate(&ring::rand::SystemRandom::new())
        .map_err(|_| broken("no random numbers"))?
        .expose();
    Ok(random
        .iter()
        .fold("strongroom-".to_owned(), |boundary, byte| {
            boundary + &format!("{byte:02x}")
        }))
}

/// Reads `bytes 2-4/10`.
fn content_range(value: &str) -> Option<(Range<u64>, u64)> {
    let (part, len) = value.trim().strip_prefix("bytes")?.trim().split_once('/')?;
    let (first, last) = part.split_once('-')?;
    let range = first.parse().ok()?..last.parse::<u64>().ok()?.checked_add(1)?;
    Some((range, len.parse().ok()?))
}

/// Returns the length that an object's description says, which is a number in a text.
fn size(meta: &Value) -> Result<u64, HttpError> {
    let size = meta.get("size");
    let text = size
        .and_then(Value::as_str)
        .and_then(|size| size.parse().ok());
    text.or_else(|| size.and_then(Value::as_u64))
        .ok_or_else(|| broken("an object without a length"))
}

fn broken(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> HttpError {
    HttpError::new_boxed(HttpErrorKind::Unknown, error.into())
}

/// Without credentials, which the library's own `Debug` may spell out.
impl fmt::Debug for GoogleCalls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GoogleCalls")
            .field("bucket", &self.bucket)
            .finish_non_exhaustive()
    }
}
