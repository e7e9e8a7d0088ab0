//! Questions and requests for license files: filed without an account, answered by page and by mail, looked after in time.

use crate::support::door::{Answer, Door, now, person, visit};
use crate::support::{NOW, acme, on_both};
use axum::http::{Method, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use grantor_portal::requests::{self, State, Which, address, attachments, inbox, thread};
use grantor_portal::rights::Role;
use grantor_portal::store::Store;
use grantor_portal::{Failure, Refusal, mails};

const HOUR: i64 = 60 * 60 * 1000;

fn form(more: &str) -> String {
    format!(
        "first_name=Ada&last_name=Lovelace&mail=ada%40acme.example&mail_again=ada%40acme.example&employer=Acme&subject=More+seats&\
         description=We+need%0Amore.&{more}"
    )
}

/// Files a request as a stranger, and gives its page's path.
async fn filed(door: &Door, kind: &str, more: &str) -> String {
    let answer = door.post(&format!("/request/{kind}"), "", &form(more)).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    answer.location.split('?').next().unwrap().to_owned()
}

fn number(path: &str) -> &str {
    path.split('/').nth(2).unwrap()
}

async fn sent(store: &Store) -> Vec<mails::Mail> {
    mails::list(store, 0, 100).await.unwrap().1
}

#[test]
fn a_stranger_files_a_request_and_finds_it_again_by_the_address_in_the_mail() {
    on_both(|store| async move {
        let door = Door::open(&store, false);
        let path =
            filed(&door, "publisher", "once=1&type=Upgrade&primary_host=0050569A4C02&needed_by=2026-12-31")
                .await;
        assert!(path.starts_with("/request/AFR-0000001/"), "{path}");
        let page = door.get(&path, "").await.body;
        for shown in ["AFR-0000001", "More seats", "0050569A4C02", "Upgrade", "2026-12-31", "Ada Lovelace"] {
            assert!(page.contains(shown), "{shown}: {page}");
        }
        let mails = sent(&store).await;
        let mail = &mails[0];
        assert_eq!((mails.len(), mail.recipient.as_str()), (1, "ada@acme.example"));
        assert!(mail.body.contains(&format!("https://portal.test{path}")), "{}", mail.body);
        assert!(mail.reply_to.as_deref().unwrap().starts_with("licensing+afr-0000001."), "{mail:?}");
    });
}

#[test]
fn the_same_form_sent_twice_is_one_request_and_one_mail() {
    on_both(|store| async move {
        let door = Door::open(&store, false);
        let first = filed(&door, "question", "once=same").await;
        assert_eq!(filed(&door, "question", "once=same").await, first);
        assert_ne!(filed(&door, "question", "once=other").await, first);
        assert_eq!(sent(&store).await.len(), 2);
    });
}

#[test]
fn whoever_has_no_key_sees_no_request_and_can_add_nothing() {
    on_both(|store| async move {
        let door = Door::open(&store, false);
        let path = filed(&door, "question", "once=1").await;
        let other = path.replace("0000001", "0000002");
        for wrong in [
            other.as_str(),
            "/request/AFR-0000001/aaaaaaaaaaaaaaaa",
            "/request/AFR-0000001/x",
            "/request/x/y",
        ] {
            let answer = door.get(wrong, "").await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{wrong}");
            assert!(!answer.body.contains("More seats"), "{wrong}");
            let reply = door.post(&format!("{wrong}/reply"), "", "message=hello").await;
            assert_eq!(reply.status, StatusCode::NOT_FOUND, "{wrong}");
        }
    });
}

#[test]
fn everything_wrong_in_a_form_is_told_at_its_field_and_nothing_is_filed() {
    on_both(|store| async move {
        let door = Door::open(&store, false);
        let wrong = "once=1&first_name=Ada&last_name=L&mail=ada%40gmail.com&mail_again=ada%40gmail.com&subject=%3Cb%3E&urgent=1";
        let answer = door.post("/request/third-party", "", wrong).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        for told in [
            "gmail.com is a public mail service",
            "an urgent request says why",
            "is missing",
            "value=\"&#60;b&#62;\"",
        ] {
            assert!(answer.body.contains(told), "{told}: {}", answer.body);
        }
        assert_eq!(requests::queue(&store, Which::All, "", NOW, (0, 10)).await.unwrap().0, 0);
        assert_eq!(sent(&store).await.len(), 0);
        assert_eq!(door.post("/request/nonsense", "", &form("")).await.status, StatusCode::NOT_FOUND);
    });
}

#[test]
fn strangers_file_few_requests_a_minute() {
    on_both(|store| async move {
        let door = Door::open(&store, false);
        let mut refused = 0;
        for once in 0..8 {
            let answer = door.post("/request/question", "", &form(&format!("once={once}"))).await;
            refused += usize::from(answer.status == StatusCode::TOO_MANY_REQUESTS);
        }
        assert_eq!(refused, 3, "five at once, one more a minute");
    });
}

#[test]
fn an_analyst_answers_and_everybody_named_gets_the_answer_by_mail() {
    on_both(|store| async move {
        let door = Door::open(&store, false);
        let path = filed(&door, "question", "once=1&others=bob%40acme.example").await;
        let ann = person(&store, "ann@example.com", &[Role::Analyst], None).await;
        let cookie = visit(&store, &ann).await;
        let mine = format!("/requests/{}", number(&path));
        let note = door.post(&format!("{mine}/note"), &cookie, "message=check+the+contract").await;
        assert_eq!(note.status, StatusCode::SEE_OTHER);
        let answer = door.post(&format!("{mine}/answer"), &cookie, "message=Here+it+is.&done=1").await;
        assert_eq!(answer.location, format!("{mine}?done=answered"));
        let page = door.get(&path, "").await.body;
        assert!(page.contains("Here it is.") && page.contains("done"), "{page}");
        assert!(!page.contains("check the contract"), "notes are for staff only");
        assert!(door.get(&mine, &cookie).await.body.contains("check the contract"));
        let answers: Vec<String> = sent(&store)
            .await
            .into_iter()
            .filter(|mail| mail.body.contains("Here it is."))
            .map(|mail| mail.recipient)
            .collect();
        assert_eq!(answers.len(), 2, "{answers:?}");
        let request = requests::find(store.read(), number(&path)).await.unwrap();
        assert_eq!((request.state, request.answered_at.is_some()), (State::Done, true));
    });
}

#[test]
fn a_reply_by_page_opens_the_request_again_and_tells_whoever_looks_after_it() {
    on_both(|store| async move {
        let door = Door::open(&store, false);
        let path = filed(&door, "question", "once=1").await;
        let ann = person(&store, "ann@example.com", &[Role::Analyst], None).await;
        let cookie = visit(&store, &ann).await;
        let mine = format!("/requests/{}", number(&path));
        let taken =
            door.post(&format!("{mine}/change"), &cookie, &format!("assignee={}&state=done", ann.id)).await;
        assert_eq!(taken.status, StatusCode::SEE_OTHER);
        assert_eq!(
            door.post(&format!("{path}/reply"), "", "message=One+more+thing").await.status,
            StatusCode::SEE_OTHER
        );
        assert_eq!(requests::find(store.read(), number(&path)).await.unwrap().state, State::Open);
        let told = sent(&store).await.into_iter().find(|mail| mail.body.contains("One more thing")).unwrap();
        assert_eq!(told.recipient, "ann@example.com");
        assert_eq!(
            door.post(&format!("{path}/reply"), "", "message=+").await.status,
            StatusCode::UNPROCESSABLE_ENTITY
        );
    });
}

async fn reply_address(store: &Store) -> String {
    sent(store).await.into_iter().find_map(|mail| mail.reply_to).unwrap()
}

fn mail(to: &str, id: &str, more: &str) -> Vec<u8> {
    let text = format!(
        "From: Ada <ada@acme.example>\r\nTo: <{to}>\r\nSubject: Re: x\r\nMessage-ID: <{id}@acme.example>\r\n{more}\r\n\
         By mail, with love.\r\n\r\n> quoted before\r\n-- \r\nAda\r\n"
    );
    text.into_bytes()
}

#[test]
fn a_reply_by_mail_is_added_once_without_what_it_quotes() {
    on_both(|store| async move {
        let door = Door::open(&store, false);
        let path = filed(&door, "question", "once=1").await;
        let to = reply_address(&store).await;
        let house = door.house();
        let taken = inbox::take(&store, &house, &[], &mail(&to, "1", ""), NOW).await.unwrap();
        assert_eq!(taken, inbox::Taken::Added { number: number(&path).to_owned(), left_out: Vec::new() });
        let again = inbox::take(&store, &house, &[], &mail(&to, "1", ""), NOW).await.unwrap();
        assert_eq!(again, inbox::Taken::Again(number(&path).to_owned()));
        let page = door.get(&path, "").await.body;
        assert_eq!(page.matches("By mail, with love.").count(), 1, "{page}");
        assert!(!page.contains("quoted before"), "{page}");
        let by_envelope =
            inbox::take(&store, &house, &[to.to_uppercase()], &mail("other@portal.test", "2", ""), NOW).await;
        assert!(matches!(by_envelope, Ok(inbox::Taken::Added { .. })), "{by_envelope:?}");
    });
}

#[test]
fn mail_of_machines_and_mail_without_a_key_is_not_taken() {
    on_both(|store| async move {
        let door = Door::open(&store, false);
        let path = filed(&door, "question", "once=1").await;
        let (to, house) = (reply_address(&store).await, door.house());
        let automatic = mail(&to, "1", "Auto-Submitted: auto-replied\r\n");
        assert_eq!(inbox::take(&store, &house, &[], &automatic, NOW).await.unwrap(), inbox::Taken::Automatic);
        for wrong in ["licensing@portal.test", "licensing+afr-0000001.aaaaaaaaaaaaaaaa@portal.test"] {
            let refused = inbox::take(&store, &house, &[], &mail(wrong, "2", ""), NOW).await;
            assert!(matches!(refused, Err(Failure::Refused(Refusal::NoReply))), "{wrong}: {refused:?}");
        }
        assert!(inbox::take(&store, &house, &[], b"\0\xff", NOW).await.is_err());
        let request = requests::find(store.read(), number(&path)).await.unwrap();
        assert!(thread::messages(store.read(), &request, true).await.unwrap().is_empty());
    });
}

#[test]
fn attachments_by_mail_come_with_it_and_programs_among_them_are_left_out() {
    on_both(|store| async move {
        let door = Door::open(&store, false);
        let path = filed(&door, "question", "once=1").await;
        let (to, house) = (reply_address(&store).await, door.house());
        let text = format!(
            "From: ada@acme.example\r\nTo: {to}\r\nMessage-ID: <3@acme.example>\r\nMIME-Version: 1.0\r\n\
             Content-Type: multipart/mixed; boundary=cut\r\n\r\n--cut\r\nContent-Type: text/plain\r\n\r\nSee the file.\r\n\
             --cut\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=\"old.lic\"\r\n\r\nSERVER a ANY\r\n\
             --cut\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=\"run.exe\"\r\n\
             Content-Transfer-Encoding: base64\r\n\r\nTVqQAAMAAAAEAAAA//8AALgAAAAA\r\n--cut--\r\n"
        );
        let taken = inbox::take(&store, &house, &[], text.as_bytes(), NOW).await.unwrap();
        let inbox::Taken::Added { left_out, .. } = taken else { panic!("{taken:?}") };
        assert!(left_out.len() == 1 && left_out[0].starts_with("run.exe: "), "{left_out:?}");
        let request = requests::find(store.read(), number(&path)).await.unwrap();
        let there = attachments::list(store.read(), &request).await.unwrap();
        assert_eq!(there.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["old.lic"]);
    });
}

/// A mail to a request with this inside.
fn mail_of(to: &str, kind: &str, inside: &str) -> Vec<u8> {
    format!(
        "From: ada@acme.example\r\nTo: {to}\r\nMessage-ID: <bomb@acme.example>\r\nMIME-Version: 1.0\r\n\
         Content-Type: {kind}\r\n\r\n{inside}"
    )
    .into_bytes()
}

#[test]
fn of_a_mail_with_hundreds_of_files_twenty_are_taken_and_the_rest_is_told() {
    on_both(|store| async move {
        let door = Door::open(&store, false);
        let path = filed(&door, "question", "once=1").await;
        let (to, house) = (reply_address(&store).await, door.house());
        let part = "--cut\r\nContent-Type: text/plain\r\nContent-Disposition: attachment; filename=\"a.txt\"\r\n\r\nx\r\n";
        let many = mail_of(&to, "multipart/mixed; boundary=cut", &format!("{}--cut--\r\n", part.repeat(900)));
        let taken = inbox::take(&store, &house, &[], &many, NOW).await.unwrap();
        let inbox::Taken::Added { left_out, .. } = taken else { panic!("{taken:?}") };
        assert_eq!(left_out, ["880 more files: the first 20 files of a mail are taken"]);
        let request = requests::find(store.read(), number(&path)).await.unwrap();
        assert_eq!(attachments::list(store.read(), &request).await.unwrap().len(), attachments::MOST);
    });
}

#[test]
fn a_mail_of_parts_in_parts_in_parts_without_end_is_refused_and_leaves_nothing() {
    on_both(|store| async move {
        let door = Door::open(&store, false);
        let path = filed(&door, "question", "once=1").await;
        let (to, house) = (reply_address(&store).await, door.house());
        let inner = |depth: usize| {
            format!("--cut{depth}\r\nContent-Type: multipart/mixed; boundary=cut{}\r\n\r\n", depth + 1)
        };
        let nested: String = (0..100_000).map(inner).collect();
        let mails = "content-type:message/rfc822\n\n".repeat(500_000);
        let encoded = STANDARD.encode(&mails);
        for bomb in [
            mail_of(&to, "multipart/mixed; boundary=cut0", &nested),
            mail_of(&to, "message/rfc822", &mails),
            mail_of(&to, "message/rfc822\r\nContent-Transfer-Encoding: base64", &encoded),
            mail_of(
                &to,
                "multipart/digest; boundary=cut",
                &format!("--cut\r\nContent-Transfer-Encoding: base64\r\n\r\n{encoded}\r\n--cut--\r\n"),
            ),
        ] {
            let refused = inbox::take(&store, &house, &[], &bomb, NOW).await;
            assert!(matches!(refused, Err(Failure::Refused(Refusal::Field { .. }))), "{refused:?}");
        }
        let request = requests::find(store.read(), number(&path)).await.unwrap();
        assert!(thread::messages(store.read(), &request, true).await.unwrap().is_empty());
    });
}

#[test]
fn the_twenty_first_file_of_a_request_is_refused_in_words() {
    on_both(|store| async move {
        let door = Door::open(&store, false);
        let path = filed(&door, "question", "once=1").await;
        let request = requests::find(store.read(), number(&path)).await.unwrap();
        for _ in 0..attachments::MOST {
            attachments::add(&store, &request, ("a.txt", b"x"), ("ada", NOW)).await.unwrap();
        }
        let refused = upload(&door, &path, "21.txt", b"x").await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(refused.body.contains("a request takes 20 files of 50 MiB together"), "{}", refused.body);
    });
}

async fn upload(door: &Door, path: &str, name: &str, bytes: &[u8]) -> Answer {
    let mut body =
        format!("--cut\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n")
            .into_bytes();
    body.extend_from_slice(bytes);
    body.extend_from_slice(b"\r\n--cut--\r\n");
    door.send_bytes(&format!("{path}/attachments"), "multipart/form-data; boundary=cut", body).await
}

#[test]
fn attachments_are_bounded_and_come_back_as_files_whatever_is_in_them() {
    on_both(|store| async move {
        let door = Door::open(&store, false);
        let path = filed(&door, "question", "once=1").await;
        let script = b"<html><script>alert(1)</script></html>";
        let added = upload(&door, &path, "..\\..\\evil \"name\".html", script).await;
        assert_eq!(added.status, StatusCode::SEE_OTHER, "{added:?}");
        let back = door.send(Method::GET, &format!("{path}/attachments/1"), "", "").await;
        assert_eq!((back.body.as_bytes(), back.kind.as_str()), (&script[..], "application/octet-stream"));
        assert!(back.disposition.starts_with("attachment; filename=\""), "{}", back.disposition);
        assert!(!back.disposition.contains("..\\"), "{}", back.disposition);
        let bomb = vec![b'a'; attachments::LARGEST + 1];
        assert_eq!(upload(&door, &path, "bomb.txt", &bomb).await.status, StatusCode::UNPROCESSABLE_ENTITY);
        let huge = vec![b'a'; 17 << 20];
        assert_eq!(upload(&door, &path, "huge.txt", &huge).await.status, StatusCode::BAD_REQUEST);
        assert_eq!(
            upload(&door, &path, "run.exe", b"MZ\x90\0\x03\0\0\0").await.status,
            StatusCode::UNPROCESSABLE_ENTITY
        );
        assert_eq!(upload(&door, &path, "empty", b"").await.status, StatusCode::UNPROCESSABLE_ENTITY);
    });
}

#[test]
fn a_request_takes_no_more_than_fifty_mebibytes_of_attachments() {
    on_both(|store| async move {
        let door = Door::open(&store, false);
        let path = filed(&door, "question", "once=1").await;
        let request = requests::find(store.read(), number(&path)).await.unwrap();
        let large = vec![b'a'; attachments::LARGEST];
        for _ in 0..5 {
            attachments::add(&store, &request, ("a.txt", &large), ("ada", NOW)).await.unwrap();
        }
        let more = attachments::add(&store, &request, ("a.txt", b"x"), ("ada", NOW)).await;
        assert!(matches!(more, Err(Failure::Refused(Refusal::Field { .. }))), "{more:?}");
    });
}

#[test]
fn a_strangers_word_for_an_account_counts_for_nothing_and_a_customers_does() {
    on_both(|store| async move {
        acme(&store).await;
        let door = Door::open(&store, false);
        let carl = person(&store, "carl@acme.example", &[Role::Customer], Some("ACME")).await;
        let cookie = visit(&store, &carl).await;
        filed(&door, "question", "once=1&reference=ACME").await;
        assert!(!door.get("/accounts/ACME/requests", &cookie).await.body.contains("AFR-0000001"));
        let mine = door.post("/request/question", &cookie, &form("once=2&reference=ACME")).await;
        assert_eq!(mine.status, StatusCode::SEE_OTHER);
        let list = door.get("/accounts/ACME/requests", &cookie).await.body;
        assert!(
            list.contains("AFR-0000002") && list.contains(mine.location.split('?').next().unwrap()),
            "{list}"
        );
    });
}

#[test]
fn the_queue_shows_what_is_due_first_and_what_is_late() {
    on_both(|store| async move {
        let door = Door::open(&store, false);
        filed(&door, "publisher", "once=1&type=Add-on").await;
        filed(&door, "publisher", "once=2&type=Add-on&urgent=1&reason=The+centre+is+down").await;
        let at = now();
        let open = requests::queue(&store, Which::Open, "", at, (0, 10)).await.unwrap().1;
        let order: Vec<&str> = open.iter().map(|one| one.number.as_str()).collect();
        assert_eq!(order, ["AFR-0000002", "AFR-0000001"], "urgent ones are due in 8 hours, others in 48");
        let late = requests::queue(&store, Which::Late, "", at + 9 * HOUR, (0, 10)).await.unwrap().1;
        assert_eq!(late.iter().map(|one| one.number.as_str()).collect::<Vec<_>>(), ["AFR-0000002"]);
        let counts = requests::counts(&store, at + 9 * HOUR).await.unwrap();
        assert_eq!(
            (counts.open, counts.unassigned, counts.late, counts.in_time, counts.due),
            (2, 2, 1, 0, 1)
        );
        let ann = person(&store, "ann@example.com", &[Role::Analyst], None).await;
        let house = door.house();
        thread::answer(&store, &house, &open[1], (&ann, "Yes."), State::Waiting, at).await.unwrap();
        let counts = requests::counts(&store, at + 9 * HOUR).await.unwrap();
        assert_eq!((counts.open, counts.in_time, counts.due), (1, 1, 2));
        let found = requests::queue(&store, Which::All, "afr-0000001", at, (0, 10)).await.unwrap();
        assert_eq!(found.0, 1, "found by its number");
        let cookie = visit(&store, &ann).await;
        let page = door.get("/requests?which=late", &cookie).await.body;
        assert!(page.contains("No request is found"), "{page}");
        let csv = door.get("/requests?which=all&format=csv", &cookie).await.body;
        assert!(csv.starts_with("number,kind,") && csv.lines().count() == 3, "{csv}");
    });
}

#[test]
fn an_order_kit_is_a_form_of_its_own_with_three_servers() {
    on_both(|store| async move {
        let door = Door::open(&store, false);
        let kit = "once=1&items=Routing+8.5+200&purpose=Production&configuration=Three+redundant+servers&server=a&host=1&system=Linux&\
                   server_2=b&host_2=2&system_2=Linux&server_3=c&host_3=3&system_3=Linux";
        let path = filed(&door, "order-kit", kit).await;
        let page = door.get(&path, "").await.body;
        assert!(page.contains("Third server: host ID") && page.contains("Routing 8.5 200"), "{page}");
        let half = door.post("/request/order-kit", "", &form("once=2&items=x")).await;
        assert_eq!(half.status, StatusCode::UNPROCESSABLE_ENTITY);
    });
}

#[test]
fn replies_go_to_the_address_of_their_request_and_pages_have_another_key() {
    on_both(|store| async move {
        let door = Door::open(&store, false);
        let path = filed(&door, "question", "once=1").await;
        let house = door.house();
        let to = address::reply_to("licensing@portal.test", house.seal, number(&path)).unwrap();
        let key = to.split(['.', '@']).nth(1).unwrap();
        assert!(!path.ends_with(key), "whoever gets a mail forwarded has no page with it");
    });
}
