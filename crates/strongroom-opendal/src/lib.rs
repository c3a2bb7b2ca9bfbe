//! Repositories on SFTP and WebDAV.
