//! Every version and where it stands. Whatever moves are made, there is at most one current version,
//! one challenger and one previous version, and going back ends at the last good one.

use pointsman_types::Stage;
use serde::{Deserialize, Serialize};

/// One version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// Its name.
    pub version: String,
    /// Where it stands.
    pub stage: Stage,
    /// When it last became current or ceased to be, as a number that rises; `None` if it never was.
    pub served: Option<i64>,
}

/// Every version, in the order in which they became known.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Roster(Vec<Standing>);

/// A version goes from one stage to another. It holds only while the version is still at `from`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    /// Which version.
    pub version: String,
    /// Where it stands now.
    pub from: Stage,
    /// Where it goes.
    pub to: Stage,
}

/// A move that cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoveRefused {
    /// Nobody registered the version.
    #[error("there is no version `{version}`; `pointsman versions` lists them")]
    Unknown {
        /// Which.
        version: String,
    },
    /// It is there already.
    #[error("version `{version}` is {stage} already")]
    Already {
        /// Which.
        version: String,
        /// Where it stands.
        stage: Stage,
    },
    /// No version is sent there; it gets there.
    #[error("no version is sent to {stage}; it can go to shadow, canary, current or rejected")]
    NoTarget {
        /// Where to.
        stage: Stage,
    },
    /// It decides, so another must take its place first.
    #[error("version `{version}` is current; roll back, or promote another version in its place")]
    Decides {
        /// Which.
        version: String,
    },
    /// There is nothing that it could challenge.
    #[error("no version is current, so there is nothing to compare with; promote to current")]
    NoCurrent,
    /// Another version stands in the way.
    #[error("version `{version}` is {stage}, and one version is tried at a time; {remedy}")]
    Occupied {
        /// Which.
        version: String,
        /// Where it stands.
        stage: Stage,
        /// What to do.
        remedy: &'static str,
    },
    /// There is no version to go back to.
    #[error("no version was current before this one, so there is none to go back to")]
    NothingBefore,
}

impl Roster {
    /// Versions as they were stored.
    #[must_use]
    pub fn new(versions: Vec<Standing>) -> Self {
        Self(versions)
    }

    /// Every version.
    #[must_use]
    pub fn versions(&self) -> &[Standing] {
        &self.0
    }

    /// One version.
    #[must_use]
    pub fn get(&self, version: &str) -> Option<&Standing> {
        self.0.iter().find(|one| one.version == version)
    }

    /// The version that decides.
    #[must_use]
    pub fn current(&self) -> Option<&Standing> {
        self.at(Stage::Current)
    }

    /// The version in shadow or canary.
    #[must_use]
    pub fn challenger(&self) -> Option<&Standing> {
        self.0.iter().find(|one| one.stage.is_challenger())
    }

    /// The version that the current one is watched against.
    #[must_use]
    pub fn previous(&self) -> Option<&Standing> {
        self.at(Stage::Previous)
    }

    /// The version to go back to: of those that decided and were not found wanting, the last.
    #[must_use]
    pub fn last_good(&self) -> Option<&Standing> {
        let good = self.0.iter().filter(|one| one.stage.was_good());
        good.max_by_key(|one| one.served)
    }

    fn at(&self, stage: Stage) -> Option<&Standing> {
        self.0.iter().find(|one| one.stage == stage)
    }

    /// Adds a version as a candidate. One that is known stays where it is.
    pub fn register(&mut self, version: &str) {
        if self.get(version).is_none() {
            self.0.push(Standing {
                version: version.to_owned(),
                stage: Stage::Candidate,
                served: None,
            });
        }
    }

    /// The moves that bring a version to a stage, whatever its evidence: gates are the caller's.
    /// `force` sends a version away that stands in the way.
    ///
    /// # Errors
    /// When the version cannot go there; nothing has changed then.
    pub fn moves(&self, version: &str, to: Stage, force: bool) -> Result<Vec<Move>, MoveRefused> {
        let standing = self.known(version)?;
        if standing.stage == to {
            return Err(MoveRefused::Already {
                version: version.to_owned(),
                stage: to,
            });
        }
        if standing.stage == Stage::Current {
            return Err(MoveRefused::Decides {
                version: version.to_owned(),
            });
        }
        match to {
            Stage::Shadow | Stage::Canary => self.to_challenge(standing, to, force),
            Stage::Current => Ok(self.to_current(standing)),
            Stage::Rejected => Ok(vec![moved(standing, Stage::Rejected)]),
            stage => Err(MoveRefused::NoTarget { stage }),
        }
    }

    /// The moves that put the last good version in the place of the current one.
    ///
    /// # Errors
    /// When there is none.
    pub fn rollback(&self) -> Result<Vec<Move>, MoveRefused> {
        let current = self.current().ok_or(MoveRefused::NoCurrent)?;
        let good = self.last_good().ok_or(MoveRefused::NothingBefore)?;
        let mut moves = vec![
            moved(current, Stage::RolledBack),
            moved(good, Stage::Current),
        ];
        // What challenged the version that failed was never compared with the one that now decides.
        moves.extend(self.challenger().map(|one| moved(one, Stage::Candidate)));
        Ok(moves)
    }

    /// The moves that end the watch over the current version.
    #[must_use]
    pub fn settle(&self) -> Vec<Move> {
        let previous = self.previous();
        previous
            .map(|one| moved(one, Stage::Retired))
            .into_iter()
            .collect()
    }

    /// Makes moves; all of them, or none where one no longer holds.
    ///
    /// # Errors
    /// When a version is not where a move takes it from.
    pub fn make(&mut self, moves: &[Move]) -> Result<(), MoveRefused> {
        for one in moves {
            let standing = self.known(&one.version)?;
            if standing.stage != one.from {
                return Err(MoveRefused::Already {
                    version: one.version.clone(),
                    stage: standing.stage,
                });
            }
        }
        let next = self.0.iter().filter_map(|one| one.served).max();
        let next = next.map_or(0, |last| last + 1);
        for one in moves {
            let versions = self.0.iter_mut();
            for standing in versions.filter(|standing| standing.version == one.version) {
                standing.stage = one.to;
                if one.to == Stage::Current {
                    standing.served = Some(next);
                }
            }
        }
        Ok(())
    }

    fn known(&self, version: &str) -> Result<&Standing, MoveRefused> {
        self.get(version).ok_or_else(|| MoveRefused::Unknown {
            version: version.to_owned(),
        })
    }

    fn to_challenge(
        &self,
        standing: &Standing,
        to: Stage,
        force: bool,
    ) -> Result<Vec<Move>, MoveRefused> {
        if self.current().is_none() {
            return Err(MoveRefused::NoCurrent);
        }
        let mut moves = Vec::new();
        for other in self.in_the_way(standing) {
            let sent = match other.stage {
                Stage::Previous if force => Stage::Retired,
                // In shadow it has decided nothing, so a newer version takes its place.
                Stage::Shadow => Stage::Candidate,
                Stage::Canary if force => Stage::Candidate,
                stage => return Err(occupied(other, stage)),
            };
            moves.push(moved(other, sent));
        }
        moves.push(moved(standing, to));
        Ok(moves)
    }

    /// Other versions that run beside the current one.
    fn in_the_way(&self, standing: &Standing) -> impl Iterator<Item = &Standing> {
        let version = standing.version.clone();
        self.0.iter().filter(move |one| {
            one.version != version && (one.stage.is_challenger() || one.stage == Stage::Previous)
        })
    }

    fn to_current(&self, standing: &Standing) -> Vec<Move> {
        let mut moves: Vec<Move> = self
            .in_the_way(standing)
            .map(|other| match other.stage {
                Stage::Previous => moved(other, Stage::Retired),
                _ => moved(other, Stage::Candidate),
            })
            .collect();
        moves.extend(self.current().map(|one| moved(one, Stage::Previous)));
        moves.push(moved(standing, Stage::Current));
        moves
    }
}

fn moved(standing: &Standing, to: Stage) -> Move {
    Move {
        version: standing.version.clone(),
        from: standing.stage,
        to,
    }
}

fn occupied(other: &Standing, stage: Stage) -> MoveRefused {
    MoveRefused::Occupied {
        version: other.version.clone(),
        stage,
        remedy: match stage {
            Stage::Previous => {
                "the current version is still watched against it; wait, or --force to end the watch"
            }
            _ => "wait for its verdict, reject it, or --force to take its place",
        },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn roster(stages: &[(&str, Stage, Option<i64>)]) -> Roster {
        let standing = |(version, stage, served): &(&str, Stage, Option<i64>)| Standing {
            version: (*version).to_owned(),
            stage: *stage,
            served: *served,
        };
        Roster::new(stages.iter().map(standing).collect())
    }

    fn check(start: &[(&str, Stage, Option<i64>)], to: (&str, Stage), end: &[(&str, Stage)]) {
        let mut roster = roster(start);
        let moves = roster.moves(to.0, to.1, false).unwrap();
        roster.make(&moves).unwrap();
        for (version, stage) in end {
            assert_eq!(roster.get(version).unwrap().stage, *stage, "{version}");
        }
    }

    const A: (&str, Stage, Option<i64>) = ("a", Stage::Current, Some(0));

    #[test]
    fn a_version_takes_the_place_of_the_current_one() {
        check(
            &[A, ("b", Stage::Canary, None)],
            ("b", Stage::Current),
            &[("a", Stage::Previous), ("b", Stage::Current)],
        );
        check(
            &[("a", Stage::Candidate, None)],
            ("a", Stage::Current),
            &[("a", Stage::Current)],
        );
    }

    #[test]
    fn only_one_is_tried_at_a_time() {
        check(
            &[A, ("b", Stage::Shadow, None), ("c", Stage::Candidate, None)],
            ("c", Stage::Shadow),
            &[("b", Stage::Candidate), ("c", Stage::Shadow)],
        );
        let busy = roster(&[A, ("b", Stage::Canary, None), ("c", Stage::Candidate, None)]);
        let refused = busy.moves("c", Stage::Shadow, false).unwrap_err();
        assert!(refused.to_string().contains("`b` is canary"), "{refused}");
        assert!(busy.moves("c", Stage::Shadow, true).is_ok());
    }

    #[test]
    fn what_cannot_be_is_said() {
        let roster = roster(&[A, ("b", Stage::Candidate, None)]);
        let refused = |version: &str, to| roster.moves(version, to, true).unwrap_err();
        assert!(matches!(
            refused("x", Stage::Shadow),
            MoveRefused::Unknown { .. }
        ));
        assert!(matches!(
            refused("a", Stage::Current),
            MoveRefused::Already { .. }
        ));
        assert!(matches!(
            refused("a", Stage::Shadow),
            MoveRefused::Decides { .. }
        ));
        assert!(matches!(
            refused("b", Stage::Previous),
            MoveRefused::NoTarget { .. }
        ));
        assert_eq!(roster.rollback(), Err(MoveRefused::NothingBefore));
        let alone = Roster::new(roster.versions()[1..].to_vec());
        assert_eq!(
            alone.moves("b", Stage::Shadow, false),
            Err(MoveRefused::NoCurrent)
        );
    }

    #[test]
    fn a_move_that_no_longer_holds_changes_nothing() {
        let mut roster = roster(&[A, ("b", Stage::Candidate, None)]);
        let moves = roster.moves("b", Stage::Current, false).unwrap();
        roster.make(&moves).unwrap();
        let before = roster.clone();
        assert!(roster.make(&moves).is_err());
        assert_eq!(roster, before);
    }

    #[test]
    fn rolling_back_twice_goes_back_two_versions() {
        let mut roster = roster(&[
            ("a", Stage::Retired, Some(0)),
            ("b", Stage::Previous, Some(1)),
            ("c", Stage::Current, Some(2)),
        ]);
        for (expected, wrong) in [("b", "c"), ("a", "b")] {
            let moves = roster.rollback().unwrap();
            roster.make(&moves).unwrap();
            assert_eq!(roster.current().unwrap().version, expected);
            assert_eq!(roster.get(wrong).unwrap().stage, Stage::RolledBack);
        }
        assert_eq!(roster.rollback(), Err(MoveRefused::NothingBefore));
    }

    /// One thing that can be asked of a roster.
    #[derive(Debug, Clone)]
    enum Deed {
        Register(usize),
        Send(usize, Stage, bool),
        RollBack,
        Settle,
    }

    fn any_deed() -> impl Strategy<Value = Deed> {
        let version = 0..5_usize;
        let stage = prop::sample::select(Stage::ALL.to_vec());
        prop_oneof![
            version.clone().prop_map(Deed::Register),
            (version, stage, any::<bool>())
                .prop_map(|(version, to, force)| Deed::Send(version, to, force)),
            Just(Deed::RollBack),
            Just(Deed::Settle),
        ]
    }

    fn planned(roster: &mut Roster, deed: &Deed) -> Vec<Move> {
        let name = |number: &usize| format!("v{number}");
        match deed {
            Deed::Register(version) => {
                roster.register(&name(version));
                Vec::new()
            }
            Deed::Send(version, to, force) => roster
                .moves(&name(version), *to, *force)
                .unwrap_or_default(),
            Deed::RollBack => roster.rollback().unwrap_or_default(),
            Deed::Settle => roster.settle(),
        }
    }

    proptest! {
        #[test]
        fn there_are_never_two_of_what_there_is_one(deeds in prop::collection::vec(any_deed(), 1..60)) {
            let mut roster = Roster::default();
            for deed in deeds {
                let had_current = roster.current().is_some();
                let good = roster.last_good().map(|one| one.version.clone());
                let moves = planned(&mut roster, &deed);
                roster.make(&moves).unwrap();
                let count = |is: fn(Stage) -> bool| {
                    roster.versions().iter().filter(|one| is(one.stage)).count()
                };
                prop_assert!(count(|stage| stage == Stage::Current) <= 1);
                prop_assert!(count(|stage| stage == Stage::Previous) <= 1);
                prop_assert!(count(Stage::is_challenger) <= 1);
                // At most one runs beside the current version.
                prop_assert!(count(|stage| stage.is_challenger() || stage == Stage::Previous) <= 1);
                prop_assert!(!had_current || roster.current().is_some(), "somebody always decides");
                if matches!(deed, Deed::RollBack) && !moves.is_empty() {
                    prop_assert_eq!(roster.current().map(|one| one.version.clone()), good);
                }
            }
        }
    }
}
