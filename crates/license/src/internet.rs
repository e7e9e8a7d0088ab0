//! `INTERNET=` patterns: v4 with `*` per field, v6 with `*` per field and per digit (flexnet-formats §2; the v6
//! form after the Genesys guide, "Using Wildcards in an IPv6 Address"). May not resolve names.

use std::fmt;
use std::net::IpAddr;

/// An IP address with wildcards. Kept as value and mask per field, and as written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddressPattern {
    fields: Fields,
    text: String,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Fields {
    V4([Option<u8>; 4]),
    /// Value and mask: a digit given as `*` has mask 0.
    V6([(u16, u16); 8]),
}

impl AddressPattern {
    /// Reads an address, each v4 field, v6 field or v6 digit of which may be `*`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let fields = if text.contains(':') { v6(text) } else { v4(text) }?;
        Some(Self { fields, text: text.to_owned() })
    }

    /// Whether `address` fits. A v4 address carried in v6 (`::ffff:a.b.c.d`) counts as v4.
    #[must_use]
    pub fn matches(&self, address: IpAddr) -> bool {
        match (&self.fields, address.to_canonical()) {
            (Fields::V4(fields), IpAddr::V4(address)) => {
                fields.iter().zip(address.octets()).all(|(field, octet)| field.is_none_or(|f| f == octet))
            }
            (Fields::V6(fields), IpAddr::V6(address)) => {
                fields.iter().zip(address.segments()).all(|((value, mask), field)| field & mask == *value)
            }
            _ => false,
        }
    }
}

impl fmt::Display for AddressPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn v4(text: &str) -> Option<Fields> {
    let mut fields = [None; 4];
    let mut parts = text.split('.');
    for field in &mut fields {
        *field = match parts.next()? {
            "*" => None,
            part if part.len() <= 3 && part.bytes().all(|b| b.is_ascii_digit()) => Some(part.parse().ok()?),
            _ => return None,
        };
    }
    parts.next().is_none().then_some(Fields::V4(fields))
}

fn v6(text: &str) -> Option<Fields> {
    let groups = match text.split_once("::") {
        None => groups(text)?,
        Some((head, tail)) => {
            let (mut head, tail) = (groups(head)?, groups(tail)?);
            // `::` stands for at least one field of zeros.
            let zeros = 8_usize.checked_sub(head.len() + tail.len()).filter(|zeros| *zeros > 0)?;
            head.extend(std::iter::repeat_n((0, u16::MAX), zeros));
            head.extend(tail);
            head
        }
    };
    groups.try_into().ok().map(Fields::V6)
}

fn groups(text: &str) -> Option<Vec<(u16, u16)>> {
    if text.is_empty() {
        return Some(Vec::new());
    }
    // More than eight fields cannot be right; do not collect them.
    text.split(':').take(9).map(group).collect()
}

/// One field: `*` alone is any value; otherwise one to four digits, each hexadecimal or `*`. Digits that are not
/// written are leading zeros, which must match.
fn group(text: &str) -> Option<(u16, u16)> {
    if text == "*" {
        return Some((0, 0));
    }
    if !(1..=4).contains(&text.len()) {
        return None;
    }
    text.chars().try_fold((0, u16::MAX), |(value, mask), digit| match digit {
        '*' => Some((value << 4, mask << 4)),
        _ => Some((value << 4 | u16::try_from(digit.to_digit(16)?).ok()?, mask << 4 | 0xf)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(pattern: &str, address: &str) -> bool {
        AddressPattern::parse(pattern).unwrap().matches(address.parse().unwrap())
    }

    #[test]
    fn a_v4_field_may_be_a_wildcard() {
        assert!(fits("198.156.*.*", "198.156.7.9"));
        assert!(!fits("198.156.*.*", "198.157.7.9"));
        assert!(fits("127.17.0.*", "127.17.0.4"));
        assert!(fits("127.17.0.1", "::ffff:127.17.0.1"));
    }

    #[test]
    fn a_v6_field_or_digit_may_be_a_wildcard() {
        let range = "2001:0db8:0000:0000:*:*:*:000*";
        assert!(fits(range, "2001:db8::ff8f:effa:13da:1"));
        assert!(fits(range, "2001:db8::ff8f:effa:13da:4"));
        assert!(!fits(range, "2001:db8::ff8f:effa:13da:14"));
        assert!(!fits(range, "2001:db9::ff8f:effa:13da:1"));
        assert!(fits("2001:db8::1*", "2001:db8::1f"));
        assert!(!fits("2001:db8::1*", "2001:db8::11f"));
        assert!(fits("2001:d*8::", "2001:da8::"));
        assert!(!fits("*:*:*:*:*:*:*:*", "10.0.0.1"));
    }

    #[test]
    fn what_is_not_an_address_is_refused() {
        let wrong = [
            "",
            "1.2.3",
            "1.2.3.4.5",
            "1.2.3.256",
            "1.2.3.*4",
            "1:2",
            "1:2:3:4:5:6:7:8:9",
            "::1::2",
            "12345::",
            "g::",
            "1:2:3:4:5:6:7::8",
            "1.2.3.+4",
            ":",
            "1:::2",
            "é::",
        ];
        for text in wrong {
            assert_eq!(AddressPattern::parse(text), None, "{text}");
        }
    }
}
