//! Whatever people do at once with what an account owns, the books agree with the files afterwards, on both databases.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::support::wfo::{WFO, asked, ordered, try_it};
use crate::support::{CATALOGUE, NOW, TODAY, acme, both, order};
use grantor_portal::accounts::Account;
use grantor_portal::activation::{Move, move_to, moves_left};
use grantor_portal::entitlements::{Owner, Part, balances};
use grantor_portal::files::{self, Chosen, Machine, Request, Selection};
use grantor_portal::orders::book;
use grantor_portal::people::Actor;
use grantor_portal::sites::Site;
use grantor_portal::store::Store;
use grantor_portal::upgrades::{self, Choice};
use grantor_portal::{Failure, catalogues, log};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

const SERVER: &str = "SW-001-4.0-SL03";
const NEW: &str = "SW-001-4.0-AL02";
const OLD: &str = "SW-001-3.0-AL02";
/// Moves of the account itself.
const MOVES: u64 = 4;
const ORDERS: u64 = 4;

/// What somebody does next; each works on a file of their own.
#[derive(Debug, Clone)]
enum Step {
    Make(u32),
    Update(u32),
    Deactivate,
    Activate(u64),
    Move(u32),
    Upgrade(u32),
    Mirror,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (1_u32..12).prop_map(Step::Make),
        3 => (1_u32..12).prop_map(Step::Update),
        2 => Just(Step::Deactivate),
        3 => (0..ORDERS).prop_map(Step::Activate),
        2 => (0_u32..100).prop_map(Step::Move),
        2 => (1_u32..6).prop_map(Step::Upgrade),
        1 => Just(Step::Mirror),
    ]
}

/// An office with two products: one is activated, the other has upgrades.
struct Office {
    store: Store,
    account: Account,
    site: Site,
    lrns: Vec<String>,
}

impl Office {
    async fn open(store: Store) -> Self {
        let (account, site) = acme(&store).await;
        // While the old version was sold.
        let then = CATALOGUE.replace("retired = true\n", "");
        catalogues::load(&store, "pureconnect-4", &then, ("ann", NOW + 1)).await.unwrap();
        book(&store, &order("9", &[(OLD, 30), (SERVER, 9)]), "ann", NOW, 9).await.unwrap();
        catalogues::load(&store, "pureconnect-4", CATALOGUE, ("ann", NOW + 2)).await.unwrap();
        catalogues::load(&store, "wfo", WFO, ("ann", NOW)).await.unwrap();
        let mut lrns = Vec::new();
        for number in 0..ORDERS {
            lrns.push(ordered(&store, number, "wfo", 10, None).await.0);
        }
        Self { store, account, site, lrns }
    }

    fn owner(&self) -> Owner {
        Owner { account: self.account.id, site: self.site.id }
    }

    fn selection(&self, who: usize, quantity: u32, parts: &[&str]) -> Selection {
        let chosen = |part: &&str| Chosen {
            part: (*part).to_owned(),
            quantity: if *part == SERVER { 1 } else { quantity },
            pooled: 0,
        };
        Selection {
            catalogue: "pureconnect-4".to_owned(),
            license_type: "production".to_owned(),
            machine: Machine { host_id: format!("00505600000{who}"), name: "x".to_owned() },
            switchover: None,
            system_type: String::new(),
            mail_connector: String::new(),
            registration_key: None,
            items: parts.iter().map(chosen).collect(),
        }
    }

    async fn generate(
        &self,
        selection: &Selection,
        replaces: Option<&str>,
        key: &str,
    ) -> Result<String, Failure> {
        let (account, site, by) = (&self.account, &self.site, Actor::House("ann"));
        let today = TODAY.parse().unwrap();
        let request = Request { account, site, selection, replaces, by, at: NOW, today };
        files::generate(&self.store, &request, key).await
    }

    /// Does one thing; gives the file that is somebody's own afterwards.
    async fn act(
        &self,
        who: usize,
        turn: usize,
        step: &Step,
        own: Option<&str>,
    ) -> Result<Option<String>, Failure> {
        let key = format!("{who}/{turn}");
        let kept = || own.map(str::to_owned);
        match (step, own) {
            (Step::Make(quantity), _) => {
                let parts: &[&str] = if quantity % 2 == 0 { &[SERVER, NEW] } else { &[SERVER] };
                self.generate(&self.selection(who, *quantity, parts), None, &key).await.map(Some)
            }
            (Step::Update(quantity), Some(own)) => {
                let before = files::details(&self.store, &self.account, own).await?.selection;
                let mut after = before.clone();
                after.items.last_mut().unwrap().quantity = if after.items.len() > 1 { *quantity } else { 1 };
                self.generate(&after, Some(own), &key).await.map(Some)
            }
            (Step::Deactivate, Some(own)) => {
                files::deactivate(&self.store, &self.account, own, "over", ("ann", NOW)).await.map(|_| None)
            }
            (Step::Activate(order), _) => {
                let installation = format!("INSTALLATION-{who}");
                let lrn = &self.lrns[usize::try_from(*order).unwrap()];
                try_it(&self.store, &asked(lrn, &installation)).await.map(Some)
            }
            (Step::Move(to), Some(own)) => {
                let bound = files::details(&self.store, &self.account, own).await?.selection;
                let to = format!("INSTALLATION-{who}-{to}");
                let machine = Machine { host_id: format!("0050560001{turn:02}"), name: String::new() };
                let by_key = bound.registration_key.is_some();
                let wanted = Move {
                    file: own,
                    to: if by_key { &to } else { "" },
                    machine: (!by_key).then_some(machine),
                    switchover: None,
                    reason: "new",
                    request: &key,
                };
                let by = (Actor::House("carl"), TODAY.parse().unwrap(), NOW);
                move_to(&self.store, &self.account, &wanted, Some(MOVES), by).await.map(Some)
            }
            (Step::Upgrade(quantity), _) => {
                let part = Part { catalogue: "pureconnect-4".to_owned(), number: OLD.to_owned() };
                self.upgrade(&Choice::Some(BTreeMap::from([(part, *quantity)]))).await.map(|()| kept())
            }
            (Step::Mirror, _) => self.upgrade(&Choice::MirrorAll).await.map(|()| kept()),
            _ => Ok(kept()),
        }
    }

    async fn upgrade(&self, choice: &Choice) -> Result<(), Failure> {
        upgrades::apply(&self.store, (&self.account, &self.site), choice, TODAY, ("ann", NOW)).await
    }

    /// One file after another is somebody's own; what is refused changes nothing.
    async fn person(self: Arc<Self>, who: usize, steps: Vec<Step>) {
        let mut own: Option<String> = None;
        for (turn, step) in steps.iter().enumerate() {
            match self.act(who, turn, step, own.as_deref()).await {
                Ok(file) => own = file,
                Err(Failure::Refused(_)) => {}
                Err(failure) => panic!("{step:?}: {failure}"),
            }
        }
    }

    async fn agrees(&self) {
        let owner = self.owner();
        let owned = balances(self.store.read(), owner.account, Some(owner.site), TODAY).await.unwrap();
        let filter = files::Filter { active: Some(true), ..files::Filter::default() };
        let order = (files::Sort::Generated, true);
        let (count, active) = files::list(&self.store, &self.account, &filter, order, 0, 200).await.unwrap();
        assert!(count <= 200);
        let (mut used, mut numbers): (BTreeMap<String, u64>, BTreeSet<String>) = Default::default();
        for file in &active {
            assert!(numbers.insert(file.lrn.clone()), "two active files have the number {}", file.lrn);
            for (part, quantity) in
                files::details(&self.store, &self.account, &file.number).await.unwrap().used
            {
                *used.entry(part).or_default() += u64::from(quantity);
            }
        }
        for one in &owned {
            let in_files = used.remove(&one.part.number).unwrap_or(0);
            assert_eq!(one.used, in_files, "{}", one.part.number);
            assert!(one.used <= one.total(), "{}: {} of {}", one.part.number, one.used, one.total());
        }
        assert!(used.is_empty(), "{used:?} is in files and not owned");
        let total =
            |part: &str| owned.iter().find(|one| one.part.number == part).map_or(0, |one| one.total());
        let (old, new) = (total(OLD), total(NEW));
        assert!((30..=60).contains(&(old + new)), "{old} old and {new} new of 30");
        let log = log::entries(self.store.read(), 0, 1000).await.unwrap();
        let moved = log.iter().filter(|entry| entry.body.contains("\"license moved\"")).count() as u64;
        let left = moves_left(&self.store, &self.account, MOVES, NOW).await.unwrap();
        assert_eq!(moved + left, MOVES);
    }
}

#[test]
fn whatever_is_done_at_once_every_used_part_is_in_one_active_file_and_no_two_files_have_one_number() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let mut runner = TestRunner::deterministic();
        for _ in 0..6 {
            let people = proptest::collection::vec(proptest::collection::vec(step(), 2..9), 2..6);
            let people = people.new_tree(&mut runner).unwrap().current();
            for empty in both().await {
                let office = Arc::new(Office::open(empty.store.clone()).await);
                let tasks = people.iter().cloned().enumerate();
                let tasks: Vec<_> =
                    tasks.map(|(who, steps)| tokio::spawn(office.clone().person(who, steps))).collect();
                for task in tasks {
                    task.await.unwrap_or_else(|error| panic!("{} {people:?}: {error}", empty.name));
                }
                office.agrees().await;
            }
        }
    });
}

#[test]
fn updates_that_swap_their_parts_wait_for_each_other_and_both_are_made() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        for empty in both().await {
            let office = Arc::new(Office::open(empty.store.clone()).await);
            // One part more than the files have, so that each finds what it wants.
            let parts = [("SW-001-4.0-PL04", 3), ("SW-001-4.0-PL09", 3)];
            book(&office.store, &order("parts", &parts), "ann", NOW, 90).await.unwrap();
            let [one, other] = parts.map(|(part, _)| part);
            let mut files = Vec::new();
            for (who, part) in [(0, one), (1, other)] {
                let chosen = office.selection(who, 1, &[SERVER, part]);
                files.push(office.generate(&chosen, None, &format!("first {who}")).await.unwrap());
            }
            for round in 0..12 {
                let parts = if round % 2 == 0 { [other, one] } else { [one, other] };
                let update = |who: usize| {
                    let (office, file, part) = (office.clone(), files[who].clone(), parts[who]);
                    tokio::spawn(async move {
                        let chosen = office.selection(who, 1, &[SERVER, part]);
                        office.generate(&chosen, Some(&file), &format!("{round}/{who}")).await
                    })
                };
                let (a, b) = tokio::join!(update(0), update(1));
                files = [a, b]
                    .map(|file| file.unwrap().unwrap_or_else(|error| panic!("{}: {error}", empty.name)))
                    .to_vec();
            }
        }
    });
}
