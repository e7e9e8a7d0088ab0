//! The text of `lmstat -a` and `lmstat -i`, blank for blank (flexnet-formats §7): monitoring scripts take it apart with
//! regular expressions. Asks nobody; the status is an argument.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use grantor_api::cluster::{Cluster, Member};
use grantor_api::status::{Feature, Holding, Pool, Queued, Status};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

/// `lmstat -a`.
pub(super) fn all(status: &Status, cluster: &Cluster, now: &Zoned) -> String {
    let server = &status.server;
    let version = format!("v{}", server.version);
    let mut text = format!("lmstat - Grantor {}\n", server.version);
    let _ = writeln!(text, "Flexible License Manager status on {}\n", now.strftime("%a %-m/%-d/%Y %-H:%M"));
    let _ = writeln!(text, "License server status: {}", addresses(status, cluster));
    let files: String = status.files.iter().map(|file| format!("{}:", file.name)).collect();
    let _ = writeln!(text, "    License file(s) on {}: {files}\n", server.host);
    servers(&mut text, status, cluster);
    let publishers: BTreeSet<&str> = status
        .features
        .iter()
        .flat_map(|feature| &feature.pools)
        .map(|pool| pool.publisher.as_str())
        .collect();
    for publisher in publishers {
        let _ = writeln!(text, "Vendor daemon status (on {}):\n", server.host);
        let _ = writeln!(text, "{publisher:>10}: UP {version}\nFeature usage info:\n");
        let theirs = status
            .features
            .iter()
            .filter(|feature| feature.pools.iter().any(|pool| pool.publisher == publisher));
        theirs.for_each(|feature| usage(&mut text, status, feature, publisher, now));
    }
    text
}

/// `port@host` of every server (flexnet-formats §10).
fn addresses(status: &Status, cluster: &Cluster) -> String {
    if cluster.servers.len() < 2 {
        return format!("{}@{}", status.server.port, status.server.host);
    }
    let address = |server: &Member| match server.address.rsplit_once(':') {
        Some((host, port)) => format!("{port}@{host}"),
        None => server.address.clone(),
    };
    cluster.servers.iter().map(address).collect::<Vec<_>>().join(",")
}

/// Each server up or down; the master is not always the first.
fn servers(text: &mut String, status: &Status, cluster: &Cluster) {
    let version = &status.server.version;
    if cluster.servers.len() < 2 {
        let _ = writeln!(text, "{:>10}: license server UP (MASTER) v{version}\n", status.server.host);
        return;
    }
    for server in &cluster.servers {
        let host = server.address.rsplit_once(':').map_or(server.address.as_str(), |(host, _)| host);
        let _ = match &server.own {
            Some(own) if own.role == "leader" => {
                writeln!(text, "{host:>10}: license server UP (MASTER) v{}", own.version)
            }
            Some(own) => writeln!(text, "{host:>10}: license server UP v{}", own.version),
            None => writeln!(text, "{host:>10}: license server DOWN"),
        };
    }
    text.push('\n');
}

fn licenses(count: u32) -> String {
    format!("{count} {}", if count == 1 { "license" } else { "licenses" })
}

fn usage(text: &mut String, status: &Status, feature: &Feature, publisher: &str, now: &Zoned) {
    let pools: Vec<&Pool> = feature.pools.iter().filter(|pool| pool.publisher == publisher).collect();
    let in_use: u32 = pools.iter().map(|pool| pool.in_use).sum();
    if pools.iter().any(|pool| pool.capacity.is_none()) {
        let _ = writeln!(text, "Users of {}:  (Uncounted, node-locked)\n", feature.feature);
    } else {
        let issued = pools.iter().filter_map(|pool| pool.capacity).sum();
        let _ = writeln!(
            text,
            "Users of {}:  (Total of {} issued;  Total of {} in use)\n",
            feature.feature,
            licenses(issued),
            licenses(in_use)
        );
    }
    for pool in pools.iter().filter(|pool| !pool.holders.is_empty()) {
        let _ = writeln!(
            text,
            "  \"{}\" v{}, vendor: {publisher}, expiry: {}",
            feature.feature,
            pool.version,
            expiry(status, pool)
        );
        if let Some(string) = &pool.vendor_string {
            let _ = writeln!(text, "  vendor_string: {string}");
        }
        let _ = writeln!(text, "  {}\n", kind(pool));
        pool.holders.iter().for_each(|holding| user(text, status, holding, now));
        text.push('\n');
    }
    feature.queue.iter().for_each(|queued| waiting(text, status, queued));
    if !feature.queue.is_empty() {
        text.push('\n');
    }
}

fn kind(pool: &Pool) -> String {
    match (pool.capacity, pool.locked_to.as_slice()) {
        (None, []) => "uncounted nodelocked license locked to NOTHING (hostid=ANY)".to_owned(),
        (_, []) => "floating license".to_owned(),
        (_, locks) => format!("nodelocked license, locked to \"{}\"", locks.join(" ")),
    }
}

/// The last day on which the pool's first line to end works, in the zone in which the server's days end.
fn expiry(status: &Status, pool: &Pool) -> String {
    let Some(ends) = pool.ends else { return "permanent(no expiration date)".to_owned() };
    let zone = TimeZone::get(&status.server.zone).unwrap_or(TimeZone::UTC);
    let last = ends.to_zoned(zone).date().yesterday();
    last.map(grantor_license::format_date).unwrap_or_default()
}

fn start(since: Timestamp, now: &Zoned) -> String {
    since.to_zoned(now.time_zone().clone()).strftime("%a %-m/%-d %-H:%M").to_string()
}

/// Names with blanks would shift every column that scripts count.
fn word(name: &str) -> String {
    let word: String = name.chars().map(|c| if c.is_whitespace() { '_' } else { c }).collect();
    if word.is_empty() { "-".to_owned() } else { word }
}

fn user(text: &mut String, status: &Status, holding: &Holding, now: &Zoned) {
    let server = &status.server;
    let _ = write!(
        text,
        "    {} {} {} (v{}) ({}/{} {}), start {}",
        word(&holding.user),
        word(&holding.host),
        word(&holding.display),
        holding.version,
        server.host,
        server.port,
        holding.grant,
        start(holding.since, now)
    );
    if holding.count > 1 {
        let _ = write!(text, ", {}", licenses(holding.count));
    }
    // FlexNet has no word for what is borrowed: it shows a loan as it shows a hold window (flexnet-formats §7.3).
    if let Some(until) = holding.borrowed_until.or(holding.held_until) {
        let seconds = |from: Timestamp| until.duration_since(from).as_secs().max(0);
        let _ = write!(text, "  (linger: {} / {})", seconds(status.now), seconds(holding.since));
    }
    if holding.process > 0 {
        let _ = write!(text, ", PID: {}", holding.process);
    }
    text.push('\n');
}

fn waiting(text: &mut String, status: &Status, queued: &Queued) {
    let server = &status.server;
    let _ = writeln!(
        text,
        "    {} {} {} (v{}) ({}/{} {}) queued for {}",
        word(&queued.user),
        word(&queued.host),
        word(&queued.display),
        queued.version,
        server.host,
        server.port,
        queued.ticket,
        licenses(queued.count)
    );
}

/// `lmstat -i`.
pub(super) fn info(status: &Status) -> String {
    let mut text =
        String::from("Feature                         Version     #licenses    Vendor        Expires\n");
    text.push_str("_______                         _________   _________    ______        __________\n");
    for feature in &status.features {
        for pool in &feature.pools {
            let count = pool.capacity.map_or_else(|| "uncounted".to_owned(), |count| count.to_string());
            let _ = writeln!(
                text,
                "{:<31} {:<11} {count:<12} {:<13} {}",
                feature.feature,
                pool.version,
                pool.publisher,
                expiry(status, pool)
            );
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use grantor_api::status::{File, Server};

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn holding(user: &str, grant: u64, count: u32) -> Holding {
        Holding {
            grant,
            user: user.to_owned(),
            host: "ws7".to_owned(),
            display: "/dev/tty".to_owned(),
            application: "cad".to_owned(),
            process: 0,
            version: "8.0".to_owned(),
            count,
            since: at("2026-11-23T08:05:00Z"),
            held_until: None,
            borrowed_until: None,
        }
    }

    fn pool(capacity: Option<u32>, holders: Vec<Holding>) -> Pool {
        Pool {
            publisher: "acme".to_owned(),
            version: "8.1".to_owned(),
            model: "floating".to_owned(),
            capacity,
            overdraft: 0,
            in_use: holders.iter().map(|holding| holding.count).sum(),
            ends: Some(at("2027-01-01T00:00:00Z")),
            locked_to: Vec::new(),
            vendor_string: Some("commercial".to_owned()),
            holders,
        }
    }

    fn feature(name: &str, pool: Pool, queue: Vec<Queued>) -> Feature {
        Feature {
            tenant: "default".to_owned(),
            feature: name.to_owned(),
            capacity: pool.capacity,
            in_use: pool.in_use,
            pools: vec![pool],
            queue,
        }
    }

    fn status() -> Status {
        let callback =
            Holding { held_until: Some(at("2026-11-23T09:05:00Z")), process: 4711, ..holding("ucs", 9, 1) };
        let queued = Queued {
            ticket: 3,
            user: "carol".to_owned(),
            host: "ws9".to_owned(),
            display: String::new(),
            version: "8.0".to_owned(),
            count: 2,
            since: at("2026-11-23T08:06:00Z"),
        };
        Status {
            server: Server {
                host: "lic".to_owned(),
                port: 7260,
                version: "0.1.0".to_owned(),
                role: "leader".to_owned(),
                started: at("2026-11-23T08:00:00Z"),
                applied: 1,
                log_bytes: 0,
                zone: "UTC".to_owned(),
            },
            now: at("2026-11-23T08:35:00Z"),
            files: vec![File {
                tenant: "default".to_owned(),
                name: "/l/a.lic".to_owned(),
                sha256: String::new(),
                lines: 3,
                licenses: Vec::new(),
            }],
            features: vec![
                feature(
                    "cad",
                    pool(Some(3), vec![holding("alice", 7, 1), holding("bob b", 8, 2)]),
                    vec![queued],
                ),
                feature("callback", pool(Some(1), vec![callback]), Vec::new()),
                feature("viewer", pool(None, Vec::new()), Vec::new()),
            ],
            violations: Vec::new(),
            sessions: 3,
            grants: 3,
        }
    }

    #[test]
    fn the_whole_status_has_the_shape_that_scripts_read() {
        let now = at("2026-11-23T08:35:00Z").to_zoned(TimeZone::UTC);
        insta::assert_snapshot!(all(&status(), &Cluster::default(), &now));
    }

    #[test]
    fn the_lines_are_a_table() {
        insta::assert_snapshot!(info(&status()));
    }

    /// What exporters and plug-ins look for (flexnet-formats §7.5).
    #[test]
    fn parsers_of_others_find_what_they_look_for() {
        let text = all(&status(), &Cluster::default(), &at("2026-11-23T08:35:00Z").to_zoned(TimeZone::UTC));
        let server = text.lines().find(|line| line.contains("license server UP")).unwrap();
        assert!(server.ends_with("v0.1.0"), "nothing stands behind the version: {server}");
        assert!(text.contains("License server status: 7260@lic"), "the host of the UP line is in the list");
        let above = text.split("Feature usage info:").next().unwrap();
        for word in ["cannot", "unable", "refused", "down", "winsock"] {
            assert!(!above.to_lowercase().contains(word), "{word} makes a plug-in report the server down");
        }
        assert!(text.lines().filter(|line| line.starts_with("Users of ")).all(|line| line.contains(":  (")));
        let users = text.lines().filter(|line| line.contains(", start "));
        assert!(
            users.clone().all(|line| line.split(" (v").next().unwrap().split_whitespace().count() == 3),
            "{text}"
        );
    }

    #[test]
    fn three_servers_are_each_shown_up_or_down_and_the_master_need_not_be_the_first() {
        let member = |server: u64, role: Option<&str>| Member {
            server,
            address: format!("lic{server}:7260"),
            votes: true,
            own: role.map(|role| grantor_api::cluster::Own {
                host: format!("lic{server}"),
                version: "0.1.0".to_owned(),
                role: role.to_owned(),
                leader: Some(2),
                applied: 7,
                state: String::new(),
                last_write_ms: 1,
                started: at("2026-11-23T08:00:00Z"),
                level: 0,
                license_files: None,
            }),
            silent: None,
        };
        let servers = vec![member(1, Some("follower")), member(2, Some("leader")), member(3, None)];
        let cluster = Cluster { servers, ..Cluster::default() };
        let mut text = addresses(&status(), &cluster);
        text.push('\n');
        super::servers(&mut text, &status(), &cluster);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines,
            [
                "7260@lic1,7260@lic2,7260@lic3",
                "      lic1: license server UP v0.1.0",
                "      lic2: license server UP (MASTER) v0.1.0",
                "      lic3: license server DOWN",
                "",
            ]
        );
    }

    #[test]
    fn a_borrowed_seat_shows_the_seconds_that_are_left_and_all_of_them() {
        let until = Some(at("2026-11-24T08:05:00Z"));
        let loan = Holding { borrowed_until: until, ..holding("alice", 7, 2) };
        let (mut text, status) = (String::new(), status());
        user(&mut text, &status, &loan, &status.now.to_zoned(TimeZone::UTC));
        let line = "    alice ws7 /dev/tty (v8.0) (lic/7260 7), start Mon 11/23 8:05, 2 licenses  (linger: 84600 / 86400)\n";
        assert_eq!(text, line);
    }
}
