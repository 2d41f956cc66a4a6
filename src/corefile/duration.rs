//! Durations as Go writes them: `5s`, `1m30s`, `500ms`, `1.5h`.

use std::time::Duration;

/// Why a text is no duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// `5`: Go wants a unit on everything but `0`.
    #[error("the unit is missing")]
    NoUnit,
    /// `5d`.
    #[error("the units are `ns`, `us`, `ms`, `s`, `m` and `h`")]
    UnknownUnit,
    /// `-5s`: none of CoreDNS's options takes one.
    #[error("it is negative")]
    Negative,
    /// Go's durations end at 2^63 ns, about 292 years.
    #[error("it is longer than 292 years")]
    TooLong,
    /// Anything else.
    #[error("it is not a number with a unit")]
    NotANumber,
}

const DURATION_NS_MAX: u128 = i64::MAX as u128;

/// Reads a duration of Go's `time.ParseDuration`: numbers, perhaps with fractions, each with a unit; a bare `0` is fine.
///
/// # Errors
/// When it is none, or negative.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    let (negative, mut rest) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    if rest.is_empty() {
        return Err(DurationError::NotANumber);
    }
    let mut total_ns: u128 = 0;
    while !rest.is_empty() {
        let number_len = rest.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.').count();
        let (number, tail) = rest.split_at(number_len);
        let unit_len = tail.find(|char: char| char.is_ascii_digit() || char == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_len);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
            return Err(DurationError::NotANumber);
        }
        total_ns += amount_ns(whole, fraction, unit_ns(unit)?)?;
        if total_ns > DURATION_NS_MAX {
            return Err(DurationError::TooLong);
        }
        rest = tail;
    }
    if negative && total_ns > 0 {
        return Err(DurationError::Negative);
    }
    u64::try_from(total_ns).map(Duration::from_nanos).map_err(|_| DurationError::TooLong)
}

/// A duration as Go's `Duration.String` prints it, for lines that scripts know: `5s`, `1m30s`, `500ms`, `1.5µs`.
#[must_use]
pub fn duration_text(duration: Duration) -> String {
    let (hours, rest_s) = (duration.as_secs() / 3600, duration.as_secs() % 3600);
    let (minutes, seconds, ns) = (rest_s / 60, rest_s % 60, duration.subsec_nanos());
    if duration.as_secs() == 0 {
        return match ns {
            0 => "0s".to_owned(),
            1..1_000 => format!("{ns}ns"),
            1_000..1_000_000 => format!("{}µs", decimal(ns / 1_000, ns % 1_000, 3)),
            _ => format!("{}ms", decimal(ns / 1_000_000, ns % 1_000_000, 6)),
        };
    }
    let seconds = decimal(seconds as u32, ns, 9);
    match (hours, minutes) {
        (0, 0) => format!("{seconds}s"),
        (0, _) => format!("{minutes}m{seconds}s"),
        _ => format!("{hours}h{minutes}m{seconds}s"),
    }
}

/// `whole.fraction`, the fraction of so many digits without zeros behind it.
fn decimal(whole: u32, fraction: u32, digits: usize) -> String {
    let text = format!("{whole}.{fraction:0digits$}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn unit_ns(unit: &str) -> Result<u128, DurationError> {
    match unit {
        "ns" => Ok(1),
        "us" | "µs" | "μs" => Ok(1_000),
        "ms" => Ok(1_000_000),
        "s" => Ok(1_000_000_000),
        "m" => Ok(60_000_000_000),
        "h" => Ok(3_600_000_000_000),
        "" => Err(DurationError::NoUnit),
        _ => Err(DurationError::UnknownUnit),
    }
}

/// `whole.fraction` units, cut to whole nanoseconds.
fn amount_ns(whole: &str, fraction: &str, unit_ns: u128) -> Result<u128, DurationError> {
    let too_long = |_| DurationError::TooLong;
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().map_err(too_long)? };
    // Digits past the 18th are less than a nanosecond of an hour.
    let digits = fraction.get(..fraction.len().min(18)).unwrap_or("");
    let numerator: u64 = if digits.is_empty() { 0 } else { digits.parse().map_err(too_long)? };
    let denominator = 10u128.pow(digits.len() as u32);
    Ok(u128::from(whole) * unit_ns + u128::from(numerator) * unit_ns / denominator)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_duration_is_printed_as_go_does() {
        for (ns, text) in [
            (0, "0s"),
            (1, "1ns"),
            (1_100, "1.1µs"),
            (2_200_000, "2.2ms"),
            (100_000_000, "100ms"),
            (3_300_000_000, "3.3s"),
            (30_000_000_000, "30s"),
            (60_000_000_000, "1m0s"),
            (300_000_000_000, "5m0s"),
            (245_001_000_000, "4m5.001s"),
            (3_600_000_000_000, "1h0m0s"),
            (18_367_001_000_000, "5h6m7.001s"),
            (i64::MAX as u64, "2562047h47m16.854775807s"),
        ] {
            assert_eq!(duration_text(Duration::from_nanos(ns)), text);
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(ns in 0..i64::MAX as u64) {
            let duration = Duration::from_nanos(ns);
            prop_assert_eq!(parse_duration(&duration_text(duration)), Ok(duration));
        }
    }

    #[test]
    fn numbers_with_units_add_up() {
        for (text, ns) in [
            ("0", 0),
            ("-0", 0),
            ("0s", 0),
            ("5s", 5_000_000_000),
            ("+5s", 5_000_000_000),
            ("1m30s", 90_000_000_000),
            ("500ms", 500_000_000),
            ("1h", 3_600_000_000_000),
            ("1.5h", 5_400_000_000_000),
            (".5s", 500_000_000),
            ("1.s", 1_000_000_000),
            ("10us", 10_000),
            ("10µs", 10_000),
            ("10μs", 10_000),
            ("7ns", 7),
            ("0.3ns", 0),
            ("5001ms", 5_001_000_000),
            ("2562047h", 9_223_369_200_000_000_000),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_nanos(ns)), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_says_why() {
        use DurationError::{Negative, NoUnit, NotANumber, TooLong, UnknownUnit};
        for (text, error) in [
            ("", NotANumber),
            ("-", NotANumber),
            ("s", NotANumber),
            (".s", NotANumber),
            ("1.2.3s", NotANumber),
            ("fast", NotANumber),
            ("5", NoUnit),
            ("1m30", NoUnit),
            ("5d", UnknownUnit),
            ("5 s", UnknownUnit),
            ("5S", UnknownUnit),
            ("-1s", Negative),
            ("2562048h", TooLong),
            ("99999999999999999999s", TooLong),
        ] {
            assert_eq!(parse_duration(text), Err(error), "{text}");
        }
    }
}
