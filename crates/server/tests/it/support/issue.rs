//! License files for tests: a publisher with fixed keys, lines, a signed file for any host.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::panic,
    dead_code,
    unreachable_pub,
    reason = "each test uses its part of it"
)]

use grantor_license::{
    Count, Draft, DraftLicense, DraftLine, DraftServer, DraftVendor, Expiry, LicenseState, Model, RootKey,
    SigningKey, VersionRule,
};
use jiff::civil::{Date, date};

pub const PUBLISHER: &str = "acme";

/// The publisher's keys.
pub struct Keys {
    pub root: RootKey,
    pub signing: SigningKey,
}

impl Default for Keys {
    fn default() -> Self {
        Self { root: RootKey::from_seed([1; 32]), signing: SigningKey::from_seed([2; 32]) }
    }
}

/// A line for a license file.
pub fn line(feature: &str, version: &str, count: u32) -> DraftLine {
    DraftLine {
        increment: true,
        feature: feature.to_owned(),
        version: version.to_owned(),
        expiry: Expiry::Permanent,
        count: Count::Counted(count),
        lrn: "LRN-1".to_owned(),
        model: Model::Floating,
        version_rule: VersionRule::AtLeast,
        attributes: Vec::new(),
    }
}

/// A line with attributes.
pub fn line_with(feature: &str, count: u32, attributes: &[(&str, &str)]) -> DraftLine {
    let attributes =
        attributes.iter().map(|(name, value)| ((*name).to_owned(), Some((*value).to_owned()))).collect();
    DraftLine { attributes, ..line(feature, "8.0", count) }
}

/// A signed license file for any host.
pub fn license(keys: &Keys, lines: Vec<DraftLine>) -> String {
    license_with(keys, lines, LicenseState::Active, date(2026, 1, 1))
}

pub fn license_with(keys: &Keys, lines: Vec<DraftLine>, state: LicenseState, issued: Date) -> String {
    license_bound(keys, lines, state, issued, "ANY")
}

/// A signed license file for one host.
pub fn license_bound(
    keys: &Keys,
    lines: Vec<DraftLine>,
    state: LicenseState,
    issued: Date,
    host_id: &str,
) -> String {
    let server = |host: &str, port| DraftServer {
        host: host.to_owned(),
        host_id: host_id.to_owned(),
        port: Some(port),
    };
    signed(keys, vec![server("this_host", 7260)], lines, state, issued)
}

/// A signed license file that names these servers.
pub fn license_for(keys: &Keys, servers: &[(String, u16)], lines: Vec<DraftLine>) -> String {
    let server = |(host, port): &(String, u16)| DraftServer {
        host: host.clone(),
        host_id: "ANY".to_owned(),
        port: Some(*port),
    };
    let servers = servers.iter().map(server).collect();
    signed(keys, servers, lines, LicenseState::Active, date(2026, 1, 1))
}

/// A signed license file of this type for any host, which disconnects every so many minutes.
pub fn license_of(keys: &Keys, license_type: &str, disconnect: Option<u32>, lines: Vec<DraftLine>) -> String {
    let any = DraftServer { host: "this_host".to_owned(), host_id: "ANY".to_owned(), port: None };
    let mut draft = draft(vec![any], lines, LicenseState::Active, date(2026, 1, 1));
    for license in &mut draft.licenses {
        license.lrn = format!("LRN-{license_type}");
        license_type.clone_into(&mut license.license_type);
        license.disconnect = disconnect;
    }
    for line in &mut draft.lines {
        line.lrn = format!("LRN-{license_type}");
    }
    signature(keys, &draft)
}

/// A signed license file for any host, which is this generation of the files with that serial number.
pub fn license_numbered(keys: &Keys, serial: &str, generation: u32, lines: Vec<DraftLine>) -> String {
    let any = DraftServer { host: "this_host".to_owned(), host_id: "ANY".to_owned(), port: None };
    let mut draft = draft(vec![any], lines, LicenseState::Active, date(2026, 1, 1));
    for license in &mut draft.licenses {
        license.generation = Some((serial.to_owned(), generation));
    }
    signature(keys, &draft)
}

fn signed(
    keys: &Keys,
    servers: Vec<DraftServer>,
    lines: Vec<DraftLine>,
    state: LicenseState,
    issued: Date,
) -> String {
    signature(keys, &draft(servers, lines, state, issued))
}

fn draft(servers: Vec<DraftServer>, lines: Vec<DraftLine>, state: LicenseState, issued: Date) -> Draft {
    Draft {
        comments: vec!["for tests".to_owned()],
        servers,
        vendor: DraftVendor { name: PUBLISHER.to_owned(), port: None },
        licenses: vec![DraftLicense {
            lrn: "LRN-1".to_owned(),
            customer: "Customer".to_owned(),
            site: "Site".to_owned(),
            license_type: "production".to_owned(),
            product: "Product".to_owned(),
            state,
            issued,
            expires: Expiry::Permanent,
            rk: None,
            generation: None,
            disconnect: None,
        }],
        lines,
    }
}

fn signature(keys: &Keys, draft: &Draft) -> String {
    let document = draft.to_document("draft.lic").expect("a draft that can be read");
    let certificate =
        keys.root.certify(PUBLISHER, &keys.signing.public_key(), date(2020, 1, 1), Expiry::Permanent);
    let signed = grantor_license::sign(&document, &keys.signing, &certificate);
    String::from_utf8(signed.to_bytes()).unwrap()
}
