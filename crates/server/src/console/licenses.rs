//! License management: what is loaded, its state and why, what is in each file, and loading another one after a look at what
//! it would change. Reading and admitting files is the loader's.

use askama::Template;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use grantor_api::admin::CapacityChange;
use grantor_license::{Body, Count, LicenseInfo, LicenseState, parse};
use grantor_site::access::Scope;
use grantor_site::command::LicenseFile;
use grantor_site::{Command, Entry, Refusal, Reply, Site};
use grantor_web::answer::{done, page, quoted};
use grantor_web::frame::Frame;
use jiff::civil::Date;

use super::form::{Form, Upload};
use super::render::Use;
use super::visit::Visit;
use crate::http::{Failure, Prepared, feature_status, pool_change};
use crate::loader::state_name;

#[derive(Template)]
#[template(path = "licenses.html")]
struct Licenses {
    frame: Frame,
    tenant: String,
    tenants: Vec<String>,
    rows: Vec<License>,
    key: String,
    may: bool,
}

/// A license of the table.
struct License {
    lrn: String,
    product: String,
    kind: String,
    /// OK, NOT_ACTIVATED, EXPIRED …
    state: &'static str,
    why: String,
    expires: String,
    scope: String,
    file: String,
    address: String,
    use_: Use,
}

impl License {
    fn badge(&self) -> &'static str {
        match self.state {
            "OK" => "good",
            "NOT_ACTIVATED" => "warn",
            _ => "bad",
        }
    }
}

pub(crate) async fn show(visit: Visit) -> Response {
    let site = visit.app.consensus.view();
    let today = visit.app.rules().loader.today(visit.app.now());
    let files = site.files().filter(|file| file.tenant == visit.tenant);
    let rows =
        files.flat_map(|file| file.licenses.iter().map(|license| row(&visit, &site, file, license, today)));
    page(&Licenses {
        frame: visit.frame(),
        tenant: visit.tenant.to_string(),
        tenants: visit.tenants(),
        rows: rows.collect(),
        key: registration_key(&visit),
        may: visit.may(Scope::Licenses),
    })
}

pub(super) fn registration_key(visit: &Visit) -> String {
    visit.app.consensus.identity().cluster.to_string().to_uppercase()
}

fn row(visit: &Visit, site: &Site, file: &LicenseFile, license: &LicenseInfo, today: Date) -> License {
    let state = state_name(license, today);
    License {
        lrn: license.lrn.clone(),
        product: license.product.clone(),
        kind: license.license_type.clone(),
        state,
        why: why(license, state),
        expires: license.expires.map_or_else(|| "permanent".to_owned(), |last| last.to_string()),
        scope: license.site.clone(),
        file: file.name.clone(),
        address: visit.to(&format!("/licenses/{}", quoted(&file.name))),
        use_: used(site, file),
    }
}

/// Why a license is in the state it is in, and until when.
fn why(license: &LicenseInfo, state: &str) -> String {
    match (state, license.expires, license.dies) {
        ("EXPIRED", Some(last), _) => format!("its last day was {last}"),
        ("EXPIRED", None, Some(dies)) => format!("it was not activated before {dies}"),
        ("NOT_ACTIVATED", _, Some(dies)) => format!("it works without activation until {dies}"),
        ("NOT_ACTIVATED", ..) => "it waits for its activation".to_owned(),
        ("DEACTIVATED", ..) => "it was given back to the publisher".to_owned(),
        (_, Some(last), _) if license.state == LicenseState::Temporary => format!("temporary, until {last}"),
        (_, Some(last), _) => format!("until {last}"),
        _ => String::new(),
    }
}

/// What is in use of all that a file has.
fn used(site: &Site, file: &LicenseFile) -> Use {
    let mut keys: Vec<String> = file.lines.iter().map(|line| line.offer.feature.to_lowercase()).collect();
    keys.sort();
    keys.dedup();
    let of = |feature: &String| {
        feature_status(site, &grantor_site::pool::FeatureKey::new(&file.tenant, feature), 0)
    };
    let all: Vec<_> = keys.iter().map(of).collect();
    let of = all.iter().filter_map(|feature| feature.capacity).fold(0, u32::saturating_add);
    let used = all.iter().filter(|feature| feature.capacity.is_some()).map(|feature| feature.in_use).sum();
    Use { used, of: Some(of) }
}

#[derive(Template)]
#[template(path = "license.html")]
struct Detail {
    frame: Frame,
    tenant: String,
    name: String,
    sha256: String,
    licenses: Vec<License>,
    lines: Vec<Line>,
    text: String,
    may: bool,
    is_configured: bool,
}

/// A line that gives capacity.
struct Line {
    feature: String,
    version: String,
    model: &'static str,
    count: String,
    from: String,
    until: String,
    is_in_force: bool,
}

fn line(line: &grantor_site::command::LoadedLine, site: &Site) -> Line {
    let instant = |at: Option<grantor_site::Timestamp>| at.map(super::render::instant).unwrap_or_default();
    Line {
        feature: line.offer.feature.to_string(),
        version: line.offer.version.to_string(),
        model: line.offer.model.name(),
        count: match line.offer.count {
            Count::Counted(count) => count.to_string(),
            Count::Uncounted => "any number".to_owned(),
        },
        from: instant(line.starts),
        until: line.ends.map_or_else(|| "permanent".to_owned(), super::render::instant),
        is_in_force: line.in_force(site.now()),
    }
}

fn loaded<'a>(site: &'a Site, visit: &Visit, name: &str) -> Result<&'a std::sync::Arc<LicenseFile>, Failure> {
    let found = site.files().find(|file| file.tenant == visit.tenant && file.name == name);
    found.ok_or_else(|| Refusal::NoSuchFile { name: name.to_owned() }.into())
}

pub(crate) async fn detail(visit: Visit, Path(name): Path<String>) -> Result<Response, Failure> {
    let site = visit.app.consensus.view();
    let file = loaded(&site, &visit, &name)?;
    let today = visit.app.rules().loader.today(visit.app.now());
    Ok(page(&Detail {
        frame: visit.frame(),
        tenant: visit.tenant.to_string(),
        sha256: crate::tls::hex(&file.digest),
        licenses: file.licenses.iter().map(|license| row(&visit, &site, file, license, today)).collect(),
        lines: file.lines.iter().map(|one| line(one, &site)).collect(),
        text: file.text.clone(),
        may: visit.may(Scope::Licenses),
        is_configured: visit.app.rules().loader.is_configured(&name),
        name,
    }))
}

pub(crate) async fn remove(visit: Visit, Path(name): Path<String>) -> Result<Response, Failure> {
    let by = visit.need(Scope::Licenses)?;
    crate::http::not_remembered(&name)?;
    visit.app.propose(Command::RemoveFile { tenant: visit.tenant.clone(), name, by }).await?;
    Ok(done(&visit.to("/licenses"), "removed"))
}

#[derive(Template)]
#[template(path = "import.html")]
struct Import {
    frame: Frame,
    tenant: String,
    name: String,
    text: String,
    /// Where to go on once it is loaded.
    next: String,
    preview: Option<Preview>,
}

/// What loading the file would do.
struct Preview {
    licenses: Vec<(String, String)>,
    changes: Vec<CapacityChange>,
    problems: Vec<String>,
    replaces: bool,
}

pub(crate) async fn ask(visit: Visit) -> Result<Response, Failure> {
    visit.need(Scope::Licenses)?;
    let name = visit.asked.given("name").unwrap_or_default();
    Ok(page(&Import {
        frame: visit.frame(),
        tenant: visit.tenant.to_string(),
        name,
        text: String::new(),
        next: String::new(),
        preview: None,
    }))
}

/// The name of the loaded file that has an order of this one already, so that the new one takes its place and nothing counts twice. What
/// stands in the configured folder is replaced there.
pub(super) fn name_for(visit: &Visit, text: &str) -> Option<String> {
    let document = parse("license", text.as_bytes()).document;
    let lrns = document.statements().iter().filter_map(|statement| match &statement.body {
        Body::License(line) => Some(line.lrn.as_str()),
        _ => None,
    });
    let lrns: Vec<&str> = lrns.collect();
    let (site, rules) = (visit.app.consensus.view(), visit.app.rules());
    let has = |file: &&std::sync::Arc<grantor_site::command::LicenseFile>| {
        file.tenant == visit.tenant
            && !rules.loader.is_configured(&file.name)
            && file.licenses.iter().any(|license| lrns.contains(&license.lrn.as_str()))
    };
    site.files().find(has).map(|file| file.name.clone())
}

/// Shows what the file would change; loads nothing.
pub(crate) async fn preview(visit: Visit, upload: Upload) -> Result<Response, Failure> {
    visit.need(Scope::Licenses)?;
    let text = match upload.file.is_empty() {
        true => upload.fields.raw("text").to_owned(),
        false => String::from_utf8_lossy(&upload.file).into_owned(),
    };
    let own = Some(upload.name).filter(|name| !name.is_empty());
    let name = upload.fields.given("name").or_else(|| name_for(&visit, &text)).or(own);
    let name = name.unwrap_or_else(|| "console.lic".to_owned());
    previewed(&visit, &name, text, upload.fields.text("next"))
}

/// Shows what a license file would change if it were loaded under `name`; `next` = where to go on then.
pub(super) fn previewed(visit: &Visit, name: &str, text: String, next: &str) -> Result<Response, Failure> {
    let prepared = visit.app.prepare(&visit.tenant, name, text.as_bytes())?;
    let preview = looked_at(visit, &prepared, name);
    Ok(page(&Import {
        frame: visit.frame(),
        tenant: visit.tenant.to_string(),
        name: name.to_owned(),
        text,
        next: next.to_owned(),
        preview: Some(preview),
    }))
}

fn looked_at(visit: &Visit, prepared: &Prepared, name: &str) -> Preview {
    let mut site = Site::clone(&visit.app.consensus.view());
    let today = visit.app.rules().loader.today(visit.app.now());
    let replaces = site.files().any(|file| file.tenant == visit.tenant && file.name == name);
    let command = Command::ReplaceFiles {
        tenant: visit.tenant.clone(),
        load: prepared.files().to_vec(),
        remove: Vec::new(),
        by: String::new(),
    };
    let outcome = site.apply(&Entry { at: visit.app.now(), command });
    let changes = match outcome.reply {
        Ok(Reply::FileLoaded { changes }) => together(changes.into_iter().map(pool_change)),
        _ => Vec::new(),
    };
    let licenses = prepared.files().iter().flat_map(|file| &file.licenses);
    let licenses = licenses.map(|license| (license.lrn.clone(), state_name(license, today).to_owned()));
    Preview { licenses: licenses.collect(), changes, problems: prepared.problems().to_vec(), replaces }
}

/// Changes with those of one version of a feature added up: assignable and pooled seats are lines of their own.
fn together(changes: impl Iterator<Item = CapacityChange>) -> Vec<CapacityChange> {
    let mut all: Vec<CapacityChange> = Vec::new();
    for change in changes {
        let same =
            |other: &&mut CapacityChange| other.feature == change.feature && other.version == change.version;
        match all.iter_mut().find(same) {
            Some(other) => {
                other.from = other.from.zip(change.from).map(|(one, more)| one.saturating_add(more));
                other.to = other.to.zip(change.to).map(|(one, more)| one.saturating_add(more));
            }
            None => all.push(change),
        }
    }
    all
}

pub(crate) async fn load(visit: Visit, Form(form): Form) -> Result<Response, Failure> {
    let by = visit.need(Scope::Licenses)?;
    let name = form.text("name").to_owned();
    let prepared = visit.app.prepare(&visit.tenant, &name, form.raw("text").as_bytes())?;
    let loaded = visit.app.load_prepared(&visit.tenant, prepared, &by).await?;
    let code = if loaded.loaded.is_empty() { "same" } else { "loaded" };
    let to = form
        .given("next")
        .filter(|next| next == "/set-up/stations")
        .unwrap_or_else(|| "/licenses".to_owned());
    Ok(done(&visit.to(&to), code))
}

/// The file as it was read.
pub(crate) async fn text(visit: Visit, Path(name): Path<String>) -> Result<Response, Failure> {
    let site = visit.app.consensus.view();
    let text = loaded(&site, &visit, &name)?.text.clone();
    Ok(grantor_web::answer::download(&name, "text/plain; charset=utf-8", text).into_response())
}
