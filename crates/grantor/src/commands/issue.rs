//! `grantor issue`: an order becomes a signed license file. What is sold is the catalogue's to say, what a file looks like
//! the license crate's.

use std::process::ExitCode;

use grantor_catalogue::{Expansion, Order, OrderServer, OrderState, TechnicalLine};
use grantor_license::{
    Count, Document, Draft, DraftLicense, DraftLine, DraftServer, DraftVendor, Expiry, LicenseState,
    LineState, Model, Trust, VersionRule,
};
use jiff::civil::Date;

use crate::cli::Issue;
use crate::commands::keys::{self, Ring, today};
use crate::commands::{catalogue, license};
use crate::failure::{Exit, Failure};
use crate::output;

/// Reads the order, expands it, signs it, writes it.
pub(crate) fn run(args: &Issue) -> Result<ExitCode, Failure> {
    let ring = keys::open(&args.keys)?;
    let order = catalogue::read_order(&args.order)?;
    let expansions = catalogue::expand(&order, &args.catalogue)?;
    let document = document(&order, &expansions, &ring)?;
    license::write(args.output.as_deref(), &document)?;
    for expansion in expansions.iter().filter(|expansion| expansion.publisher != ring.publisher) {
        output::error(&format!("warning: items of publisher `{}` are left out", expansion.publisher));
        output::error("  hint: issue them with that publisher's keys");
    }
    if let Some(path) = &args.output {
        output::error(&format!("signed with key {} and written to `{}`", ring.signing.id(), path.display()));
    }
    Ok(ExitCode::SUCCESS)
}

/// The signed license file for what the order has of the ring's publisher.
pub(crate) fn document(order: &Order, expansions: &[Expansion], ring: &Ring) -> Result<Document, Failure> {
    let ours = expansions.iter().filter(|expansion| expansion.publisher == ring.publisher);
    let lines: Vec<&TechnicalLine> = ours.flat_map(|expansion| &expansion.lines).collect();
    if lines.is_empty() {
        let names: Vec<&str> = expansions.iter().map(|expansion| expansion.publisher.as_str()).collect();
        return Err(Failure::new(
            Exit::Refused,
            format!("the order has nothing of publisher `{}`", ring.publisher),
        )
        .hint(format!("it has items of {}", names.join(", "))));
    }
    let draft = draft(order, &lines, ring)?;
    let document = draft.to_document("license").map_err(|problems| {
        let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
        Failure::new(Exit::Usage, format!("the order makes no license file:\n{}", texts.join("\n")))
    })?;
    let signed = grantor_license::sign(&document, &ring.signing, &ring.certificate);
    proofread(&signed, ring)?;
    Ok(signed)
}

/// A file that a server would refuse never leaves the house: the order's date may be older than the signing key.
fn proofread(document: &Document, ring: &Ring) -> Result<(), Failure> {
    let trust = Trust::new().with_root(&ring.publisher, &ring.root_key);
    let trust = trust.map_err(|error| Failure::new(Exit::Usage, format!("root.pub: {error}")))?;
    let states = grantor_license::verify(document, &trust);
    let Some((index, state)) = states.iter().find(|(_, state)| *state != LineState::Valid) else {
        return Ok(());
    };
    let name = document.statements().get(*index).map(grantor_license::Statement::name).unwrap_or_default();
    Err(Failure::new(Exit::Refused, format!("`{name}` would be {}: nothing is issued", state.message()))
        .hint("leave `issued` out of the order for today's date, or issue with the key of that time"))
}

fn draft(order: &Order, lines: &[&TechnicalLine], ring: &Ring) -> Result<Draft, Failure> {
    let license = license_line(order)?;
    let draft_lines = lines.iter().map(|line| draft_line(line, &license)).collect::<Result<_, _>>()?;
    Ok(Draft {
        comments: vec![
            format!("{} for {}, {}", license.lrn, license.customer, license.site),
            "You may change host name, port, comments and spacing; any other change voids its line."
                .to_owned(),
        ],
        servers: order.servers.iter().map(server).collect(),
        vendor: DraftVendor { name: ring.publisher.clone(), port: None },
        licenses: vec![license],
        lines: draft_lines,
    })
}

fn server(server: &OrderServer) -> DraftServer {
    DraftServer { host: server.host.clone(), host_id: server.hostid.clone(), port: server.port }
}

fn license_line(order: &Order) -> Result<DraftLicense, Failure> {
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
        issued: order.issued.as_deref().map_or_else(|| Ok(today()), date)?,
        expires: order.expires.as_deref().map_or(Ok(Expiry::Permanent), expiry)?,
        rk: order.registration_key.clone(),
    })
}

fn date(text: &str) -> Result<Date, Failure> {
    grantor_license::parse_date(text)
        .map_err(|error| Failure::new(Exit::Usage, format!("issued: {error}")).hint(error.hint()))
}

fn expiry(text: &str) -> Result<Expiry, Failure> {
    Expiry::parse(text)
        .map_err(|error| Failure::new(Exit::Usage, format!("expires: {error}")).hint(error.hint()))
}

fn draft_line(line: &TechnicalLine, license: &DraftLicense) -> Result<DraftLine, Failure> {
    let unknown = |what: &str, word: &str| {
        Failure::new(Exit::Usage, format!("{}: {what} `{word}` is not known to license files", line.feature))
    };
    let mut attributes = Vec::new();
    attributes.extend(line.hold_seconds.map(|seconds| ("HOLD".to_owned(), Some(seconds.to_string()))));
    attributes.extend(line.dup_group.iter().map(|group| ("DUP_GROUP".to_owned(), Some(group.clone()))));
    Ok(DraftLine {
        increment: true,
        feature: line.feature.clone(),
        version: line.version.clone(),
        expiry: license.expires,
        count: if line.count == 0 { Count::Uncounted } else { Count::Counted(line.count) },
        lrn: license.lrn.clone(),
        model: Model::parse(line.model.word()).ok_or_else(|| unknown("model", line.model.word()))?,
        version_rule: VersionRule::parse(line.version_rule.word())
            .ok_or_else(|| unknown("version rule", line.version_rule.word()))?,
        attributes,
    })
}
