//! Amazon S3, and the many services that speak its language.

use std::fmt;
use std::sync::Arc;

use object_store::RetryConfig;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, Checksum};
use strongroom_store::{Environment, Result};

use self::calls::S3Calls;
use self::credentials::{Profile, Source};
pub(crate) use self::warm::Restore;
use crate::address::{Address, invalid};
use crate::settings::{self, Common, Creates, Named};
use crate::store::{Inner, ObjectStore, Service};
use crate::tls::Trust;
use crate::transport::{Connector, Timeouts, Transport};

pub(crate) mod calls;
mod credentials;
mod discovery;
mod lock;
mod uncover;
mod versions;
mod warm;

pub use self::credentials::AwsCredentials;
pub use self::discovery::Discovery;

/// Calls in flight that serve it well.
const CONCURRENCY: usize = 16;

/// A bucket, and how to reach it.
///
/// Its address is `s3://bucket/folder?endpoint=…&region=…`, and further
///
/// * `style=path` or `virtual`: whether the bucket is in the path or in the name of the host;
/// * `class=` and `hot_class=`: what the service calls the classes of storage for cold and for hot objects (`GLACIER`, `STANDARD_IA`);
/// * `lock=true`: the bucket has Object Lock, which gives the store an [`object_lock`](strongroom_store::Store::object_lock);
/// * `sse=AES256` or `sse=aws:kms` with `kms_key=`: encryption by the service;
/// * `restore_days=` and `restore_tier=`: how long objects brought back from a cold class stay, and how fast they come
///   (`Standard`, `Bulk`, `Expedited`);
/// * `credentials=anonymous` or `instance`: not those of the environment, but none, or the machine's role;
/// * `checksum=false`: for services that refuse `x-amz-checksum-sha256`;
/// * `create=look`: looks before it creates, for services that know no conditional put, or ignore the
///   condition on a bucket that keeps versions (Ceph); see [`Creates`];
/// * `ca=`: a file of authorities to trust besides the system's; `timeout=`: the seconds after which a silent service is given up.
///
/// A region is also taken from `AWS_REGION`, `AWS_DEFAULT_REGION` or the profile, an endpoint with TLS from `AWS_ENDPOINT_URL_S3` or
/// `AWS_ENDPOINT_URL`. An endpoint without TLS has to be said here.
#[derive(Debug, Clone)]
pub struct S3 {
    bucket: String,
    common: Common,
    endpoint: Option<String>,
    region: Option<String>,
    bucket_in_host: Option<bool>,
    object_lock: bool,
    encryption: Option<ServerSideEncryption>,
    restore: Restore,
    checksum: bool,
    credentials: Option<AwsCredentials>,
}

/// How the service encrypts what it keeps, besides our own encryption.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServerSideEncryption {
    /// With keys of the service.
    Aes256,
    /// With a key of the key management service, by its id or ARN.
    Kms(String),
}

impl S3 {
    /// Returns a bucket of AWS in the region of the environment.
    ///
    /// # Errors
    ///
    /// `Invalid` if that cannot be the name of a bucket.
    pub fn new(bucket: &str) -> Result<Self> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if bucket.len() < 3
            || bucket.len() > 255
            || !bucket.chars().all(allowed)
            || bucket.contains("..")
        {
            return Err(invalid("a bucket whose name is none"));
        }
        Ok(Self {
            bucket: bucket.to_owned(),
            common: Common::default(),
            endpoint: None,
            region: None,
            bucket_in_host: None,
            object_lock: false,
            encryption: None,
            restore: Restore::default(),
            checksum: true,
            credentials: None,
        })
    }

    /// Takes what an address says.
    pub(crate) fn of(address: &mut Address) -> Result<Self> {
        let mut s3 = Self::new(&address.authority)?;
        s3.common = Common::take(address)?;
        s3.endpoint = settings::take_endpoint(address)?;
        s3.region = address.take("region").map(region).transpose()?;
        s3.bucket_in_host = match address.take("style").as_deref() {
            None => None,
            Some("path") => Some(false),
            Some("virtual") => Some(true),
            Some(_) => return Err(invalid("style= is neither path nor virtual")),
        };
        s3.object_lock = address.take_switch("lock")?.unwrap_or(false);
        s3.encryption = match (address.take("sse").as_deref(), address.take("kms_key")) {
            (None, None) => None,
            (Some("AES256"), None) => Some(ServerSideEncryption::Aes256),
            (Some("aws:kms"), Some(key)) => Some(ServerSideEncryption::Kms(key)),
            _ => return Err(invalid("sse= is neither AES256 nor aws:kms with kms_key=")),
        };
        s3.restore = Restore::take(address)?;
        s3.checksum = address.take_switch("checksum")?.unwrap_or(true);
        if s3.object_lock && !s3.checksum {
            return Err(invalid(
                "lock=true needs checksums, which checksum=false leaves out",
            ));
        }
        s3.credentials = Named::take(address)?.map(|named| match named {
            Named::Anonymous => AwsCredentials::anonymous(),
            Named::Instance => AwsCredentials::instance(),
        });
        Ok(s3)
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

    /// Asks another service than AWS: the address of its root.
    ///
    /// # Errors
    ///
    /// `Invalid` if it is no `http://` or `https://` address, or holds credentials.
    pub fn with_endpoint(mut self, url: &str) -> Result<Self> {
        self.endpoint = Some(settings::endpoint(url)?);
        Ok(self)
    }

    /// Names the region.
    ///
    /// # Errors
    ///
    /// `Invalid` if that cannot be one.
    pub fn with_region(mut self, name: &str) -> Result<Self> {
        self.region = Some(region(name.to_owned())?);
        Ok(self)
    }

    /// Sets what the service calls the classes of storage for hot and for cold objects; `None` is the bucket's own.
    #[must_use]
    pub fn with_classes(mut self, hot: Option<&str>, cold: Option<&str>) -> Self {
        self.common.set_classes(hot, cold);
        self
    }

    /// Says that the bucket has Object Lock.
    #[must_use]
    pub fn with_object_lock(mut self, object_lock: bool) -> Self {
        self.object_lock = object_lock;
        self
    }

    /// Has the service encrypt what it keeps.
    #[must_use]
    pub fn with_encryption(mut self, encryption: ServerSideEncryption) -> Self {
        self.encryption = Some(encryption);
        self
    }

    /// Sets who asks, in place of those in the environment.
    #[must_use]
    pub fn with_credentials(mut self, credentials: AwsCredentials) -> Self {
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
    /// `PermissionDenied` with [`NoCredentials`](strongroom_store::Cause::NoCredentials), `Invalid` for what is contradictory.
    pub fn open(&self, environment: &dyn Environment) -> Result<ObjectStore> {
        let credentials = match &self.credentials {
            Some(credentials) => credentials.clone(),
            None => AwsCredentials::of(environment)?,
        };
        let region = self.region_of(environment)?;
        let bucket_url = self.bucket_url(environment, &region)?;
        let mut connection = self.common.connection(&bucket_url, environment)?;
        if matches!(credentials.0, Source::Role(_)) && matches!(connection.trust, Trust::Nothing) {
            connection.trust = Trust::System; // the role's own service has TLS, whatever the store has
        }
        let calls = S3Calls::new(
            Transport::new(&connection)?,
            self.bucket.clone(),
            bucket_url.clone(),
            region.clone(),
        );
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&self.bucket)
            .with_region(&region)
            .with_endpoint(&bucket_url)
            .with_virtual_hosted_style_request(true) // the address holds the bucket, wherever it is in it
            .with_allow_http(true) // decided above
            .with_retry(never())
            .with_http_connector(Connector::new(calls.clone()));
        if self.checksum {
            builder = builder.with_checksum_algorithm(Checksum::SHA256);
        }
        builder = match &self.encryption {
            None => builder,
            Some(ServerSideEncryption::Aes256) => {
                // The key's type is not public; its name is.
                let key = "aws_server_side_encryption".parse::<AmazonS3ConfigKey>();
                let key = key.map_err(|error| invalid(&error.to_string()))?;
                builder.with_config(key, "AES256")
            }
            Some(ServerSideEncryption::Kms(key)) => builder.with_sse_kms_encryption(key),
        };
        let client = credentials
            .apply(builder)
            .build()
            .map_err(|error| invalid(&crate::transport::root_cause(&error)))?;
        let signs = !matches!(credentials.0, Source::Anonymous);
        calls.set_credentials(signs.then(|| Arc::clone(client.credentials())));
        let name = match &self.endpoint {
            Some(endpoint) => format!(
                "s3://{}/{}?endpoint={endpoint}",
                self.bucket, self.common.folder
            ),
            None => format!("s3://{}/{}", self.bucket, self.common.folder),
        };
        Ok(ObjectStore::new(Inner {
            remote: Arc::new(client),
            creates: self.common.creates,
            service: Service::S3 {
                calls,
                restore: self.restore.clone(),
            },
            root: self.common.root(),
            name,
            classes: self.common.classes.clone(),
            capabilities: self
                .common
                .creates
                .capabilities()
                .with_concurrency(CONCURRENCY)
                .with_ordered_list(true)
                .with_object_lock(self.object_lock)
                .with_versioning(self.object_lock),
        }))
    }

    fn region_of(&self, environment: &dyn Environment) -> Result<String> {
        if let Some(region) = &self.region {
            return Ok(region.clone());
        }
        let variable = environment
            .variable("AWS_REGION")
            .or_else(|| environment.variable("AWS_DEFAULT_REGION"));
        let found = match variable {
            Some(variable) => Some(variable),
            None => Profile::of(environment)?.value("region").cloned(),
        };
        found.map_or_else(|| Ok("us-east-1".to_owned()), region)
    }

    /// Returns the address of the bucket.
    fn bucket_url(&self, environment: &dyn Environment, region: &str) -> Result<String> {
        let of_environment = || {
            environment
                .variable("AWS_ENDPOINT_URL_S3")
                .or_else(|| environment.variable("AWS_ENDPOINT_URL"))
                .map(|url| settings::endpoint_of_environment(&url))
                .transpose()
        };
        let endpoint = match &self.endpoint {
            Some(endpoint) => Some(endpoint.clone()),
            None => of_environment()?,
        };
        // A certificate for `*.host` does not cover a bucket with dots.
        let in_host = self
            .bucket_in_host
            .unwrap_or(endpoint.is_none() && !self.bucket.contains('.'));
        let endpoint = endpoint.unwrap_or_else(|| {
            let china = if region.starts_with("cn-") { ".cn" } else { "" };
            format!("https://s3.{region}.amazonaws.com{china}")
        });
        match endpoint.split_once("://") {
            Some((scheme, host)) if in_host => Ok(format!("{scheme}://{}.{host}", self.bucket)),
            _ => Ok(format!("{endpoint}/{}", self.bucket)),
        }
    }
}

/// A region is a part of a host's name.
fn region(name: String) -> Result<String> {
    let sound = !name.is_empty()
        && name.len() <= 64
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if sound {
        Ok(name)
    } else {
        Err(invalid("a region whose name is none"))
    }
}

/// Nothing is tried again here: a wrapper does that, and counts.
pub(crate) fn never() -> RetryConfig {
    RetryConfig {
        max_retries: 0,
        retry_timeout: std::time::Duration::ZERO,
        ..RetryConfig::default()
    }
}

/// The address, without what only matters to the service.
impl fmt::Display for S3 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.common.folder)
    }
}
