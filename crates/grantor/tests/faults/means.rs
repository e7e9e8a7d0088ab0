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

/// Whether a command can be run in a network namespace of its own, as root.
fn works(command: &[&str]) -> bool {
    Command::new("unshare").arg("--net").args(command).output().is_ok_and(|output| output.status.success())
}

/// Whether the test can run here. A tool that is missing can be installed, so CI must have it; a right that the machine does
/// not give can't.
pub fn are_here(tools: &[&str]) -> bool {
    let missing: Vec<&str> =
        ["ip", "nft", "setpriv"].iter().chain(tools).copied().filter(|tool| !has(tool)).collect();
    let missing = missing.join(", ");
    assert!(
        missing.is_empty() || std::env::var("CI").is_err(),
        "missing, and CI can have it: {missing}; see ./test"
    );
    let may = works(&["nft", "list", "ruleset"])
        && (!tools.contains(&"strace") || works(&["strace", "-o", "/dev/null", "true"]));
    if missing.is_empty() && may {
        return true;
    }
    eprintln!("SKIPPED: this needs root, network namespaces and nftables: {missing}");
    false
}

/// Rounds: few in the quick part, many in the long one.
pub fn rounds(quick: u32, long: u32) -> u32 {
    let wanted = std::env::var("GRANTOR_ROUNDS").ok().and_then(|text| text.parse().ok());
    wanted.unwrap_or(if std::env::var_os("GRANTOR_LONG").is_some() { long } else { quick })
}

/// Whether this is the long part, at its full length.
pub fn is_long() -> bool {
    std::env::var_os("GRANTOR_LONG").is_some() && std::env::var_os("GRANTOR_ROUNDS").is_none()
}

/// An amount that is not a number of rounds.
pub fn amount(quick: u32, long: u32) -> u32 {
    if is_long() { long } else { quick }
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
