//! New Activation File: product and machine, one server item and add-ons, a preview that explains itself, then the file
//! (seed 002, "Generate a Production License", "Update a License").

use askama::Template;
use axum::response::Response;
use grantor_catalogue::{Catalogue, LicenseType};
use grantor_license::Change;
use grantor_web::cookie::Secret;
use grantor_web::frame::Frame;

use super::upgrade::chosen_site;
use super::{Top, home, top};
use crate::catalogues;
use crate::entitlements::{Balance, Owner};
use crate::files::{self, Chosen, Machine, Preview, Request, STANDARD, Selection};
use crate::http::ask::{Ask, Of, now};
use crate::http::fault::Fault;
use crate::http::form::{Fields, Form, number};
use crate::http::render::{done, page, refused, until};
use crate::http::{Need, Route};
use crate::people::Actor;
use crate::rights::Right;
use crate::sites::Site;
use crate::{Failure, Refusal};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/accounts/{account}/new", Need::Account(Right::Files), choose),
        Route::post("/accounts/{account}/new", Need::Account(Right::Files), send),
    ]
}

/// A part that can be chosen.
struct Row {
    number: String,
    description: String,
    balance: Balance,
    split: bool,
    /// What is chosen now.
    use_: u32,
    pooled: u32,
}

/// The form's second half: the machine and the items.
struct Items {
    of_type: LicenseType,
    /// Whether the product's files need a server item.
    has_servers: bool,
    servers: Vec<Row>,
    addons: Vec<Row>,
}

#[derive(Template)]
#[template(path = "account/new.html")]
struct New {
    frame: Frame,
    top: Top,
    sites: Vec<(String, String)>,
    site: String,
    products: Vec<(String, String)>,
    types: Vec<(String, String)>,
    /// What was entered.
    form: Fields,
    items: Option<Items>,
    wrong: Option<Refusal>,
}

async fn choose(ask: Ask, of: Of, asked: Fields) -> Result<Response, Fault> {
    let asked = match asked.given("replaces") {
        Some(number) if !asked.has("product") => begin_with(&ask, &of, &number).await?,
        _ => asked,
    };
    Ok(page(&shown(&ask, &of, asked, None).await?))
}

/// The form filled in as a file has it, to make its successor.
async fn begin_with(ask: &Ask, of: &Of, number: &str) -> Result<Fields, Fault> {
    let details = files::details(&ask.app.store, &of.0, number).await?;
    let (_, site) = chosen_site(ask, of, &Fields::default()).await?;
    let own = crate::sites::find(ask.app.store.read(), &of.0, &details.file.site).await.ok();
    let site = own.or(site);
    Ok(fields(&details.selection, site.as_ref(), number))
}

/// A selection as the form's fields.
fn fields(selection: &Selection, site: Option<&Site>, replaces: &str) -> Fields {
    let mut pairs: Vec<(String, String)> = Vec::new();
    let mut put = |name: &str, value: &str| pairs.push((name.to_owned(), value.to_owned()));
    put("site", &site.map(|site| site.id.to_string()).unwrap_or_default());
    put("product", &selection.catalogue);
    put("type", &selection.license_type);
    put("replaces", replaces);
    put("host_id", &selection.machine.host_id);
    put("machine", &selection.machine.name);
    put("system_type", &selection.system_type);
    put("mail_connector", &selection.mail_connector);
    put("registration_key", selection.registration_key.as_deref().unwrap_or_default());
    match &selection.switchover {
        Some(other) => {
            put("switchover_host_id", &other.host_id);
            put("switchover_machine", &other.name);
        }
        None => put("later", "1"),
    }
    for chosen in &selection.items {
        put(&format!("use/{}", chosen.part), &chosen.quantity.to_string());
        put(&format!("pooled/{}", chosen.part), &chosen.pooled.to_string());
    }
    Fields::of(pairs)
}

async fn shown(ask: &Ask, of: &Of, form: Fields, wrong: Option<Refusal>) -> Result<New, Fault> {
    let store = &ask.app.store;
    let (sites, site) = chosen_site(ask, of, &form).await?;
    let editions = catalogues::current(store, store.read()).await?;
    let catalogue = editions.get(form.text("product")).map(|edition| edition.catalogue.clone());
    let types = catalogue.iter().flat_map(|catalogue| types(catalogue));
    let types = types.filter(|of_type| files::may_make(of_type, ask.person()));
    let types = types.map(|of_type| (of_type.name, of_type.title)).collect();
    let items = match (&catalogue, &site) {
        (Some(catalogue), Some(site)) => items(ask, of, &form, catalogue, site).await?,
        _ => None,
    };
    let products = editions.iter().map(|(name, edition)| (name.clone(), edition.catalogue.title.clone()));
    Ok(New {
        frame: ask.frame(),
        top: top(ask, &of.0, "/new"),
        products: products.collect(),
        types,
        site: site.map(|site| site.id.to_string()).unwrap_or_default(),
        sites,
        items,
        form,
        wrong,
    })
}

/// The catalogue's license types; one where it tells none apart.
fn types(catalogue: &Catalogue) -> Vec<LicenseType> {
    if !catalogue.license_types.is_empty() {
        return catalogue.license_types.values().cloned().collect();
    }
    vec![LicenseType {
        name: STANDARD.to_owned(),
        title: "Standard".to_owned(),
        description: "This product has one type of license".to_owned(),
        production: true,
        ..LicenseType::default()
    }]
}

/// What the site owns of the product, with what the file to be replaced gives back.
async fn items(
    ask: &Ask,
    of: &Of,
    form: &Fields,
    catalogue: &Catalogue,
    site: &Site,
) -> Result<Option<Items>, Fault> {
    let of_type = types(catalogue).into_iter().find(|of_type| of_type.name == form.text("type"));
    let Some(of_type) = of_type else { return Ok(None) };
    let store = &ask.app.store;
    let owner = Owner { account: of.0.id, site: site.id };
    let mut owned = files::offered(store, catalogue, &of_type, owner, &ask.today().to_string()).await?;
    if let Some(replaced) = form.given("replaces") {
        let details = files::details(store, &of.0, &replaced).await?;
        let chosen = details.selection.items.into_iter().map(|one| (one.part, one.quantity));
        // A file at no cost used nothing that is owned, and its own place is free again all the same.
        let used = if details.used.is_empty() { chosen.collect() } else { details.used };
        for one in &mut owned {
            let back = used.get(&one.part.number).copied().unwrap_or(0);
            one.used = one.used.saturating_sub(u64::from(back));
        }
    }
    let mut rows: Vec<(bool, Row)> = Vec::new();
    for balance in owned.into_iter().filter(|one| one.available() > 0) {
        let item = catalogue.items.get(&balance.part.number);
        let number = balance.part.number.clone();
        let chosen = |what: &str| form.number(&format!("{what}/{number}"));
        let row = Row {
            description: super::parts::described(Some(catalogue), &number),
            split: item.is_some_and(|item| item.split),
            use_: chosen("use")?,
            pooled: chosen("pooled")?,
            number: number.clone(),
            balance,
        };
        rows.push((item.is_some_and(|item| item.server), row));
    }
    let (servers, addons): (Vec<_>, Vec<_>) = rows.into_iter().partition(|(server, _)| *server);
    let rows = |some: Vec<(bool, Row)>| some.into_iter().map(|(_, row)| row).collect();
    let has_servers = catalogue.items.values().any(|item| item.server);
    Ok(Some(Items { of_type, has_servers, servers: rows(servers), addons: rows(addons) }))
}

fn selection(form: &Fields) -> Result<Selection, Fault> {
    let text = |name: &str| form.text(name).to_owned();
    let machine = |host_id: &str, name: &str| Machine { host_id: text(host_id), name: text(name) };
    let other = machine("switchover_host_id", "switchover_machine");
    let no_other = form.has("later") || (other.host_id.is_empty() && other.name.is_empty());
    let mut items: Vec<Chosen> = Vec::new();
    if let Some(part) = form.given("server") {
        items.push(Chosen { part, quantity: 1, pooled: 0 });
    }
    for (part, quantity) in form.beginning("use/") {
        let (quantity, pooled) = (number(part, quantity)?, form.number(&format!("pooled/{part}"))?);
        if quantity > 0 && items.iter().all(|chosen| chosen.part != part) {
            items.push(Chosen { part: part.to_owned(), quantity, pooled });
        }
    }
    Ok(Selection {
        catalogue: text("product"),
        license_type: text("type"),
        machine: machine("host_id", "machine"),
        switchover: (!no_other).then_some(other),
        system_type: text("system_type"),
        mail_connector: text("mail_connector"),
        registration_key: form.given("registration_key"),
        items,
    })
}

#[derive(Template)]
#[template(path = "account/preview.html")]
struct Shown {
    frame: Frame,
    top: Top,
    preview: Preview,
    changes: Vec<(&'static str, String)>,
    until: String,
    site: String,
    selection: Selection,
    /// Everything that was entered, to be sent again.
    fields: Vec<(String, String)>,
    /// Names this request: sent twice, it makes one file.
    key: String,
    replaces: Option<String>,
}

fn changed(change: &Change) -> (&'static str, String) {
    use grantor_license::ChangeKind::{Added, Removed};
    let fields = change.fields.iter().map(|field| {
        let side = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        format!("{} {} → {}", field.field, side(&field.old), side(&field.new))
    });
    let fields: Vec<String> = fields.collect();
    let kind = match change.kind {
        Added => "added",
        Removed => "removed",
        _ => "changed",
    };
    (kind, format!("{} {} {}", change.keyword, change.name, fields.join(", ")).trim_end().to_owned())
}

/// The form was sent: shown first, and generated from the preview.
async fn send(ask: Ask, of: Of, Form(form): Form) -> Result<Response, Fault> {
    if form.has("change") {
        return Ok(page(&shown(&ask, &of, form, None).await?));
    }
    let (_, site) = chosen_site(&ask, &of, &form).await?;
    let site = site.ok_or_else(|| Fault::Senseless("the account has no active install site".to_owned()))?;
    let (selection, replaces) = (selection(&form)?, form.given("replaces"));
    let request = Request {
        account: &of.0,
        site: &site,
        selection: &selection,
        replaces: replaces.as_deref(),
        by: Actor::Person(ask.person()),
        at: now(),
        today: ask.today(),
    };
    let outcome = match form.given("key") {
        Some(key) => generate(&ask, &request, &key).await,
        None => preview(&ask, &of, &request, &form).await,
    };
    match outcome {
        Err(Fault::Failed(Failure::Refused(refusal))) => {
            Ok(refused(&shown(&ask, &of, form, Some(refusal)).await?))
        }
        outcome => outcome,
    }
}

async fn preview(ask: &Ask, of: &Of, request: &Request<'_>, form: &Fields) -> Result<Response, Fault> {
    let preview = files::preview(&ask.app.store, request).await?;
    Ok(page(&Shown {
        frame: ask.frame(),
        top: top(ask, &of.0, "/new"),
        changes: preview.changes.iter().map(changed).collect(),
        until: until(&preview.last_day),
        site: request.site.details.name.clone(),
        selection: request.selection.clone(),
        fields: form.pairs().iter().filter(|(name, _)| name != "key" && name != "change").cloned().collect(),
        key: Secret::new("").map_err(|_| Fault::Bug)?.text().to_owned(),
        replaces: request.replaces.map(str::to_owned),
        preview,
    }))
}

/// A file is signed before the answer if the signer is there, and soon after otherwise.
pub(super) async fn sign(ask: &Ask, number: &str) {
    if let Some(signer) = &ask.app.signer
        && let Err(error) = crate::signing::sign_all(&ask.app.store, signer).await
    {
        tracing::warn!(%error, number, "a license file waits for its signatures");
        ask.app.wake.notify_one();
    }
}

/// Generates the file.
async fn generate(ask: &Ask, request: &Request<'_>, key: &str) -> Result<Response, Fault> {
    // Nobody can use the key of another person's request up.
    let key = format!("{}/{key}", ask.person().id);
    let number = files::generate(&ask.app.store, request, &key).await?;
    sign(ask, &number).await;
    Ok(done(&format!("{}/files/{number}", home(request.account)), "generated"))
}
