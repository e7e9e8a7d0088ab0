//! Having files signed: shows the signer what is new in the log, brings it the files that wait, and keeps what comes back. Done
//! after every generation and at every start, so that a process killed in between leaves nothing unsigned for long.

use crate::signer::{Client, HeldKey, SignerError, SignerRefusal};
use crate::store::Store;
use crate::{Failure, Refusal, files, keys, log};

/// Entries in one message to the signer.
const ENTRIES: u64 = 1000;
/// Bytes of them; JSON in JSON takes up to twice as many.
const BYTES: usize = 16 << 20;

/// Why files wait for their signatures.
#[derive(Debug, thiserror::Error)]
pub enum SigningError {
    /// The database's.
    #[error("{0}")]
    Books(#[from] Failure),
    /// The signer's.
    #[error("{0}")]
    Signer(#[from] SignerError),
    /// The signer has seen more of the log than there is.
    #[error(
        "the signer has seen {seen} entries of the log, and the books have {has}: they were cut back, or are others"
    )]
    CutBack {
        /// What the signer has seen.
        seen: u64,
        /// What there is.
        has: u64,
    },
}

impl From<sea_orm::DbErr> for SigningError {
    fn from(error: sea_orm::DbErr) -> Self {
        Self::Books(error.into())
    }
}

/// Signs every file that waits; gives how many there were. One that can't be signed doesn't hold up the others.
///
/// # Errors
/// [`SigningError`], the first of several; files not signed go on waiting.
pub async fn sign_all(store: &Store, signer: &Client) -> Result<usize, SigningError> {
    show_log(store, signer).await?;
    let (mut signed, mut first) = (0, None);
    let mut last: Option<String> = None;
    loop {
        let some = files::unsigned(store, last.as_deref()).await?;
        if some.is_empty() {
            return first.map_or(Ok(signed), Err);
        }
        for (number, text) in some {
            match sign_one(store, signer, &number, &text).await {
                Ok(()) => signed += 1,
                Err(SigningError::Signer(SignerError::Refused(refusal))) => {
                    tracing::error!("{number} can't be signed: {refusal}");
                    first.get_or_insert(SigningError::Signer(refusal.into()));
                }
                Err(error) => return Err(error),
            }
            // Those that can't be signed are passed by, however many there are.
            last = Some(number);
        }
    }
}

/// Milliseconds since 1970.
fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// Has every active file signed anew that `key` signed at `since` or later, each as it was generated, by the key that signs for its
/// publisher now, once two administrators have decided that the key does no more. `seen` is told of each with how many there are. Gives how many there were; killed in between it goes on where it was.
///
/// # Errors
/// [`Refusal::NotDecided`]; [`SigningError`], the first; files that were signed anew stay so.
pub async fn sign_anew(
    store: &Store,
    signer: &Client,
    (key, since): (&str, i64),
    (by, at): (&str, i64),
    mut seen: impl FnMut(usize, usize, &files::SignedFile),
) -> Result<usize, SigningError> {
    keys::was_decided(store.read(), key).await?;
    let all: Vec<_> =
        files::signed_by(store, key, since).await?.into_iter().filter(|one| one.active).collect();
    let mut done = 0;
    for one in &all {
        let text = signature(store, signer, &one.unsigned).await?;
        if files::was_signed_anew(store, one, key, &text, (by, at)).await? {
            done += 1;
        }
        seen(done, all.len(), one);
    }
    show_log(store, signer).await?;
    Ok(done)
}

async fn sign_one(store: &Store, signer: &Client, number: &str, text: &str) -> Result<(), SigningError> {
    let text = signature(store, signer, text).await?;
    Ok(files::was_signed(store, number, &text, now()).await?)
}

/// A file's text with its signatures. It was logged before it could be found, so the signer needs only to have seen all there is.
async fn signature(store: &Store, signer: &Client, text: &str) -> Result<String, SigningError> {
    loop {
        let seen = show_log(store, signer).await?;
        match ask(signer, seen, Vec::new(), vec![text.to_owned()]).await {
            Ok((texts, _)) => return Ok(texts.into_iter().next().unwrap_or_default()),
            Err(error) if was_overtaken(&error) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Another process of the portal showed the signer more of the log in the meantime.
fn was_overtaken(error: &SigningError) -> bool {
    matches!(error, SigningError::Signer(SignerError::Refused(SignerRefusal::Gap { .. })))
}

/// Shows the signer all entries that it has not seen; gives how many it has seen then.
async fn show_log(store: &Store, signer: &Client) -> Result<u64, SigningError> {
    loop {
        let seen = ask_size(signer).await?;
        let (has, _) = log::head(store.read()).await?;
        if seen > has {
            return Err(SigningError::CutBack { seen, has });
        }
        let entries = log::entries(store.read(), seen, ENTRIES).await?;
        let bodies = in_one_message(entries.into_iter().map(|entry| entry.body));
        let count = bodies.len();
        match ask(signer, seen, bodies, Vec::new()).await {
            Ok((_, checkpoint)) => log::was_witnessed(store.read(), &checkpoint).await?,
            Err(error) if was_overtaken(&error) => continue,
            Err(error) => return Err(error),
        }
        if count == 0 {
            return Ok(seen);
        }
    }
}

/// As many entries as one message can hold, and at least one.
fn in_one_message(entries: impl Iterator<Item = String>) -> Vec<String> {
    let mut bytes = 0;
    let fits = |entry: &String| {
        let first = bytes == 0;
        bytes += entry.len();
        first || bytes <= BYTES
    };
    entries.take_while(fits).collect()
}

/// The keys that the signer has, and what became of each.
///
/// # Errors
/// [`SigningError`].
pub async fn held(signer: &Client) -> Result<Vec<HeldKey>, SigningError> {
    let signer = signer.clone();
    waiting(move || signer.keys()).await
}

/// Whether the signer could follow a `KEY` line, or a `REVOKED` line is a root key's: asked before anybody decides.
///
/// # Errors
/// [`Refusal::BySigner`], [`Refusal::SignerAway`].
pub async fn fits(signer: &Client, line: &str) -> Result<(), Failure> {
    let (signer, line) = (signer.clone(), line.to_owned());
    waiting(move || signer.check(&line)).await.map_err(|error| match error {
        SigningError::Signer(SignerError::Refused(refusal)) => Refusal::BySigner(refusal).into(),
        SigningError::Books(failure) => failure,
        away => Refusal::SignerAway(away.to_string()).into(),
    })
}

async fn ask_size(signer: &Client) -> Result<u64, SigningError> {
    let signer = signer.clone();
    waiting(move || signer.size()).await
}

async fn ask(
    signer: &Client,
    from: u64,
    entries: Vec<String>,
    documents: Vec<String>,
) -> Result<(Vec<String>, String), SigningError> {
    let signer = signer.clone();
    waiting(move || signer.sign(from, entries, documents)).await
}

/// The client blocks, so it gets a thread made for waiting.
async fn waiting<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SignerError> + Send + 'static,
) -> Result<T, SigningError> {
    let done = tokio::task::spawn_blocking(work).await;
    let ended = |_| SigningError::Books(sea_orm::DbErr::Custom("the process is ending".to_owned()).into());
    Ok(done.map_err(ended)??)
}
