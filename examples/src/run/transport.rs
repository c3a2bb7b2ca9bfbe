//! How a store is reached, as far as its address says.

use std::ffi::OsStr;

use strongroom::evidence::Transport;

/// Returns how a store is reached; `None` where several are one, or nobody knows.
pub(super) fn of(location: &OsStr) -> Option<Transport> {
    let text = location.to_string_lossy();
    let (protocol, peer_checked) = match text.split_once("://") {
        _ if text.starts_with("mirror:") || text.starts_with("split:") => return None,
        // Nobody is on the other side.
        None | Some(("file", _)) => ("file", true),
        Some(("http" | "dav", _)) => ("http", false),
        Some(_) if text.contains("endpoint=http:") || text.contains("endpoint=http%3A") => {
            ("http", false)
        }
        // Certificates are always checked, and host keys against those that are known.
        Some(("sftp", _)) => ("SSH-2.0", true),
        Some(("s3" | "gs" | "az" | "https" | "davs", _)) => ("TLS", true),
        Some(_) => return None,
    };
    Some(Transport {
        protocol: protocol.to_owned(),
        peer_checked,
        ..Transport::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_as_good_as_the_address_says() {
        let told =
            |location: &str| of(location.as_ref()).map(|one| (one.protocol, one.peer_checked));
        let is = |protocol: &str, checked| Some((protocol.to_owned(), checked));
        assert_eq!(told("/srv/backup"), is("file", true));
        assert_eq!(told("s3://bucket/a"), is("TLS", true));
        assert_eq!(
            told("s3://bucket/a?endpoint=http://127.0.0.1"),
            is("http", false)
        );
        assert_eq!(told("sftp://host/a"), is("SSH-2.0", true));
        assert_eq!(told("mirror:/a,/b"), None);
    }
}
