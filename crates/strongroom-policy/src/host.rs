//! Files for the schedulers of other people's machines.

use std::fmt;

use serde::Serialize;

use crate::cron::Cron;
use crate::error::{Error, ErrorKind};
use crate::schedule::Schedule;
use crate::when::Kind;

mod kubernetes;
mod systemd;

/// Who runs a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Host {
    /// A timer and a service of systemd.
    Systemd,
    /// A line of `crontab`, of a cron that knows `CRON_TZ` (cronie), or whose machine is in the
    /// time zone of the schedule.
    Cron,
    /// A `CronJob` of Kubernetes.
    Kubernetes,
}

/// What a scheduler is to run.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Launch {
    /// The program and its arguments. In each, `{resource}` stands for the id of the resource and
    /// `{delay}` for the seconds after which this resource begins.
    pub command: Vec<String>,
    /// The user, for `crontab` in `/etc/cron.d` and services of systemd.
    pub user: Option<String>,
    /// The image, for Kubernetes.
    pub image: String,
    /// The namespace, for Kubernetes.
    pub namespace: Option<String>,
}

impl Launch {
    /// Returns one of a command.
    #[must_use]
    pub fn new(command: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            command: command.into_iter().map(Into::into).collect(),
            user: None,
            image: "strongroom".to_owned(),
            namespace: None,
        }
    }

    /// Sets the user.
    #[must_use]
    pub fn with_user(mut self, user: impl Into<String>) -> Self {
        self.user = Some(user.into());
        self
    }

    /// Sets the image.
    #[must_use]
    pub fn with_image(mut self, image: impl Into<String>) -> Self {
        self.image = image.into();
        self
    }

    /// Sets the namespace.
    #[must_use]
    pub fn with_namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = Some(namespace.into());
        self
    }

    fn command_for(&self, schedule: &Schedule) -> Vec<String> {
        let delay = schedule.delay_seconds().to_string();
        let fill = |part: &String| {
            part.replace("{resource}", &schedule.resource)
                .replace("{delay}", &delay)
        };
        self.command.iter().map(fill).collect()
    }

    fn waits_itself(&self) -> bool {
        self.command.iter().any(|part| part.contains("{delay}"))
    }
}

/// A file for a scheduler.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct HostFile {
    /// Its name, without a directory.
    pub name: String,
    /// What is in it.
    pub content: String,
}

/// The name, and what is in it.
impl fmt::Display for HostFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "# {}\n{}", self.name, self.content)
    }
}

impl Schedule {
    /// Returns the files with which a scheduler runs this schedule.
    ///
    /// The scheduler only starts runs. Whether one is missing is found from the
    /// [`ExpectedRun`](crate::ExpectedRun)s, by somebody else's clock: a scheduler that does not
    /// run reports nothing.
    ///
    /// # Errors
    ///
    /// `Inexpressible` when the scheduler cannot say it: an interval that does not divide a day, or
    /// windows that leave out some of the times. `Invalid` for a command that is empty or has line
    /// breaks.
    pub fn files_for(&self, host: Host, launch: &Launch) -> Result<Vec<HostFile>, Error> {
        let command = launch.command_for(self);
        if command.is_empty() || command.iter().any(|part| part.contains(['\n', '\r', '\0'])) {
            let what = "a command is empty or has line breaks";
            return Err(Error::new(ErrorKind::Invalid, what));
        }
        let times = Times::of(self)?;
        Ok(match host {
            Host::Systemd => systemd::files(self, &times, launch, &command),
            Host::Cron => vec![cron_file(self, &times, launch, &command)],
            Host::Kubernetes => vec![kubernetes::file(self, &times, launch, &command)],
        })
    }

    /// Returns a name of letters, digits and `-` that tells this resource from others.
    fn slug(&self) -> String {
        let fits = |c: char| c.is_ascii_alphanumeric();
        let plain = self
            .resource
            .chars()
            .map(|c| if fits(c) { c.to_ascii_lowercase() } else { '-' });
        let plain: String = plain.take(SLUG_LEN).collect();
        let plain = plain.trim_matches('-').to_owned();
        if plain == self.resource {
            return plain;
        }
        // Ids that differ only in what was replaced stay apart.
        let hash = blake3::hash(self.resource.as_bytes()).to_hex();
        let hash: String = hash.chars().take(6).collect();
        format!("{plain}-{hash}").trim_start_matches('-').to_owned()
    }
}

/// Names of Kubernetes jobs have at most 52 characters.
const SLUG_LEN: usize = 32;

/// Times as schedulers say them.
struct Times {
    cron: Cron,
    /// The zone whose clock they are of.
    zone: String,
}

impl Times {
    fn of(schedule: &Schedule) -> Result<Self, Error> {
        let inexpressible = |why: &str| {
            let what = format!(
                "no scheduler can say {:?}: {why}",
                schedule.when.to_string()
            );
            Error::new(ErrorKind::Inexpressible, what)
        };
        let times = match &schedule.when.0 {
            Kind::Cron(cron) => Self {
                cron: cron.clone(),
                zone: schedule.zone.name().to_owned(),
            },
            Kind::Every { seconds, from } => {
                let fields = interval(*seconds, from.unix_seconds).ok_or_else(|| {
                    inexpressible("the interval does not divide a day")
                        .with_hint("choose a time of the calendar, or 15min, 1h, 6h, 1d")
                })?;
                Self {
                    cron: fields.parse()?,
                    zone: "UTC".to_owned(),
                }
            }
        };
        if !schedule.windows.is_empty() {
            // Two months: what a window leaves out shows in less.
            let (from, until) = (SAMPLE_FROM, SAMPLE_FROM + 62 * 86_400);
            let all = schedule.when.between(&schedule.zone, from, until).count();
            if all != schedule.due_between(from, until).count() {
                return Err(inexpressible("its windows leave out some of its times")
                    .with_hint("choose times that are all in the windows"));
            }
        }
        Ok(times)
    }
}

/// 2026-10-01, so that a change of clocks is in it.
const SAMPLE_FROM: i64 = 1_790_812_800;

/// Returns the fields, in UTC, of an interval that divides an hour or a day.
fn interval(seconds: i64, anchor: i64) -> Option<String> {
    let minutes = seconds / 60;
    if seconds % 60 != 0 || anchor % 60 != 0 {
        return None;
    }
    let phase = (anchor / 60).rem_euclid(1440);
    let minute = phase % 60;
    if minutes <= 60 && 60 % minutes == 0 {
        let first = phase % minutes;
        let all: Vec<String> = (first..60)
            .step_by(usize::try_from(minutes).ok()?)
            .map(|minute| minute.to_string())
            .collect();
        return Some(format!("{} * * * *", all.join(",")));
    }
    if minutes % 60 == 0 && 1440 % minutes == 0 {
        let hours = minutes / 60;
        let first = phase / 60 % hours;
        let all: Vec<String> = (first..24)
            .step_by(usize::try_from(hours).ok()?)
            .map(|hour| hour.to_string())
            .collect();
        return Some(format!("{minute} {} * * *", all.join(",")));
    }
    None
}

fn cron_file(schedule: &Schedule, times: &Times, launch: &Launch, command: &[String]) -> HostFile {
    let quoted: Vec<String> = command.iter().map(|part| shell_word(part)).collect();
    // In a crontab a percent sign ends the command.
    let mut line = quoted.join(" ").replace('%', "\\%");
    let delay = schedule.delay_seconds();
    if delay > 0 && !launch.waits_itself() {
        line = format!("sleep {delay}; {line}");
    }
    let user = launch
        .user
        .as_ref()
        .map_or_else(String::new, |user| format!("{user} "));
    let content = format!(
        "# Backup of {}: {} ({}).\n# Begins at most {} late.\nCRON_TZ={}\n{} {user}{line}\n",
        one_line(&schedule.resource),
        schedule.when,
        schedule.zone,
        schedule.start_within,
        times.zone,
        times.cron
    );
    HostFile {
        name: format!("strongroom-{}", schedule.slug()),
        content,
    }
}

/// Quotes a word for a POSIX shell, if it must be.
fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=@,+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

#[cfg(test)]
mod tests;
