//! How many words a directive has, and which properties.

use super::args::nearest;
use super::{Diagnostic, Directive, Shown, Span, Token};
use crate::dns::Name;

impl Directive {
    /// Exactly `N` arguments, to be taken apart: `let [duration] = property.exactly("lameduck DURATION")?`. `usage`
    /// shows in the help.
    ///
    /// # Errors
    /// When there are more or fewer.
    pub fn exactly<const N: usize>(&self, usage: &str) -> Result<&[Token; N], Diagnostic> {
        self.between(N, N, usage)?;
        <&[Token; N]>::try_from(self.args.as_slice()).map_err(|_| self.arity(N, N, usage))
    }

    /// `min` arguments or more.
    ///
    /// # Errors
    /// When there are fewer.
    pub fn at_least(&self, min: usize, usage: &str) -> Result<&[Token], Diagnostic> {
        self.between(min, usize::MAX, usage)
    }

    /// `max` arguments or fewer.
    ///
    /// # Errors
    /// When there are more.
    pub fn at_most(&self, max: usize, usage: &str) -> Result<&[Token], Diagnostic> {
        self.between(0, max, usage)
    }

    /// From `min` to `max` arguments.
    ///
    /// # Errors
    /// When there are fewer or more.
    pub fn between(&self, min: usize, max: usize, usage: &str) -> Result<&[Token], Diagnostic> {
        if (min..=max).contains(&self.args.len()) { Ok(&self.args) } else { Err(self.arity(min, max, usage)) }
    }

    /// The properties between the braces; none without braces.
    #[must_use]
    pub fn properties(&self) -> &[Directive] {
        self.block.as_deref().unwrap_or_default()
    }

    /// Refuses a block where there is nothing to set.
    ///
    /// # Errors
    /// When there is one, even if empty: CoreDNS stops at it as well.
    pub fn no_block(&self) -> Result<(), Diagnostic> {
        if self.block.is_none() {
            return Ok(());
        }
        let error = Diagnostic::error(format!("{} takes no block", Shown(&self.name.text))).at(self.head());
        Err(error.help("leave the braces and what is between them out"))
    }

    /// The name and the arguments, without the block.
    #[must_use]
    pub fn head(&self) -> Span {
        self.name.span.to(self.args.last().unwrap_or(&self.name).span)
    }

    /// For a property that its directive, named `of`, does not know.
    #[must_use]
    pub fn unknown_property(&self, of: &str, known: &[&str]) -> Diagnostic {
        let error = Diagnostic::error(format!("unknown property {} of `{of}`", Shown(&self.name.text)));
        let error = error.at(self.name.span);
        if known.is_empty() {
            return error.help(format!("`{of}` has no properties"));
        }
        error.help(nearest(&self.name.text, || known.iter().copied()))
    }

    /// For a directive or property that may stand once, and stood at `first` before.
    #[must_use]
    pub fn repeated(&self, first: &Directive) -> Diagnostic {
        let error =
            Diagnostic::error(format!("{} is given twice", Shown(&self.name.text))).at(self.name.span);
        error.related(first.name.span, "first here").help("keep one of them")
    }

    fn arity(&self, min: usize, max: usize, usage: &str) -> Diagnostic {
        let given = self.args.len();
        let name = Shown(&self.name.text);
        let wanted = match (min, max) {
            (0, 0) => "no arguments".to_owned(),
            (min, usize::MAX) => format!("at least {}", arguments(min)),
            (min, max) if min == max => arguments(min),
            (0, max) => format!("at most {}", arguments(max)),
            (min, max) => format!("from {min} to {}", arguments(max)),
        };
        let error = Diagnostic::error(format!("{name} takes {wanted}, not {given}"));
        let error = match self.args.get(max) {
            Some(excess) => {
                let last = self.args.last().unwrap_or(excess);
                error.at(excess.span.to(last.span)).label("too many")
            }
            None => error.at(self.head()).label("too few"),
        };
        error.help(format!("write `{usage}`"))
    }
}

/// The zones of a list of words, in order.
///
/// # Errors
/// With the first word that is no zone.
pub fn zones(words: &[Token]) -> Result<Vec<Name>, Diagnostic> {
    let mut zones = Vec::with_capacity(words.len());
    for word in words {
        zones.extend(word.zones()?);
    }
    Ok(zones)
}

fn arguments(count: usize) -> String {
    if count == 1 { "1 argument".to_owned() } else { format!("{count} arguments") }
}
