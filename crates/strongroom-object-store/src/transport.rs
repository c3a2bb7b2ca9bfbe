//! The HTTP client below every service: one request, one answer, in bounded time and memory.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse,
    HttpResponseBody, HttpService,
};
use object_store::{ClientOptions, HeaderValue};
use reqwest::redirect;
use strongroom_store::{Environment, Error, ErrorKind, MAX_OBJECT_BYTES, Result};

use crate::listing::Expected;
use crate::refusal::Refusal;
use crate::tls::{self, Trust};
use crate::watch::{Counted, Watch};

/// The largest answer that is no object: a page of a list, an error. In bytes.
const MAX_PAGE_BYTES: usize = 16 << 20;

/// As much of the body of a refusal is read. In bytes.
const MAX_REFUSAL_BYTES: usize = 64 << 10;

/// Room that is made for an answer before it has come, in bytes.
const FIRST_ROOM_BYTES: usize = 1 << 20;

/// How long a request may do nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeouts {
    /// Until a connection is made, TLS included.
    pub connect: Duration,
    /// Without a byte sent or received. After the last byte of a large object more is allowed, for what the system still holds.
    pub idle: Duration,
}

impl Timeouts {
    /// Sets how long it may take to connect.
    #[must_use]
    pub fn with_connect(mut self, connect: Duration) -> Self {
        self.connect = connect;
        self
    }

    /// Sets how long nothing may move.
    #[must_use]
    pub fn with_idle(mut self, idle: Duration) -> Self {
        self.idle = idle;
        self
    }
}

impl Default for Timeouts {
    /// Ten seconds to connect, thirty without a byte.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            idle: Duration::from_secs(30),
        }
    }
}

/// Marks a request for an object, whose answer may be as large as one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WantsObject;

/// How the client connects.
#[derive(Debug, Clone, Default)]
pub(crate) struct Connection {
    pub(crate) timeouts: Timeouts,
    pub(crate) trust: Trust,
    pub(crate) follows_redirects: bool,
    pub(crate) proxies: Proxies,
}

/// Proxies, as the usual variables name them.
#[derive(Clone, Default)]
pub(crate) struct Proxies {
    http: Option<String>,
    https: Option<String>,
    except: Option<String>,
}

impl Proxies {
    /// Reads `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, in small letters too.
    pub(crate) fn of(environment: &dyn Environment) -> Self {
        let variable = |name: &str| {
            environment
                .variable(name)
                .or_else(|| environment.variable(&name.to_lowercase()))
        };
        let all = variable("ALL_PROXY");
        Self {
            http: variable("HTTP_PROXY").or_else(|| all.clone()),
            https: variable("HTTPS_PROXY").or(all),
            except: variable("NO_PROXY"),
        }
    }

    fn apply(
        &self,
        mut builder: reqwest::ClientBuilder,
    ) -> reqwest::Result<reqwest::ClientBuilder> {
        let except = |proxy: reqwest::Proxy| {
            let except = self
                .except
                .as_deref()
                .and_then(reqwest::NoProxy::from_string);
            proxy.no_proxy(except)
        };
        if let Some(url) = &self.http {
            builder = builder.proxy(except(reqwest::Proxy::http(url)?));
        }
        if let Some(url) = &self.https {
            builder = builder.proxy(except(reqwest::Proxy::https(url)?));
        }
        Ok(builder)
    }
}

impl fmt::Debug for Proxies {
    /// Without addresses, which may hold passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxies")
            .field("http", &self.http.is_some())
            .field("https", &self.https.is_some())
            .finish_non_exhaustive()
    }
}

/// Sends requests, and turns every answer that is no success into a [`Refusal`].
#[derive(Debug, Clone)]
pub(crate) struct Transport {
    client: reqwest::Client,
    timeouts: Timeouts,
}

impl Transport {
    /// Returns a client. Neither it nor what it is made of reads the environment or sets anything for the process.
    pub(crate) fn new(connection: &Connection) -> Result<Self> {
        let timeouts = connection.timeouts;
        let redirects = if connection.follows_redirects {
            redirect::Policy::custom(follow_upwards)
        } else {
            // To another host a signed request would be worth nothing.
            redirect::Policy::none()
        };
        let builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls::client_config(&connection.trust)?)
            .no_proxy()
            .redirect(redirects)
            .retry(reqwest::retry::never())
            .connect_timeout(timeouts.connect)
            .pool_idle_timeout(Duration::from_secs(20))
            .tcp_keepalive(Duration::from_secs(30))
            .user_agent(concat!("strongroom/", env!("CARGO_PKG_VERSION")));
        let client = connection
            .proxies
            .apply(builder)
            .and_then(reqwest::ClientBuilder::build)
            .map_err(|error| {
                Error::new(ErrorKind::Invalid, "open").with_source(root_cause(&error))
            })?;
        Ok(Self { client, timeouts })
    }

    async fn answer(&self, request: HttpRequest) -> Result<HttpResponse, Failure> {
        let limit = limit(&request);
        let expected = Expected::of(request.method(), request.uri().query());
        let watch = Watch::new(self.timeouts.idle, request.body().content_length());
        let request = prepare(request, &watch)?;
        let mut response = watch.over(self.client.execute(request)).await??;
        let mut answer = HttpResponse::new(HttpResponseBody::from(Bytes::new()));
        *answer.status_mut() = response.status();
        *answer.headers_mut() = response.headers().clone();
        if !response.status().is_success() {
            let body = read(&watch, &mut response, MAX_REFUSAL_BYTES).await;
            // What was read of it will do: the status says the most.
            let body = body.unwrap_or_default();
            return Err(Failure::Refused(Refusal::new(
                answer.status().as_u16(),
                answer.headers(),
                &body,
            )));
        }
        let len = response.content_length().unwrap_or(0);
        if len > limit as u64 {
            return Err(Failure::TooLong(TooLong { len, limit }));
        }
        let body = read(&watch, &mut response, limit + 1).await?;
        if body.len() > limit {
            let len = body.len() as u64;
            return Err(Failure::TooLong(TooLong { len, limit }));
        }
        expected
            .check(&body)
            .map_err(|none| Failure::Other(Box::new(none)))?;
        if !answer.headers().contains_key("content-length") {
            // It came in chunks; the library wants to know all the same.
            let len = HeaderValue::from(body.len());
            answer.headers_mut().insert("content-length", len);
        }
        *answer.body_mut() = HttpResponseBody::from(body);
        Ok(answer)
    }
}

/// Returns how many bytes may come. A service that ignores the range may send all of an object; nothing is allocated for that before
/// it comes.
fn limit(request: &HttpRequest) -> usize {
    if request.extensions().get::<WantsObject>().is_some() {
        MAX_OBJECT_BYTES
    } else {
        MAX_PAGE_BYTES
    }
}

/// Reads a body, and at most so many bytes of it.
async fn read(
    watch: &Watch,
    response: &mut reqwest::Response,
    most: usize,
) -> Result<Bytes, Failure> {
    watch.touch();
    // Asked before the first piece, after which it is what remains.
    let expected = response
        .content_length()
        .and_then(|len| usize::try_from(len).ok());
    let Some(first) = watch.over(response.chunk()).await?? else {
        return Ok(Bytes::new());
    };
    if expected.is_some_and(|len| len <= first.len()) {
        return Ok(first);
    }
    // It grows as bytes come, whatever the service claims to send.
    let room = expected.unwrap_or(0).min(most).min(FIRST_ROOM_BYTES);
    let mut body = BytesMut::with_capacity(room.max(first.len()));
    body.extend_from_slice(&first);
    while body.len() < most {
        watch.touch();
        let Some(chunk) = watch.over(response.chunk()).await?? else {
            break;
        };
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

fn prepare(request: HttpRequest, watch: &Watch) -> Result<reqwest::Request, Failure> {
    let (parts, body) = request.into_parts();
    let url = reqwest::Url::parse(&parts.uri.to_string())
        .map_err(|error| Failure::Other(Box::new(error)))?;
    let mut request = reqwest::Request::new(parts.method, url);
    *request.headers_mut() = parts.headers;
    // Not `is_empty`, which says the opposite of a payload (object_store 0.14.2).
    if body.content_length() > 0 {
        *request.body_mut() = Some(reqwest::Body::wrap(Counted::new(body, watch.clone())));
    }
    Ok(request)
}

/// Follows a few redirects, and none that leaves TLS.
fn follow_upwards(attempt: redirect::Attempt<'_>) -> redirect::Action {
    let secure = |url: &reqwest::Url| url.scheme() == "https";
    let left = attempt.previous().iter().any(secure) && !secure(attempt.url());
    if left || attempt.previous().len() > 5 {
        attempt.stop()
    } else {
        attempt.follow()
    }
}

#[async_trait]
impl HttpService for Transport {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        // Of a kind that the library above does not try again.
        let error = |failure: Failure| HttpError::new_boxed(HttpErrorKind::Unknown, failure.into());
        self.answer(request).await.map_err(error)
    }
}

/// Gives the library above the client that is here already.
#[derive(Debug)]
pub(crate) struct Connector(pub(crate) HttpClient);

impl Connector {
    pub(crate) fn new(service: impl HttpService) -> Self {
        Self(HttpClient::new(service))
    }
}

impl HttpConnector for Connector {
    fn connect(&self, _options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(self.0.clone())
    }
}

/// Why a request has no answer to go on with.
enum Failure {
    Refused(Refusal),
    TimedOut(TimedOut),
    TooLong(TooLong),
    Client(reqwest::Error),
    Other(Box<dyn std::error::Error + Send + Sync>),
}

impl From<Failure> for Box<dyn std::error::Error + Send + Sync> {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(refusal) => Box::new(refusal),
            Failure::TimedOut(timed_out) => Box::new(timed_out),
            Failure::TooLong(too_long) => Box::new(too_long),
            // Its address may hold a token.
            Failure::Client(error) => Box::new(error.without_url()),
            Failure::Other(error) => error,
        }
    }
}

impl From<reqwest::Error> for Failure {
    fn from(error: reqwest::Error) -> Self {
        Self::Client(error)
    }
}

impl From<TimedOut> for Failure {
    fn from(timed_out: TimedOut) -> Self {
        Self::TimedOut(timed_out)
    }
}

/// Nothing moved for too long.
#[derive(Debug)]
pub(crate) struct TimedOut(pub(crate) Duration);

impl fmt::Display for TimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "nothing was sent or received for {} s", self.0.as_secs())
    }
}

impl std::error::Error for TimedOut {}

/// An answer is larger than what was asked for can be.
#[derive(Debug)]
pub(crate) struct TooLong {
    len: u64,
    limit: usize,
}

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "an answer of {} bytes or more, and the limit is {}",
            self.len, self.limit
        )
    }
}

impl std::error::Error for TooLong {}

/// Returns what the last error of a chain says: the others repeat it, with addresses.
pub(crate) fn root_cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}
