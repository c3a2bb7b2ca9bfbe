//! Putting and deleting.

use std::time::Duration;

use bytes::Bytes;
use object_store::client::HttpError;
use object_store::path::Path;
use object_store::{Attribute, AttributeValue, PutPayload};
use strongroom_store::{
    Cause, Error, ErrorKind, Key, MAX_OBJECT_BYTES, PutMode, PutOptions, Result,
};

use super::{ObjectStore, Service};
use crate::judge::{self, Doing, explain};
use crate::s3::calls::{Locked, S3Calls};
use crate::settings::Creates;
use crate::transport::root_cause;

/// A body is handed over in pieces of this many bytes, each of which is a sign of life.
const PIECE_BYTES: usize = 256 << 10;

/// Creates that met another one at the same moment are sent this often.
const CREATE_ATTEMPTS: u32 = 4;

impl ObjectStore {
    pub(super) async fn write(&self, key: &Key, data: Bytes, options: PutOptions) -> Result<()> {
        let refused = |kind, why: String| Error::new(kind, "put").with_key(key).with_source(why);
        if !self.inner.capabilities.put {
            return Err(refused(
                ErrorKind::PermissionDenied,
                "a web server is read-only".to_owned(),
            ));
        }
        if data.len() > MAX_OBJECT_BYTES {
            let why = format!("{} bytes, and the limit is {MAX_OBJECT_BYTES}", data.len());
            return Err(refused(ErrorKind::TooLarge, why));
        }
        if options.retention.is_some() && self.locking().is_none() {
            return Err(refused(
                ErrorKind::Unsupported,
                "this store does not lock objects".to_owned(),
            ));
        }
        let path = self.library_path("put", key)?;
        let payload = in_pieces(data);
        match (options.mode, self.locking()) {
            (PutMode::Overwrite, Some(calls)) => {
                self.replace_unlocked(calls, key, &path, payload, &options)
                    .await
            }
            (PutMode::Overwrite, None) => {
                let put = self.put_once(&path, payload, &options).await;
                put.map_err(|error| explain("put", Some(key), Doing::Otherwise, &error))
            }
            _ => self.create(key, &path, payload, &options).await,
        }
    }

    async fn put_once(
        &self,
        path: &Path,
        payload: PutPayload,
        options: &PutOptions,
    ) -> object_store::Result<()> {
        let mut asked = object_store::PutOptions {
            mode: match (options.mode, self.inner.creates) {
                (PutMode::Overwrite, _) | (_, Creates::AfterLooking) => {
                    object_store::PutMode::Overwrite
                }
                // Whatever modes may come: nothing is replaced by accident.
                _ => object_store::PutMode::Create,
            },
            ..object_store::PutOptions::default()
        };
        let class = self.inner.classes.name(options.class);
        if let Service::Google(calls) = &self.inner.service {
            let create = asked.mode == object_store::PutMode::Create;
            let put = calls.put(path.as_ref(), payload, create, class).await;
            return put.map_err(library_error);
        }
        if let Some(class) = class {
            let class = AttributeValue::from(class.to_owned());
            asked.attributes.insert(Attribute::StorageClass, class);
        }
        if let Some(retention) = options.retention {
            asked.extensions.insert(Locked(retention));
        }
        self.inner
            .remote
            .put_opts(path, payload, asked)
            .await
            .map(drop)
    }

    /// Creates an object, and looks what there is when the service could not decide between two creates.
    async fn create(
        &self,
        key: &Key,
        path: &Path,
        payload: PutPayload,
        options: &PutOptions,
    ) -> Result<()> {
        if self.inner.creates == Creates::AfterLooking {
            match self.look(key).await {
                Ok(_) => return Err(Error::new(ErrorKind::AlreadyExists, "put").with_key(key)),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        let mut attempts = 1;
        loop {
            let Err(error) = self.put_once(path, payload.clone(), options).await else {
                return Ok(());
            };
            let explained = explain("put", Some(key), Doing::Create, &error);
            if explained.kind() == ErrorKind::Unsupported {
                return Err(explained.with_source(format!(
                    "{}; with create=look in the store's address a single writer can do without",
                    root_cause(&error)
                )));
            }
            if !is_undecided(&error) {
                return Err(explained);
            }
            // Nothing was written by us. If nothing was by the other one either, it is our turn again.
            match self.look(key).await {
                Ok(_) => return Err(Error::new(ErrorKind::AlreadyExists, "put").with_key(key)),
                Err(missing)
                    if missing.kind() == ErrorKind::NotFound && attempts < CREATE_ATTEMPTS => {}
                Err(_) => return Err(explained),
            }
            tokio::time::sleep(Duration::from_millis(20 << attempts)).await;
            attempts += 1;
        }
    }

    /// Replaces an object where objects are locked: not if it is, and without leaving the old version behind.
    async fn replace_unlocked(
        &self,
        calls: &S3Calls,
        key: &Key,
        path: &Path,
        payload: PutPayload,
        options: &PutOptions,
    ) -> Result<()> {
        let before = match calls.current(path.as_ref()).await {
            Ok(current) => current,
            // Whether the object or the bucket is missing, the put will tell.
            Err(error) if judge::refusal(&error).is_some_and(|refusal| refusal.status == 404) => {
                Default::default()
            }
            Err(error) => return Err(explain("put", Some(key), Doing::Otherwise, &error)),
        };
        let mut retention = before.retention;
        if retention.is_none() && before.exists {
            // The answer leaves the lock out for who may not see locks; asked outright, the service says that instead.
            let asked = calls.retention(path.as_ref()).await;
            retention =
                asked.map_err(|error| explain("put", Some(key), Doing::Otherwise, &error))?;
        }
        if retention.is_some() {
            return Err(retained("put", key));
        }
        let put = self.put_once(path, payload, options).await;
        put.map_err(|error| explain("put", Some(key), Doing::Otherwise, &error))?;
        if let Some(version) = before.version {
            // It costs room until it is deleted, by us or by a rule of the bucket; the put has succeeded all the same.
            drop(calls.delete_version(path.as_ref(), &version).await);
        }
        Ok(())
    }

    pub(super) async fn remove(&self, key: &Key) -> Result<()> {
        let path = self.path(key);
        let explained = |error: &(dyn std::error::Error + 'static)| {
            explain("delete", Some(key), Doing::Otherwise, error)
        };
        let outcome = match (&self.inner.service, self.locking()) {
            (Service::Web, _) => {
                return Err(Error::new(ErrorKind::PermissionDenied, "delete")
                    .with_key(key)
                    .with_source("a web server is read-only"));
            }
            (_, Some(calls)) => calls
                .delete_versions(&path)
                .await
                .map_err(|error| explained(&error)),
            (Service::S3 { calls, .. }, None) => {
                calls.delete(&path).await.map_err(|error| explained(&error))
            }
            (Service::Azure(calls), None) => {
                calls.delete(&path).await.map_err(|error| explained(&error))
            }
            (Service::Google(calls), None) => {
                calls.delete(&path).await.map_err(|error| explained(&error))
            }
        };
        let Err(error) = outcome else {
            return Ok(());
        };
        match (error.kind(), error.cause(), self.locking()) {
            (ErrorKind::NotFound, _, _) => Ok(()),
            // S3 says the same to whoever may never delete.
            (ErrorKind::PermissionDenied, Some(Cause::Forbidden), Some(calls)) => {
                match calls.retention(&path).await {
                    Ok(Some(_)) => Err(retained("delete", key)),
                    _ => Err(error),
                }
            }
            _ => Err(error),
        }
    }
}

/// Wraps an error of our own request as one of the library's, to be explained like those.
pub(super) fn library_error(error: HttpError) -> object_store::Error {
    object_store::Error::Generic {
        store: "Google",
        source: Box::new(error),
    }
}

/// Whether two creates met, and the service let neither of them pass.
fn is_undecided(error: &object_store::Error) -> bool {
    judge::refusal(error).is_some_and(|refusal| {
        let code = refusal.code();
        refusal.status == 409 && matches!(code, "ConditionalRequestConflict" | "OperationAborted")
    })
}

fn retained(operation: &'static str, key: &Key) -> Error {
    Error::new(ErrorKind::PermissionDenied, operation)
        .with_key(key)
        .with_cause(Cause::Retained)
}

/// Shares a body out, without copying it.
fn in_pieces(mut data: Bytes) -> PutPayload {
    let mut pieces = Vec::with_capacity(data.len().div_ceil(PIECE_BYTES));
    while data.len() > PIECE_BYTES {
        pieces.push(data.split_to(PIECE_BYTES));
    }
    if !data.is_empty() {
        pieces.push(data);
    }
    pieces.into_iter().collect()
}
