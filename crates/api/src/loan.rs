//! Borrowing: bodies of `PUT /v1/sessions/{session}/checkouts/{grant}/loan`. A loan stands until its end, whatever becomes
//! of its session.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::HexId;

/// Borrows a grant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Borrow {
    /// The loan's key, chosen at random by the borrower: a repeated request borrows once, and who knows the key gives
    /// the seat back.
    pub loan: HexId,
    /// Its end. After now, and no later than the line's `BORROW` lets it.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub until: Timestamp,
}

/// A grant that is borrowed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Borrowed {
    /// Its end; that of the first answer for a repeated request.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub until: Timestamp,
}
