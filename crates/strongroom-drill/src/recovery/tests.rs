use std::collections::BTreeSet;
use std::sync::Mutex;

use strongroom_policy::{Criticality, Policy, Resource};

use super::*;
use crate::clock::testing::Ticking;
use crate::report::Verdict;
use crate::stop::{Cancel, Stop};
use std::sync::Arc;

/// Does what it is told to, but for one action.
struct Told(&'static str, StepOutcome);

impl Machine for Told {
    fn perform(&mut self, action: &Action, _stop: &Stop) -> StepOutcome {
        match action {
            Action::Other(name) if name == self.0 => self.1.clone(),
            _ => StepOutcome::done(""),
        }
    }
}

#[derive(Debug, Default)]
struct Ann(Mutex<Vec<String>>);

impl Operator for Ann {
    fn confirm(&self, step: &Step, _role: Role, _stop: &Stop) -> Answer {
        self.0.lock().unwrap().push(step.id.clone());
        Answer::Confirmed {
            by: "Ann".to_owned(),
            note: None,
        }
    }
}

#[derive(Debug)]
struct Refuses;

impl Operator for Refuses {
    fn confirm(&self, _step: &Step, _role: Role, _stop: &Stop) -> Answer {
        Answer::Refused {
            by: "Bob".to_owned(),
            note: "the till does not open".to_owned(),
        }
    }
}

fn plan() -> Plan {
    let other = |name: &str| Action::Other(name.to_owned());
    Plan::new("p", "for tests")
        .machine("a", other("a"), "first")
        .machine("b", other("b"), "second")
        .person("c", Role::Business, "third")
}

fn run(machine: &mut Told, operator: &dyn Operator) -> Log {
    let clock: Arc<dyn Monotonic> = Arc::new(Ticking::default());
    execute(&plan(), machine, operator, &clock, &Stop::never())
}

use crate::clock::Monotonic;

#[test]
fn all_steps_done_is_proven_and_people_are_timed_apart() {
    let ann = Ann::default();
    let log = run(&mut Told("", StepOutcome::done("")), &ann);
    assert_eq!(log.verdict, Verdict::Proven);
    assert_eq!((log.machine_ms, log.people_ms), (2_000, Some(1_000)));
    assert_eq!(log.steps[2].by.as_deref(), Some("Ann"));
    assert_eq!(*ann.0.lock().unwrap(), ["c"]);
    assert!(
        log.to_string().contains("  3. done by Ann, 1.000 s: third"),
        "{log}"
    );
}

#[test]
fn what_nobody_confirmed_is_not_done() {
    let log = run(&mut Told("", StepOutcome::done("")), &Nobody::new());
    assert_eq!(log.verdict, Verdict::NotProven);
    let refused = run(&mut Told("", StepOutcome::done("")), &Refuses);
    assert_eq!(refused.verdict, Verdict::Failed);
}

#[test]
fn what_comes_after_a_step_that_failed_is_not_tried() {
    let ann = Ann::default();
    let log = run(&mut Told("a", StepOutcome::failed("x", "no")), &ann);
    assert_eq!(log.verdict, Verdict::Failed);
    let not_tried = |logged: &Logged| matches!(&logged.outcome, StepOutcome::NotDone { code, .. } if code == "step-before");
    assert!(not_tried(&log.steps[1]) && not_tried(&log.steps[2]));
    assert!(ann.0.lock().unwrap().is_empty());
    assert_eq!(log.people_ms, None);
    let log = run(&mut Told("b", StepOutcome::not_done("x", "no")), &ann);
    assert_eq!(log.verdict, Verdict::NotProven);
}

#[test]
fn a_plan_that_was_cancelled_proves_nothing() {
    let cancel = Cancel::new();
    cancel.cancel();
    let clock: Arc<dyn Monotonic> = Arc::new(Ticking::default());
    let stop = Stop::new(cancel, Arc::clone(&clock));
    let log = execute(
        &plan(),
        &mut Told("", StepOutcome::done("")),
        &Ann::default(),
        &clock,
        &stop,
    );
    assert_eq!(log.verdict, Verdict::NotProven);
}

#[test]
fn faults_of_plans_are_found() {
    assert!(plan().faults().is_empty());
    let twice = plan().machine("a", Action::Drill, "again");
    assert_eq!(twice.faults(), ["two steps are called a"]);
    let early = Plan::new("p", "").step("x", "", By::Person(Role::Business), vec!["y".to_owned()]);
    assert_eq!(early.faults().len(), 1);
}

fn policy() -> Policy {
    let resource = |id: &str, criticality, needs: &[&str]| {
        let mut resource = Resource::new(id, "files");
        resource.criticality = criticality;
        resource.depends_on = needs.iter().map(|id| (*id).to_owned()).collect();
        resource
    };
    Policy::new("company")
        .with_resource(resource(
            "shop",
            Criticality::Critical,
            &["orders", "identity"],
        ))
        .with_resource(resource("orders", Criticality::High, &["identity"]))
        .with_resource(resource("identity", Criticality::Low, &[]))
        .with_resource(resource("wiki", Criticality::Normal, &[]))
        .with_resource(resource("a", Criticality::Low, &["b"]))
        .with_resource(resource("b", Criticality::Low, &["a"]))
}

#[test]
fn what_others_need_comes_back_first() {
    let policy = policy();
    let order = |wanted: &[&str]| -> Vec<String> {
        let wanted: BTreeSet<&str> = wanted.iter().copied().collect();
        let order = restore_order(&policy, &wanted);
        order.iter().map(|one| one.id.clone()).collect()
    };
    assert_eq!(
        order(&["shop", "orders", "identity", "wiki"]),
        ["wiki", "identity", "orders", "shop"]
    );
    assert_eq!(order(&["shop", "wiki"]), ["shop", "wiki"]);
    assert_eq!(order(&["a", "b", "wiki"]), ["wiki", "a", "b"]);
}

#[test]
fn the_plan_of_a_policy_has_no_faults_and_ends_with_the_business() {
    let policy = policy();
    let all = policy.resources.keys().map(String::as_str).collect();
    let plan = restore_plan(&policy, &all);
    assert_eq!(plan.faults(), Vec::<String>::new());
    assert_eq!(plan.steps.len(), 8);
    let shop = plan
        .steps
        .iter()
        .find(|step| step.id == "restore-shop")
        .unwrap();
    assert_eq!(
        shop.after,
        ["declare", "restore-identity", "restore-orders"]
    );
    assert_eq!(plan.steps.last().unwrap().by, By::Person(Role::Business));
    assert!(
        plan.to_string()
            .contains("[business] Work with what was restored")
    );
}
