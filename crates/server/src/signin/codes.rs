//! Codes beside the password: from the app on a person's telephone, or spare ones that each count once. Says which code it is;
//! that it counts once is the site's to see to.

use std::net::IpAddr;

use grantor_api::{Code, Problem};
use grantor_site::access::Secret;
use grantor_site::people::{Codes, Hidden, Person, Second};
use grantor_web::totp::Key;

use crate::http::{App, Failure};
use crate::secret;

/// Spare codes of a person.
const SPARE: usize = 10;
/// What spare codes are written with: nothing that is mistaken for something else. 16 of 32 signs are 80 bits.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

fn seconds(app: &App) -> u64 {
    u64::try_from(app.now().0).unwrap_or(0) / 1000
}

fn plain(code: &str) -> String {
    code.chars().filter(|sign| sign.is_ascii_alphanumeric()).collect::<String>().to_ascii_lowercase()
}

/// What the code is beside the password of this person. Wrong ones slow down like wrong passwords.
pub(crate) async fn second(app: &App, peer: IpAddr, person: &Person, code: &str) -> Result<Second, Failure> {
    let Some(codes) = person.codes.as_ref().filter(|_| !code.trim().is_empty()) else {
        return Ok(Second::None);
    };
    let turn = app.door.guesses.turn(peer, &person.name).await?;
    let found = which(app, person, codes, &plain(code));
    turn.was(found.is_some());
    found.ok_or_else(|| {
        Problem::new(Code::Unauthenticated, "this is not the code", "it is wrong, too old, or was used")
            .hint("wait for the next one; see whether the telephone's clock is right")
            .into()
    })
}

fn which(app: &App, person: &Person, codes: &Codes, code: &str) -> Option<Second> {
    let spare = secret::hash(code);
    if codes.spare.contains(&spare) {
        return Some(Second::Spare(spare));
    }
    let key = app.door.seal.unseal(&person.name, &codes.sealed.0)?;
    Key::from_bytes(&key)?.step(code, seconds(app), Some(codes.last)).map(Second::Step)
}

/// New spare codes, and what is kept of them.
pub(crate) fn new_spare() -> Result<(Vec<String>, Vec<Secret>), Failure> {
    let mut shown = Vec::with_capacity(SPARE);
    for _ in 0..SPARE {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|_| App::confused())?;
        let letter = |byte: &u8| char::from(LETTERS[usize::from(byte % 32)]);
        let parts: Vec<String> = bytes.chunks(4).map(|part| part.iter().map(letter).collect()).collect();
        shown.push(parts.join("-"));
    }
    let kept = shown.iter().map(|code| secret::hash(&plain(code))).collect();
    Ok((shown, kept))
}

/// A new key's codes, if this code shows that the telephone has it; with the spare ones to show.
pub(crate) fn turned_on(
    app: &App,
    person: &Person,
    key: &Key,
    code: &str,
) -> Result<Option<(Codes, Vec<String>)>, Failure> {
    let Some(last) = key.step(&plain(code), seconds(app), None) else { return Ok(None) };
    let (shown, spare) = new_spare()?;
    let sealed = app.door.seal.seal(&person.name, key.bytes()).map_err(|_| App::confused())?;
    Ok(Some((Codes { sealed: Hidden(sealed), last, spare }, shown)))
}
