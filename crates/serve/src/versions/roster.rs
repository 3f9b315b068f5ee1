//! Versions as they are stored, as the roster that moves are planned on.

use pointsman_learn::promotion::{Roster, Stage, Standing};
use pointsman_store::{StageChange, Version};
use pointsman_types::Probability;

/// When a version became current is not stored by itself; when it last changed is, and a version that
/// was current changed last when it gave way.
pub(super) fn of(versions: &[Version]) -> Roster {
    let standing = |version: &Version| {
        let stage = stage(version.stage);
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
pub(super) fn change(one: &pointsman_learn::promotion::Move, share: Probability) -> StageChange {
    StageChange {
        id: one.version.clone(),
        from: stored(one.from),
        to: stored(one.to),
        share,
    }
}

fn stage(stored: pointsman_store::Stage) -> Stage {
    use pointsman_store::Stage as Stored;
    match stored {
        Stored::Candidate => Stage::Candidate,
        Stored::Shadow => Stage::Shadow,
        Stored::Canary => Stage::Canary,
        Stored::Current => Stage::Current,
        Stored::Previous => Stage::Previous,
        Stored::Retired => Stage::Retired,
        Stored::Rejected => Stage::Rejected,
        Stored::RolledBack => Stage::RolledBack,
    }
}

fn stored(stage: Stage) -> pointsman_store::Stage {
    use pointsman_store::Stage as Stored;
    match stage {
        Stage::Candidate => Stored::Candidate,
        Stage::Shadow => Stored::Shadow,
        Stage::Canary => Stored::Canary,
        Stage::Current => Stored::Current,
        Stage::Previous => Stored::Previous,
        Stage::Retired => Stored::Retired,
        Stage::Rejected => Stored::Rejected,
        Stage::RolledBack => Stored::RolledBack,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_have_the_same_words_here_and_there() {
        for one in Stage::ALL {
            assert_eq!(stored(one).as_str(), one.as_str());
            assert_eq!(stage(stored(one)), one);
        }
        assert_eq!(pointsman_store::Stage::ALL.len(), Stage::ALL.len());
    }
}
