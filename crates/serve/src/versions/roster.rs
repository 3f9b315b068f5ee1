//! Versions as they are stored, as the roster that moves are planned on.

use pointsman_learn::promotion::{Move, Roster, Standing};
use pointsman_store::{StageChange, Version};
use pointsman_types::{Probability, Stage};

/// When a version became current is not stored by itself; when it last changed is, and a version that
/// was current changed last when it gave way.
pub(super) fn of(versions: &[Version]) -> Roster {
    let standing = |version: &Version| {
        let stage = version.stage;
        let has_served = stage.was_good() || stage == Stage::Current;
        Standing {
            version: version.id.clone(),
            stage,
            served: has_served.then_some(version.changed_ms),
        }
    };
    Roster::new(versions.iter().map(standing).collect())
}

/// A move as the store makes it.
pub(super) fn change(one: &Move, share: Probability) -> StageChange {
    StageChange {
        id: one.version.clone(),
        from: one.from,
        to: one.to,
        share,
    }
}
