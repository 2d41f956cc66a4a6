//! Bars as SVG: few enough that no library is needed for them.

use std::fmt::Write;

use crate::measures::{Measures, Metric};
use crate::servers::Peer;

const WIDTH: f64 = 860.0;
const LEFT: f64 = 220.0;
const BAR: f64 = 14.0;
const GAP: f64 = 14.0;

fn colour(peer: Peer) -> &'static str {
    match peer {
        Peer::Echo => "#9e9e9e",
        Peer::Kubezone => "#00796b",
        Peer::KubezoneMusl => "#4db6ac",
        Peer::CoreDns => "#1e88e5",
        Peer::Knot => "#8e24aa",
        Peer::Nsd => "#f4511e",
        Peer::Unbound => "#fdd835",
        Peer::Dnsmasq => "#6d4c41",
    }
}

/// The medians of a metric, row by row, as long as the longest bar that is shown whole: longer ones than `max` are cut and
/// say so.
pub fn bars(title: &str, rows: &[&str], metric: Metric, max: f64, measures: &Measures) -> String {
    let (mut body, mut y) = (String::new(), 40.0);
    for row in rows {
        let of_row = measures.0.iter().filter(|measure| measure.row == *row && measure.metric == metric);
        for (at, measure) in of_row.enumerate() {
            let value = measure.median();
            let length = (value.min(max) / max * (WIDTH - LEFT - 120.0)).max(1.0);
            let label = if at == 0 { row } else { &"" };
            let cut = if value > max { " (cut)" } else { "" };
            let _ = writeln!(
                body,
                "<text x=\"8\" y=\"{0}\">{label}</text><text x=\"110\" y=\"{0}\">{1}</text>\
                 <rect x=\"{LEFT}\" y=\"{2}\" width=\"{length:.1}\" height=\"{BAR}\" fill=\"{3}\"/>\
                 <text x=\"{4:.1}\" y=\"{0}\">{5}{cut}</text>",
                y + BAR - 3.0,
                measure.peer.name(),
                y,
                colour(measure.peer),
                LEFT + length + 6.0,
                metric.shown(value),
            );
            y += BAR + 2.0;
        }
        y += GAP;
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{y}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{WIDTH}\" height=\"{y}\" fill=\"white\"/>\n<text x=\"8\" y=\"22\" font-size=\"15\">{title} ({})</text>\n{body}</svg>\n",
        metric.unit()
    )
}
