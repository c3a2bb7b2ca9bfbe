//! Who asks S3: from the environment, from profiles, from the machine.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use strongroom_store::{Cause, Environment, Error, ErrorKind, Result};

use crate::address::invalid;
use crate::profile;
use crate::secret::Secret;

/// Who signs the requests to S3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsCredentials(pub(super) Source);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    Keys {
        id: String,
        secret: Secret,
        token: Option<Secret>,
    },
    Anonymous,
    /// The role of the virtual machine, from its metadata service.
    Instance,
    /// The role of a container: settings of the library that fetches it.
    Role(Vec<(AmazonS3ConfigKey, String)>),
}

impl AwsCredentials {
    /// An access key and its secret.
    #[must_use]
    pub fn keys(id: impl Into<String>, secret: Secret) -> Self {
        Self(Source::Keys {
            id: id.into(),
            secret,
            token: None,
        })
    }

    /// An access key for a time, with the token that comes with it.
    #[must_use]
    pub fn session(id: impl Into<String>, secret: Secret, token: Secret) -> Self {
        Self(Source::Keys {
            id: id.into(),
            secret,
            token: Some(token),
        })
    }

    /// Nobody: requests are not signed.
    #[must_use]
    pub fn anonymous() -> Self {
        Self(Source::Anonymous)
    }

    /// The role of the virtual machine this runs on.
    #[must_use]
    pub fn instance() -> Self {
        Self(Source::Instance)
    }

    /// Looks where AWS's own tools look: `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY` with `AWS_SESSION_TOKEN`; the profile
    /// `AWS_PROFILE` in `~/.aws/credentials` and `~/.aws/config` (or where `AWS_SHARED_CREDENTIALS_FILE` and `AWS_CONFIG_FILE`
    /// say); a web identity (`AWS_WEB_IDENTITY_TOKEN_FILE`, `AWS_ROLE_ARN`); a container's role.
    ///
    /// # Errors
    ///
    /// `PermissionDenied` with [`Cause::NoCredentials`] if there are none; `Invalid` if a half of them is missing.
    pub fn of(environment: &dyn Environment) -> Result<Self> {
        if let Some(credentials) = of_variables(environment)? {
            return Ok(credentials);
        }
        if let Some(credentials) = Profile::of(environment)?.credentials()? {
            return Ok(credentials);
        }
        of_role(environment).ok_or_else(|| {
            Error::new(ErrorKind::PermissionDenied, "open")
                .with_cause(Cause::NoCredentials)
                .with_source(
                    "neither AWS_ACCESS_KEY_ID nor a profile nor a role of a container is set",
                )
        })
    }

    /// Gives them to the library.
    pub(super) fn apply(&self, builder: AmazonS3Builder) -> AmazonS3Builder {
        match &self.0 {
            Source::Keys { id, secret, token } => {
                let builder = builder
                    .with_access_key_id(id)
                    .with_secret_access_key(secret.reveal());
                match token {
                    Some(token) => builder.with_token(token.reveal()),
                    None => builder,
                }
            }
            Source::Anonymous => builder.with_skip_signature(true),
            Source::Instance => builder,
            Source::Role(settings) => settings.iter().fold(builder, |builder, (key, value)| {
                builder.with_config(*key, value)
            }),
        }
    }
}

fn of_variables(environment: &dyn Environment) -> Result<Option<AwsCredentials>> {
    let token = environment.variable("AWS_SESSION_TOKEN").map(Secret::new);
    let id = environment.variable("AWS_ACCESS_KEY_ID");
    let secret = environment
        .variable("AWS_SECRET_ACCESS_KEY")
        .map(Secret::new);
    match (id, secret) {
        (Some(id), Some(secret)) => Ok(Some(AwsCredentials(Source::Keys { id, secret, token }))),
        (None, None) => Ok(None),
        _ => Err(invalid(
            "of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY one is set and the other is not",
        )),
    }
}

fn of_role(environment: &dyn Environment) -> Option<AwsCredentials> {
    use AmazonS3ConfigKey as Key;
    let sources: [&[(&str, Key, bool)]; 3] = [
        &[
            (
                "AWS_WEB_IDENTITY_TOKEN_FILE",
                Key::WebIdentityTokenFile,
                true,
            ),
            ("AWS_ROLE_ARN", Key::RoleArn, true),
            ("AWS_ROLE_SESSION_NAME", Key::RoleSessionName, false),
            ("AWS_ENDPOINT_URL_STS", Key::StsEndpoint, false),
        ],
        &[(
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
            Key::ContainerCredentialsRelativeUri,
            true,
        )],
        &[
            (
                "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                Key::ContainerCredentialsFullUri,
                true,
            ),
            (
                "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
                Key::ContainerAuthorizationTokenFile,
                true,
            ),
        ],
    ];
    sources.into_iter().find_map(|variables| {
        let mut settings = Vec::new();
        for (name, key, needed) in variables {
            match environment.variable(name) {
                Some(value) => settings.push((*key, value)),
                None if *needed => return None,
                None => {}
            }
        }
        Some(AwsCredentials(Source::Role(settings)))
    })
}

/// One profile, of both files.
#[derive(Default)]
pub(super) struct Profile {
    name: String,
    /// Whether somebody asked for it by name.
    named: bool,
    values: BTreeMap<String, String>,
}

impl Profile {
    pub(super) fn of(environment: &dyn Environment) -> Result<Self> {
        let chosen = environment.variable("AWS_PROFILE");
        let named = chosen.is_some();
        let name = chosen.unwrap_or_else(|| "default".to_owned());
        let home = environment
            .variable("HOME")
            .or_else(|| environment.variable("USERPROFILE"));
        let path = |variable: &str, file: &str| {
            let chosen = environment.variable(variable).map(PathBuf::from);
            chosen.or_else(|| Some(PathBuf::from(home.as_ref()?).join(".aws").join(file)))
        };
        let mut values = BTreeMap::new();
        // What the second says counts, as with AWS's own tools.
        for path in [
            path("AWS_CONFIG_FILE", "config"),
            path("AWS_SHARED_CREDENTIALS_FILE", "credentials"),
        ] {
            let Some(path) = path else { continue };
            match environment.file(&path) {
                Ok(content) => {
                    values.extend(profile::section(&String::from_utf8_lossy(&content), &name));
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    return Err(Error::new(ErrorKind::Invalid, "open")
                        .with_cause(Cause::NoCredentials)
                        .with_source(error));
                }
            }
        }
        Ok(Self {
            name,
            named,
            values,
        })
    }

    /// Returns a setting.
    pub(super) fn value(&self, name: &str) -> Option<&String> {
        self.values.get(name).filter(|value| !value.is_empty())
    }

    fn credentials(&self) -> Result<Option<AwsCredentials>> {
        let id = self.value("aws_access_key_id");
        match (id, self.value("aws_secret_access_key")) {
            (Some(id), Some(secret)) => Ok(Some(AwsCredentials(Source::Keys {
                id: id.clone(),
                secret: Secret::new(secret),
                token: self.value("aws_session_token").map(Secret::new),
            }))),
            (None, None) if self.named => Err(Error::new(ErrorKind::PermissionDenied, "open")
                .with_cause(Cause::NoCredentials)
                .with_source(self.shortcoming())),
            (None, None) => Ok(None),
            _ => Err(invalid(
                "a profile with only one of aws_access_key_id and aws_secret_access_key",
            )),
        }
    }

    fn shortcoming(&self) -> String {
        let name: String = self
            .name
            .chars()
            .take(40)
            .filter(|c| !c.is_control())
            .collect();
        let other = [
            "credential_process",
            "sso_session",
            "sso_start_url",
            "role_arn",
        ];
        match other.iter().find(|other| self.value(other).is_some()) {
            Some(other) => format!(
                "the profile {name} has {other}, which is not understood here; export its keys"
            ),
            None => format!("there is no key in the profile {name}"),
        }
    }
}
