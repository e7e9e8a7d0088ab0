//! Servers that are not who they were: a wiped data folder, another's data folder, two processes on one.

use std::time::Duration;

use crate::means;
use crate::node::Under;
use crate::trio::Trio;

/// R18: a second process on a folder in use, a server that lost its disk, a server that lost its log: refused, with a hint.
#[test]
fn a_wiped_server_a_lost_log_and_a_second_process_on_one_folder_are_refused() {
    if !means::are_here(&[]) {
        return;
    }
    let mut trio = Trio::formed(3);
    let home = trio.nodes[1].home.clone();
    let mut second = trio.nodes[1].spawn(&Under::default(), &home);
    assert_ne!(second.wait().unwrap().code(), Some(0));
    trio.node(2).kill();
    let data = home.join("grantor-data");
    let kept = home.join("kept");
    std::fs::rename(&data, &kept).unwrap();
    trio.node(2).start();
    assert_ne!(trio.node(2).end(Duration::from_secs(20)).code(), Some(0));
    assert!(trio.nodes[1].log().contains("hint"), "{}", trio.nodes[1].log());
    std::fs::remove_dir_all(&data).unwrap();
    std::fs::rename(&kept, &data).unwrap();
    let segments = std::fs::read_dir(&data)
        .unwrap()
        .flatten()
        .find(|entry| entry.file_name().to_string_lossy().contains("log"));
    let segments = segments.expect("a folder of segments").path();
    std::fs::rename(&segments, home.join("segments")).unwrap();
    trio.node(2).start();
    assert_ne!(trio.node(2).end(Duration::from_secs(20)).code(), Some(0));
    std::fs::rename(home.join("segments"), &segments).unwrap();
    trio.node(2).start();
    trio.agree();
    means::report(
        "R18",
        "second process, wiped folder, lost log",
        3,
        "refused with a hint; let in when the folder is back",
    );
}
