//! Three hosts on one wire: network namespaces joined by a bridge, on which this process is a fourth host. Faults of the
//! network are nftables rules inside the namespaces.

use std::io::Write;
use std::process::{Command, Stdio};

/// The wire and its hosts; gone when dropped.
pub struct Net {
    name: String,
    pub subnet: u32,
}

fn run(command: &str) {
    let output = Command::new("sh").args(["-ec", command]).output().unwrap();
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
}

/// What tests that were killed have left.
fn sweep() {
    let Ok(all) = std::fs::read_dir("/run/netns") else { return };
    let names = all.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    for name in names {
        let Some((pid, _)) = name.strip_prefix("gf-").and_then(|rest| rest.split_once('-')) else { continue };
        if !std::path::Path::new(&format!("/proc/{pid}")).exists() {
            remove(&name);
            let _gone = Command::new("ip").args(["link", "del", &format!("gf{pid}")]).output();
        }
    }
}

fn remove(namespace: &str) {
    let script = format!("ip netns pids {namespace} | xargs -r kill -9; ip netns del {namespace}");
    let _gone = Command::new("sh").args(["-c", &script]).output();
}

impl Net {
    pub fn new() -> Self {
        sweep();
        let pid = std::process::id();
        let net = Self { name: pid.to_string(), subnet: pid % 250 + 1 };
        let (bridge, subnet) = (net.bridge(), net.subnet);
        run(&format!(
            "ip link add {bridge} type bridge; ip addr add 10.77.{subnet}.254/24 dev {bridge}; ip link set {bridge} up"
        ));
        (1..=3).for_each(|host| net.add(host));
        net
    }

    fn bridge(&self) -> String {
        format!("gf{}", self.name)
    }

    pub fn namespace(&self, host: usize) -> String {
        format!("gf-{}-{host}", self.name)
    }

    pub fn address(&self, host: usize) -> String {
        format!("10.77.{}.{host}", self.subnet)
    }

    /// Of this process on the wire.
    pub fn own_address(&self) -> String {
        self.address(254)
    }

    fn add(&self, host: usize) {
        let (name, bridge, address) = (self.namespace(host), self.bridge(), self.address(host));
        let cable = format!("gv{host}{}", self.name);
        run(&format!(
            "ip netns add {name}; ip link add {cable} type veth peer name eth0 netns {name}; \
             ip link set {cable} master {bridge} up; ip -n {name} link set lo up; \
             ip -n {name} addr add {address}/24 dev eth0; ip -n {name} link set eth0 up"
        ));
    }

    /// Replaces the rules of a host.
    fn rules(&self, host: usize, rules: &str) {
        let text = format!(
            "table inet gf {{}}\ndelete table inet gf\ntable inet gf {{\n\
             chain in {{ type filter hook input priority 0; }}\nchain out {{ type filter hook output priority 0; }}\n}}\n{rules}\n"
        );
        let name = self.namespace(host);
        let mut nft = Command::new("ip");
        let mut nft =
            nft.args(["netns", "exec", &name, "nft", "-f", "-"]).stdin(Stdio::piped()).spawn().unwrap();
        nft.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        assert!(nft.wait().unwrap().success(), "{text}");
    }

    /// `host` hears and reaches none of `others`.
    pub fn cut(&self, host: usize, others: &[usize]) {
        let both = |other: &usize| {
            let address = self.address(*other);
            format!(
                "add rule inet gf in ip saddr {address} drop\nadd rule inet gf out ip daddr {address} drop\n"
            )
        };
        self.rules(host, &others.iter().map(both).collect::<String>());
    }

    /// `host` reaches none of `others`, and hears them.
    pub fn mute(&self, host: usize, others: &[usize]) {
        let one = |other: &usize| format!("add rule inet gf out ip daddr {} drop\n", self.address(*other));
        self.rules(host, &others.iter().map(one).collect::<String>());
    }

    /// So many packets of a hundred that come in are lost, at every host.
    pub fn lose(&self, percent: u32) {
        let rule = format!("add rule inet gf in iif eth0 numgen random mod 100 < {percent} drop");
        (1..=3).for_each(|host| self.rules(host, &rule));
    }

    pub fn heal(&self) {
        (1..=3).for_each(|host| self.rules(host, ""));
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        (1..=3).for_each(|host| remove(&self.namespace(host)));
        let _gone = Command::new("ip").args(["link", "del", &self.bridge()]).output();
    }
}
