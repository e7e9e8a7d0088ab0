//! Filters and paths: what the RFC and the well-known clients send, what they mean, and that nothing breaks the reader.
#![allow(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;

use super::*;

struct Ann;

impl Resource for Ann {
    fn values(&self, attribute: &str) -> Vec<Value<'_>> {
        let text = |text: &'static str| Held::Text(text.into());
        match attribute {
            "id" => vec![vec![("value", Held::Exact("17".into()))]],
            "externalid" => vec![vec![("value", Held::Exact("aB-1".into()))]],
            "username" => vec![vec![("value", text("Ann.Lee@example.com"))]],
            "active" => vec![vec![("value", Held::Flag(true))]],
            "name" => vec![vec![("givenName", text("Ann")), ("familyName", text("Lee"))]],
            "emails" => vec![
                vec![("value", text("ann@work.example")), ("type", text("work"))],
                vec![("value", text("lee@home.example")), ("type", text("home"))],
            ],
            _ => Vec::new(),
        }
    }
}

fn fits(filter: &str) -> bool {
    Filter::read(filter).unwrap_or_else(|fault| panic!("{filter}: {fault:?}")).fits(&Ann)
}

#[test]
fn what_clients_ask_for_finds_whom_they_mean() {
    let found = [
        r#"userName eq "ann.lee@EXAMPLE.com""#,
        r#"urn:ietf:params:scim:schemas:core:2.0:User:userName sw "ann""#,
        r#"URN:ietf:params:scim:schemas:core:2.0:User:name.familyName co "e""#,
        r#"externalId eq "aB-1""#,
        r#"id eq "17" and active eq true"#,
        r#"active eq "True""#,
        r#"emails[type eq "work" and value co "@work.example"]"#,
        r#"emails.value ew "home.example""#,
        r#"emails eq "lee@home.example""#,
        r#"emails[type pr]"#,
        r#"title eq null and userName ne null"#,
        r#"not (title pr) and (active eq false or userName pr)"#,
        r#"USERNAME EQ "ann.lee@example.com" OR title pr"#,
        r#"userName gt "a" and userName lt "b" and userName ge "a" and userName le "b""#,
        r#"userName ne "bob""#,
        r#"userName eq "ann.lee@ex\u0061mple.com""#,
        r#"title pr or active eq true and userName pr"#,
    ];
    found.iter().for_each(|filter| assert!(fits(filter), "{filter}"));
    let not_found = [
        r#"externalId eq "ab-1""#,
        r#"emails[type eq "work" and value co "home"]"#,
        r#"title pr"#,
        r#"not (userName pr)"#,
        r#"title pr and active eq true or active eq false"#,
        r#"userName eq 17"#,
        r#"emails.type eq "other""#,
        r#"active ne true"#,
    ];
    not_found.iter().for_each(|filter| assert!(!fits(filter), "{filter}"));
}

#[test]
fn a_filter_that_makes_no_sense_is_refused_with_the_place_where_it_does_not() {
    let bad = [
        ("", 1),
        ("userName", 9),
        ("userName is \"ann\"", 10),
        ("userName eq", 12),
        ("userName eq ann", 13),
        ("userName eq \"ann", 13),
        ("userName eq \"ann\" and", 22),
        ("(userName pr", 13),
        ("userName pr)", 12),
        ("not userName pr", 5),
        ("emails[type eq \"work\"", 22),
        ("active gt true", 15),
        ("userName eq \"a\" userName eq \"b\"", 17),
        ("ü eq \"a\"", 1),
    ];
    for (filter, place) in bad {
        let fault = Filter::read(filter).expect_err(filter);
        assert_eq!((fault.status, fault.kind), (400, Some(Kind::InvalidFilter)), "{filter}");
        assert!(fault.detail.starts_with(&format!("at character {place} ")), "{filter}: {}", fault.detail);
    }
}

#[test]
fn a_filter_is_read_only_within_its_bounds() {
    let nested = |depth: usize| format!("{}userName pr{}", "(".repeat(depth), ")".repeat(depth));
    assert!(Filter::read(&nested(20)).is_ok());
    assert!(Filter::read(&nested(21)).is_err() && Filter::read(&nested(1900)).is_err());
    assert!(Filter::read(&format!("userName eq \"{}\"", "x".repeat(5000))).is_err());
}

#[test]
fn paths_name_an_attribute_its_part_and_the_values_that_are_meant() {
    let read = |path: &str| Path::read(path).unwrap();
    assert_eq!(
        read("Name.GivenName").attribute,
        Attribute { name: "name".into(), part: Some("givenname".into()) }
    );
    let path = read(r#"emails[type eq "work"].value"#);
    assert_eq!((path.attribute.part.as_deref(), path.filter.is_some()), (Some("value"), true));
    assert_eq!(read(r#"members[value eq "17"]"#).filter.unwrap().wants("value"), Some("17"));
    let long = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department";
    assert_eq!(read(long).attribute, Attribute { name: long.to_lowercase(), part: None });
    assert_eq!(read("urn:ietf:params:scim:schemas:core:2.0:User:active").attribute.name, "active");
    for bad in
        ["", "members[", "members[value eq \"1\"", "members[value]", "a b", "name.", "members[value pr]x"]
    {
        assert_eq!(Path::read(bad).expect_err(bad).kind, Some(Kind::InvalidPath));
    }
}

fn attribute() -> impl Strategy<Value = Attribute> {
    let name =
        prop::sample::select(vec!["id", "username", "externalid", "active", "title", "emails", "name"]);
    let part = prop::option::of(prop::sample::select(vec!["value", "type", "givenname"]));
    (name, part).prop_map(|(name, part)| Attribute { name: name.to_owned(), part: part.map(str::to_owned) })
}

fn literal() -> impl Strategy<Value = Literal> {
    prop_oneof![
        4 => ".{0,8}".prop_map(Literal::Text),
        1 => any::<i32>().prop_map(|number| Literal::Number(number.to_string())),
    ]
}

fn plain() -> impl Strategy<Value = Filter> {
    let operator = prop::sample::select(OPERATORS.map(|(_, operator)| operator).to_vec());
    let equal = prop::sample::select(vec![Operator::Equal, Operator::NotEqual]);
    let flag = prop_oneof![any::<bool>().prop_map(Literal::Flag), Just(Literal::Null)];
    prop_oneof![
        4 => (attribute(), operator, literal()).prop_map(|(of, how, with)| Filter::Compare(of, how, with)),
        2 => (attribute(), equal, flag).prop_map(|(of, how, with)| Filter::Compare(of, how, with)),
        1 => attribute().prop_map(Filter::Present),
    ]
}

fn filter() -> impl Strategy<Value = Filter> {
    plain().prop_recursive(5, 24, 3, |inner| {
        prop_oneof![
            2 => prop::collection::vec(inner.clone(), 2..4).prop_map(Filter::And),
            2 => prop::collection::vec(inner.clone(), 2..4).prop_map(Filter::Or),
            1 => inner.clone().prop_map(|of| Filter::Not(Box::new(of))),
            1 => inner.prop_map(|of| Filter::Within("emails".to_owned(), Box::new(of))),
        ]
    })
}

/// A filter as a client would write it.
fn spell(filter: &Filter) -> String {
    let of = |attribute: &Attribute| match &attribute.part {
        Some(part) => format!("{}.{part}", attribute.name),
        None => attribute.name.clone(),
    };
    let joined = |all: &[Filter], word: &str| {
        all.iter().map(|one| format!("({})", spell(one))).collect::<Vec<_>>().join(word)
    };
    match filter {
        Filter::Compare(attribute, operator, literal) => {
            let word = OPERATORS.iter().find(|(_, of)| of == operator).unwrap().0;
            let literal = match literal {
                Literal::Text(text) => serde_json::to_string(text).unwrap(),
                Literal::Number(number) => number.clone(),
                Literal::Flag(flag) => flag.to_string(),
                Literal::Null => "null".to_owned(),
            };
            format!("{} {word} {literal}", of(attribute))
        }
        Filter::Present(attribute) => format!("{} pr", of(attribute)),
        Filter::Within(name, inner) => format!("{name}[{}]", spell(inner)),
        Filter::Not(inner) => format!("not ({})", spell(inner)),
        Filter::And(all) => joined(all, " and "),
        Filter::Or(any) => joined(any, " or "),
    }
}

proptest! {
    #[test]
    fn a_filter_that_is_spelled_is_read_as_it_was(filter in filter()) {
        prop_assert_eq!(Filter::read(&spell(&filter)).map_err(|fault| fault.detail), Ok(filter));
    }

    #[test]
    fn whatever_is_sent_is_read_or_refused(text in ".{0,60}", mixed in "[a-z\\[\\]()\" .:eqpr\\\\]{0,60}") {
        for text in [text, mixed] {
            let (_filter, _path) = (Filter::read(&text), Path::read(&text));
        }
    }

    #[test]
    fn and_or_and_not_mean_what_they_say(one in filter(), other in filter()) {
        let (first, second) = (one.fits(&Ann), other.fits(&Ann));
        prop_assert_eq!(Filter::Not(Box::new(one.clone())).fits(&Ann), !first);
        prop_assert_eq!(Filter::And(vec![one.clone(), other.clone()]).fits(&Ann), first && second);
        prop_assert_eq!(Filter::Or(vec![one, other]).fits(&Ann), first || second);
    }
}
