//! The profile files of AWS: sections of names and values.

use std::collections::BTreeMap;

/// Returns the names and values of one profile. In `config` files a profile other than the default is `[profile name]`.
pub(crate) fn section(file: &str, profile: &str) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    let mut within = false;
    for line in file.lines() {
        let indented = line.starts_with([' ', '\t']);
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(header) = line.strip_prefix('[') {
            let name = header.split(']').next().unwrap_or_default().trim();
            let name = match name.strip_prefix("profile") {
                Some(rest) if rest.starts_with([' ', '\t']) => rest.trim(),
                _ => name,
            };
            within = name.trim_matches(['"', '\'']) == profile;
        } else if within && !indented {
            // What is indented belongs to a setting of several values, none of which is of use here.
            if let Some((name, value)) = line.split_once('=') {
                let value = value.split(" #").next().unwrap_or_default();
                values.insert(name.trim().to_ascii_lowercase(), value.trim().to_owned());
            }
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_are_told_apart() {
        let file = "\
# comment
[default]
aws_access_key_id = AKIA1
aws_secret_access_key=abc=/+def # mine
[profile other]
region = eu-west-1
s3 =
  region = not-this
; comment
[third]
aws_access_key_id = AKIA3
";
        let default = section(file, "default");
        assert_eq!(
            default.get("aws_access_key_id").map(String::as_str),
            Some("AKIA1")
        );
        assert_eq!(
            default.get("aws_secret_access_key").map(String::as_str),
            Some("abc=/+def")
        );
        assert_eq!(
            section(file, "other").get("region").map(String::as_str),
            Some("eu-west-1")
        );
        assert_eq!(section(file, "third").len(), 1);
        assert!(section(file, "fourth").is_empty());
    }
}
