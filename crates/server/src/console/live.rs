//! What makes pages live: a stream that says when something changed, once a second at most. The page then asks for itself anew.

use std::convert::Infallible;
use std::time::Duration;

use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures::stream::{Stream, unfold};
use tokio::sync::broadcast::error::RecvError;

use super::visit::Visit;

/// The least time between two words.
const PAUSE: Duration = Duration::from_secs(1);
/// A stream ends after this, so that a visit that ended is noticed; browsers come back by themselves.
const LONGEST: Duration = Duration::from_secs(600);

pub(crate) async fn stream(visit: Visit) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let changes = visit.app.consensus.events();
    let stop = visit.app.stop.subscribe();
    let end = tokio::time::Instant::now() + LONGEST;
    let told = unfold((changes, stop, end), |(mut changes, mut stop, end)| async move {
        let changed = tokio::select! {
            changed = changes.recv() => !matches!(changed, Err(RecvError::Closed)),
            _ = stop.wait_for(|stop| *stop) => false,
            () = tokio::time::sleep_until(end) => false,
        };
        // What comes meanwhile is told of with the same word; what comes later, with the next.
        tokio::time::sleep(PAUSE).await;
        while changes.try_recv().is_ok() {}
        changed.then(|| (Ok(Event::default().event("changed").data("1")), (changes, stop, end)))
    });
    Sse::new(told).keep_alive(KeepAlive::new().interval(Duration::from_secs(15)))
}
