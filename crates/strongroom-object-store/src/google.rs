//! Google Cloud Storage.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use object_store::StaticCredentialProvider;
use object_store::gcp::{GcpCredential, GoogleCloudStorageBuilder};
use strongroom_store::{Cause, Environment, Error, ErrorKind, Result};

use self::calls::GoogleCalls;
use crate::address::{Address, invalid};
use crate::s3::never;
use crate::secret::Secret;
use crate::settings::{self, Common, Creates, Named};
use crate::store::{Inner, ObjectStore, Service};
use crate::transport::{Connector, Timeouts, Transport, root_cause};

pub(crate) mod calls;

/// Calls in flight that serve it well.
const CONCURRENCY: usize = 16;

/// A bucket, and how to reach it.
///
/// Its address is `gs://bucket/folder?endpoint=…`, and further `class=` and `hot_class=` (`NEARLINE`, `ARCHIVE`: all of them are read
/// at once here), `credentials=anonymous` or `instance`, `create=`, `ca=` and `timeout=` as for [`S3`](crate::S3).
///
/// Credentials are those of `GOOGLE_APPLICATION_CREDENTIALS` or of `gcloud auth application-default login`: a service account or a
/// user. A bucket at an endpoint without TLS, which is an emulator, needs none.
#[derive(Debug, Clone)]
pub struct Google {
    bucket: String,
    common: Common,
    endpoint: Option<String>,
    credentials: Option<GoogleCredentials>,
}

/// Who asks Google.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum GoogleCredentials {
    /// The key of a service account: the JSON document of its file.
    ServiceAccount(Secret),
    /// A token that somebody else renews.
    Token(Secret),
    /// A user, by the file that `gcloud` has written; it is read when the store is opened.
    UserFile(PathBuf),
    /// Nobody: requests are not signed.
    Anonymous,
    /// The account of the virtual machine. Where its metadata are is then read from the process's own variables
    /// (`GCE_METADATA_HOST`), and a user's file takes precedence if there is one: the library below decides that.
    Instance,
}

impl Google {
    /// Returns a bucket.
    ///
    /// # Errors
    ///
    /// `Invalid` if that cannot be the name of one.
    pub fn new(bucket: &str) -> Result<Self> {
        let allowed =
            |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-' | '_');
        if bucket.len() < 3
            || bucket.len() > 222
            || !bucket.chars().all(allowed)
            || bucket.contains("..")
        {
            return Err(invalid("a bucket whose name is none"));
        }
        Ok(Self {
            bucket: bucket.to_owned(),
            common: Common::default(),
            endpoint: None,
            credentials: None,
        })
    }

    pub(crate) fn of(address: &mut Address) -> Result<Self> {
        let mut google = Self::new(&address.authority)?;
        google.common = Common::take(address)?;
        google.endpoint = settings::take_endpoint(address)?;
        google.credentials = Named::take(address)?.map(|named| match named {
            Named::Anonymous => GoogleCredentials::Anonymous,
            Named::Instance => GoogleCredentials::Instance,
        });
        Ok(google)
    }

    /// Keeps everything in a folder of the bucket.
    ///
    /// # Errors
    ///
    /// `Invalid` if it has empty segments, dots or control characters.
    pub fn with_folder(mut self, folder: &str) -> Result<Self> {
        self.common.set_folder(folder)?;
        Ok(self)
    }

    /// Asks another address than Google's.
    ///
    /// # Errors
    ///
    /// `Invalid` if it is no `http://` or `https://` address, or holds credentials.
    pub fn with_endpoint(mut self, url: &str) -> Result<Self> {
        self.endpoint = Some(settings::endpoint(url)?);
        Ok(self)
    }

    /// Sets the classes of hot and of cold objects; `None` is the bucket's own.
    #[must_use]
    pub fn with_classes(mut self, hot: Option<&str>, cold: Option<&str>) -> Self {
        self.common.set_classes(hot, cold);
        self
    }

    /// Sets who asks, in place of those in the environment.
    #[must_use]
    pub fn with_credentials(mut self, credentials: GoogleCredentials) -> Self {
        self.credentials = Some(credentials);
        self
    }

    /// Sets how an object is created that must not exist.
    #[must_use]
    pub fn with_creates(mut self, creates: Creates) -> Self {
        self.common.creates = creates;
        self
    }

    /// Sets how long a silent service is waited for.
    #[must_use]
    pub fn with_timeouts(mut self, timeouts: Timeouts) -> Self {
        self.common.timeouts = timeouts;
        self
    }

    /// Makes the store. Nothing is sent.
    ///
    /// # Errors
    ///
    /// `PermissionDenied` with [`NoCredentials`](Cause::NoCredentials), `Invalid` for what is contradictory.
    pub fn open(&self, environment: &dyn Environment) -> Result<ObjectStore> {
        let credentials = match &self.credentials {
            Some(credentials) => credentials.clone(),
            None => self.credentials_of(environment)?,
        };
        let endpoint = self
            .endpoint
            .as_deref()
            .unwrap_or("https://storage.googleapis.com");
        let transport = Transport::new(&self.common.connection(endpoint, environment)?)?;
        let builder = GoogleCloudStorageBuilder::new()
            .with_bucket_name(&self.bucket)
            .with_base_url(endpoint)
            .with_retry(never())
            .with_http_connector(Connector::new(transport.clone()));
        let client = credentials
            .apply(builder)
            .build()
            .map_err(|error| invalid(&root_cause(&error)))?;
        let signer = match credentials {
            GoogleCredentials::Anonymous => None,
            _ => Some(Arc::clone(client.credentials())),
        };
        let calls = GoogleCalls::new(transport, endpoint.to_owned(), self.bucket.clone(), signer);
        Ok(ObjectStore::new(Inner {
            remote: Arc::new(client),
            service: Service::Google(calls),
            creates: self.common.creates,
            root: self.common.root(),
            name: format!("gs://{}/{}", self.bucket, self.common.folder),
            classes: self.common.classes.clone(),
            capabilities: self
                .common
                .creates
                .capabilities()
                .with_concurrency(CONCURRENCY)
                .with_ordered_list(true),
        }))
    }

    fn credentials_of(&self, environment: &dyn Environment) -> Result<GoogleCredentials> {
        let none = |source: String| {
            Error::new(ErrorKind::PermissionDenied, "open")
                .with_cause(Cause::NoCredentials)
                .with_source(source)
        };
        let named = environment
            .variable("GOOGLE_APPLICATION_CREDENTIALS")
            .map(PathBuf::from);
        let usual = || {
            let home = PathBuf::from(environment.variable("HOME")?);
            Some(home.join(".config/gcloud/application_default_credentials.json"))
        };
        let is_named = named.is_some();
        if let Some(path) = named.or_else(usual) {
            match environment.file(&path) {
                Ok(content) => {
                    let document = String::from_utf8_lossy(&content).into_owned();
                    return match crate::refusal::json_text(&document, "type").as_deref() {
                        Some("service_account") => {
                            Ok(GoogleCredentials::ServiceAccount(Secret::new(document)))
                        }
                        Some("authorized_user") => Ok(GoogleCredentials::UserFile(path)),
                        _ => Err(none(
                            "a file of credentials of a type that is not understood here"
                                .to_owned(),
                        )),
                    };
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound && !is_named => {}
                Err(error) => return Err(none(format!("the file of credentials: {error}"))),
            }
        }
        match &self.endpoint {
            Some(endpoint) if endpoint.starts_with("http://") => Ok(GoogleCredentials::Anonymous),
            _ => Err(none(
                "neither GOOGLE_APPLICATION_CREDENTIALS nor a login of gcloud is there".to_owned(),
            )),
        }
    }
}

impl GoogleCredentials {
    fn apply(&self, builder: GoogleCloudStorageBuilder) -> GoogleCloudStorageBuilder {
        let token = |bearer: &str| {
            let bearer = bearer.to_owned();
            Arc::new(StaticCredentialProvider::new(GcpCredential { bearer }))
        };
        match self {
            Self::ServiceAccount(document) => builder.with_service_account_key(document.reveal()),
            Self::Token(bearer) => builder.with_credentials(token(bearer.reveal())),
            Self::UserFile(path) => builder.with_application_credentials(path.to_string_lossy()),
            // Some credentials, lest the library look for others.
            Self::Anonymous => builder
                .with_skip_signature(true)
                .with_credentials(token("")),
            Self::Instance => builder,
        }
    }
}

/// The address, without what only matters to the service.
impl fmt::Display for Google {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "gs://{}/{}", self.bucket, self.common.folder)
    }
}
