use super::*;
use crate::parse::Document;
use crate::resource::Resource;

fn moment(text: &str) -> Moment {
    text.parse().unwrap()
}

fn policy(settings: &str) -> Policy {
    let text = format!(
        r#"
        format = 1
        name = "test"
        revision = 1
        timezone = "Europe/Berlin"
        [defaults]
        {settings}
        [resource.a]
        kind = "files"
        size = "100 GiB"
        daily_change = "1 GiB"
        "#
    );
    Document::parse(&text).unwrap().policy().clone()
}

fn run(settings: &str, options: &SimulationOptions) -> SimulatedResource {
    let result = policy(settings).simulate(options).unwrap();
    result.resources.into_iter().next().unwrap()
}

#[test]
fn what_is_kept_agrees_with_the_retention_crate() {
    // The same schedule as an interval, simulated there after each backup.
    let start = moment("2027-01-01T00:00:00Z");
    let rules: KeepRules = "last=3 daily=7 weekly=5 monthly=12 yearly=2"
        .parse()
        .unwrap();
    let every = strongroom_retain::Span::hours(6).unwrap();
    let theirs =
        strongroom_retain::simulate(&strongroom_retain::Schedule::new(start, every), &rules, 3)
            .unwrap();
    let ours = run(
        &format!(
            "schedule = {{ when = \"every 6h\", timezone = \"UTC\" }}\nretention = {{ keep = \"{rules}\" }}"
        ),
        &SimulationOptions::new(start),
    );
    assert_eq!(ours.made, theirs.made());
    assert_eq!(ours.kept, u64::try_from(theirs.kept().len()).unwrap());
    let oldest = theirs.ages_seconds().next().unwrap();
    assert_eq!(ours.oldest.mean_seconds(), u64::try_from(oldest).unwrap());
}

#[test]
fn a_minimum_keeps_and_a_maximum_ends() {
    let from = SimulationOptions::new(moment("2027-01-01T00:00:00+01:00"));
    let schedule = "schedule = { when = \"daily 02:00\" }\n";
    let minimum = run(
        &format!("{schedule}retention = {{ keep = \"last=1\", minimum = \"30d\" }}"),
        &from,
    );
    assert_eq!(minimum.kept, 30);
    let maximum = run(
        &format!("{schedule}retention = {{ keep = \"monthly=36\", maximum = \"1y\" }}"),
        &from,
    );
    assert!((12..=13).contains(&maximum.kept), "{}", maximum.kept);
    assert!(maximum.oldest <= "366d".parse().unwrap());
    let all = run(schedule, &from);
    assert_eq!(all.kept, all.made);
}

#[test]
fn outages_and_chance_are_missed_runs() {
    let options = SimulationOptions::new(moment("2027-01-01T00:00:00+01:00"))
        .with_years(1)
        .with_missed_per_mille(100, 7)
        .with_outage(moment("2027-07-01T00:00:00+02:00")..moment("2027-07-15T00:00:00+02:00"));
    let settings = "objectives = { rpo = \"25h\" }\nschedule = { when = \"daily 02:00\" }";
    let result = run(settings, &options);
    assert_eq!(result.made + result.missed, 365);
    assert!((30..=80).contains(&result.missed), "{}", result.missed);
    assert!(result.worst_loss >= "14d".parse().unwrap());
    assert!(result.over_rpo > "13d".parse().unwrap());
    assert_eq!(
        run(settings, &options),
        result,
        "the same seed, the same years"
    );
}

#[test]
fn locked_space_is_not_free() {
    let from = SimulationOptions::new(moment("2027-01-01T00:00:00+01:00")).with_years(1);
    let settings = "schedule = { when = \"daily 02:00\" }\nretention = { keep = \"daily=7\" }\n";
    let free = run(settings, &from);
    let lock = "immutability = { lock = \"compliance\", for = \"90d\" }";
    let locked = run(&format!("{settings}{lock}"), &from);
    let last = |one: &SimulatedResource| *one.months.last().unwrap();
    assert_eq!(last(&free).snapshots, 7);
    assert_eq!(last(&free).stored.get() >> 30, 106);
    assert_eq!(
        last(&locked).locked.get() >> 30,
        83,
        "90 days of which 7 are needed"
    );
    assert_eq!(
        last(&locked).stored.get(),
        last(&free).stored.get() + last(&locked).locked.get()
    );
    assert_eq!(free.months.len(), 12);
}

#[test]
fn two_hundred_resources_over_three_years() {
    let mut policy = policy("retention = { keep = \"daily=7 weekly=5 monthly=12 yearly=3\" }");
    for nth in 0..200_u32 {
        let mut resource = Resource::new(format!("r{nth}"), "files");
        let when = format!("daily {:02}:00", nth % 12);
        let set = resource
            .settings
            .set(Key::When, when.parse::<crate::When>().unwrap());
        set.unwrap();
        policy.resources.insert(resource.id.clone(), resource);
    }
    let options = SimulationOptions::new(moment("2027-01-01T00:00:00+01:00"));
    let result = policy.simulate(&options).unwrap();
    // The first one has no schedule.
    assert_eq!(result.resources.len(), 200);
    let first = &result.resources[0];
    assert_eq!(first.made, 1096);
    let same = |one: &SimulatedResource| (one.made, one.kept) == (first.made, first.kept);
    assert!(result.resources.iter().all(same));
}

#[test]
fn too_much_is_refused() {
    let options = SimulationOptions::new(moment("2027-01-01T00:00:00+01:00"));
    let often = policy("schedule = { when = \"every 1min\" }");
    for years in [10, YEARS_MAX + 1] {
        let error = often
            .simulate(&options.clone().with_years(years))
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooMuch);
    }
}
