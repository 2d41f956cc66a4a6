//! What a Corefile means: its server blocks set up, and sorted by listener.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Defaults;
use super::conflicts::conflicts;
use crate::corefile::{Corefile, Diagnostic, Directive, Key, Scheme, ServerBlock, Span};
use crate::dns::Name;
use crate::plugin::table::{self, PLUGINS, Status};
use crate::plugin::{BindAddress, Block, BlockDraft, Chain, Process, Router, ServerLabel, Setup, Site};
use crate::telemetry::metrics::Counter;

/// Everything that one configuration runs, set up and not started.
pub struct Plan {
    /// By number.
    pub listeners: Vec<PlannedListener>,
    /// What each server block has put together, its plugins taken out.
    pub drafts: Vec<BlockDraft>,
    /// A line for each key, as CoreDNS prints it.
    pub lines: Vec<String>,
    /// The names of the plugins of each block, with the zones and listeners that metrics name.
    pub chains: Vec<(Site, Arc<Chain>)>,
}

/// A listener and the blocks behind it.
pub struct PlannedListener {
    /// Its number.
    pub number: u16,
    /// How metrics and logs name it.
    pub label: String,
    /// The address; none is all.
    pub address: Option<BindAddress>,
    /// The port.
    pub port: u16,
    /// Its server blocks.
    pub router: Arc<Router>,
}

/// The numbers of listeners: one for each label, for as long as the process lives, so that a query that waits through a
/// reload is counted where it came in.
#[derive(Debug, Default)]
pub struct Numbers {
    labels: Vec<String>,
}

/// A listener while its blocks are collected.
struct Draft {
    number: u16,
    address: Option<BindAddress>,
    port: u16,
    blocks: Vec<Block>,
    /// The key of each block.
    keys: Vec<Span>,
    any_class: bool,
}

impl Numbers {
    fn of(&mut self, label: &str) -> u16 {
        let at = self.labels.iter().position(|known| known == label).unwrap_or_else(|| {
            self.labels.push(label.to_owned());
            self.labels.len() - 1
        });
        at as u16
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.labels.len()
    }
}

impl Plan {
    /// Sets every server block up.
    ///
    /// # Errors
    /// With what is wrong in each block, as far as one mistake does not hide the next.
    pub fn new(
        corefile: &Corefile,
        process: &Process,
        defaults: Defaults,
        numbers: &mut Numbers,
    ) -> Result<Self, Vec<Diagnostic>> {
        let panics = process.metrics.counter("coredns_panics_total", "Counter of the number of panics.", &[]);
        let mut listeners: BTreeMap<String, Draft> = BTreeMap::new();
        let mut plan =
            Self { listeners: Vec::new(), drafts: Vec::new(), lines: Vec::new(), chains: Vec::new() };
        let mut wrong = Vec::new();
        for block in &corefile.blocks {
            match set_up(block, process, defaults, numbers) {
                Ok((site, mut draft)) => {
                    let chain = Chain::new(std::mem::take(&mut draft.plugins));
                    plan.lines.extend(lines_of(block, &draft.bind, defaults));
                    wrong.extend(place(&mut listeners, block, &draft, &chain, defaults, numbers));
                    plan.chains.push((site, chain));
                    plan.drafts.push(draft);
                }
                Err(errors) => wrong.extend(errors),
            }
        }
        plan.lines.sort();
        plan.listeners = listeners.into_iter().map(|(label, draft)| draft.finish(label, &panics)).collect();
        wrong.extend(conflicts(&plan.drafts, &plan.listeners));
        if wrong.is_empty() { Ok(plan) } else { Err(wrong) }
    }
}

impl Draft {
    fn finish(self, label: String, panics: &Counter) -> PlannedListener {
        let router = Arc::new(Router::new(self.blocks, self.any_class, Some(panics.clone())));
        PlannedListener { number: self.number, label, address: self.address, port: self.port, router }
    }
}

/// Sets the plugins of one block up, in the order of the table. `bind` goes first: the others are told where the block
/// is reached.
fn set_up(
    block: &ServerBlock,
    process: &Process,
    defaults: Defaults,
    numbers: &mut Numbers,
) -> Result<(Site, BlockDraft), Vec<Diagnostic>> {
    let mut wrong: Vec<Diagnostic> = block.keys.iter().filter_map(refused_scheme).collect();
    for directive in &block.directives {
        if !matches!(table::find(&directive.name.text), Some(entry) if matches!(entry.status, Status::Built(_)))
        {
            wrong.push(table::unknown(directive));
        }
    }
    let zones: Vec<Name> = block.keys.iter().flat_map(|key| key.zones.clone()).collect();
    let mut site = Site { zones, servers: Vec::new() };
    let mut draft = BlockDraft::default();
    let (bind, others): (Vec<_>, Vec<_>) = PLUGINS.iter().partition(|entry| entry.name == "bind");
    for (number, entry) in bind.into_iter().chain(others).enumerate() {
        if number == 1 {
            site.servers = servers_of(block, &draft.bind, defaults, numbers);
        }
        let directives: Vec<&Directive> =
            block.directives.iter().filter(|directive| directive.name.text == entry.name).collect();
        let Status::Built(setup) = entry.status else { continue };
        if directives.is_empty() {
            continue;
        }
        let mut context = Setup {
            directives: &directives,
            block: &block.directives,
            site: &site,
            process,
            draft: &mut draft,
        };
        if let Err(error) = setup(&mut context) {
            wrong.push(error);
        }
    }
    if wrong.is_empty() { Ok((site, draft)) } else { Err(wrong) }
}

fn refused_scheme(key: &Key) -> Option<Diagnostic> {
    if key.scheme == Scheme::Dns {
        return None;
    }
    let error = Diagnostic::error(format!("listeners for `{}` are not built yet", key.scheme));
    let help = "serve the zone over plain DNS (leave the scheme out), behind a proxy that speaks it where it is needed";
    Some(error.at(key.token.span).help(help))
}

fn port_of(key: &Key, defaults: Defaults) -> u16 {
    key.port.unwrap_or(defaults.port)
}

fn addresses(bind: &[BindAddress]) -> Vec<Option<&BindAddress>> {
    if bind.is_empty() { vec![None] } else { bind.iter().map(Some).collect() }
}

/// `dns://:53`, `dns://10.0.0.1:53`, `dns://[::1]:53`
fn label_of(address: Option<&BindAddress>, port: u16) -> String {
    match address {
        None => format!("dns://:{port}"),
        Some(address) => format!("dns://{}", address.with_port(port)),
    }
}

/// `dns://example.org.:53`, and ` on ADDRESS` where it is bound: a zone as CoreDNS's errors name it.
fn served(zone: &Name, port: u16, address: Option<&BindAddress>) -> String {
    match address {
        None => format!("dns://{zone}:{port}"),
        Some(address) => format!("dns://{zone}:{port} on {address}"),
    }
}

fn servers_of(
    block: &ServerBlock,
    bind: &[BindAddress],
    defaults: Defaults,
    numbers: &mut Numbers,
) -> Vec<ServerLabel> {
    let mut servers: Vec<ServerLabel> = Vec::new();
    for key in &block.keys {
        let port = port_of(key, defaults);
        for address in addresses(bind) {
            let label = label_of(address, port);
            if !servers.iter().any(|server| server.label == label) {
                let number = numbers.of(&label);
                let addresses = address.iter().map(|address| address.ip).collect();
                servers.push(ServerLabel { number, label, addresses, port });
            }
        }
    }
    servers
}

/// Puts a block behind its listeners. A zone may stand once behind each, and not behind a bound and an unbound one of
/// the same port, since it would depend on the kernel which of them answers.
fn place(
    listeners: &mut BTreeMap<String, Draft>,
    block: &ServerBlock,
    draft: &BlockDraft,
    chain: &Arc<Chain>,
    defaults: Defaults,
    numbers: &mut Numbers,
) -> Vec<Diagnostic> {
    let mut wrong = Vec::new();
    for key in &block.keys {
        let port = port_of(key, defaults);
        for (address, zone) in addresses(&draft.bind)
            .into_iter()
            .flat_map(|address| key.zones.iter().map(move |zone| (address, zone)))
        {
            let clash =
                listeners.values().filter(|other| other.port == port && port != 0).find_map(|other| {
                    let held = other.address.as_ref();
                    if held != address && held.is_some() && address.is_some() {
                        return None;
                    }
                    let at = other.blocks.iter().position(|block| block.zone == *zone)?;
                    Some((held, *other.keys.get(at)?))
                });
            if let Some((held, first)) = clash {
                let what = served(zone, port, address);
                let (message, help) = if held == address {
                    let help = "give each zone, port and address one server block";
                    (format!("cannot serve {what} - it is already defined"), help)
                } else {
                    let other = served(zone, port, held);
                    let help = "which of them were asked would be the system's choice: write `bind` in both or in none";
                    (format!("cannot serve {what} - zone overlap listener capacity with {other}"), help)
                };
                let error = Diagnostic::error(message).at(key.token.span);
                wrong.push(error.related(first, "the first is here").help(help));
                continue;
            }
            let label = label_of(address, port);
            let number = numbers.of(&label);
            let listener = listeners.entry(label).or_insert_with(|| Draft {
                number,
                address: address.cloned(),
                port,
                blocks: Vec::new(),
                keys: Vec::new(),
                any_class: false,
            });
            listener.any_class |= draft.any_class;
            listener.blocks.push(Block { zone: zone.clone(), chain: Arc::clone(chain) });
            listener.keys.push(key.token.span);
        }
    }
    wrong
}

/// `cluster.local.:53`, and ` on ADDRESS` for each address of `bind`.
fn lines_of(block: &ServerBlock, bind: &[BindAddress], defaults: Defaults) -> Vec<String> {
    let places = addresses(bind);
    let zones =
        block.keys.iter().flat_map(|key| key.zones.iter().map(move |zone| (zone, port_of(key, defaults))));
    let lines = zones.flat_map(|(zone, port)| {
        places.iter().map(move |address| match address {
            Some(address) => format!("{zone}:{port} on {address}"),
            None => format!("{zone}:{port}"),
        })
    });
    lines.collect()
}
