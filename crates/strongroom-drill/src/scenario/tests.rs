use std::sync::{Arc, Mutex};
use std::time::Duration;

use strongroom::{
    BackupOptions, CreateOptions, Credential, Id, Repository, Store, Stores, StreamSource, Time,
};
use strongroom_policy::Key;

use super::*;
use crate::choose::Because;
use crate::clock::Monotonic;
use crate::clock::testing::Ticking;
use crate::recovery::{Action, Answer, By, Nobody, Operator, Role, Step};
use crate::report::Verdict;
use crate::stop::Cancel;
use crate::suspect::last_clean;
use crate::testing::{Fake, Fault, Says, back_up_stream, repository};

/// Two snapshots, here and elsewhere.
struct World {
    repository: Repository,
    ids: Vec<Id>,
    opened: Mutex<Vec<Way>>,
    closed: Option<Way>,
    behind: i64,
    suspects: Vec<usize>,
    fault: Fault,
}

impl World {
    fn new() -> Self {
        let (_, repository) = repository();
        let ids = ["one", "two"]
            .map(|content| back_up_stream(&repository, content))
            .to_vec();
        Self {
            repository,
            ids,
            opened: Mutex::default(),
            closed: None,
            behind: 0,
            suspects: Vec::new(),
            fault: Fault::None,
        }
    }
}

impl Estate for World {
    fn open(&self, way: Way, _stop: &Stop) -> Result<Repository, StepOutcome> {
        self.opened.lock().unwrap().push(way);
        match self.closed == Some(way) {
            true => Err(StepOutcome::failed("closed", "as told")),
            false => Ok(self.repository.clone()),
        }
    }

    fn points(&self, _repository: &Repository, _stop: &Stop) -> Result<Vec<Point>, StepOutcome> {
        let elsewhere = self.opened.lock().unwrap().last() == Some(&Way::OffSite);
        let behind = if elsewhere { self.behind } else { 0 };
        let point = |(id, at): (&Id, i64)| Point {
            snapshot: *id,
            captured: Time::new(at * 1_000 - behind, 0),
        };
        Ok(self.ids.iter().zip(1..).map(point).collect())
    }

    fn choose(
        &self,
        repository: &Repository,
        pick: Pick,
        stop: &Stop,
    ) -> Result<Vec<Choice>, StepOutcome> {
        let points = self.points(repository, stop)?;
        let suspects: Vec<Id> = self
            .suspects
            .iter()
            .filter_map(|at| self.ids.get(*at).copied())
            .collect();
        let chosen = match pick {
            Pick::LastClean => last_clean(&points, &suspects),
            _ => points.last().map(|point| Choice::named(point.snapshot)),
        };
        Ok(chosen.into_iter().collect())
    }

    fn drill(&self, repository: &Repository, choice: Choice) -> Drill {
        let sandbox = Box::new(Fake::stream(self.fault));
        Drill::new(repository, choice, sandbox).require(Box::new(Says::Passed))
    }
}

#[derive(Debug)]
struct Ann;

impl Operator for Ann {
    fn confirm(&self, _step: &Step, _role: Role, _stop: &Stop) -> Answer {
        Answer::Confirmed {
            by: "Ann".to_owned(),
            note: None,
        }
    }
}

fn play(name: &str, world: &World, operator: &dyn Operator) -> ScenarioReport {
    let clock: Arc<dyn Monotonic> = Arc::new(Ticking::default());
    run_scenario(
        &scenario(name).unwrap(),
        world,
        operator,
        &clock,
        &Cancel::new(),
    )
}

#[test]
fn the_catalogue_has_the_scenarios_of_policies_and_no_faults() {
    let names: Vec<String> = catalogue().into_iter().map(|one| one.name).collect();
    for name in &names {
        let settings = strongroom_policy::Document::parse(&format!(
            "format = 1\nname = \"x\"\nrevision = 1\ntimezone = \"UTC\"\n[defaults]\ndrills = {{ scenarios = [\"{name}\"] }}\n"
        ));
        assert!(settings.is_ok(), "{name}: {:?}", Key::Scenarios);
    }
    assert_eq!(names.len(), 7);
    for one in catalogue() {
        assert_eq!(one.plan.faults(), Vec::<String>::new(), "{}", one.name);
        let roles = one.plan.steps.iter().map(|step| &step.by);
        let people: Vec<_> = roles.filter(|by| matches!(by, By::Person(_))).collect();
        assert!(
            people.contains(&&By::Person(Role::Business)),
            "{}",
            one.name
        );
        assert!(
            people.contains(&&By::Person(Role::Operations)),
            "{}",
            one.name
        );
        assert!(!one.preconditions.is_empty(), "{}", one.name);
    }
    assert_eq!(scenario("earthquake"), None);
}

#[test]
fn every_scenario_is_proven_when_all_is_well_and_people_are_there() {
    for one in catalogue() {
        let world = World::new();
        let report = play(&one.name, &world, &Ann);
        assert_eq!(report.verdict, Verdict::Proven, "{report}");
        let ways = world.opened.lock().unwrap().clone();
        let wanted = one.plan.steps.iter().find_map(|step| match step.by {
            By::Machine(Action::Open(way)) => Some(way),
            _ => None,
        });
        // Nothing but what the disaster has left is opened.
        assert_eq!(ways, [wanted.unwrap()], "{}", one.name);
        let [drill] = report.reports.as_slice() else {
            panic!("{report}");
        };
        assert_eq!(drill.scenario, one.name);
        assert!(drill.people_ms > Some(0) && drill.rto_ms > drill.people_ms);
    }
}

#[test]
fn without_people_the_restore_is_tried_and_the_scenario_is_not_proven() {
    let report = play("lost-site", &World::new(), &Nobody::new());
    assert_eq!(report.verdict, Verdict::NotProven);
    assert_eq!(report.reports[0].verdict, Verdict::Proven);
}

#[test]
fn what_does_not_open_or_restore_fails_the_scenario() {
    let mut world = World::new();
    world.closed = Some(Way::KitOnly);
    let report = play("from-nothing", &world, &Ann);
    assert_eq!((report.verdict, report.reports.len()), (Verdict::Failed, 0));
    let mut world = World::new();
    world.fault = Fault::Write;
    assert_eq!(play("lost-server", &world, &Ann).verdict, Verdict::Failed);
    world.fault = Fault::PreparePanics;
    assert_eq!(
        play("lost-server", &world, &Ann).verdict,
        Verdict::NotProven
    );
}

#[test]
fn ransomware_goes_back_to_before_the_first_suspect() {
    let mut world = World::new();
    world.suspects = vec![1];
    let report = play("ransomware", &world, &Ann);
    assert_eq!(report.reports[0].snapshot, world.ids[0]);
    assert_eq!(report.reports[0].choice, Because::LastClean.to_string());
    world.suspects = vec![0];
    let report = play("ransomware", &world, &Ann);
    assert_eq!((report.verdict, report.reports.len()), (Verdict::Failed, 0));
}

#[test]
fn readiness_finds_what_would_fail_before_it_is_needed() {
    let stand = |world: &World, name: &str| -> Vec<(Precondition, Standing)> {
        let ready = readiness(
            &scenario(name).unwrap(),
            world,
            Duration::from_secs(60),
            &Stop::never(),
        );
        ready
            .into_iter()
            .map(|one| (one.precondition, one.standing))
            .collect()
    };
    let mut world = World::new();
    assert!(
        stand(&world, "lost-site")
            .iter()
            .all(|(_, standing)| *standing == Standing::Holds)
    );
    world.behind = 61;
    assert!(stand(&world, "lost-site").contains(&(Precondition::CopyIsCurrent, Standing::Fails)));
    world.closed = Some(Way::OffSite);
    assert!(
        stand(&world, "lost-site").contains(&(Precondition::Opens(Way::OffSite), Standing::Fails))
    );
    // Not encrypted: there is no recovery code.
    assert!(
        stand(&world, "from-nothing").contains(&(Precondition::HasRecoveryCode, Standing::Fails))
    );
    world.suspects = vec![0];
    assert!(stand(&world, "ransomware").contains(&(Precondition::HasCleanPoint, Standing::Fails)));
    world.fault = Fault::Prepare(crate::sandbox::SandboxErrorKind::Unavailable);
    assert!(stand(&world, "lost-server").contains(&(Precondition::SandboxFits, Standing::Fails)));
    world.ids.clear();
    let gone = (
        Precondition::HasPoint(Way::WithoutLocalState),
        Standing::Fails,
    );
    assert!(stand(&world, "lost-server").contains(&gone));
}

#[test]
fn a_kit_alone_opens_its_repository_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path().join("here");
    let store = strongroom::create_store_at(&here).unwrap();
    let stop = Stop::never();
    let passphrase = Credential::passphrase("correct horse battery staple");
    let options = CreateOptions::default().with_argon2(strongroom::Argon2Params::FASTEST);
    let builder = Repository::builder(store);
    let created = stop
        .wait(builder.create(options, &passphrase))
        .unwrap()
        .unwrap();
    let source = Arc::new(StreamSource::new("a", "b".as_bytes()).unwrap());
    let backup = created
        .repository
        .backup(source, BackupOptions::new("a"), Arc::new(()));
    drop(stop.wait(backup).unwrap().unwrap());
    let kit = created.repository.recovery_kit(here.display().to_string());
    let page = kit.with_code(created.recovery_code.unwrap()).to_text();

    let opened = open_by_kit(&page, &Stores::new(), None, &stop).unwrap();
    assert_eq!(opened.id(), created.repository.id());
    let moved = folder.path().join("moved");
    std::fs::rename(&here, &moved).unwrap();
    assert!(open_by_kit(&page, &Stores::new(), None, &stop).is_err());
    assert!(open_by_kit(&page, &Stores::new(), Some(moved.as_os_str()), &stop).is_ok());

    let other: Arc<dyn Store> = strongroom::create_store_at(folder.path().join("other")).unwrap();
    let options = CreateOptions::default().with_argon2(strongroom::Argon2Params::FASTEST);
    let another = Repository::builder(other).create(options, &passphrase);
    drop(stop.wait(another).unwrap().unwrap());
    let at = folder.path().join("other");
    let refused = open_by_kit(&page, &Stores::new(), Some(at.as_os_str()), &stop);
    assert!(matches!(refused, Err(StepOutcome::Failed { .. })));
    let unreadable = open_by_kit("nothing", &Stores::new(), None, &stop);
    assert!(
        matches!(unreadable, Err(StepOutcome::Failed { code, .. }) if code == "kit-unreadable")
    );
}
