//! Whole queries, from the directive to a scripted upstream. What all of them share is here.

mod flight;
mod health;
mod limits;
mod looping;
mod metrics;
mod options;
mod reply;
mod several;
mod tcp;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::scripted::{
    Act, Scripted, Seen, answer, code, reply, silence, with_other_id, with_other_question,
};
use super::stanza::Options;
use super::target::Target;
use super::upstream::Upstream;
use super::*;
use crate::corefile::{Diagnostic, Memory};
use crate::dns::{Flags, HEADER_LEN, Origin, Rcode, RecordType, Section, Transport};
use crate::plugin::testing::Bench;
use crate::plugin::{Chain, Finished, Outcome, question_packet};
use crate::telemetry::metrics::Registry;

const NAME: &[u8] = b"\x03wWw\x07Example\x03oRg\x00";

fn parse(directives: &str, env: &Memory) -> Result<Vec<Options>, Diagnostic> {
    let text = format!(". {{\n{directives}\n}}\n");
    let corefile = crate::corefile::parse("Corefile", &text, env).unwrap();
    let directives = corefile.blocks[0].directives.iter();
    directives
        .map(|directive| setup::parse(directive, Path::new("/"), env, |_, _| Err("nobody looks".to_owned())))
        .collect()
}

struct Fixture {
    chain: Arc<Chain>,
    stanzas: Vec<Arc<Stanza>>,
    metrics: Registry,
}

impl Fixture {
    fn new(directives: &str) -> Self {
        Self::changed(directives, |_| {})
    }

    /// With the metrics of another one, as after a reload.
    fn beside(other: &Self, directives: &str) -> Self {
        Self::with(other.metrics.clone(), directives, |_| {})
    }

    fn changed(directives: &str, change: impl Fn(&mut Options)) -> Self {
        Self::with(Registry::new(), directives, change)
    }

    fn with(metrics: Registry, directives: &str, change: impl Fn(&mut Options)) -> Self {
        let options = parse(directives, &Memory::default()).unwrap();
        let stanzas: Vec<_> = options
            .into_iter()
            .map(|mut options| {
                change(&mut options);
                Stanza::new(options, &metrics)
            })
            .collect();
        let plugins = stanzas.iter().enumerate().map(|(index, stanza)| {
            let stanza = Arc::clone(stanza);
            Arc::new(Forward { stanza, has_successor: index + 1 < stanzas.len() }) as Arc<dyn Plugin>
        });
        Self { chain: Chain::new(plugins.collect()), stanzas, metrics }
    }

    async fn ask(&self, transport: Transport) -> Asked {
        self.ask_for(NAME, transport).await
    }

    async fn ask_for(&self, name: &[u8], transport: Transport) -> Asked {
        self.ask_packet(&question_packet(7, name, RecordType::A, Some((1232, true))), transport).await
    }

    async fn ask_packet(&self, packet: &[u8], transport: Transport) -> Asked {
        let reply = {
            let query = Query::parse(packet, origin(transport)).unwrap();
            let mut response = Response::new();
            response.begin(&query);
            match self.chain.serve(&query, &mut response) {
                Reply::Later(future) => future,
                done @ Reply::Done(_) => Box::pin(done.wait(response)),
            }
        };
        let Finished { response, outcome } =
            timeout(Duration::from_secs(60), reply).await.expect("a query ends by itself");
        Asked { response, outcome }
    }

    fn upstream(&self, index: usize) -> &Arc<Upstream> {
        &self.stanzas[0].upstreams[index]
    }
}

fn origin(transport: Transport) -> Origin {
    let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, 5353));
    Origin { peer, local: peer, transport, received: Instant::now(), server: 0, depth: 0 }
}

struct Asked {
    response: Response,
    outcome: Outcome,
}

impl Asked {
    fn addresses(&self) -> u16 {
        assert!(matches!(self.outcome, Outcome::Answered), "{:?}", self.outcome);
        self.response.count(Section::Answer)
    }

    fn rcode(&self) -> Rcode {
        assert!(matches!(self.outcome, Outcome::Answered), "{:?}", self.outcome);
        self.response.rcode()
    }

    fn failure(self) -> (FailureKind, String) {
        match self.outcome {
            Outcome::Failed(failure) => (failure.kind(), failure.detail().unwrap_or_default().to_owned()),
            other => panic!("{other:?}"),
        }
    }
}

/// An address where nobody listens.
async fn closed_port() -> SocketAddr {
    Scripted::start(silence).await.stop().await
}

/// Waits until `condition` holds.
async fn until(condition: impl Fn() -> bool) {
    let poll = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(Duration::from_secs(60), poll).await.expect("it comes to hold");
}

fn truncated(seen: &Seen) -> Vec<Act> {
    if seen.transport == Transport::Tcp {
        return answer(seen);
    }
    let mut message = reply(&seen.packet, Rcode::NOERROR, 0);
    message[2] |= 0x02;
    vec![Act::Send(message)]
}
