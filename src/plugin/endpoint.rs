//! The address that the plugins with an HTTP endpoint take as their argument.

use super::Place;
use crate::corefile::{Diagnostic, Directive, HostPort};

/// The only argument of `directive`, or `default`, which is `[HOST]:PORT` too.
///
/// # Errors
/// When there is more than one argument, or it is no address to listen on.
pub(super) fn place(
    directive: &Directive,
    plugin: &'static str,
    default: (&str, HostPort),
) -> Result<Place, Diagnostic> {
    let usage = format!("{plugin} [ADDRESS]");
    let (address, listen, word) = match directive.at_most(1, &usage)? {
        [address] => (address.text.clone(), address.listen_address()?, address.span),
        _ => (default.0.to_owned(), default.1, directive.name.span),
    };
    Ok(Place { address, listen, word, plugin })
}
