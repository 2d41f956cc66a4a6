//! What a `k8s_external` directive says, as typed values.

use crate::corefile::{Diagnostic, Directive, zones};
use crate::dns::{NAME_LEN_MAX, Name};
use crate::plugin::Setup;

/// The options that this plugin has, for "did you mean".
const KNOWN: &[&str] = &["apex", "ttl", "headless", "fallthrough"];
/// `hostmaster` with its length octet: the longest label that stands before the apex.
const HOSTMASTER_LEN: usize = 11;

/// Everything that a directive decides.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// The zones, in the order given.
    pub zones: Vec<Name>,
    /// The name, relative to each zone, under which the zone's own names stand.
    pub apex: Name,
    /// The TTL of addresses, SOA, NS and PTR records, in seconds.
    pub ttl_s: u32,
    /// Whether headless Services show their endpoints.
    pub headless: bool,
    /// The zones in which a missing name is left to the next plugin.
    pub fallthrough: Vec<Name>,
}

impl Options {
    /// Reads a directive. The zones of the block count where the directive names none.
    ///
    /// # Errors
    /// Points at the word that is wrong.
    pub fn parse(setup: &Setup<'_>, directive: &Directive) -> Result<Self, Diagnostic> {
        let mut options = Self {
            zones: setup.zones_or_block(&directive.args)?,
            apex: Name::from_text("dns").unwrap_or_else(|_| Name::root()),
            ttl_s: 5,
            headless: false,
            fallthrough: Vec::new(),
        };
        for property in directive.properties() {
            property.no_block()?;
            options.read(property)?;
        }
        options.check(directive)?;
        Ok(options)
    }

    fn read(&mut self, property: &Directive) -> Result<(), Diagnostic> {
        match property.name.text.as_str() {
            "apex" => {
                let [apex] = property.exactly("apex APEX")?;
                self.apex = apex.name()?;
                if self.apex.is_root() {
                    let error = apex.wrong("a name below a zone");
                    return Err(error.help("write a label, as in `apex dns`"));
                }
            }
            "ttl" => {
                let [ttl] = property.exactly("ttl SECONDS")?;
                self.ttl_s = ttl.integer(0..=3600)?;
            }
            "headless" => {
                property.exactly::<0>("headless")?;
                self.headless = true;
            }
            "fallthrough" if property.args.is_empty() => self.fallthrough = vec![Name::root()],
            "fallthrough" => self.fallthrough = zones(&property.args)?,
            _ => return Err(property.unknown_property("k8s_external", KNOWN)),
        }
        Ok(())
    }

    /// The names in the SOA record have to be names.
    fn check(&self, directive: &Directive) -> Result<(), Diagnostic> {
        let own = HOSTMASTER_LEN + self.apex.as_wire().len() - 1;
        let Some(zone) = self.zones.iter().find(|zone| own + zone.as_wire().len() > NAME_LEN_MAX) else {
            return Ok(());
        };
        Err(Diagnostic::error(format!("`hostmaster` and `{}` before zone `{zone}` are no name", self.apex))
            .at(directive.head())
            .label(format!("a name has at most {NAME_LEN_MAX} octets"))
            .help("take a shorter zone or `apex`"))
    }

    /// The zone in which the targets of PTR records are: the first that is not a reverse zone.
    #[must_use]
    pub fn primary_zone(&self) -> &Name {
        self.zones.iter().find(|zone| !zone.is_reverse()).unwrap_or(&self.zones[0])
    }
}
