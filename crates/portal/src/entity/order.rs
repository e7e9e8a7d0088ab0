//! One row of `orders`.
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "orders")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub number: String,
    pub digest: String,
    pub lrn: String,
    pub account_id: i64,
    pub sold_to_id: i64,
    pub site_id: i64,
    pub term: String,
    pub last_day: String,
    pub maintenance_until: Option<String>,
    pub placed_by: String,
    pub placed_at: i64,
    #[serde(default)]
    pub folded: String,
    #[serde(default)]
    pub lrn_folded: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
