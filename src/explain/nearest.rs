//! The word that was meant: the nearest of many, cheaply enough for every negative answer.

/// At most this many candidates are measured in full: a query must not cost what the cluster holds.
const MEASURED_MAX: usize = 32;

/// The candidate at the smallest edit distance from `word`, when that is at most 2 and less than half of it. Equal
/// distances are decided by the alphabet, so that the answer does not depend on an order.
pub fn nearest<'c>(word: &[u8], candidates: impl Iterator<Item = &'c [u8]>) -> Option<&'c [u8]> {
    let limit = (word.len() / 2).min(2);
    let letters = letters_of(word);
    let mut best: Option<(usize, &[u8])> = None;
    let mut measured = 0;
    for candidate in candidates {
        // Two words at distance d differ by at most d in length and 2d in the letters that they use.
        let far = candidate.len().abs_diff(word.len()) > limit
            || (letters_of(candidate) ^ letters).count_ones() as usize > 2 * limit;
        if far {
            continue;
        }
        measured += 1;
        if measured > MEASURED_MAX {
            break;
        }
        let distance = distance(word, candidate);
        if distance <= limit && best.is_none_or(|best| (distance, candidate) < best) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// One bit for each letter, digit or dash that occurs.
fn letters_of(word: &[u8]) -> u64 {
    word.iter().fold(0, |bits, octet| bits | 1 << (octet & 63))
}

/// The edit distance of two labels, a swap of neighbours counting one.
fn distance(a: &[u8], b: &[u8]) -> usize {
    const SIDE: usize = 65;
    if a.len() >= SIDE || b.len() >= SIDE {
        return usize::MAX;
    }
    let mut rows = [[0_u8; SIDE]; 3];
    for (at, cell) in rows[0].iter_mut().enumerate() {
        *cell = at as u8;
    }
    for i in 1..=a.len() {
        let (current, previous, before) = (i % 3, (i + 2) % 3, (i + 1) % 3);
        rows[current][0] = i as u8;
        for j in 1..=b.len() {
            let change = rows[previous][j - 1] + u8::from(a[i - 1] != b[j - 1]);
            let mut cell = change.min(rows[previous][j] + 1).min(rows[current][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                cell = cell.min(rows[before][j - 2] + 1);
            }
            rows[current][j] = cell;
        }
    }
    usize::from(rows[a.len() % 3][b.len()])
}
