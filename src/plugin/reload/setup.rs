//! `reload [INTERVAL [JITTER]]`.

use std::time::Duration;

use crate::corefile::{Diagnostic, Shown, Token};
use crate::plugin::{Reload, Setup, SetupResult};

const INTERVAL_DEFAULT: Duration = Duration::from_secs(30);
const INTERVAL_MIN: Duration = Duration::from_secs(2);
const JITTER_DEFAULT: Duration = Duration::from_secs(15);
const JITTER_MIN: Duration = Duration::from_secs(1);

/// Sets `reload` up.
///
/// # Errors
/// When interval or jitter are too short or no durations.
pub fn setup(setup: &mut Setup<'_>) -> SetupResult {
    let directive = setup.once()?;
    directive.no_block()?;
    let args = directive.at_most(2, "reload [INTERVAL [JITTER]]")?;
    setup.draft.reload = Some(read(args)?);
    Ok(())
}

fn read(args: &[Token]) -> Result<Reload, Diagnostic> {
    let interval =
        args.first().map_or(Ok(INTERVAL_DEFAULT), |word| at_least(word, INTERVAL_MIN, "interval"))?;
    let jitter = match args.get(1) {
        Some(word) if word.duration()?.is_zero() => Duration::ZERO,
        Some(word) => at_least(word, JITTER_MIN, "jitter")?,
        None => JITTER_DEFAULT,
    };
    Ok(Reload { interval, jitter: jitter.min(interval / 2) })
}

fn at_least(word: &Token, min: Duration, what: &str) -> Result<Duration, Diagnostic> {
    let duration = word.duration()?;
    if duration < min {
        let error = Diagnostic::error(format!("{what} {} is too short", Shown(&word.text))).at(word.span);
        return Err(error.help(format!("it is {}s or more", min.as_secs())));
    }
    Ok(duration)
}
