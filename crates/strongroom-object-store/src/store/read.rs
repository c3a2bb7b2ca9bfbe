//! Reading, looking and listing.

use std::ops::Range;

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{Extensions, GetRange, ObjectStoreExt};
use strongroom_store::{Error, ErrorKind, GetOptions, Key, ObjectMeta, Prefix, Result};

use super::write::library_error;
use super::{ObjectStore, Service};
use crate::google::calls::GoogleCalls;
use crate::judge::{self, Doing, explain};
use crate::transport::WantsObject;

/// A part of an object, as it was served.
struct Served {
    data: Bytes,
    range: Range<u64>,
    /// The length of the whole object.
    len: u64,
}

impl ObjectStore {
    pub(super) async fn read(&self, key: &Key, options: GetOptions) -> Result<Bytes> {
        let path = self.library_path("get", key)?;
        let outside = |range: &Range<u64>, len: u64| {
            let what = format!("{}..{} of {len} bytes", range.start, range.end);
            Error::new(ErrorKind::InvalidRange, "get")
                .with_key(key)
                .with_source(what)
        };
        if let Some(range) = options
            .range
            .as_ref()
            .filter(|range| range.start >= range.end)
        {
            // HTTP has no word for an empty range.
            let len = self.look(key).await?.len;
            let within = range.start == range.end && range.end <= len;
            return if within {
                Ok(Bytes::new())
            } else {
                Err(outside(range, len))
            };
        }
        let served = self.fetch(&path, options.range.clone()).await;
        let served = match (served, &options.range) {
            (Ok(served), _) => served,
            (Err(error), range) => {
                let error = explain("get", Some(key), self.inner.service.reading(), &error);
                return match range {
                    // The library could not make sense of what came: some services serve the empty rest beyond the end.
                    Some(range) if error.kind() == ErrorKind::Other && error.cause().is_none() => {
                        let len = self.look(key).await?.len;
                        Err(if range.end > len {
                            outside(range, len)
                        } else {
                            error
                        })
                    }
                    _ => Err(error),
                };
            }
        };
        if let Some(range) = options
            .range
            .as_ref()
            .filter(|range| range.end > served.len)
        {
            return Err(outside(range, served.len));
        }
        let due = options.range.unwrap_or(0..served.len);
        if served.range != due || served.data.len() as u64 != due.end.saturating_sub(due.start) {
            let what = format!(
                "{} bytes of {:?} came where {due:?} were due",
                served.data.len(),
                served.range
            );
            return Err(Error::new(ErrorKind::Unavailable, "get")
                .with_key(key)
                .with_source(what));
        }
        Ok(served.data)
    }

    async fn fetch(&self, path: &Path, range: Option<Range<u64>>) -> object_store::Result<Served> {
        let asked_range = range.clone();
        let mut extensions = Extensions::new();
        extensions.insert(WantsObject);
        let asked = object_store::GetOptions {
            range: range.map(GetRange::Bounded),
            extensions,
            ..object_store::GetOptions::default()
        };
        if let Service::Google(calls) = &self.inner.service {
            let part = calls.get(path.as_ref(), asked_range.as_ref()).await;
            let part = part.map_err(library_error)?;
            return Ok(Served {
                data: part.data,
                range: part.range,
                len: part.len,
            });
        }
        let result = self.inner.remote.get_opts(path, asked).await?;
        let (range, len) = (result.range.clone(), result.meta.size);
        let data = result.bytes().await?;
        Ok(Served { data, range, len })
    }

    pub(super) async fn look(&self, key: &Key) -> Result<ObjectMeta> {
        let path = self.library_path("head", key)?;
        let explained = |error| explain("head", Some(key), self.inner.service.reading(), &error);
        let error = match self.len(&path).await {
            Ok(len) => return Ok(ObjectMeta::new(key.clone(), len)),
            Err(error) => error,
        };
        let silent = judge::refusal(&error).is_some_and(|refusal| refusal.code.is_none());
        if !silent || !self.inner.service.reasons_in_body() {
            return Err(explained(error));
        }
        // The same refusal with a body: it tells a missing object from a missing bucket, and a wrong key from a forbidden one.
        if let Err(reason) = self.fetch(&path, Some(0..1)).await {
            let reason = explained(reason);
            if reason.kind() != ErrorKind::InvalidRange {
                return Err(reason);
            }
        }
        // It has come into being meanwhile.
        let len = self.len(&path).await.map_err(explained)?;
        Ok(ObjectMeta::new(key.clone(), len))
    }

    async fn len(&self, path: &Path) -> object_store::Result<u64> {
        if let Service::Google(calls) = &self.inner.service {
            return calls.len(path.as_ref()).await.map_err(library_error);
        }
        self.inner.remote.head(path).await.map(|object| object.size)
    }

    pub(super) fn listing(&self, prefix: &Prefix) -> BoxStream<'static, Result<ObjectMeta>> {
        let folder = format!("{}{prefix}", self.inner.root);
        let path = match Path::parse(folder.trim_end_matches('/')) {
            Ok(path) => path,
            Err(error) => {
                let error = Error::new(ErrorKind::Invalid, "list").with_source(error);
                return stream::iter([Err(error)]).boxed();
            }
        };
        let root = self.inner.root.clone();
        // Objects of somebody else, whose names are no keys, are not ours to speak of.
        let ours = move |object: object_store::ObjectMeta| {
            let name = object.location.as_ref().strip_prefix(&root)?;
            let key = Key::parse(name).ok()?;
            Some(ObjectMeta::new(key, object.size))
        };
        if let Service::Google(calls) = &self.inner.service {
            let objects = google_listing(calls.clone(), folder, self.inner.root.clone());
            return until_error(objects);
        }
        let web = matches!(self.inner.service, Service::Web);
        let objects = self
            .inner
            .remote
            .list(Some(&path))
            .filter_map(move |object| {
                let object = match object {
                    Ok(object) => ours(object).map(Ok),
                    Err(error) => Some(Err(unlisted(web, &error))),
                };
                async move { object }
            });
        until_error(objects.boxed())
    }
}

/// Lists page by page.
fn google_listing(
    calls: GoogleCalls,
    folder: String,
    root: String,
) -> BoxStream<'static, Result<ObjectMeta>> {
    let first = Some(None);
    let pages = stream::try_unfold(first, move |page: Option<Option<String>>| {
        let (calls, folder) = (calls.clone(), folder.clone());
        async move {
            let Some(token) = page else { return Ok(None) };
            let listed = calls.list(&folder, token.as_deref()).await;
            let listed = listed.map_err(|error| explain("list", None, Doing::Otherwise, &error))?;
            let next = listed.next.map(Some);
            Ok(Some((
                stream::iter(listed.objects.into_iter().map(Ok)),
                next,
            )))
        }
    });
    let ours = move |(path, len): (String, u64)| {
        let key = Key::parse(path.strip_prefix(&root)?).ok()?;
        Some(ObjectMeta::new(key, len))
    };
    pages
        .try_flatten()
        .try_filter_map(move |object| {
            let object = ours(object);
            async move { Ok(object) }
        })
        .boxed()
}

/// Returns the error of a list. What a web server without WebDAV answers to PROPFIND is anything.
fn unlisted(web: bool, error: &object_store::Error) -> Error {
    let explained = explain("list", None, Doing::Otherwise, error);
    if web
        && judge::refusal(error)
            .is_some_and(|refusal| matches!(refusal.status, 400 | 404 | 405 | 501))
    {
        return Error::new(ErrorKind::Unsupported, "list")
            .with_source("the web server does not list its folders");
    }
    explained
}

/// Ends a list after its first error.
fn until_error(
    objects: BoxStream<'static, Result<ObjectMeta>>,
) -> BoxStream<'static, Result<ObjectMeta>> {
    stream::unfold(Some(objects), async |objects| {
        let mut objects = objects?;
        let object = objects.next().await?;
        let rest = object.is_ok().then_some(objects);
        Some((object, rest))
    })
    .boxed()
}
