//! `SERVER`, `VENDOR`/`DAEMON` and `USE_SERVER` (flexnet-formats §§1.2–1.4). May not connect to anything.

use crate::hostid::{HostId, parse_list};
use crate::lexer::Word;
use crate::problem::{Finding, Problems, nearest};
use crate::read::{Reader, attribute, number};
use crate::statement::{Body, Server, Statement, Vendor};

pub(crate) fn server(reader: &mut Reader) -> Option<Server> {
    let host = reader.need("a host name and a host id")?.text.clone();
    let ids = reader.need("a host id behind the host name")?;
    let host_ids = host_ids(reader, ids);
    let port = reader.take_if(|word| number(word).is_some() || word.bytes().all(|b| b.is_ascii_digit()));
    let port = port.map(|word| port_number(reader, word, 1));
    let mut server =
        Server { host, host_ids: host_ids?, port: None, primary_is_master: false, heartbeat_interval: None };
    if let Some(port) = port {
        server.port = Some(port?);
    }
    while let Some(word) = reader.next_word() {
        server_option(reader, word, &mut server);
    }
    Some(server)
}

fn host_ids(reader: &mut Reader, word: &Word) -> Option<Vec<HostId>> {
    let ids = match parse_list(&word.text) {
        Ok(ids) => ids,
        Err(error) => {
            return reader
                .fail(word.at(), Finding::error("bad-host-id", error.to_string()).hint(error.hint()));
        }
    };
    for id in &ids {
        if let Some(finding) = unknown_host_id(id) {
            reader.problems.add(word.at(), finding);
        }
    }
    Some(ids)
}

/// A kind that is not known is kept: it may be another publisher's. But it matches nothing here.
pub(crate) fn unknown_host_id(id: &HostId) -> Option<Finding> {
    let HostId::Unknown(text) = id else { return None };
    let shown: String = text.chars().take(40).collect();
    let finding = Finding::warning("unknown-host-id", format!("host id `{shown}` is of no known kind"));
    Some(
        finding
            .hint("an Ethernet address has 12 hexadecimal digits, a host number 8; other kinds have a name"),
    )
}

fn port_number(reader: &mut Reader, word: &Word, least: u32) -> Option<u16> {
    let text = word.text.split_once('=').map_or(word.text.as_str(), |(_, value)| value);
    let port = number(text).filter(|port| *port >= least).and_then(|port| u16::try_from(port).ok());
    if port.is_none() {
        let finding = Finding::error("bad-port", format!("`{text}` is not a port"));
        reader.problems.add(word.at(), finding.hint(format!("write a number from {least} to 65535")));
    }
    port
}

fn server_option(reader: &mut Reader, word: &Word, server: &mut Server) {
    let option = attribute(word);
    let repeated = reader.attributes.has(&option.name);
    if repeated {
        let finding = Finding::error("repeated-attribute", format!("`{}` is given twice", option.name));
        reader.problems.add(word.at(), finding.hint("delete one of them"));
    } else if option.is("PRIMARY_IS_MASTER") && option.value.is_none() {
        server.primary_is_master = true;
    } else if option.is("HEARTBEAT_INTERVAL") {
        server.heartbeat_interval = heartbeat(reader, word, option.value.as_deref());
    } else {
        unknown_option(reader, word, &["PRIMARY_IS_MASTER", "HEARTBEAT_INTERVAL=seconds"]);
    }
    reader.attributes.push(option);
}

/// 0 to 30 seconds in FlexNet; more is a warning because its guide also says 120.
fn heartbeat(reader: &mut Reader, word: &Word, value: Option<&str>) -> Option<u32> {
    let seconds = value.and_then(number);
    match seconds {
        None => {
            let finding = Finding::error("bad-number", "`HEARTBEAT_INTERVAL` needs a number of seconds");
            reader.problems.add(word.at(), finding.hint("write `HEARTBEAT_INTERVAL=20`"));
        }
        Some(31..) => {
            let finding =
                Finding::warning("long-heartbeat", "a heartbeat interval above 30 seconds has no effect");
            reader.problems.add(word.at(), finding.hint("write 0 to 30"));
        }
        Some(_) => {}
    }
    seconds
}

fn unknown_option(reader: &mut Reader, word: &Word, known: &[&'static str]) {
    let shown: String = word.text.chars().take(40).collect();
    let keyword = reader.keyword.text.to_ascii_uppercase();
    let name = shown.split_once('=').map_or(shown.as_str(), |(name, _)| name);
    let hint = match nearest(name, known.iter().map(|known| known.split('=').next().unwrap_or(known))) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("here may stand {}", known.join(" and ")),
    };
    let finding = Finding::error("unexpected-word", format!("`{shown}` has no place on a `{keyword}` line"));
    reader.problems.add(word.at(), finding.hint(hint));
}

pub(crate) fn vendor(reader: &mut Reader) -> Option<Vendor> {
    let name = reader.need("a vendor name")?.text.clone();
    let mut vendor = Vendor { name, path: None, options: None, port: None };
    let mut port_given = false;
    // The keyword form begins where a `name=` stands that is not part of a path.
    while let Some(word) = reader.take_if(|word| !is_keyed(word)) {
        match (vendor.path.is_some(), vendor.options.is_some(), port_given) {
            (false, ..) => vendor.path = Some(place(reader, word)),
            (true, false, _) => vendor.options = Some(place(reader, word)),
            (true, true, false) => {
                vendor.port = port_number(reader, word, 0);
                port_given = true;
            }
            _ => unknown_option(reader, word, &["PORT=number"]),
        }
    }
    while let Some(word) = reader.next_word() {
        vendor_option(reader, word, &mut vendor, &mut port_given);
    }
    vendor.options = vendor.options.filter(|path| !path.is_empty());
    Some(vendor)
}

fn is_keyed(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| !name.contains(['/', '\\', ':']))
}

/// A path. One of digits only was probably meant as the port.
fn place(reader: &mut Reader, word: &Word) -> String {
    if !word.text.is_empty() && word.text.bytes().all(|b| b.is_ascii_digit()) {
        let finding =
            Finding::warning("port-as-path", format!("`{}` stands where a path is expected", word.text));
        reader.problems.add(word.at(), finding.hint(format!("write `PORT={}` if it is the port", word.text)));
    }
    word.text.clone()
}

fn vendor_option(reader: &mut Reader, word: &Word, vendor: &mut Vendor, port_given: &mut bool) {
    let option = attribute(word);
    let value = option.value.clone().unwrap_or_default();
    let repeated = match () {
        () if option.value.is_none() => {
            let finding = Finding::error(
                "word-after-keyword",
                format!("`{}` stands behind a `name=` field", word.text),
            );
            let hint = "behind `OPTIONS=` only `PORT=` may follow; write the name before the `=`";
            reader.problems.add(word.at(), finding.hint(hint));
            false
        }
        () if option.is("OPTIONS") => vendor.options.replace(value).is_some(),
        () if option.is("PORT") => {
            vendor.port = port_number(reader, word, 0);
            std::mem::replace(port_given, true)
        }
        () => {
            unknown_option(reader, word, &["OPTIONS=path", "PORT=number"]);
            false
        }
    };
    if repeated {
        let finding = Finding::error("repeated-attribute", format!("`{}` is given twice", option.name));
        reader.problems.add(word.at(), finding.hint("delete one of them"));
    }
    reader.attributes.push(option);
}

pub(crate) fn use_server(reader: &mut Reader) -> Option<Body> {
    while let Some(word) = reader.next_word() {
        let finding = Finding::error("unexpected-word", "nothing may stand behind `USE_SERVER`");
        reader.problems.add(word.at(), finding.hint("begin a new line, or put `#` before a comment"));
        reader.attributes.push(attribute(word));
    }
    Some(Body::UseServer)
}

/// One or three `SERVER` lines; ports on all three; a `VENDOR` line for every vendor that is served.
pub(crate) fn check_servers(statements: &[Statement], problems: &mut Problems) {
    // Two files of a site pasted together repeat their SERVER lines.
    let mut once: Vec<&Statement> = Vec::new();
    for server in statements.iter().filter(|statement| statement.keyword == "SERVER") {
        let id = server.positionals.get(1);
        if id.is_none() || once.iter().all(|known| known.positionals.get(1) != id) {
            once.push(server);
        }
    }
    let servers = once;
    let at = |statement: &Statement| (statement.line, statement.column);
    if let Some(extra) = servers.get(1).filter(|_| servers.len() != 3) {
        let finding = Finding::error("server-count", format!("there are {} SERVER lines", servers.len()));
        problems.add(at(extra), finding.hint("a file has one SERVER line, or three for a redundant set"));
    }
    let no_port =
        |server: &&&Statement| matches!(&server.body, Body::Server(server) if server.port.is_none());
    if servers.len() == 3
        && let Some(server) = servers.iter().find(no_port)
    {
        let finding = Finding::warning("no-port", "a redundant set needs a port on every SERVER line");
        problems.add(at(server), finding.hint("write the port behind the host id"));
    }
    if !servers.is_empty() {
        check_vendors(statements, problems);
    }
}

fn check_vendors(statements: &[Statement], problems: &mut Problems) {
    let mut known: Vec<&str> = Vec::new();
    for statement in statements {
        if matches!(statement.keyword.as_str(), "VENDOR" | "DAEMON") {
            known.push(statement.name());
        }
    }
    for statement in statements {
        let Some(capacity) = statement.capacity() else { continue };
        if known.contains(&capacity.vendor.as_str()) {
            continue;
        }
        known.push(&capacity.vendor);
        let finding =
            Finding::warning("no-vendor-line", format!("there is no VENDOR line for `{}`", capacity.vendor));
        let hint = format!("add `VENDOR {}` below the SERVER lines", capacity.vendor);
        problems.add((statement.line, statement.column), finding.hint(hint));
    }
}
