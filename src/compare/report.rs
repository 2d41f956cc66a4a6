//! What a person reads: the sums, and the differences by shape.

use std::collections::BTreeMap;
use std::fmt;

use super::field::{Field, Ignore};
use super::run::{Compared, Side, Summary};
use super::shape::{label_count_pattern, pattern};
use super::show::side_by_side;

/// How many patterns of names one kind of question may have in one way to differ before they become one.
const PATTERNS_MAX: usize = 8;

/// The differences of a run, gathered by shape: the kind of question, and what differs in which direction. Its memory
/// grows with the shapes and not with the questions.
#[derive(Debug, Clone)]
pub struct Report {
    a: String,
    b: String,
    ignore: Ignore,
    examples_max: usize,
    summary: Summary,
    shapes: BTreeMap<Shape, Kept>,
}

/// Questions of one kind that differ in one way.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shape {
    /// What differs, a line each: [`super::Difference::shape`].
    pub differences: Vec<String>,
    /// The fields that differ.
    pub fields: Vec<Field>,
    /// Type, class where it is not IN, and options of the question.
    pub manner: String,
    /// The name with a star for each label that varies.
    pub pattern: String,
    /// The pattern that takes its place when there are too many.
    wide: String,
}

#[derive(Debug, Clone, Default)]
struct Kept {
    count: usize,
    /// The first examples in the order of the questions.
    examples: Vec<Example>,
}

#[derive(Debug, Clone)]
struct Example {
    index: usize,
    question: String,
    lines: Vec<String>,
}

// === impl Report ===

impl Report {
    /// An empty report on the servers of those names, which shows up to `examples_max` examples of each shape and in
    /// them only what was compared.
    #[must_use]
    pub fn new(a: &str, b: &str, ignore: &Ignore, examples_max: usize) -> Self {
        Self {
            a: a.to_owned(),
            b: b.to_owned(),
            ignore: ignore.clone(),
            examples_max,
            summary: Summary::default(),
            shapes: BTreeMap::new(),
        }
    }

    /// Takes a question that is done.
    pub fn add(&mut self, compared: &Compared) {
        self.summary.add(compared);
        if compared.differences.is_empty() {
            return;
        }
        let kept = self.shapes.entry(Shape::of(compared)).or_default();
        kept.count += 1;
        // Questions are done in no order; the examples are the first of the file all the same.
        let at = kept.examples.partition_point(|example| example.index < compared.index);
        if at < self.examples_max {
            let example = Example {
                index: compared.index,
                question: compared.question.to_string(),
                lines: side_by_side(&compared.a, &compared.b, &self.ignore),
            };
            kept.examples.insert(at, example);
            kept.examples.truncate(self.examples_max);
        }
    }

    /// The sums.
    #[must_use]
    pub fn summary(&self) -> Summary {
        self.summary
    }

    /// The shapes with the number of questions of each, the most frequent first.
    #[must_use]
    pub fn shapes(&self) -> Vec<(Shape, usize)> {
        self.merged().into_iter().map(|(shape, kept)| (shape, kept.count)).collect()
    }

    /// The shapes, where those that only the ends of their names keep apart are one when they are many.
    fn merged(&self) -> Vec<(Shape, Kept)> {
        let wide = |shape: &Shape| Shape { pattern: shape.wide.clone(), ..shape.clone() };
        let mut patterns: BTreeMap<Shape, usize> = BTreeMap::new();
        for shape in self.shapes.keys() {
            *patterns.entry(wide(shape)).or_default() += 1;
        }
        let mut merged: BTreeMap<Shape, Kept> = BTreeMap::new();
        for (shape, kept) in &self.shapes {
            let widened = wide(shape);
            let is_one_of_many = patterns.get(&widened).is_some_and(|count| *count > PATTERNS_MAX);
            let into = merged.entry(if is_one_of_many { widened } else { shape.clone() }).or_default();
            into.count += kept.count;
            into.examples.extend(kept.examples.iter().cloned());
            into.examples.sort_by_key(|example| example.index);
            into.examples.truncate(self.examples_max);
        }
        let mut merged: Vec<_> = merged.into_iter().collect();
        merged.sort_by_key(|(_, kept)| std::cmp::Reverse(kept.count));
        merged
    }

    fn write_sums(&self, shapes: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sums = self.summary;
        writeln!(f, "A (-)  {}", self.a)?;
        writeln!(f, "B (+)  {}", self.b)?;
        writeln!(f)?;
        let different = match shapes {
            0 => "different".to_owned(),
            1 => "different, in 1 shape".to_owned(),
            _ => format!("different, in {shapes} shapes"),
        };
        let rows = [
            (sums.asked, "asked"),
            (sums.same, "same"),
            (sums.different, &different),
            (sums.unanswered_by_a, "unanswered by A"),
            (sums.unanswered_by_b, "unanswered by B"),
            (sums.unanswered, "unanswered by both, and neither same nor different"),
            (sums.settled, "different at first, and the same when asked again"),
        ];
        // The first five are always there, for scripts; the others where they say something.
        for (count, what) in
            rows.iter().enumerate().filter(|(at, row)| *at < 5 || row.0 > 0).map(|(_, row)| row)
        {
            writeln!(f, "{count:>8}  {what}")?;
        }
        match sums.silent() {
            Some(Side::A) => writeln!(f, "\nA ({}) never answered", self.a),
            Some(Side::B) => writeln!(f, "\nB ({}) never answered", self.b),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shapes = self.merged();
        self.write_sums(shapes.len(), f)?;
        for (shape, kept) in shapes {
            writeln!(f, "\n{:>8} x {} {}", kept.count, shape.pattern, shape.manner)?;
            for difference in &shape.differences {
                writeln!(f, "{:>12}{difference}", "")?;
            }
            for example in &kept.examples {
                writeln!(f, "\n    {}", example.question)?;
                for line in &example.lines {
                    writeln!(f, "    {}", line.trim_end())?;
                }
            }
        }
        Ok(())
    }
}

// === impl Shape ===

impl Shape {
    fn of(compared: &Compared) -> Self {
        let name = &compared.question.name;
        Self {
            differences: compared.differences.iter().map(|difference| difference.shape.clone()).collect(),
            fields: compared.differences.iter().map(|difference| difference.field).collect(),
            manner: compared.question.manner(),
            pattern: pattern(name),
            wide: label_count_pattern(name),
        }
    }
}
