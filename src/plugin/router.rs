//! From a listener to the server block whose zone holds the name.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::{Chain, Outcome, Reply};
use crate::dns::{Class, Failure, FailureKind, Name, Query, RecordType, Response};
use crate::telemetry::metrics::Counter;
use crate::telemetry::panics::{self, Panic};

/// All server blocks of one listener.
pub struct Router {
    blocks: HashMap<Box<[u8]>, Arc<Block>, RandomState>,
    /// The labels of the longest zone: no longer suffix of a name needs to be tried.
    labels_max: usize,
    /// Whether a block takes other classes than IN.
    any_class: bool,
    panics: Option<Counter>,
}

/// One zone of one server block, as a listener serves it.
pub struct Block {
    /// The zone.
    pub zone: Name,
    /// The plugins; shared by all zones of the block.
    pub chain: Arc<Chain>,
}

impl Router {
    /// The router of these blocks, each zone once.
    #[must_use]
    pub fn new(blocks: Vec<Block>, any_class: bool, panics: Option<Counter>) -> Self {
        let labels_max = blocks.iter().map(|block| block.zone.label_count()).max().unwrap_or(0);
        let blocks = blocks.into_iter().map(|block| (block.zone.as_wire().into(), Arc::new(block))).collect();
        Self { blocks, labels_max, any_class, panics }
    }

    /// The zones, in no order.
    pub fn zones(&self) -> impl Iterator<Item = &Name> {
        self.blocks.values().map(|block| &block.zone)
    }

    /// Answers a query: begins the response, and gives it to the block of the longest matching zone. A plugin that
    /// panics costs its query a SERVFAIL and nothing else.
    pub fn serve(&self, query: &Query<'_>, response: &mut Response) -> Reply {
        response.begin(query);
        if query.qclass() != Class::IN && !self.any_class {
            return Reply::failed(Failure::new(FailureKind::ClassNotServed));
        }
        let Some(block) = self.block_of(query) else {
            return Reply::failed(Failure::new(FailureKind::NotServed));
        };
        match catch_unwind(AssertUnwindSafe(|| block.chain.serve(query, response))) {
            Ok(reply) => reply,
            Err(panic) => {
                // A plugin may have begun it for another question.
                response.begin(query);
                Reply::Done(self.panicked(query, &*panic))
            }
        }
    }

    /// What becomes of a query whose plugin panicked, on this thread or in its future.
    pub fn panicked(&self, query: &Query<'_>, panic: &(dyn std::any::Any + Send)) -> Outcome {
        let text = panic.downcast_ref::<&str>().copied().map(str::to_owned);
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
        let name = Name::from_wire(query.name()).unwrap_or_else(Name::root);
        let Panic { place, stack } = panics::last()
            .unwrap_or_else(|| Panic { place: "a place that nobody noted".to_owned(), stack: Vec::new() });
        tracing::error!("Recovered from panic in server: {name} {}: {text}, at {place}", query.qtype());
        for line in stack {
            tracing::error!("{line}");
        }
        if let Some(panics) = &self.panics {
            panics.add(1);
        }
        Outcome::Failed(Failure::new(FailureKind::Panicked))
    }

    /// The block of the longest zone that holds the name. A question for DS belongs to the parent side (RFC 4035
    /// §3.1.4.1): as in CoreDNS the least specific matching block other than the root's answers it.
    fn block_of(&self, query: &Query<'_>) -> Option<&Arc<Block>> {
        let labels = query.label_count();
        let mut found = None;
        for start in labels.saturating_sub(self.labels_max)..=labels {
            let suffix = &query.name()[query.label_start(start)..];
            let Some(block) = self.blocks.get(suffix) else { continue };
            if query.qtype() != RecordType::DS {
                return Some(block);
            }
            if !block.zone.is_root() || found.is_none() {
                found = Some(block);
            }
        }
        found
    }
}
