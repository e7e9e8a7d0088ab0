//! How people show who they are: passwords, codes, passkeys, other houses that vouch. Checks, and has the site begin a visit;
//! what may be and what counts once is the site's to say ([`grantor_site::people`]). Makes no page and no answer of the API.

mod asked;
mod codes;
mod guesses;

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use grantor_api::admin::TokenMade;
use grantor_api::people::Invitation;
use grantor_api::{Code, Problem};
use grantor_site::access::{Scope, Secret};
use grantor_site::people::{Beginning, Hidden, Person, PersonChange, Proof, Second, Which};
use grantor_site::{Command, Timestamp};
use grantor_web::limit::Limit;
use grantor_web::passkey::Place;
use grantor_web::password;
use grantor_web::providers::Provider;
use grantor_web::sealed::Seal;

use crate::clock::instant;
use crate::config::Config;
use crate::http::{App, Failure, bad_request};
use crate::secret;

pub(crate) use asked::{Asked, Began, Purpose, Question};
pub(crate) use codes::{new_spare, second, turned_on};
pub(crate) use guesses::Guesses;

/// How long a visit goes on at most, in seconds.
const VISIT: u32 = 12 * 3600;
/// How long an invitation can be taken, in seconds.
const INVITATION: u32 = 7 * 24 * 3600;
/// What matters most needs a visit that began no longer ago, in milliseconds: a stolen cookie alone makes no passkey.
const FRESH: u64 = 10 * 60 * 1000;
/// What codes' keys are sealed for.
const CODES: &str = "grantor: keys of codes";

/// What signing in needs to know and to remember. Nothing of it outlives the process: who was in the middle of it begins anew.
pub(crate) struct Door {
    pub(crate) guesses: Guesses,
    pub(crate) asked: Asked,
    /// What keys of codes are sealed by; the same on all servers of a cluster.
    pub(crate) seal: Seal,
    /// Other houses that vouch for people, in the order of their buttons.
    pub(crate) providers: Vec<Arc<Provider>>,
    /// Tries from one address that cost more than a look: sent to another house, asked for a passkey.
    pub(crate) tries: Limit,
    address: Option<String>,
}

impl Door {
    /// Reads the files that the configuration names.
    ///
    /// # Errors
    /// A file that can't be read.
    pub(crate) fn open(config: &Config, answer_secret: &[u8; 32]) -> std::io::Result<Self> {
        let open = |setting| Provider::open(setting).map(Arc::new);
        let burst = NonZeroU32::new(20).unwrap_or(NonZeroU32::MIN);
        Ok(Self {
            guesses: Guesses::default(),
            asked: Asked::default(),
            seal: Seal::for_purpose(answer_secret, CODES),
            providers: config.providers.iter().map(open).collect::<std::io::Result<_>>()?,
            tries: Limit::new(burst, Duration::from_secs(6)),
            address: config.console.address.clone(),
        })
    }
}

/// Refuses an address that tries too often.
pub(crate) fn not_too_often(app: &App, peer: IpAddr) -> Result<(), Failure> {
    if app.door.tries.allows(peer) { Ok(()) } else { Err(guesses::too_many(Duration::from_secs(5))) }
}

impl App {
    /// The console's address as people reach it, `https://…` without a slash at its end: as configured, or this server's own.
    pub(crate) fn public_address(&self) -> String {
        let own = || format!("https://{}", self.cluster.me.address);
        self.door.address.clone().unwrap_or_else(own)
    }

    /// The site that passkeys are for; none where each of several servers has an address of its own, or it is a number.
    pub(crate) fn place(&self) -> Option<Place> {
        let is_one = self.door.address.is_some() || self.consensus.alone();
        Place::new(&self.public_address()).ok().filter(|_| is_one)
    }

    /// The person of that name.
    pub(crate) fn person(&self, name: &str) -> Result<Person, Failure> {
        let found = self.consensus.view().access().person(name);
        let unknown = || grantor_site::Refusal::NoSuchPerson { name: name.to_owned() };
        Ok(found.ok_or_else(unknown)?)
    }

    /// Changes a person.
    pub(crate) async fn change_person(
        &self,
        name: &str,
        change: PersonChange,
        by: &str,
    ) -> Result<(), Failure> {
        let (name, by) = (name.to_owned(), by.to_owned());
        self.propose(Command::ChangePerson { name, change, by }).await.map(drop)
    }
}

/// Whether a visit that began then is fresh enough for what matters most.
pub(crate) fn is_fresh(since: Timestamp, now: Timestamp) -> bool {
    now.millis_since(since) < FRESH
}

/// The person of that name, if the password is right. Wrong ones slow down the address and whoever has the name.
pub(crate) async fn by_password(
    app: &App,
    peer: IpAddr,
    name: &str,
    password: String,
) -> Result<Person, Failure> {
    let turn = app.door.guesses.turn(peer, name).await?;
    let person = app.consensus.view().access().person(name);
    let hash = person.as_ref().and_then(|person| person.password.as_ref()).map(|hash| hash.0.clone());
    let long = password.len() > 4 * password::LONGEST.max(*grantor_api::limits::PASSWORD.end());
    let check = move || !long && password::check(&password, hash.as_deref());
    let right = tokio::task::spawn_blocking(check).await.unwrap_or(false);
    turn.was(right);
    if !right {
        // The name is not told: it may be a password that was typed into the wrong field.
        tracing::warn!(%peer, "somebody could not sign in");
    }
    person.filter(|_| right).ok_or_else(|| {
        Problem::new(Code::Unauthenticated, "wrong name or password", "nobody of that name has that password")
            .into()
    })
}

/// The hash of a new password, if it is good enough; `known` is what others would try first.
pub(crate) async fn new_password(app: &App, password: &str, known: &[&str]) -> Result<Hidden, Failure> {
    if let Some(weakness) = password::weakness(password, known) {
        let problem = bad_request(format!("`password`: {weakness}"));
        return Err(problem.hint("choose another; a sentence is easy to keep in mind").into());
    }
    hashed(app, password.to_owned()).await.map(Hidden)
}

/// A password's hash, made off the threads that serve and one at a time.
pub(crate) async fn hashed(app: &App, password: String) -> Result<String, Failure> {
    let _turn = app.door.guesses.one_at_a_time().await;
    let hash = tokio::task::spawn_blocking(move || password::hash(&password)).await;
    hash.ok().and_then(Result::ok).ok_or_else(App::confused)
}

/// Begins a visit: the answer has the secret that it is known by.
pub(crate) async fn begin(app: &App, peer: IpAddr, person: &str, proof: Proof) -> Result<TokenMade, Failure> {
    let (token, visit) = secret::new_token().map_err(|_| App::confused())?;
    let until = app.now().plus_seconds(VISIT);
    let (person, from) = (person.to_owned(), peer.to_canonical().to_string().into());
    let is_plain = proof == Proof::Password(Second::None);
    let begin = Beginning { visit, person: person.clone(), proof, from, until };
    let command = Command::SignIn(Box::new(begin));
    if is_plain && !app.may_propose(&command).await {
        begin_as_before(app, &person, visit, until).await?;
    } else {
        app.propose(command).await?;
    }
    Ok(TokenMade { name: person, token, until: Some(instant(until)) })
}

/// While servers of a version without visits are in the cluster, signing in gives a token, as it does there: administrators have
/// passwords only then, and need their cluster most.
async fn begin_as_before(app: &App, person: &str, token: Secret, until: Timestamp) -> Result<(), Failure> {
    let suffix = secret::random_id().map_err(|_| App::confused())? >> 96;
    let name = format!("{person}, signed in {} ({suffix:08x})", instant(app.now()));
    let (until, by) = (Some(until), person.to_owned());
    let scopes = vec![Scope::Admin];
    app.propose(Command::AddToken { token, name, scopes, tenant: None, until, by }).await.map(drop)
}

/// Who may take the invitation, and the hash of its secret.
pub(crate) fn invited(app: &App, invitation: &str) -> Result<(Person, Secret), Failure> {
    let hash = secret::hash(invitation.trim());
    let person = app.consensus.view().access().invited(&hash, app.now());
    Ok((person.ok_or(grantor_site::Refusal::InvitationOver)?, hash))
}

/// Takes an invitation by choosing a password.
pub(crate) async fn accept(
    app: &App,
    peer: IpAddr,
    invitation: &str,
    password: &str,
) -> Result<TokenMade, Failure> {
    not_too_often(app, peer)?;
    let (person, invitation) = invited(app, invitation)?;
    let password = Some(new_password(app, password, &[&person.name, &person.display]).await?);
    begin(app, peer, &person.name, Proof::Invitation { invitation, password, account: None }).await
}

/// A new invitation's secret: what is kept of it, until when it is of use, and what the person is given.
pub(crate) fn invitation(app: &App, name: &str) -> Result<(Secret, Timestamp, Invitation), Failure> {
    let (secret, hash) = secret::new_token().map_err(|_| App::confused())?;
    let until = app.now().plus_seconds(INVITATION);
    let link = format!("{}/invitation/{secret}", app.public_address());
    let given = Invitation { name: name.to_owned(), invitation: secret, link, until: instant(until) };
    Ok((hash, until, given))
}

/// Takes away what signs a person in and gives an invitation.
pub(crate) async fn reset(app: &App, name: &str, by: &str) -> Result<Invitation, Failure> {
    let name = app.person(name)?.name;
    let (invitation, until, given) = invitation(app, &name)?;
    app.change_person(&name, PersonChange::Reset { invitation, until }, by).await?;
    Ok(given)
}

/// Ends visits of a person.
pub(crate) async fn sign_out(app: &App, name: &str, which: Which, by: &str) -> Result<(), Failure> {
    let (name, by) = (name.to_owned(), by.to_owned());
    app.propose(Command::SignOut { name, which, by }).await.map(drop)
}
