//! Diagnostics as they come up while a Corefile is read.

use super::{Diagnostic, Severity};

/// What more errors than this would tell, the first ones have told.
const ERRORS_MAX: usize = 50;

/// Collects in the order of discovery.
#[derive(Default)]
pub(super) struct Problems {
    pub(super) diagnostics: Vec<Diagnostic>,
    /// Whether an error is among them.
    pub(super) failed: bool,
    errors: usize,
}

impl Problems {
    /// Takes a diagnostic; past the limit, only the fact.
    pub(super) fn push(&mut self, diagnostic: Diagnostic) {
        if diagnostic.severity == Severity::Error {
            self.failed = true;
            self.errors += 1;
            if self.errors == ERRORS_MAX + 1 {
                self.diagnostics.push(Diagnostic::error("there are more errors, which are not shown"));
            }
        }
        if self.errors <= ERRORS_MAX && self.diagnostics.len() < 2 * ERRORS_MAX {
            self.diagnostics.push(diagnostic);
        }
    }
}
