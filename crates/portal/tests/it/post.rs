//! Mail: written with what it tells of, sent once, and never lost; against a real SMTP conversation.

use std::sync::{Arc, Mutex};

use crate::support::door::{Door, now, person};
use crate::support::{NOW, acme, acme_under, on_both, order};
use grantor_portal::accounts::{self, Kind, NewAccount};
use grantor_portal::mails::{self, Templates};
use grantor_portal::orders::{book, send_letter};
use grantor_portal::post::{Postman, send_waiting};
use grantor_portal::rights::Role;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// A mail server that keeps what it gets; the first `drops` mails it takes without saying so.
struct Sink {
    mails: Arc<Mutex<Vec<String>>>,
    port: u16,
}

impl Sink {
    async fn open(drops: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let mails = Arc::new(Mutex::new(Vec::new()));
        let kept = mails.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(talk(stream, kept.clone(), drops));
            }
        });
        Self { mails, port }
    }

    fn postman(&self) -> Postman {
        postman(self.port)
    }

    /// The mails' `Message-ID`s.
    fn ids(&self) -> Vec<String> {
        let mails = self.mails.lock().unwrap();
        let id = |mail: &String| {
            mail.lines().find_map(|line| line.strip_prefix("Message-ID: ")).unwrap().to_owned()
        };
        mails.iter().map(id).collect()
    }

    fn all(&self) -> String {
        self.mails.lock().unwrap().join("\n").replace("=\n", "")
    }
}

fn postman(port: u16) -> Postman {
    Postman::new(&format!("smtp://127.0.0.1:{port}"), "Licensing <licensing@example.com>").unwrap()
}

async fn talk(stream: TcpStream, mails: Arc<Mutex<Vec<String>>>, drops: usize) {
    let mut stream = BufReader::new(stream);
    let mut say = "220 sink\r\n";
    loop {
        if stream.write_all(say.as_bytes()).await.is_err() {
            return;
        }
        let mut line = String::new();
        if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
            return;
        }
        say = match line.to_ascii_uppercase().trim_end() {
            "DATA" => {
                stream.write_all(b"354 go\r\n").await.unwrap();
                let mail = data(&mut stream).await;
                mails.lock().unwrap().push(mail);
                if mails.lock().unwrap().len() <= drops {
                    return;
                }
                "250 kept\r\n"
            }
            "QUIT" => "221 bye\r\n",
            _ => "250 ok\r\n",
        };
    }
}

async fn data(stream: &mut BufReader<TcpStream>) -> String {
    let mut mail = String::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.unwrap();
        if line == ".\r\n" {
            return mail;
        }
        mail.push_str(&line.replace("\r\n", "\n"));
    }
}

const SERVER: &str = "SW-001-4.0-SL03";

#[test]
fn a_license_letter_goes_once_to_whoever_looks_after_the_accounts_files() {
    on_both(|store| async move {
        acme(&store).await;
        person(&store, "carl@acme.example.com", &[Role::Customer], Some("ACME")).await;
        person(&store, "audit@acme.example.com", &[Role::Auditor], Some("ACME")).await;
        let sink = Sink::open(0).await;
        send_waiting(&sink.postman(), &Templates::default(), &store, now).await.unwrap();
        let before = sink.ids().len();
        for _ in 0..2 {
            book(&store, &order("SO-1", &[(SERVER, 1)]), "ann", NOW, 1).await.unwrap();
        }
        let (one, other, ours) = (sink.postman(), sink.postman(), Templates::default());
        let (one, other) =
            tokio::join!(send_waiting(&one, &ours, &store, now), send_waiting(&other, &ours, &store, now));
        assert_eq!(one.unwrap() + other.unwrap(), 1);
        assert_eq!(sink.ids().len(), before + 1);
        let all = sink.all();
        assert!(
            all.contains("To: carl@acme.example.com") && all.contains("License letter for order SO-1"),
            "{all}"
        );
        assert!(all.contains("LRN-"), "{all}");
        assert_eq!(mails::waiting(store.read()).await.unwrap(), 0);
    });
}

#[test]
fn mails_are_plain_text_and_what_a_stranger_writes_makes_no_head_of_its_own() {
    on_both(|store| async move {
        person(&store, "ada@example.com", &[Role::Administrator], None).await;
        let door = Door::open(&store, false);
        let form = "once=1&first_name=Ada%0D%0ABcc%3A+a%40evil.example&last_name=L&mail=ada%40acme.example&mail_again=ada%40acme.example&\
                    employer=Acme&subject=Hello%0D%0ABcc%3A+b%40evil.example&description=%3Cscript%3Ealert(1)%3C%2Fscript%3E%0D%0A.%0D%0AMAIL";
        let filed = door.post("/request/question", "", form).await;
        let sink = Sink::open(0).await;
        let sent = send_waiting(&sink.postman(), &Templates::default(), &store, now).await.unwrap();
        assert_eq!(sent, 1 + usize::from(filed.status.is_redirection()), "{}", filed.body);
        for mail in sink.mails.lock().unwrap().iter() {
            let (head, _) = mail.split_once("\n\n").unwrap();
            assert!(head.contains("Content-Type: text/plain; charset=utf-8"), "{head}");
            assert!(!head.to_lowercase().contains("\nbcc:"), "{head}");
        }
    });
}

#[test]
fn a_mail_goes_out_in_the_publishers_own_words_and_the_page_shows_what_was_sent() {
    on_both(|store| async move {
        let folder = tempfile::tempdir().unwrap();
        let own = "Subject: Willkommen\n\nGuten Tag {{ name }},\n{{ link }}\n";
        std::fs::write(folder.path().join("invitation.txt"), own).unwrap();
        let templates = Templates::read(folder.path()).unwrap();
        person(&store, "ada@example.com", &[Role::Administrator], None).await;
        let sink = Sink::open(0).await;
        assert_eq!(send_waiting(&sink.postman(), &templates, &store, now).await.unwrap(), 1);
        let all = sink.all();
        assert!(all.contains("Subject: Willkommen") && all.contains("Guten Tag"), "{all}");
        let (_, listed) = mails::list(&store, 0, 10).await.unwrap();
        assert!(listed[0].subject == "Willkommen" && listed[0].body.starts_with("Guten Tag"), "{listed:?}");
    });
}

#[test]
fn an_order_that_is_refused_sends_no_letter() {
    on_both(|store| async move {
        acme(&store).await;
        person(&store, "carl@acme.example.com", &[Role::Customer], Some("ACME")).await;
        let before = mails::waiting(store.read()).await.unwrap();
        book(&store, &order("SO-1", &[("NO-SUCH-PART", 1)]), "ann", NOW, 1).await.unwrap_err();
        assert_eq!(mails::waiting(store.read()).await.unwrap(), before);
    });
}

#[test]
fn mail_waits_while_the_mail_server_is_gone_and_says_why() {
    on_both(|store| async move {
        person(&store, "ada@example.com", &[Role::Administrator], None).await;
        let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = nobody.local_addr().unwrap().port();
        drop(nobody);
        assert_eq!(send_waiting(&postman(port), &Templates::default(), &store, now).await.unwrap(), 0);
        let (_, waiting) = mails::list(&store, 0, 10).await.unwrap();
        assert!(waiting[0].problem.is_some() && waiting[0].sent_at.is_none(), "{waiting:?}");
        let sink = Sink::open(0).await;
        assert_eq!(
            send_waiting(&sink.postman(), &Templates::default(), &store, now).await.unwrap(),
            0,
            "not at once"
        );
        let later = || now() + 6 * 60 * 1000;
        assert_eq!(send_waiting(&sink.postman(), &Templates::default(), &store, later).await.unwrap(), 1);
        let (_, sent) = mails::list(&store, 0, 10).await.unwrap();
        assert!(sent[0].problem.is_none() && sent[0].sent_at.is_some(), "{sent:?}");
    });
}

#[test]
fn a_mail_that_may_have_arrived_goes_out_again_under_the_same_id_so_that_it_is_shown_once() {
    on_both(|store| async move {
        person(&store, "ada@example.com", &[Role::Administrator], None).await;
        let sink = Sink::open(1).await;
        assert_eq!(
            send_waiting(&sink.postman(), &Templates::default(), &store, now).await.unwrap(),
            0,
            "the answer was lost"
        );
        // A process that took a mail up and was killed leaves it to others after five minutes.
        let later = || now() + 6 * 60 * 1000;
        assert_eq!(mails::take_up(&store, later(), 10).await.unwrap().len(), 1);
        assert_eq!(
            send_waiting(&sink.postman(), &Templates::default(), &store, later).await.unwrap(),
            0,
            "it is in somebody's hands"
        );
        let much_later = || now() + 60 * 60 * 1000;
        assert_eq!(
            send_waiting(&sink.postman(), &Templates::default(), &store, much_later).await.unwrap(),
            1
        );
        let ids = sink.ids();
        assert_eq!(ids.len(), 2);
        assert_eq!(ids[0], ids[1]);
    });
}

#[test]
fn a_mail_servers_password_is_not_repeated_in_an_error() {
    let error = Postman::new("ftp://user:secret@mail.example.com", "Licensing <licensing@example.com>");
    let said = error.err().unwrap().to_string();
    assert!(!said.contains("secret") && said.contains("mail.example.com"), "{said}");
}

#[test]
fn an_order_of_an_account_without_people_is_told_to_the_partner_above_it_and_the_letter_is_sent_again_when_wanted()
 {
    on_both(|store| async move {
        let partner = NewAccount {
            reference: "PART".to_owned(),
            name: "Partner".to_owned(),
            kind: Kind::Partner,
            parent: None,
        };
        accounts::create(&store, &partner, ("ann", NOW)).await.unwrap();
        let (account, _) = acme_under(&store, Some("PART")).await;
        let order = order("1", &[("SW-001-4.0-AL02", 5)]);
        let lrn = book(&store, &order, "ann", NOW, 1).await.unwrap().lrn;
        let refused = send_letter(&store, &account, "1", ("ann", NOW)).await.unwrap_err();
        assert!(refused.to_string().contains("nobody of `ACME`, or of an account above it"), "{refused}");
        person(&store, "paul@partner.test", &[Role::Partner], Some("PART")).await;
        let to = send_letter(&store, &account, "1", ("ann", NOW)).await.unwrap();
        assert_eq!(to, ["paul@partner.test"]);
        person(&store, "dora@acme.test", &[Role::Customer], Some("ACME")).await;
        assert_eq!(send_letter(&store, &account, "1", ("ann", NOW)).await.unwrap(), ["dora@acme.test"]);
        let (_, mails) = mails::list(&store, 0, 10).await.unwrap();
        let letters: Vec<_> = mails.iter().filter(|mail| mail.body.contains(&lrn)).collect();
        assert_eq!(letters.len(), 2);
        let log = grantor_portal::log::entries(store.read(), 0, 100).await.unwrap();
        assert!(log.last().unwrap().body.contains("license letter sent again"));
    });
}
