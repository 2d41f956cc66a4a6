//! Two replies side by side, much like dig shows one: `-` before what A alone has, `+` before what B alone has.

use std::cmp::Ordering;
use std::fmt::Write;

use super::answer::{Answer, FLAGS, OPTION_COOKIE, OPTION_EDE};
use super::field::{Field, Ignore};
use super::reply::Reply;
use super::text::hex;
use crate::dns::Section;

/// The letters of a row: with what stands before them and behind they fit a terminal of 120 columns.
const ROW_LEN: usize = 104;
/// How many rows a line may take that one reply alone has.
const ROWS_MAX: usize = 3;
/// How many lines of one kind a group shows: those of A alone, those of B alone.
const LINES_MAX: usize = 8;
/// How many lines a group shows that both have.
const COMMON_MAX: usize = 2;
/// How many octets are shown of a message that cannot be read.
const RAW_MAX: usize = 96;

/// The title of the group that is left out where both servers repeat what they were asked.
const QUESTION: &str = ";; QUESTION";

/// Lines of a reply that are compared with each other and nothing else.
struct Group {
    title: &'static str,
    lines: Vec<Line>,
}

struct Line {
    /// What is compared: the text without what is ignored.
    key: String,
    text: String,
}

/// The lines that show in what the two replies differ.
pub(super) fn side_by_side(a: &Reply, b: &Reply, ignore: &Ignore) -> Vec<String> {
    let mut out = Vec::new();
    let is_one_silent = a.message().is_none() || b.message().is_none();
    for (a, b) in groups(a, ignore).into_iter().zip(groups(b, ignore)) {
        let are_same = a.lines.iter().map(|line| &line.key).eq(b.lines.iter().map(|line| &line.key));
        let is_question = a.title == QUESTION;
        if a.lines.is_empty() && b.lines.is_empty() || is_question && (are_same || is_one_silent) {
            continue;
        }
        if !a.title.is_empty() {
            out.push(format!("  {}", a.title));
        }
        merge(a.lines, b.lines, &mut out);
    }
    out
}

/// The same groups in the same order for every reply.
fn groups(reply: &Reply, ignore: &Ignore) -> Vec<Group> {
    let message = reply.message();
    let head = match reply {
        Reply::Message(answer) => head(answer, ignore),
        Reply::NoReply(why) => vec![format!(";; no reply: {why}")],
    };
    let edns = message.map(|answer| edns(answer, ignore)).unwrap_or_default();
    let questions = message.map(|answer| answer.questions.clone()).unwrap_or_default();
    let section = |section: Section| {
        let is_shown = !ignore.has(Field::of_section(section));
        let records = message.filter(|_| is_shown).map(|answer| answer.section(section)).unwrap_or_default();
        records.iter().map(|record| Line { key: record.line(ignore), text: record.to_string() }).collect()
    };
    vec![
        Group { title: "", lines: plain(head) },
        Group { title: "", lines: plain(edns) },
        Group { title: QUESTION, lines: plain(questions) },
        Group { title: ";; ANSWER", lines: section(Section::Answer) },
        Group { title: ";; AUTHORITY", lines: section(Section::Authority) },
        Group { title: ";; ADDITIONAL", lines: section(Section::Additional) },
    ]
}

fn plain(lines: Vec<String>) -> Vec<Line> {
    lines.into_iter().map(|text| Line { key: text.clone(), text }).collect()
}

fn head(answer: &Answer, ignore: &Ignore) -> Vec<String> {
    let mut line = String::from(";;");
    if !ignore.has(Field::Rcode) {
        let _ = write!(line, " {}", answer.rcode);
    }
    if answer.flags.opcode() != 0 && !ignore.has(Field::Opcode) {
        let _ = write!(line, ", opcode {}", answer.flags.opcode());
    }
    let flags = FLAGS.iter().filter(|(field, _, mask)| !ignore.has(*field) && answer.flags.has(*mask));
    let flags: Vec<String> = flags.map(|(_, name, _)| name.to_ascii_lowercase()).collect();
    match flags[..] {
        [] => line += ", no flags",
        _ => {
            let _ = write!(line, ", flags {}", flags.join(" "));
        }
    }
    if !ignore.has(Field::Size) {
        let _ = write!(line, ", {} octets", answer.size);
    }
    let mut lines = vec![line];
    if let Some(cut) = answer.cut.filter(|_| !ignore.has(Field::Tc)) {
        let mut line = String::from(";; truncated over UDP, then over TCP");
        if !ignore.has(Field::Cut) {
            let [answer, authority, additional] = cut.counts;
            let _ = write!(line, ": {answer}, {authority}, {additional} records in {} octets", cut.size);
        }
        lines.push(line);
    }
    if let Some(malformed) = answer.malformed {
        lines.push(format!(";; {malformed}"));
        let shown = &answer.raw[..answer.raw.len().min(RAW_MAX)];
        lines.extend(
            shown.chunks(32).enumerate().map(|(at, octets)| format!(";; {:04}: {}", at * 32, hex(octets))),
        );
    }
    lines
}

fn edns(answer: &Answer, ignore: &Ignore) -> Vec<String> {
    let Some(edns) = &answer.edns else { return Vec::new() };
    let mut lines = Vec::new();
    if !ignore.has(Field::Edns) {
        let dnssec_ok = if edns.dnssec_ok { ", do" } else { "" };
        lines.push(format!(";; EDNS version {}, size {}{dnssec_ok}", edns.version, edns.size));
    }
    if !ignore.has(Field::Option) {
        for (code, value) in edns.options.iter().filter(|(code, _)| *code != OPTION_EDE) {
            let value = if *code == OPTION_COOKIE { String::new() } else { format!(": {}", hex(value)) };
            lines.push(format!(";; EDNS option {code}{value}"));
        }
    }
    if !ignore.has(Field::Ede) {
        lines.extend(edns.extended_errors().iter().map(|error| format!(";; extended error {error}")));
    }
    lines
}

/// Sorts both and walks them together: as multisets, like the comparison.
fn merge(mut a: Vec<Line>, mut b: Vec<Line>, out: &mut Vec<String>) {
    a.sort_by(|left, right| left.key.cmp(&right.key));
    b.sort_by(|left, right| left.key.cmp(&right.key));
    let (mut only_a, mut only_b, mut common) = (Vec::new(), Vec::new(), Vec::new());
    let (mut a, mut b) = (a.into_iter().peekable(), b.into_iter().peekable());
    loop {
        let order = match (a.peek(), b.peek()) {
            (Some(left), Some(right)) => left.key.cmp(&right.key),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => break,
        };
        match order {
            Ordering::Less => only_a.extend(a.next()),
            Ordering::Greater => only_b.extend(b.next()),
            Ordering::Equal => {
                common.extend(a.next());
                b.next();
            }
        }
    }
    put(' ', &common, COMMON_MAX, 1, out);
    put('-', &only_a, LINES_MAX, ROWS_MAX, out);
    put('+', &only_b, LINES_MAX, ROWS_MAX, out);
}

fn put(sign: char, lines: &[Line], lines_max: usize, rows_max: usize, out: &mut Vec<String>) {
    for line in lines.iter().take(lines_max) {
        rows(sign, &line.text, rows_max, out);
    }
    match lines.len().saturating_sub(lines_max) {
        0 => {}
        more => out.push(format!("{sign} ... and {more} more")),
    }
}

/// A line in as many rows as it may take, broken at a space where one is near.
fn rows(sign: char, line: &str, rows_max: usize, out: &mut Vec<String>) {
    let mut rest = line;
    for row in 1..=rows_max {
        let (text, left) = rest.split_at(row_end(rest));
        let indent = if row == 1 { "" } else { "    " };
        let more = if row == rows_max && !left.is_empty() { "..." } else { "" };
        out.push(format!("{sign} {indent}{}{more}", text.trim_end()));
        rest = left;
        if rest.is_empty() {
            return;
        }
    }
}

fn row_end(text: &str) -> usize {
    if text.len() <= ROW_LEN {
        return text.len();
    }
    let most = (0..=ROW_LEN).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    text[..most].rfind(' ').map(|at| at + 1).filter(|at| *at > ROW_LEN / 2).unwrap_or(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str, rows_max: usize) -> Vec<String> {
        let mut out = Vec::new();
        rows('-', line, rows_max, &mut out);
        out
    }

    #[test]
    fn a_long_line_is_broken_at_a_space_and_cut_in_the_last_row() {
        assert_eq!(of("short", 1), ["- short"]);
        let line = format!("{} PTR {}", "a".repeat(90), "b".repeat(60));
        assert_eq!(of(&line, 3), [format!("- {} PTR", "a".repeat(90)), format!("-     {}", "b".repeat(60))]);
        assert_eq!(of(&line, 1), [format!("- {} PTR...", "a".repeat(90))]);
        let line = "x".repeat(3 * ROW_LEN + 1);
        let shown = of(&line, 3);
        assert_eq!(shown.len(), 3);
        assert_eq!(shown[2], format!("-     {}...", "x".repeat(ROW_LEN)));
        assert_eq!(of(&"\u{e9}".repeat(ROW_LEN), 9).len(), 2);
    }
}
