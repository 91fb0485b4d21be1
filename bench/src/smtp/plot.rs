//! A bar chart as SVG.

use std::fmt::Write as _;

use crate::table::rounded;

const ROW: f64 = 34.0;
const LABELS: f64 = 270.0;
const BARS: f64 = 420.0;

/// A bar for each figure.
pub(super) fn bars(figures: &[(&str, f64)]) -> String {
    let most = figures.iter().map(|(_, figure)| *figure).fold(f64::MIN_POSITIVE, f64::max);
    let mut svg = String::new();
    let mut top = 8.0;
    for (name, figure) in figures {
        let width = (figure / most * BARS).max(1.0);
        let colour = if name.starts_with("this engine") { "#2b6cb0" } else { "#a0aec0" };
        let baseline = top + 17.0;
        let _ = write!(
            svg,
            "<text x=\"{:.0}\" y=\"{baseline:.0}\" text-anchor=\"end\">{name}</text>\
             <rect x=\"{LABELS:.0}\" y=\"{top:.0}\" width=\"{width:.1}\" height=\"24\" fill=\"{colour}\"/>\
             <text x=\"{:.1}\" y=\"{baseline:.0}\">{}</text>",
            LABELS - 8.0,
            LABELS + width + 6.0,
            rounded(*figure, 0)
        );
        top += ROW;
    }
    let (width, height) = (LABELS + BARS + 70.0, top + 4.0);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" font-family=\"sans-serif\" font-size=\"14\">\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>{svg}</svg>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::bars;

    #[test]
    fn the_longest_bar_is_the_greatest_figure() {
        let svg = bars(&[("this engine", 50.0), ("other", 25.0)]);
        assert!(svg.contains("width=\"420.0\" height=\"24\" fill=\"#2b6cb0\""), "{svg}");
        assert!(svg.contains("width=\"210.0\" height=\"24\" fill=\"#a0aec0\""), "{svg}");
    }
}
