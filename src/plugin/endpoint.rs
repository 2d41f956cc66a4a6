//! The address that the plugins with an HTTP endpoint take as their argument.

use crate::corefile::{Diagnostic, Directive, HostPort};

/// The only argument of `directive` as it was typed and as it is understood, or `default`, which is `[HOST]:PORT` too.
///
/// # Errors
/// When there is more than one argument, or it is no address to listen on.
pub(super) fn address(
    directive: &Directive,
    default: (&str, HostPort),
) -> Result<(String, HostPort), Diagnostic> {
    let usage = format!("{} [ADDRESS]", directive.name.text);
    match directive.at_most(1, &usage)? {
        [address] => Ok((address.text.clone(), address.listen_address()?)),
        _ => Ok((default.0.to_owned(), default.1)),
    }
}
