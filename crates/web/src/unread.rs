//! What a client is still sending when its answer is ready. Most clients read nothing before all is sent, and would find a
//! broken connection instead of the words that say why; so the rest is taken and dropped, within bounds. Keeps nothing.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::{Request, header};
use axum::response::Response;
use hyper::body::{Frame, Incoming, SizeHint};
use tokio::sync::oneshot;

/// Bytes that are taken at most.
const MOST: usize = 8 << 20;
/// Time for all of them.
const TIME: Duration = Duration::from_secs(3);
/// A client that sends nothing for so long waits for its answer.
const QUIET: Duration = Duration::from_millis(300);

/// Has the request answered, and takes what is left of its body before the answer goes out.
pub async fn answered<E>(
    request: Request<Incoming>,
    answer: impl AsyncFnOnce(Request<Body>) -> Result<Response, E>,
) -> Result<Response, E> {
    // Who asks first whether to send is told by the answer itself.
    if request.body().is_end_stream() || request.headers().contains_key(header::EXPECT) {
        return answer(request.map(Body::new)).await;
    }
    let (back, mut left) = oneshot::channel();
    let response = answer(request.map(|body| Body::new(Lent { body: Some(body), back: Some(back) }))).await;
    if let Ok(mut rest) = left.try_recv() {
        drain(&mut rest).await;
    }
    response
}

/// Takes the rest of a body and drops it, as far as the bounds go.
pub async fn drain<B: HttpBody<Data = Bytes> + Unpin>(body: &mut B) {
    let all = async {
        let mut taken = 0;
        while taken < MOST {
            let frame = std::future::poll_fn(|context| Pin::new(&mut *body).poll_frame(context));
            let Ok(Some(Ok(frame))) = tokio::time::timeout(QUIET, frame).await else { break };
            taken += frame.data_ref().map_or(0, Bytes::len);
        }
    };
    let _in_time = tokio::time::timeout(TIME, all).await;
}

/// A body that comes back when whoever reads it has had enough.
struct Lent {
    body: Option<Incoming>,
    back: Option<oneshot::Sender<Incoming>>,
}

impl HttpBody for Lent {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut self.body {
            Some(body) => Pin::new(body).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(SizeHint::default, HttpBody::size_hint)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let (Some(body), Some(back)) = (self.body.take(), self.back.take()) {
            // Nobody waits for it when the connection is gone.
            let _nobody_waits = back.send(body);
        }
    }
}
