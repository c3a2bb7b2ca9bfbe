//! The addresses of stores, taken apart.

use std::collections::BTreeMap;

use strongroom_store::{Error, ErrorKind, Result};

use crate::text::decode;

/// The longest address, in bytes.
const MAX_ADDRESS_LEN: usize = 4096;

/// An address: `scheme://authority/path?name=value&…`, decoded.
#[derive(Debug)]
pub(crate) struct Address {
    pub(crate) scheme: String,
    pub(crate) authority: String,
    /// Without slashes at its ends.
    pub(crate) path: String,
    parameters: BTreeMap<String, String>,
}

impl Address {
    /// Takes an address apart. Errors repeat nothing of it, since somebody may have put a password there.
    pub(crate) fn parse(url: &str) -> Result<Self> {
        if url.len() > MAX_ADDRESS_LEN {
            return Err(invalid("an address of more than 4096 bytes"));
        }
        let (scheme, rest) = url
            .split_once("://")
            .ok_or_else(|| invalid("an address without a scheme"))?;
        if rest.contains('#') {
            return Err(invalid("an address with a fragment"));
        }
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = place.split_once('/').unwrap_or((place, ""));
        if authority.contains('@') {
            return Err(invalid(
                "an address with a user or a password; they belong into the environment or a profile",
            ));
        }
        if authority.is_empty() {
            return Err(invalid("an address without a bucket, container or host"));
        }
        let malformed = || invalid("an address with a malformed escape");
        let mut parameters = BTreeMap::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = decode(value).ok_or_else(malformed)?;
            if parameters.insert(name.to_owned(), value).is_some() {
                return Err(invalid("an address that says something twice"));
            }
        }
        Ok(Self {
            scheme: scheme.to_ascii_lowercase(),
            authority: decode(authority).ok_or_else(malformed)?,
            path: decode(path)
                .ok_or_else(malformed)?
                .trim_matches('/')
                .to_owned(),
            parameters,
        })
    }

    /// Takes a parameter.
    pub(crate) fn take(&mut self, name: &str) -> Option<String> {
        self.parameters.remove(name)
    }

    /// Takes a parameter that is a number.
    pub(crate) fn take_number(&mut self, name: &'static str) -> Result<Option<u32>> {
        let parse = |value: String| {
            value
                .parse()
                .map_err(|_| invalid(&format!("{name}= is no whole number")))
        };
        self.take(name).map(parse).transpose()
    }

    /// Takes a parameter that is `true` or `false`.
    pub(crate) fn take_switch(&mut self, name: &'static str) -> Result<Option<bool>> {
        let parse = |value: String| {
            value
                .parse()
                .map_err(|_| invalid(&format!("{name}= is neither true nor false")))
        };
        self.take(name).map(parse).transpose()
    }

    /// Refuses what nobody took.
    pub(crate) fn finish(self) -> Result<()> {
        let Some(name) = self.parameters.into_keys().next() else {
            return Ok(());
        };
        let secret = [
            "key",
            "secret",
            "token",
            "password",
            "sas",
            "sig",
            "credential",
        ];
        if secret
            .iter()
            .any(|word| name.to_ascii_lowercase().contains(word))
        {
            return Err(invalid(
                "credentials do not belong into an address; the environment or a profile is for them",
            ));
        }
        let known = name
            .chars()
            .take(40)
            .filter(|c| c.is_ascii_alphanumeric() || *c == '_');
        let name: String = known.collect();
        Err(invalid(&format!(
            "an address with {name}=, which is not known here"
        )))
    }
}

/// Checks a folder in a bucket: no empty segments, no dots, nothing invisible.
pub(crate) fn check_folder(folder: &str) -> Result<()> {
    match object_store::path::Path::parse(folder) {
        Ok(path) if path.as_ref() == folder => Ok(()),
        _ => Err(invalid(
            "a path with empty segments, dots or control characters",
        )),
    }
}

/// The error of an address or setting.
pub(crate) fn invalid(what: &str) -> Error {
    Error::new(ErrorKind::Invalid, "open").with_source(what.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_are_taken_apart() {
        let mut address =
            Address::parse("S3://bucket/a/b%20c/?endpoint=http%3A//[::1]:9000&lock=true")
                .expect("an address");
        assert_eq!(
            (address.scheme.as_str(), address.authority.as_str()),
            ("s3", "bucket")
        );
        assert_eq!(address.path, "a/b c");
        assert_eq!(
            address.take("endpoint").as_deref(),
            Some("http://[::1]:9000")
        );
        assert_eq!(address.take_switch("lock").expect("a switch"), Some(true));
        address.finish().expect("nothing left");
    }

    #[test]
    fn what_could_be_a_secret_is_refused_and_not_repeated() {
        for url in [
            "s3://id:s3cr3t@bucket/",
            "s3://bucket/?secret_access_key=s3cr3t",
            "az://c/?sas=s3cr3t",
            "s3://bucket/#s3cr3t",
            "s3:s3cr3t",
            "s3:///s3cr3t",
            "s3://b/%zs3cr3t",
            "s3://b/?class=a&class=s3cr3t",
        ] {
            let error = Address::parse(url)
                .and_then(Address::finish)
                .expect_err(url);
            assert_eq!(error.kind(), ErrorKind::Invalid);
            assert!(!format!("{error} {error:?}").contains("s3cr3t"), "{url}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn nothing_panics(url in "\\PC{0,40}|s3://[a-z@?&=%/#]{0,20}") {
            let _address = Address::parse(&url).and_then(Address::finish);
        }
    }
}
