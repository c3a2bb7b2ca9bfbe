//! The policy of the small organisation.

use crate::testing_policy::{PEOPLE, REPOSITORIES, obligations};

/// Returns its text.
pub(super) fn text() -> String {
    [
        HEAD,
        PEOPLE,
        REPOSITORIES,
        RULES,
        &obligations("3mo"),
        RESOURCE,
    ]
    .concat()
}

/// What comes before everything else.
const HEAD: &str = r#"
format = 1
name = "test"
revision = 1
owner = "ops"
reason = "Orders cannot be entered a second time."
timezone = "UTC"
site = "hq"
effective = 2026-01-05
review_by = 2027-01-01
"#;

/// What holds for whom.
const RULES: &str = r#"
[defaults]
owner = "ops"
reason = "A night of work can be done again."
retention = { keep = "daily=14", minimum = "7d", approvals = 1 }
immutability = { lock = "compliance", for = "14d" }
encryption = { key_max_age = "1y", escrow_test_every = "6mo" }
verification = { ages = { L2 = "7d" }, full_every = "1mo" }
drills = { every = "3mo", level = "L5" }
alerts = { escalation = "on-call", test_every = "3mo", heartbeat = true }
objectives = { rpo = "36h", rto = "4h" }

[defaults.limits]
threads = 2

[[rule]]
name = "databases"
owner = "ops"
reason = "They hold the orders."
match = { kind = ["postgresql"] }
schedule = { when = "daily 02:00", expected_duration = "1h" }
copies = { to = ["nas", "vault"], within = "12h", minimum = 3, regions = ["eu"] }

[class.people]
owner = "ops"
reason = "Customers are people."
personal = true
retention = { grace = "7d", maximum = "1y" }
"#;

/// What there is.
const RESOURCE: &str = r#"
[resource.db]
kind = "postgresql"
owner = "sales"
criticality = "high"
class = "people"
department = "sales"
"#;
