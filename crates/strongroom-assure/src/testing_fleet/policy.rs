//! The policy of the simulated organisation.

use std::fmt::Write;

use strongroom_policy::{Document, Policy};

use super::Place;
use super::nature::Kind;
use crate::testing_policy::{PEOPLE, REPOSITORIES, obligations};

/// Returns its text.
pub(super) fn text(places: &[Place], revision: u32) -> String {
    let head = HEAD.replace("REVISION", &revision.to_string());
    let mut text = head + PEOPLE + REPOSITORIES + RULES + &obligations("90d") + "\n";
    if revision == 2 {
        text = text.replace(LAPTOPS_KEPT, "minimum = \"3d\"");
    }
    for place in places {
        let kind = match place.kind {
            Kind::Database => "postgresql",
            Kind::Server => "files",
            Kind::Laptop => "laptop",
            Kind::Mailbox => "mailbox",
        };
        let criticality = place.criticality;
        writeln!(
            text,
            "[resource.{}]\nkind = \"{kind}\"\nowner = \"ops\"\ncriticality = \"{criticality}\"",
            place.id
        )
        .unwrap();
        if let Some(retired) = place.retired {
            writeln!(text, "retired = {retired}").unwrap();
        }
    }
    text
}

pub(super) fn parse(text: &str) -> Policy {
    Document::parse(text).unwrap().policy().clone()
}

const LAPTOPS_KEPT: &str = "minimum = \"10d\"";

/// What comes before everything else.
const HEAD: &str = r#"
format = 1
name = "fleet"
revision = REVISION
owner = "ops"
reason = "Work that is lost is done twice, or never."
timezone = "UTC"
site = "hq"
effective = 2026-01-05
review_by = 2032-01-01
"#;

/// What is its own: more repositories, and what holds for whom.
const RULES: &str = r#"
[repository.branch]
owner = "ops"
reason = "Mail must outlive the provider."
medium = "disk"
provider = "branch"
site = "branch"
region = "eu"
lock = "compliance"
encrypted = true
separate_credentials = true

[repository.tape]
owner = "ops"
reason = "Laptops are many."
medium = "tape"
provider = "own"
site = "bunker"
region = "eu"
lock = "compliance"
offline = true
encrypted = true
separate_credentials = true

[defaults]
owner = "ops"
reason = "A night of work can be done again."
retention = { keep = "daily=14", minimum = "7d", approvals = 1 }
immutability = { lock = "compliance", for = "14d" }
encryption = { key_max_age = "2y", escrow_test_every = "6mo" }
verification = { ages = { L2 = "7d" }, full_every = "1mo" }
drills = { every = "90d", level = "L5" }
alerts = { escalation = "on-call", test_every = "90d", heartbeat = true }
objectives = { rpo = "36h", rto = "4h" }
schedule = { when = "daily 02:00", start_within = "1h", expected_duration = "1h", complete_within = "6h" }

[defaults.limits]
threads = 2

[[rule]]
name = "databases"
owner = "ops"
reason = "They hold the orders."
match = { kind = ["postgresql"] }
copies = { to = ["nas", "vault"], within = "12h", minimum = 3, regions = ["eu"] }

[[rule]]
name = "servers"
owner = "ops"
reason = "All departments work on them."
match = { kind = ["files"] }
copies = { to = ["nas", "vault"], within = "12h", minimum = 3, regions = ["eu"] }

[[rule]]
name = "laptops"
owner = "ops"
reason = "They are lost."
match = { kind = ["laptop"] }
retention = { minimum = "10d" }
copies = { to = ["nas", "tape"], within = "12h", minimum = 3 }

[[rule]]
name = "mail"
owner = "ops"
reason = "Mail is evidence."
match = { kind = ["mailbox"] }
copies = { to = ["nas", "branch"], within = "12h", minimum = 3 }

[exemption.moving]
owner = "ops"
reason = "The server moves to another room."
match = { id = ["files-exempt"] }
from = ["all"]
until = 2027-03-01
"#;
