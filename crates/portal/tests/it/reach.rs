//! What is there of somebody else's is not there for others: every page and every request of the API is asked for by the real number of a
//! file, a site, an order, a request and an attachment of another account, and by those of another person.

use crate::support::api::{Api, good, scopes, token};
use crate::support::door::{Answer, Door, person, visit};
use crate::support::{NOW, acme, on_both, order};
use axum::http::{Method, StatusCode};
use grantor_portal::accounts::{self, Kind, NewAccount};
use grantor_portal::http::routes;
use grantor_portal::orders::{NewOrder, book};
use grantor_portal::rights::Role;
use grantor_portal::sites::{self, Details};
use grantor_portal::store::Store;
use grantor_portal::{certifications, files, tokens};

const MARK: &str = "of nobody else's business";

/// What the account OTHER has.
struct Theirs {
    file: String,
    site: String,
    order: String,
    request: String,
    attachment: String,
}

async fn certified(store: &Store, mail: &str, account: &str) -> (String, String) {
    let somebody = person(store, mail, &[Role::Partner], Some(account)).await;
    certifications::enter(store, &somebody, "pureconnect-4", "2999-12-31", ("ann", NOW)).await.unwrap();
    (visit(store, &somebody).await, token(store, &somebody, &scopes(&somebody)).await)
}

/// OTHER has one of everything; all of it is made as its own people make it.
async fn theirs(store: &Store, api: &Api) -> Theirs {
    let new = NewAccount {
        reference: "OTHER".to_owned(),
        name: MARK.to_owned(),
        kind: Kind::EndUser,
        parent: None,
    };
    let account = accounts::create(store, &new, ("ann", NOW)).await.unwrap();
    let details = Details { name: "Berlin".to_owned(), city: MARK.to_owned(), ..Details::default() };
    let site = sites::create(store, &account, &details, ("ann", NOW)).await.unwrap();
    let lines = [("SW-001-4.0-SL03", 1), ("SW-001-4.0-AL02", 20)];
    let bought = NewOrder { account: "OTHER".to_owned(), ..order("SO-THEIRS", &lines) };
    book(store, &bought, "ann", NOW, 77).await.unwrap();
    let (_, own) = certified(store, "olga@example.com", "OTHER").await;
    let file = r#"{"site":"Berlin","selection":{"catalogue":"pureconnect-4","license_type":"production","machine":{"host_id":"0050569a1b2c","name":"theirs"},"items":[{"part":"SW-001-4.0-SL03","quantity":1}]}}"#;
    let file = api.done("/api/v1/accounts/OTHER/files", &own, file, "their file").await["file"].clone();
    let asked = format!(
        r#"{{"kind":"question","fields":{{"first_name":"O","last_name":"O","mail":"olga@example.com","mail_again":"olga@example.com","employer":"O","subject":"{MARK}","description":"{MARK}"}}}}"#
    );
    let request =
        api.done("/api/v1/accounts/OTHER/requests", &own, &asked, "their request").await["number"].clone();
    let request = request.as_str().unwrap().to_owned();
    let path = format!("/api/v1/accounts/OTHER/requests/{request}/attachments?name=theirs.txt");
    let attached = good(api.ask(Method::POST, &path, &own, MARK, "their attachment").await);
    let attachment = attached["id"].as_i64().unwrap_or(1).to_string();
    for (number, text) in files::unsigned(store, None).await.unwrap() {
        files::was_signed(store, &number, &text, NOW).await.unwrap();
    }
    Theirs {
        file: file.as_str().unwrap().to_owned(),
        site: site.id.to_string(),
        order: "SO-THEIRS".to_owned(),
        request,
        attachment,
    }
}

impl Theirs {
    /// The path with their numbers behind an account; nothing, where it has none.
    fn filled(&self, path: &str, account: &str) -> Option<String> {
        let number = match path {
            _ if path.contains("/files/") => &self.file,
            _ if path.contains("/orders/") => &self.order,
            _ if path.contains("/requests/") => &self.request,
            _ => "",
        };
        let id = if path.contains("/attachments") { &self.attachment } else { &self.site };
        let names_one = path.contains("{number}") || path.contains("{id}");
        let of_account = path.contains("{account}") && (names_one || account == "OTHER");
        of_account.then(|| path.replace("{account}", account).replace("{number}", number).replace("{id}", id))
    }
}

fn is_not_there(answer: &Answer, who: &str) {
    assert_eq!(answer.status, StatusCode::NOT_FOUND, "{who}: {answer:?}");
    assert!(!answer.body.contains(MARK) && !answer.body.contains("theirs"), "{who}: {answer:?}");
}

#[test]
fn what_another_account_has_is_not_there_by_its_real_number_on_any_page_or_for_any_program() {
    on_both(|store| async move {
        acme(&store).await;
        let (api, door) = (Api::of(&store), Door::open(&store, false));
        let theirs = theirs(&store, &api).await;
        let (cookie, own) = certified(&store, "paul@example.com", "ACME").await;
        let mut asked = 0;
        for account in ["ACME", "OTHER"] {
            for route in routes() {
                let Some(path) = theirs.filled(route.path, account) else { continue };
                let who = format!("{} {path}", route.method);
                if route.path.starts_with("/api/") {
                    let body = "{}";
                    is_not_there_or_senseless(
                        &api.ask(route.method, &path, &own, body, "somebody's request").await,
                        &who,
                    );
                } else if !route.path.ends_with("/edit") && !route.path.ends_with("/letter") {
                    is_not_there(
                        &door.send(route.method, &path, &cookie, "reason=x&name=x&key=x").await,
                        &who,
                    );
                }
                asked += 1;
            }
        }
        assert!(asked > 60, "{asked}");
        // And all of it is as it was.
        let account = accounts::find(store.read(), "OTHER").await.unwrap();
        let file = files::details(&store, &account, &theirs.file).await.unwrap();
        assert!(file.file.active && file.deactivation.is_none());
        let site = sites::find(store.read(), &account, "Berlin").await.unwrap();
        assert!(site.active && site.version == 1);
    });
}

/// A program's body is read before it is looked for what it is about; whatever it says, nothing of others is told.
fn is_not_there_or_senseless(answer: &Answer, who: &str) {
    assert!(answer.status.is_client_error(), "{who}: {answer:?}");
    assert!(!answer.body.contains(MARK) && !answer.body.contains("theirs"), "{who}: {answer:?}");
}

#[test]
fn the_same_numbers_are_there_for_whoever_they_belong_to() {
    on_both(|store| async move {
        acme(&store).await;
        let (api, door) = (Api::of(&store), Door::open(&store, false));
        let theirs = theirs(&store, &api).await;
        let (cookie, own) = certified(&store, "oscar@example.com", "OTHER").await;
        for route in routes().into_iter().filter(|route| route.method == Method::GET) {
            let Some(path) = theirs.filled(route.path, "OTHER") else { continue };
            if route.path.ends_with("/edit") {
                continue;
            }
            let path = if path.ends_with("/upgrades") { format!("{path}?site=Berlin") } else { path };
            let answer = match route.path.starts_with("/api/") {
                true => api.get(&path, &own).await,
                false => door.get(&path, &cookie).await,
            };
            assert_eq!(answer.status, StatusCode::OK, "{path}: {answer:?}");
        }
    });
}

#[test]
fn nobody_ends_or_removes_what_another_person_has_made_for_themselves() {
    on_both(|store| async move {
        acme(&store).await;
        let door = Door::open(&store, false);
        let ada = person(&store, "ada@example.com", &[Role::Partner], Some("ACME")).await;
        let eve = person(&store, "eve@example.com", &[Role::Partner], Some("ACME")).await;
        let (hers, other) = (visit(&store, &ada).await, visit(&store, &eve).await);
        let secret = token(&store, &ada, &scopes(&ada)).await;
        let made = tokens::list(&store, &ada).await.unwrap();
        door.post("/me/filters", &hers, "page=files&name=mine&query=%3Fmachine%3Dx&next=/").await;
        let filters = grantor_portal::filters::list(&store, &ada, "files").await.unwrap();
        door.post(&format!("/me/tokens/{}/remove", made[0].id), &other, "").await;
        door.post(&format!("/me/filters/{}/remove", filters[0].id), &other, "next=/").await;
        door.post("/me/visits/end", &other, "").await;
        assert_eq!(tokens::list(&store, &ada).await.unwrap().len(), 1);
        assert_eq!(grantor_portal::filters::list(&store, &ada, "files").await.unwrap().len(), 1);
        assert_eq!(door.get("/me", &hers).await.status, StatusCode::OK, "she is still signed in");
        assert_eq!(Api::of(&store).get("/api/v1/accounts", &secret).await.status, StatusCode::OK);
        // Where there is a request, its page takes the key that came by mail.
        let wrong = door.get("/request/AFR-0000001/aaaaaaaaaaaaaaaa", &other).await;
        assert_eq!(wrong.status, StatusCode::NOT_FOUND);
    });
}
