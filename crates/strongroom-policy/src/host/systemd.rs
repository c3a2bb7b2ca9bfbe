//! A timer and a service.

use super::{HostFile, Launch, Times, one_line};
use crate::schedule::Schedule;

pub(super) fn files(
    schedule: &Schedule,
    times: &Times,
    launch: &Launch,
    command: &[String],
) -> Vec<HostFile> {
    let name = format!("strongroom-{}", schedule.slug());
    let what = one_line(&schedule.resource).replace('%', "%%");
    let calendar: Vec<String> = calendars(times)
        .iter()
        .map(|line| format!("OnCalendar={line}\n"))
        .collect();
    let jitter = schedule.jitter.mean_seconds();
    // The same delay each time: the interval between two backups stays what the schedule says.
    let spread = if jitter == 0 || launch.waits_itself() {
        String::new()
    } else {
        format!("RandomizedDelaySec={jitter}s\nFixedRandomDelay=true\n")
    };
    let timer = format!(
        "[Unit]\nDescription=Backup of {what}: {}\n\n[Timer]\n{}{spread}AccuracySec=1s\nPersistent=true\n\n\
         [Install]\nWantedBy=timers.target\n",
        schedule.when,
        calendar.concat(),
    );
    let words: Vec<String> = command.iter().map(|word| exec_word(word)).collect();
    let user = launch.user.as_ref();
    let user = user.map_or_else(String::new, |user| format!("User={}\n", one_line(user)));
    let service = format!(
        "[Unit]\nDescription=Backup of {what}\nWants=network-online.target\nAfter=network-online.target\n\n\
         [Service]\nType=oneshot\n{user}ExecStart={}\nTimeoutStartSec={}s\nNice=10\nIOSchedulingClass=idle\n",
        words.join(" "),
        schedule.complete_within.mean_seconds(),
    );
    vec![
        HostFile {
            name: format!("{name}.timer"),
            content: timer,
        },
        HostFile {
            name: format!("{name}.service"),
            content: service,
        },
    ]
}

/// Returns the times; two where a day of the month or of the week suffices, which systemd wants
/// both.
fn calendars(times: &Times) -> Vec<String> {
    let [minutes, hours, days, months] = times.cron.listed().map(|field| field.replace('-', ".."));
    let names = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
    let weekdays: Vec<&str> = times
        .cron
        .weekdays()
        .filter_map(|day| names.get(usize::try_from(day).ok()?).copied())
        .collect();
    let weekdays = if weekdays.len() == 7 {
        String::new()
    } else {
        format!("{} ", weekdays.join(","))
    };
    let zone = &times.zone;
    let line = |weekdays: &str, days: &str| {
        format!("{weekdays}*-{months}-{days} {hours}:{minutes}:00 {zone}")
    };
    if times.cron.has_either_day() {
        vec![line("", &days), line(&weekdays, "*")]
    } else {
        vec![line(&weekdays, &days)]
    }
}

/// Quotes a word for `ExecStart`.
fn exec_word(word: &str) -> String {
    let escaped = word
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('%', "%%")
        .replace('$', "$$");
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=@,+%".contains(c);
    if !word.is_empty() && escaped.chars().all(plain) {
        return escaped;
    }
    format!("\"{escaped}\"")
}
