//! Whether what came is a list.
//!
//! The library takes any XML for one, and what has none of a list's elements for an empty one: the page of a proxy that asks to log
//! in would be an empty bucket, and a pruner would believe it.

use std::fmt;

use reqwest::Method;

use crate::markup;

/// What an answer has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    /// A list whose root element has that name.
    List(&'static str),
    Anything,
}

impl Expected {
    /// Tells from a request what it asks for.
    pub(crate) fn of(method: &Method, query: Option<&str>) -> Self {
        let asks = |name: &str| {
            query.is_some_and(|query| {
                query
                    .split('&')
                    .any(|pair| pair.trim_end_matches('=') == name)
            })
        };
        if method.as_str() == "PROPFIND" {
            Self::List("multistatus")
        } else if *method != Method::GET {
            Self::Anything
        } else if asks("list-type=2") {
            Self::List("ListBucketResult")
        } else if asks("versions") {
            Self::List("ListVersionsResult")
        } else if asks("comp=list") {
            Self::List("EnumerationResults")
        } else {
            Self::Anything
        }
    }

    /// Refuses what is none, and what says that there is more without saying where.
    pub(crate) fn check(self, body: &[u8]) -> Result<(), NoList> {
        let Self::List(root) = self else {
            return Ok(());
        };
        let text = String::from_utf8_lossy(body);
        if root == "multistatus" {
            // Its name has a prefix, which is the server's choice.
            return if text.contains(root) {
                Ok(())
            } else {
                Err(NoList("another document"))
            };
        }
        let list = markup::elements(&text, root).next();
        let list = list.ok_or(NoList("another document"))?;
        let truncated = markup::text(list, "IsTruncated").as_deref() == Some("true");
        let token = match root {
            "ListBucketResult" => "NextContinuationToken",
            _ => "NextKeyMarker",
        };
        let goes_on = markup::text(list, token).is_some_and(|token| !token.is_empty());
        if truncated && !goes_on {
            return Err(NoList("a part of a list that does not say how it goes on"));
        }
        Ok(())
    }
}

/// What came in place of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoList(&'static str);

impl fmt::Display for NoList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} came in place of a list", self.0)
    }
}

impl std::error::Error for NoList {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_for_lists_are_known() {
        let of = |query| Expected::of(&Method::GET, Some(query));
        assert_eq!(
            of("list-type=2&prefix=a"),
            Expected::List("ListBucketResult")
        );
        assert_eq!(
            of("prefix=a&versions="),
            Expected::List("ListVersionsResult")
        );
        assert_eq!(
            of("restype=container&comp=list"),
            Expected::List("EnumerationResults")
        );
        assert_eq!(of("retention="), Expected::Anything);
        assert_eq!(
            Expected::of(&Method::PUT, Some("comp=list")),
            Expected::Anything
        );
    }

    #[test]
    fn only_whole_lists_are_lists() {
        let list = Expected::List("ListBucketResult");
        for fine in [
            "<?xml version='1.0'?><ListBucketResult xmlns='x'></ListBucketResult>",
            "<ListBucketResult/>",
            "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken></ListBucketResult>",
        ] {
            assert_eq!(list.check(fine.as_bytes()), Ok(()), "{fine}");
        }
        for wrong in [
            "",
            "<html><body><p>Please log in</p></body></html>",
            "<ListBucketResult><Contents>",
            "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
        ] {
            assert!(list.check(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
