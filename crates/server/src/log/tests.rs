//! The log against restarts, cuts, flipped bits and a failing disk.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;

use proptest::prelude::*;

use super::recover::{Recovered, recover};
use super::*;

const SMALL: Options = Options { segment_bytes: 4096 };

fn open(dir: &Path) -> Opened {
    Log::open(Folder::open(dir, 1).unwrap(), &SMALL).unwrap()
}

fn write(log: &Log, changes: Vec<Change>) -> Result<(), LogError> {
    let (answer, answered) = channel();
    log.write(changes, Box::new(move |result| answer.send(result).unwrap()));
    answered.recv().unwrap()
}

/// The one right content of entry `index`: any other content read back is a fault.
fn payload(index: u64) -> Vec<u8> {
    let length = 1 + (index * 37 % 90) as usize;
    (0..length).map(|position| (index as usize * 31 + position * 7 + 1) as u8).collect()
}

fn entries(range: Range<u64>) -> Vec<Change> {
    range.map(|index| Change::Append(index, payload(index))).collect()
}

fn read_all(log: &Log) -> Vec<u64> {
    let read = log.read(0..u64::MAX, u64::MAX).unwrap();
    assert!(read.iter().all(|(index, bytes)| *bytes == payload(*index)));
    read.into_iter().map(|(index, _)| index).collect()
}

fn segments(dir: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(dir.join(SEGMENTS)).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files.filter(|path| segment::parse_name(path).is_some()).collect();
    files.sort();
    files
}

#[test]
fn what_was_acknowledged_is_there_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let opened = open(dir.path());
    for index in 0..300 {
        write(&opened.log, entries(index..index + 1)).unwrap();
    }
    let meta = Meta { purged_before: 0, state: b"vote".to_vec() };
    write(&opened.log, vec![Change::SetMeta(meta.clone())]).unwrap();
    assert!(segments(dir.path()).len() > 3);
    drop(opened);
    let again = open(dir.path());
    assert_eq!(read_all(&again.log), (0..300).collect::<Vec<_>>());
    assert_eq!((again.meta, again.torn), (meta, None));
}

#[test]
fn truncated_entries_are_replaced_and_stay_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let opened = open(dir.path());
    write(&opened.log, entries(0..10)).unwrap();
    write(&opened.log, vec![Change::TruncateFrom(4), Change::Append(4, b"new".to_vec())]).unwrap();
    drop(opened);
    let again = open(dir.path());
    assert_eq!(again.log.range(), 0..5);
    assert_eq!(again.log.read(4..5, 1).unwrap(), [(4, b"new".to_vec())]);
}

#[test]
fn purging_removes_files_and_survives_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let opened = open(dir.path());
    for index in 0..300 {
        write(&opened.log, entries(index..index + 1)).unwrap();
    }
    let before = segments(dir.path()).len();
    let meta = |next| Change::SetMeta(Meta { purged_before: next, state: b"kept".to_vec() });
    write(&opened.log, vec![meta(290)]).unwrap();
    assert_eq!(opened.log.range(), 290..300);
    drop(opened);
    assert!(segments(dir.path()).len() < before);
    let again = open(dir.path());
    assert_eq!(read_all(&again.log), (290..300).collect::<Vec<_>>());
    write(&again.log, vec![meta(500)]).unwrap();
    write(&again.log, entries(500..503)).unwrap();
    drop(again);
    let last = open(dir.path());
    assert_eq!((last.log.range(), last.meta.state), (500..503, b"kept".to_vec()));
}

#[test]
fn an_oldest_segment_may_truncate_below_its_own_start() {
    let dir = tempfile::tempdir().unwrap();
    let opened = open(dir.path());
    for index in 0..100 {
        write(&opened.log, entries(index..index + 1)).unwrap();
    }
    write(&opened.log, vec![Change::TruncateFrom(20)]).unwrap();
    for index in 20..150 {
        write(&opened.log, entries(index..index + 1)).unwrap();
    }
    for next in (0..150).step_by(10) {
        let meta = Meta { purged_before: next, state: Vec::new() };
        write(&opened.log, vec![Change::SetMeta(meta.clone())]).unwrap();
        // What is purged goes after the answer; once the next write is answered, it is gone.
        write(&opened.log, vec![Change::SetMeta(meta)]).unwrap();
        let found = recover(&Files, &dir.path().join(SEGMENTS), cluster(dir.path())).unwrap();
        assert_eq!(found.index.range(), next..150);
    }
}

#[test]
fn a_gap_is_refused_before_it_reaches_the_disk() {
    let dir = tempfile::tempdir().unwrap();
    let opened = open(dir.path());
    write(&opened.log, entries(0..3)).unwrap();
    let refused = write(&opened.log, entries(4..5));
    assert!(matches!(refused, Err(LogError::Gap { index: 4, held: Range { start: 0, end: 3 } })));
    drop(opened);
    assert_eq!(read_all(&open(dir.path()).log), [0, 1, 2]);
}

#[test]
fn a_closed_log_acknowledges_nothing_and_frees_the_folder() {
    let dir = tempfile::tempdir().unwrap();
    let opened = open(dir.path());
    opened.log.close();
    assert!(matches!(write(&opened.log, entries(0..1)), Err(LogError::Closed)));
    Folder::open(dir.path(), 1).unwrap();
}

/// A log whose newest segment can only be read: the next write fails as on a broken disk.
fn with_a_disk_that_fails(dir: &Path) -> Log {
    let folder = Folder::open(dir, 1).unwrap();
    let found = recover(&Files, &dir.join(SEGMENTS), folder.identity().cluster).unwrap();
    let shared = Shared::new(found.index);
    let mut segments = VecDeque::from(found.segments);
    let newest = segments.back_mut().unwrap();
    newest.file = Arc::new(fs::File::open(&newest.path).unwrap());
    let writer = Writer {
        folder,
        segments,
        supply: segment::Supply::new(Arc::new(Files), dir, 4096),
        meta: found.meta,
        frame: frame::Frame::new(),
        shared: shared.clone(),
    };
    Log::start(writer, shared).unwrap()
}

#[test]
fn after_a_failed_write_nothing_is_acknowledged_again() {
    let dir = tempfile::tempdir().unwrap();
    write(&open(dir.path()).log, entries(0..3)).unwrap();
    let log = with_a_disk_that_fails(dir.path());
    let failure = log.watch_failure();
    for _ in 0..3 {
        let message = write(&log, entries(3..4)).unwrap_err().to_string();
        assert!(
            message.starts_with("cannot write `") && message.contains("hint: check free space"),
            "{message}"
        );
    }
    assert!(failure.borrow().is_some());
    assert_eq!(log.range(), 0..3);
    drop(log);
    assert_eq!(read_all(&open(dir.path()).log), [0, 1, 2]);
}

fn cluster(dir: &Path) -> ClusterId {
    let text = fs::read_to_string(dir.join("grantor.id")).unwrap();
    let hex = text.lines().find_map(|line| line.strip_prefix("cluster ")).unwrap().to_owned();
    ClusterId(std::array::from_fn(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()))
}

/// A log of three segments and more, and where each entry's frame ends in the newest one.
struct Sample {
    dir: tempfile::TempDir,
    cluster: ClusterId,
    files: Vec<(PathBuf, Vec<u8>)>,
    /// (end of the frame in the newest segment, entries held once it is there)
    ends: Vec<(usize, u64)>,
}

impl Sample {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let opened = open(dir.path());
        let mut ends = vec![];
        for index in 0..172 {
            write(&opened.log, entries(index..index + 1)).unwrap();
            let found = recover(&Files, &dir.path().join(SEGMENTS), cluster(dir.path())).unwrap();
            let newest = found.segments.last().unwrap();
            ends.push((newest.header.sequence, newest.end as usize, index + 1));
        }
        drop(opened);
        let newest = ends.last().unwrap().0;
        let ends = ends.into_iter().filter(|end| end.0 == newest).map(|(_, end, held)| (end, held)).collect();
        let files = segments(dir.path()).into_iter().map(|path| (path.clone(), fs::read(path).unwrap()));
        Self { cluster: cluster(dir.path()), files: files.collect(), ends, dir }
    }

    fn newest(&self) -> (&Path, &[u8]) {
        let (path, bytes) = self.files.last().unwrap();
        (path, bytes)
    }

    /// Opens the sample with one file changed, and puts it back.
    fn with(&self, path: &Path, bytes: &[u8]) -> Result<Recovered, LogError> {
        fs::write(path, bytes).unwrap();
        let found = recover(&Files, &self.dir.path().join(SEGMENTS), self.cluster);
        let (_, original) = self.files.iter().find(|(file, _)| file == path).unwrap();
        fs::write(path, original).unwrap();
        found
    }

    /// Entries that must be there when the newest segment is whole up to `cut`.
    fn held_at(&self, cut: usize) -> u64 {
        let before = self.ends[0].1 - 1;
        self.ends.iter().rev().find(|(end, _)| *end <= cut).map_or(before, |(_, held)| *held)
    }
}

/// Whatever was recovered must be the right bytes.
fn assert_sound(found: &Recovered) {
    for reading in found.index.find(0..u64::MAX, u64::MAX) {
        if let Ok((index, bytes)) = reading.read() {
            assert_eq!(bytes, payload(index), "entry {index}");
        }
    }
}

#[test]
fn a_log_cut_at_any_byte_opens_with_all_that_was_whole_or_is_refused() {
    let sample = Sample::new();
    let (path, bytes) = sample.newest();
    let end = sample.ends.last().unwrap().0;
    let mut opened = 0;
    for cut in 0..=end {
        let mut zeros = bytes.to_vec();
        zeros[cut..].fill(0);
        let mut noise = bytes.to_vec();
        noise[cut..].iter_mut().enumerate().for_each(|(at, byte)| *byte = (at * 151 + cut) as u8 | 1);
        for changed in [&zeros[..], &bytes[..cut], &noise] {
            let Ok(found) = sample.with(path, changed) else {
                // Noise in the padding of a whole frame is damage, and not what a power cut leaves.
                let padding = changed == noise
                    && sample.ends.iter().any(|(end, _)| (1..8).contains(&(end - cut.min(*end))));
                assert!(cut < segment::HEADER || padding, "refused when cut at {cut}");
                continue;
            };
            opened += 1;
            let expected = sample.held_at(cut).max(sample.ends[0].1 - 1);
            assert!(found.index.range().end >= expected, "cut at {cut}");
            assert!(found.index.range().end <= expected + 1, "cut at {cut}");
            assert_sound(&found);
        }
    }
    assert!(opened > 3000, "{opened}");
}

#[test]
fn a_torn_tail_is_reported_once_and_written_over() {
    let sample = Sample::new();
    let (path, bytes) = sample.newest();
    let (end, held) = sample.ends[sample.ends.len() - 1];
    let mut torn = bytes.to_vec();
    torn[end - 9..].fill(0);
    fs::write(path, torn).unwrap();
    let opened = open(sample.dir.path());
    let tail = opened.torn.unwrap();
    assert_eq!((tail.file.as_path(), tail.offset), (path, sample.ends[sample.ends.len() - 2].0 as u64));
    write(&opened.log, entries(held - 1..held)).unwrap();
    drop(opened.log);
    let again = open(sample.dir.path());
    assert_eq!((again.torn, again.log.range()), (None, 0..held));
}

#[test]
fn no_flipped_bit_changes_an_entry_and_only_the_last_write_can_be_dropped() {
    let sample = Sample::new();
    let last = sample.ends.last().unwrap().1;
    let mut refused = 0;
    for (path, bytes) in &sample.files {
        let used = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
        for bit in (0..(used + 64).min(bytes.len()) * 8).step_by(23) {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            match sample.with(path, &changed) {
                Err(error) => {
                    assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
                    refused += 1;
                }
                Ok(found) => {
                    assert!(found.torn.is_some() && found.index.range().end + 1 >= last, "bit {bit}");
                    assert_sound(&found);
                }
            }
        }
    }
    assert!(refused > 2000, "{refused}");
}

#[test]
fn a_missing_segment_is_noticed() {
    let sample = Sample::new();
    for (path, bytes) in &sample.files[..sample.files.len() - 1] {
        fs::remove_file(path).unwrap();
        let error = recover(&Files, &sample.dir.path().join(SEGMENTS), sample.cluster).unwrap_err();
        assert!(error.to_string().contains("is missing"), "{error}");
        fs::write(path, bytes).unwrap();
    }
}

#[test]
fn a_segment_of_another_cluster_is_refused() {
    let sample = Sample::new();
    let error = recover(&Files, &sample.dir.path().join(SEGMENTS), ClusterId([0; 16])).unwrap_err();
    assert!(error.to_string().contains("belongs to cluster"), "{error}");
}

#[test]
fn bytes_that_change_while_the_log_is_open_are_not_read_back() {
    let dir = tempfile::tempdir().unwrap();
    let opened = open(dir.path());
    write(&opened.log, entries(0..1)).unwrap();
    let file = fs::OpenOptions::new().write(true).open(&segments(dir.path())[0]).unwrap();
    let place = opened.log.shared.index().find(0..1, 1).pop().unwrap();
    drop(place);
    let bytes = fs::read(&segments(dir.path())[0]).unwrap();
    let at = bytes.windows(payload(0).len()).rposition(|window| window == payload(0)).unwrap() as u64;
    file.write_all_at(&[payload(0)[0] ^ 1], at).unwrap();
    assert!(matches!(opened.log.read(0..1, 1), Err(LogError::Damaged { .. })));
}

#[derive(Debug, Clone)]
enum Step {
    Append(u8),
    Truncate(u8),
    Purge(u8),
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (1..20u8).prop_map(Step::Append),
        2 => any::<u8>().prop_map(Step::Truncate),
        2 => any::<u8>().prop_map(Step::Purge),
        1 => Just(Step::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_log_agrees_with_a_list_kept_in_memory(steps in prop::collection::vec(step(), 1..60)) {
        let dir = tempfile::tempdir().unwrap();
        let mut log = open(dir.path()).log;
        let mut model = 0..0;
        for step in steps {
            let at = |part: u8, model: &Range<u64>| {
                model.start + (model.end - model.start) * u64::from(part) / 255
            };
            match step {
                Step::Append(count) => {
                    let end = model.end + u64::from(count);
                    write(&log, entries(model.end..end)).unwrap();
                    model.end = end;
                }
                Step::Truncate(part) => {
                    model.end = at(part, &model);
                    write(&log, vec![Change::TruncateFrom(model.end)]).unwrap();
                }
                Step::Purge(part) => {
                    model.start = at(part, &model);
                    let meta = Meta { purged_before: model.start, state: Vec::new() };
                    write(&log, vec![Change::SetMeta(meta)]).unwrap();
                }
                Step::Reopen => {
                    drop(log);
                    log = open(dir.path()).log;
                }
            }
            prop_assert_eq!(log.range(), model.clone());
        }
        prop_assert_eq!(read_all(&log), model.collect::<Vec<_>>());
    }
}
