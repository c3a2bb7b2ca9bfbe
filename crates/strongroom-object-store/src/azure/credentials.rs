//! Credentials of Azure from the environment.

use strongroom_store::{Environment, Result};

use super::{ApplicationProof, AzureCredentials, account};
use crate::address::invalid;
use crate::secret::Secret;

/// What the environment says.
#[derive(Default)]
pub(super) struct Found {
    pub(super) account: Option<String>,
    pub(super) endpoint: Option<String>,
    pub(super) credentials: Option<AzureCredentials>,
}

impl Found {
    pub(super) fn of(environment: &dyn Environment) -> Result<Self> {
        let first = |names: &[&str]| names.iter().find_map(|name| environment.variable(name));
        let mut found = match environment.variable("AZURE_STORAGE_CONNECTION_STRING") {
            Some(connection) => Self::of_connection_string(&connection)?,
            None => Self::default(),
        };
        if let Some(name) = first(&["AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT"]) {
            found.account = Some(account(name)?);
        }
        if found.credentials.is_some() {
            return Ok(found);
        }
        let key = first(&[
            "AZURE_STORAGE_ACCOUNT_KEY",
            "AZURE_STORAGE_ACCESS_KEY",
            "AZURE_STORAGE_KEY",
        ]);
        let signature = first(&["AZURE_STORAGE_SAS_TOKEN", "AZURE_STORAGE_SAS_KEY"]);
        found.credentials = match (key, signature) {
            (Some(key), _) => Some(AzureCredentials::Key(Secret::new(key))),
            (None, Some(signature)) => Some(AzureCredentials::SharedAccessSignature(Secret::new(
                signature,
            ))),
            (None, None) => application(environment),
        };
        Ok(found)
    }

    /// Reads `AccountName=…;AccountKey=…;BlobEndpoint=…;…`.
    fn of_connection_string(connection: &str) -> Result<Self> {
        let value = |name: &str| {
            connection.split(';').find_map(|part| {
                let (key, value) = part.split_once('=')?;
                key.trim()
                    .eq_ignore_ascii_case(name)
                    .then(|| value.trim().to_owned())
            })
        };
        let name = value("AccountName").map(account).transpose()?;
        let protocol = value("DefaultEndpointsProtocol").unwrap_or_else(|| "https".to_owned());
        let derived = || {
            Some(format!(
                "{protocol}://{}.blob.{}",
                name.as_ref()?,
                value("EndpointSuffix")?
            ))
        };
        let endpoint = value("BlobEndpoint").or_else(derived);
        let key = value("AccountKey").map(|key| AzureCredentials::Key(Secret::new(key)));
        let signature = || {
            let signature = value("SharedAccessSignature")?;
            Some(AzureCredentials::SharedAccessSignature(Secret::new(
                signature,
            )))
        };
        let credentials = key.or_else(signature);
        if credentials.is_none() {
            return Err(invalid(
                "AZURE_STORAGE_CONNECTION_STRING has neither a key nor a signature",
            ));
        }
        Ok(Self {
            account: name,
            endpoint,
            credentials,
        })
    }
}

fn application(environment: &dyn Environment) -> Option<AzureCredentials> {
    let client = environment.variable("AZURE_CLIENT_ID")?;
    let tenant = environment.variable("AZURE_TENANT_ID")?;
    let secret = environment.variable("AZURE_CLIENT_SECRET");
    let proof = match secret {
        Some(secret) => ApplicationProof::Secret(Secret::new(secret)),
        None => ApplicationProof::TokenFile(environment.variable("AZURE_FEDERATED_TOKEN_FILE")?),
    };
    Some(AzureCredentials::Application {
        client,
        tenant,
        proof,
    })
}
