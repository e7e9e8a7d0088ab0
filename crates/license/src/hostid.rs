//! Host ids of every kind (flexnet-formats §2). May not look at the machine it runs on: what is known of a machine
//! is an argument.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::internet::AddressPattern;
use crate::machine::{Fingerprint, Machine};

/// What a file or a line is bound to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum HostId {
    /// Every machine.
    Any,
    /// Every machine, for uncounted lines only.
    Demo,
    /// An Ethernet address: twelve hexadecimal digits.
    Ethernet([u8; 6]),
    /// A 32-bit host number: eight hexadecimal digits, or decimal behind `#`.
    Number(u32),
    /// `HOSTNAME=`
    Hostname(String),
    /// `USER=`
    User(String),
    /// `DISPLAY=`
    Display(String),
    /// `INTERNET=`
    Internet(AddressPattern),
    /// `ID=`: names the customer, holds on any machine; dashes are ignored.
    Customer(String),
    /// `DISK_SERIAL_NUM=`: the Windows volume serial number.
    DiskSerial(u32),
    /// `MACHINE_ID=`: the operating system's machine id.
    MachineId(String),
    /// `FINGERPRINT=`: several components, all but one of which must be found.
    Fingerprint(Fingerprint),
    /// `FLEXID=`, `COMPOSITE=`, `VM_UUID=` and others whose values are only compared: name and value.
    Named(String, String),
    /// A kind that is not known: kept, and matches no machine.
    Unknown(String),
}

/// Why a text is not a host id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostIdError {
    /// No text at all.
    #[error("the host id is empty")]
    Empty,
    /// The value behind a known name cannot be read.
    #[error("`{value}` is not a value of `{kind}=`")]
    BadValue {
        /// The name before the `=`.
        kind: &'static str,
        /// The text behind it.
        value: String,
    },
    /// Behind `#` stands no decimal number of 32 bits.
    #[error("`{0}` is not a decimal number of 32 bits")]
    BadNumber(String),
}

impl HostIdError {
    /// What to write instead.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Empty => "write a host id, or `ANY`",
            Self::BadNumber(_) => "behind `#` stands the number that `uname -i` shows",
            Self::BadValue { kind: "INTERNET", .. } => "write `INTERNET=192.0.2.*` or `INTERNET=2001:db8::*`",
            Self::BadValue { kind: "DISK_SERIAL_NUM", .. } => {
                "write the eight digits that `vol c:` shows, without the dash"
            }
            Self::BadValue { kind: "FINGERPRINT", .. } => {
                "write at least three parts `kind:hash` joined with `+`, as `grantor hostid` shows them"
            }
            Self::BadValue { .. } => "write a value behind the `=`",
        }
    }
}

/// Kinds whose values are only compared, ignoring case and dashes. The caller says what its machine has of each.
const NAMED: [&str; 14] = [
    "FLEXID",
    "COMPOSITE",
    "VM_UUID",
    "VM_GENID",
    "PHY_ETHER",
    "PHY_HOSTNAME",
    "PHY_INTERNET",
    "PHY_UUID",
    "AMZN_EIP",
    "AMZN_AMI",
    "AMZN_IID",
    "TPM_ID1",
    "ID_STRING",
    "SERNUM_ID_STRING",
];

impl HostId {
    /// Reads one host id.
    ///
    /// # Errors
    /// When the text is empty or the value of a known kind cannot be read. An unknown kind is no error.
    pub fn parse(text: &str) -> Result<Self, HostIdError> {
        if let Some((name, value)) = text.split_once('=') {
            return tagged(text, &name.to_ascii_uppercase(), value);
        }
        if let Some(number) = text.strip_prefix('#') {
            let decimal = number.bytes().all(|b| b.is_ascii_digit());
            let number = decimal.then(|| number.parse().ok()).flatten();
            return number.map(Self::Number).ok_or_else(|| HostIdError::BadNumber(text.to_owned()));
        }
        Ok(match text {
            "" => return Err(HostIdError::Empty),
            _ if text.eq_ignore_ascii_case("ANY") => Self::Any,
            _ if text.eq_ignore_ascii_case("DEMO") => Self::Demo,
            _ => bare(text).unwrap_or_else(|| Self::Unknown(text.to_owned())),
        })
    }

    /// Whether this machine has the host id.
    #[must_use]
    pub fn matches(&self, machine: &Machine) -> bool {
        match self {
            Self::Any | Self::Demo | Self::Customer(_) => true,
            Self::Ethernet(address) => machine.ethernet.contains(address),
            Self::Number(number) => machine.host_numbers.contains(number),
            Self::Hostname(name) => machine.hostnames.iter().any(|own| same_host(name, own)),
            Self::User(name) => machine.user.as_ref() == Some(name),
            Self::Display(name) => machine.display.as_ref() == Some(name),
            Self::Internet(pattern) => machine.addresses.iter().any(|address| pattern.matches(*address)),
            Self::DiskSerial(serial) => machine.disk_serials.contains(serial),
            Self::MachineId(id) => machine.machine_ids.iter().any(|own| same_id(id, own)),
            Self::Fingerprint(fingerprint) => fingerprint.matches(machine),
            Self::Named(kind, value) => {
                machine.named.get(kind).is_some_and(|own| own.iter().any(|own| same_id(value, own)))
            }
            Self::Unknown(_) => false,
        }
    }
}

/// `name=value`.
fn tagged(text: &str, name: &str, value: &str) -> Result<HostId, HostIdError> {
    let bad = |kind| HostIdError::BadValue { kind, value: value.chars().take(80).collect() };
    let filled = |kind| if value.is_empty() { Err(bad(kind)) } else { Ok(value.to_owned()) };
    Ok(match name {
        "HOSTNAME" => HostId::Hostname(filled("HOSTNAME")?),
        "USER" => HostId::User(filled("USER")?),
        "DISPLAY" => HostId::Display(filled("DISPLAY")?),
        "INTERNET" => HostId::Internet(AddressPattern::parse(value).ok_or_else(|| bad("INTERNET"))?),
        "ID" => HostId::Customer(filled("ID")?.replace('-', "")),
        "ETHER" => bare(value).filter(|id| matches!(id, HostId::Ethernet(_))).ok_or_else(|| bad("ETHER"))?,
        "DISK_SERIAL_NUM" => {
            HostId::DiskSerial(hex(&value.replace('-', "")).ok_or_else(|| bad("DISK_SERIAL_NUM"))?)
        }
        "MACHINE_ID" => HostId::MachineId(filled("MACHINE_ID")?),
        "FINGERPRINT" => HostId::Fingerprint(Fingerprint::parse(value).ok_or_else(|| bad("FINGERPRINT"))?),
        _ => match NAMED.iter().find(|known| **known == name) {
            Some(known) => HostId::Named(name.to_owned(), filled(known)?),
            None => HostId::Unknown(text.to_owned()),
        },
    })
}

/// Eight or twelve hexadecimal digits.
fn bare(text: &str) -> Option<HostId> {
    if !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    match text.len() {
        8 => hex(text).map(HostId::Number),
        12 => {
            let number = u64::from_str_radix(text, 16).ok()?;
            let [_, _, address @ ..] = number.to_be_bytes();
            Some(HostId::Ethernet(address))
        }
        _ => None,
    }
}

fn hex(text: &str) -> Option<u32> {
    let fits = (1..=8).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit());
    fits.then(|| u32::from_str_radix(text, 16).ok()).flatten()
}

/// A name without a domain also fits the full name of the host.
fn same_host(wanted: &str, own: &str) -> bool {
    let short = own.split('.').next().unwrap_or(own);
    wanted.eq_ignore_ascii_case(own) || (!wanted.contains('.') && wanted.eq_ignore_ascii_case(short))
}

fn same_id(wanted: &str, own: &str) -> bool {
    let digits = |id: &str| id.replace('-', "").to_ascii_lowercase();
    digits(wanted) == digits(own)
}

/// Reads a list: any one of the ids is enough. Separated by blanks or commas, as in the Genesys guide's v6 example.
///
/// # Errors
/// When the list is empty or one of the ids cannot be read.
pub fn parse_list(text: &str) -> Result<Vec<HostId>, HostIdError> {
    let parts = text.split([' ', '\t', ',']).filter(|part| !part.is_empty());
    let ids = parts.map(HostId::parse).collect::<Result<Vec<_>, _>>()?;
    if ids.is_empty() { Err(HostIdError::Empty) } else { Ok(ids) }
}

impl fmt::Display for HostId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("ANY"),
            Self::Demo => f.write_str("DEMO"),
            Self::Ethernet(address) => address.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
            Self::Number(number) => write!(f, "{number:08x}"),
            Self::Hostname(name) => write!(f, "HOSTNAME={name}"),
            Self::User(name) => write!(f, "USER={name}"),
            Self::Display(name) => write!(f, "DISPLAY={name}"),
            Self::Internet(pattern) => write!(f, "INTERNET={pattern}"),
            Self::Customer(id) => write!(f, "ID={id}"),
            Self::DiskSerial(serial) => write!(f, "DISK_SERIAL_NUM={serial:08x}"),
            Self::MachineId(id) => write!(f, "MACHINE_ID={id}"),
            Self::Fingerprint(fingerprint) => write!(f, "FINGERPRINT={fingerprint}"),
            Self::Named(kind, value) => write!(f, "{kind}={value}"),
            Self::Unknown(text) => f.write_str(text),
        }
    }
}

impl From<HostId> for String {
    fn from(id: HostId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for HostId {
    type Error = HostIdError;

    fn try_from(text: String) -> Result<Self, HostIdError> {
        Self::parse(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> HostId {
        HostId::parse(text).unwrap()
    }

    fn machine() -> Machine {
        Machine {
            ethernet: vec![[8, 0, 0x20, 0, 5, 0xac]],
            hostnames: vec!["lic1.example.com".into()],
            addresses: vec!["192.0.2.7".parse().unwrap(), "2001:db8::4".parse().unwrap()],
            disk_serials: vec![0x1ca2_5283],
            machine_ids: vec!["0F3E-11".into()],
            host_numbers: vec![0x778d_a450],
            user: Some("maria".into()),
            display: Some("tty1".into()),
            named: [("FLEXID".to_owned(), vec!["9-b28520b9".to_owned()])].into(),
            ..Machine::default()
        }
    }

    #[test]
    fn each_kind_matches_the_machine_that_has_it() {
        let held = [
            "0800200005AC",
            "0800200005ac",
            "ETHER=0800200005ac",
            "778DA450",
            "#2005771344",
            "ANY",
            "demo",
            "HOSTNAME=LIC1.example.com",
            "HOSTNAME=lic1",
            "USER=maria",
            "DISPLAY=tty1",
            "INTERNET=192.0.2.*",
            "INTERNET=2001:db8::*",
            "ID=1234-5678",
            "DISK_SERIAL_NUM=1CA25283",
            "DISK_SERIAL_NUM=1CA2-5283",
            "MACHINE_ID=0f3e11",
            "FLEXID=9-B28520B9",
        ];
        for text in held {
            assert!(id(text).matches(&machine()), "{text}");
        }
    }

    #[test]
    fn no_kind_matches_another_machine() {
        let others = [
            "0800200005ad",
            "778DA451",
            "#1",
            "HOSTNAME=lic2",
            "HOSTNAME=lic1.example.org",
            "USER=Maria",
            "DISPLAY=tty2",
            "INTERNET=192.0.3.*",
            "DISK_SERIAL_NUM=1CA25284",
            "MACHINE_ID=0f3e12",
            "FLEXID=9-b28520b8",
            "COMPOSITE=9b28520b8aaa",
            "hostid",
            "WIBU=3-17",
        ];
        for text in others {
            assert!(!id(text).matches(&machine()), "{text}");
        }
    }

    #[test]
    fn a_decimal_number_is_the_same_id_as_its_hexadecimal_form() {
        assert_eq!(id("#2005771344"), id("778DA450"));
        assert_eq!(id("ID=1234-5678"), id("ID=12345678"));
    }

    #[test]
    fn values_that_cannot_be_read_are_refused_with_a_hint() {
        let wrong = [
            "",
            "#",
            "#x",
            "#4294967296",
            "#+5",
            "INTERNET=1.2.3",
            "DISK_SERIAL_NUM=xyz",
            "HOSTNAME=",
            "FLEXID=",
            "FINGERPRINT=disk:1",
            "ETHER=12",
        ];
        for text in wrong {
            let error = HostId::parse(text).unwrap_err();
            assert!(!error.hint().is_empty(), "{text}");
        }
    }

    #[test]
    fn a_list_is_separated_by_blanks_or_commas() {
        let list = parse_list("INTERNET=127.17.0.*, INTERNET=2001:0db8:0000:0000:*:*:*:000*").unwrap();
        assert_eq!(list.len(), 2);
        assert_eq!(parse_list("17007ea8 1700ab12").unwrap().len(), 2);
        assert_eq!(parse_list(" , "), Err(HostIdError::Empty));
    }
}
