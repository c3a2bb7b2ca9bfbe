//! Names of users and groups.

use std::collections::BTreeMap;
use std::path::Path;

/// The users and groups of this machine's `/etc/passwd` and `/etc/group`.
///
/// Directory services (nsswitch) are not asked: that needs the C library's plug-ins inside this process. An
/// application that needs them gives a source names of its own.
#[derive(Debug, Clone, Default)]
pub struct Accounts {
    users: BTreeMap<u32, Vec<u8>>,
    groups: BTreeMap<u32, Vec<u8>>,
}

impl Accounts {
    /// Reads the machine's files. One that cannot be read counts as empty: names are a help, not a need.
    #[must_use]
    pub fn of_this_machine() -> Self {
        Self::parse(
            &read(Path::new("/etc/passwd")),
            &read(Path::new("/etc/group")),
        )
    }

    /// Parses the text of a `passwd` and a `group` file; lines that make no sense are passed over.
    #[must_use]
    pub fn parse(passwd: &[u8], group: &[u8]) -> Self {
        Self {
            users: ids(passwd),
            groups: ids(group),
        }
    }

    /// Returns the name of a user.
    #[must_use]
    pub fn user_name(&self, uid: u32) -> Option<&[u8]> {
        self.users.get(&uid).map(Vec::as_slice)
    }

    /// Returns the name of a group.
    #[must_use]
    pub fn group_name(&self, gid: u32) -> Option<&[u8]> {
        self.groups.get(&gid).map(Vec::as_slice)
    }

    /// Returns the id of a user, for a restore by name.
    #[must_use]
    pub fn user_id(&self, name: &[u8]) -> Option<u32> {
        self.users
            .iter()
            .find(|(_, known)| *known == name)
            .map(|(&id, _)| id)
    }

    /// Returns the id of a group, for a restore by name.
    #[must_use]
    pub fn group_id(&self, name: &[u8]) -> Option<u32> {
        self.groups
            .iter()
            .find(|(_, known)| *known == name)
            .map(|(&id, _)| id)
    }
}

/// The most that is read of an account file.
const MAX_ACCOUNT_FILE_BYTES: u64 = 64 << 20;

fn read(path: &Path) -> Vec<u8> {
    let mut text = Vec::new();
    let whole = std::fs::File::open(path).and_then(|file| {
        std::io::Read::read_to_end(
            &mut std::io::Read::take(file, MAX_ACCOUNT_FILE_BYTES),
            &mut text,
        )
    });
    if whole.is_err() {
        text.clear();
    }
    text
}

/// Both files begin with `name:password:id:`. The first name of an id wins, as in the C library.
fn ids(text: &[u8]) -> BTreeMap<u32, Vec<u8>> {
    let mut ids = BTreeMap::new();
    for line in text.split(|&byte| byte == b'\n') {
        let mut fields = line.split(|&byte| byte == b':');
        let (Some(name), Some(_), Some(id)) = (fields.next(), fields.next(), fields.next()) else {
            continue;
        };
        let id = std::str::from_utf8(id)
            .ok()
            .and_then(|id| id.parse::<u32>().ok());
        if let (Some(id), false) = (id, name.is_empty()) {
            ids.entry(id).or_insert_with(|| name.to_vec());
        }
    }
    ids
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_and_nonsense_is_passed_over() {
        let accounts = Accounts::parse(
            b"root:x:0:0:root:/root:/bin/sh\ntoor:x:0:0::/:\n\n#comment\nbad:x:-1:\nann:x:1000:1000::/:\n:x:7:",
            b"wheel:x:0:\nstaff:x:50:ann\n",
        );
        assert_eq!(accounts.user_name(0), Some(&b"root"[..]));
        assert_eq!(accounts.user_id(b"ann"), Some(1000));
        assert_eq!(accounts.user_name(7), None);
        assert_eq!(accounts.group_name(50), Some(&b"staff"[..]));
        assert_eq!(accounts.group_id(b"none"), None);
    }
}
