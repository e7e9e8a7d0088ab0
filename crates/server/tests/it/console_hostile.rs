//! Hostile text in every field of every form of the console: refused in words or kept as the text it is, and never a part of a
//! page.

use std::collections::BTreeMap;

use crate::support::browser::{Answer, Browser};
use crate::support::{PASSWORD, Site, line};
use grantor_license::{DraftLine, Model};
use serde_json::json;

const SCRIPT: &str = "<script>alert(1)</script>\"'>";

/// A form: whether it is sent with its fields in the address, where to, and its fields; those that people write in have no
/// value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Sheet {
    is_search: bool,
    to: String,
    fields: Vec<(String, Option<String>)>,
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let rest = tag.split_once(&format!(" {name}=\""))?.1;
    Some(rest.split('"').next()?.replace("&#38;", "&").replace("&amp;", "&"))
}

fn sheets(path: &str, page: &str) -> Vec<Sheet> {
    let sheet = |form: &str| {
        let form = form.split("</form>").next().unwrap();
        let head = form.split('>').next().unwrap();
        let head = format!(" {head}");
        let to = attribute(&head, "action").unwrap_or_else(|| path.split('#').next().unwrap().to_owned());
        let is_search = attribute(&head, "method").is_none_or(|method| method == "get");
        let fields = form.split('<').skip(1).filter_map(field).collect();
        Sheet { is_search, to, fields }
    };
    page.split("<form").skip(1).map(sheet).collect()
}

fn field(tag: &str) -> Option<(String, Option<String>)> {
    let name = attribute(tag, "name")?;
    let kind = attribute(tag, "type").unwrap_or_else(|| "text".to_owned());
    let is_written = tag.starts_with("textarea")
        || (tag.starts_with("input") && matches!(&*kind, "text" | "search" | "email"));
    let value = attribute(tag, "value").unwrap_or_default();
    Some((name, (!is_written).then_some(value)))
}

fn ada(site: &Site) -> Browser<'_> {
    let mut ada = Browser::at(site);
    assert_eq!(ada.sign_in("ada", PASSWORD).status, 303);
    ada
}

fn send(ada: &mut Browser<'_>, sheet: &Sheet, text: &str) -> Answer {
    let fields: Vec<(&str, &str)> =
        sheet.fields.iter().map(|(name, value)| (name.as_str(), value.as_deref().unwrap_or(text))).collect();
    if sheet.is_search {
        let query: Vec<String> =
            fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        return ada.get(&format!("{}?{}", sheet.to.split('?').next().unwrap(), query.join("&")));
    }
    match &*sheet.to {
        to if to.starts_with("/directory/import?") || to.starts_with("/licenses/import") => {
            ada.upload(to, &fields, None)
        }
        to => ada.post(to, &fields),
    }
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// What ends this visit, this server or the rights of the person at it is left alone.
fn is_left_alone(sheet: &Sheet) -> bool {
    ["/sign-out", "/cluster", "/me/password", "/me/visits", "/visits/end", "/settings/people/ada"]
        .iter()
        .any(|path| sheet.to.contains(path))
}

#[test]
fn hostile_text_in_any_field_is_refused_in_words_or_shown_as_text() {
    let sold = |feature: &str, model: Model| DraftLine { model, ..line(feature, "8.0", 5) };
    let site = Site::with(vec![
        sold("WFM", Model::Role),
        sold("I3_ACCESS_CLIENT", Model::Assignable),
        sold("I3_LICENSE_BASIC_STATION", Model::Assignable),
    ]);
    let here = json!({ "changes": [
        { "change": "add-user", "name": "ann" },
        { "change": "add-station", "name": "desk", "machine": "pc" },
        { "change": "add-group", "name": "sales" },
        { "change": "define-role", "role": "agent", "application": "WFM" },
    ] });
    assert_eq!(site.admin("POST", "/v1/tenants/default/changes", here).0, 200);
    let mut ada = ada(&site);
    let rob = [("name", "rob"), ("role", "read"), ("for", "default")];
    assert_eq!(ada.post("/settings/people", &rob).status, 200);
    let mut all: BTreeMap<Sheet, String> = BTreeMap::new();
    for (path, page) in ada.crawl() {
        all.extend(sheets(&path, &page.body).into_iter().map(|sheet| (sheet, path.clone())));
    }
    all.retain(|sheet, _| !is_left_alone(sheet) && sheet.fields.iter().any(|(_, value)| value.is_none()));
    assert!(all.len() > 20, "{all:#?}");
    let long = "x".repeat(5000);
    for text in [
        SCRIPT,
        "a\u{0}\r\n\u{202e}b\u{7f}",
        &long,
        "../../%2e%2e/etc",
        "{{7*7}}%s%n${x}",
        "=1+1",
        "\u{1f600}'; --",
    ] {
        for (sheet, path) in &all {
            let told = send(&mut ada, sheet, text);
            let shown = text.chars().take(20).collect::<String>();
            assert!(told.status < 500, "{shown:?} in {sheet:?} of {path}: {told:?}");
            assert!(!told.location.starts_with("/sign-in"), "{shown:?} in {sheet:?} of {path}: {told:?}");
            assert!(!told.body.contains(SCRIPT), "{shown:?} in {sheet:?} of {path}: {told:?}");
            if told.status >= 400 {
                assert!(
                    told.body.contains("<h1>") || told.body.contains("role=\"alert\""),
                    "{shown:?} in {sheet:?}: {told:?}"
                );
            }
        }
    }
    // Nothing that was kept of it breaks a page.
    for (path, page) in ada.crawl() {
        assert!(page.status == 200 && !page.body.contains(SCRIPT), "{path}: {}", page.status);
    }
}
