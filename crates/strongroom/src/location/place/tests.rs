use super::*;
use crate::location::split::What;

fn shown(location: &str) -> String {
    fn show(place: &Place) -> String {
        match place {
            Place::Directory(path) => path.display().to_string(),
            Place::Remote(remote) => format!("{remote:?}"),
            Place::Split(split) => {
                let sides = (show(&split.home), show(&split.data));
                format!(
                    "{} {sides:?}",
                    match split.what {
                        What::Cold => "cold",
                        What::Packs => "all",
                        What::AllButJournal => "journal",
                    }
                )
            }
            Place::Mirror(mirror) => {
                let members: Vec<_> = mirror.members.iter().map(show).collect();
                format!("{:?} {members:?}", mirror.policy)
            }
        }
    }
    match Place::parse(OsStr::new(location)) {
        Ok(place) => show(&place),
        Err(error) => error.to_string(),
    }
}

fn check(location: &str, expected: &str) {
    assert_eq!(shown(location), expected, "{location}");
}

#[test]
fn a_mirror_has_a_policy_and_members() {
    check("mirror:/a,/b", r#"All ["/a", "/b"]"#);
    check("MIRROR:all:/a,file:///b", r#"All ["/a", "/b"]"#);
    check("mirror:2:/a,b,/c:d", r#"AtLeast(2) ["/a", "b", "/c:d"]"#);
    check("mirror:/a%2Cb,file:///x%2520y", r#"All ["/a,b", "/x y"]"#);
    check("/mirror:/a,/b", "/mirror:/a,/b");
    check("mirror:/a,", "invalid location: the path is empty");
    check("mirror:", "invalid location: the path is empty");
    check("mirror:/a,rest:b/c", "unsupported store: rest");
    check(
        "mirror:/a,mirror:/b",
        "invalid location: a mirror of mirrors",
    );
    let what = "invalid location: a mirror needs at least one member, and no more than it has";
    check("mirror:3:/a,/b", what);
    check("mirror:0:/a,/b", what);
    let what = "invalid location: a mirror of that many members";
    check("mirror:99999999999999999999:/a", what);
}

#[test]
fn a_split_has_a_home_and_a_place_for_data() {
    check("split:/a,/b", r#"cold ("/a", "/b")"#);
    check("split:all:/a%2Cb,/b:c", r#"all ("/a,b", "/b:c")"#);
    check("split:journal:/a,/b", r#"journal ("/a", "/b")"#);
    check(
        "split:/a,mirror:/b%2C/c",
        r#"cold ("/a", "All [\"/b\", \"/c\"]")"#,
    );
    check(
        "mirror:split:/a%2C/b,/c",
        r#"All ["cold (\"/a\", \"/b\")", "/c"]"#,
    );
    let what = "invalid location: a split has two locations: split:HOME,DATA";
    check("split:/a", what);
    check("split:/a,/b,/c", what);
    check("split:/a,", "invalid location: the path is empty");
}

#[test]
fn paths_and_file_urls_are_directories_and_all_else_is_named() {
    check("/srv/backup", "/srv/backup");
    check("relative", "relative");
    check("file:/srv/x%20y", "/srv/x%20y");
    check("file:relative", "relative");
    check("FILE:///srv/x%20y%2Fz", "/srv/x y/z");
    check("file://localhost/srv", "/srv");
    check(
        "file://other/srv",
        "invalid location: a file URL names no other machine",
    );
    let what = "invalid location: a % that is not followed by two hexadecimal digits";
    check("file:///srv%2", what);
    check("file:///srv%zz", what);
    check(
        "file:///srv%00",
        "invalid location: a path has no zero byte",
    );
    check("", "invalid location: the path is empty");
    check("file:", "invalid location: the path is empty");
    check("B2://bucket/x", "unsupported store: b2");
    check("./s3:x", "./s3:x");
    check("a/b:c", "a/b:c");
    check("c:/windows", "c:/windows");
    check(":x", ":x");
}

#[test]
fn a_remote_store_is_built_in_or_says_what_is_missing() {
    for (scheme, feature, is_built_in) in [
        ("s3", "object-store", cfg!(feature = "object-store")),
        ("az", "object-store", cfg!(feature = "object-store")),
        ("gs", "object-store", cfg!(feature = "object-store")),
        ("http", "object-store", cfg!(feature = "object-store")),
        ("https", "object-store", cfg!(feature = "object-store")),
        ("sftp", "opendal", cfg!(feature = "opendal")),
        ("dav", "opendal", cfg!(feature = "opendal")),
        ("davs", "opendal", cfg!(feature = "opendal")),
    ] {
        let shown = shown(&format!("{scheme}://there/x?region=y"));
        let expected = match is_built_in {
            true => format!(r#"url: "{scheme}://there/x?region=y""#),
            false => format!("built without strongroom's feature {feature}"),
        };
        assert!(shown.contains(&expected), "{shown}");
    }
    let what = "invalid location: two slashes are missing after the scheme";
    check("sftp:user@host:/x", what);
    check("s3:bucket", what);
}

#[test]
fn a_location_with_a_secret_is_refused_and_not_shown() {
    for location in [
        "dav://ann:hunter2@host/x",
        "sftp://ann%3Ahunter2@host/x",
        "s3://bucket/x?region=a&secret_access_key=hunter2",
        "az://container/x?SAS-Token=hunter2",
        "mirror:/a,davs://ann:hunter2@host",
    ] {
        let error = Place::parse(OsStr::new(location)).unwrap_err();
        assert!(matches!(error, LocationError::Secret), "{location}");
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }
}
