//! The page of figures, made anew: every measurement one after the other, each in a process of its own, put into the text
//! beside this file. What a figure means and what is not reached stands in that text; the numbers come from here alone.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::drive::Failure;

const PAGE: &str = include_str!("figures.md");

/// A measurement: its name in the page, and what this program is called with.
struct Part {
    name: &'static str,
    arguments: &'static [&'static str],
}

const fn part(name: &'static str, arguments: &'static [&'static str]) -> Part {
    Part { name, arguments }
}

const ALL: &[Part] = &[
    part("core", &["core"]),
    part("load", &["load"]),
    part("engine", &["engine"]),
    part("checkout", &["checkout", "--clients", "1,64,1000", "--seconds", "3"]),
    part("peers", &["peers"]),
    part("hold", &["hold", "1000000"]),
    part("storm", &["storm", "10000"]),
    part("directory", &["directory"]),
    part("console", &["console"]),
    part("portal", &["portal"]),
];

/// Measures everything and writes the page to `page`; on the way, what is measured goes to the terminal.
pub(crate) fn run(page: &Path, seconds: u64, rounds: usize) -> Result<(), Failure> {
    let length = ["--seconds".to_owned(), seconds.to_string(), "--rounds".to_owned(), rounds.to_string()];
    let mut text = PAGE.replace("{{conditions}}", &conditions());
    text = text.replace("{{seconds}}", &seconds.to_string()).replace("{{rounds}}", &rounds.to_string());
    for part in ALL {
        eprintln!("\n== {}", part.arguments.join(" "));
        let more = if part.name == "peers" { length.as_slice() } else { &[] };
        text = text.replace(&format!("{{{{{}}}}}", part.name), measure(part, more)?.trim_end());
    }
    let mut file = tempfile::NamedTempFile::new_in(page.parent().unwrap_or(Path::new(".")))?;
    file.write_all(text.as_bytes())?;
    file.persist(page)?;
    eprintln!("\n{} is written", page.display());
    Ok(())
}

fn measure(part: &Part, more: &[String]) -> Result<String, Failure> {
    let mut command = Command::new(std::env::current_exe()?);
    let mut child = command.args(part.arguments).args(more).stdout(Stdio::piped()).spawn()?;
    let mut text = String::new();
    for line in child.stdout.take().map(BufReader::new).into_iter().flat_map(BufRead::lines) {
        let line = line?;
        eprintln!("{line}");
        text += &line;
        text.push('\n');
    }
    if child.wait()?.success() { Ok(text) } else { Err(format!("{} failed", part.name).into()) }
}

/// What it was measured on, and when.
fn conditions() -> String {
    let first = |path: &str, key: &str| {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with(key)).unwrap_or_default();
        line.split_once([':', '=']).map_or("unknown", |(_, value)| value).trim().trim_matches('"').to_owned()
    };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = first("/proc/meminfo", "MemTotal").trim_end_matches(" kB").parse().unwrap_or(0u64) >> 20;
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!(
        "{}, on {cores} cores ({}) with {memory} GiB, {}, kernel {}",
        jiff::Zoned::now().strftime("%-d %B %Y"),
        first("/proc/cpuinfo", "model name"),
        first("/etc/os-release", "PRETTY_NAME"),
        kernel.trim(),
    )
}
