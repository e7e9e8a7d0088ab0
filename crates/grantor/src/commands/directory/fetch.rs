//! Reading a tenant's directory from a server, page by page.

use std::collections::BTreeSet;

use grantor_api::directory::{AllocationRow, Page};
use grantor_api::limits;
use grantor_client::Http;
use grantor_server::directory_table::{Current, fold};
use serde::de::DeserializeOwned;

use crate::commands::remote::percent;
use crate::failure::Failure;

/// A name as it may stand in a path or a query.
pub(super) fn encoded(name: &str) -> String {
    name.bytes().map(percent).collect()
}

/// What there is in a tenant.
pub(super) fn current(http: &Http, tenant: &str) -> Result<Current, Failure> {
    let (users, stations) = (all(http, tenant, "users")?, all(http, tenant, "stations")?);
    Ok(Current::of(users, stations, all(http, tenant, "groups")?, all(http, tenant, "roles")?))
}

/// The licenses that can be allocated, folded.
pub(super) fn features(http: &Http, tenant: &str) -> Result<BTreeSet<String>, Failure> {
    let rows: Vec<AllocationRow> = http.get(&format!("/v1/tenants/{}/allocation", encoded(tenant)))?;
    Ok(rows.iter().map(|row| fold(&row.feature)).collect())
}

/// One thing by its name.
pub(super) fn one<T: DeserializeOwned>(
    http: &Http,
    tenant: &str,
    what: &str,
    name: &str,
) -> Result<T, Failure> {
    Ok(http.get(&format!("/v1/tenants/{}/{what}/{}", encoded(tenant), encoded(name)))?)
}

/// Every page of a list.
pub(super) fn pages<T: DeserializeOwned>(
    http: &Http,
    tenant: &str,
    what: &str,
    search: &str,
) -> Result<Vec<Page<T>>, Failure> {
    let (mut pages, mut after) = (Vec::new(), String::new());
    loop {
        let page: Page<T> = http.get(&format!(
            "/v1/tenants/{}/{what}?limit={}&search={}&after={}",
            encoded(tenant),
            limits::PAGE,
            encoded(search),
            encoded(&after)
        ))?;
        let next = page.next.clone();
        pages.push(page);
        match next {
            Some(next) => after = next,
            None => return Ok(pages),
        }
    }
}

/// Everything of a list.
pub(super) fn all<T: DeserializeOwned>(http: &Http, tenant: &str, what: &str) -> Result<Vec<T>, Failure> {
    Ok(pages(http, tenant, what, "")?.into_iter().flat_map(|page: Page<T>| page.items).collect())
}
