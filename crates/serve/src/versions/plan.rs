//! A change before it is made.

use pointsman_learn::promotion::{Moments, Move, Roster};
use pointsman_store::{Arm, EventRecord, Transition, Version};
use pointsman_types::{Probability, Stage};

use super::{Book, Cause, Detail, Trial, Versions, VersionsError, roster};

/// A change before it is made: what will serve, and how the store gets there.
#[derive(Debug, Clone)]
pub struct Plan {
    pub(super) transition: Transition,
    /// The trial that it begins.
    pub(crate) trial: Option<Trial>,
    /// The share of the requests that the version beside the current one decides.
    pub(crate) share: f64,
    roster: Roster,
    versions: Vec<Version>,
}

/// Decisions that are looked back on for what a version was worth while it served.
const LOOK_BACK: i64 = 5000;

impl Plan {
    /// The version that decides once the change is made.
    ///
    /// # Panics
    /// Never: no change leaves nothing to serve.
    #[must_use]
    pub fn current(&self) -> &str {
        let current = self.roster.current();
        &current
            .expect("no move takes the current version without another")
            .version
    }

    /// Where the copy of a version lies.
    #[must_use]
    pub fn path(&self, version: &str) -> Option<&str> {
        self.version(version).map(|found| found.path.as_str())
    }

    pub(crate) fn version(&self, id: &str) -> Option<&Version> {
        self.versions.iter().find(|version| version.id == id)
    }

    /// The versions that run once the change is made.
    #[must_use]
    pub fn running(&self) -> Vec<String> {
        let beside = self.trial.as_ref().map(|trial| trial.beside.clone());
        std::iter::once(self.current().to_owned())
            .chain(beside)
            .collect()
    }

    /// The moves, for people.
    #[must_use]
    pub fn moves(&self) -> Vec<String> {
        let changes = self.transition.changes.iter();
        changes
            .map(|one| format!("{} {} -> {}", one.id, one.from, one.to))
            .collect()
    }
}

impl Versions {
    /// Plans moves, and which share the version beside the current one then decides. The times of changes rise even where the clock does not, since their order says
    /// which version was current last.
    pub(crate) async fn plan(
        &self,
        book: &Book,
        (moves, share): (Vec<Move>, f64),
        cause: Cause<'_>,
        now_ms: i64,
    ) -> Result<Plan, VersionsError> {
        let after = self.store.last_decision().await?;
        let before = self.served_before(book, &moves, after).await?;
        let mut roster = book.roster.clone();
        roster.make(&moves)?;
        let latest = book.versions.iter().map(|version| version.changed_ms).max();
        let now_ms = now_ms.max(latest.map_or(i64::MIN, |latest| latest + 1));
        let trial = Trial::between(&roster, after, before);
        let share = share_beside(&roster, share);
        let change = |one: &Move| roster::change(one, share_of(one, share));
        let transition = Transition {
            changes: moves.iter().map(change).collect(),
            event: event(cause, moves, after, before, now_ms),
        };
        Ok(Plan {
            transition,
            trial,
            share,
            roster,
            versions: book.versions.clone(),
        })
    }

    /// What the version that gives way was worth while it served, as far as anybody said.
    async fn served_before(
        &self,
        book: &Book,
        moves: &[Move],
        last: i64,
    ) -> Result<Option<Moments>, VersionsError> {
        let gives_way = moves.iter().find(|one| one.to == Stage::Previous);
        let Some(gives_way) = gives_way else {
            return Ok(None);
        };
        let Some(version) = book.version(&gives_way.version) else {
            return Ok(None);
        };
        let first = (last - LOOK_BACK).max(0);
        let followed = self.store.decisions(first, LOOK_BACK as u32).await?;
        // What feedback teaches changes the policy's version and not the version of the router, so
        // the time tells, and whether another version was drawn.
        let of_version = followed.iter().filter(|one| {
            one.decision.ts_ms >= version.changed_ms && one.decision.arm != Some(Arm::Canary)
        });
        let values: Vec<f64> = of_version
            .filter_map(|one| {
                let cost = one.outcome.as_ref().and_then(|usage| usage.cost);
                let cost = cost.unwrap_or(one.decision.cost).as_f64();
                let lambda = one.decision.lambda.unwrap_or(0.0);
                Some(f64::from(one.score?.get()) - lambda * cost)
            })
            .collect();
        Ok(Some(Moments::of(&values)))
    }
}

/// In shadow nothing is decided by the version beside; a previous one decides only what is held back.
fn share_beside(roster: &Roster, share: f64) -> f64 {
    match (roster.challenger(), roster.previous()) {
        (Some(challenger), _) if challenger.stage == Stage::Canary => share,
        (None, Some(_)) => share,
        _ => 0.0,
    }
}

fn share_of(one: &Move, share: f64) -> Probability {
    let share = match one.to {
        Stage::Canary | Stage::Previous => share,
        Stage::Current => 1.0 - share,
        _ => 0.0,
    };
    Probability::new(share).unwrap_or(Probability::ZERO)
}

fn event(
    cause: Cause<'_>,
    moves: Vec<Move>,
    after: i64,
    before: Option<Moments>,
    ts_ms: i64,
) -> EventRecord {
    let subject = moves.last().map(|one| one.version.clone());
    let detail = Detail {
        by: cause.by().to_owned(),
        reason: cause.reason(),
        moves,
        after,
        before,
        directory: cause.directory(),
        step: cause.step(),
    };
    EventRecord {
        ts_ms,
        kind: cause.kind().to_owned(),
        subject,
        detail: serde_json::to_value(detail)
            .expect("keys are strings and numbers that are not finite become null"),
    }
}
