//! Change under load: what each answer may be while objects change, and clients that check every answer.
//!
//! Each question has its history: the answers that it has had, in the order of the changes. A change is written there just
//! before the API server is told. An answer is right when it is one of the history, whole, and not older than what
//! somebody was answered before it was asked: that is the state just before a change or just after it, never a mix of
//! two and never nothing in between. Every change has numbers of its own in it, so that an answer tells which it shows.

mod client;
mod herds;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};

use hickory_proto::rr::RecordType;

pub use client::{Client, Question};
pub use herds::{Op, Step, herds};

/// A reply as lines: the RCODE, the records of the answer section and, after a `+`, those of the additional section;
/// sorted.
pub type Answer = Vec<String>;

/// What each question may be answered.
#[derive(Default)]
pub struct History {
    tracks: BTreeMap<Question, Mutex<Track>>,
}

/// The answers to one question so far.
#[derive(Default)]
struct Track {
    states: Vec<Answer>,
    /// The latest state that an answer has shown.
    shown: usize,
    /// How many of the states were seen.
    seen: usize,
}

/// What a client has to tell.
#[derive(Debug, Default)]
pub struct Tally {
    pub asked: usize,
    pub wrong: Vec<String>,
}

impl History {
    /// Begins with the first state of every question.
    pub fn new(states: Vec<(Question, Answer)>) -> Self {
        let mut history = Self::default();
        for (question, answer) in states {
            let track = Track { states: vec![answer], ..Track::default() };
            assert!(history.tracks.insert(question, Mutex::new(track)).is_none(), "a question of two herds");
        }
        history
    }

    /// Notes what the answers will be. To be called before the change can be seen.
    pub fn note(&self, step: &Step) {
        for (question, answer) in &step.states {
            let mut track = self.track(question);
            if track.states.last() != Some(answer) {
                track.states.push(answer.clone());
            }
        }
    }

    /// Asks one question after the other until `stop`, with `pause` between them, and checks every answer.
    pub fn ask(&self, client: &mut Client, first: usize, stop: &AtomicBool, pause: fn()) -> Tally {
        let mut tally = Tally::default();
        for question in self.tracks.keys().cycle().skip(first) {
            // What is wrong once is enough to read.
            if stop.load(Ordering::Relaxed) || tally.wrong.len() > 4 {
                break;
            }
            tally.asked += 1;
            tally.wrong.extend(self.ask_once(client, question).err());
            pause();
        }
        tally
    }

    /// Whether every question is answered with its last state. The answers until then are checked as well.
    pub fn has_settled(&self, client: &mut Client, tally: &mut Tally) -> bool {
        self.tracks.keys().all(|question| {
            tally.asked += 1;
            match self.ask_once(client, question) {
                // A state that comes again is not told from its predecessor; the others tell.
                Ok(answer) => self.track(question).states.last() == Some(&answer),
                Err(wrong) => {
                    tally.wrong.push(wrong);
                    true
                }
            }
        })
    }

    /// How many questions there are, how many states they had, and how many of those were seen.
    pub fn counts(&self) -> (usize, usize, usize) {
        let tracks: Vec<_> =
            self.tracks.values().map(|track| track.lock().expect("no client panics")).collect();
        let states = tracks.iter().map(|track| track.states.len()).sum();
        (tracks.len(), states, tracks.iter().map(|track| track.seen).sum())
    }

    fn ask_once(&self, client: &mut Client, question: &Question) -> Result<Answer, String> {
        let oldest = self.track(question).shown;
        let answer = client.ask(question).map_err(|error| format!("{question:?}: {error}"))?;
        let mut track = self.track(question);
        // The first that fits: a state that comes again, as a name error does, says no more than that.
        match track.states[oldest..].iter().position(|state| *state == answer) {
            Some(at) => {
                track.seen += usize::from(oldest + at > track.shown || track.seen == 0);
                track.shown = track.shown.max(oldest + at);
                Ok(answer)
            }
            None => {
                let held = track.states.iter().position(|state| *state == answer);
                let allowed = &track.states[oldest..];
                let shown = &allowed[..allowed.len().min(3)];
                Err(format!(
                    "{question:?} was answered\n  {answer:?}\nwhich is {}; allowed are states {oldest}..{}, which begin with\
                     \n  {shown:?}",
                    held.map_or("no state at all".to_owned(), |at| format!("the old state {at}")),
                    track.states.len(),
                ))
            }
        }
    }

    fn track(&self, question: &Question) -> MutexGuard<'_, Track> {
        self.tracks[question].lock().expect("no client panics")
    }
}

/// A question for a name of these labels before `svc.cluster.local.`.
fn service_question(labels: &str, qtype: RecordType) -> Question {
    Question { name: format!("{labels}.svc.cluster.local."), qtype: qtype.into() }
}
