//! What is sold: catalogues of sellable items, the technical licenses that each expands to, and how use is measured.
//!
//! Pure: no clock, randomness or I/O. Callers read the files under `catalogues/` and hand in their text.
//!
//! The way through: text → [`Catalogue::parse`], text → [`Order::parse`], then [`expand`] → [`Expansion`], one for each
//! publisher, with a reason for every count.

mod catalogue;
mod check;
mod contribution;
mod date;
mod environment;
mod expand;
mod explain;
mod fields;
mod item;
mod license;
mod license_type;
mod measure;
mod merge;
mod nearest;
mod order;
mod problem;
mod quantity;
mod read_catalogue;
mod read_item;
mod read_order;
mod resolve;

pub use catalogue::{Application, Catalogue, Kind};
pub use environment::{Deployment, Environment};
pub use expand::{Expansion, Reason, TechnicalLine, expand};
pub use item::{Every, Fixed, Item, Need, Unit};
pub use license::{Model, TechnicalLicense, VersionRule};
pub use license_type::LicenseType;
pub use measure::{Measure, Peak};
pub use order::{MAX_QUANTITY, Order, OrderItem, OrderServer, OrderState, Place};
pub use problem::Problem;
pub use quantity::Quantity;
