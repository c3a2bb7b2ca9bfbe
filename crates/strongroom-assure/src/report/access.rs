//! Who can do what, and who did.

use std::collections::BTreeMap;

use strongroom_crypt::Roles;

use super::{Material, Report, Section, Table};

/// Number of the journal entries that commit a snapshot, forget one, and drop objects.
const COMMIT: u64 = 1;
const FORGET: u64 = 4;
const TOMBSTONE: u64 = 6;

#[derive(Default)]
struct Used {
    roles: Option<Roles>,
    entries: u64,
    wrote: u64,
    deleted: u64,
    last: i64,
}

pub(super) fn write(from: &Material<'_>, report: &mut Report) {
    report.title = "Who can do what, and who did".to_owned();
    report.add(keys(from));
    let log = log(from, report);
    report.add(log);
    let tried = tried(from, report);
    report.add(tried);
    report.not_proven("Whose each key is: names are with the keyring, not in the journal.");
    report.not_proven("What a credential can do that nobody tried.");
}

fn keys(from: &Material<'_>) -> Section {
    let now = from.case.now().unix_seconds;
    let mut all: BTreeMap<[u8; 32], Used> = BTreeMap::new();
    for one in from
        .case
        .history()
        .entries()
        .iter()
        .filter(|one| one.said_at <= now)
    {
        let used = all.entry(one.author).or_default();
        used.roles = Some(one.roles);
        used.entries += 1;
        used.wrote += u64::from(one.kind == COMMIT);
        used.deleted += u64::from(one.kind == FORGET || one.kind == TOMBSTONE);
        used.last = used.last.max(one.said_at);
    }
    let mut table = Table::new(
        "keys",
        &[
            ("key", "Key"),
            ("may", "May"),
            ("entries", "Entries"),
            ("wrote", "Snapshots written"),
            ("deleted", "Deletions"),
            ("last_used", "Last used"),
            ("unused", "Unused for a quarter"),
        ],
    );
    for (key, used) in &all {
        let is_unused = used.last < now - QUARTER_SECONDS;
        table.row([
            short(key).into(),
            used.roles.map(may).into(),
            used.entries.into(),
            used.wrote.into(),
            used.deleted.into(),
            strongroom_retain::Moment::utc(used.last).into(),
            if is_unused { "yes" } else { "no" }.into(),
        ]);
    }
    Section::new("keys", "Keys that wrote the journal").with(table)
}

fn may(roles: Roles) -> String {
    let names = [
        (Roles::WRITER, "write"),
        (Roles::MAINTAINER, "delete"),
        (Roles::AUDITOR, "audit"),
        (Roles::ADMIN, "administer"),
    ];
    let held = names.into_iter().filter(|(role, _)| roles.contains(*role));
    let held: Vec<&str> = held.map(|(_, name)| name).collect();
    match held.is_empty() {
        true => "nothing".to_owned(),
        false => held.join(", "),
    }
}

fn short(key: &[u8; 32]) -> String {
    key.iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn log(from: &Material<'_>, report: &mut Report) -> Section {
    let mut table = Table::new(
        "accesses",
        &[
            ("repository", "Repository"),
            ("principal", "Who (digest)"),
            ("what", "What"),
            ("times", "Times"),
            ("explained", "Explained by runs"),
            ("entry", "Entry"),
        ],
    );
    let from_time = from.case.now().unix_seconds - QUARTER_SECONDS;
    for one in from
        .case
        .records()
        .accesses
        .iter()
        .filter(|one| one.at > from_time)
    {
        table.row([
            one.fact.repository.clone().into(),
            one.fact.principal.to_string().into(),
            one.fact.what.clone().into(),
            one.fact.times.into(),
            one.fact.explained.into(),
            one.entry.to_string().into(),
        ]);
        report.rests_on([one.entry]);
    }
    Section::new(
        "accesses",
        "What the providers of the stores saw in a quarter",
    )
    .with(table)
}

fn tried(from: &Material<'_>, report: &mut Report) -> Section {
    let mut table = Table::new(
        "permissions",
        &[
            ("repository", "Repository"),
            ("holds", "As it should be"),
            ("at", "Tried"),
            ("entry", "Entry"),
        ],
    );
    for one in from.case.repositories() {
        let seen = from.case.attested("permissions", Some(one.name));
        table.row([
            one.name.into(),
            seen.map_or("unknown", |seen| if seen.fact.holds { "yes" } else { "no" })
                .into(),
            seen.map(|seen| strongroom_retain::Moment::utc(seen.at))
                .into(),
            seen.map(|seen| seen.entry.to_string()).into(),
        ]);
        report.rests_on(seen.map(|seen| seen.entry));
    }
    Section::new("permissions", "What credentials were tried").with(table)
}

const QUARTER_SECONDS: i64 = 92 * 86_400;
