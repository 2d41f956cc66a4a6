//! All questions to both servers, a bounded number at a time.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::try_join;
use futures_util::{StreamExt, stream};
use tokio::time::sleep;

use super::difference::{Difference, differences};
use super::exchange::ask;
use super::field::Ignore;
use super::question::Question;
use super::reply::Reply;

/// How questions are asked and replies compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// How many questions are in flight at once.
    pub concurrency: usize,
    /// How long one try takes at most.
    pub timeout: Duration,
    /// How often a question is sent until there is a reply.
    pub tries: usize,
    /// How long a zone transfer takes at most.
    pub transfer_timeout: Duration,
    /// After which pause a question whose replies differ is asked again before it counts: servers that watch the same
    /// cluster learn of a change a moment apart. `None` counts at once.
    pub ask_again: Option<Duration>,
    /// What is not compared.
    pub ignore: Ignore,
    /// After how many questions a server that answered none of them is given up; `None` never.
    pub give_up_after: Option<usize>,
    /// What the ids follow from.
    pub seed: u64,
}

/// One of the two servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The first one.
    A,
    /// The second one.
    B,
}

/// A question with what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared {
    /// The place of the question among all, from 0.
    pub index: usize,
    /// What was asked.
    pub question: Question,
    /// The reply of A.
    pub a: Reply,
    /// The reply of B.
    pub b: Reply,
    /// What differs between the two.
    pub differences: Vec<Difference>,
    /// Whether the first replies differed, and these are those of the second time.
    pub asked_again: bool,
}

/// How many questions came out in which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Questions asked.
    pub asked: usize,
    /// Both replied, and nothing differs.
    pub same: usize,
    /// Something differs, be it that one of them did not reply.
    pub different: usize,
    /// Neither replied.
    pub unanswered: usize,
    /// Without a reply from A, with or without one from B.
    pub unanswered_by_a: usize,
    /// Without a reply from B, with or without one from A.
    pub unanswered_by_b: usize,
    /// Differed the first time and not the second.
    pub settled: usize,
}

/// Asks both servers all questions and gives each that is done to `each`, in the order in which they are done.
///
/// # Errors
/// When this machine has no socket left.
pub async fn run(
    a: SocketAddr,
    b: SocketAddr,
    questions: impl IntoIterator<Item = Question>,
    options: &Options,
    mut each: impl FnMut(Compared),
) -> io::Result<Summary> {
    let mut summary = Summary::default();
    let tasks =
        questions.into_iter().enumerate().map(|(index, question)| compare(a, b, index, question, options));
    let mut done = pin!(stream::iter(tasks).buffer_unordered(options.concurrency.max(1)));
    while let Some(compared) = done.next().await {
        let compared = compared?;
        summary.add(&compared);
        each(compared);
        let is_enough = options.give_up_after.is_some_and(|questions| summary.asked >= questions);
        if is_enough && summary.silent().is_some() {
            break;
        }
    }
    Ok(summary)
}

async fn compare(
    a: SocketAddr,
    b: SocketAddr,
    index: usize,
    question: Question,
    options: &Options,
) -> io::Result<Compared> {
    let mut asked_again = false;
    loop {
        let id = id(options.seed, index, asked_again);
        let (of_a, of_b) = try_join(ask(a, &question, id, options), ask(b, &question, id, options)).await?;
        let differences = differences(&question, &of_a, &of_b, &options.ignore);
        match options.ask_again {
            Some(pause) if !differences.is_empty() && !asked_again => {
                asked_again = true;
                sleep(pause).await;
            }
            _ => return Ok(Compared { index, question, a: of_a, b: of_b, differences, asked_again }),
        }
    }
}

/// The id of a question: the same for both servers, and another one when it is asked again (splitmix64).
fn id(seed: u64, index: usize, asked_again: bool) -> u16 {
    let step = (index as u64).wrapping_mul(2).wrapping_add(1 + u64::from(asked_again));
    let mut bits = seed.wrapping_add(step.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    (bits >> 48) as u16
}

// === impl Options ===

impl Default for Options {
    fn default() -> Self {
        Self {
            concurrency: 32,
            timeout: Duration::from_secs(2),
            tries: 2,
            transfer_timeout: Duration::from_secs(30),
            ask_again: Some(Duration::from_millis(500)),
            ignore: Ignore::default(),
            give_up_after: Some(20),
            seed: 0,
        }
    }
}

// === impl Summary ===

impl Summary {
    /// Counts one question.
    pub fn add(&mut self, compared: &Compared) {
        let silent = |reply: &Reply| usize::from(reply.message().is_none());
        let (a, b) = (silent(&compared.a), silent(&compared.b));
        self.asked += 1;
        self.unanswered_by_a += a;
        self.unanswered_by_b += b;
        self.unanswered += a * b;
        if compared.differences.is_empty() {
            self.same += usize::from(a + b == 0);
            self.settled += usize::from(compared.asked_again);
        } else {
            self.different += 1;
        }
    }

    /// The server that answered nothing of what it was asked, if there is one.
    #[must_use]
    pub fn silent(&self) -> Option<Side> {
        match self.asked {
            0 => None,
            asked if self.unanswered_by_a == asked => Some(Side::A),
            asked if self.unanswered_by_b == asked => Some(Side::B),
            _ => None,
        }
    }
}
