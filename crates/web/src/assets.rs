//! Style sheet and scripts, embedded in the binary. Their addresses hold a digest of their contents, so a browser may keep them
//! for ever. Nothing is ever loaded from elsewhere.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

/// Where assets are served: `GET /assets/{digest}/{name}`.
pub const ROUTE: &str = "/assets/{digest}/{name}";

struct Asset {
    name: &'static str,
    kind: &'static str,
    bytes: &'static [u8],
}

const ASSETS: [Asset; 4] = [
    Asset {
        name: "grantor.css",
        kind: "text/css; charset=utf-8",
        bytes: include_bytes!("../assets/grantor.css"),
    },
    Asset {
        name: "grantor.js",
        kind: "text/javascript; charset=utf-8",
        bytes: include_bytes!("../assets/grantor.js"),
    },
    // htmx 2.0.11, under the Zero-Clause BSD licence.
    Asset {
        name: "htmx.js",
        kind: "text/javascript; charset=utf-8",
        bytes: include_bytes!("../assets/htmx.min.js"),
    },
    Asset { name: "grantor.svg", kind: "image/svg+xml", bytes: include_bytes!("../assets/grantor.svg") },
];

static DIGEST: LazyLock<String> = LazyLock::new(|| {
    let mut all = Sha256::new();
    ASSETS.iter().for_each(|asset| all.update(asset.bytes));
    crate::tls::hex(&all.finalize()[..8])
});

/// The address of an asset.
#[must_use]
pub fn address(name: &str) -> String {
    format!("/assets/{}/{name}", *DIGEST)
}

/// Answers with an asset; with an older digest too, so that a page of before an update still looks right.
pub async fn serve(Path((digest, name)): Path<(String, String)>) -> Response {
    let Some(asset) = ASSETS.iter().find(|asset| asset.name == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let keep = if digest == *DIGEST { "public, max-age=31536000, immutable" } else { "no-store" };
    ([(header::CONTENT_TYPE, asset.kind), (header::CACHE_CONTROL, keep)], asset.bytes).into_response()
}
