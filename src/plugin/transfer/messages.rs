//! The messages of one transfer, one after the other (RFC 5936 §2.2).

use std::fmt::{self, Display};
use std::sync::Arc;

use super::Place;
use crate::dns::{
    Continuation, HEADER_LEN, OwnedQuery, Packer, Query, RecordBatch, Response, Section, write_text,
};
use crate::plugin::{ZoneRecords, ZoneTransfer};

/// A message ends before a record that would make it longer. CoreDNS counts 63,000 octets of records; a message has up
/// to 65,535, and the OPT record needs its place.
const MESSAGE_LEN_MAX: usize = 63_000;

/// A zone on its way to one client.
pub(super) struct Messages {
    query: Arc<OwnedQuery>,
    serial: u32,
    soa: RecordBatch,
    records: Box<dyn ZoneRecords>,
    /// What was written and not yet sent, and where in it the next record begins.
    batch: RecordBatch,
    at: usize,
    stage: Stage,
    packer: Packer,
    sent: u64,
    _place: Place,
}

/// What comes when the batch is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    FirstSoa,
    Records,
    LastSoa,
    /// Nothing: the last SOA record is in the batch.
    End,
    Over,
}

/// QNAME as it was spelled, for the log.
pub(super) struct AskedName<'q>(&'q [u8]);

pub(super) fn asked_name<'q>(query: &Query<'q>) -> AskedName<'q> {
    AskedName(query.name_original())
}

impl Messages {
    pub(super) fn new(query: &Query<'_>, transfer: ZoneTransfer, place: Place) -> Self {
        let ZoneTransfer { serial, soa, records } = transfer;
        Self {
            query: query.to_shared(),
            serial,
            soa,
            records,
            batch: RecordBatch::new(),
            at: 0,
            stage: Stage::FirstSoa,
            packer: Packer::default(),
            sent: 0,
            _place: place,
        }
    }

    /// Whether the last message is written.
    pub(super) fn is_over(&self) -> bool {
        self.stage == Stage::Over
    }

    /// Writes one message into a response that is begun.
    pub(super) fn write(&mut self, response: &mut Response) {
        response.set_authoritative();
        self.packer.begin(response);
        while self.refill() {
            let Some((record, next)) = self.batch.get(self.at) else { continue };
            // Its length before compression, so that it need not be taken back.
            let is_full = response.message().len() + record.wire_len() > HEADER_LEN + MESSAGE_LEN_MAX;
            if is_full && response.count(Section::Answer) > 0 {
                return;
            }
            if !self.packer.append(response, &record) {
                return;
            }
            self.at = next;
            self.sent += 1;
        }
        self.stage = Stage::Over;
        tracing::info!(
            target: "plugin/transfer",
            "Outgoing transfer of {} records of zone \"{}\" to {} for {} SOA serial",
            self.sent,
            asked_name(&self.query.as_query()),
            self.query.as_query().origin().peer.ip(),
            self.serial
        );
    }

    /// Sees to it that the batch holds the next record. Gives whether there is one or may be one.
    fn refill(&mut self) -> bool {
        if self.at < self.batch.len() {
            return true;
        }
        self.batch.clear();
        self.at = 0;
        match self.stage {
            Stage::FirstSoa | Stage::LastSoa => {
                if let Some((soa, _)) = self.soa.get(0) {
                    self.batch.push(&[soa.owner], soa.rtype, soa.ttl, &[soa.rdata]);
                }
                self.stage = if self.stage == Stage::FirstSoa { Stage::Records } else { Stage::End };
            }
            Stage::Records => {
                if !self.records.write_some(&mut self.batch) {
                    self.stage = Stage::LastSoa;
                }
            }
            Stage::End | Stage::Over => return false,
        }
        true
    }
}

impl Continuation for Messages {
    fn next(&mut self, response: &mut Response) -> bool {
        if self.is_over() {
            return false;
        }
        response.begin(&self.query.as_query());
        self.write(response);
        true
    }
}

impl Drop for Messages {
    fn drop(&mut self) {
        if !self.is_over() {
            let query = self.query.as_query();
            tracing::warn!(
                target: "plugin/transfer",
                "Outgoing transfer of zone \"{}\" to {} ended after {} records: the connection is gone",
                asked_name(&query),
                query.origin().peer.ip(),
                self.sent
            );
        }
    }
}

impl Display for AskedName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_text(self.0, f)
    }
}
