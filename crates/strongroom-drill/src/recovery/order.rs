//! In which order the resources of a policy come back.

use std::collections::{BTreeMap, BTreeSet};

use strongroom_policy::{Policy, Resource};

use super::{Action, By, Plan, Role};

/// Returns resources in the order in which they are restored: what others depend on before them, of the rest the more critical first.
/// Those that depend on each other in a circle come last, by criticality.
#[must_use]
pub fn restore_order<'a>(policy: &'a Policy, wanted: &BTreeSet<&str>) -> Vec<&'a Resource> {
    let chosen = policy.resources.values();
    let mut waiting: Vec<&Resource> = chosen
        .filter(|resource| wanted.contains(resource.id.as_str()))
        .collect();
    waiting.sort_by(|a, b| b.criticality.cmp(&a.criticality).then(a.id.cmp(&b.id)));
    let mut order: Vec<&Resource> = Vec::new();
    while !waiting.is_empty() {
        let waits = |one: &&Resource| {
            let mut needed = one.depends_on.iter();
            needed.any(|id| *id != one.id && waiting.iter().any(|other| other.id == *id))
        };
        // In a circle nobody is ready: then the most critical one goes first.
        let at = waiting.iter().position(|one| !waits(one)).unwrap_or(0);
        order.push(waiting.remove(at));
    }
    order
}

/// Returns the plan by which resources come back: each restored by the machine after what it depends on, and confirmed by the business
/// in the end.
#[must_use]
pub fn restore_plan(policy: &Policy, wanted: &BTreeSet<&str>) -> Plan {
    let purpose = format!(
        "brings {} resources back, what others need first",
        wanted.len()
    );
    let mut plan = Plan::new(format!("restore {}", policy.name), purpose).person(
        "declare",
        Role::Operations,
        "Declare the disaster: write down when, and who leads.",
    );
    let order = restore_order(policy, wanted);
    let known: BTreeMap<&str, String> = order
        .iter()
        .map(|one| (one.id.as_str(), format!("restore-{}", one.id)))
        .collect();
    let mut before = BTreeSet::new();
    for resource in order {
        let id = format!("restore-{}", resource.id);
        let needed = resource
            .depends_on
            .iter()
            .filter_map(|id| known.get(id.as_str()));
        // Of a circle, some have to begin without the others.
        let after: Vec<String> = needed.filter(|id| before.contains(*id)).cloned().collect();
        let after = std::iter::once("declare".to_owned()).chain(after).collect();
        let what = resource.description.as_deref().unwrap_or(&resource.kind);
        let text = format!("Restore {} and validate it: {what}", resource.id);
        let action = Action::Restore(resource.id.clone());
        plan = plan.step(&id, &text, By::Machine(action), after);
        before.insert(id);
    }
    plan.person(
        "accept",
        Role::Business,
        "Work with what was restored: enter something, find something old, and accept it.",
    )
}
