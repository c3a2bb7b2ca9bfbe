//! Charts of limits: what the stages take one after another, beside what the project's own program took.

use crate::job::Job;
use crate::render::svg::{Anchor, Svg, colour, stage_colour};
use crate::results::{OWN, Results};

const WIDTH: f64 = 820.0;
const LEFT: f64 = 150.0;
const ROOM: f64 = 520.0;

/// Draws first backups and checks of every corpus beside their stages.
pub(crate) fn limits(results: &Results) -> String {
    let mut svg = Svg::new(WIDTH);
    let title =
        "CPU seconds of the stages, divided by the cores, beside the wall time of this project";
    svg.text((10.0, 20.0), Anchor::Start, "head", title);
    let mut y = 34.0;
    for (job, name) in [(Job::First, "backup"), (Job::Check, "check")] {
        svg.text((10.0, y + 14.0), Anchor::Start, "head", job.title());
        y += 20.0;
        let longest = results.corpora.iter().flat_map(|corpus| {
            let own = results.figure(corpus, OWN, job, "wall");
            [own, results.least(corpus, job)].into_iter().flatten()
        });
        let most = longest.map(|figure| figure.median).fold(1e-9, f64::max);
        let mut met: Vec<String> = Vec::new();
        for corpus in &results.corpora {
            let stages = stack(&mut svg, results, (corpus, job, name), y, ROOM / most);
            met.extend(
                stages
                    .into_iter()
                    .filter(|stage| !met.contains(stage))
                    .collect::<Vec<_>>(),
            );
            y += 46.0;
        }
        legend(&mut svg, &met, y);
        y += 26.0;
    }
    svg.finish(title)
}

/// Draws one corpus; returns its stages.
fn stack(
    svg: &mut Svg,
    results: &Results,
    (corpus, job, name): (&str, Job, &str),
    y: f64,
    scale: f64,
) -> Vec<String> {
    svg.text(
        (LEFT - 6.0, y + 13.0),
        Anchor::End,
        "",
        &format!("{corpus}: stages"),
    );
    let stages = results.stages(corpus, name);
    let cores = results
        .limit(corpus, name, "all", "threads")
        .map_or(1.0, |figure| figure.median);
    let mut x = LEFT;
    for stage in &stages {
        let Some(cpu) = results.limit(corpus, name, stage, "cpu") else {
            continue;
        };
        let seconds = cpu.median / cores;
        svg.bar(
            (x, y + 2.0),
            (seconds * scale, 14.0),
            stage_colour(stage),
            &format!("{stage}: {seconds:.3} s"),
        );
        x += seconds * scale;
    }
    svg.text(
        (x + 4.0, y + 13.0),
        Anchor::Start,
        "faint",
        &format!("{:.2} s", (x - LEFT) / scale),
    );
    svg.text(
        (LEFT - 6.0, y + 32.0),
        Anchor::End,
        "own",
        &format!("{corpus}: {OWN}"),
    );
    if let Some(own) = results.figure(corpus, OWN, job, "wall") {
        let share = 100.0 * (x - LEFT) / scale / own.median;
        let label = format!("{:.2} s: {share:.0} % of the limit", own.median);
        svg.bar(
            (LEFT, y + 21.0),
            (own.median * scale, 14.0),
            colour(OWN, 0),
            &label,
        );
        svg.text(
            (LEFT + own.median * scale + 4.0, y + 32.0),
            Anchor::Start,
            "faint",
            &label,
        );
    }
    stages
}

fn legend(svg: &mut Svg, stages: &[String], y: f64) {
    let mut x = LEFT;
    for stage in stages {
        svg.bar((x, y + 2.0), (10.0, 10.0), stage_colour(stage), stage);
        svg.text((x + 14.0, y + 11.0), Anchor::Start, "faint", stage);
        x += 26.0 + 7.0 * stage.len() as f64;
    }
}
