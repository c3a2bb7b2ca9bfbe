//! What the policies of organisations in tests have in common.

/// Who answers.
pub(crate) const PEOPLE: &str = r#"
[approval]
quorum = 1

[contact.ops]
kind = "team"
address = "mailto:ops@example.org"

[contact.boss]
kind = "person"
address = "tel:+49-555-0100"

[escalation.on-call]
owner = "ops"
reason = "Somebody must answer."
steps = [{ after = "0s", notify = ["ops"] }, { after = "1h", notify = ["boss"] }]
repeat = "1d"
"#;

/// A repository at hand, and one far away and locked.
pub(crate) const REPOSITORIES: &str = r#"
[repository.nas]
owner = "ops"
reason = "Near at hand."
medium = "disk"
provider = "own"
site = "hq"
region = "eu"
encrypted = true # nas

[repository.vault]
owner = "ops"
reason = "Fire takes what is at the office."
medium = "object"
provider = "example"
site = "cloud"
region = "eu" # vault
lock = "compliance" # vault
append_only = true
encrypted = true
separate_credentials = true
"#;

/// What people have to do, and how often somebody looks who has access.
pub(crate) fn obligations(access_every: &str) -> String {
    format!(
        r#"
[obligation.training]
kind = "training"
owner = "ops"
reason = "Who restores must have restored."
every = "1y"
evidence = "the list"

[obligation.game-day]
kind = "game-day"
owner = "ops"
reason = "Together."
every = "1y"
evidence = "the notes"

[obligation.access]
kind = "access-review"
owner = "ops"
reason = "Somebody looks."
every = "{access_every}"
evidence = "the form"
"#
    )
}
