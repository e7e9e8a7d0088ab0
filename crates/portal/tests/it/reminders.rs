//! First answers that are due: whoever looks after a request hears of it in time, and everybody who could answer once it is late.

use crate::support::door::{Door, now, person};
use crate::support::on_both;
use axum::http::StatusCode;
use grantor_portal::mails::{self, Mail};
use grantor_portal::requests::reminders::remind;
use grantor_portal::requests::{self, Change, Request, State, thread};
use grantor_portal::rights::Role;
use grantor_portal::store::Store;

const HOUR: i64 = 60 * 60 * 1000;

async fn filed(door: &Door, store: &Store, more: &str) -> Request {
    let form = format!(
        "first_name=Ada&last_name=Lovelace&mail=ada%40acme.example&mail_again=ada%40acme.example&employer=Acme&\
         subject=More+seats&type=Add-on&description=We+need+more.&{more}"
    );
    let answer = door.post("/request/publisher", "", &form).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    requests::find(store.read(), answer.location.split('/').nth(2).unwrap()).await.unwrap()
}

/// Whom the mails with that word before their number went to, in order.
async fn told(store: &Store, word: &str) -> Vec<String> {
    let all = mails::list(store, 0, 100).await.unwrap().1;
    let of_word = |mail: &&Mail| mail.subject.contains(&format!("{word}: [AFR-"));
    let mut to: Vec<String> = all.iter().filter(of_word).map(|mail| mail.recipient.clone()).collect();
    to.sort();
    to
}

#[test]
fn whoever_looks_after_a_request_is_reminded_of_its_answer_and_all_analysts_once_it_is_late() {
    on_both(|store| async move {
        let door = Door::open(&store, false);
        let ann = person(&store, "ann@example.com", &[Role::Analyst], None).await;
        person(&store, "bea@example.com", &[Role::Analyst], None).await;
        person(&store, "ray@example.com", &[Role::Auditor], None).await;
        let request = filed(&door, &store, "once=1").await;
        let hers = Change { assignee: Some(Some(ann.id)), ..Change::default() };
        requests::change(&store, &request, &hers, (&ann, now())).await.unwrap();
        let (house, due) = (door.house(), request.due_at);
        assert_eq!(
            remind(&store, &house, due - 7 * HOUR).await.unwrap(),
            0,
            "of 48 hours more than six are left"
        );
        assert_eq!(remind(&store, &house, due - 5 * HOUR).await.unwrap(), 1);
        assert_eq!(remind(&store, &house, due - 4 * HOUR).await.unwrap(), 0, "told once");
        assert_eq!(told(&store, "Due").await, ["ann@example.com"]);
        assert_eq!(remind(&store, &house, due + 1).await.unwrap(), 1);
        assert_eq!(remind(&store, &house, due + HOUR).await.unwrap(), 0, "told once");
        assert_eq!(told(&store, "Late").await, ["ann@example.com", "bea@example.com"]);
        let text = mails::list(&store, 0, 1).await.unwrap().1.remove(0).body;
        assert!(text.contains("looks after it") && text.contains("/requests/AFR-0000001"), "{text}");
    });
}

#[test]
fn an_urgent_request_that_nobody_looks_after_is_told_to_all_analysts_an_hour_before() {
    on_both(|store| async move {
        let door = Door::open(&store, false);
        for mail in ["ann@example.com", "bea@example.com"] {
            person(&store, mail, &[Role::Analyst], None).await;
        }
        let request = filed(&door, &store, "once=1&urgent=1&reason=The+centre+is+down").await;
        let at = request.due_at - HOUR / 2;
        let house = door.house();
        let (one, other) = tokio::join!(remind(&store, &house, at), remind(&store, &house, at));
        assert_eq!(one.unwrap() + other.unwrap(), 1, "two processes tell it once");
        assert_eq!(told(&store, "URGENT Due").await, ["ann@example.com", "bea@example.com"]);
        assert_eq!(remind(&store, &house, request.due_at + 8 * 24 * HOUR).await.unwrap(), 0, "old news");
    });
}

#[test]
fn nobody_is_reminded_of_what_is_answered_or_closed() {
    on_both(|store| async move {
        let door = Door::open(&store, false);
        let ann = person(&store, "ann@example.com", &[Role::Analyst], None).await;
        let answered = filed(&door, &store, "once=1").await;
        let closed = filed(&door, &store, "once=2").await;
        let house = door.house();
        thread::answer(&store, &house, &answered, (&ann, "Yes."), State::Waiting, now()).await.unwrap();
        let done = Change { state: Some(State::Done), ..Change::default() };
        requests::change(&store, &closed, &done, (&ann, now())).await.unwrap();
        assert_eq!(remind(&store, &house, answered.due_at + 1).await.unwrap(), 0);
    });
}
