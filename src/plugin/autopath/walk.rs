//! From element to element, until a name exists.
//!
//! ```text
//!   begin ─ the query itself ─ answered now: element by element on this thread, until one has to wait
//!                            └ has to wait: a Walk, which goes on from there on tokio
//! ```

use std::sync::Arc;

use super::Shared;
use super::search::{Place, Search};
use crate::dns::{NAME_LEN_MAX, OPT_LEN, OwnedQuery, Query, Rcode, Response};
use crate::plugin::{DetachedNext, Finished, Next, Outcome, Reply};

/// What a reply says of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It exists, also when it has no record of the type: so A and AAAA end at the same name.
    Exists,
    /// It does not: the client would go on to the next.
    Missing,
    /// Nobody knows. To go on would be to pass over a name that may exist, and that the question for the other type of
    /// address finds.
    Unknown,
}

/// A walk that had to wait.
pub(super) struct Walk {
    shared: Arc<Shared>,
    next: DetachedNext,
    query: Arc<OwnedQuery>,
    place: Place,
}

/// Serves the query itself, and walks on when that name does not exist.
pub(super) fn begin(
    shared: &Arc<Shared>,
    query: &Query<'_>,
    place: Place,
    next: Next<'_>,
    response: &mut Response,
) -> Reply {
    let walk = || Walk { shared: Arc::clone(shared), next: next.detach(), query: query.to_shared(), place };
    match next.serve(query, response) {
        Reply::Done(outcome) => match Verdict::of(&outcome, response) {
            Verdict::Exists => {
                shared.count(query);
                return Reply::Done(outcome);
            }
            Verdict::Unknown => return Reply::Done(outcome),
            Verdict::Missing => {}
        },
        Reply::Later(future) => {
            let (walk, author) = (walk(), response.author());
            return Reply::later(async move {
                let mut finished = future.await;
                finished.note_author(author);
                walk.after_first(finished).await
            });
        }
    }
    let mut packet = Vec::with_capacity(query.packet().len() + NAME_LEN_MAX);
    let mut found = Response::new();
    let mut index = 0;
    while let Some(number) = next_candidate(&shared.search, query, place, index, &mut packet) {
        index = number;
        let Ok(candidate) = Query::parse(&packet, *query.origin()) else { break };
        found.begin(&candidate);
        match next.serve(&candidate, &mut found) {
            Reply::Done(outcome) => match Verdict::of(&outcome, &found) {
                Verdict::Exists => return Reply::Done(shared.lead(query, &found, response)),
                Verdict::Missing => {}
                Verdict::Unknown => break,
            },
            Reply::Later(future) => {
                let (walk, author) = (walk(), found.author());
                // The caller may refuse to wait, and then answers with the one that it has.
                let first = std::mem::take(response);
                response.begin(query);
                return Reply::later(async move {
                    let mut finished = future.await;
                    finished.note_author(author);
                    walk.rest(first, index, Some(finished)).await
                });
            }
        }
    }
    Reply::answered()
}

impl Walk {
    async fn after_first(self, finished: Finished) -> Finished {
        match Verdict::of(&finished.outcome, &finished.response) {
            Verdict::Missing => self.rest(finished.response, 0, None).await,
            Verdict::Unknown => finished,
            Verdict::Exists => {
                self.shared.count(&self.query.as_query());
                finished
            }
        }
    }

    /// Goes on behind the element `index`, whose reply is `finished` if it is not looked at yet. `first` is the reply to
    /// the query itself, which does not exist.
    async fn rest(self, mut first: Response, mut index: usize, mut finished: Option<Finished>) -> Finished {
        loop {
            let Some(Finished { response: found, outcome }) = finished else {
                let Some((number, candidate)) = self.candidate(index) else { break };
                index = number;
                finished = Some(self.next.serve(&candidate).await);
                continue;
            };
            match Verdict::of(&outcome, &found) {
                Verdict::Missing => finished = None,
                Verdict::Unknown => break,
                Verdict::Exists => {
                    let outcome = self.shared.lead(&self.query.as_query(), &found, &mut first);
                    return Finished { response: first, outcome };
                }
            }
        }
        Finished { response: first, outcome: Outcome::Answered }
    }

    fn candidate(&self, index: usize) -> Option<(usize, Arc<OwnedQuery>)> {
        let query = self.query.as_query();
        let mut packet = Vec::new();
        let index = next_candidate(&self.shared.search, &query, self.place, index, &mut packet)?;
        let candidate = Query::parse(&packet, *query.origin()).ok()?.to_shared();
        Some((index, candidate))
    }
}

impl Verdict {
    pub(super) fn of(outcome: &Outcome, response: &Response) -> Self {
        match (outcome, response.rcode()) {
            (Outcome::Answered, Rcode::NOERROR) => Verdict::Exists,
            (Outcome::Answered, Rcode::NXDOMAIN) => Verdict::Missing,
            _ => Verdict::Unknown,
        }
    }
}

/// Makes `packet` the question for the next element behind number `before` that makes a name not asked for yet, and gives
/// its number. A name that would be too long is none, for the client as well.
fn next_candidate(
    search: &Search,
    query: &Query<'_>,
    place: Place,
    before: usize,
    packet: &mut Vec<u8>,
) -> Option<usize> {
    let typed = &query.name_original()[..place.first];
    let mut index = before;
    loop {
        index += 1;
        let element = search.element(query, place, index)?;
        let mut earlier = (0..index).filter_map(|earlier| search.element(query, place, earlier));
        if typed.len() + element.len() <= NAME_LEN_MAX
            && !earlier.any(|held| held.eq_ignore_ascii_case(element))
        {
            write_question(query, typed, element, packet);
            return Some(index);
        }
    }
}

/// The query as it came, for another name: with its header's flags and its OPT record.
fn write_question(query: &Query<'_>, typed: &[u8], element: &[u8], packet: &mut Vec<u8>) {
    let opt = query.edns().and_then(|edns| {
        let (options, end) = (usize::from(edns.options.0), usize::from(edns.options.1));
        query.packet().get(options.checked_sub(OPT_LEN)?..end)
    });
    packet.clear();
    packet.extend_from_slice(&query.packet()[..4]);
    packet.extend_from_slice(&[0, 1, 0, 0, 0, 0, 0, u8::from(opt.is_some())]);
    packet.extend_from_slice(typed);
    packet.extend_from_slice(element);
    packet.extend_from_slice(&query.question()[query.name_original().len()..]);
    packet.extend_from_slice(opt.unwrap_or_default());
}
