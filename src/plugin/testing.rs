//! What the tests of plugins share: one plugin set up from a Corefile, above a scripted one.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use super::{
    BlockDraft, Chain, Finished, Next, Plugin, Process, Reply, ServerLabel, Setup, SetupResult, Site,
};
use crate::cluster::NoObserver;
use crate::corefile::{self, Corefile, Diagnostic, Directive, Memory};
use crate::dns::{BatchRecord, Name, Origin, Query, RecordType, Response, test_origin, write_text};
use crate::plugin::question_packet;
use crate::telemetry::metrics::Registry;

/// A server block with one plugin, and what lives as long as the process.
pub(crate) struct Bench {
    pub(crate) runtime: tokio::runtime::Runtime,
    pub(crate) process: Process,
    pub(crate) site: Site,
}

/// A plugin whose answers a test decides.
pub(crate) struct Scripted<F> {
    script: F,
    pub(crate) calls: Arc<AtomicUsize>,
}

impl Bench {
    /// A block for these zones, reached by listener 0, `dns://:53`.
    pub(crate) fn new(zones: &[&str]) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let process = Process {
            root: std::env::temp_dir(),
            ..Process::new(runtime.handle().clone(), Registry::new(), Arc::new(NoObserver))
        };
        let server =
            ServerLabel { number: 0, label: "dns://:53".to_owned(), addresses: Vec::new(), port: 53 };
        let site = Site { zones: zones.iter().map(|zone| name(zone)).collect(), servers: vec![server] };
        Self { runtime, process, site }
    }

    /// Sets a plugin up with `text`, the lines of a server block: its directives are those named as the first one is.
    pub(crate) fn set_up(
        &self,
        plugin: fn(&mut Setup<'_>) -> SetupResult,
        text: &str,
    ) -> Result<BlockDraft, Diagnostic> {
        let corefile = parse(&format!(". {{\n{text}\n}}"));
        let block = &corefile.blocks[0].directives;
        let is_own = |directive: &&Directive| directive.name.text == block[0].name.text;
        let directives: Vec<&Directive> = block.iter().filter(is_own).collect();
        let mut draft = BlockDraft::default();
        let (site, process) = (&self.site, &self.process);
        plugin(&mut Setup { directives: &directives, block, site, process, draft: &mut draft })?;
        Ok(draft)
    }

    /// The error of a set-up as one line: message, label, help.
    pub(crate) fn refusal(&self, plugin: fn(&mut Setup<'_>) -> SetupResult, text: &str) -> String {
        let Err(diagnostic) = self.set_up(plugin, text) else { panic!("`{text}` was accepted") };
        assert!(diagnostic.span.is_some(), "no place: {diagnostic:?}");
        let parts = [Some(diagnostic.message), diagnostic.label, diagnostic.help];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" | ")
    }

    /// The plugin of `text` above a scripted one.
    pub(crate) fn chain(
        &self,
        plugin: fn(&mut Setup<'_>) -> SetupResult,
        text: &str,
        script: impl Plugin + 'static,
    ) -> Arc<Chain> {
        let mut draft = self.set_up(plugin, text).unwrap();
        draft.plugins.push(Arc::new(script));
        Chain::new(draft.plugins)
    }

    /// Asks a chain, and waits.
    pub(crate) fn ask(&self, chain: &Arc<Chain>, packet: &[u8], origin: Origin) -> Finished {
        let query = Query::parse(packet, origin).unwrap();
        let mut response = Response::new();
        response.begin(&query);
        let reply = chain.serve(&query, &mut response);
        self.runtime.block_on(reply.wait(response))
    }
}

impl<F: Fn(&Query<'_>, &mut Response) -> Reply + Send + Sync> Scripted<F> {
    pub(crate) fn new(script: F) -> Self {
        Self { script, calls: Arc::default() }
    }
}

impl<F: Fn(&Query<'_>, &mut Response) -> Reply + Send + Sync> Plugin for Scripted<F> {
    fn name(&self) -> &'static str {
        "forward"
    }

    fn serve(&self, query: &Query<'_>, _next: Next<'_>, response: &mut Response) -> Reply {
        self.calls.fetch_add(1, Relaxed);
        (self.script)(query, response)
    }
}

/// Answers every question with 192.0.2.1.
pub(crate) fn answer_a(_query: &Query<'_>, response: &mut Response) -> Reply {
    response.set_authoritative();
    response.answer_a(30, std::net::Ipv4Addr::new(192, 0, 2, 1));
    Reply::answered()
}

/// A question with id 7, RD set; with an EDNS size and the DO bit when given.
pub(crate) fn packet(text: &str, rtype: RecordType, edns: Option<(u16, bool)>) -> Vec<u8> {
    question_packet(7, name(text).as_wire(), rtype, edns)
}

/// A record of a transfer as a line: `owner ttl type rdata`. Addresses, SRV records, and those that are a name.
pub(crate) fn record_line(record: BatchRecord<'_>) -> String {
    let text = |wire: &[u8]| {
        let mut text = String::new();
        write_text(wire, &mut text).unwrap();
        text
    };
    let rdata = match (record.rtype, record.rdata) {
        (RecordType::A, octets) => IpAddr::from(<[u8; 4]>::try_from(octets).unwrap()).to_string(),
        (RecordType::AAAA, octets) => IpAddr::from(<[u8; 16]>::try_from(octets).unwrap()).to_string(),
        (RecordType::SRV, octets) => {
            let number = |at: usize| u16::from_be_bytes([octets[at], octets[at + 1]]);
            format!("{} {} {} {}", number(0), number(2), number(4), text(&octets[6..]))
        }
        (_, name) => text(name),
    };
    format!("{} {} {} {rdata}", text(record.owner), record.ttl, record.rtype)
}

pub(crate) fn name(text: &str) -> Name {
    Name::from_text(text).unwrap()
}

/// A client on loopback, over UDP.
pub(crate) fn origin() -> Origin {
    test_origin()
}

fn parse(text: &str) -> Corefile {
    corefile::parse("Corefile", text, &Memory::default()).unwrap_or_else(|failure| panic!("{failure}"))
}
