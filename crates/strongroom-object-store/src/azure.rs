//! Azure Blob Storage.

use std::fmt;
use std::sync::Arc;

use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use strongroom_store::{Cause, Environment, Error, ErrorKind, Result};

use self::calls::AzureCalls;
use self::credentials::Found;
use crate::address::{Address, invalid};
use crate::s3::never;
use crate::secret::Secret;
use crate::settings::{self, Common, Creates, Named};
use crate::store::{Inner, ObjectStore, Service};
use crate::tls::Trust;
use crate::transport::{Connector, Timeouts, Transport, root_cause};

pub(crate) mod calls;
mod credentials;

/// Calls in flight that serve it well.
const CONCURRENCY: usize = 16;

/// A container, and how to reach it.
///
/// Its address is `az://container/folder?account=…&endpoint=…`, and further `class=` and `hot_class=` (access tiers such as `Archive`,
/// `Cool`), `credentials=anonymous` or `instance`, `create=`, `ca=` and `timeout=` as for [`S3`](crate::S3).
///
/// The account is also taken from `AZURE_STORAGE_ACCOUNT_NAME` or `AZURE_STORAGE_ACCOUNT`, credentials from the first of:
/// `AZURE_STORAGE_CONNECTION_STRING`; `AZURE_STORAGE_ACCOUNT_KEY`, `AZURE_STORAGE_ACCESS_KEY` or `AZURE_STORAGE_KEY`;
/// `AZURE_STORAGE_SAS_TOKEN` or `AZURE_STORAGE_SAS_KEY`; `AZURE_CLIENT_ID` and `AZURE_TENANT_ID` with `AZURE_CLIENT_SECRET` or
/// `AZURE_FEDERATED_TOKEN_FILE`.
#[derive(Debug, Clone)]
pub struct Azure {
    container: String,
    account: Option<String>,
    common: Common,
    endpoint: Option<String>,
    credentials: Option<AzureCredentials>,
}

/// Who asks Azure.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum AzureCredentials {
    /// The account's key, in base64.
    Key(Secret),
    /// A shared access signature: `sv=…&sig=…`.
    SharedAccessSignature(Secret),
    /// Nobody: requests are not signed.
    Anonymous,
    /// The identity of the virtual machine.
    Instance,
    /// An application of Entra ID.
    Application {
        /// Which application.
        client: String,
        /// Of which tenant.
        tenant: String,
        /// What it proves itself with.
        proof: ApplicationProof,
    },
}

/// What an application proves itself with.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ApplicationProof {
    /// A secret of its own.
    Secret(Secret),
    /// A file with a token of another service, which is read each time one is needed.
    TokenFile(String),
}

impl Azure {
    /// Returns a container of the account in the environment.
    ///
    /// # Errors
    ///
    /// `Invalid` if that cannot be the name of a container.
    pub fn new(container: &str) -> Result<Self> {
        let allowed =
            |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '$';
        if container.is_empty() || container.len() > 63 || !container.chars().all(allowed) {
            return Err(invalid("a container whose name is none"));
        }
        Ok(Self {
            container: container.to_owned(),
            account: None,
            common: Common::default(),
            endpoint: None,
            credentials: None,
        })
    }

    pub(crate) fn of(address: &mut Address) -> Result<Self> {
        let mut azure = Self::new(&address.authority)?;
        azure.common = Common::take(address)?;
        azure.account = address.take("account").map(account).transpose()?;
        azure.endpoint = settings::take_endpoint(address)?;
        azure.credentials = Named::take(address)?.map(|named| match named {
            Named::Anonymous => AzureCredentials::Anonymous,
            Named::Instance => AzureCredentials::Instance,
        });
        Ok(azure)
    }

    /// Keeps everything in a folder of the container.
    ///
    /// # Errors
    ///
    /// `Invalid` if it has empty segments, dots or control characters.
    pub fn with_folder(mut self, folder: &str) -> Result<Self> {
        self.common.set_folder(folder)?;
        Ok(self)
    }

    /// Names the account.
    ///
    /// # Errors
    ///
    /// `Invalid` if that cannot be one.
    pub fn with_account(mut self, name: &str) -> Result<Self> {
        self.account = Some(account(name.to_owned())?);
        Ok(self)
    }

    /// Asks another address than the account's own at Azure.
    ///
    /// # Errors
    ///
    /// `Invalid` if it is no `http://` or `https://` address, or holds credentials.
    pub fn with_endpoint(mut self, url: &str) -> Result<Self> {
        self.endpoint = Some(settings::endpoint(url)?);
        Ok(self)
    }

    /// Sets the access tiers of hot and of cold objects; `None` is the account's own.
    #[must_use]
    pub fn with_classes(mut self, hot: Option<&str>, cold: Option<&str>) -> Self {
        self.common.set_classes(hot, cold);
        self
    }

    /// Sets who asks, in place of those in the environment.
    #[must_use]
    pub fn with_credentials(mut self, credentials: AzureCredentials) -> Self {
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
        let found = Found::of(environment)?;
        let account = self.account.clone().or(found.account);
        let account = account.ok_or_else(|| {
            invalid("an account is named neither by account= nor by the environment")
        })?;
        let credentials = self
            .credentials
            .clone()
            .or(found.credentials)
            .ok_or_else(|| {
                Error::new(ErrorKind::PermissionDenied, "open")
                    .with_cause(Cause::NoCredentials)
                    .with_source("no key, signature or application of Azure is set")
            })?;
        let endpoint = match (&self.endpoint, found.endpoint) {
            (Some(endpoint), _) => endpoint.clone(),
            (None, Some(endpoint)) => settings::endpoint_of_environment(&endpoint)?,
            (None, None) => format!("https://{account}.blob.core.windows.net"),
        };
        let mut connection = self.common.connection(&endpoint, environment)?;
        if matches!(credentials, AzureCredentials::Application { .. })
            && matches!(connection.trust, Trust::Nothing)
        {
            connection.trust = Trust::System;
        }
        let transport = Transport::new(&connection)?;
        let builder = MicrosoftAzureBuilder::new()
            .with_account(&account)
            .with_container_name(&self.container)
            .with_endpoint(endpoint.clone())
            .with_allow_http(true) // decided above
            .with_retry(never())
            .with_http_connector(Connector::new(transport.clone()));
        let client = credentials
            .apply(builder)
            .build()
            .map_err(|error| invalid(&root_cause(&error)))?;
        let signer = match credentials {
            AzureCredentials::Anonymous => None,
            _ => Some(Arc::clone(client.credentials())),
        };
        let container_url = format!("{endpoint}/{}", self.container);
        Ok(ObjectStore::new(Inner {
            remote: Arc::new(client),
            creates: self.common.creates,
            service: Service::Azure(AzureCalls::new(
                transport,
                container_url,
                account.clone(),
                signer,
            )),
            root: self.common.root(),
            name: format!(
                "az://{}/{}?account={account}",
                self.container, self.common.folder
            ),
            classes: self.common.classes.clone(),
            capabilities: self
                .common
                .creates
                .capabilities()
                .with_concurrency(CONCURRENCY)
                .with_ordered_list(true),
        }))
    }
}

impl AzureCredentials {
    fn apply(&self, builder: MicrosoftAzureBuilder) -> MicrosoftAzureBuilder {
        match self {
            Self::Key(key) => builder
                .with_access_key(key.reveal())
                .with_credential_type("access_key"),
            Self::SharedAccessSignature(signature) => builder
                .with_config(AzureConfigKey::SasKey, signature.reveal())
                .with_credential_type("sas_token"),
            // The library wants some credentials even so.
            Self::Anonymous => builder
                .with_skip_signature(true)
                .with_bearer_token_authorization(""),
            Self::Instance => builder.with_credential_type("managed_identity"),
            Self::Application {
                client,
                tenant,
                proof,
            } => {
                let builder = builder.with_client_id(client).with_tenant_id(tenant);
                match proof {
                    ApplicationProof::Secret(secret) => builder
                        .with_client_secret(secret.reveal())
                        .with_credential_type("client_secret"),
                    ApplicationProof::TokenFile(path) => builder
                        .with_federated_token_file(path)
                        .with_credential_type("workload_identity"),
                }
            }
        }
    }
}

/// An account is a part of a host's name.
fn account(name: String) -> Result<String> {
    let sound = (1..=64).contains(&name.len())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if sound {
        Ok(name)
    } else {
        Err(invalid("an account whose name is none"))
    }
}

/// The address, without what only matters to the service.
impl fmt::Display for Azure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "az://{}/{}", self.container, self.common.folder)
    }
}
