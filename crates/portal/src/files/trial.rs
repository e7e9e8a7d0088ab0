//! What is tried (seed 002, "Trial System"): a site with a production license gets a file of what its account does not own, which
//! spends nothing. The server counts as given: its lines are the production license's, and nothing that is owned is given twice.

use std::collections::{BTreeMap, BTreeSet};

use grantor_catalogue::Catalogue;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use super::make::spent;
use super::types::{is_server, types_that};
use crate::entitlements::{Owner, Part, balances};
use crate::entity::file;
use crate::{Failure, Refusal};

/// What a trial at a site has to know.
pub(super) struct Trial {
    /// The parts that the account owns, at any of its sites.
    owned: BTreeSet<String>,
    /// The server items of the site's active production files; `None`: there is no such file.
    servers: Option<Vec<String>>,
}

impl Trial {
    /// As it is today; the file with the number `without` of the database counts as ended.
    pub(super) async fn at(
        db: &impl ConnectionTrait,
        catalogue: &Catalogue,
        owner: Owner,
        today: &str,
        without: i64,
    ) -> Result<Self, Failure> {
        let production = types_that(catalogue, |of_type| of_type.production && !of_type.not_owned);
        let files = file::Entity::find()
            .filter(file::Column::SiteId.eq(owner.site))
            .filter(file::Column::Catalogue.eq(&catalogue.name))
            .filter(file::Column::LicenseType.is_in(production))
            .filter(file::Column::Active.eq(true))
            .filter(file::Column::LastDay.gte(today))
            .filter(file::Column::Id.ne(without))
            .all(db)
            .await?;
        let mut servers = Vec::new();
        for row in &files {
            servers.extend(spent(db, row.id).await?.into_iter().map(|one| one.part.number));
        }
        servers.retain(|part| is_server(catalogue, part));
        let servers = (!files.is_empty()).then_some(servers);
        let owned = balances(db, owner.account, None, today).await?.into_iter();
        let owned = owned.filter(|one| one.part.catalogue == catalogue.name && one.total() > 0);
        Ok(Self { owned: owned.map(|one| one.part.number).collect(), servers })
    }

    /// Whether the part can be in the file: it is not owned, or it is the production license's server.
    pub(super) fn may_have(&self, part: &str) -> bool {
        self.servers.is_some() && (self.is_given(part) || !self.owned.contains(part))
    }

    fn is_given(&self, part: &str) -> bool {
        self.servers.iter().flatten().any(|server| server == part)
    }

    /// Lets pass what may be tried; gives the server item that is not tried, but given.
    pub(super) fn checked(
        &self,
        site: &str,
        wanted: &BTreeMap<Part, u32>,
    ) -> Result<Option<String>, Failure> {
        if self.servers.is_none() {
            return Err(Refusal::NoProduction(site.to_owned()).into());
        }
        if let Some(part) = wanted.keys().find(|part| !self.may_have(&part.number)) {
            return Err(Refusal::OwnedAlready(part.number.clone()).into());
        }
        let given = wanted.keys().map(|part| &part.number).find(|part| self.is_given(part));
        if wanted.len() <= usize::from(given.is_some()) {
            return Err(Refusal::NothingTried.into());
        }
        Ok(given.cloned())
    }
}
