//! Just enough of a drawing for charts.

use crate::results::{OWN, is_own};

/// A drawing that grows.
#[derive(Debug)]
pub(crate) struct Svg {
    width: f64,
    height: f64,
    body: String,
}

/// Where a text is anchored.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Anchor {
    Start,
    End,
}

impl Svg {
    /// Begins one of a width; its height follows from what is drawn.
    pub(crate) fn new(width: f64) -> Self {
        Self {
            width,
            height: 0.0,
            body: String::new(),
        }
    }

    /// Draws a rectangle. What people are told when they point at it is `title`.
    pub(crate) fn bar(
        &mut self,
        (x, y): (f64, f64),
        (width, height): (f64, f64),
        fill: &str,
        title: &str,
    ) {
        self.height = self.height.max(y + height);
        self.body += &format!(
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{height:.1}\" fill=\"{fill}\"><title>{}</title></rect>\n",
            width.max(0.5),
            escaped(title)
        );
    }

    /// Writes a text on its base line.
    pub(crate) fn text(&mut self, (x, y): (f64, f64), anchor: Anchor, class: &str, text: &str) {
        self.height = self.height.max(y + 4.0);
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::End => "end",
        };
        self.body += &format!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" class=\"{class}\">{}</text>\n",
            escaped(text)
        );
    }

    /// Draws a line straight down.
    pub(crate) fn line_down(&mut self, (x, y): (f64, f64), height: f64) {
        let to = y + height;
        self.body += &format!(
            "<line x1=\"{x:.1}\" y1=\"{y:.1}\" x2=\"{x:.1}\" y2=\"{to:.1}\" class=\"axis\"/>\n"
        );
    }

    /// Returns the file. It has a ground of its own, so that it can be read on any page.
    pub(crate) fn finish(self, title: &str) -> String {
        let (width, height) = (self.width, self.height + 10.0);
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" height=\"{height:.0}\" role=\"img\">\n\
             <title>{}</title>\n<style>{STYLE}</style>\n\
             <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n{}</svg>\n",
            escaped(title),
            self.body
        )
    }
}

const STYLE: &str = "text{font:12px system-ui,sans-serif;fill:#1f2933}.head{font-weight:600;font-size:13px}.faint{fill:#52606d;font-size:11px}.own{font-weight:600}.axis{stroke:#9aa5b1;stroke-width:1}";

/// Returns the colour of a program: the project's own stands out, the others are told apart by their places.
pub(crate) fn colour(program: &str, position: usize) -> &'static str {
    const OTHERS: [&str; 5] = ["#829ab1", "#9fb3c8", "#bcccdc", "#a3b1bf", "#7b8794"];
    match program {
        OWN => "#0b6e4f",
        program if is_own(program) => "#5fb08f",
        _ => OTHERS
            .get(position % OTHERS.len())
            .copied()
            .unwrap_or("#7b8794"),
    }
}

/// Returns the colour of a stage.
pub(crate) fn stage_colour(stage: &str) -> &'static str {
    const STAGES: [(&str, &str); 11] = [
        ("walk", "#4e79a7"),
        ("read", "#76b7b2"),
        ("cut", "#edc948"),
        ("id", "#f28e2b"),
        ("known", "#bab0ac"),
        ("compress", "#e15759"),
        ("seal", "#b07aa1"),
        ("name", "#ff9da7"),
        ("write", "#59a14f"),
        ("open", "#b07aa1"),
        ("decompress", "#e15759"),
    ];
    STAGES
        .iter()
        .find(|(name, _)| *name == stage)
        .map_or("#7b8794", |(_, colour)| colour)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
