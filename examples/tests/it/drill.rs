//! Drills under a policy: what is proven, what fails, and what proves nothing.

use std::path::Path;

use crate::place::Place;
use crate::program::{BACKUP, Ended, KIT, Program};

const DRILL: &str = env!("CARGO_BIN_EXE_sr-drill");

const POLICY: &str = r#"
format = 1
name = "drills"
revision = 1
timezone = "UTC"

[defaults]
objectives = { rto = "1h" }
drills = { every = "1mo", choose = ["never-tested"], validators = ["files"] }

[[rule]]
name = "databases"
match = { kind = ["postgresql"] }
drills = { validators = ["sql-integrity"] }

[resource.tree]
kind = "files"

[resource.orders]
kind = "postgresql"
"#;

fn place() -> Place {
    let place = Place::new();
    for series in ["tree", "orders"] {
        let program = place.run(BACKUP).args(&["--series", series]);
        program.arg(place.at("source")).expect(0);
    }
    std::fs::write(place.at("policy.toml"), POLICY).unwrap();
    place
}

fn drill(place: &Place, arguments: &[&str], status: i32) -> Ended {
    let program = Program::new(DRILL, &place.at("repository"));
    let program = program.arg("--sandboxes").arg(place.at("sandboxes"));
    let ended = program
        .arg(place.at("policy.toml"))
        .args(arguments)
        .expect(status);
    let left = std::fs::read_dir(place.at("sandboxes"));
    assert_eq!(left.map_or(0, Iterator::count), 0, "{}", ended.stdout);
    ended
}

#[test]
fn a_tree_is_proven_recorded_and_cleaned_up_and_a_missing_program_proves_nothing() {
    let place = place();
    let first = drill(&place, &["tree", "--json"], 0).lines().remove(0);
    assert_eq!(first["drill"]["verdict"], "proven");
    assert!(
        first["drill"]["choice"]
            .as_str()
            .unwrap()
            .starts_with("never-tested: seed")
    );
    // The journal says so.
    let second = drill(&place, &["tree"], 0).stdout;
    assert!(
        second.contains("never-tested: all are; this one longest ago"),
        "{second}"
    );

    let nowhere = place.at("nowhere");
    let nowhere = nowhere.to_str().unwrap();
    let ended = drill(&place, &["orders", "--json", "--programs", nowhere], 3);
    let none = &ended.lines()[0]["drill"];
    assert_eq!(
        (&none["verdict"], &none["rto_ms"]),
        (&"not-proven".into(), &().into())
    );
    assert_eq!(none["findings"][0]["code"], "sandbox-unavailable");
    let small = drill(&place, &["tree", "--max-bytes", "1"], 3);
    assert!(
        small.stdout.contains("[sandbox-no-room]"),
        "{}",
        small.stdout
    );
    drill(&place, &["nobody"], 2);
}

#[test]
fn from_nothing_needs_the_kit_and_people() {
    let place = place();
    let kit = Program::bare(KIT).args(&["write", "--new-code", "--no-cache", "--repo"]);
    let page = kit.arg(place.at("repository")).expect(0).stdout;
    let file = place.at("kit.txt");
    std::fs::write(&file, page).unwrap();
    let play = |kit: &Path, people: Option<&str>| {
        let program = Program::new(DRILL, &place.at("repository"));
        let program = program
            .arg("--sandboxes")
            .arg(place.at("sandboxes"))
            .arg("--kit")
            .arg(kit);
        let program =
            program
                .arg(place.at("policy.toml"))
                .args(&["tree", "--scenario", "from-nothing"]);
        match people {
            Some(names) => program.arg("--people").input(names),
            None => program,
        }
    };
    let told = play(&file, Some("Ann\nAnn\nAnn\n")).expect(0).stdout;
    assert!(told.starts_with("from-nothing: proven\n"), "{told}");
    assert!(
        play(&file, None)
            .expect(3)
            .stdout
            .contains("nobody of operations confirmed it")
    );
    play(&file, Some("no: it is lost\n")).expect(4);
    play(&place.at("no-kit.txt"), None).expect(3);
}
