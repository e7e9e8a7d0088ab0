//! Dates of the license file: `dd-mmm-yyyy`, and the spellings that never expire (flexnet-formats §1.5). May not
//! know today's date.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// Until when a line works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Expiry {
    /// Never expires: `permanent`, or a year of zeros (`1-jan-0`, `01-jan-00`).
    Permanent,
    /// Works through the end of this day.
    On(Date),
}

/// Why a text is not a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DateError {
    /// Not of the form `dd-mmm-yyyy`.
    #[error("is not a date of the form dd-mmm-yyyy")]
    NotADate,
    /// The month is not one of the twelve English abbreviations.
    #[error("has no English month abbreviation")]
    BadMonth,
    /// A year of one to three digits that is not zero: which century is anyone's guess.
    #[error("needs a year of four digits")]
    ShortYear,
    /// The day does not exist in that month.
    #[error("is a day that does not exist")]
    NoSuchDay,
    /// A never-expiring spelling where a real date is needed.
    #[error("is not a real date")]
    Permanent,
}

impl DateError {
    /// What to do about it.
    #[must_use]
    pub fn hint(self) -> &'static str {
        match self {
            Self::NotADate => "write the date as `31-dec-2027`, or `permanent`",
            Self::BadMonth => "use jan, feb, mar, apr, may, jun, jul, aug, sep, oct, nov or dec",
            Self::ShortYear => "write all four digits, such as `31-dec-2027`; only `00` means permanent",
            Self::NoSuchDay => "check the day against the calendar",
            Self::Permanent => "write a day, such as `31-dec-2027`",
        }
    }
}

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

impl Expiry {
    /// Reads an expiry date or one of the spellings of "never".
    ///
    /// # Errors
    /// When the text is neither.
    pub fn parse(text: &str) -> Result<Self, DateError> {
        if text.eq_ignore_ascii_case("permanent") {
            return Ok(Self::Permanent);
        }
        let mut parts = text.split('-');
        let (Some(day), Some(month), Some(year), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(DateError::NotADate);
        };
        let day = digits(day, 2).ok_or(DateError::NotADate)?;
        let month = MONTHS.iter().position(|name| name.eq_ignore_ascii_case(month));
        let month = month.ok_or(DateError::BadMonth)?;
        let number = digits(year, 4).ok_or(DateError::NotADate)?;
        match (number, year.len()) {
            (0, _) => Ok(Self::Permanent),
            (_, 4) => {
                let month = i8::try_from(month + 1).map_err(|_| DateError::BadMonth)?;
                let day = i8::try_from(day).map_err(|_| DateError::NoSuchDay)?;
                Date::new(number, month, day).map(Self::On).map_err(|_| DateError::NoSuchDay)
            }
            _ => Err(DateError::ShortYear),
        }
    }

    /// The last day it works, `None` for never-ending.
    #[must_use]
    pub fn last_day(self) -> Option<Date> {
        match self {
            Self::Permanent => None,
            Self::On(date) => Some(date),
        }
    }
}

fn digits(text: &str, at_most: usize) -> Option<i16> {
    let fits = (1..=at_most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    fits.then(|| text.parse().ok())?
}

/// Reads a real date: `ISSUED`, `START` and the like.
///
/// # Errors
/// When the text is not a date, or is one of the spellings of "never".
pub fn parse_date(text: &str) -> Result<Date, DateError> {
    Expiry::parse(text)?.last_day().ok_or(DateError::Permanent)
}

/// Writes a date the way the license file does: `31-dec-2027`.
#[must_use]
pub fn format_date(date: Date) -> String {
    let month = usize::try_from(date.month() - 1).unwrap_or_default();
    format!("{:02}-{}-{:04}", date.day(), MONTHS[month], date.year())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn real_dates_are_read_in_any_case_with_or_without_leading_zero() {
        for text in ["1-dec-2012", "01-DEC-2012", "1-Dec-2012"] {
            assert_eq!(Expiry::parse(text), Ok(Expiry::On(date(2012, 12, 1))), "{text}");
        }
        assert_eq!(Expiry::parse("01-aug-2000"), Ok(Expiry::On(date(2000, 8, 1))));
        assert_eq!(Expiry::parse("29-feb-2028"), Ok(Expiry::On(date(2028, 2, 29))));
    }

    #[test]
    fn a_year_of_zeros_never_expires_whatever_the_day_and_month() {
        for text in ["permanent", "PERMANENT", "1-jan-0", "01-jan-00", "31-dec-000", "01-jan-0000"] {
            assert_eq!(Expiry::parse(text), Ok(Expiry::Permanent), "{text}");
        }
    }

    #[test]
    fn every_kind_of_wrong_date_has_its_own_reason() {
        assert_eq!(Expiry::parse("31-dec-99"), Err(DateError::ShortYear));
        assert_eq!(Expiry::parse("31-dec-202"), Err(DateError::ShortYear));
        assert_eq!(Expiry::parse("31-dez-2027"), Err(DateError::BadMonth));
        assert_eq!(Expiry::parse("31-feb-2027"), Err(DateError::NoSuchDay));
        assert_eq!(Expiry::parse("0-feb-2027"), Err(DateError::NoSuchDay));
        for text in
            ["", "0", "0000", "2027-12-31", "31.12.2027", "31-dec-20270", "+1-dec-2027", "1-jan-2027-"]
        {
            assert!(Expiry::parse(text).is_err(), "{text}");
        }
        assert_eq!(parse_date("1-jan-0"), Err(DateError::Permanent));
    }

    #[test]
    fn a_date_is_written_as_it_is_read() {
        let day = date(2027, 3, 4);
        assert_eq!(format_date(day), "04-mar-2027");
        assert_eq!(parse_date(&format_date(day)), Ok(day));
    }
}
