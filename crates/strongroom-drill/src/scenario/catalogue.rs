//! The scenarios that everybody should rehearse.

use super::{Precondition, Scenario};
use crate::recovery::{Action, Pick, Plan, Role, Way};

/// Returns the scenario of that name, as policies write it.
#[must_use]
pub fn scenario(name: &str) -> Option<Scenario> {
    catalogue()
        .into_iter()
        .find(|scenario| scenario.name == name)
}

/// Returns all scenarios.
#[must_use]
pub fn catalogue() -> Vec<Scenario> {
    vec![
        lost_server(),
        lost_site(),
        lost_keys(),
        lost_catalogue(),
        ransomware(),
        from_nothing(),
        vendor_exit(),
    ]
}

fn lost_server() -> Scenario {
    let plan = begin(
        "lost-server",
        "brings the services of a server back on another machine",
    )
    .person(
        "machine",
        Role::Operations,
        "Take a machine that has the programs and nothing of the old server.",
    )
    .machine(
        "open",
        Action::Open(Way::WithoutLocalState),
        "Open the repository without local state.",
    )
    .machine(
        "choose",
        Action::Choose(Pick::Latest),
        "Choose the newest point.",
    );
    let story = "A server is gone, with all that was on it. The repository and whoever knows its passphrase are there.";
    Scenario::new("lost-server", story, end(plan))
        .with_precondition(Precondition::Opens(Way::WithoutLocalState))
        .with_precondition(Precondition::HasPoint(Way::WithoutLocalState))
        .with_precondition(Precondition::SandboxFits)
}

fn lost_site() -> Scenario {
    let plan = begin(
        "lost-site",
        "brings services back from the copy elsewhere alone",
    )
    .person(
        "reach",
        Role::Operations,
        "Reach the copy elsewhere from a network that is not of the lost site.",
    )
    .machine(
        "open",
        Action::Open(Way::OffSite),
        "Open the copy elsewhere, and nothing else.",
    )
    .machine(
        "choose",
        Action::Choose(Pick::Latest),
        "Choose the newest point of that copy.",
    );
    let story = "A site is gone with servers, repository and people's machines. The copy elsewhere can be read.";
    Scenario::new("lost-site", story, end(plan))
        .with_precondition(Precondition::Opens(Way::OffSite))
        .with_precondition(Precondition::HasPoint(Way::OffSite))
        .with_precondition(Precondition::CopyIsCurrent)
        .with_precondition(Precondition::SandboxFits)
}

fn lost_keys() -> Scenario {
    let plan = begin(
        "lost-keys",
        "opens the repository when every passphrase and key service is gone",
    )
    .person(
        "kit",
        Role::Operations,
        "Fetch the recovery kit from where it is kept, by the book.",
    )
    .machine(
        "open",
        Action::Open(Way::RecoveryCode),
        "Open the repository by the recovery code.",
    )
    .machine(
        "choose",
        Action::Choose(Pick::Latest),
        "Choose the newest point.",
    );
    let story = "Whoever knew the passphrase has left, or the key service is gone. The page in the safe is there.";
    Scenario::new("lost-keys", story, end(plan))
        .with_precondition(Precondition::HasRecoveryCode)
        .with_precondition(Precondition::Opens(Way::RecoveryCode))
        .with_precondition(Precondition::SandboxFits)
}

fn lost_catalogue() -> Scenario {
    let plan = begin(
        "lost-catalogue",
        "restores without any cache, database or memory of the backup machine",
    )
    .machine(
        "open",
        Action::Open(Way::WithoutLocalState),
        "Open the repository without local state.",
    )
    .machine(
        "choose",
        Action::Choose(Pick::ByPolicy),
        "Choose points by the rules of the policy.",
    );
    let story = "The machine that made the backups is gone, with all that it knew of them.";
    Scenario::new("lost-catalogue", story, end(plan))
        .with_precondition(Precondition::Opens(Way::WithoutLocalState))
        .with_precondition(Precondition::HasPoint(Way::WithoutLocalState))
        .with_precondition(Precondition::SandboxFits)
}

fn ransomware() -> Scenario {
    let plan = begin(
        "ransomware",
        "brings back the last state before somebody encrypted everything",
    )
    .person(
        "isolate",
        Role::Operations,
        "Take what is encrypted off the network, and keep it as it is for those who investigate.",
    )
    .machine(
        "open",
        Action::Open(Way::WithoutLocalState),
        "Open the repository without local state.",
    )
    .machine(
        "choose",
        Action::Choose(Pick::LastClean),
        "Choose the newest point before the first that is suspect.",
    );
    let story = "Somebody has encrypted the servers, and the newest backups have what he left.";
    Scenario::new("ransomware", story, end(plan))
        .with_precondition(Precondition::Opens(Way::WithoutLocalState))
        .with_precondition(Precondition::HasCleanPoint)
        .with_precondition(Precondition::SandboxFits)
}

fn from_nothing() -> Scenario {
    let plan = begin("from-nothing", "restores with nothing but a page of paper")
        .person(
            "kit",
            Role::Operations,
            "Fetch the recovery kit from where it is kept, and type its lines.",
        )
        .machine(
            "open",
            Action::Open(Way::KitOnly),
            "Open the repository with nothing but what the kit says: where, which and how.",
        )
        .machine(
            "choose",
            Action::Choose(Pick::Latest),
            "Choose the newest point.",
        );
    let story = "Nothing is left but the repository and the recovery kit, and nobody who knows more than what it says.";
    Scenario::new("from-nothing", story, end(plan))
        .with_precondition(Precondition::HasRecoveryCode)
        .with_precondition(Precondition::Opens(Way::KitOnly))
        .with_precondition(Precondition::HasPoint(Way::KitOnly))
        .with_precondition(Precondition::SandboxFits)
}

fn vendor_exit() -> Scenario {
    let plan = begin(
        "vendor-exit",
        "goes on when the third party that holds the data does not",
    )
    .machine("open", Action::Open(Way::Usual), "Open the repository.")
    .machine(
        "choose",
        Action::Choose(Pick::Latest),
        "Choose the newest export.",
    );
    let plan = end(plan).person(
        "elsewhere",
        Role::Business,
        "Load the export into the product that would take over, and compare counts and sums.",
    );
    let story = "A third party that holds data of ours has closed, or does not give it back.";
    Scenario::new("vendor-exit", story, plan)
        .with_precondition(Precondition::Opens(Way::Usual))
        .with_precondition(Precondition::HasPoint(Way::Usual))
        .with_precondition(Precondition::SandboxFits)
}

fn begin(name: &str, purpose: &str) -> Plan {
    Plan::new(name, purpose).person(
        "declare",
        Role::Operations,
        "Declare it: write down when, and who leads.",
    )
}

/// The people's steps of the beginning do not keep the machine from trying: what they did not do is not proven, and the rest is.
fn end(plan: Plan) -> Plan {
    plan.machine(
        "restore",
        Action::Drill,
        "Restore into the sandbox, validate, and clean up.",
    )
    .person(
        "accept",
        Role::Business,
        "Look at the report, say whether the business could go on with this, and sign it.",
    )
}
