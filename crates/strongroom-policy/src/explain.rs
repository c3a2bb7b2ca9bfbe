//! A policy in plain words.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use strongroom_retain::Moment;

use crate::key::Key;
use crate::people::Escalation;
use crate::policy::Policy;
use crate::resolve::{Origin, Setting, Source};
use crate::resource::Resource;
use crate::text::listed;
use crate::value::Value;

impl Policy {
    /// Says in plain words what holds for a resource, and for each value who decided it and why.
    #[must_use]
    pub fn explain(&self, resource: &Resource, now: Moment) -> String {
        let mut text = Text::default();
        self.introduce(&mut text, resource);
        let resolved = self.resolve(resource);
        let (mut section, mut deciding) = ("", BTreeMap::new());
        for (key, setting) in resolved.iter() {
            if key.section() != section {
                section = key.section();
                text.line(1, format_args!("{}", heading(section)));
            }
            let sentence = sentence(key, &setting.value);
            text.line(2, format_args!("{sentence} [{}]", From(setting)));
            deciding.insert(&setting.from.source, &setting.from);
        }
        self.sum_up(&mut text, resource, now);
        self.obligations_of(&mut text, resource, now);
        text.line(1, format_args!("Who decided that, and why"));
        for (source, origin) in deciding {
            let Origin { owner, reason, .. } = origin;
            if *source != Source::BuiltIn {
                text.line(2, format_args!("{source}: {reason} ({})", Name(owner)));
            }
        }
        text.0
    }

    fn sum_up(&self, text: &mut Text, resource: &Resource, now: Moment) {
        let protection = self.protection(resource, now);
        text.line(1, format_args!("What that comes to"));
        if !protection.is_covered {
            text.line(2, format_args!("it is not backed up"));
        }
        if let (Some(gaps), Some(expected)) = (protection.gaps, protection.expected_loss) {
            text.line(2, format_args!(
                "between two backups are up to {} (from {}), so up to {expected} of data may be lost",
                gaps.longest, gaps.longest_from
            ));
        }
        text.line(2, format_args!(
            "{} copies with the original, on {} kinds of media, {} at other sites, {} that nobody can change",
            protection.copies, protection.media, protection.offsite, protection.immutable
        ));
        match protection.history {
            Some(history) => text.line(2, format_args!("one can go back {history}")),
            None => text.line(2, format_args!("nothing is ever forgotten")),
        }
        match protection.told_within {
            Some(told) => text.line(2, format_args!("somebody who can act is told after {told}")),
            None => text.line(2, format_args!("nobody who can act is ever told")),
        }
    }

    fn introduce(&self, text: &mut Text, resource: &Resource) {
        let host = resource
            .host
            .as_ref()
            .map_or_else(String::new, |host| format!(" on {host}"));
        let owner = Name(&resource.owner);
        text.line(
            0,
            format_args!(
                "{}: {}{host}, criticality {}; {owner} answers for it",
                resource.id, resource.kind, resource.criticality
            ),
        );
        if let Some(description) = &resource.description {
            text.line(1, format_args!("{description}"));
        }
        if let Some(day) = resource.retired {
            text.line(1, format_args!("needs no more backups from {day} on"));
        }
    }

    /// Requirements and exemptions that are about a resource.
    fn obligations_of(&self, text: &mut Text, resource: &Resource, now: Moment) {
        let today = crate::date::Date::of(self.timezone.moment(now.unix_seconds));
        let about = self
            .requirements
            .iter()
            .filter(|(_, one)| one.is_about(resource));
        let about: Vec<_> = about.collect();
        if !about.is_empty() {
            text.line(1, format_args!("What must hold"));
        }
        for (name, one) in about {
            let source = one
                .basis
                .as_ref()
                .map_or_else(String::new, |basis| format!(" ({basis})"));
            let bounds = one.bounds.iter();
            let bounds: Vec<String> = bounds.map(|(key, value)| sentence(key, value)).collect();
            let bounds = listed(&bounds, " and ");
            text.line(2, format_args!("{name}{source}: {bounds}; {}", one.reason));
        }
        let exemptions = self.exemptions.iter().filter(|(_, one)| {
            let selects = one.matches.selects(resource) && !one.except.selects(resource);
            selects && today < one.until
        });
        for (name, one) in exemptions {
            let from: Vec<&str> = one.from.iter().map(String::as_str).collect();
            let from = listed(&from, " and ");
            text.line(
                1,
                format_args!(
                    "Exempt from {from} until {} ({name}): {}",
                    one.until, one.reason
                ),
            );
        }
    }

    /// Says in plain words all that the policy says: people, places, duties, and every resource.
    #[must_use]
    pub fn explain_all(&self, now: Moment) -> String {
        let mut text = Text::default();
        let whose = self
            .organisation
            .as_ref()
            .map_or_else(String::new, |name| format!(" of {name}"));
        text.line(
            0,
            format_args!("Policy {}{whose}, revision {}", self.name, self.revision),
        );
        text.line(1, format_args!("{}", self.reason));
        text.line(1, format_args!("{} answers for it", Name(&self.owner)));
        if let Some(day) = self.review_by {
            text.line(1, format_args!("It is reviewed by {day}"));
        }
        let approval = &self.approval;
        if approval.quorum > 0 {
            let weaker = approval.weakening_quorum.max(approval.quorum);
            text.line(
                1,
                format_args!(
                    "{} people must agree to a change, {weaker} where something becomes weaker",
                    approval.quorum
                ),
            );
        }
        self.places(&mut text);
        for (name, one) in &self.escalations {
            text.line(0, format_args!("Escalation {name}: {}", one.reason));
            steps(&mut text, one);
        }
        if !self.obligations.is_empty() {
            text.line(0, format_args!("What people must do"));
        }
        for (name, one) in &self.obligations {
            let (kind, every) = (&one.kind, one.every);
            text.line(
                1,
                format_args!(
                    "{} must do {name} ({kind}) every {every}: {}",
                    Name(&one.owner),
                    one.reason
                ),
            );
        }
        for resource in self.resources.values() {
            text.0.push('\n');
            text.0.push_str(&self.explain(resource, now));
        }
        text.0
    }

    fn places(&self, text: &mut Text) {
        if !self.repositories.is_empty() {
            text.line(0, format_args!("Where copies are kept"));
        }
        for (name, one) in &self.repositories {
            let mut traits = vec![format!("{} at {}", one.medium, one.site)];
            traits.extend(one.region.as_ref().map(|region| format!("region {region}")));
            traits.extend(one.offline.then(|| "offline".to_owned()));
            traits.extend(
                (one.lock > crate::LockMode::None).then(|| format!("locks in mode {}", one.lock)),
            );
            traits.extend(one.encrypted.then(|| "encrypted".to_owned()));
            text.line(
                1,
                format_args!("{name}: {}; {}", traits.join(", "), one.reason),
            );
        }
    }
}

fn steps(text: &mut Text, one: &Escalation) {
    for step in &one.steps {
        let told: Vec<&str> = step.notify.iter().map(String::as_str).collect();
        text.line(
            1,
            format_args!("after {}: {}", step.after, listed(&told, " and ")),
        );
    }
    match one.repeat {
        Some(repeat) => text.line(
            1,
            format_args!("and anew every {repeat} until somebody answers"),
        ),
        None => text.line(1, format_args!("and then nothing")),
    }
}

/// Lines of text, indented.
#[derive(Default)]
struct Text(String);

impl Text {
    fn line(&mut self, depth: usize, arguments: fmt::Arguments<'_>) {
        for _ in 0..depth {
            self.0.push_str("  ");
        }
        // A `String` takes whatever is written to it.
        let _: Result<(), fmt::Error> = writeln!(self.0, "{arguments}");
    }
}

/// A setting as a sentence about the resource.
fn sentence(key: Key, value: &Value) -> String {
    key.spec().says.replace("{}", &value.to_string())
}

fn heading(section: &str) -> &'static str {
    match section {
        "objectives" => "What it must meet",
        "schedule" => "When it is backed up",
        "limits" => "What a backup may use",
        "source" => "What is backed up",
        "copies" => "Where it is kept",
        "retention" => "How long it is kept",
        "immutability" => "Who can change it",
        "encryption" => "Who can read it",
        "verification" => "How it is verified",
        "drills" => "How restores are tried",
        "alerts" => "Who is told",
        "anomaly" => "What looks for attacks",
        "capacity" => "Space",
        "software" => "Software",
        _ => "Other",
    }
}

/// Who answers for something.
struct Name<'a>(&'a str);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "nobody" } else { self.0 })
    }
}

/// Where a value comes from.
struct From<'a>(&'a Setting);

impl fmt::Display for From<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.from.source)?;
        let overruled = self.0.instead_of.iter().map(|one| &one.source);
        let overruled: Vec<String> = overruled
            .filter(|source| **source != Source::BuiltIn)
            .map(ToString::to_string)
            .collect();
        if !overruled.is_empty() {
            write!(f, ", in place of {}", listed(&overruled, " and "))?;
        }
        Ok(())
    }
}
