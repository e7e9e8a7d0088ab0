//! How counts come about: one test for each rule of the seeds.

use std::collections::BTreeMap;

use crate::common::{catalogue, catalogues, count, expanded, item, order};
use grantor_catalogue::{Catalogue, Expansion};

fn genesys(environment: &str, items: &[(&str, u32)]) -> Expansion {
    let items: String = items.iter().map(|(name, quantity)| item("genesys-8", name, *quantity)).collect();
    expanded(&order(&format!("[environment]\n{environment}\n{items}")), &catalogues())
}

fn one(name: &str, text: &str) -> BTreeMap<String, Catalogue> {
    [(name.to_owned(), catalogue(name, text))].into()
}

#[test]
fn blended_agents_need_as_many_seats_as_the_largest_item_has() {
    let items = [("Genesys E-mail", 100), ("Genesys Chat", 50)];
    let expansion = genesys("deployment = \"blended\"", &items);
    assert_eq!(count(&expansion, "ics_multi_media_agent_seat"), 100);
    assert!(expansion.warnings.is_empty());
}

#[test]
fn dedicated_agents_need_seats_for_every_item() {
    let items = [("Genesys E-mail", 100), ("Genesys Chat", 50)];
    let expansion = genesys("deployment = \"separate\"", &items);
    assert_eq!(count(&expansion, "ics_multi_media_agent_seat"), 150);
    assert_eq!(count(&expansion, "ics_live_web_channel"), 50);
}

#[test]
fn an_order_that_does_not_say_whether_agents_are_shared_is_blended_with_a_warning() {
    let expansion = genesys("", &[("Genesys E-mail", 100), ("Genesys Chat", 50)]);
    assert_eq!(count(&expansion, "ics_multi_media_agent_seat"), 100);
    assert!(expansion.warnings[0].contains("blended is taken"), "{:?}", expansion.warnings);
}

#[test]
fn two_lines_of_the_same_item_add_up() {
    let expansion = genesys("", &[("Genesys E-mail", 100), ("Genesys E-mail", 20)]);
    assert_eq!(count(&expansion, "ics_email_webform_channel"), 120);
    assert!(expansion.warnings.is_empty());
}

#[test]
fn ports_are_places_for_routing_beside_the_agents() {
    let items = [("Genesys CIM Platform - SS", 100), ("Express IVR Interface (behind)", 30)];
    let expansion = genesys("", &items);
    assert_eq!(count(&expansion, "router_seats"), 130);
    assert_eq!(count(&expansion, "tserver_sdn"), 30);
    assert_eq!(count(&expansion, "tserver_ivr_max_ports_behind"), 30);
}

#[test]
fn an_optional_license_comes_only_if_it_is_wanted() {
    let item = item("genesys-8", "Genesys CIM Platform - SS", 100) + "options = [\"tserver_sdn\"]\n";
    assert_eq!(count(&expanded(&order(&item), &catalogues()), "tserver_sdn"), 100);
    assert_eq!(count(&genesys("", &[("Genesys CIM Platform - SS", 100)]), "tserver_sdn"), 0);
}

#[test]
fn the_environment_says_how_many_dns_users_and_clients_there_are() {
    let says = "seat_dns = 240\nconcurrent_users = 12\nconnections = 7\ninstances = 3";
    let expansion =
        genesys(says, &[("Express Voice - SS", 100), ("Agent Connector", 100), ("Express VTO", 9)]);
    assert_eq!(count(&expansion, "tserver_sdn"), 240);
    assert_eq!(count(&expansion, "DESKTOP_SUPERVISOR"), 12);
    assert_eq!(count(&expansion, "GIS_INTERACTIONSERVICE"), 7);
    assert_eq!(count(&expansion, "GIS"), 3);
    assert_eq!(count(&expansion, "VTPort"), 9);
}

#[test]
fn all_technical_dns_are_licensed_unless_the_order_says_how_many() {
    let voice = [("Genesys Inbound Voice", 10)];
    assert_eq!(count(&genesys("", &voice), "tserver_tdn"), 999_999);
    assert_eq!(count(&genesys("technical_dns = 500", &voice), "tserver_tdn"), 500);
    assert!(genesys("technical_dns = 0", &voice).lines.iter().all(|line| line.feature != "tserver_tdn"));
}

#[test]
fn an_environment_needs_one_license_whatever_is_ordered() {
    let expansion = genesys("", &[("HA - CIM Platform", 100), ("HA - SBR Platform", 50), ("SNMP", 1)]);
    assert_eq!(count(&expansion, "ha_redundancy"), 1);
    assert_eq!(count(&expansion, "MLSNMP"), 1);
}

#[test]
fn every_redundant_pair_needs_a_license_and_ordered_pairs_add_up() {
    let ordered = genesys("", &[("HA - Voice", 2), ("Genesys SIP HA", 1), ("HA - Framework", 50)]);
    assert_eq!(count(&ordered, "cti_ha_option"), 3);
    assert!(ordered.lines.iter().any(|line| line.dup_group.as_deref() == Some("V")));
    let said = genesys("redundant_pairs = 4", &[("HA - Framework", 50)]);
    assert_eq!(count(&said, "cti_ha_option"), 4);
}

#[test]
fn a_number_of_pairs_that_nobody_said_is_a_guess_with_a_warning() {
    let expansion = genesys("", &[("HA - Framework", 50)]);
    assert_eq!(count(&expansion, "cti_ha_option"), 1);
    assert!(expansion.warnings[0].contains("redundant_pairs"), "{:?}", expansion.warnings);
}

#[test]
fn ivr_servers_need_multi_site_licenses_beside_the_sites() {
    let expansion = genesys("sites = 3\nivr_servers = 2", &[("Genesys SIP Communication", 10)]);
    assert_eq!(count(&expansion, "tserver_iscc"), 5);
}

#[test]
fn a_callback_license_is_held_for_an_hour() {
    let expansion = genesys("", &[("vcb_full", 500)]);
    let line = &expansion.lines[0];
    assert_eq!((line.count, line.hold_seconds, line.version.as_str()), (500, Some(3600), "7.0"));
}

#[test]
fn lines_of_release_8_serve_only_release_8() {
    let expansion = genesys("", &[("Conversation Manager", 1)]);
    let line = &expansion.lines[0];
    assert_eq!((line.version.as_str(), line.version_rule.word()), ("8.5", "same-major"));
}

#[test]
fn more_than_one_instance_can_check_out_is_pointed_out() {
    let expansion = genesys("", &[("Genesys E-mail", 12_000)]);
    assert!(expansion.warnings.iter().any(|warning| warning.contains("9999 at most")));
    assert!(!genesys("", &[("Genesys Inbound Voice", 9)]).warnings.iter().any(|w| w.contains("9999")));
}

#[test]
fn preview_and_full_dialing_cannot_be_combined() {
    let expansion = genesys("", &[("Genesys Outbound Voice", 10), ("Genesys Outbound Preview", 10)]);
    assert!(expansion.warnings.iter().any(|w| w.contains("occ_full") && w.contains("occ_preview")));
}

#[test]
fn an_item_without_technical_licenses_is_only_measured() {
    let expansion = genesys("", &[("Interaction Workspace", 10)]);
    assert!(expansion.lines.is_empty());
    assert!(expansion.warnings[0].contains("measured only"));
    let catalogue = &catalogues()["genesys-8"];
    let measures: Vec<&str> =
        catalogue.measures_of("Interaction Workspace").map(|m| m.name.as_str()).collect();
    assert_eq!(measures, ["Interaction Workspace"]);
}

#[test]
fn pooled_stations_are_allocated_like_assigned_ones() {
    let text = item("pureconnect-4", "SW-001-4.0-SL03", 1)
        + "[[items]]\ncatalogue = \"pureconnect-4\"\nitem = \"SW-001-4.0-AL03\"\nassigned = 5\npooled = 25\n";
    let expansion = expanded(&order(&text), &catalogues());
    let of = |feature: &str| {
        let lines = expansion.lines.iter().filter(|line| line.feature == feature);
        lines.map(|line| (line.model.word(), line.count)).collect::<Vec<_>>()
    };
    assert_eq!(of("I3_LICENSE_BASIC_STATION"), [("assignable", 30)]);
    assert_eq!(of("I3_ACCESS_ACD_MEDIA_1"), [("assignable", 5), ("concurrent", 25)]);
}

#[test]
fn a_large_development_system_has_thirty_of_every_access_and_session_license() {
    let text = format!(
        "license_type = \"non-ordered-development\"\n{}",
        item("pureconnect-4", "SW-001-4.0-IDS2", 1)
    );
    let catalogues = catalogues();
    let expansion = expanded(&order(&text), &catalogues);
    assert_eq!(expansion.lines.len(), catalogues["pureconnect-4"].technical_licenses.len());
    assert!(
        expansion
            .lines
            .iter()
            .all(|line| line.count == if line.model.word() == "uncounted" { 0 } else { 30 })
    );
    let facts = &catalogues["pureconnect-4"].license_types["non-ordered-development"];
    assert_eq!((facts.disconnect_minutes, facts.free), (Some(60), true));
}

const BUNDLES: &str = r#"
title = "Bundles"
publisher = "acme"
edition = "1"
[defaults]
version = "2.0"
[[technical_licenses]]
feature = "seat"
quantity = "seat"
[[technical_licenses]]
feature = "pack"
quantity = "per-unit 5"
[[items]]
name = "Basic"
unit = "seat"
required = ["seat 2.0"]
[[items]]
name = "More"
unit = "seat"
required = ["seat 2.0", { license = "pack 2.0", count = 2 }]
[[items]]
name = "Premium"
unit = "seat"
includes = ["Basic", "More"]
"#;

#[test]
fn items_of_one_bundle_are_for_the_same_agents_and_bundles_add_up_when_separate() {
    let catalogues = one("bundles", BUNDLES);
    let text = "[environment]\ndeployment = \"separate\"\n".to_owned()
        + &item("bundles", "Premium", 10)
        + &item("bundles", "Basic", 3);
    let expansion = expanded(&order(&text), &catalogues);
    assert_eq!(count(&expansion, "seat"), 13);
    assert_eq!(count(&expansion, "pack"), 100);
    assert!(expansion.lines.iter().flat_map(|line| &line.why).any(|why| why.text.contains("in Premium")));
}
