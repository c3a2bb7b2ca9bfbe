//! A `CronJob`.

use super::{HostFile, Launch, Times};
use crate::schedule::Schedule;

pub(super) fn file(
    schedule: &Schedule,
    times: &Times,
    launch: &Launch,
    command: &[String],
) -> HostFile {
    let name = format!("strongroom-{}", schedule.slug());
    let namespace = launch.namespace.as_ref();
    let namespace =
        namespace.map_or_else(String::new, |name| format!("  namespace: {}\n", text(name)));
    let words: Vec<String> = command.iter().map(|word| text(word)).collect();
    // A run that may begin so late must not be skipped before; less than 10 seconds never begins.
    let late = schedule
        .jitter
        .plus(schedule.start_within)
        .mean_seconds()
        .max(10);
    let content = format!(
        "apiVersion: batch/v1\nkind: CronJob\nmetadata:\n  name: {name}\n{namespace}  annotations:\n    \
         strongroom/resource: {}\nspec:\n  schedule: {}\n  timeZone: {}\n  startingDeadlineSeconds: {late}\n  \
         concurrencyPolicy: Forbid\n  jobTemplate:\n    spec:\n      backoffLimit: 0\n      \
         activeDeadlineSeconds: {}\n      template:\n        spec:\n          restartPolicy: Never\n          \
         containers:\n            - name: backup\n              image: {}\n              command: [{}]\n",
        text(&schedule.resource),
        text(&times.cron.to_string()),
        text(&kubernetes_zone(&times.zone)),
        schedule.complete_within.mean_seconds().max(1),
        text(&launch.image),
        words.join(", "),
    );
    HostFile {
        name: format!("{name}.yaml"),
        content,
    }
}

fn kubernetes_zone(zone: &str) -> String {
    match zone {
        "UTC" => "Etc/UTC".to_owned(),
        zone => zone.to_owned(),
    }
}

/// A text of YAML, which a text of JSON is.
fn text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
