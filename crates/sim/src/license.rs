//! The license file of a simulated site, as the leader would have admitted it: one feature, so many seats.

use std::sync::Arc;

use grantor_license::{Count, DupGroup, Model, Offer, OfferKind, Supersede, Version, VersionRule};
use grantor_site::command::{Command, LicenseFile, LoadedLine};

/// The feature everybody wants.
pub(crate) const FEATURE: &str = "seat";

pub(crate) fn version() -> Version {
    Version::parse("1").unwrap_or_else(|_| unreachable!("a decimal number"))
}

fn line(seats: u32) -> LoadedLine {
    let offer = Offer {
        kind: OfferKind::Increment,
        feature: FEATURE.to_owned(),
        publisher: "acme".to_owned(),
        version: version(),
        version_rule: VersionRule::AtLeast,
        model: Model::Floating,
        count: Count::Counted(seats),
        overdraft: 0,
        hold_seconds: 0,
        linger_seconds: 0,
        borrow_hours: None,
        dup_group: DupGroup::default(),
        locks: Vec::new(),
        lrn: "LRN-1".to_owned(),
        starts: None,
        last_day: None,
        issued: None,
        supersede: Supersede::None,
        sign: "signed".to_owned(),
        sort: 100,
        pool_key: "seat".to_owned(),
        file: 0,
        line: 1,
        serial: None,
        vendor_string: None,
        suite_dup_group: None,
    };
    LoadedLine { offer, proof: "proof".into(), starts: None, ends: None }
}

/// Loads the file.
pub(crate) fn load(seats: u32) -> Command {
    Command::LoadFile(Arc::new(LicenseFile {
        tenant: "main".into(),
        name: "site.lic".to_owned(),
        digest: [7; 32],
        text: String::new(),
        licenses: Vec::new(),
        lines: vec![line(seats)],
    }))
}
