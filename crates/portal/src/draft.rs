//! From an order and its technical licenses to the draft of a license file. Pure: no clock, and nothing is signed.

use grantor_catalogue::{Order, OrderServer, OrderState, TechnicalLine};
use grantor_license::{
    Count, Draft, DraftLicense, DraftLine, DraftServer, DraftVendor, Expiry, LicenseState, Model, VersionRule,
};
use jiff::civil::Date;

/// A word of the order that a license file can't say.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct DraftError {
    /// Which field of the order, or which feature.
    pub field: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<&'static str>,
}

/// The `LICENSE` line; issued `today` where the order does not say. `disconnect`: minutes after which interactions are
/// disconnected.
///
/// # Errors
/// A day that is none.
pub fn license_line(order: &Order, today: Date, disconnect: Option<u32>) -> Result<DraftLicense, DraftError> {
    let issued = order.issued.as_deref().map_or(Ok(today), grantor_license::parse_date);
    let expires = order.expires.as_deref().map_or(Ok(Expiry::Permanent), Expiry::parse);
    let wrong = |field: &str, error: grantor_license::DateError| DraftError {
        field: field.to_owned(),
        message: error.to_string(),
        hint: Some(error.hint()),
    };
    Ok(DraftLicense {
        lrn: order.lrn.clone(),
        customer: order.customer.clone(),
        site: order.site.clone(),
        license_type: order.license_type.clone(),
        product: order.product.clone().unwrap_or_else(|| "-".to_owned()),
        state: match order.state {
            OrderState::Inactive => LicenseState::Inactive,
            OrderState::Active => LicenseState::Active,
            OrderState::Temporary => LicenseState::Temporary,
        },
        issued: issued.map_err(|error| wrong("issued", error))?,
        expires: expires.map_err(|error| wrong("expires", error))?,
        rk: order.registration_key.clone(),
        generation: None,
        disconnect,
    })
}

/// The draft of a file with these lines, each through its own last day.
///
/// # Errors
/// A model or version rule that license files don't know.
pub fn draft<'a>(
    order: &Order,
    license: DraftLicense,
    lines: impl IntoIterator<Item = (&'a TechnicalLine, Expiry)>,
    publisher: &str,
) -> Result<Draft, DraftError> {
    let lines: Result<_, _> =
        lines.into_iter().map(|(line, expiry)| draft_line(line, expiry, &license.lrn)).collect();
    Ok(Draft {
        comments: vec![
            format!("{} for {}, {}", license.lrn, license.customer, license.site),
            "You may change host name, port, comments and spacing; any other change voids its line."
                .to_owned(),
        ],
        servers: order.servers.iter().map(server).collect(),
        vendor: DraftVendor { name: publisher.to_owned(), port: None },
        licenses: vec![license],
        lines: lines?,
    })
}

fn server(server: &OrderServer) -> DraftServer {
    DraftServer { host: server.host.clone(), host_id: server.hostid.clone(), port: server.port }
}

fn draft_line(line: &TechnicalLine, expiry: Expiry, lrn: &str) -> Result<DraftLine, DraftError> {
    let unknown = |what: &str, word: &str| DraftError {
        field: line.feature.clone(),
        message: format!("{what} `{word}` is not known to license files"),
        hint: None,
    };
    let mut attributes = Vec::new();
    attributes.extend(line.hold_seconds.map(|seconds| ("HOLD".to_owned(), Some(seconds.to_string()))));
    attributes.extend(line.dup_group.iter().map(|group| ("DUP_GROUP".to_owned(), Some(group.clone()))));
    Ok(DraftLine {
        increment: true,
        feature: line.feature.clone(),
        version: line.version.clone(),
        expiry,
        count: if line.count == 0 { Count::Uncounted } else { Count::Counted(line.count) },
        lrn: lrn.to_owned(),
        model: Model::parse(line.model.word()).ok_or_else(|| unknown("model", line.model.word()))?,
        version_rule: VersionRule::parse(line.version_rule.word())
            .ok_or_else(|| unknown("version rule", line.version_rule.word()))?,
        attributes,
    })
}
