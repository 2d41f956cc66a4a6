//! `{$NAME}` and `{%NAME%}`: values of the environment within words.

use super::{Environment, Token};

/// What to tell about a word that is empty.
pub(super) fn empty_help(token: &Token) -> &'static str {
    if token.replaced {
        "the environment variable is not set, or empty"
    } else {
        "leave the empty quotes out, or write a name in them"
    }
}

/// `text` with the references between `open` and `close` replaced, unset variables by nothing; `None` when there are
/// none. A reference without a name stays. Stops growing past `size_max`.
pub(super) fn replaced(
    text: &str,
    open: &str,
    close: &str,
    env: &dyn Environment,
    size_max: usize,
) -> Option<String> {
    let mut out = String::new();
    let mut rest = text;
    let mut found = false;
    while let Some((before, after)) = rest.split_once(open) {
        let Some((name, tail)) = after.split_once(close) else { break };
        out.push_str(before);
        if name.is_empty() {
            out.push_str(open);
            out.push_str(close);
        } else {
            found = true;
            out.push_str(&env.var(name).unwrap_or_default());
        }
        rest = tail;
        if out.len() > size_max {
            break;
        }
    }
    found.then(|| out + rest)
}
