//! Every problem of a catalogue or an order is found, all at once, each at its line and column and with a hint.

use crate::common;
use crate::common::{catalogues, item, listed};
use grantor_catalogue::{Catalogue, Order, Problem, expand};

const HEAD: &str = "title = \"Test\"\npublisher = \"acme\"\nedition = \"1\"\n";

/// The problems of a catalogue whose text follows the three lines of the head.
fn problems(rest: &str) -> String {
    match Catalogue::parse("test", &format!("{HEAD}{rest}")) {
        Ok(_) => "none".to_owned(),
        Err(problems) => listed(&problems),
    }
}

/// The problems of an order, read or expanded, whose text follows three lines of a head.
fn order_problems(rest: &str) -> String {
    let text = format!("lrn = \"L-1\"\ncustomer = \"Acme\"\nsite = \"Main\"\n{rest}");
    let expanded = |order: Order| -> Result<(), Vec<Problem>> { expand(&order, &catalogues()).map(|_| ()) };
    match Order::parse("order.toml", &text).and_then(expanded) {
        Ok(()) => "none".to_owned(),
        Err(problems) => listed(&problems),
    }
}

#[test]
fn a_text_that_is_not_toml_is_refused_at_every_place() {
    insta::assert_snapshot!(problems("sources = [\n[defaults\nversion = 8.0.1\n"), @r#"
    test.toml:5:2: error: not TOML: string values must be quoted, expected literal string
    test.toml:6:1: error: not TOML: missing comma between array elements, expected `,`
    "#);
}

#[test]
fn unknown_keys_are_named_with_the_nearest_known_one() {
    insta::assert_snapshot!(problems(r#"
publishr = "x"
[[technical_licenses]]
feature = "seat"
version = "1.0"
quantity = "seat"
holdseconds = 3600
"#), @r#"
test.toml:5:1: error: unknown key `publishr`
  hint: did you mean `publisher`?
test.toml:10:1: error: unknown key `holdseconds`
  hint: did you mean `hold_seconds`?
"#);
}

#[test]
fn names_that_lead_nowhere_are_named_with_the_nearest_one() {
    insta::assert_snapshot!(problems(r#"
[[technical_licenses]]
feature = "tserver_iscc"
version = "8.0"
quantity = "site"
kind = "acess"
excludes = ["tserver_sdn 8.0"]

[[items]]
name = "Express Voice - MS"
unit = "seat"
required = ["tserver_isc 8.0"]
includes = ["Express Voice-SS"]
upgrades_to = "Nothing"

[[measures]]
name = "Voice"
items = ["Express Voice MS"]
licenses = ["tserver_iscc"]
"#), @r#"
test.toml:9:8: error: no kind is called `acess`
  hint: add the kind, or take the name out
test.toml:10:13: error: no technical license is called `tserver_sdn 8.0`
  hint: did you mean `tserver_iscc 8.0`?
test.toml:15:13: error: no technical license is called `tserver_isc 8.0`
  hint: did you mean `tserver_iscc 8.0`?
test.toml:16:13: error: no item is called `Express Voice-SS`
  hint: did you mean `Express Voice - MS`?
test.toml:17:15: error: no item is called `Nothing`
  hint: add the item, or take the name out
test.toml:21:10: error: no item is called `Express Voice MS`
  hint: did you mean `Express Voice - MS`?
test.toml:22:13: error: no technical license is called `tserver_iscc`
  hint: did you mean `tserver_iscc 8.0`?
"#);
}

#[test]
fn names_that_are_used_twice_are_named_with_the_first_place() {
    insta::assert_snapshot!(problems(r#"
[[technical_licenses]]
feature = "seat"
version = "1.0"
quantity = "seat"

[[technical_licenses]]
feature = "seat"
version = "1.0"
quantity = "port"

[[items]]
name = "Voice"
unit = "seat"
required = ["seat 1.0", "seat 1.0"]

[[items]]
name = "Voice"
unit = "seat"
"#), @r#"
test.toml:11:11: error: `seat 1.0` is in line 6 already
  hint: give each its own name, or leave one out
test.toml:18:25: error: `seat 1.0` is needed twice
  hint: name it once, with a `count` if there are several
test.toml:21:8: error: `Voice` is in line 16 already
  hint: give each its own name, or leave one out
"#);
}

#[test]
fn bundles_that_contain_themselves_are_named_with_the_way_round() {
    insta::assert_snapshot!(problems(r#"
[[items]]
name = "Basic"
unit = "seat"
includes = ["Premium"]

[[items]]
name = "Premium"
unit = "seat"
includes = ["Advanced"]

[[items]]
name = "Advanced"
unit = "seat"
includes = ["Basic"]

[[measures]]
name = "All"
measures = ["All"]
"#), @r#"
test.toml:13:13: error: `Advanced` contains itself
  hint: the way round: `Advanced` → `Basic` → `Premium` → `Advanced`
test.toml:22:13: error: `All` contains itself
  hint: the way round: `All` → `All`
"#);
}

#[test]
fn missing_and_wrong_values_are_named_with_what_would_do() {
    insta::assert_snapshot!(problems(r#"
max_per_instance = 0
sources = "one"
[[technical_licenses]]
feature = "two words"
version = "eight"
quantity = "sate"
model = "floats"
dup_group = "X"
[[technical_licenses]]
version = 8
feature = ""
[[items]]
name = "Voice"
unit = "sea"
required = [1, { license = "x 1.0", count = 0 }]
split = "yes"
[[items]]
title = "No name"
"#), @r#"
test.toml:5:20: error: `max_per_instance = 0` is out of range
  hint: write a whole number from 1 to 1000000
test.toml:6:11: error: `sources` must be a list, not text
test.toml:8:11: error: `feature` cannot be `two words`
  hint: write letters, digits, `_`, `-` and `.` only, as license files do
test.toml:9:11: error: `version` is not a version: `eight`
  hint: write a decimal number in quotes, such as `"8.0"`
test.toml:10:12: error: `quantity` cannot be `sate`
  hint: did you mean `site` or `seat`?
test.toml:11:9: error: `model` cannot be `floats`
  hint: write one of `floating`, `assignable`, `concurrent`, `role`, `uncounted`
test.toml:12:13: error: `dup_group` cannot be `X`
  hint: write letters of `UHDV` (user, host, display, vendor), or `SITE`
test.toml:13:1: error: a technical license has no `quantity`
  hint: add `quantity = …`
test.toml:14:11: error: `version` must be text in quotes, not a whole number
test.toml:15:11: error: `feature` is empty
test.toml:18:8: error: `unit` cannot be `sea`
  hint: write one of `seat`, `user`, `port`, `instance`, `environment`, `redundant-pair`, `site`, `connection`, `callback-per-hour`, `license`
test.toml:19:13: error: `required` must be text in quotes, not a whole number
test.toml:19:28: error: no technical license is called `x 1.0`
  hint: add the technical license, or take the name out
test.toml:19:45: error: `count = 0` is out of range
  hint: write a whole number from 1 to 1000000
test.toml:20:9: error: `split` must be `true` or `false`, not text
test.toml:21:1: error: an item has no `name`
  hint: add `name = …`
test.toml:21:1: error: an item has no `unit`
  hint: add `unit = …`
"#);
}

#[test]
fn an_order_without_its_head_is_refused() {
    let problems =
        Order::parse("order", "state = \"new\"\nissued = \"31-jun-2026\"\nexpires = \"1-jan-30\"\n");
    insta::assert_snapshot!(listed(&problems.unwrap_err()), @r#"
    order.toml:1:1: error: an order has no `lrn`
      hint: add `lrn = …`
    order.toml:1:1: error: an order has no `customer`
      hint: add `customer = …`
    order.toml:1:1: error: an order has no `site`
      hint: add `site = …`
    order.toml:1:1: error: an order has no `[[items]]`
      hint: add an `[[items]]` table for everything that was bought
    order.toml:1:9: error: `state` cannot be `new`
      hint: write one of `inactive`, `active`, `temporary`
    order.toml:2:10: error: `issued` is not a day: `31-jun-2026`
      hint: write a day such as `01-jun-2026`
    order.toml:3:11: error: `expires` is not a day: `1-jan-30`
      hint: write a day such as `01-jun-2026`, or `permanent`
    "#);
}

#[test]
fn quantities_out_of_range_are_refused() {
    let three = item("genesys-8", "Genesys E-mail", 1).replace("= 1\n", "= -5\n")
        + &item("genesys-8", "Genesys E-mail", 1).replace("= 1\n", "= 1_000_001\n")
        + &item("genesys-8", "Genesys E-mail", 1)
            .replace("= 1\n", "= 99999999999999999999999999999999999999999\n")
        + &item("genesys-8", "Genesys E-mail", 0)
        + "[environment]\nsites = 0\n";
    insta::assert_snapshot!(order_problems(&three), @r#"
    order.toml:7:12: error: `quantity = -5` is out of range
      hint: write a whole number from 1 to 1000000
    order.toml:11:12: error: `quantity = 1000001` is out of range
      hint: write a whole number from 1 to 1000000
    order.toml:15:12: error: `quantity = 99999999999999999999999999999999999999999` is out of range
      hint: write a whole number from 1 to 1000000
    order.toml:19:12: error: `quantity = 0` is out of range
      hint: write a whole number from 1 to 1000000
    order.toml:21:9: error: `sites = 0` is out of range
      hint: write a whole number from 1 to 1000000
    "#);
}

#[test]
fn a_count_over_a_million_is_refused_although_each_line_is_not() {
    let items = item("genesys-8", "Genesys E-mail", 600_000) + &item("genesys-8", "Genesys E-mail", 600_000);
    insta::assert_snapshot!(order_problems(&items), @r#"
    order.toml:4:1: error: `ics_email_webform_channel` comes to 1200000, over 1000000
      hint: order less, or divide the order by sites
    order.toml:4:1: error: `ics_multi_media_agent_seat` comes to 1200000, over 1000000
      hint: order less, or divide the order by sites
    "#);
}

#[test]
fn unknown_catalogues_items_and_options_are_named_with_the_nearest_ones() {
    let text = item("genesys8", "Genesys E-mail", 1)
        + &item("genesys-8", "genesys cim platform-ms", 1)
        + &item("genesys-8", "Something else entirely", 1)
        + &item("genesys-8", "Genesys CIM Platform - SS", 1)
        + "options = [\"tserver_tdn\"]\n"
        + &item("genesys-8", "Genesys E-mail", 1)
        + "options = [\"tserver_sdn\"]\n";
    insta::assert_snapshot!(order_problems(&text), @r#"
    order.toml:4:1: error: no catalogue is called `genesys8`
      hint: did you mean `genesys-8`?
    order.toml:8:1: error: `genesys-8` sells no `genesys cim platform-ms`
      hint: did you mean `Genesys CIM Platform - MS`, `Genesys CIM Platform - SS` or `Genesys SBR Platform`?
    order.toml:12:1: error: `genesys-8` sells no `Something else entirely`
      hint: `grantor catalogue list genesys-8` shows what it sells
    order.toml:16:1: error: `Genesys CIM Platform - SS` has no optional technical license `tserver_tdn`
      hint: it has `tserver_sdn 8.0`
    order.toml:21:1: error: `Genesys E-mail` has no optional technical license `tserver_sdn`
      hint: it has none: leave `options` out
    "#);
}

#[test]
fn a_count_that_nothing_says_is_asked_for() {
    let text = item("genesys-8", "Express Voice - SS", 100) + &item("genesys-8", "Wallboard Connector", 1);
    insta::assert_snapshot!(order_problems(&text), @r#"
    order.toml:4:1: error: `Express Voice - SS` needs `VTPort`, one per port, and nothing says how many
      hint: write `ports = …` under `[environment]`
    "#);
}

#[test]
fn a_file_of_pureconnect_has_exactly_one_server_item() {
    let none = order_problems(&item("pureconnect-4", "SW-001-4.0-AL01", 10));
    let server = item("pureconnect-4", "SW-001-4.0-SL03", 1);
    let two = order_problems(&(server.clone() + &item("pureconnect-4", "SW-001-4.0-IDS2", 1)));
    let twice = order_problems(&(server.clone() + &server));
    insta::assert_snapshot!(format!("{none}\n{two}\n{twice}"), @r#"
    order.toml:4:1: error: a license file of `pureconnect-4` has exactly one server item, not 0
      hint: order one of `SW-001-4.0-IDS1`, `SW-001-4.0-IDS2`, `SW-001-4.0-SL03`, with `quantity = 1`
    order.toml:8:1: error: a license file of `pureconnect-4` has exactly one server item, not 2
      hint: order one of `SW-001-4.0-IDS1`, `SW-001-4.0-IDS2`, `SW-001-4.0-SL03`, with `quantity = 1`
    order.toml:4:1: error: a license file of `pureconnect-4` has exactly one server item, not 2
      hint: order one of `SW-001-4.0-IDS1`, `SW-001-4.0-IDS2`, `SW-001-4.0-SL03`, with `quantity = 1`
    "#);
}

#[test]
fn parts_that_are_no_longer_sold_or_not_divisible_are_refused() {
    let server = item("pureconnect-4", "SW-001-4.0-SL03", 1);
    let retired = item("pureconnect-4", "SW-001-3.0-AL01", 30);
    let divided =
        item("pureconnect-4", "SW-001-4.0-PL04", 30).replace("quantity = 30", "assigned = 20\npooled = 10");
    let wrong_sum = item("pureconnect-4", "SW-001-4.0-AL01", 30) + "assigned = 20\npooled = 20\n";
    let nothing = item("pureconnect-4", "SW-001-4.0-AL01", 30).replace("quantity = 30", "assigned = 0");
    let expanded = order_problems(&(server + &retired + &divided));
    insta::assert_snapshot!(format!("{expanded}\n{}", order_problems(&(wrong_sum + &nothing))), @r#"
    order.toml:8:1: error: `SW-001-3.0-AL01 Basic Station` is no longer sold
      hint: order its successor `SW-001-4.0-AL01`
    order.toml:12:1: error: `SW-001-4.0-PL04` is not divided into assigned and pooled
      hint: write `quantity` alone
    order.toml:4:1: error: `quantity` is 30, but `assigned` and `pooled` come to 40
      hint: leave out `quantity`, or make it their sum
    order.toml:10:1: error: `assigned` and `pooled` come to 0
      hint: together they must come to 1 to 1000000
    "#);
}

#[test]
fn a_license_type_must_be_one_of_the_catalogue() {
    let text = "license_type = \"prodution\"\n".to_owned() + &item("pureconnect-4", "SW-001-4.0-SL03", 1);
    insta::assert_snapshot!(order_problems(&text), @r#"
    order.toml:4:16: error: `pureconnect-4` has no license type `prodution`
      hint: did you mean `production`?
    "#);
}

#[test]
fn two_servers_are_refused_because_a_redundant_set_has_three() {
    let server = "[[servers]]\nhost = \"a\"\nhostid = \"ANY\"\n";
    let text = item("genesys-8", "SNMP", 1) + server + server;
    insta::assert_snapshot!(order_problems(&text), @r#"
    order.toml:11:1: error: an order has 2 servers
      hint: name one server, or the three of a redundant set; a switchover pair is one server whose `hostid` has both host ids
    "#);
}

#[test]
fn a_catalogue_is_called_by_its_file_without_the_folder() {
    for name in ["acme", "acme.toml", "/etc/grantor/acme.toml", "C:\\grantor\\acme.toml"] {
        assert_eq!(common::catalogue(name, HEAD).name, "acme");
    }
}
