//! The publisher's service: from an order to the right license file on the right machine.
//!
//! May use the license and catalogue crates; never the site, the server or the SDK.
