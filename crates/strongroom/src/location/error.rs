//! Why there is no store at a location.

/// Why there is no store at a location. It never shows the location, in which somebody may have put a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LocationError {
    /// There is no store for URLs of this scheme.
    #[error("unsupported store: {scheme}")]
    Unsupported {
        /// The scheme, in lower case, without the colon.
        scheme: String,
    },
    /// There is a store for URLs of this scheme, and this program was built without it.
    #[error(
        "stores at {scheme}: URLs are not in this program: it was built without strongroom's feature {feature}"
    )]
    NotBuiltIn {
        /// The scheme, in lower case, without the colon.
        scheme: String,
        /// The feature of this crate that has it.
        feature: &'static str,
    },
    /// The URL makes no sense.
    #[error("invalid location: {what}")]
    Invalid {
        /// What is wrong with it.
        what: &'static str,
    },
    /// The URL holds a password or a key, which lists of processes, histories of shells and logs would show to others.
    #[error(
        "a location holds no secrets: take the password out, and set it in the environment or a profile file"
    )]
    Secret,
    /// The store cannot be opened.
    #[error("the store cannot be opened")]
    Store(#[from] strongroom_store::Error),
}
