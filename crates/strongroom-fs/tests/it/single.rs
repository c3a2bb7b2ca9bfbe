//! Streams and commands.

use strongroom_format::NodeKind;
use strongroom_fs::{CommandSource, StreamSource};
use strongroom_repo::{Entry, Fill, Source, WalkEvent};

use crate::copier::{events, fill, read_whole};
use crate::events::check_order;

fn only_entry(source: &dyn Source) -> Entry {
    let events = events(source);
    assert_eq!(check_order(&events).len(), 2);
    let Some(WalkEvent::Item(entry)) = events.into_iter().nth(1) else {
        panic!()
    };
    assert_eq!(entry.node.kind, NodeKind::Stream);
    entry
}

#[test]
fn a_stream_is_read_once_and_its_length_recorded() {
    let source = StreamSource::new("dump", std::io::repeat(7).take(3_000_000)).unwrap();
    let mut entry = only_entry(&source);
    let (data, _, changed) = read_whole(&source, &mut entry).unwrap();
    assert_eq!(
        (data.len(), changed, entry.node.size),
        (3_000_000, false, 3_000_000)
    );
    assert!(source.open(&entry).unwrap_err().is_fatal());
    let (_, answer, _) = fill(&source, entry.clone(), false);
    assert!(matches!(answer, Fill::Done { changed: false, .. }));
    assert!(matches!(fill(&source, entry, true).1, Fill::Failed(error) if error.is_fatal()));
    for name in ["", ".", "..", "a/b", "a\0b"] {
        assert!(
            StreamSource::new(name, std::io::empty()).is_err(),
            "{name:?}"
        );
    }
}

use std::io::Read;

#[test]
fn a_stream_that_fails_fails_the_backup() {
    #[derive(Debug)]
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _buf: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("the line is dead"))
        }
    }
    let source = StreamSource::new("dump", Broken).unwrap();
    let error = read_whole(&source, &mut only_entry(&source)).unwrap_err();
    assert!(error.is_fatal() && error.message().contains("the line is dead"));
}

fn run(argv: &[&str]) -> Result<Vec<u8>, strongroom_repo::SourceError> {
    let source = CommandSource::new("out", argv.iter().copied()).unwrap();
    let mut entry = only_entry(&source);
    let (data, _, _) = read_whole(&source, &mut entry)?;
    assert_eq!(entry.node.size, data.len() as u64);
    Ok(data)
}

#[test]
fn the_output_of_a_command_is_kept_only_if_it_succeeds() {
    assert_eq!(run(&["printf", "%s", "a b"]).unwrap(), b"a b");
    assert_eq!(
        run(&["sh", "-c", "head -c 1000000 /dev/zero"])
            .unwrap()
            .len(),
        1_000_000
    );
    assert_eq!(
        run(&["echo", "$HOME; *"]).unwrap(),
        b"$HOME; *\n",
        "no shell"
    );
    for (script, words) in [
        ("echo half; echo disk on fire >&2; exit 3", "disk on fire"),
        ("echo half; kill -9 $$", "signal"),
        ("yes no | head -c 1000000 >&2; exit 1", "no\nno"),
    ] {
        let error = run(&["sh", "-c", script]).unwrap_err();
        assert!(
            error.is_fatal() && error.message().contains(words),
            "{error}"
        );
        assert!(error.message().len() < 5_000);
    }
    let error = run(&["/nonexistent/program"]).unwrap_err();
    assert!(error.is_fatal() && error.message().contains("/nonexistent/program"));
    assert!(CommandSource::new("out", Vec::<String>::new()).is_err());
}

#[test]
fn a_command_that_is_given_up_is_ended() {
    let source = CommandSource::new("out", ["sh", "-c", "echo $$; exec sleep 1000"]).unwrap();
    let entry = only_entry(&source);
    let mut content = source.open(&entry).unwrap();
    let mut buf = [0; 100];
    let strongroom_repo::Piece::Data(count) = content.read(&mut buf).unwrap() else {
        panic!()
    };
    let pid = String::from_utf8_lossy(&buf[..count]).trim().to_owned();
    drop(content);
    assert!(!std::path::Path::new("/proc").join(pid).exists());
}

#[test]
fn a_command_has_the_directory_and_variables_it_was_given() {
    let dir = tempfile::tempdir().unwrap();
    let source = CommandSource::new("out", ["sh", "-c", "pwd; echo $NUMBER"]).unwrap();
    let source = source
        .current_dir(dir.path())
        .variable("NUMBER", "7")
        .pass_errors_on();
    let (data, _, _) = read_whole(&source, &mut only_entry(&source)).unwrap();
    let wanted = format!("{}\n7\n", dir.path().canonicalize().unwrap().display());
    assert_eq!(String::from_utf8_lossy(&data), wanted);
}
