//! Reading, looking and listing.

use std::ops::Range;

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use object_store::path::Path;
use object_store::{Extensions, GetRange, ObjectStoreExt};
use strongroom_store::{Error, ErrorKind, GetOptions, Key, ObjectMeta, Prefix, Result};

use super::{ObjectStore, Service};
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
        let served = served
            .map_err(|error| explain("get", Some(key), self.inner.service.reading(), &error))?;
        if let Some(range) = options
            .range
            .as_ref()
            .filter(|range| range.end > served.len)
        {
            return Err(outside(range, served.len));
        }
        if served.data.len() as u64 != served.range.end.saturating_sub(served.range.start) {
            let what = format!(
                "{} bytes came where {:?} were due",
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
        let mut extensions = Extensions::new();
        extensions.insert(WantsObject);
        let asked = object_store::GetOptions {
            range: range.map(GetRange::Bounded),
            extensions,
            ..object_store::GetOptions::default()
        };
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
