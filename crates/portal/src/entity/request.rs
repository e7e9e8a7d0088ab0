//! One row of `requests`.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "requests")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub once: String,
    pub kind: String,
    pub first_name: String,
    pub last_name: String,
    pub mail: String,
    pub others: String,
    pub subject: String,
    pub urgent: bool,
    pub fields: String,
    pub account_id: Option<i64>,
    pub assignee_id: Option<i64>,
    pub state: String,
    pub created_at: i64,
    pub due_at: i64,
    pub answered_at: Option<i64>,
    pub changed_at: i64,
    #[serde(default)]
    pub reminded: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
