//! What this machine can show: Ethernet and IP addresses, host name, machine id, board. Reads the operating system;
//! compares nothing.

use std::collections::BTreeMap;
use std::fs;

use grantor_license::{HostId, Machine};

/// Everything that a license file may be bound to and that this machine can show.
#[must_use]
pub fn machine() -> Machine {
    Machine {
        ethernet: ethernet(),
        hostnames: vec![host_name()],
        addresses: if_addrs::get_if_addrs()
            .unwrap_or_default()
            .iter()
            .map(if_addrs::Interface::ip)
            .filter(|ip| !ip.is_loopback())
            .collect(),
        machine_ids: line("/etc/machine-id").into_iter().collect(),
        user: std::env::var("USER").ok(),
        named: named(),
        ..Machine::default()
    }
}

/// The host's name as the operating system gives it.
#[must_use]
pub fn host_name() -> String {
    gethostname::gethostname().to_string_lossy().into_owned()
}

/// Addresses of adapters that are more than software: all zero is loopback's.
fn ethernet() -> Vec<[u8; 6]> {
    let adapters = fs::read_dir("/sys/class/net").into_iter().flatten().flatten();
    let mut found: Vec<[u8; 6]> = adapters
        .filter_map(|adapter| fs::read_to_string(adapter.path().join("address")).ok())
        .filter_map(|text| mac(text.trim()))
        .filter(|address| *address != [0; 6])
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

fn mac(text: &str) -> Option<[u8; 6]> {
    let bytes: Option<Vec<u8>> = text.split(':').map(|byte| u8::from_str_radix(byte, 16).ok()).collect();
    bytes?.try_into().ok()
}

fn named() -> BTreeMap<String, Vec<String>> {
    let board = line("/sys/class/dmi/id/product_uuid");
    board.map(|id| ("VM_UUID".to_owned(), vec![id])).into_iter().collect()
}

fn line(path: &str) -> Option<String> {
    fs::read_to_string(path).ok().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// Adds what an application claims of its machine.
pub(crate) fn claim(machine: &mut Machine, id: HostId) {
    match id {
        HostId::Ethernet(address) => machine.ethernet.push(address),
        HostId::Number(number) => machine.host_numbers.push(number),
        HostId::Hostname(name) => machine.hostnames.push(name),
        HostId::DiskSerial(serial) => machine.disk_serials.push(serial),
        HostId::MachineId(id) => machine.machine_ids.push(id),
        HostId::Internet(pattern) => {
            machine.addresses.extend(pattern.to_string().parse::<std::net::IpAddr>())
        }
        HostId::Named(kind, value) => machine.named.entry(kind).or_default().push(value),
        // A claim to be any machine, or of an unknown kind, shows nothing; user and display come with the session.
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ethernet_address_has_six_bytes() {
        assert_eq!(mac("00:b0:d0:ab:b1:b2"), Some([0, 0xb0, 0xd0, 0xab, 0xb1, 0xb2]));
        assert_eq!(mac("00:b0:d0"), None);
        assert_eq!(mac("zz:b0:d0:ab:b1:b2"), None);
    }
}
