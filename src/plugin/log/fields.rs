//! What a query's line has besides its text when the log is JSON: CoreDNS's fields, in its order.

use std::net::IpAddr;

use super::Exchange;
use crate::dns::{LoggedName, LoggedRcode, LoggedType, Transport};
use crate::telemetry::log::JsonRecord;

/// Adds the fields. They come from the query and its answer, whatever the format of the message shows of them.
pub(super) fn fill(exchange: &Exchange<'_>, record: &mut JsonRecord<'_>) {
    let Exchange { query, response, outcome, elapsed } = exchange;
    let origin = query.origin();
    let client: IpAddr = origin.peer.ip().to_canonical();
    record.text("plugin", "log");
    record.text("client_ip", client);
    record.literal("client_port", origin.peer.port());
    record.text("qname", LoggedName(query.name()));
    record.text("qtype", LoggedType(query.qtype()));
    record.text("qclass", query.qclass());
    record.text(
        "protocol",
        match origin.transport {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
        },
    );
    record.literal("id", query.id());
    record.literal("opcode", query.flags().opcode());
    record.literal("request_size", query.packet().len());
    record.literal("dnssec_ok", query.edns().is_some_and(|edns| edns.dnssec_ok));
    record.literal("bufsize", query.size_max());
    match outcome.rcode(response) {
        Some(rcode) => record.text("rcode", LoggedRcode(rcode)),
        None => record.literal("rcode", "null"),
    }
    record.literal("response_size", outcome.size(query, response));
    record.literal("duration_seconds", elapsed.as_secs_f64());
}
