//! `grantor hostid`: what a license for this machine can be bound to.

use std::process::ExitCode;

use grantor_license::Machine;
use grantor_server::hostid;

use crate::cli::HostId;
use crate::output;

/// Shows the host ids; the first is the preferred one.
pub(crate) fn run(args: &HostId) -> ExitCode {
    let ids = ids(&hostid::machine());
    if args.json {
        let list: Vec<_> =
            ids.iter().map(|(kind, id)| serde_json::json!({ "kind": kind, "id": id })).collect();
        output::data(&serde_json::Value::from(list).to_string());
    } else if args.bare {
        ids.first().iter().for_each(|(_, id)| output::data(id));
    } else {
        let width = ids.iter().map(|(kind, _)| kind.len()).max().unwrap_or(0);
        ids.iter().for_each(|(kind, id)| output::data(&format!("{kind:width$}  {id}")));
        output::error("hint: the first is the one to order for; a fingerprint survives one changed part");
    }
    ExitCode::SUCCESS
}

/// Every host id of the machine with what it is, the preferred one first (seed 004: "Genesys recommends using Ethernet
/// addresses, where supported").
pub(crate) fn ids(machine: &Machine) -> Vec<(&'static str, String)> {
    let hex = |address: &[u8; 6]| address.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let mut ids: Vec<(&'static str, String)> =
        machine.ethernet.iter().map(|address| ("Ethernet address", hex(address))).collect();
    ids.extend(machine.fingerprint().map(|print| ("Fingerprint", format!("FINGERPRINT={print}"))));
    ids.extend(machine.machine_ids.iter().map(|id| ("Machine id", format!("MACHINE_ID={id}"))));
    for (name, values) in &machine.named {
        ids.extend(values.iter().map(|value| ("Board", format!("{name}={value}"))));
    }
    ids.extend(machine.addresses.iter().map(|address| ("IP address", format!("INTERNET={address}"))));
    ids.extend(machine.hostnames.iter().map(|name| ("Host name", format!("HOSTNAME={name}"))));
    ids
}
