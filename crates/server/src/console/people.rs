//! Settings › People: who administers the site, who may do what, invitations. Only administrators for all tenants have it.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use grantor_api::people::Invitation;
use grantor_site::access::Scope;
use grantor_site::people::{Person, Post, Role, Which};
use grantor_site::{Command, Timestamp};
use grantor_web::answer::{done, page, quoted};
use grantor_web::form::Fields;
use grantor_web::frame::Frame;

use super::form::Form;
use super::render::instant;
use super::visit::Visit;
use crate::http::{Failure, bad_request, invite as let_in, means, person_changed};
use crate::signin;

/// A role as forms name it, its name for people, and what it lets its person do.
const ROLES: [(Role, &str, &str, &str); 5] = [
    (Role::Read, "read", "Reader", "see status, files, people and violations"),
    (Role::Release, "release", "Release", "take seats back, end sessions, dismiss violations"),
    (Role::Allocate, "allocate", "Allocation", "give licenses to users, stations and roles"),
    (Role::ManageLicenses, "manage-licenses", "License manager", "load, replace and remove license files"),
    (Role::Administrator, "administrator", "Administrator", "everything, people and tokens included"),
];

fn role_title(role: Role) -> &'static str {
    ROLES.iter().find(|(one, ..)| *one == role).map_or("", |(_, _, title, _)| title)
}

/// A role and where it counts, for people.
pub(crate) fn post_text(post: &Post) -> String {
    match &post.tenant {
        None => format!("{}, for all tenants", role_title(post.role)),
        Some(tenant) => format!("{}, for {tenant}", role_title(post.role)),
    }
}

/// Somebody as the list shows them.
struct Row {
    name: String,
    address: String,
    called: String,
    posts: Vec<String>,
    ways: Vec<String>,
    visits: usize,
    /// Until when there is an invitation, and whether it is of use still.
    invited: Option<(String, bool)>,
}

fn ways(person: &Person) -> Vec<String> {
    let mut ways = Vec::new();
    if person.password.is_some() {
        ways.push(if person.codes.is_some() { "password and code" } else { "password" }.to_owned());
    }
    match person.passkeys.len() {
        0 => {}
        1 => ways.push("a passkey".to_owned()),
        many => ways.push(format!("{many} passkeys")),
    }
    ways.extend(person.accounts.iter().map(|account| format!("account at {}", account.issuer)));
    ways
}

fn row(visit: &Visit, person: &Person) -> Row {
    let now = visit.app.now();
    let invited = |(_, until): (_, Timestamp)| (instant(until), now < until);
    Row {
        name: person.name.clone(),
        address: format!("/settings/people/{}", quoted(&person.name)),
        called: person.called().to_owned(),
        posts: person.posts.iter().map(post_text).collect(),
        ways: ways(person),
        visits: visit.app.consensus.view().access().visits(&person.name, now).count(),
        invited: person.invitation.map(invited),
    }
}

#[derive(Template)]
#[template(path = "site_people.html")]
struct People {
    frame: Frame,
    rows: Vec<Row>,
    roles: Vec<(&'static str, &'static str, &'static str)>,
    tenants: Vec<String>,
    /// An invitation that was just given, shown this once.
    made: Option<Invitation>,
}

fn roles() -> Vec<(&'static str, &'static str, &'static str)> {
    ROLES.iter().map(|(_, word, title, what)| (*word, *title, *what)).collect()
}

fn known_tenants(visit: &Visit) -> Vec<String> {
    let mut all = visit.tenants();
    if all.is_empty() {
        all.push(visit.app.tenant.to_string());
    }
    all
}

impl People {
    fn of(visit: &Visit, made: Option<Invitation>) -> Self {
        let everybody: Vec<Person> = visit.app.consensus.view().access().everybody().collect();
        let mut rows: Vec<Row> = everybody.iter().map(|person| row(visit, person)).collect();
        rows.sort_by_key(|row| row.name.to_lowercase());
        Self { frame: visit.frame(), rows, roles: roles(), tenants: known_tenants(visit), made }
    }
}

pub(crate) async fn show(visit: Visit) -> Result<Response, Failure> {
    visit.caller.need(Scope::Admin)?;
    Ok(page(&People::of(&visit, None)))
}

/// The roles that were chosen, all for the one tenant of the form; none named = for all.
fn chosen(form: &Fields) -> Vec<Post> {
    let tenant = form.given("for").map(Into::into);
    let picked = ROLES.iter().filter(|(_, word, ..)| form.all("role").any(|chosen| chosen == *word));
    picked.map(|(role, ..)| Post { role: *role, tenant: tenant.clone() }).collect()
}

pub(crate) async fn invite(visit: Visit, Form(form): Form) -> Result<Response, Failure> {
    let by = visit.caller.need(Scope::Admin)?;
    let posts = chosen(&form);
    if posts.is_empty() {
        return Err(bad_request("nothing is chosen that the person may do").into());
    }
    let made = let_in(&visit.app, (form.text("name"), form.text("display")), posts, by).await?;
    Ok(page(&People::of(&visit, Some(made))))
}

#[derive(Template)]
#[template(path = "site_person.html")]
struct Detail {
    frame: Frame,
    row: Row,
    display: String,
    since: String,
    /// What the person may do, by place in the list.
    posts: Vec<(usize, String)>,
    roles: Vec<(&'static str, &'static str, &'static str)>,
    tenants: Vec<String>,
    /// When and how visits began, from where, and until when they go on.
    visits: Vec<(String, String, String, String)>,
    /// Access tokens that end with the person's right to make any.
    tokens: Vec<String>,
    is_self: bool,
    made: Option<Invitation>,
}

fn detail_of(visit: &Visit, person: &Person, made: Option<Invitation>) -> Detail {
    let (site, now) = (visit.app.consensus.view(), visit.app.now());
    let visits = site.access().visits(&person.name, now);
    let visits = visits
        .map(|(_, one)| (instant(one.since), means(&one.means), one.from.to_string(), instant(one.until)));
    let by = if person.by.is_empty() { String::new() } else { format!(" by {}", person.by) };
    Detail {
        frame: visit.frame(),
        row: row(visit, person),
        display: person.display.clone(),
        since: format!("{}{by}", instant(person.since)),
        posts: person.posts.iter().map(post_text).enumerate().collect(),
        roles: roles(),
        tenants: known_tenants(visit),
        visits: visits.collect(),
        tokens: site.access().tokens_of(&person.name).map(|token| token.name.clone()).collect(),
        is_self: visit.caller.name() == person.name,
        made,
    }
}

pub(crate) async fn detail(visit: Visit, Path(name): Path<String>) -> Result<Response, Failure> {
    visit.caller.need(Scope::Admin)?;
    Ok(page(&detail_of(&visit, &visit.app.person(&name)?, None)))
}

/// The roles that stay, by their place in the list that the form was made of, and those that come.
fn wanted(person: &Person, form: &Fields) -> Vec<Post> {
    let stays = |place: usize| form.all("stays").any(|kept| kept == place.to_string());
    let kept = person.posts.iter().enumerate().filter(|(place, _)| stays(*place));
    kept.map(|(_, post)| post.clone()).chain(chosen(form)).collect()
}

pub(crate) async fn change(
    visit: Visit,
    Path(name): Path<String>,
    Form(form): Form,
) -> Result<Response, Failure> {
    let by = visit.caller.need(Scope::Admin)?;
    let person = visit.app.person(&name)?;
    if form.text("seen") != seen(&person) {
        let problem = bad_request("the person's roles were changed by somebody else in the meantime");
        return Err(problem.hint("look at the page again").into());
    }
    let posts = Some(wanted(&person, &form));
    person_changed(&visit.app, &person.name, Some(form.text("display")), posts, &by).await?;
    Ok(done(&format!("/settings/people/{}", quoted(&person.name)), "saved"))
}

/// What a form was made of: places in a list mean nothing in another one.
fn seen(person: &Person) -> String {
    person.posts.iter().map(post_text).collect::<Vec<_>>().join("; ")
}

impl Detail {
    fn seen(&self) -> String {
        self.posts.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>().join("; ")
    }
}

pub(crate) async fn reset(visit: Visit, Path(name): Path<String>) -> Result<Response, Failure> {
    let by = visit.caller.need(Scope::Admin)?;
    let made = signin::reset(&visit.app, &name, &by).await?;
    Ok(page(&detail_of(&visit, &visit.app.person(&name)?, Some(made))))
}

pub(crate) async fn remove(visit: Visit, Path(name): Path<String>) -> Result<Response, Failure> {
    let by = visit.caller.need(Scope::Admin)?;
    visit.app.propose(Command::RemovePerson { name, by }).await?;
    Ok(done("/settings/people", "removed"))
}

pub(crate) async fn end_visits(visit: Visit, Path(name): Path<String>) -> Result<Response, Failure> {
    let by = visit.caller.need(Scope::Admin)?;
    let name = visit.app.person(&name)?.name;
    signin::sign_out(&visit.app, &name, Which::All, &by).await?;
    Ok(done(&format!("/settings/people/{}", quoted(&name)), "visits"))
}
