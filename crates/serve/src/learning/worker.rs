//! The task that learns: one turn after another, until the server stops.
//!
//! A turn reads what came in since, in pages; hands out the state that follows; and keeps it now and
//! then. Whoever does not hold the lease follows the snapshots of whoever does. An error of the store
//! ends the turn, not the task.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pointsman_learn::drift::DriftEvent;
use pointsman_router::Router;
use pointsman_store::{EventRecord, Snapshot, StoreError};
use pointsman_types::Usd;
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::events::Noted;
use super::following::{Found, find, newer};
use super::mind::{Heard, Mind};
use super::state::to_bytes;
use super::status::{KeptState, Standing, Status};
use super::{Adaptive, Mode, now_ms};
use crate::App;

/// A turn begins after so long even if nobody says that there is news.
const TICK: Duration = LOOK;
/// Between turns, so that many judgements share one.
const PAUSE: Duration = Duration::from_millis(20);
/// Records read at a time, and pages of judgements and bills in one turn.
const PAGE: u32 = 64;
const PAGES: usize = 128;
/// After a page of what traffic shows the processors are left to requests for so many times as long as
/// it took.
const GAP: u32 = 3;
const LONGEST_GAP: Duration = Duration::from_millis(5);
/// What traffic itself shows is read this often: bills, and of decisions at most so many, the newest.
const LOOK: Duration = Duration::from_millis(250);
const MOST_DECISIONS: i64 = 256;
const LEASE: &str = "learner";

/// Learns of the artifact in service.
pub(crate) struct Worker {
    app: Arc<App>,
    /// What is known of the artifact of `router`; absent until one that learns is in service.
    mind: Option<Mind>,
    router: Option<Router>,
    kept: Option<KeptState>,
    noted: Noted,
    /// Until then it is this server that learns, however the system's clock is set meanwhile.
    lease: Option<Instant>,
    is_changed: bool,
    /// No snapshot has the budget yet: a crash would forget what was spent.
    owes_budget: bool,
    /// When traffic was looked at last.
    looked: Option<Instant>,
    /// Somebody waits for this turn: the start or the end of the server.
    hurries: bool,
}

impl Worker {
    /// Goes on from the last good snapshot, before anything is served.
    pub(crate) async fn begin(app: Arc<App>) -> Self {
        let mut worker = Self {
            app,
            mind: None,
            router: None,
            kept: None,
            noted: Noted::default(),
            lease: None,
            is_changed: false,
            owes_budget: false,
            looked: None,
            hurries: true,
        };
        worker.turn().await;
        worker
    }

    /// Learns until stopped, then keeps what it has.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        if self.app.learning.config.mode == Mode::Bypass {
            return;
        }
        loop {
            self.hurries = tokio::select! {
                () = stop.cancelled() => true,
                () = self.app.learning.news.notified() => false,
                () = sleep(TICK) => false,
            };
            self.turn().await;
            if self.hurries {
                let kept = self.keep().await;
                self.say(kept);
                return;
            }
            sleep(PAUSE).await;
        }
    }

    async fn turn(&mut self) {
        if self.app.learning.config.mode != Mode::Bypass {
            let turned = self.try_turn().await;
            self.say(turned);
        }
    }

    fn say(&self, turned: Result<(), StoreError>) {
        if let Err(error) = turned {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "learning waits for the store");
        }
    }

    async fn try_turn(&mut self) -> Result<(), StoreError> {
        let snapshot = self.app.live.snapshot();
        let Some(adaptive) = snapshot.current.router.adaptive() else {
            return Ok(());
        };
        let router = adaptive.frozen();
        let is_other = self
            .router
            .as_ref()
            .is_none_or(|known| known.identity() != router.identity());
        if is_other || self.mind.is_none() {
            self.switch(adaptive).await?;
        }
        if !self.holds_lease().await? {
            return self.follow(adaptive).await;
        }
        let heard = self.read(router).await?;
        self.tell(&heard.events).await?;
        if heard.is_news {
            self.hand_out(adaptive);
        }
        self.report(adaptive, Standing::Learning);
        self.keep_if_due().await
    }

    /// Another artifact is in service: what was learnt of the one before is kept.
    async fn switch(&mut self, adaptive: &Adaptive) -> Result<(), StoreError> {
        if self.is_changed {
            self.keep().await?;
        }
        let router = adaptive.frozen();
        let before = self.mind.as_ref().zip(self.router.as_ref());
        let config = &self.app.learning.config;
        let found = find(&self.app.store, router, before, config).await?;
        if let Some(event) = &found.event {
            self.app.store.add_event(event.clone()).await?;
        }
        self.resume_budget(&found).await?;
        self.adopt(found);
        self.router = Some(router.clone());
        let is_wanted = self.mind.as_ref().is_some_and(Mind::has_learnt);
        if is_wanted || router.exploration().explores() {
            self.hand_out(adaptive);
        }
        Ok(())
    }

    fn adopt(&mut self, found: Found) {
        self.noted = Noted::of(&found.mind);
        (self.mind, self.kept) = (Some(found.mind), found.kept);
        self.is_changed = false;
    }

    /// Counts what was decided after the snapshot of the budget; once, at the beginning.
    async fn resume_budget(&mut self, found: &Found) -> Result<(), StoreError> {
        let (None, Some(pacing)) = (&self.router, &self.app.pacing) else {
            return Ok(());
        };
        let resumed = found.paced.clone().and_then(|paced| pacing.resume(paced));
        let Some(mut after) = resumed else {
            self.owes_budget = true;
            return Ok(());
        };
        loop {
            let page = self.app.store.decisions(after, PAGE).await?;
            for followed in &page {
                after = followed.decision.seq;
                let usage = followed.outcome.as_ref();
                let actual: Option<Usd> = usage.and_then(|usage| usage.cost);
                pacing.recount(&followed.decision, actual.unwrap_or(followed.decision.cost));
            }
            if page.len() < PAGE as usize {
                return Ok(());
            }
        }
    }

    async fn holds_lease(&mut self) -> Result<bool, StoreError> {
        let config = &self.app.learning.config;
        let (now, length) = (Instant::now(), Duration::from_millis(config.lease_ms));
        if self.lease.is_none_or(|until| now + length / 2 >= until) {
            let (store, now_ms) = (&self.app.store, now_ms());
            let length_ms = i64::try_from(config.lease_ms).unwrap_or(i64::MAX);
            let given = store.lease(LEASE, &config.replica, now_ms, length_ms);
            self.lease = given.await?.map(|_| now + length);
        }
        Ok(self.has_lease())
    }

    fn has_lease(&self) -> bool {
        self.lease.is_some_and(|until| Instant::now() < until)
    }

    /// Takes up the newest snapshot of whoever learns.
    async fn follow(&mut self, adaptive: &Adaptive) -> Result<(), StoreError> {
        let (app, seq) = (&self.app, self.kept.map_or(0, |kept| kept.seq));
        let config = &app.learning.config;
        let found = newer(&app.store, adaptive.frozen(), seq, config).await?;
        // One that cannot be used is of another release, which says so itself.
        if let Some(Ok(found)) = found {
            self.adopt(found);
            self.hand_out(adaptive);
        }
        self.report(adaptive, Standing::Following);
        Ok(())
    }

    /// Everything that came in since, within bounds.
    async fn read(&mut self, router: &Router) -> Result<Heard, StoreError> {
        let mut all = Heard::default();
        for _ in 0..PAGES {
            let Some(after) = self.mind.as_ref().map(|mind| mind.rest.read.news) else {
                break;
            };
            let page = self.app.store.news(after, PAGE).await?;
            let is_last = page.len() < PAGE as usize;
            let router = router.clone();
            self.think(&mut all, move |mind| mind.hear(&page, &router))
                .await;
            if is_last {
                break;
            }
        }
        if self.looked.is_none_or(|looked| looked.elapsed() >= LOOK) {
            self.looked = Some(Instant::now());
            self.read_bills(router, &mut all).await?;
            self.read_decisions(router, &mut all).await?;
        }
        Ok(all)
    }

    async fn read_bills(&mut self, router: &Router, all: &mut Heard) -> Result<(), StoreError> {
        for _ in 0..PAGES {
            let Some(after) = self.mind.as_ref().map(|mind| mind.rest.read.bills) else {
                break;
            };
            let start = Instant::now();
            let page = self.app.store.bills(after, PAGE).await?;
            let is_last = page.is_last;
            let router = router.clone();
            self.think(all, move |mind| mind.bill(&page, &router)).await;
            if is_last {
                break;
            }
            self.leave_gap(start.elapsed()).await;
        }
        Ok(())
    }

    /// A long turn without pauses would make one request in a hundred wait.
    async fn leave_gap(&self, took: Duration) {
        if !self.hurries {
            sleep((took * GAP).min(LONGEST_GAP)).await;
        }
    }

    async fn read_decisions(&mut self, router: &Router, all: &mut Heard) -> Result<(), StoreError> {
        let newest = self.app.store.last_decision().await?;
        let Some(mind) = &mut self.mind else {
            return Ok(());
        };
        let rest = &mut mind.rest;
        let from = rest.read.decisions.max(newest - MOST_DECISIONS);
        rest.skipped += u64::try_from(from - rest.read.decisions).unwrap_or(0);
        rest.read.decisions = from;
        for _ in 0..MOST_DECISIONS / i64::from(PAGE) {
            let Some(after) = self.mind.as_ref().map(|mind| mind.rest.read.decisions) else {
                break;
            };
            let start = Instant::now();
            let page = self.app.store.bare_decisions(after, PAGE).await?;
            let is_last = page.len() < PAGE as usize;
            self.is_changed |= !page.is_empty();
            let router = router.clone();
            self.think(all, move |mind| mind.see(&page, &router)).await;
            if is_last {
                break;
            }
            self.leave_gap(start.elapsed()).await;
        }
        Ok(())
    }

    /// Arithmetic leaves the runtime's threads.
    async fn think(
        &mut self,
        all: &mut Heard,
        work: impl FnOnce(&mut Mind) -> Heard + Send + 'static,
    ) {
        let Some(mut mind) = self.mind.take() else {
            return;
        };
        let thought = spawn_blocking(move || {
            let heard = work(&mut mind);
            (mind, heard)
        });
        // A panic was reported by the panic hook; the next turn begins from the last snapshot.
        let Ok((mind, heard)) = thought.await else {
            return;
        };
        self.mind = Some(mind);
        self.is_changed |= heard.is_news || !heard.outcomes.is_empty();
        self.app.metrics.learning().lessons(&heard.outcomes);
        all.is_news |= heard.is_news;
        all.events.extend(heard.events);
    }

    async fn tell(&mut self, drift: &[DriftEvent]) -> Result<(), StoreError> {
        let Some(mind) = &self.mind else {
            return Ok(());
        };
        let events: Vec<EventRecord> = self.noted.changes(mind, drift);
        for event in events {
            self.app.store.add_event(event).await?;
        }
        Ok(())
    }

    /// Decides by what is known now, where that is wanted; in alarm as training left it.
    fn hand_out(&mut self, adaptive: &Adaptive) {
        let learning = &self.app.learning;
        let Some(mind) = &mut self.mind else { return };
        if learning.mode_for(adaptive.frozen()) != Mode::Apply {
            return;
        }
        let consequence = mind.consequence();
        let learned =
            (!consequence.use_reference).then(|| mind.learned(&learning.config, now_ms()));
        let explores = !consequence.stop_exploring && !consequence.use_reference;
        learning.publish(adaptive, learned, explores);
    }

    fn report(&self, adaptive: &Adaptive, standing: Standing) {
        let (app, router) = (&self.app, adaptive.frozen());
        let Some(mind) = &self.mind else { return };
        let applies = app.learning.mode_for(router) == Mode::Apply && mind.has_learnt();
        let of = (router.identity(), self.kept);
        let status = Status::of(mind, &app.learning.config, (standing, applies), of);
        app.metrics.learning().stand(mind);
        app.learning.status.store(Arc::new(status));
    }

    async fn keep_if_due(&mut self) -> Result<(), StoreError> {
        let since = self.kept.map_or(0, |kept| now_ms() - kept.ts_ms);
        let period = i64::try_from(self.app.learning.config.snapshot_ms).unwrap_or(i64::MAX);
        // A clock that went back does not put it off for ever.
        let is_due = self.kept.is_none() || since >= period || since < 0;
        match self.owes_budget || self.is_changed && is_due {
            true => self.keep().await,
            false => Ok(()),
        }
    }

    /// Keeps what is known, durably. Only whoever holds the lease does.
    async fn keep(&mut self) -> Result<(), StoreError> {
        let (app, ts_ms) = (Arc::clone(&self.app), now_ms());
        let (Some(mind), Some(router)) = (&self.mind, &self.router) else {
            return Ok(());
        };
        if !self.has_lease() {
            return Ok(());
        }
        let paced = match &app.pacing {
            Some(pacing) => Some(pacing.paced(app.store.last_decision().await?)),
            None => None,
        };
        let cursor = mind.rest.read.news;
        let snapshot = Snapshot {
            base: router.identity().to_owned(),
            cursor,
            ts_ms,
            state: to_bytes(mind, paced.as_ref()),
        };
        let seq = app.store.save_snapshot(snapshot).await?;
        self.kept = Some(KeptState { seq, cursor, ts_ms });
        self.is_changed = false;
        self.owes_budget = false;
        Ok(())
    }
}
