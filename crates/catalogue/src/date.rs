//! Days as orders write them: `dd-mmm-yyyy`. May not know today.

const MONTHS: [(&str, u32); 12] = [
    ("jan", 31),
    ("feb", 29),
    ("mar", 31),
    ("apr", 30),
    ("may", 31),
    ("jun", 30),
    ("jul", 31),
    ("aug", 31),
    ("sep", 30),
    ("oct", 31),
    ("nov", 30),
    ("dec", 31),
];

/// Whether a text is a day that exists, with an English month in any case and a year of four digits.
pub(crate) fn is_day(text: &str) -> bool {
    let mut parts = text.split('-');
    let (Some(day), Some(month), Some(year), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    match (number(day, 2), days_in(month), number(year, 4)) {
        (Some(day), Some(days), Some(year)) if year >= 1 && year.to_string().len() == 4 => {
            let days = if days == 29 && !is_leap(year) { 28 } else { days };
            (1..=days).contains(&day)
        }
        _ => false,
    }
}

/// Whether a text says that a license never expires: `permanent`, or a year of zeros.
pub(crate) fn is_permanent(text: &str) -> bool {
    matches!(
        text.to_ascii_lowercase().as_str(),
        "permanent" | "1-jan-0" | "01-jan-00" | "1-jan-00" | "01-jan-0000"
    )
}

fn days_in(month: &str) -> Option<u32> {
    let month = month.to_ascii_lowercase();
    MONTHS.iter().find(|(name, _)| *name == month).map(|(_, days)| *days)
}

fn number(digits: &str, most: usize) -> Option<u32> {
    let plain =
        !digits.is_empty() && digits.len() <= most && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}

fn is_leap(year: u32) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_days_that_exist_are_days() {
        for day in ["1-jun-2026", "29-feb-2028", "31-DEC-2099"] {
            assert!(is_day(day), "{day}");
        }
        for day in
            ["29-feb-2027", "31-jun-2026", "1-jun-26", "0-jan-2026", "1-june-2026", "1-jan-0026", "1-2-2026"]
        {
            assert!(!is_day(day), "{day}");
        }
    }
}
