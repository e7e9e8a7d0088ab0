//! Feature versions: decimal numbers, compared as numbers (flexnet-formats §1.5). May not know what a version is
//! compared for: the rule (`at-least`, `same-major`) belongs to the pool.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// A decimal version as written, ordered and compared by its value: `10.0 > 9.5`, `8.0 == 8`, `1.10 == 1.1`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Version {
    major: u32,
    /// The fraction in units of 10⁻⁹, so that equal values have equal numbers.
    fraction: u32,
    text: String,
}

/// Why a text is not a version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VersionError {
    /// Letters, signs, several points, or nothing at all (FlexNet error -77).
    #[error("`{0}` is not a decimal number")]
    NotDecimal(String),
    /// More than nine digits before or after the point.
    #[error("`{0}` has more than nine digits on one side of the point")]
    TooLong(String),
}

const DIGITS: usize = 9;

impl Version {
    /// Reads a decimal number without sign, exponent or letters.
    ///
    /// # Errors
    /// When the text is anything else.
    pub fn parse(text: &str) -> Result<Self, VersionError> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if whole.len() + fraction.len() == 0 || !digits(whole) || !digits(fraction) {
            return Err(VersionError::NotDecimal(shorten(text)));
        }
        let significant = fraction.trim_end_matches('0');
        let too_long = || VersionError::TooLong(shorten(text));
        if significant.len() > DIGITS {
            return Err(too_long());
        }
        let major = number(whole.trim_start_matches('0')).ok_or_else(too_long)?;
        let fraction = number(&format!("{significant:0<DIGITS$}")).ok_or_else(too_long)?;
        Ok(Self { major, fraction, text: text.to_owned() })
    }

    /// Where a line names no version: every other version is newer.
    pub(crate) fn zero() -> Self {
        Self { major: 0, fraction: 0, text: "0".to_owned() }
    }

    /// The part before the point: what `same-major` compares.
    #[must_use]
    pub fn major(&self) -> u32 {
        self.major
    }

    /// A day as a version, `yyyy.mmdd`, as FlexNet writes versions that are days (flexnet-formats §1.5): later days are newer.
    #[must_use]
    pub fn of_day(day: Date) -> Self {
        let (month, date) = (i64::from(day.month()), i64::from(day.day()));
        let whole = u32::try_from(day.year()).unwrap_or_default();
        let fraction = u32::try_from((month * 100 + date) * 100_000).unwrap_or_default();
        Self { major: whole, fraction, text: format!("{whole:04}.{month:02}{date:02}") }
    }

    /// The day that the version is, if it reads as one of the years 1900 to 2199.
    #[must_use]
    pub fn day(&self) -> Option<Date> {
        let (mmdd, rest) = (self.fraction / 100_000, self.fraction % 100_000);
        let part = |number: u32| i8::try_from(number).ok();
        let year = i16::try_from(self.major).ok().filter(|year| (1900..2200).contains(year))?;
        let day = Date::new(year, part(mmdd / 100)?, part(mmdd % 100)?).ok();
        day.filter(|_| rest == 0)
    }

    /// As it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// One spelling for all equal versions: no trailing zeros, at least one digit before the point.
    #[must_use]
    pub fn canonical(&self) -> String {
        let fraction = format!("{:09}", self.fraction);
        match fraction.trim_end_matches('0') {
            "" => self.major.to_string(),
            digits => format!("{}.{digits}", self.major),
        }
    }
}

/// At most nine digits, so that the number fits.
fn number(digits: &str) -> Option<u32> {
    match digits.len() {
        0 => Some(0),
        1..=DIGITS => digits.parse().ok(),
        _ => None,
    }
}

fn shorten(text: &str) -> String {
    text.chars().take(40).collect()
}

impl FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Version {
    type Error = VersionError;

    fn try_from(text: String) -> Result<Self, VersionError> {
        Self::parse(&text)
    }
}

impl From<Version> for String {
    fn from(version: Version) -> Self {
        version.text
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        (self.major, self.fraction) == (other.major, other.fraction)
    }
}

impl Eq for Version {}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.major, self.fraction).cmp(&(other.major, other.fraction))
    }
}

impl Hash for Version {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.major, self.fraction).hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        Version::parse(text).unwrap()
    }

    #[test]
    fn versions_compare_as_numbers_not_as_text() {
        assert!(version("10.0") > version("9.5"));
        assert!(version("2.3") > version("2.29"));
        assert!(version("2020.111") < version("2020.1231"));
        assert_eq!(version("8.0"), version("8"));
        assert_eq!(version("1.10"), version("1.1"));
        assert_eq!(version("008"), version("8."));
    }

    #[test]
    fn a_version_shows_the_digits_as_written() {
        assert_eq!(version("1.000").to_string(), "1.000");
        assert_eq!(version("1.000").canonical(), "1");
        assert_eq!(version("2013.0331").canonical(), "2013.0331");
        assert_eq!(version(".5").canonical(), "0.5");
    }

    #[test]
    fn a_day_is_a_version_and_later_days_are_newer() {
        let day = |text: &str| text.parse::<Date>().unwrap();
        let written = Version::of_day(day("2027-06-30"));
        assert_eq!((written.text(), written.day()), ("2027.0630", Some(day("2027-06-30"))));
        assert_eq!(version(&written.canonical()), written);
        assert_eq!(version(&written.canonical()).day(), written.day());
        let days = ["2026-12-31", "2027-01-01", "2027-01-11", "2027-06-30", "2027-10-01", "2027-11-10"];
        let versions = days.map(|text| Version::of_day(day(text)));
        assert!(versions.is_sorted(), "{versions:?}");
        assert!(versions[0] > version("8.5"), "an application that asks for a release is served");
        for none in ["8.0", "2027", "2027.1", "2027.0230", "2027.06301", "9999.9999"] {
            assert_eq!(version(none).day(), None, "{none}");
        }
    }

    #[test]
    fn letters_signs_and_several_points_are_refused() {
        for text in ["", ".", "v8", "8.5.1", "-1", "1e3", "1,0", "8 ", "٣"] {
            assert!(matches!(Version::parse(text), Err(VersionError::NotDecimal(_))), "{text}");
        }
        assert!(matches!(Version::parse("12345678901"), Err(VersionError::TooLong(_))));
        assert!(matches!(Version::parse("0.0000000001"), Err(VersionError::TooLong(_))));
    }

    #[test]
    fn a_version_is_stored_as_its_text() {
        let stored = serde_json::to_string(&version("1.10")).unwrap();
        assert_eq!(stored, "\"1.10\"");
        assert_eq!(serde_json::from_str::<Version>(&stored).unwrap().to_string(), "1.10");
        assert!(serde_json::from_str::<Version>("\"x\"").is_err());
    }
}
