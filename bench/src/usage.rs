//! CPU time and memory of processes with all their children, from `/proc`.

use std::collections::HashMap;
use std::time::Duration;

fn stat(process: u32) -> Option<Vec<u64>> {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let fields = text.rsplit(')').next()?.split_whitespace();
    Some(fields.map(|field| field.parse().unwrap_or(0)).collect())
}

fn tree(roots: &[u32]) -> Vec<u32> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(process) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let parent = stat(process).and_then(|fields| fields.get(1).copied()).unwrap_or(0);
        children.entry(u32::try_from(parent).unwrap_or(0)).or_default().push(process);
    }
    let (mut all, mut open) = (Vec::new(), roots.to_vec());
    while let Some(process) = open.pop() {
        all.push(process);
        open.extend(children.remove(&process).unwrap_or_default());
    }
    all
}

/// CPU time used so far, ended children included.
pub(crate) fn cpu(roots: &[u32]) -> Duration {
    let ticks = |process: u32| stat(process).map_or(0, |fields| fields.iter().skip(11).take(4).sum::<u64>());
    // Linux counts in hundredths of a second on every machine in use.
    Duration::from_millis(tree(roots).into_iter().map(ticks).sum::<u64>() * 10)
}

/// Resident memory in megabytes; what is shared is divided among those who share it.
pub(crate) fn memory(roots: &[u32]) -> u64 {
    bytes(roots) >> 20
}

/// The same in bytes.
pub(crate) fn bytes(roots: &[u32]) -> u64 {
    tree(roots).into_iter().filter_map(proportional).sum::<u64>() * 1024
}

/// The most that the processes ever had resident, in bytes: what they share counts for each.
pub(crate) fn peak(processes: &[u32]) -> u64 {
    let peak = |process: &u32| {
        let text = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        line.trim().trim_end_matches(" kB").parse::<u64>().ok()
    };
    processes.iter().filter_map(peak).sum::<u64>() * 1024
}

fn proportional(process: u32) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{process}/smaps_rollup")).ok()?;
    text.lines().find_map(|line| line.strip_prefix("Pss:"))?.trim().trim_end_matches(" kB").parse().ok()
}
