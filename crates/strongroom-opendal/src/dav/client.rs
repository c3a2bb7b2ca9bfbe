//! Requests to one server.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use reqwest::header::{ACCEPT_ENCODING, CONTENT_LENGTH, DATE, HeaderMap, HeaderValue};
use reqwest::{Method, Request, RequestBuilder, Response, StatusCode, Url, redirect, retry};
use strongroom_store::{Error, ErrorKind, Result};
use tokio::time::timeout;

use super::multistatus::{self, Resource};
use super::read::name_in;
use super::status::{garbled, is_closed, no_store, refused, silent, unanswered};
use super::tls::{self, Trust};
use super::{DavCredentials, DavSettings, Kind};
use crate::activity::{Activity, Stuck};
use crate::address::invalid;

/// Servers close a connection after a few seconds without a request, Apache after five. One that is not used that long any more
/// cannot be closed under a request.
const IDLE: Duration = Duration::from_secs(4);

/// What a server may say of one folder, in bytes: some hundred thousand files.
const LISTING_BYTES_MAX: usize = 256 << 20;

/// What is allocated for an answer before any of it is there.
const ROOM_BYTES: usize = 1 << 20;

/// What is read of an answer that nobody needs, so that its connection can be used again.
const REMARK_BYTES_MAX: usize = 64 << 10;

/// A server and the folder there that is the store.
pub(super) struct Client {
    http: reqwest::Client,
    /// As `http`, with a new connection for each request.
    fresh: reqwest::Client,
    /// Ends in a slash.
    base: Url,
    credentials: Option<DavCredentials>,
    silence_max: Duration,
    make_root: bool,
    /// Whether the server knows itself by the other of `http` and `https`: one in front of it ends the encryption.
    other_scheme: AtomicBool,
}

/// What a server said, without what it sent with it.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
}

/// Why a request has no answer.
enum Unanswered {
    Failed(reqwest::Error),
    Silent,
}

/// How far down a question about a folder goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// The resource alone.
    Itself,
    /// What is in it, too.
    Children,
}

impl Client {
    /// Returns the client. Connects to nothing.
    pub(super) fn new(settings: &DavSettings) -> Result<Self> {
        let base = Url::parse(&settings.url).map_err(|error| invalid(error.to_string()))?;
        let trust = match (base.scheme(), &settings.authorities) {
            ("http", _) => Trust::Nobody,
            ("https", Some(pem)) => Trust::SystemAnd(pem),
            ("https", None) => Trust::System,
            _ => return Err(invalid("a WebDAV server has an http or https URL")),
        };
        if base.password().is_some() || !base.username().is_empty() || base.query().is_some() {
            return Err(invalid("the URL of a folder has no user and no options"));
        }
        if !base.path().ends_with('/') {
            return Err(invalid("the URL of a folder ends in a slash"));
        }
        let tls = tls::config(&trust)?;
        let builder = || {
            reqwest::Client::builder()
                .tls_backend_preconfigured(tls.clone())
                .redirect(redirect::Policy::none())
                .retry(retry::never())
                .no_proxy()
                .referer(false)
                .connect_timeout(settings.timeout)
                .pool_idle_timeout(IDLE)
                .user_agent(concat!("strongroom/", env!("CARGO_PKG_VERSION")))
        };
        let failed = |error| Error::new(ErrorKind::Other, "open").with_source(error);
        Ok(Self {
            http: builder().build().map_err(failed)?,
            fresh: builder()
                .pool_max_idle_per_host(0)
                .build()
                .map_err(failed)?,
            base,
            credentials: settings.credentials.clone(),
            silence_max: settings.timeout,
            make_root: settings.make_folder,
            other_scheme: AtomicBool::new(false),
        })
    }

    /// Returns the URL of a path below the folder. Keys, and the names of our own folders, need no encoding.
    pub(super) fn url(&self, path: &str) -> Result<Url> {
        let url = format!("{}{path}", self.base);
        Url::parse(&url).map_err(|error| invalid(error.to_string()))
    }

    /// Returns what a path below the folder is to be called in a request about another. Apache takes no less than a whole URL, and
    /// refuses one that is not its own with a 502.
    pub(super) fn destination(&self, path: &str, other_scheme: bool) -> Result<String> {
        let url = self.url(path)?;
        if !other_scheme {
            return Ok(url.into());
        }
        let other = if url.scheme() == "https" {
            "http"
        } else {
            "https"
        };
        let rest = url.as_str().split_once(':').map_or("", |(_, rest)| rest);
        Ok(format!("{other}:{rest}"))
    }

    pub(super) fn has_other_scheme(&self) -> bool {
        self.other_scheme.load(Ordering::Relaxed)
    }

    pub(super) fn learn_other_scheme(&self) {
        self.other_scheme.store(true, Ordering::Relaxed);
    }

    /// Sends a request, and returns the answer when its head is there.
    ///
    /// It is sent again, once, if the server closed the connection instead of answering: Apache does that to connections that are
    /// kept open, and has not seen the request as a rule. So requests are such that whoever asks twice can tell from the answer.
    pub(super) async fn send(
        &self,
        operation: &'static str,
        request: RequestBuilder,
        body: Option<Bytes>,
    ) -> Result<Response> {
        let failed = |error| unanswered(operation, error);
        let request = self.authorized(request).build().map_err(failed)?;
        let again = request.try_clone(); // it has no body yet
        match (self.send_by(&self.http, request, body.clone()).await, again) {
            (Err(Unanswered::Failed(error)), Some(again)) if is_closed(&error) => {
                self.send_by(&self.fresh, again, body).await
            }
            (outcome, _) => outcome,
        }
        .map_err(|why| match why {
            Unanswered::Failed(error) => failed(error),
            Unanswered::Silent => silent(operation, self.silence_max),
        })
    }

    fn authorized(&self, request: RequestBuilder) -> RequestBuilder {
        match self.credentials.as_ref().map(|credentials| &credentials.0) {
            Some(Kind::Basic { user, password }) => request.basic_auth(user, Some(password)),
            Some(Kind::Bearer { token }) => request.bearer_auth(token),
            None => request,
        }
    }

    async fn send_by(
        &self,
        http: &reqwest::Client,
        mut request: Request,
        body: Option<Bytes>,
    ) -> Result<Response, Unanswered> {
        let activity = Arc::new(Activity::new());
        let headers = request.headers_mut();
        // Whatever compresses on the way would make lengths and ranges mean something else.
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        match body {
            None => {}
            Some(body) if body.is_empty() => {
                // Said, because nginx takes a PUT without a length for one without a body.
                headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
            }
            Some(rest) => {
                let activity = Arc::clone(&activity);
                let upload = reqwest::Body::wrap(Upload { rest, activity });
                *request.body_mut() = Some(upload);
            }
        }
        let answer = activity.guard(self.silence_max, http.execute(request));
        match answer.await {
            Ok(outcome) => outcome.map_err(Unanswered::Failed),
            Err(Stuck) => Err(Unanswered::Silent),
        }
    }

    /// Returns a request that is yet to be sent.
    pub(super) fn request(&self, method: &str, path: &str) -> Result<RequestBuilder> {
        let method = Method::from_bytes(method.as_bytes());
        let method = method.map_err(|error| invalid(error.to_string()))?;
        Ok(self.http.request(method, self.url(path)?))
    }

    /// Sends a request whose answer is in its status.
    pub(super) async fn ask(
        &self,
        operation: &'static str,
        request: RequestBuilder,
        body: Option<Bytes>,
    ) -> Result<Said> {
        let mut response = self.send(operation, request, body).await?;
        let said = Said {
            status: response.status(),
            headers: std::mem::take(response.headers_mut()),
        };
        // Read for the sake of the connection alone: what becomes of it is of no interest.
        drop(self.read(operation, response, REMARK_BYTES_MAX).await);
        Ok(said)
    }

    /// Reads what comes with an answer, if it is not longer than allowed.
    pub(super) async fn read(
        &self,
        operation: &'static str,
        mut response: Response,
        bytes_max: usize,
    ) -> Result<Bytes> {
        let announced = response.content_length().unwrap_or_default();
        let too_long = || Error::new(ErrorKind::TooLarge, operation);
        if announced > bytes_max as u64 {
            return Err(too_long());
        }
        // Room for more is made when it comes: what is announced may never be sent.
        let announced = usize::try_from(announced).unwrap_or(usize::MAX);
        let mut data = BytesMut::with_capacity(announced.min(ROOM_BYTES));
        while let Some(piece) = self.next_piece(operation, &mut response).await? {
            if data.len().saturating_add(piece.len()) > bytes_max {
                return Err(too_long());
            }
            data.extend_from_slice(&piece);
        }
        Ok(data.freeze())
    }

    /// Returns what comes next with an answer; `None` at its end.
    pub(super) async fn next_piece(
        &self,
        operation: &'static str,
        response: &mut Response,
    ) -> Result<Option<Bytes>> {
        let piece = timeout(self.silence_max, response.chunk()).await;
        let piece = piece.map_err(|_| silent(operation, self.silence_max))?;
        piece.map_err(|error| unanswered(operation, error))
    }

    /// Returns the error for an answer that is no success.
    pub(super) fn refused(&self, operation: &'static str, said: &Said) -> Error {
        let has_credentials = self.credentials.is_some();
        refused(operation, said.status, &said.headers, has_credentials)
    }

    /// Returns what is at a path, and the server's date; `None` if nothing is there.
    pub(super) async fn look(
        &self,
        operation: &'static str,
        path: &str,
        depth: Depth,
    ) -> Result<Option<(Vec<Resource>, Option<i64>)>> {
        let depth = if depth == Depth::Itself { "0" } else { "1" };
        let request = self
            .request("PROPFIND", path)?
            .header("Depth", depth)
            .header("Content-Type", "application/xml; charset=utf-8");
        let question = Bytes::from_static(multistatus::PROPFIND.as_bytes());
        let mut response = self.send(operation, request, Some(question)).await?;
        match response.status() {
            StatusCode::MULTI_STATUS => {}
            StatusCode::NOT_FOUND | StatusCode::GONE => return Ok(None),
            status if status.is_success() => {
                return Err(garbled(operation, "the server does not speak WebDAV here"));
            }
            status => {
                let headers = std::mem::take(response.headers_mut());
                return Err(self.refused(operation, &Said { status, headers }));
            }
        }
        let date = response
            .headers()
            .get(DATE)
            .and_then(|date| date.to_str().ok());
        let date = date.and_then(multistatus::parse_date);
        let answer = self.read(operation, response, LISTING_BYTES_MAX).await?;
        let answer = std::str::from_utf8(&answer).map_err(|_| garbled(operation, "not UTF-8"))?;
        let resources = multistatus::parse(answer).map_err(|why| garbled(operation, why))?;
        Ok(Some((resources, date)))
    }

    /// Returns the one resource at a path; `None` if nothing is there.
    pub(super) async fn look_at(
        &self,
        operation: &'static str,
        path: &str,
    ) -> Result<Option<Resource>> {
        let Some((resources, _)) = self.look(operation, path, Depth::Itself).await? else {
            return Ok(None);
        };
        let url = self.url(path)?;
        let own = resources.into_iter().next();
        let own = own.ok_or_else(|| garbled(operation, "an answer about nothing"))?;
        if name_in(&url, &own.href)?.is_some() {
            return Err(garbled(operation, "an answer about something else"));
        }
        if !self.is_there(operation, &own)? {
            return Ok(None);
        }
        if !own.is_folder && own.len.is_none() {
            // A file has a length. What tells neither may be anything, or nothing.
            return Err(garbled(operation, "neither a folder nor a length"));
        }
        Ok(Some(own))
    }

    /// Returns whether a resource that an answer speaks of is there; fails if the server could not look at it.
    pub(super) fn is_there(&self, operation: &'static str, resource: &Resource) -> Result<bool> {
        match resource.status {
            Some(404 | 410) => Ok(false),
            Some(code) if !(200..300).contains(&code) => {
                let status = StatusCode::from_u16(code);
                let status = status.map_err(|error| garbled(operation, error.to_string()))?;
                let headers = HeaderMap::new();
                Err(self.refused(operation, &Said { status, headers }))
            }
            _ => Ok(true),
        }
    }

    /// Fails unless the folder of the store is there: an unmounted disk must not look like an empty store.
    pub(super) async fn check_root(&self, operation: &'static str) -> Result<()> {
        let mut found = self.look_at(operation, "").await?;
        if found.is_none() && self.make_root {
            let make = self.request("MKCOL", "")?;
            self.ask(operation, make, None).await?;
            found = self.look_at(operation, "").await?;
        }
        match found {
            Some(resource) if resource.is_folder => Ok(()),
            _ => Err(no_store(operation)),
        }
    }

    /// Returns the error for an object that is not there.
    pub(super) async fn missing(&self, operation: &'static str) -> Error {
        match self.check_root(operation).await {
            Ok(()) => Error::new(ErrorKind::NotFound, operation),
            Err(error) => error,
        }
    }
}

impl Said {
    pub(super) fn is_success(&self) -> bool {
        // A multistatus says of parts of a resource what went wrong with them.
        self.status.is_success() && self.status != StatusCode::MULTI_STATUS
    }

    pub(super) fn is_missing(&self) -> bool {
        matches!(self.status, StatusCode::NOT_FOUND | StatusCode::GONE)
    }

    /// Returns whether a folder on the way is not there.
    pub(super) fn is_conflict(&self) -> bool {
        self.status == StatusCode::CONFLICT || self.is_missing()
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("base", &self.base.as_str())
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let base = self.base.as_str();
        match base.strip_prefix("http") {
            Some(rest) => write!(f, "dav{}", rest.trim_end_matches('/')),
            None => f.write_str(base),
        }
    }
}

/// What is sent with a request, in pieces, each of which is a sign of life.
struct Upload {
    rest: Bytes,
    activity: Arc<Activity>,
}

const PIECE_BYTES: usize = 64 << 10;

impl Body for Upload {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.activity.note();
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        let len = self.rest.len().min(PIECE_BYTES);
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(len)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}
