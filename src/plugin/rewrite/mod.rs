#![doc = include_str!("README.md")]
//!
//! # How it is made
//!
//! ```text
//!   query ─▶ Rule, Rule, …  ─▶ Asked: what goes down ─▶ plugins below
//!              └ Step, Step, …                              │
//!   reply ◀─ the steps, the last one first ◀────────────────┘
//! ```
//!
//! Hot path. A query that no rule fits costs comparisons: the name is folded already, its text is made on the stack where a
//! rule looks at text, and nothing is allocated. A query that one fits goes down as a packet of its own
//! ([`revised`]), and its response is written anew for the client's question ([`Response::turn_to`]).

mod answer;
mod asked;
mod edns;
mod matching;
mod rule;
mod setup;
#[cfg(test)]
mod tests;
mod text;

use std::sync::Arc;

pub use setup::setup;

use self::answer::Renaming;
use self::asked::Asked;
use self::edns::Options;
use self::rule::{Field, Fit, Rule, Step};
use super::{Finished, Lookup, Next, Outcome, Plugin, Reply};
use crate::dns::{
    Continuation, Failure, FailureKind, Flags, OwnedQuery, Query, Rcode, RecordType, Response, revised,
};

/// The handler.
pub struct Rewrite {
    rules: Arc<Rules>,
}

/// The rules of a block.
struct Rules {
    list: Box<[Rule]>,
    /// Who is asked for the target of a CNAME record that is led elsewhere.
    lookup: Arc<Lookup>,
}

/// What is left to be done when the response comes back.
struct Trip {
    steps: Vec<Step>,
    /// Options of local use that a reply repeats as the query has them.
    repeated: Vec<(u16, Box<[u8]>)>,
    /// QTYPE as it went down.
    qtype: RecordType,
}

/// The messages of a zone transfer behind the first one, on their way back.
struct Messages {
    below: Box<dyn Continuation>,
    rules: Arc<Rules>,
    trip: Trip,
    query: Arc<OwnedQuery>,
    is_over: bool,
}

impl Plugin for Rewrite {
    fn name(&self) -> &'static str {
        "rewrite"
    }

    fn serve(&self, query: &Query<'_>, next: Next<'_>, response: &mut Response) -> Reply {
        let mut asked = Asked::new(query);
        let steps = match self.rules.apply(&mut asked) {
            Ok(steps) => steps,
            Err(name) => {
                let detail = format!("invalid name after rewrite: {name}");
                return Reply::failed(Failure::with_detail(FailureKind::Plugin, detail));
            }
        };
        let is_changed = asked.is_changed();
        if !is_changed && steps.is_empty() {
            return next.serve(query, response);
        }
        let trip = Trip { repeated: self.rules.repeated(&asked, &steps), steps, qtype: asked.qtype };
        let reply = if is_changed {
            let write = |packet: &mut Vec<u8>| {
                if asked.write(packet).is_none() {
                    packet.clear();
                }
            };
            let served = revised(query, write, |query| {
                response.begin(query);
                next.serve(query, response)
            });
            // The query carries a record that cannot be read, or grew past what a packet holds.
            served.unwrap_or_else(|_| {
                let detail = "the query cannot be written anew";
                Reply::failed(Failure::with_detail(FailureKind::Plugin, detail))
            })
        } else {
            next.serve(query, response)
        };
        match reply {
            Reply::Done(outcome) => self.rules.come_back(trip, query, response, outcome),
            Reply::Later(future) => {
                let (rules, query_kept, author) =
                    (Arc::clone(&self.rules), query.to_shared(), response.author());
                // The caller may refuse to wait, and then answers with the one that it has.
                response.begin(query);
                Reply::later(async move {
                    let mut finished = future.await;
                    finished.note_author(author);
                    let Finished { mut response, outcome } = finished;
                    let reply = rules.come_back(trip, &query_kept.as_query(), &mut response, outcome);
                    reply.wait(response).await
                })
            }
        }
    }
}

impl Rules {
    /// Tries the rules in turn, until one says to stop. Gives what they leave to do, or what is no name.
    fn apply(&self, asked: &mut Asked<'_>) -> Result<Vec<Step>, Box<str>> {
        let mut steps = Vec::new();
        for (number, rule) in self.list.iter().enumerate() {
            match rule.apply(number, asked) {
                Fit::No => continue,
                Fit::Yes(step) => steps.extend(step),
                Fit::Invalid(name) => return Err(name),
            }
            if !rule.goes_on {
                break;
            }
        }
        Ok(steps)
    }

    /// The options of local use that the query goes down with, but for those that are reverted.
    fn repeated(&self, asked: &Asked<'_>, steps: &[Step]) -> Vec<(u16, Box<[u8]>)> {
        let Some(options) = asked.options.as_ref().filter(|_| asked.query.edns().is_some()) else {
            return Vec::new();
        };
        let mut options: Options = options.clone();
        for step in steps.iter().rev() {
            if let Step::Undo(undo) = step {
                options.undo(undo);
            }
        }
        let mut repeated = Vec::new();
        for rule in &self.list {
            let Field::Edns(rule) = &rule.field else { continue };
            let is_new = repeated.iter().all(|(code, _)| *code != rule.code);
            if let Some(data) = options.get(rule.code).filter(|_| rule.is_local && is_new) {
                repeated.push((rule.code, data.into()));
            }
        }
        repeated
    }

    /// Takes what came back from below.
    fn come_back(
        self: &Arc<Self>,
        trip: Trip,
        query: &Query<'_>,
        response: &mut Response,
        outcome: Outcome,
    ) -> Reply {
        let is_whole = matches!(outcome, Outcome::Answered) && !response.is_continued();
        let cname = if is_whole { answer::cname_of(self, &trip.steps, response) } else { None };
        let Some((cname, target)) = cname else {
            return Reply::Done(self.finish(trip, query, response, outcome));
        };
        let target = match target {
            Ok(target) => target,
            Err(name) => return Reply::failed(invalid_in_answer(query, response, &name)),
        };
        let found = self.lookup.ask(query, &target, trip.qtype);
        let mut answer = std::mem::take(response);
        response.begin(query);
        let (rules, query) = (Arc::clone(self), query.to_shared());
        Reply::later(async move {
            let Finished { response: mut found, outcome } = found.await;
            let query = query.as_query();
            // Where nobody replies, or the names lead to each other, the answer stays what it was.
            let is_reply = match &outcome {
                Outcome::Answered => true,
                Outcome::Failed(failure) => {
                    found.clear_records();
                    failure.kind() != FailureKind::Loop
                }
                Outcome::Dropped => false,
            };
            if is_reply && answer.lead_elsewhere(&cname, &target, &found).is_err() {
                let outcome = Outcome::Failed(unreadable(&query, &mut answer));
                return Finished { response: answer, outcome };
            }
            let outcome = rules.finish(trip, &query, &mut answer, Outcome::Answered);
            Finished { response: answer, outcome }
        })
    }

    /// Makes the response the one to the client's question.
    fn finish(
        self: &Arc<Self>,
        trip: Trip,
        query: &Query<'_>,
        response: &mut Response,
        outcome: Outcome,
    ) -> Outcome {
        match outcome {
            Outcome::Answered => {}
            Outcome::Failed(failure) => return self.fail(&trip, query, response, failure),
            Outcome::Dropped => {
                response.begin(query);
                return Outcome::Dropped;
            }
        }
        if let Err(failure) = self.turn(&trip, query, response) {
            return Outcome::Failed(failure);
        }
        if let Some(below) = response.take_rest() {
            let (rules, query) = (Arc::clone(self), query.to_shared());
            response.continue_with(Box::new(Messages { below, rules, trip, query, is_over: false }));
        }
        Outcome::Answered
    }

    /// One message on its way back.
    fn turn(&self, trip: &Trip, query: &Query<'_>, response: &mut Response) -> Result<(), Failure> {
        let steps = &trip.steps;
        if response.has_name_of(query) && !answer::renames(self, steps) {
            response.turn_in_place(query);
        } else {
            let mut renaming = Renaming::new(self, steps, query);
            let turned = response.turn_to(query, &mut |role, name, out| renaming.rename(role, name, out));
            let invalid = renaming.invalid;
            if turned.is_err() {
                return Err(unreadable(query, response));
            }
            if let Some(name) = invalid {
                return Err(invalid_in_answer(query, response, &name));
            }
            // Nobody has signed these names.
            response.set_flags(response.flags().0 & !Flags::AD);
        }
        answer::limit_ttls(self, steps, response);
        let rcode = answer::rcode_of(self, steps, response.rcode());
        set_rcode(response, rcode);
        if response.has_upstream_options() {
            for step in steps.iter().rev() {
                match step {
                    Step::Undo(edns::Undo::Remove(code)) => drop(response.remove_option(*code)),
                    Step::Undo(edns::Undo::Put(code, data)) if response.remove_option(*code) => {
                        response.set_option(*code, data);
                    }
                    _ => {}
                }
            }
        } else {
            for (code, data) in &trip.repeated {
                response.set_option(*code, data);
            }
        }
        Ok(())
    }

    /// A failure on its way back: a rule may say that it is none.
    fn fail(&self, trip: &Trip, query: &Query<'_>, response: &mut Response, failure: Failure) -> Outcome {
        let is_cacheable = response.is_cacheable();
        response.begin(query);
        if !is_cacheable {
            response.set_uncacheable();
        }
        let rcode = answer::rcode_of(self, &trip.steps, failure.rcode());
        if rcode == failure.rcode() {
            return Outcome::Failed(failure);
        }
        // `errors` logs failures alone, and sees none.
        if let Some(detail) = failure.detail() {
            let name = rule::shown(query.name());
            tracing::error!(
                target: "plugin/rewrite",
                "{name} {}: {detail} (the reply says {rcode} in place of {})",
                query.qtype(),
                failure.rcode()
            );
        }
        Outcome::Failed(failure).settle(response);
        set_rcode(response, rcode);
        Outcome::Answered
    }
}

/// Sets the response code. One of more than four bits needs an OPT record, which stands in the reply where the client sent
/// one (RFC 6891 §6.1.3); others are told that something failed.
fn set_rcode(response: &mut Response, rcode: Rcode) {
    let fits = rcode.0 <= 0xf || response.takes_extended_error();
    response.set_rcode(if fits { rcode } else { Rcode::SERVFAIL });
}

fn invalid_in_answer(query: &Query<'_>, response: &mut Response, name: &str) -> Failure {
    response.begin(query);
    let detail = format!("invalid name after rewrite of the answer: {name}");
    Failure::with_detail(FailureKind::Plugin, detail)
}

fn unreadable(query: &Query<'_>, response: &mut Response) -> Failure {
    response.begin(query);
    Failure::with_detail(FailureKind::Plugin, "an answer holds a name that cannot be read")
}

impl Continuation for Messages {
    fn next(&mut self, response: &mut Response) -> bool {
        if self.is_over || !self.below.next(response) {
            return false;
        }
        let turned = self.rules.turn(&self.trip, &self.query.as_query(), response);
        // A zone with a record missing is worse than none: the client learns of it (RFC 5936 §2.2.1).
        let failure = match turned {
            Ok(()) if !response.is_full() => return true,
            Ok(()) => {
                response.begin(&self.query.as_query());
                Failure::with_detail(FailureKind::Plugin, "a message of a zone transfer grew too long")
            }
            Err(failure) => failure,
        };
        tracing::error!(target: "plugin/rewrite", "zone transfer ended: {failure}");
        self.is_over = true;
        Outcome::Failed(failure).settle(response)
    }
}
