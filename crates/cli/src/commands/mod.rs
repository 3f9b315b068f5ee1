//! One file per command.

pub(crate) mod add_model;
pub(crate) mod cache;
pub(crate) mod check;
pub(crate) mod evaluate;
pub(crate) mod explain;
pub(crate) mod export;
pub(crate) mod folds;
pub(crate) mod import;
pub(crate) mod inspect;
pub(crate) mod key;
pub(crate) mod learning;
pub(crate) mod learning_curve;
pub(crate) mod ope;
pub(crate) mod predict;
pub(crate) mod promote;
pub(crate) mod quickstart;
pub(crate) mod replay;
pub(crate) mod retrain;
pub(crate) mod rollback;
pub(crate) mod serve;
pub(crate) mod simulate;
pub(crate) mod train;
pub(crate) mod versions;
