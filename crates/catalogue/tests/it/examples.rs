//! The catalogues and example orders that come with the product parse, expand and explain themselves.

use crate::common;
use crate::common::{catalogues, count, counts, expanded, listed};
use grantor_catalogue::{Expansion, Order, expand};

const DEMO: &str = include_str!("../../../../catalogues/examples/demo.toml");
const GENESYS: &str = include_str!("../../../../catalogues/examples/genesys-8.toml");
const PURECONNECT: &str = include_str!("../../../../catalogues/examples/pureconnect-4.toml");
const SHIFTS: &str = include_str!("../../../../catalogues/examples/pureconnect-4-shifts.toml");
const ELEVEO: &str = include_str!("../../../../catalogues/examples/eleveo.toml");
const WFO: &str = include_str!("../../../../catalogues/examples/wfo.toml");

fn example(text: &str) -> Expansion {
    let order = Order::parse("example", text).unwrap_or_else(|problems| panic!("{}", listed(&problems)));
    expanded(&order, &catalogues())
}

#[test]
fn the_order_of_a_contact_centre_is_explained() {
    insta::assert_snapshot!(example(GENESYS).explain(), @r#"
    genesys.d: 19 technical licenses
      CLDistributed                 8.0     1  floating
          HA - CIM Platform ×120 seats → CLDistributed 1 (one per configuration environment)
      DESKTOP_SUPERVISOR            7.0    12  floating
          Genesys CIM Platform - MS ×120 seats → DESKTOP_SUPERVISOR 12 (one per concurrent user; the order's environment says 12)
      ISDK_FACTORY                  8.0     1  floating
          Genesys CIM Platform - MS ×120 seats → ISDK_FACTORY 1 (one per running instance)
      MLDistributed                 8.0     1  floating
          HA - CIM Platform ×120 seats → MLDistributed 1 (one per configuration environment)
      cti_ha_option                 8.0     2  floating, shared in a redundant pair
          HA - Voice ×2 redundant pairs → cti_ha_option 2 (one per redundant pair)
      ha_redundancy                 8.0     1  floating
          HA - CIM Platform ×120 seats → ha_redundancy 1 (one per configuration environment)
      ics_custom_media_channel      8.0    60  floating
          Genesys Outbound Voice ×60 seats → ics_custom_media_channel 60 (one per seat)
      ics_email_webform_channel     8.0    80  floating
          Genesys E-mail ×80 seats → ics_email_webform_channel 80 (one per seat)
      ics_live_web_channel          8.0    40  floating
          Genesys Chat ×40 seats → ics_live_web_channel 40 (one per seat)
      ics_multi_media_agent_seat    8.0    80  floating
          Genesys Chat ×40 seats → ics_multi_media_agent_seat 40 (one per seat)
          Genesys E-mail ×80 seats → ics_multi_media_agent_seat 80 (one per seat)
          Genesys Outbound Voice ×60 seats → ics_multi_media_agent_seat 60 (one per seat)
          blended: the same agents handle all of these, so the largest number counts
      lds                           8.0     1  floating
          HA - CIM Platform ×120 seats → lds 1 (one per configuration environment)
      occ_full                      8.0    60  floating, shared in a redundant pair
          Genesys Outbound Voice ×60 seats → occ_full 60 (one per seat)
      router_ha_option              8.0     1  floating
          HA - CIM Platform ×120 seats → router_ha_option 1 (one per configuration environment)
      router_seats                  8.0   120  floating, shared in a redundant pair
          Genesys CIM Platform - MS ×120 seats → router_seats 120 (one per place for routing)
      tserver_iscc                  8.0     2  floating, shared in a redundant pair
          Genesys CIM Platform - MS ×120 seats → tserver_iscc 2 (one per site; the order's environment says 2)
      tserver_ivr_max_ports_behind  8.0    30  floating, shared in a redundant pair
          IVR Connector (behind) ×30 ports → tserver_ivr_max_ports_behind 30 (one per port)
      tserver_sdn                   8.0   240  floating, shared in a redundant pair
          Genesys CIM Platform - MS ×120 seats → tserver_sdn 240 (one per agent's DN; the order's environment says 240)
      tserver_tdn                   8.0  5000  floating, shared in a redundant pair
          Genesys CIM Platform - MS ×120 seats → tserver_tdn 5000 (one per technical DN; the order's environment says 5000)
      vcb_full                      7.0   200  floating, held for 3600 s
          vcb_full 7.0 ×200 → vcb_full 200 (ordered by itself)
    "#);
}

#[test]
fn the_order_of_a_call_centre_in_two_shifts_is_explained() {
    insta::assert_snapshot!(example(SHIFTS).explain(), @r#"
    pureconnect: 18 technical licenses
      I3_ACCESS_ACD_MEDIA_1                          4.0   5  assignable
          SW-001-4.0-AL04 Contact Center Level 1 ×30 licenses → I3_ACCESS_ACD_MEDIA_1 5 assigned and 25 pooled (one for each)
      I3_ACCESS_ACD_MEDIA_1                          4.0  25  concurrent
          SW-001-4.0-AL04 Contact Center Level 1 ×30 licenses → I3_ACCESS_ACD_MEDIA_1 5 assigned and 25 pooled (one for each)
      I3_ACCESS_CLIENT                               4.0   5  assignable
          SW-001-4.0-AL04 Contact Center Level 1 ×30 licenses → I3_ACCESS_CLIENT 5 assigned and 25 pooled (one for each)
      I3_ACCESS_CLIENT                               4.0  25  concurrent
          SW-001-4.0-AL04 Contact Center Level 1 ×30 licenses → I3_ACCESS_CLIENT 5 assigned and 25 pooled (one for each)
      I3_ACCESS_DIALER_SUPERVISOR_PLUGIN             4.0   2  assignable
          SW-001-4.0-AA01 Interaction Supervisor Add-on ×2 licenses → I3_ACCESS_DIALER_SUPERVISOR_PLUGIN 2 (one for each)
      I3_ACCESS_HISTORICAL_REPORT_SUPERVISOR_PLUGIN  4.0   2  assignable
          SW-001-4.0-AA01 Interaction Supervisor Add-on ×2 licenses → I3_ACCESS_HISTORICAL_REPORT_SUPERVISOR_PLUGIN 2 (one for each)
      I3_ACCESS_OPTIMIZER_SCHEDULABLE                4.0  30  assignable
          Interaction Optimizer Schedulable ×30 licenses → I3_ACCESS_OPTIMIZER_SCHEDULABLE 30 (one for each)
      I3_ACCESS_SYSTEM_STATUS_SUPERVISOR_PLUGIN      4.0  10  assignable
          SW-001-4.0-SL03 Intermediate Server ×1 license → I3_ACCESS_SYSTEM_STATUS_SUPERVISOR_PLUGIN 10 assigned and 6 pooled (10 assigned and 6 pooled for each)
      I3_ACCESS_SYSTEM_STATUS_SUPERVISOR_PLUGIN      4.0   6  concurrent
          SW-001-4.0-SL03 Intermediate Server ×1 license → I3_ACCESS_SYSTEM_STATUS_SUPERVISOR_PLUGIN 10 assigned and 6 pooled (10 assigned and 6 pooled for each)
      I3_ACCESS_WORKGROUP_SUPERVISOR_PLUGIN          4.0   2  assignable
          SW-001-4.0-AA01 Interaction Supervisor Add-on ×2 licenses → I3_ACCESS_WORKGROUP_SUPERVISOR_PLUGIN 2 (one for each)
      I3_FEATURE_ADVANCED_SECURITY                   4.0   -  uncounted
          SW-001-4.0-SL03 Intermediate Server ×1 license → I3_FEATURE_ADVANCED_SECURITY (not counted)
      I3_FEATURE_MEDIA_SERVERS                       4.0   -  uncounted
          SW-001-4.0-SL03 Intermediate Server ×1 license → I3_FEATURE_MEDIA_SERVERS (not counted)
      I3_FEATURE_RWP_CITY                            4.0   -  uncounted
          SW-001-4.0-SL03 Intermediate Server ×1 license → I3_FEATURE_RWP_CITY (not counted)
      I3_FEATURE_SIP                                 4.0   -  uncounted
          SW-001-4.0-SL03 Intermediate Server ×1 license → I3_FEATURE_SIP (not counted)
      I3_FEATURE_SMS                                 4.0   -  uncounted
          SW-001-4.0-SL03 Intermediate Server ×1 license → I3_FEATURE_SMS (not counted)
      I3_FEATURE_SU_ALLOWED                          4.0   -  uncounted
          SW-001-4.0-SL03 Intermediate Server ×1 license → I3_FEATURE_SU_ALLOWED (not counted)
      I3_FEATURE_VERSION_CIC                         4.0   -  uncounted
          SW-001-4.0-SL03 Intermediate Server ×1 license → I3_FEATURE_VERSION_CIC (not counted)
      I3_LICENSE_BASIC_STATION                       4.0  30  assignable
          SW-001-4.0-AL04 Contact Center Level 1 ×30 licenses → I3_LICENSE_BASIC_STATION 5 assigned and 25 pooled (one for each)
          pooled ones are assignable like assigned ones
    "#);
}

/// "View License Details", lines 364-392 of the PureConnect reference: the parts used, and the keys of the file.
#[test]
fn the_parts_of_the_reference_give_exactly_the_keys_of_the_reference() {
    let expansion = example(PURECONNECT);
    let expected = [
        ("I3_ACCESS_ACD_MEDIA_3_PLUS", "assignable", 120),
        ("I3_ACCESS_CLIENT", "assignable", 170),
        ("I3_ACCESS_RECORDER_QUALITYMONITORING_AGENT", "assignable", 120),
        ("I3_ACCESS_SYSTEM_STATUS_SUPERVISOR_PLUGIN", "assignable", 10),
        ("I3_ACCESS_SYSTEM_STATUS_SUPERVISOR_PLUGIN", "concurrent", 6),
        ("I3_FEATURE_ADVANCED_SECURITY", "uncounted", 0),
        ("I3_FEATURE_MEDIA_SERVERS", "uncounted", 0),
        ("I3_FEATURE_RWP_CITY", "uncounted", 0),
        ("I3_FEATURE_SIP", "uncounted", 0),
        ("I3_FEATURE_SMS", "uncounted", 0),
        ("I3_FEATURE_SU_ALLOWED", "uncounted", 0),
        ("I3_FEATURE_VERSION_CIC", "uncounted", 0),
        ("I3_LICENSE_ADVANCED_SESSION_ADDON", "floating", 100),
        ("I3_LICENSE_BASIC_STATION", "assignable", 170),
        ("I3_LICENSE_CONFERENCE_SESSION_ADDON", "floating", 100),
        ("I3_LICENSE_MEDIA_SESSION_ADDON", "floating", 120),
    ];
    let expected: Vec<_> = expected.map(|(feature, model, count)| (feature.to_owned(), model, count)).into();
    assert_eq!(counts(&expansion), expected);
    assert!(expansion.warnings.is_empty(), "{:?}", expansion.warnings);
}

#[test]
fn the_order_of_the_demo_expands_for_two_publishers_without_warnings() {
    let order = Order::parse("demo", DEMO).unwrap_or_else(|problems| panic!("{}", listed(&problems)));
    let expansions = expand(&order, &catalogues()).unwrap_or_else(|problems| panic!("{}", listed(&problems)));
    let [genesys, pureconnect] = &expansions[..] else { panic!("{expansions:?}") };
    assert_eq!((genesys.publisher.as_str(), count(genesys, "vcb_full")), ("genesys.d", 20));
    assert_eq!((pureconnect.publisher.as_str(), count(pureconnect, "I3_ACCESS_CLIENT")), ("pureconnect", 50));
    assert!(expansions.iter().all(|expansion| expansion.warnings.is_empty()), "{expansions:?}");
}

#[test]
fn applications_of_eleveo_are_consumed_by_role() {
    let expansion = example(ELEVEO);
    assert!(expansion.lines.iter().all(|line| line.model.word() == "role"));
    assert_eq!(count(&expansion, "WFM"), 40);
    assert_eq!(catalogues()["eleveo"].exempt_users, ["eleveo.admin", "eleveotrain"]);
}

#[test]
fn a_tenant_of_a_suite_has_its_applications() {
    let expansion = example(WFO);
    assert_eq!(count(&expansion, "SPEECH_AND_TEXT_ANALYTICS"), 15);
    assert!(catalogues()["wfo"].per_tenant);
    assert!(catalogues()["wfo"].license_types["term"].merges);
    assert!(!catalogues()["wfo"].license_types["pilot"].merges);
}

#[test]
fn an_order_from_several_publishers_has_an_expansion_for_each() {
    let text = format!(
        "{WFO}\n{}",
        ELEVEO.split_once("[[items]]").map(|(_, items)| format!("[[items]]{items}")).unwrap()
    );
    let text = text.replace("license_type = \"term\"", "license_type = \"temporary\"");
    let order = Order::parse("both.toml", &text).unwrap_or_else(|problems| panic!("{}", listed(&problems)));
    let expansions = expand(&order, &catalogues()).unwrap_or_else(|problems| panic!("{}", listed(&problems)));
    let publishers: Vec<&str> = expansions.iter().map(|expansion| expansion.publisher.as_str()).collect();
    assert_eq!(publishers, ["eleveo", "wfo"]);
}

#[test]
fn every_item_on_sale_expands_on_its_own_once_the_environment_is_known() {
    let catalogues = catalogues();
    let environment = "[environment]\nseats = 10\nports = 5\n";
    for catalogue in catalogues.values() {
        let server = catalogue.items.values().find(|item| item.server && !item.retired);
        for sold in catalogue.list() {
            let license_type = catalogue.license_types.keys().next().map_or("production", String::as_str);
            let mut text = format!("license_type = \"{license_type}\"\n{environment}");
            text += &common::item(&catalogue.name, &sold.name, 1);
            if let Some(server) = server.filter(|_| !sold.server) {
                text += &common::item(&catalogue.name, &server.name, 1);
            }
            let expansion = expanded(&common::order(&text), &catalogues);
            assert!(expansion.lines.iter().all(|line| !line.why.is_empty()));
        }
    }
}

/// The `toml` blocks of the page on catalogues, in its order.
fn page_blocks() -> Vec<&'static str> {
    let page = include_str!("../../../../docs/src/catalogues.md");
    let blocks = page.split("```toml\n").skip(1);
    blocks.map(|block| block.split("```").next().unwrap_or_default()).collect()
}

#[test]
fn the_examples_of_the_documentation_hold() {
    let [order, _split, catalogue] = page_blocks()[..] else { panic!("the page has other examples") };
    let expansion = example(order).explain();
    let page = include_str!("../../../../docs/src/catalogues.md");
    let shown = page.split("```text\ngenesys.d: ").nth(1).and_then(|rest| rest.split("…").next()).unwrap();
    assert!(shown.lines().skip(1).all(|line| expansion.contains(line)), "{expansion}");
    assert!(expansion.starts_with(&format!("genesys.d: {}", &shown[..1])), "{expansion}");
    let wrong = catalogue.replace("required = [\"edit 1.0\"]", "required = [\"edit 2.0\"]");
    let problems = grantor_catalogue::Catalogue::parse("my-products.toml", &wrong).unwrap_err();
    assert!(page.contains(&listed(&problems)), "{}", listed(&problems));
    let acme = common::catalogue("acme", catalogue);
    let order = common::order(&common::item("acme", "Acme Studio", 7));
    assert_eq!(count(&expanded(&order, &[("acme".to_owned(), acme)].into()), "edit"), 7);
}
