//! The text exposition format 0.0.4, as the Go client of Prometheus writes it.

use std::fmt::Write;

use super::sample::{FamilySamples, LabelSet, Scrape, Value};

/// The `Content-Type` of what [`Registry::text`](super::Registry::text) gives.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(super) fn write(scrape: &Scrape) -> String {
    let mut out = String::new();
    for (name, family) in &scrape.families {
        // A table in which nothing was counted yet has no samples; its family is left out like Go's.
        if !family.samples.is_empty() {
            write_family(&mut out, name, family);
        }
    }
    out
}

fn write_family(out: &mut String, name: &str, family: &FamilySamples) {
    out.push_str("# HELP ");
    out.push_str(name);
    out.push(' ');
    write_escaped(out, &family.help, false);
    out.push_str("\n# TYPE ");
    out.push_str(name);
    out.push(' ');
    out.push_str(family.kind.as_str());
    out.push('\n');
    for (labels, value) in &family.samples {
        match value {
            Value::Number(number) => write_sample(out, name, "", labels, None, *number),
            Value::Histogram { bounds, counts, sum } => {
                write_histogram(out, name, labels, bounds, counts, *sum);
            }
        }
    }
}

fn write_histogram(
    out: &mut String,
    name: &str,
    labels: &LabelSet,
    bounds: &[f64],
    counts: &[u64],
    sum: f64,
) {
    let mut count = 0;
    for (bucket, in_bucket) in counts.iter().enumerate() {
        count += in_bucket;
        let bound = bounds.get(bucket).copied().unwrap_or(f64::INFINITY);
        write_sample(out, name, "_bucket", labels, Some(bound), count as f64);
    }
    write_sample(out, name, "_sum", labels, None, sum);
    write_sample(out, name, "_count", labels, None, count as f64);
}

fn write_sample(out: &mut String, name: &str, suffix: &str, labels: &LabelSet, le: Option<f64>, value: f64) {
    out.push_str(name);
    out.push_str(suffix);
    let mut before = '{';
    for (label, text) in labels.iter() {
        out.push(before);
        before = ',';
        out.push_str(label);
        out.push_str("=\"");
        write_escaped(out, text, true);
        out.push('"');
    }
    if let Some(bound) = le {
        out.push(before);
        before = ',';
        out.push_str("le=\"");
        write_float(out, bound);
        out.push('"');
    }
    if before == ',' {
        out.push('}');
    }
    out.push(' ');
    write_float(out, value);
    out.push('\n');
}

/// Escapes a backslash and a line feed, and in a label value a double quote; nothing else is escaped in this format.
fn write_escaped(out: &mut String, text: &str, quote: bool) {
    for char in text.chars() {
        match char {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '"' if quote => out.push_str("\\\""),
            other => out.push(other),
        }
    }
}

/// The shortest digits that read back as the same number, with an exponent below 1e-4 and from 1e6 on: what Go's
/// `strconv` makes of format `g` and precision -1.
pub(super) fn write_float(out: &mut String, value: f64) {
    if value.is_nan() {
        out.push_str("NaN");
    } else if value.is_infinite() {
        out.push_str(if value > 0.0 { "+Inf" } else { "-Inf" });
    } else {
        let scientific = format!("{value:e}");
        let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
        let exponent: i32 = exponent.parse().unwrap_or(0);
        // Writing to a String does not fail.
        let _ = if (-4..6).contains(&exponent) {
            write!(out, "{value}")
        } else {
            let sign = if exponent < 0 { '-' } else { '+' };
            write!(out, "{digits}e{sign}{:02}", exponent.abs())
        };
    }
}
