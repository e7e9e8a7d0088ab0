//! What there is, taken from the site itself: for the server, which need not ask anybody.

use grantor_api::directory::Role;
use grantor_site::Site;

use super::Current;
use crate::http::show;

impl Current {
    /// Everything of a tenant.
    pub(crate) fn at(site: &Site, tenant: &str) -> Self {
        let users = site.users().filter(|(_, user)| *user.tenant == *tenant);
        let stations = site.stations().filter(|(_, station)| *station.tenant == *tenant);
        let groups = site.groups().filter(|(_, group)| *group.tenant == *tenant);
        let roles = site.roles().filter(|(_, role)| *role.tenant == *tenant);
        let role = |role: &grantor_site::directory::Role| Role {
            name: role.name.to_string(),
            application: role.application.as_deref().map(|feature| show::spelled(site, tenant, feature)),
        };
        Self::of(
            users.map(|(id, user)| show::user(site, id, user)).collect(),
            stations.map(|(_, station)| show::station(site, station)).collect(),
            groups.map(|(id, group)| show::group(site, id, group)).collect(),
            roles.map(|(_, one)| role(one)).collect(),
        )
    }
}
