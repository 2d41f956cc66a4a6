//! One kept answer: the message as it stood on the wire, and where its TTLs are.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::time::{Duration, Instant};

use super::key::wants_dnssec;
use crate::dns::{Flags, InfoCode, Query, Rcode, Response, read_u16};

/// A kept answer. Immutable but for what it notes about its use.
#[derive(Debug)]
pub(super) struct Entry {
    /// Without OPT record; every TTL in it is `ttl_s`.
    message: Box<[u8]>,
    /// Where the TTLs stand in it.
    ttl_offsets: Box<[u16]>,
    stored: Instant,
    ttl_s: u32,
    rcode: Rcode,
    /// What the failure says that this stands for, when nobody wrote an answer.
    explanation: Option<(InfoCode, &'static str)>,
    use_: Use,
}

/// How often an entry is asked for, and whether somebody fetches it anew.
#[derive(Debug, Default)]
struct Use {
    hits: AtomicU32,
    /// Milliseconds from `stored` to the last hit.
    last_ms: AtomicU32,
    is_refreshing: AtomicBool,
    /// Milliseconds from `stored` until which no refresh is tried, after one that failed.
    retry_ms: AtomicU32,
}

impl Entry {
    /// Keeps the response, whose TTLs are `ttl_s` already. `None` for a message that is not whole.
    pub(super) fn of(response: &Response, stored: Instant, ttl_s: u32) -> Option<Self> {
        let mut records = response.records();
        let offsets: Option<Vec<u16>> =
            records.by_ref().map(|record| u16::try_from(record.ttl_at()).ok()).collect();
        if records.is_broken() {
            return None;
        }
        Some(Self {
            message: response.message().into(),
            ttl_offsets: offsets?.into_boxed_slice(),
            stored,
            ttl_s,
            rcode: response.rcode(),
            explanation: None,
            use_: Use::default(),
        })
    }

    /// The same, saying why nobody answered.
    pub(super) fn explained(mut self, explanation: (InfoCode, &'static str)) -> Self {
        self.explanation = Some(explanation);
        self
    }

    /// The seconds that are left at `now`; 0 or less when it is over. An elapsed second counts when it is whole, so that
    /// an entry of 5 s is last used 4.999 s after it came, with a TTL of 1.
    pub(super) fn left_s(&self, now: Instant) -> i64 {
        i64::from(self.ttl_s)
            - now.saturating_duration_since(self.stored).as_secs().min(u32::MAX.into()) as i64
    }

    /// The TTL that it came with, in seconds.
    pub(super) fn ttl_s(&self) -> u32 {
        self.ttl_s
    }

    /// The response code.
    pub(super) fn rcode(&self) -> Rcode {
        self.rcode
    }

    /// Whether it has records in its answer section.
    pub(super) fn has_answers(&self) -> bool {
        read_u16(&self.message, 6).is_some_and(|count| count > 0)
    }

    /// Octets on the heap, for the bound.
    pub(super) fn heap_len(&self) -> usize {
        self.message.len() + 2 * self.ttl_offsets.len() + size_of::<Self>()
    }

    /// Answers with this, every TTL being `ttl_s`. AA, RA and the RCODE are as they came; AD only goes to those who ask
    /// for it (RFC 6840 §5.7).
    pub(super) fn answer(&self, query: &Query<'_>, response: &mut Response, ttl_s: u32) {
        response.load_kept(query, &self.message, self.rcode);
        if ttl_s != self.ttl_s {
            for at in &self.ttl_offsets {
                response.set_ttl_at(usize::from(*at), ttl_s);
            }
        }
        hide_ad(query, response);
        if let Some((code, text)) = self.explanation {
            response.explain(code, |out| out.push_str(text));
        }
    }

    /// Notes a use at `now` and gives how many there were, each no later than `gap` after the one before.
    pub(super) fn count_use(&self, now: Instant, gap: Duration) -> u32 {
        let now_ms = self.ms(now);
        let last_ms = self.use_.last_ms.swap(now_ms, Relaxed);
        if u128::from(now_ms.saturating_sub(last_ms)) > gap.as_millis() {
            self.use_.hits.store(1, Relaxed);
            return 1;
        }
        self.use_.hits.fetch_add(1, Relaxed).saturating_add(1)
    }

    /// Takes over the count of the entry that this one replaces.
    pub(super) fn inherit_use(&self, before: &Entry, now: Instant) {
        self.use_.hits.store(before.use_.hits.load(Relaxed), Relaxed);
        self.use_.last_ms.store(self.ms(now), Relaxed);
    }

    /// Whether the caller is to fetch it anew: nobody does, and the last failure is long enough ago.
    pub(super) fn begin_refresh(&self, now: Instant) -> bool {
        self.ms(now) >= self.use_.retry_ms.load(Relaxed) && !self.use_.is_refreshing.swap(true, Relaxed)
    }

    /// The fetch is over. When it failed, the next is tried `pause` after `now` at the earliest.
    pub(super) fn end_refresh(&self, now: Instant, failed: bool, pause: Duration) {
        let retry_ms = if failed { self.ms(now + pause) } else { 0 };
        self.use_.retry_ms.store(retry_ms, Relaxed);
        self.use_.is_refreshing.store(false, Relaxed);
    }

    fn ms(&self, now: Instant) -> u32 {
        u32::try_from(now.saturating_duration_since(self.stored).as_millis()).unwrap_or(u32::MAX)
    }
}

/// Clears AD for a client that set neither DO nor AD (RFC 6840 §5.7, §5.8).
pub(super) fn hide_ad(query: &Query<'_>, response: &mut Response) {
    if !wants_dnssec(query) && !query.flags().has(Flags::AD) {
        response.set_flags(response.flags().0 & !Flags::AD);
    }
}
