//! Diagnostics as they come up while a Corefile is read.

use super::{Diagnostic, Severity};

/// What more errors than this would tell, the first ones have told. As many warnings are kept.
const ERRORS_MAX: usize = 50;

/// Collects in the order of discovery.
#[derive(Default)]
pub(super) struct Problems {
    pub(super) diagnostics: Vec<Diagnostic>,
    /// Whether an error is among them.
    pub(super) failed: bool,
    errors: usize,
    warnings: usize,
}

impl Problems {
    /// Takes a diagnostic; past the limit, only the fact.
    pub(super) fn push(&mut self, diagnostic: Diagnostic) {
        let (count, excess) = match diagnostic.severity {
            Severity::Error => {
                self.failed = true;
                (&mut self.errors, Diagnostic::error("there are more errors, which are not shown"))
            }
            Severity::Warning => {
                (&mut self.warnings, Diagnostic::warning("there are more warnings, which are not shown"))
            }
        };
        *count += 1;
        if *count <= ERRORS_MAX {
            self.diagnostics.push(diagnostic);
        } else if *count == ERRORS_MAX + 1 {
            self.diagnostics.push(excess);
        }
    }
}
