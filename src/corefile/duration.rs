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

/// Writes a duration as Go prints it, for the lines that scripts know: `5s`, `1m40s`, `1.5s`, `200ms`.
#[must_use]
pub fn show_duration(duration: Duration) -> String {
    let ns = duration.as_nanos();
    let fraction = |unit_ns: u128, digits: usize| {
        let fraction = format!("{:0digits$}", ns % unit_ns);
        match fraction.trim_end_matches('0') {
            "" => String::new(),
            digits => format!(".{digits}"),
        }
    };
    match ns {
        0 => "0s".to_owned(),
        1..1_000 => format!("{ns}ns"),
        1_000..1_000_000 => format!("{}{}µs", ns / 1_000, fraction(1_000, 3)),
        1_000_000..1_000_000_000 => format!("{}{}ms", ns / 1_000_000, fraction(1_000_000, 6)),
        _ => {
            let seconds = duration.as_secs();
            let rest = format!("{}{}s", seconds % 60, fraction(1_000_000_000, 9));
            match (seconds / 3600, seconds / 60 % 60) {
                (0, 0) => rest,
                (0, minutes) => format!("{minutes}m{rest}"),
                (hours, minutes) => format!("{hours}h{minutes}m{rest}"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn a_duration_is_shown_as_go_does() {
        for (ns, text) in [
            (0, "0s"),
            (7, "7ns"),
            (1_500, "1.5µs"),
            (200_000_000, "200ms"),
            (1_000_000, "1ms"),
            (5_000_000_000, "5s"),
            (1_500_000_000, "1.5s"),
            (100_000_000_000, "1m40s"),
            (300_000_000_000, "5m0s"),
            (3_600_000_000_000, "1h0m0s"),
            (5_400_500_000_000, "1h30m0.5s"),
        ] {
            assert_eq!(show_duration(Duration::from_nanos(ns)), text);
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_shown_is_read_back(ns in 0..i64::MAX as u64) {
            let duration = Duration::from_nanos(ns);
            proptest::prop_assert_eq!(parse_duration(&show_duration(duration)), Ok(duration));
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
