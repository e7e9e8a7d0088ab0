//! `grantor borrow`: a seat for a machine that leaves the network. It stands until its end, or until its key gives it back.

mod kept;

use std::process::ExitCode;

use grantor_api::checkout::{CheckOut, CheckedOut};
use grantor_api::loan::{Borrow as Ask, Borrowed};
use grantor_api::session::{OpenSession, Session};
use grantor_api::{Code, HexId, Problem};
use grantor_client::{Error, Http};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use crate::cli::{AtServer, Borrow};
use crate::commands::remote;
use crate::failure::{Exit, Failure};
use crate::output;
use kept::{Kept, Loan};

/// Borrows, gives back, or shows what is borrowed.
pub(crate) fn run(args: &Borrow) -> Result<ExitCode, Failure> {
    match (&args.give_back, &args.feature) {
        _ if args.list => list(),
        (Some(feature), _) => give_back(args, feature),
        (None, Some(feature)) => borrow(args, feature),
        (None, None) => Err(Failure::new(Exit::Usage, "there is no feature to borrow")),
    }
}

fn borrow(args: &Borrow, feature: &str) -> Result<ExitCode, Failure> {
    let mut kept = Kept::lock()?;
    let http = remote::connect(&args.at)?;
    let session: Session = http.post("/v1/sessions", &asker())?;
    let outcome = lend(&http, args, feature, &session, &mut kept);
    // A loan does not need its session; a seat that was not borrowed is free again.
    if let Err(error) = http.delete::<()>(&format!("/v1/sessions/{}", session.session)) {
        output::error(&format!("warning: the session was not closed: {error}"));
    }
    let loan = outcome?;
    output::data(&format!("`{}` is borrowed until {}", loan.feature, local(loan.until)));
    Ok(ExitCode::SUCCESS)
}

/// Who borrows, as the SDK would say it.
fn asker() -> OpenSession {
    let user = ["USER", "USERNAME", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok());
    OpenSession {
        user: user.unwrap_or_default(),
        host: gethostname::gethostname().to_string_lossy().into_owned(),
        application: "grantor borrow".to_owned(),
        process: std::process::id(),
        ..OpenSession::default()
    }
}

fn lend(
    http: &Http,
    args: &Borrow,
    feature: &str,
    session: &Session,
    kept: &mut Kept,
) -> Result<Loan, Failure> {
    let path = format!("/v1/sessions/{}/checkouts", session.session);
    let version = args.feature_version.clone().unwrap_or_default();
    let ask = CheckOut { feature: feature.to_owned(), version, ..CheckOut::default() };
    let taken: CheckedOut = http.post(&path, &ask)?;
    let none = || Failure::new(Exit::NoServer, "the server granted nothing, and did not say why");
    let grant = taken.grants.first().ok_or_else(none)?;
    let until = end(args, session.now)?;
    let server = servers(http, &args.at, session)?;
    let loan = Loan { server, feature: grant.feature.to_string(), loan: key()?, until };
    // Kept before it is asked for: an answer that gets lost takes no key with it.
    kept.add(loan.clone())?;
    match http.put(&format!("{path}/{}/loan", grant.grant), &Ask { loan: loan.loan, until }) {
        Ok(Borrowed { until }) => {
            kept.remove(&loan)?;
            let loan = Loan { until, ..loan };
            kept.add(loan.clone())?;
            Ok(loan)
        }
        Err(error @ Error::Problem(_)) if !error.is_passing() => {
            kept.remove(&loan)?;
            Err(error.into())
        }
        Err(error) => Err(Failure::from(error).hint(format!(
            "the seat may be borrowed all the same; `grantor borrow --return {feature}` gives it back"
        ))),
    }
}

/// When the loan is to end. Days are counted by the server's clock: this machine's may be wrong.
fn end(args: &Borrow, now: Timestamp) -> Result<Timestamp, Failure> {
    let days = args.days.map(|days| SignedDuration::from_hours(24 * i64::from(days)));
    let end = match (days, args.until) {
        (Some(days), _) => now.checked_add(days).ok(),
        (None, until) => until,
    };
    end.ok_or_else(|| Failure::new(Exit::Usage, "the loan has no end").hint("give `--days` or `--until`"))
}

fn key() -> Result<HexId, Failure> {
    let mut bytes = [0; 16];
    let none =
        |error| Failure::new(Exit::Io, format!("the operating system gives no random numbers: {error}"));
    getrandom::fill(&mut bytes).map_err(none)?;
    Ok(HexId(u128::from_le_bytes(bytes)))
}

/// Where the seat is to be given back: the server that lent it first, then the others of its cluster.
fn servers(http: &Http, at: &AtServer, session: &Session) -> Result<String, Failure> {
    let own = http.server();
    let mut names = vec![own.to_string()];
    let listed = remote::servers(at)?;
    let set = listed.sets().find(|set| set.contains(own)).unwrap_or_default();
    names.extend(set.iter().filter(|server| *server != own).map(ToString::to_string));
    let cluster = session.servers.iter().filter_map(|address| address.rsplit_once(':'));
    for name in cluster.map(|(host, port)| format!("{port}@{host}")) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Ok(names.join(","))
}

fn give_back(args: &Borrow, feature: &str) -> Result<ExitCode, Failure> {
    let mut kept = Kept::lock()?;
    let of_feature = |loan: &&Loan| loan.feature.eq_ignore_ascii_case(feature);
    let loans: Vec<Loan> = kept.loans().iter().filter(of_feature).cloned().collect();
    if loans.is_empty() {
        let none = format!("this user has borrowed no `{feature}` on this machine");
        return Err(Failure::new(Exit::Refused, none).hint("`grantor borrow --list` shows what is borrowed"));
    }
    for loan in loans {
        let server = args.at.server.clone().unwrap_or_else(|| loan.server.clone());
        let at = AtServer { server: Some(server), cert: args.at.cert.clone() };
        match remote::connect(&at)?.delete::<()>(&format!("/v1/loans/{}", loan.loan)) {
            Ok(()) => output::error(&format!("`{}` is given back", loan.feature)),
            Err(Error::Problem(Problem { code: Code::NoSuchLoan, .. })) => {
                output::error(&format!("`{}` was back before: it ran out or was taken away", loan.feature));
            }
            Err(error) => return Err(error.into()),
        }
        kept.remove(&loan)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn list() -> Result<ExitCode, Failure> {
    let loans = kept::read()?;
    let width = loans.iter().map(|loan| loan.feature.chars().count()).max().unwrap_or(0);
    for loan in &loans {
        output::data(&format!("{:width$}  until {}  {}", loan.feature, local(loan.until), loan.server));
    }
    if loans.is_empty() {
        output::error("nothing is borrowed");
    }
    Ok(ExitCode::SUCCESS)
}

fn local(at: Timestamp) -> String {
    at.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S %Z").to_string()
}
