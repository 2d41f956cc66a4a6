//! What came of the questions: counts, and what nothing explains, by shape and with examples.

use std::collections::BTreeMap;
use std::fmt::Write;

use kubezone::compare::Compared;

use crate::corefiles::Corefile;
use crate::explained::{Case, ROWS, is_age, row_of};
use crate::questions::Asked;

/// How many shapes that nothing explains are printed, the most frequent ones.
const SHAPES_TOLD: usize = 60;

/// Of all Corefiles.
#[derive(Default)]
pub struct Outcome {
    pub corefiles: usize,
    pub asked: usize,
    pub same: usize,
    /// Questions that differ, all of it explained.
    pub explained: usize,
    /// Questions that differ in something that is not.
    pub unexplained: usize,
    /// Without a reply from either.
    unanswered: usize,
    /// Differed in something that nothing explains once, and not again.
    pub settled: usize,
    /// Questions by the place of the row.
    by_row: BTreeMap<usize, usize>,
    shapes: BTreeMap<Shape, (usize, String)>,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Shape {
    differences: Vec<String>,
    what: &'static str,
}

impl Outcome {
    /// Counts a question. `false` where nothing explains its difference and `is_last` is not set: then it does not count
    /// yet, and is to be asked again.
    pub fn take(&mut self, corefile: &Corefile, asked: &Asked, compared: &Compared, is_last: bool) -> bool {
        if compared.differences.is_empty() {
            match compared.a.message() {
                Some(_) => self.same += 1,
                None => self.unanswered += 1,
            }
            return true;
        }
        let mut wrong = Vec::new();
        let mut by = Vec::new();
        for difference in &compared.differences {
            let case = Case { corefile, asked, compared, difference };
            if is_age(&case) {
                continue;
            }
            match row_of(&case) {
                Some(row) => by.push(row),
                None => wrong.push(difference.shape.clone()),
            }
        }
        if wrong.is_empty() {
            by.sort_unstable();
            by.dedup();
            by.into_iter().for_each(|row| *self.by_row.entry(row).or_default() += 1);
            self.explained += 1;
            return true;
        }
        if !is_last {
            return false;
        }
        self.unexplained += 1;
        let shape = Shape { differences: wrong, what: asked.what };
        let (count, _) = self.shapes.entry(shape).or_insert_with(|| (0, example(corefile, compared)));
        *count += 1;
        true
    }

    /// The rows that explained nothing.
    pub fn stale(&self) -> Vec<&'static str> {
        let unmet = ROWS.iter().enumerate().filter(|(at, row)| row.is_met && !self.by_row.contains_key(at));
        unmet.map(|(_, row)| row.matter).collect()
    }

    /// What nothing explains, the most frequent first.
    pub fn unexplained(&self) -> String {
        let mut shapes: Vec<_> = self.shapes.iter().collect();
        shapes.sort_by_key(|(_, (count, _))| std::cmp::Reverse(*count));
        let mut text = String::new();
        for (shape, (count, example)) in shapes.iter().take(SHAPES_TOLD) {
            let _ = writeln!(text, "{count} x {}: {}\n{example}", shape.what, shape.differences.join("; "));
        }
        if shapes.len() > SHAPES_TOLD {
            let _ = writeln!(text, "and {} shapes more", shapes.len() - SHAPES_TOLD);
        }
        text
    }

    pub fn summary(&self) -> String {
        let mut text = format!(
            "{} Corefiles, {} questions: {} same ({} after a second look, {} without a reply from either), {} explained, \
             {} unexplained\n",
            self.corefiles,
            self.asked,
            self.same + self.unanswered,
            self.settled,
            self.unanswered,
            self.explained,
            self.unexplained
        );
        for (row, count) in &self.by_row {
            let _ = writeln!(text, "  {count:>7}  {} ({})", ROWS[*row].matter, ROWS[*row].document);
        }
        text
    }
}

fn example(corefile: &Corefile, compared: &Compared) -> String {
    let mut text = format!("    under {}: {}\n", corefile.name, compared.question);
    for difference in &compared.differences {
        let _ = writeln!(
            text,
            "      {}\n        CoreDNS:  {}\n        kubezone: {}",
            difference.shape, difference.a, difference.b
        );
    }
    for (name, reply) in [("CoreDNS", &compared.a), ("kubezone", &compared.b)] {
        if let Some(answer) = reply.message() {
            let [all, authority, additional] = answer.counts();
            let _ =
                writeln!(text, "      {name}: {}, {all} + {authority} + {additional} records", answer.rcode);
        }
    }
    text
}
