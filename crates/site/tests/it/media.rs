//! What an ACD level lets somebody receive, one test for each sentence of seed 002, "ACD Workgroup Queues".

use crate::support::*;
use grantor_site::directory::{Change, Media, Queue, Warning};
use grantor_site::{Refusal, Reply};

fn office(seats: u32) -> Story {
    Story::directed(contact_centre(seats), vec![user("ann"), workstation("desk1")])
}

fn queue(site: &mut Story, feature: &str, types: Media) -> Vec<Warning> {
    site.change(vec![assign(feature, &[of_user("ann")])]);
    site.change(vec![workgroup("sales", types), members("sales", &["ann"])])
}

#[test]
fn media_1_participates_only_in_queues_with_one_object_type() {
    let (calls, two) = (Media::CALL, Media::CALL.and(Media::EMAIL));
    assert_eq!(queue(&mut office(1), ACD_1, calls), []);
    let mut site = office(1);
    let warnings = queue(&mut site, ACD_1, two);
    assert!(matches!(&warnings[..], [Warning::MediaLimited { missing, .. }] if *missing == Media::EMAIL));
    let (ann, _) = site.site.user_named("main", "ann").unwrap();
    assert_eq!(site.site.media_of(ann), Media::CALL);
}

#[test]
fn media_2_participates_in_queues_that_have_one_or_two_objects() {
    let two = Media::CALL.and(Media::EMAIL);
    assert_eq!(queue(&mut office(1), ACD_2, two), []);
    let mut site = office(1);
    let warnings = queue(&mut site, ACD_2, Media::ALL);
    assert!(matches!(&warnings[..], [Warning::MediaLimited { missing, .. }] if missing.len() == 2));
}

#[test]
fn media_3_can_be_member_of_any_workgroup_queue() {
    assert_eq!(queue(&mut office(1), ACD_3, Media::ALL), []);
}

#[test]
fn failure_to_have_an_acd_access_license_prevents_from_being_active_in_acd() {
    let mut site = office(1);
    let warnings = site.change(vec![workgroup("sales", Media::CALL), members("sales", &["ann"])]);
    assert_eq!(warnings, [Warning::NoAcdAccess { user: "ann".into(), workgroup: "sales".into() }]);
    assert_eq!(site.change(vec![group("plain"), members("plain", &["ann"])]), []);
}

#[test]
fn who_is_concerned_by_several_changes_at_once_is_named_once() {
    let mut site = office(1);
    site.change(vec![group("sales")]);
    let queue = Change::SetQueue { group: "sales".into(), queue: Some(Queue::Acd), media: Media::CALL };
    let warnings = site.change(vec![members("sales", &["ann"]), queue]);
    assert_eq!(warnings, [Warning::NoAcdAccess { user: "ann".into(), workgroup: "sales".into() }]);
}

#[test]
fn you_can_choose_only_as_many_interaction_types_as_the_level_allows() {
    let mut site = office(1);
    let choose = |media| Change::SetMedia { user: "ann".into(), media };
    site.change(vec![assign(ACD_1, &[of_user("ann")]), choose(Media::EMAIL)]);
    assert!(matches!(site.refuses(choose(Media::EMAIL.and(Media::CHAT))), Refusal::TooManyMedia { .. }));
    site.change(vec![unlicense(ACD_1, of_user("ann")), assign(ACD_2, &[of_user("ann")])]);
    site.change(vec![choose(Media::EMAIL.and(Media::CHAT))]);
    assert!(matches!(site.refuses(choose(Media::ALL)), Refusal::TooManyMedia { .. }));
}

#[test]
fn a_warning_appears_when_a_level_1_user_has_emails_only_and_the_workgroup_requires_calls() {
    let mut site = office(9);
    let email = Change::SetMedia { user: "ann".into(), media: Media::EMAIL };
    site.change(vec![assign(ACD_1, &[of_user("ann")]), email, assign(BASIC, &[of_station("desk1")])]);
    site.change(vec![workgroup("sales", Media::CALL), members("sales", &["ann"])]);
    site.open(1, "ann", "desk1-pc");
    let Ok(Reply::LoggedOn { media, warnings, .. }) = site.log_on(1, "desk1") else { panic!() };
    assert_eq!(media, Media::EMAIL);
    assert!(matches!(&warnings[..], [Warning::MediaLimited { missing, .. }] if *missing == Media::CALL));
}

#[test]
fn the_media_level_of_the_station_counts_for_who_is_logged_on_at_it() {
    let mut site = office(9);
    site.change(vec![assign(BASIC, &[of_station("desk1")]), assign(ACD_2, &[of_station("desk1")])]);
    site.change(vec![workgroup("sales", Media::CALL.and(Media::CHAT)), members("sales", &["ann"])]);
    site.open(1, "ann", "desk1-pc");
    let Ok(Reply::LoggedOn { media, warnings, .. }) = site.log_on(1, "desk1") else { panic!() };
    assert_eq!((media.len(), warnings), (2, Vec::new()));
    site.end(1);
    assert!(site.site.media_of(site.site.user_named("main", "ann").unwrap().0).is_empty());
}
