//! Two servers side by side: the same questions to both, and what differs in their replies.
//!
//! ```text
//!   text ──▶ Question ──▶ packet ──▶ A ──▶ Reply ─┐
//!                            └─────▶ B ──▶ Reply ─┴▶ differences ──▶ Compared ──▶ Report
//! ```
//!
//! **Invariant:** it knows both servers from outside alone. It decodes for itself whatever comes, so that a mistake of the
//! server's own code is not made twice, and no message is beyond showing.

mod answer;
mod difference;
mod exchange;
mod field;
mod question;
mod rdata;
mod reply;
mod report;
mod run;
mod shape;
mod show;
mod text;

pub use answer::{Answer, Cut, Malformed, Record, ReplyEdns, Z};
pub use difference::{Difference, differences};
pub use exchange::ask;
pub use field::{Field, Ignore};
pub use question::{Carrier, EDNS_SIZE, Question, QuestionEdns, QuestionError, read_questions};
pub use rdata::Word;
pub use reply::{NoReply, Reply, Silence};
pub use report::{Report, Shape};
pub use run::{Compared, Options, Side, Summary, run};

#[cfg(test)]
mod tests;
