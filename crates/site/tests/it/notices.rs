//! What those who look after licenses are told, each thing once: one test for each sentence of the promise.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::support::*;
use grantor_license::{LicenseInfo, LicenseState, Model};
use grantor_site::command::{Amount, Command, LoadedLine};
use grantor_site::directory::Change;
use grantor_site::notices::{About, Attempt, Loss, Notice, NoticePlan, NoticeRules, ServerIs};
use grantor_site::violation::Breach;
use grantor_site::{Event, Refusal, Reply, Site, Timestamp};
use jiff::civil::date;

const DAY: i64 = 24 * 3600;
/// When the lines of these stories end.
const END: i64 = 100 * DAY;

fn plan(before: &[u16], after: &[u16], channels: &[&str]) -> NoticePlan {
    NoticePlan {
        before: before.iter().copied().collect(),
        after: after.iter().copied().collect(),
        channels: channels.iter().map(|channel| Box::from(*channel)).collect(),
        to_managers: true,
    }
}

fn rules_through(channels: &[&str]) -> Command {
    let plan = plan(&[90, 60, 30, 14, 7, 3, 1], &[0, 7], channels);
    Command::SetNoticeRules(Arc::new(NoticeRules { plan, ..NoticeRules::default() }))
}

fn rules() -> Command {
    rules_through(&["mail"])
}

fn ending(mut line: LoadedLine, seconds: i64) -> LoadedLine {
    line.ends = Some(at(seconds));
    line
}

fn site(lines: Vec<LoadedLine>) -> Story {
    let mut site = Story::new();
    site.run(rules()).unwrap();
    site.run(load("main", "a", lines)).unwrap();
    site
}

/// Every notice until `seconds`, as time passes an hour at a time.
fn notices(site: &mut Story, seconds: i64) -> Vec<Notice> {
    let mut all = Vec::new();
    while site.now < seconds {
        site.go_to((site.now + 3600).min(seconds));
        all.extend(noticed(site));
    }
    all
}

fn noticed(site: &Story) -> Vec<Notice> {
    let notice = |event: &Event| match event {
        Event::Noticed(notice) => Some(Notice::clone(notice)),
        _ => None,
    };
    site.events.iter().filter_map(notice).collect()
}

fn told_days(notices: &[Notice]) -> Vec<(i32, i64)> {
    let day = |notice: &Notice| match notice.about {
        About::Ending { days, .. } => (-i32::from(days), notice.at.0 / (DAY * SECOND)),
        About::Ended { days, .. } => (i32::from(days), notice.at.0 / (DAY * SECOND)),
        _ => panic!("{notice:?}"),
    };
    notices.iter().map(day).collect()
}

fn loss(feature: &str, from: u32, to: u32) -> Loss {
    Loss { feature: feature.into(), from: Some(from), to: Some(to) }
}

#[test]
fn a_license_that_ends_is_told_of_at_each_of_the_days_before_at_its_end_and_after() {
    let mut site =
        site(vec![ending(line("cad", "8.0", 5), END), line("cad", "8.0", 2), line("cam", "8.0", 1)]);
    let all = notices(&mut site, END + 30 * DAY);
    let expected =
        [(-90, 10), (-60, 40), (-30, 70), (-14, 86), (-7, 93), (-3, 97), (-1, 99), (0, 100), (7, 107)];
    assert_eq!(told_days(&all), expected);
    for notice in &all {
        let (About::Ending { losses, .. } | About::Ended { losses, .. }) = &notice.about else { panic!() };
        assert_eq!(losses, &[loss("cad", 7, 2)]);
    }
}

#[test]
fn time_that_passes_in_one_leap_tells_of_every_day_on_the_way_once_and_a_restart_of_none_again() {
    let mut site = site(vec![ending(line("cad", "8.0", 5), END)]);
    site.go_to(50 * DAY);
    assert_eq!(told_days(&noticed(&site)), [(-90, 10), (-60, 40)]);
    site.site = Site::from_snapshot(&site.site.to_snapshot()).unwrap();
    site.go_to(60 * DAY);
    assert_eq!(noticed(&site), []);
    site.go_to(70 * DAY);
    assert_eq!(told_days(&noticed(&site)), [(-30, 70)]);
}

#[test]
fn lines_that_end_together_are_one_notice_and_each_tenant_has_its_own_days() {
    let mut site = Story::new();
    let Command::SetNoticeRules(rules) = rules() else { panic!() };
    let tenants = [("other".into(), plan(&[5], &[], &["mail bob"]))].into();
    site.run(Command::SetNoticeRules(Arc::new(NoticeRules { tenants, plan: rules.plan.clone() }))).unwrap();
    let two = || vec![ending(line("cad", "8.0", 5), END), ending(line("cam", "8.0", 1), END)];
    site.run(load("main", "a", two())).unwrap();
    site.run(load("other", "b", two())).unwrap();
    let all = notices(&mut site, 96 * DAY);
    let of =
        |tenant: &str| all.iter().filter(|one| one.about.tenant().is_some_and(|of| **of == *tenant)).count();
    assert_eq!((of("main"), of("other")), (5, 1));
    assert_eq!(all[5].open, BTreeSet::from(["mail bob".into()]));
    let About::Ending { losses, .. } = &all[0].about else { panic!() };
    assert_eq!(losses, &[loss("cad", 5, 0), loss("cam", 1, 0)]);
}

#[test]
fn what_is_bought_anew_is_not_told_of() {
    let mut site = site(vec![ending(line("cad", "8.0", 5), END)]);
    assert_eq!(told_days(&notices(&mut site, 80 * DAY)), [(-90, 10), (-60, 40), (-30, 70)]);
    let mut next = line("cad", "8.0", 6);
    next.starts = Some(at(END));
    site.run(load("main", "renewed", vec![next])).unwrap();
    assert_eq!(notices(&mut site, END + 30 * DAY), []);
}

#[test]
fn a_renewal_after_the_end_silences_the_days_after_it() {
    let mut site = site(vec![ending(line("cad", "8.0", 5), END)]);
    notices(&mut site, END + DAY);
    site.run(load("main", "renewed", vec![line("cad", "8.0", 5)])).unwrap();
    assert_eq!(notices(&mut site, END + 30 * DAY), []);
}

#[test]
fn the_days_of_grace_of_a_license_that_is_not_activated_are_told_of_as_such() {
    let mut file = file("main", "a", vec![ending(line("cad", "8.0", 5), END)]);
    file.licenses.push(LicenseInfo {
        lrn: "LRN-1".to_owned(),
        publisher: "acme".to_owned(),
        customer: String::new(),
        site: String::new(),
        license_type: String::new(),
        product: String::new(),
        state: LicenseState::Inactive,
        issued: date(2026, 1, 1),
        expires: None,
        rk: None,
        dies: None,
    });
    let mut site = Story::new();
    site.run(rules()).unwrap();
    site.run(Command::LoadFile(Arc::new(file))).unwrap();
    let all = notices(&mut site, 40 * DAY);
    assert_eq!(all.iter().map(|notice| notice.about.kind()).collect::<Vec<_>>(), ["grace", "grace"]);
}

#[test]
fn the_first_attempt_beyond_the_limit_is_told_of_at_once_and_those_of_the_next_hour_together() {
    let mut site = Story::directed(vec![sold("WFM", Model::Role, 1)], vec![role("AGENT", "WFM")]);
    site.run(rules()).unwrap();
    site.change(vec![user("ann"), user("bob"), user("cid"), user("dan")]);
    site.change(vec![
        Change::DefineRole { role: "manage-licenses".into(), application: None },
        Change::SetMail { user: "ann".into(), mail: Some("ann@example.com".into()) },
        Change::AssignRole { role: "manage-licenses".into(), user: "ann".into() },
        Change::AssignRole { role: "manage-licenses".into(), user: "bob".into() },
    ]);
    let give = |user: &str| vec![Change::AssignRole { role: "AGENT".into(), user: user.into() }];
    site.change(give("ann"));
    let mut refused = |user: &str| {
        let changes = Arc::new(give(user));
        let direct = Command::Direct { tenant: "main".into(), changes, by: "import".to_owned() };
        assert!(matches!(site.run(direct), Err(Refusal::Shortfall(_))));
        noticed(&site)
    };
    let first = refused("bob");
    let [Notice { about: About::Limit { tenant, feature, attempt, before: 0 }, .. }] = &first[..] else {
        panic!("{first:?}")
    };
    assert_eq!((&**tenant, &**feature), ("main", "WFM"));
    assert_eq!(
        first[0].open,
        BTreeSet::from(["mail".into(), "mail ann@example.com".into()]),
        "who manages licenses"
    );
    let Attempt::Change { change, by } = attempt else { panic!() };
    assert_eq!((&**change, &**by), (&give("bob")[0], "import"));
    assert_eq!((refused("cid"), refused("dan")), (vec![], vec![]));
    let later = notices(&mut site, 2 * 3600);
    let [Notice { about: About::Limit { before: 1, attempt: Attempt::Change { change, .. }, .. }, .. }] =
        &later[..]
    else {
        panic!("{later:?}")
    };
    assert_eq!(**change, give("dan")[0]);
    assert_eq!(notices(&mut site, 5 * 3600), []);
}

#[test]
fn seats_that_come_and_go_are_told_of_as_attempts_and_not_as_violations() {
    let mut site = Story::with(vec![line("cad", "8.0", 1)]);
    site.run(rules()).unwrap();
    let grant = granted(site.ask(ask(1, "cad", Amount::exactly(1))))[0].grant;
    assert!(site.ask(ask(2, "cad", Amount::exactly(1))).is_err());
    let [Notice { about: About::Limit { attempt: Attempt::Request { user, .. }, .. }, .. }] =
        &noticed(&site)[..]
    else {
        panic!()
    };
    assert_eq!(&**user, "u2");
    site.run(check_in(1, grant)).unwrap();
    assert_eq!(noticed(&site), []);
    assert!(site.ask(ask(3, "nonsense", Amount::exactly(1))).is_err());
    assert_eq!(noticed(&site), []);
}

#[test]
fn a_violation_and_its_clearance_are_told_of_once_each() {
    let mut site = Story::with(vec![line("cad", "8.0", 2)]);
    site.run(rules()).unwrap();
    site.ask(ask(1, "cad", Amount::exactly(2))).unwrap();
    site.run(load("main", "a", vec![line("cad", "8.0", 1)])).unwrap();
    let started = noticed(&site);
    let [Notice { about: About::Violation(violation), .. }] = &started[..] else { panic!("{started:?}") };
    assert!(matches!(violation.breach, Breach::OverCapacity { .. }));
    site.run(end(1)).unwrap();
    let cleared = noticed(&site);
    assert!(matches!(&cleared[..], [Notice { about: About::Cleared { by: None, .. }, .. }]), "{cleared:?}");
}

#[test]
fn a_server_that_is_lost_and_back_is_told_of_once_each_however_often_it_is_reported() {
    let mut site = site(vec![line("cad", "8.0", 2)]);
    let mut report = |is: ServerIs| {
        site.run(Command::ReportServer { server: "b:7260".into(), is }).unwrap();
        noticed(&site).iter().map(|notice| notice.about.kind()).collect::<Vec<_>>()
    };
    assert_eq!(report(ServerIs::Back), [""; 0]);
    assert_eq!((report(ServerIs::Lost), report(ServerIs::Lost)), (vec!["server-lost"], vec![]));
    assert_eq!((report(ServerIs::Back), report(ServerIs::Back)), (vec!["server-back"], vec![]));
    assert_eq!((report(ServerIs::Lost), report(ServerIs::Removed)), (vec!["server-lost"], vec![]));
    assert_eq!(report(ServerIs::Back), [""; 0]);
}

#[test]
fn a_notice_waits_for_each_of_its_channels_once_and_the_book_of_them_does_not_grow() {
    let mut site = Story::new();
    site.run(rules_through(&["hook", "mail"])).unwrap();
    site.run(Command::ReportServer { server: "b".into(), is: ServerIs::Lost }).unwrap();
    let told = |number: u64, channel: &str, problem: Option<&str>| Command::MarkTold {
        number,
        channel: channel.into(),
        problem: problem.map(Into::into),
    };
    assert_eq!(site.run(told(1, "mail", None)), Ok(Reply::Done));
    assert_eq!(site.run(told(1, "mail", None)), Err(Refusal::NoSuchNotice));
    assert_eq!(site.run(told(2, "mail", None)), Err(Refusal::NoSuchNotice));
    assert_eq!(site.run(told(1, "hook", Some("gone"))), Ok(Reply::Done));
    let notice = site.site.notices().next().unwrap();
    assert!(notice.open.is_empty() && notice.failed.len() == 1);
    for is in [ServerIs::Back, ServerIs::Lost].into_iter().cycle().take(3000) {
        site.run(Command::ReportServer { server: "b".into(), is }).unwrap();
    }
    assert_eq!(site.site.notices().count(), 2000);
    let before = site.site.hash();
    let bytes = site.site.to_snapshot();
    assert_eq!(Site::from_snapshot(&bytes).unwrap().hash(), before);
    site.run(rules_through(&[])).unwrap();
    site.run(Command::ReportServer { server: "c".into(), is: ServerIs::Lost }).unwrap();
    assert_eq!(site.site.notices().count(), 200, "no channel is left that they could wait for");
}

#[test]
fn a_site_without_rules_makes_no_notices_and_its_state_keeps_the_earlier_format() {
    let mut site = Story::with(vec![ending(line("cad", "8.0", 1), 3 * DAY)]);
    site.go_to(4 * DAY);
    assert_eq!(noticed(&site), []);
    assert_eq!(site.site.to_snapshot()[8..10], 1u16.to_le_bytes());
    assert_eq!(site.site.next_due(), None::<Timestamp>);
}

#[test]
fn what_people_did_is_kept_in_its_order_and_outlives_a_restart_and_the_latest_are_kept() {
    let mut site = Story::directed(vec![sold("WFM", Model::Role, 1)], vec![]);
    site.change(vec![user("early")]);
    assert_eq!(site.site.acts().count(), 0, "before there were rules");
    site.run(rules()).unwrap();
    site.change((0..30).map(|n| user(&format!("u{n}"))).collect());
    site.run(load("main", "b", vec![line("cam", "8.0", 1)])).unwrap();
    site.run(Command::ReportServer { server: "b".into(), is: ServerIs::Lost }).unwrap();
    site.site = Site::from_snapshot(&site.site.to_snapshot()).unwrap();
    let acts: Vec<_> = site.site.acts().cloned().collect();
    let [first, second] = &acts[..] else { panic!("{acts:?}") };
    assert!(
        matches!(&first.event, Event::DirectoryChanged { changes, .. } if changes.len() == 10)
            && first.changes == 30
    );
    assert!(matches!(&second.event, Event::FileLoaded { name, .. } if name == "b"));
    let replace = |name: &str| {
        let Command::LoadFile(file) = load("main", name, vec![line("cam", "8.0", 2)]) else { unreachable!() };
        Command::ReplaceFiles {
            tenant: "main".into(),
            load: vec![file],
            remove: vec![],
            by: "ada".to_owned(),
        }
    };
    site.run(replace("b")).unwrap();
    assert!(
        matches!(&site.site.acts().last().unwrap().event, Event::FileLoaded { .. }),
        "as servers of before know it"
    );
    site.run(Command::AgreeOnLevel { level: 2 }).unwrap();
    site.run(replace("c")).unwrap();
    let last = site.site.acts().last().unwrap();
    assert!(
        matches!(&last.event, Event::FileLoadedBy { name, by, .. } if name == "c" && by == "ada"),
        "{last:?}"
    );
    for n in 0..5000 {
        let name = format!("n{}", n % 2);
        site.run(load("main", &name, vec![line("cam", "8.0", 1)])).unwrap();
    }
    assert_eq!(site.site.acts().count(), 5000);
}
