//! The scenarios that everybody should rehearse.

use super::{Precondition, Scenario};
use crate::recovery::{Action, Pick, Plan, Role, Way};

/// Returns the scenario of that name, as policies write it.
#[must_use]
pub fn scenario(name: &str) -> Option<Scenario> {
    let outline = OUTLINES.iter().find(|outline| outline.name == name);
    outline.map(Outline::scenario)
}

/// Returns all scenarios.
#[must_use]
pub fn catalogue() -> Vec<Scenario> {
    OUTLINES.iter().map(Outline::scenario).collect()
}

/// In what a scenario differs from the others.
struct Outline {
    name: &'static str,
    purpose: &'static str,
    /// What has happened, and what is left.
    story: &'static str,
    /// A step of the people who run the systems, before the machine begins.
    first: Option<(&'static str, &'static str)>,
    open: (Way, &'static str),
    choose: (Pick, &'static str),
    /// A step of the people who need the systems, after everything else.
    last: Option<(&'static str, &'static str)>,
    /// What must hold, beside that the sandbox can be made.
    needs: &'static [Precondition],
}

impl Outline {
    fn scenario(&self) -> Scenario {
        let needs = self.needs.iter().chain(&[Precondition::SandboxFits]);
        needs.fold(
            Scenario::new(self.name, self.story, self.plan()),
            |scenario, one| scenario.with_precondition(*one),
        )
    }

    /// The people's steps of the beginning do not keep the machine from trying: what they did not do is not proven, and the rest is.
    fn plan(&self) -> Plan {
        let mut plan = Plan::new(self.name, self.purpose).person(
            "declare",
            Role::Operations,
            "Declare it: write down when, and who leads.",
        );
        if let Some((id, text)) = self.first {
            plan = plan.person(id, Role::Operations, text);
        }
        let ((way, open), (pick, choose)) = (self.open, self.choose);
        plan = plan
            .machine("open", Action::Open(way), open)
            .machine("choose", Action::Choose(pick), choose)
            .machine(
                "restore",
                Action::Drill,
                "Restore into the sandbox, validate, and clean up.",
            )
            .person(
                "accept",
                Role::Business,
                "Look at the report, say whether the business could go on with this, and sign it.",
            );
        match self.last {
            Some((id, text)) => plan.person(id, Role::Business, text),
            None => plan,
        }
    }
}

const WITHOUT_LOCAL_STATE: (Way, &str) = (
    Way::WithoutLocalState,
    "Open the repository without local state.",
);
const NEWEST: (Pick, &str) = (Pick::Latest, "Choose the newest point.");

const OUTLINES: [Outline; 7] = [
    Outline {
        name: "lost-server",
        purpose: "brings the services of a server back on another machine",
        story: "A server is gone, with all that was on it. The repository and whoever knows its passphrase are there.",
        first: Some((
            "machine",
            "Take a machine that has the programs and nothing of the old server.",
        )),
        open: WITHOUT_LOCAL_STATE,
        choose: NEWEST,
        last: None,
        needs: &[
            Precondition::Opens(Way::WithoutLocalState),
            Precondition::HasPoint(Way::WithoutLocalState),
        ],
    },
    Outline {
        name: "lost-site",
        purpose: "brings services back from the copy elsewhere alone",
        story: "A site is gone with servers, repository and people's machines. The copy elsewhere can be read.",
        first: Some((
            "reach",
            "Reach the copy elsewhere from a network that is not of the lost site.",
        )),
        open: (Way::OffSite, "Open the copy elsewhere, and nothing else."),
        choose: (Pick::Latest, "Choose the newest point of that copy."),
        last: None,
        needs: &[
            Precondition::Opens(Way::OffSite),
            Precondition::HasPoint(Way::OffSite),
            Precondition::CopyIsCurrent,
        ],
    },
    Outline {
        name: "lost-keys",
        purpose: "opens the repository when every passphrase and key service is gone",
        story: "Whoever knew the passphrase has left, or the key service is gone. The page in the safe is there.",
        first: Some((
            "kit",
            "Fetch the recovery kit from where it is kept, by the book.",
        )),
        open: (
            Way::RecoveryCode,
            "Open the repository by the recovery code.",
        ),
        choose: NEWEST,
        last: None,
        needs: &[
            Precondition::HasRecoveryCode,
            Precondition::Opens(Way::RecoveryCode),
        ],
    },
    Outline {
        name: "lost-catalogue",
        purpose: "restores without any cache, database or memory of the backup machine",
        story: "The machine that made the backups is gone, with all that it knew of them.",
        first: None,
        open: WITHOUT_LOCAL_STATE,
        choose: (Pick::ByPolicy, "Choose points by the rules of the policy."),
        last: None,
        needs: &[
            Precondition::Opens(Way::WithoutLocalState),
            Precondition::HasPoint(Way::WithoutLocalState),
        ],
    },
    Outline {
        name: "ransomware",
        purpose: "brings back the last state before somebody encrypted everything",
        story: "Somebody has encrypted the servers, and the newest backups have what he left.",
        first: Some((
            "isolate",
            "Take what is encrypted off the network, and keep it as it is for those who investigate.",
        )),
        open: WITHOUT_LOCAL_STATE,
        choose: (
            Pick::LastClean,
            "Choose the newest point before the first that is suspect.",
        ),
        last: None,
        needs: &[
            Precondition::Opens(Way::WithoutLocalState),
            Precondition::HasCleanPoint,
        ],
    },
    Outline {
        name: "from-nothing",
        purpose: "restores with nothing but a page of paper",
        story: "Nothing is left but the repository and the recovery kit, and nobody who knows more than what it says.",
        first: Some((
            "kit",
            "Fetch the recovery kit from where it is kept, and type its lines.",
        )),
        open: (
            Way::KitOnly,
            "Open the repository with nothing but what the kit says: where, which and how.",
        ),
        choose: NEWEST,
        last: None,
        needs: &[
            Precondition::HasRecoveryCode,
            Precondition::Opens(Way::KitOnly),
            Precondition::HasPoint(Way::KitOnly),
        ],
    },
    Outline {
        name: "vendor-exit",
        purpose: "goes on when the third party that holds the data does not",
        story: "A third party that holds data of ours has closed, or does not give it back.",
        first: None,
        open: (Way::Usual, "Open the repository."),
        choose: (Pick::Latest, "Choose the newest export."),
        last: Some((
            "elsewhere",
            "Load the export into the product that would take over, and compare counts and sums.",
        )),
        needs: &[
            Precondition::Opens(Way::Usual),
            Precondition::HasPoint(Way::Usual),
        ],
    },
];
