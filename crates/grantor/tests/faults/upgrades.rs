//! Servers that are upgraded one at a time while clients work.

use std::path::PathBuf;

use rustix::process::Signal;
use serde_json::json;

use crate::load;
use crate::means;
use crate::trio::{Trio, within};

const SEATS: i64 = 12;

/// How the servers of before are run: their program, where there is one, or this one held at the level of before.
struct Before(Option<PathBuf>);

impl Before {
    fn new() -> Self {
        Self(std::env::var_os("GRANTOR_BEFORE").map(PathBuf::from))
    }

    fn prepare(&self, trio: &mut Trio) {
        for node in &mut trio.nodes {
            match &self.0 {
                Some(program) => node.program.clone_from(program),
                None => edit(&node.home, |text| text.replace("[cluster]\n", "[cluster]\nlevel = 0\n")),
            }
        }
    }

    /// Stops a server in good order and starts it as this version.
    fn upgrade(&self, trio: &mut Trio, host: usize) {
        let node = &mut trio.nodes[host - 1];
        node.signal(Signal::TERM);
        node.end(std::time::Duration::from_secs(20));
        match &self.0 {
            Some(_) => node.program = env!("CARGO_BIN_EXE_grantor").into(),
            None => edit(&node.home, |text| text.replace("level = 0\n", "")),
        }
        node.start();
        trio.ready(host);
    }
}

fn edit(home: &std::path::Path, edit: impl FnOnce(String) -> String) {
    let path = home.join("grantor.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(path, edit(text)).unwrap();
}

/// What only this version can do: refused as long as a server of before is there.
fn invite(trio: &Trio, host: usize, name: &str) -> (u16, serde_json::Value) {
    let body = json!({ "name": name, "roles": [{ "role": "read" }] });
    trio.admin(host, "POST", "/v1/admin/people", &body)
}

/// "Restarting one at a time (a rolling upgrade) loses nothing": whichever server leads meanwhile, an older one is never sent what it
/// can't read; what is new waits for the last one, and works from then on.
#[test]
fn servers_upgraded_one_at_a_time_under_load_lose_nothing_and_do_what_is_new_when_the_last_one_can() {
    if !means::are_here(&[]) {
        return;
    }
    let before = Before::new();
    let mut trio = Trio::prepared(SEATS.try_into().unwrap(), "");
    before.prepare(&mut trio);
    trio.start_all();
    load::under(&mut trio, 6, 40, 1, SEATS, |trio, load| {
        load.more(100);
        let first = trio.leader();
        for (upgraded, host) in [first, first % 3 + 1, (first + 1) % 3 + 1].into_iter().enumerate() {
            before.upgrade(trio, host);
            load.more(100);
            // The newest leads, with older ones behind it.
            trio.transfer(host);
            load.more(100);
            if upgraded < 2 {
                let (status, body) = invite(trio, host, "eve");
                assert_eq!(
                    (status, body["title"].as_str()),
                    (503, Some("the cluster is being upgraded")),
                    "{body}"
                );
            }
        }
        within(20, "what is new is done", || match invite(trio, 1, "eve") {
            (201, _) => Ok(()),
            (status, body) => Err(format!("{status} {body}\n{}", trio.logs())),
        });
        load.more(100);
    });
    let what = if before.0.is_some() { "from the version of before" } else { "by level" };
    means::report(
        "–",
        &format!("servers upgraded one at a time, {what}"),
        3,
        "nothing lost; nobody met what it can't read",
    );
}
