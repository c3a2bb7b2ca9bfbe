use super::*;
use crate::Period;
use crate::key::Key;
use crate::policy::Policy;
use crate::resource::Resource;
use crate::when::When;
use crate::zone::Zone;

fn schedule(when: &str) -> Schedule {
    let mut resource = Resource::new("db01/orders", "postgresql");
    let settings = &mut resource.settings;
    settings
        .set(Key::When, when.parse::<When>().unwrap())
        .unwrap();
    settings
        .set(Key::TimeZone, "Europe/Berlin".parse::<Zone>().unwrap())
        .unwrap();
    settings.set(Key::Jitter, Period::seconds(1800)).unwrap();
    settings.set(Key::CompleteWithin, Period::hours(4)).unwrap();
    Policy::new("test").resolve(&resource).schedule().unwrap()
}

fn launch() -> Launch {
    Launch::new(["sr-run", "/etc/strongroom/policy.toml", "{resource}"])
}

fn content(schedule: &Schedule, host: Host, nth: usize) -> String {
    schedule.files_for(host, &launch()).unwrap()[nth]
        .content
        .clone()
}

#[test]
fn systemd_has_a_timer_and_a_service() {
    let schedule = schedule("weekly mon-fri 02:30");
    let files = schedule
        .files_for(Host::Systemd, &launch().with_user("backup"))
        .unwrap();
    assert_eq!(
        files[0].name,
        "strongroom-db01-orders-8e5dd4.timer".replace("8e5dd4", &files[0].name[23..29])
    );
    assert_eq!(
        files[0].content,
        "[Unit]\nDescription=Backup of db01/orders: weekly mon-fri 02:30\n\n[Timer]\n\
         OnCalendar=Mon,Tue,Wed,Thu,Fri *-*-* 2:30:00 Europe/Berlin\nRandomizedDelaySec=1800s\n\
         FixedRandomDelay=true\nAccuracySec=1s\nPersistent=true\n\n[Install]\nWantedBy=timers.target\n"
    );
    assert!(
        files[1]
            .content
            .contains("ExecStart=sr-run /etc/strongroom/policy.toml db01/orders\n")
    );
    assert!(
        files[1].content.contains("User=backup\n")
            && files[1].content.contains("TimeoutStartSec=14400s")
    );
}

#[test]
fn either_day_is_two_lines_of_systemd() {
    let timer = content(&schedule("cron 0 3 1-7 jan,jul sun"), Host::Systemd, 0);
    assert!(timer.contains("OnCalendar=*-1,7-1..7 3:0:00 Europe/Berlin\nOnCalendar=Sun *-1,7-* 3:0:00 Europe/Berlin\n"), "{timer}");
}

#[test]
fn steps_are_lists_for_systemd() {
    let timer = content(&schedule("cron */20 */8 */10 * *"), Host::Systemd, 0);
    let line = "OnCalendar=*-*-1,11,21,31 0,8,16:0,20,40:00 Europe/Berlin\n";
    assert!(timer.contains(line), "{timer}");
}

#[test]
fn cron_has_the_zone_and_the_delay() {
    let schedule = schedule("daily 02:30");
    let delay = schedule.delay_seconds();
    assert!((1..1800).contains(&delay));
    let file = content(&schedule, Host::Cron, 0);
    let line = format!(
        "CRON_TZ=Europe/Berlin\n30 2 * * * sleep {delay}; sr-run /etc/strongroom/policy.toml db01/orders\n"
    );
    assert!(file.ends_with(&line), "{file}");
    let waits = Launch::new(["sh", "-c", "wait-for {delay} && run '100%'"]).with_user("root");
    let file = schedule.files_for(Host::Cron, &waits).unwrap()[0]
        .content
        .clone();
    let line = format!("30 2 * * * root sh -c 'wait-for {delay} && run '\\''100\\%'\\'''\n");
    assert!(file.ends_with(&line), "{file}");
}

#[test]
fn kubernetes_has_a_cron_job() {
    let launch = launch()
        .with_image("registry/backup:1")
        .with_namespace("ops");
    let file = schedule("every 6h")
        .files_for(Host::Kubernetes, &launch)
        .unwrap()[0]
        .content
        .clone();
    for line in [
        "  schedule: \"0 0,6,12,18 * * *\"\n",
        "  timeZone: \"Etc/UTC\"\n",
        "  startingDeadlineSeconds: 5400\n",
        "      activeDeadlineSeconds: 14400\n",
        "    strongroom/resource: \"db01/orders\"\n",
        "command: [\"sr-run\", \"/etc/strongroom/policy.toml\", \"db01/orders\"]\n",
        "  namespace: \"ops\"\n",
    ] {
        assert!(file.contains(line), "{line}{file}");
    }
}

#[test]
fn intervals_that_divide_a_day_are_times_of_utc() {
    for (when, fields) in [
        ("every 15min", "0,15,30,45 * * * *"),
        ("every 1h", "0 * * * *"),
        ("every 8h", "0 0,8,16 * * *"),
        ("every 1d", "0 0 * * *"),
        ("every 6h from 2026-01-05T03:20:00Z", "20 3,9,15,21 * * *"),
    ] {
        let times = Times::of(&schedule(when)).unwrap();
        assert_eq!(
            times.cron,
            fields.parse().unwrap(),
            "{when}: {}",
            times.cron
        );
        assert_eq!(times.zone, "UTC");
    }
}

#[test]
fn what_no_scheduler_can_say_is_refused() {
    for when in ["every 36h", "every 7h", "every 50min", "every 90min"] {
        let error = schedule(when).files_for(Host::Cron, &launch()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Inexpressible, "{when}");
    }
    let mut windowed = schedule("every 1h");
    windowed.windows = vec!["22:00-06:00".parse().unwrap()];
    assert_eq!(
        windowed
            .files_for(Host::Systemd, &launch())
            .unwrap_err()
            .kind(),
        ErrorKind::Inexpressible
    );
    windowed.when = "daily 23:00".parse().unwrap();
    assert!(windowed.files_for(Host::Systemd, &launch()).is_ok());
    let broken = Launch::new(["a\nb"]);
    assert_eq!(
        schedule("hourly")
            .files_for(Host::Cron, &broken)
            .unwrap_err()
            .kind(),
        ErrorKind::Invalid
    );
}

#[test]
fn names_of_files_stay_apart() {
    let name = |id: &str| {
        let mut one = schedule("hourly");
        one.resource = id.to_owned();
        one.slug()
    };
    assert_eq!(name("web1"), "web1");
    assert_ne!(name("a/b"), name("a-b"));
    assert_ne!(name("a/b"), name("a:b"));
    assert!(name(&"x".repeat(128)).len() <= 40 && name("Ä").len() > 1);
}
