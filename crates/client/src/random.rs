//! Randomness: names that nobody guesses, and jitter. Nothing else draws any.

use std::time::Duration;

use grantor_api::HexId;

use crate::error::Error;

/// A session or a request that nobody else has.
pub(crate) fn id() -> Result<HexId, Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::Local(format!("the operating system gives no random numbers: {error}")))?;
    Ok(HexId(u128::from_le_bytes(bytes)))
}

/// Three quarters of `time` to five quarters of it, so that many clients don't come at once.
pub(crate) fn around(time: Duration) -> Duration {
    time.mul_f64(0.75 + draw() / 2.0)
}

/// A half of `time` to three halves of it: for those who were all cut off at once.
pub(crate) fn far_around(time: Duration) -> Duration {
    time.mul_f64(0.5 + draw())
}

/// 0 to 1. Jitter is no secret: without randomness the middle will do.
fn draw() -> f64 {
    getrandom::u32().map_or(0.5, |draw| f64::from(draw) / f64::from(u32::MAX))
}
