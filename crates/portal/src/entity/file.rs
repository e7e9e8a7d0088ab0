//! One row of `files`.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "files")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub request: String,
    pub account_id: i64,
    pub site_id: i64,
    pub edition_id: i64,
    pub catalogue: String,
    pub license_type: String,
    pub lrn: String,
    pub host_id: String,
    pub machine: String,
    pub switchover_host_id: Option<String>,
    pub switchover_machine: Option<String>,
    pub system_type: String,
    pub mail_connector: String,
    pub registration_key: Option<String>,
    pub replaces_id: Option<i64>,
    pub generation: i64,
    pub last_day: String,
    pub generated_on: String,
    pub generated_by: String,
    pub generated_at: i64,
    pub active: bool,
    pub ended: Option<String>,
    pub unsigned: String,
    pub signed: Option<String>,
    pub selection: Option<String>,
    #[serde(default)]
    pub signing_key: Option<String>,
    #[serde(default)]
    pub signed_at: Option<i64>,
    #[serde(default)]
    pub deactivates: bool,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    #[sea_orm(
        belongs_to = "super::account::Entity",
        from = "Column::AccountId",
        to = "super::account::Column::Id"
    )]
    Account,
}

impl Related<super::account::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Account.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}
