//! What the tests need of the machine. Where it is missing, a test is skipped and says so; where CI could have installed
//! it, the test fails instead.

use std::path::Path;
use std::process::Command;

pub const FAKETIME: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";

fn has(tool: &str) -> bool {
    Path::new(tool).exists()
        || Command::new("sh")
            .args(["-c", &format!("command -v {tool}")])
            .output()
            .is_ok_and(|o| o.status.success())
}

fn namespaces() -> bool {
    let tried = Command::new("unshare").args(["--net", "true"]).output();
    tried.is_ok_and(|output| output.status.success())
}

/// Whether the test can run here.
pub fn are_here(tools: &[&str]) -> bool {
    let mut missing: Vec<&str> =
        ["ip", "nft", "setpriv"].iter().chain(tools).copied().filter(|tool| !has(tool)).collect();
    if missing.is_empty() && !namespaces() {
        missing.push("the right to make network namespaces (root)");
    }
    if missing.is_empty() {
        return true;
    }
    let missing = missing.join(", ");
    assert!(std::env::var("CI").is_err(), "missing, and CI can have it: {missing}; see ./test");
    eprintln!("SKIPPED: missing here: {missing}");
    false
}

/// Rounds: few in the quick part, many in the long one.
pub fn rounds(quick: u32, long: u32) -> u32 {
    let wanted = std::env::var("GRANTOR_ROUNDS").ok().and_then(|text| text.parse().ok());
    wanted.unwrap_or(if std::env::var_os("GRANTOR_LONG").is_some() { long } else { quick })
}

/// A line for the summary of `./test long`.
pub fn report(plan: &str, what: &str, runs: u32, result: &str) {
    let line = format!("| {plan} | {what} | {runs} | {result} |");
    println!("RESULT {line}");
    if let Some(file) = std::env::var_os("GRANTOR_RESULTS") {
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(file).unwrap();
        std::io::Write::write_all(&mut file, format!("{line}\n").as_bytes()).unwrap();
    }
}
