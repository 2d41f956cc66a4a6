//! The query as the rules have made it so far.

use super::edns::Options;
use super::text::Subject;
use crate::dns::{Class, Query, RecordType, Rephrased};

/// What goes down, rule after rule.
///
/// Hot path: until a rule fits this is the query itself.
pub(super) struct Asked<'q> {
    pub(super) query: &'q Query<'q>,
    pub(super) name: Subject<'q>,
    pub(super) qtype: RecordType,
    pub(super) qclass: Class,
    /// Its EDNS options, once a rule has looked at them.
    pub(super) options: Option<Options>,
    pub(super) has_new_name: bool,
}

impl<'q> Asked<'q> {
    pub(super) fn new(query: &'q Query<'q>) -> Self {
        Self {
            query,
            name: Subject::new(query.name()),
            qtype: query.qtype(),
            qclass: query.qclass(),
            options: None,
            has_new_name: false,
        }
    }

    /// Gives it another name, in lower case as CoreDNS does; gives the one before.
    pub(super) fn rename(&mut self, mut wire: Vec<u8>) -> Subject<'q> {
        wire.make_ascii_lowercase();
        self.has_new_name |= wire != self.name.wire();
        std::mem::replace(&mut self.name, Subject::new(wire))
    }

    /// The name in the letters that it goes down in.
    pub(super) fn spelled(&self) -> &[u8] {
        if self.has_new_name { self.name.wire() } else { self.query.name_original() }
    }

    /// The options, to be changed.
    pub(super) fn options(&mut self) -> &mut Options {
        let query = self.query;
        self.options.get_or_insert_with(|| Options::of(query))
    }

    /// Whether it is not what the client sent any more.
    pub(super) fn is_changed(&self) -> bool {
        self.has_new_name
            || self.qtype != self.query.qtype()
            || self.qclass != self.query.qclass()
            || self.options.as_ref().is_some_and(Options::are_changed)
    }

    /// Writes the packet that goes down; `None` where a record that the query carries cannot be read.
    pub(super) fn write(&self, packet: &mut Vec<u8>) -> Option<()> {
        let options = self.options.as_ref().filter(|options| options.are_changed()).map(Options::to_wire);
        let rephrased = Rephrased {
            name: self.spelled(),
            qtype: self.qtype,
            qclass: self.qclass,
            options: options.as_deref(),
            udp_size: super::edns::UDP_SIZE,
        };
        rephrased.write(self.query, packet)
    }
}
