//! A query that goes on down the chain as another one than it came in: `header`, `bufsize`, `rewrite`.

use std::cell::RefCell;

use super::{Malformed, Query};

thread_local! {
    /// Packets that no query uses at the moment; a chain revises a query a few times at most, one within the other.
    static SPARE: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// A packet that is used again when it is dropped.
struct Scratch(Vec<u8>);

/// Gives `serve` the query with its packet changed by `revise`: the packet and not the fields, since `forward` sends it
/// on. Parsed anew, so that fields and packet cannot say two things. Once the buffers are there nothing is allocated.
///
/// # Errors
/// When what `revise` made is no query.
pub fn revised<T>(
    query: &Query<'_>,
    revise: impl FnOnce(&mut Vec<u8>),
    serve: impl FnOnce(&Query<'_>) -> T,
) -> Result<T, Malformed> {
    let mut scratch = Scratch(SPARE.with_borrow_mut(Vec::pop).unwrap_or_default());
    scratch.0.extend_from_slice(query.packet());
    revise(&mut scratch.0);
    let revised = Query::parse(&scratch.0, *query.origin())?;
    Ok(serve(&revised))
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let mut packet = std::mem::take(&mut self.0);
        packet.clear();
        // A thread that is ending has no list any more.
        let _ = SPARE.try_with(|spare| spare.borrow_mut().push(packet));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::{Flags, test_origin};

    const PACKET: [u8; 19] = [0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, b'a', 0, 0, 1, 0, 1];

    #[test]
    fn what_is_revised_is_what_is_seen_below() {
        let query = Query::parse(&PACKET, test_origin()).unwrap();
        let clear_rd = |packet: &mut Vec<u8>| packet[2] = 0;
        let rename = |packet: &mut Vec<u8>| packet[13] = b'B';
        let seen = revised(&query, clear_rd, |outer| {
            let inner = revised(outer, rename, |inner| (inner.flags().has(Flags::RD), inner.name().to_vec()));
            (outer.name().to_vec(), inner.unwrap())
        });
        assert_eq!(seen.unwrap(), (b"\x01a\x00".to_vec(), (false, b"\x01b\x00".to_vec())));
        assert!(query.flags().has(Flags::RD));
    }

    #[test]
    fn what_is_no_query_is_told() {
        let query = Query::parse(&PACKET, test_origin()).unwrap();
        assert!(revised(&query, |packet| packet.truncate(15), |_| ()).is_err());
        // The buffer of the failed one is empty again.
        assert!(revised(&query, |_| (), |same| same.name().len() == 3).unwrap());
    }
}
