//! "Did you mean": the nearest of the known words.

/// Longer words are not compared: a DNS label ends at 63 octets, and the table of distances stays on the stack.
const WORD_LEN_MAX: usize = 64;

/// The candidate nearest to `word`, if it is near: at most 2 edits away, or a third of the word's length. An edit is a
/// letter put in, left out, exchanged, or swapped with its neighbour; case does not count. Of equals, the first. Does
/// not allocate.
#[must_use]
pub fn suggest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let mut best = None;
    // Closer than this, and closer than writing the word anew.
    let mut limit = (word.len() / 3).max(2).min(word.len().saturating_sub(1));
    for candidate in candidates {
        let Some(distance) = distance_within(word.as_bytes(), candidate.as_bytes(), limit) else { continue };
        best = Some(candidate);
        match distance.checked_sub(1) {
            Some(closer) => limit = closer,
            None => break,
        }
    }
    best
}

/// Optimal string alignment distance, if it is at most `limit`.
fn distance_within(a: &[u8], b: &[u8], limit: usize) -> Option<usize> {
    if a.len() > WORD_LEN_MAX || b.len() > WORD_LEN_MAX || a.len().abs_diff(b.len()) > limit {
        return None;
    }
    // Three rows of the usual table: row i-2 is for swapped neighbours.
    let mut before = [0usize; WORD_LEN_MAX + 1];
    let mut above = [0usize; WORD_LEN_MAX + 1];
    let mut row = [0usize; WORD_LEN_MAX + 1];
    for (j, cell) in above.iter_mut().enumerate() {
        *cell = j;
    }
    for i in 1..=a.len() {
        row[0] = i;
        let mut smallest = i;
        for j in 1..=b.len() {
            let same = a[i - 1].eq_ignore_ascii_case(&b[j - 1]);
            let mut cell = (above[j] + 1).min(row[j - 1] + 1).min(above[j - 1] + usize::from(!same));
            if i > 1
                && j > 1
                && a[i - 1].eq_ignore_ascii_case(&b[j - 2])
                && a[i - 2].eq_ignore_ascii_case(&b[j - 1])
            {
                cell = cell.min(before[j - 2] + 1);
            }
            row[j] = cell;
            smallest = smallest.min(cell);
        }
        if smallest > limit + 1 {
            return None;
        }
        before = above;
        above = row;
    }
    Some(above[b.len()]).filter(|distance| *distance <= limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLUGINS: [&str; 6] = ["errors", "health", "kubernetes", "log", "forward", "loop"];

    #[test]
    fn a_near_word_is_suggested() {
        for (typed, meant) in [
            ("kuberntes", "kubernetes"),
            ("kubrenetes", "kubernetes"),
            ("Health", "health"),
            ("forwrad", "forward"),
            ("forwards", "forward"),
            ("lop", "log"),
            ("kubernets-", "kubernetes"),
        ] {
            assert_eq!(suggest(typed, PLUGINS), Some(meant), "{typed}");
        }
    }

    #[test]
    fn the_nearest_wins_and_of_equals_the_first() {
        assert_eq!(suggest("prod-b", ["prod-aa", "prod-a", "prod-c"]), Some("prod-a"));
    }

    #[test]
    fn a_far_word_is_not_suggested() {
        for typed in ["", "x", "lo1234", "route53", "whoami", &"k".repeat(100)] {
            assert_eq!(suggest(typed, PLUGINS), None, "{typed}");
        }
    }

    #[test]
    fn a_long_word_may_be_a_third_off() {
        assert_eq!(suggest("payment-service-xx1", ["payment-service-prod"]), Some("payment-service-prod"));
    }

    proptest::proptest! {
        #[test]
        fn distance_agrees_both_ways_and_is_zero_only_for_the_same(a in "[a-d]{0,8}", b in "[a-d]{0,8}") {
            let there = distance_within(a.as_bytes(), b.as_bytes(), 8);
            let back = distance_within(b.as_bytes(), a.as_bytes(), 8);
            proptest::prop_assert_eq!(there, back);
            proptest::prop_assert_eq!(there == Some(0), a == b);
        }
    }
}
