//! Why a change was not made, before anybody is told: refused by a rule, or failed in SQLite.

use crate::StoreError;

/// A refusal changed nothing and concerns one record; a failure of SQLite undoes the transaction.
#[derive(Debug)]
pub(crate) enum Fault {
    Refused(StoreError),
    Sqlite(sqlx::Error),
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Refused(error)
    }
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        Self::Sqlite(error)
    }
}
