//! Looks after the version on trial: reads what came of its decisions and those of the current one,
//! asks `learn` what follows, and does it.
//!
//! A trial is read from its beginning each time, and only once there is a tenth more to read than
//! before, so that all readings together cost a small multiple of the last one and nothing has to be
//! remembered over a restart but the looks that were had, which are in the events.

mod observe;

use std::sync::Arc;
use std::time::Duration;

use pointsman_learn::promotion::{Evidence, Ledger, Move, Rails, Roster, Step, next_step};
use pointsman_types::Stage;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::App;
use crate::office::now_ms;
use crate::versions::{Book, Cause, Trial, VersionsError, looked};
use observe::observation;

/// Decisions read at a time.
const PAGE: u32 = 500;

/// Looks after the version on trial.
pub(crate) struct Steward {
    app: Arc<App>,
    /// What had been heard in all when the trial was last read.
    read_at: Option<u64>,
    /// Which trial that was.
    trial: Option<(String, i64)>,
}

impl Steward {
    pub(crate) fn new(app: Arc<App>) -> Self {
        Self {
            app,
            read_at: None,
            trial: None,
        }
    }

    /// Looks every `period` until cancelled.
    pub(crate) async fn run(mut self, period: Duration, stop: CancellationToken) {
        let mut ticks = interval(period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => {}
            }
            let looked = tokio::select! {
                () = stop.cancelled() => return,
                looked = self.look() => looked,
            };
            if let Err(error) = looked {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "the version on trial was not judged; trying again");
            }
        }
    }

    /// Reads the trial and takes the step that follows.
    pub(crate) async fn look(&mut self) -> Result<(), VersionsError> {
        let snapshot = self.app.live.snapshot();
        let Some(beside) = &snapshot.beside else {
            self.app.office.no_trial();
            return Ok(());
        };
        let label = (beside.loaded.version.clone(), beside.after);
        if !self.is_worth_reading(&label) {
            return Ok(());
        }
        // Nobody may move versions between the reading and the step.
        let app = Arc::clone(&self.app);
        let _turn = app.office.turn().await;
        let book = app.office.versions.book().await?;
        let Some(trial) = book.trial() else {
            return Ok(());
        };
        let ledger = self.read(&trial).await?;
        let evidence = self.evidence(ledger, &trial, alarms(&book, &trial)).await?;
        self.step(&book, &trial, evidence).await?;
        Ok(())
    }

    fn is_worth_reading(&mut self, label: &(String, i64)) -> bool {
        let heard = self.app.heard_so_far();
        let is_same = self.trial.as_ref() == Some(label);
        let is_worth = match self.read_at {
            Some(read_at) if is_same => heard > read_at + read_at / 10,
            _ => true,
        };
        if is_worth {
            self.read_at = Some(heard);
            self.trial = Some(label.clone());
        }
        is_worth
    }

    async fn read(&self, trial: &Trial) -> Result<Ledger, VersionsError> {
        let mut ledger = Ledger::default();
        let mut after = trial.after;
        loop {
            let page = self.app.store.decisions(after, PAGE).await?;
            let is_last = page.len() < PAGE as usize;
            after = page.last().map_or(after, |last| last.decision.seq);
            let observed = page.iter().filter_map(|one| observation(one, trial));
            observed.for_each(|one| ledger.put(one));
            if is_last {
                return Ok(ledger);
            }
        }
    }

    /// Much evidence takes a while, so it leaves the runtime's threads.
    async fn evidence(
        &self,
        ledger: Ledger,
        trial: &Trial,
        alarms: Vec<String>,
    ) -> Result<Evidence, VersionsError> {
        let (looks, before) = (trial.progress.looks, trial.before);
        let rails = self.app.office.rails.clone();
        let weighing = tokio::task::spawn_blocking(move || Evidence {
            alarms,
            ..ledger.evidence(looks, &rails, before)
        });
        // The panic itself was reported by the panic hook.
        weighing.await.map_err(|_| VersionsError::Panicked)
    }

    async fn step(
        &self,
        book: &Book,
        trial: &Trial,
        evidence: Evidence,
    ) -> Result<(), VersionsError> {
        let office = &self.app.office;
        let step = next_step(&trial.progress, &evidence, &office.rails);
        office.tell(trial, &step, &evidence);
        let Some((moves, share)) = moves(&book.roster, trial, &step, &office.rails)? else {
            return self.note_look(trial, &step, &evidence).await;
        };
        tracing::info!(
            version = trial.progress.version,
            reason = step.reason(),
            "a step"
        );
        let plan = office
            .versions
            .plan(book, (moves, share), Cause::Step(&step), now_ms());
        self.app.carry_out(&plan.await?).await
    }

    /// A look that was had counts after a restart too.
    async fn note_look(
        &self,
        trial: &Trial,
        step: &Step,
        evidence: &Evidence,
    ) -> Result<(), VersionsError> {
        let looks = trial.progress.looks.after(evidence);
        if looks == trial.progress.looks {
            return Ok(());
        }
        let event = looked(&trial.progress.version, step, looks, evidence, now_ms());
        self.app.store.add_event(event).await?;
        Ok(())
    }
}

/// What a step moves, and the share that the version beside then decides.
fn moves(
    roster: &Roster,
    trial: &Trial,
    step: &Step,
    rails: &Rails,
) -> Result<Option<(Vec<Move>, f64)>, VersionsError> {
    let version = &trial.progress.version;
    Ok(match step {
        Step::Wait { .. } => None,
        Step::Advance { to, .. } => {
            let share = match to {
                Stage::Canary => rails.canary_share,
                _ => rails.hold_back,
            };
            Some((roster.moves(version, *to, false)?, share))
        }
        Step::Reject { .. } => Some((roster.moves(version, Stage::Rejected, false)?, 0.0)),
        Step::RollBack { .. } => Some((roster.rollback()?, 0.0)),
        Step::Settle { .. } => Some((roster.settle(), 0.0)),
    })
}

/// Drift that was raised since the trial began and has not gone again, in sentences: events of the kind
/// `drift`, each a [`DriftEvent`](pointsman_learn::drift::DriftEvent) about its subject.
fn alarms(book: &Book, trial: &Trial) -> Vec<String> {
    let mut raised: Vec<(Option<String>, String)> = Vec::new();
    for event in book.drift_since(trial) {
        let (subject, detail) = (&event.event.subject, &event.event.detail);
        raised.retain(|(of, _)| of != subject);
        if detail["to"] == "alarm" {
            let sentence = detail["evidence"]["sentence"].as_str().unwrap_or("drift");
            let about = subject.as_deref().unwrap_or("the requests");
            raised.push((subject.clone(), format!("{about}: {sentence}")));
        }
    }
    raised.into_iter().map(|(_, sentence)| sentence).collect()
}
