//! What a rule answers: its records in their sections, and behind a CNAME record what it leads to.

use std::borrow::Cow;
use std::future::Future;
use std::pin::Pin;

use super::data::Data;
use super::line::{self, Line, LineError};
use super::matching::Match;
use super::metrics::SECTIONS;
use super::{Answer, Template};
use crate::dns::presentation::TextRecord;
use crate::dns::{Failure, FailureKind, Flags, Owner, Query, Rcode, RecordType, Response, Section};
use crate::plugin::append::append_answers;
use crate::plugin::{Finished, Outcome, Reply};

/// The records of the three sections.
type Records<'r> = [Vec<Cow<'r, TextRecord>>; 3];
type Target = Pin<Box<dyn Future<Output = Finished> + Send>>;

/// The order in which sections stand in a message.
const SECTION_ORDER: [Section; 3] = [Section::Answer, Section::Authority, Section::Additional];
/// The highest RCODE that fits without an OPT record.
const RCODE_MAX_PLAIN: u16 = 15;

impl Template {
    /// Answers by the rule of this number.
    pub(super) fn answer(
        &self,
        rule: usize,
        found: &Match,
        query: &Query<'_>,
        response: &mut Response,
    ) -> Reply {
        let answer = &self.answers[rule];
        if answer.rcode == Rcode::SERVFAIL && answer.error.is_none() {
            return Reply::failed(Failure::new(FailureKind::Configured));
        }
        if answer.rcode.0 > RCODE_MAX_PLAIN && query.edns().is_none() {
            // Its higher bits would be lost, and the rest mean something else.
            return Reply::failed(Failure::new(FailureKind::Configured));
        }
        let follows = matches!(query.qtype(), RecordType::A | RecordType::AAAA);
        if !answer.is_made(follows) {
            answer.begin(response);
            for (section, lines) in SECTION_ORDER.into_iter().zip(&answer.sections) {
                for line in lines {
                    if let Line::Fixed(record) = line {
                        write_record(section, record, query, response);
                    }
                }
            }
            answer.explain(response);
            return Reply::answered();
        }
        let records = match self.records(rule, found, query) {
            Ok(records) => records,
            Err(why) => return Reply::failed(Failure::with_detail(FailureKind::Plugin, why.to_string())),
        };
        let targets: Vec<Option<Target>> = records[0]
            .iter()
            .map(|record| {
                let is_alias = follows && record.rtype == RecordType::CNAME;
                is_alias.then(|| Box::pin(self.lookup.ask(query, &record.rdata, query.qtype())) as Target)
            })
            .collect();
        answer.begin(response);
        if targets.iter().all(Option::is_none) {
            write(&records, query, response);
            answer.explain(response);
            return Reply::answered();
        }
        self.follow(rule, records, targets, query, response)
    }

    /// The records, made where a template makes them. What fails is counted.
    fn records(&self, rule: usize, found: &Match, query: &Query<'_>) -> Result<Records<'_>, LineError> {
        let mut records = Records::default();
        let mut data = None;
        // In the order that CoreDNS makes them: of two that fail the same one is told.
        for section in [0, 2, 1] {
            for line in &self.answers[rule].sections[section] {
                let template = match line {
                    Line::Fixed(record) => {
                        records[section].push(Cow::Borrowed(record));
                        continue;
                    }
                    Line::Made(template) => template,
                };
                let data = data.get_or_insert_with(|| Data::new(query, &self.rules[rule], found));
                let made = template.run(data).map_err(LineError::from).and_then(|text| line::made(&text));
                let record = made.inspect_err(|why| {
                    if let Some(metrics) = self.metrics.of(query.origin().server) {
                        metrics.count_failure(rule, found, SECTIONS[section], &template.to_string(), why);
                    }
                })?;
                records[section].push(Cow::Owned(record));
            }
        }
        Ok(records)
    }

    /// Waits for what the CNAME records lead to, and writes it behind each.
    fn follow(
        &self,
        rule: usize,
        records: Records<'_>,
        targets: Vec<Option<Target>>,
        query: &Query<'_>,
        response: &mut Response,
    ) -> Reply {
        let mut begun = std::mem::take(response);
        // The caller may refuse to wait, and then answers with this one.
        response.begin(query);
        let records = records.map(|records| records.into_iter().map(Cow::into_owned).collect::<Vec<_>>());
        let query = query.to_shared();
        let error = self.answers[rule].error.clone();
        Reply::later(async move {
            let query = query.as_query();
            let [answers, authority, additional] = records;
            for (record, target) in answers.iter().zip(targets) {
                write_record(Section::Answer, record, &query, &mut begun);
                let Some(target) = target else { continue };
                let Finished { response: found, outcome } = target.await;
                if let Outcome::Failed(failure) = &outcome
                    && failure.kind() == FailureKind::Loop
                {
                    // Found out at the depth where no more is asked, and handed up to the question of the client.
                    return Finished { response: begun, outcome };
                }
                if matches!(outcome, Outcome::Answered) {
                    append_answers(&mut begun, Section::Answer, found.message());
                    let truncated = found.flags().0 & Flags::TC;
                    begun.set_flags(begun.flags().0 & !Flags::TC | truncated);
                    if !found.is_cacheable() {
                        begun.set_uncacheable();
                    }
                }
            }
            for (section, records) in [(Section::Authority, authority), (Section::Additional, additional)] {
                for record in &records {
                    write_record(section, record, &query, &mut begun);
                }
            }
            if let Some((code, text)) = &error {
                begun.explain(*code, |out| out.push_str(text));
            }
            Finished { response: begun, outcome: Outcome::Answered }
        })
    }
}

impl Answer {
    /// Whether a record is made for each query, or leads to another name that is to be asked for.
    fn is_made(&self, follows: bool) -> bool {
        self.sections.iter().flatten().any(|line| match line {
            Line::Made(_) => true,
            Line::Fixed(record) => follows && record.rtype == RecordType::CNAME,
        })
    }

    fn begin(&self, response: &mut Response) {
        // A server failure is nothing that a zone says.
        if self.rcode != Rcode::SERVFAIL {
            response.set_authoritative();
        }
        response.set_rcode(self.rcode);
    }

    fn explain(&self, response: &mut Response) {
        if let Some((code, text)) = &self.error {
            response.explain(*code, |out| out.push_str(text));
        }
    }
}

fn write(records: &Records<'_>, query: &Query<'_>, response: &mut Response) {
    for (section, records) in SECTION_ORDER.into_iter().zip(records) {
        for record in records {
            write_record(section, record, query, response);
        }
    }
}

/// An owner that is spelled as the client did points to the question.
fn write_record(section: Section, record: &TextRecord, query: &Query<'_>, response: &mut Response) {
    let owner =
        if record.owner == query.name_original() { Owner::Question } else { Owner::Name(&record.owner) };
    response.record_of_class(section, owner, record.rtype, record.class, record.ttl_s, |rdata| {
        rdata.octets(&record.rdata);
    });
}
