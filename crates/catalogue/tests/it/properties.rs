//! What holds for every order.

use crate::common;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::common::catalogues;
use grantor_catalogue::{Catalogue, Expansion, MAX_QUANTITY, Order, expand};
use proptest::prelude::*;

static CATALOGUES: LazyLock<BTreeMap<String, Catalogue>> = LazyLock::new(catalogues);
static ITEMS: LazyLock<Vec<String>> =
    LazyLock::new(|| CATALOGUES["genesys-8"].list().iter().map(|item| item.name.clone()).collect());

fn lines() -> impl Strategy<Value = Vec<(usize, u32)>> {
    prop::collection::vec((0..ITEMS.len(), 1_u32..20_000), 1..8)
}

fn environment() -> impl Strategy<Value = String> {
    let deployment = prop_oneof![Just("blended"), Just("separate")];
    let figure = prop::option::of(1_u32..50_000);
    (deployment, 1_u32..50_000, 1_u32..50_000, figure).prop_map(|(deployment, seats, ports, dns)| {
        let dns = dns.map(|dns| format!("seat_dns = {dns}\n")).unwrap_or_default();
        format!("deployment = \"{deployment}\"\nseats = {seats}\nports = {ports}\n{dns}")
    })
}

fn order(environment: &str, lines: &[(usize, u32)]) -> Order {
    let items: String =
        lines.iter().map(|(item, quantity)| common::item("genesys-8", &ITEMS[*item], *quantity)).collect();
    common::order(&format!("[environment]\n{environment}{items}"))
}

fn expansion(order: &Order) -> Expansion {
    common::expanded(order, &CATALOGUES)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn counts_stay_within_bounds_and_have_reasons(environment in environment(), lines in lines()) {
        for line in expansion(&order(&environment, &lines)).lines {
            prop_assert!((1..=MAX_QUANTITY).contains(&line.count));
            prop_assert!(!line.why.is_empty());
            let mut named = line.why.iter().filter_map(|why| why.item.as_ref());
            prop_assert!(named.all(|item| lines.iter().any(|(index, _)| &ITEMS[*index] == item)));
        }
    }

    #[test]
    fn more_of_an_item_never_gives_less(environment in environment(), lines in lines(), more in 1_u32..10_000) {
        let less = expansion(&order(&environment, &lines));
        let mut larger = lines;
        larger[0].1 += more;
        let larger = expansion(&order(&environment, &larger));
        prop_assert_eq!(less.lines.len(), larger.lines.len());
        for (before, after) in less.lines.iter().zip(&larger.lines) {
            prop_assert_eq!(&before.feature, &after.feature);
            prop_assert!(before.count <= after.count);
        }
    }

    #[test]
    fn another_item_never_gives_less(environment in environment(), lines in lines(), first in (0..ITEMS.len(), 1_u32..20_000)) {
        let less = expansion(&order(&environment, &lines));
        let larger = expansion(&order(&environment, &[lines, vec![first]].concat()));
        for before in &less.lines {
            let same = |line: &&grantor_catalogue::TechnicalLine| {
                (&line.feature, &line.version) == (&before.feature, &before.version)
            };
            let after = larger.lines.iter().find(same);
            prop_assert!(after.is_some_and(|after| before.count <= after.count));
        }
    }

    #[test]
    fn the_order_of_items_does_not_matter(environment in environment(), lines in lines(), turn in 0_usize..8) {
        let mut turned = lines.clone();
        turned.reverse();
        let turn = turn % turned.len();
        turned.rotate_left(turn);
        prop_assert_eq!(expansion(&order(&environment, &lines)), expansion(&order(&environment, &turned)));
    }

    #[test]
    fn no_text_makes_the_readers_panic(text in "\\PC*", cut in 0_usize..40_000) {
        let _ = Order::parse("any", &text);
        let _ = Catalogue::parse("any", &text);
        let cut = common::PURECONNECT.char_indices().map(|(at, _)| at).nth(cut).unwrap_or(0);
        let _ = Catalogue::parse("cut", &common::PURECONNECT[..cut]);
        let _ = expand(&common::order("[[items]]\ncatalogue = \"a\"\nitem = \"b\"\nquantity = 1\n"), &BTreeMap::new());
    }
}
