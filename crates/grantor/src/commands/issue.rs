//! `grantor issue`: an order becomes a signed license file. What is sold is the catalogue's to say, what a file looks like
//! the license crate's.

use std::process::ExitCode;

use grantor_catalogue::{Expansion, Order, TechnicalLine};
use grantor_license::{Document, Draft, LineState, Trust};
use grantor_portal::draft::{self, DraftError};

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
    let ours = || expansions.iter().filter(|expansion| expansion.publisher == ring.publisher);
    let lines: Vec<&TechnicalLine> = ours().flat_map(|expansion| &expansion.lines).collect();
    let disconnect = ours().filter_map(|expansion| expansion.disconnect_minutes).min();
    if lines.is_empty() {
        let names: Vec<&str> = expansions.iter().map(|expansion| expansion.publisher.as_str()).collect();
        return Err(Failure::new(
            Exit::Refused,
            format!("the order has nothing of publisher `{}`", ring.publisher),
        )
        .hint(format!("it has items of {}", names.join(", "))));
    }
    let draft = draft(order, &lines, disconnect, ring)?;
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

fn draft(
    order: &Order,
    lines: &[&TechnicalLine],
    disconnect: Option<u32>,
    ring: &Ring,
) -> Result<Draft, Failure> {
    let license = draft::license_line(order, today(), disconnect).map_err(usage)?;
    let expires = license.expires;
    let lines = lines.iter().map(|line| (*line, expires));
    draft::draft(order, license, lines, &ring.publisher).map_err(usage)
}

fn usage(error: DraftError) -> Failure {
    let failure = Failure::new(Exit::Usage, &error);
    match error.hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}
