//! One row of `people`.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "people")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub mail: String,
    pub name: String,
    pub roles: String,
    pub account_id: Option<i64>,
    pub active: bool,
    pub password: Option<String>,
    pub totp: Option<String>,
    pub totp_step: Option<i64>,
    pub failures: i64,
    pub try_after: i64,
    pub version: i64,
    pub created_at: i64,
    pub appointed_by: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
