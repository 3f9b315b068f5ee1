//! The versions of the router: which are known, which serves, and how that changes.
//!
//! Every change is planned on the roster as it stands, and then made in one transaction together
//! with the event that tells of it. The server plans, loads what is about to serve, makes the change
//! and swaps the routers in service; the command line does the same without a server. Nothing is
//! judged here: evidence comes from `steward`.

mod copies;
mod error;
mod event;
mod plan;
mod roster;
mod trial;

#[cfg(test)]
mod tests;

use std::path::Path;

use pointsman_learn::promotion::{Rails, Roster};
use pointsman_store::{Event, EventRecord, Store, Version};
use pointsman_types::{Probability, Stage};
use serde_json::{Value, json};

use crate::office::pass_point;
use copies::Copies;
pub use error::VersionsError;
use event::Detail;
pub use event::Order;
pub(crate) use event::{Cause, looked};
pub use plan::Plan;
pub(crate) use trial::Trial;

/// The versions that a store knows, and their copies beside it.
#[derive(Debug, Clone)]
pub struct Versions {
    store: Store,
    copies: Copies,
}

/// Every version and everything that happened to them, as read at one moment.
pub(crate) struct Book {
    pub(crate) versions: Vec<Version>,
    pub(crate) roster: Roster,
    pub(crate) events: Vec<Event>,
}

impl Versions {
    /// Those of a store.
    #[must_use]
    pub fn of(store: &Store) -> Self {
        Self {
            store: store.clone(),
            copies: Copies::beside(store.path()),
        }
    }

    /// Every version, in the order in which they became known.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn all(&self) -> Result<Vec<Version>, VersionsError> {
        Ok(self.store.versions().await?)
    }

    /// What happened to them last, at most so many events, the newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn history(&self, most: usize) -> Result<Vec<Event>, VersionsError> {
        let events = self.events().await?;
        Ok(events.into_iter().rev().take(most).collect())
    }

    /// Versions and events as they are shown: the body of `GET /v1/versions`, less what only a server
    /// knows.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn listing(&self) -> Result<Value, VersionsError> {
        const LISTED: usize = 50;
        let (versions, events) = (self.all().await?, self.history(LISTED).await?);
        let current = versions.iter().find(|one| one.stage == Stage::Current);
        Ok(json!({
            "current": current.map(|one| one.id.as_str()),
            "versions": versions.iter().map(listed).collect::<Vec<_>>(),
            "events": events.iter().map(told).collect::<Vec<_>>(),
        }))
    }

    /// Keeps a copy of a router's directory and makes it a candidate. Tells whether it is new.
    ///
    /// The copy is whole before the version is known: written aside, synced and renamed.
    ///
    /// # Errors
    /// When the directory cannot be copied or the store not written.
    pub async fn register(
        &self,
        version: &str,
        directory: &Path,
        now_ms: i64,
    ) -> Result<bool, VersionsError> {
        let path = self.copies.keep(version, directory).await?;
        pass_point();
        let from = directory.to_string_lossy().into_owned();
        let event = event::registered(version, &from, now_ms);
        self.add(&path.to_string_lossy(), None, event).await
    }

    /// Makes a candidate of a version together with what a learner had learnt; the learner's snapshot
    /// stays in the store for as long as a live version needs it. Tells whether it is new.
    pub(crate) async fn register_taught(
        &self,
        version: &str,
        base: &Version,
        seq: i64,
        now_ms: i64,
    ) -> Result<bool, VersionsError> {
        let from = format!("snapshot {seq} on {}", base.id);
        let event = event::registered(version, &from, now_ms);
        self.add(&base.path, Some(seq), event).await
    }

    async fn add(
        &self,
        path: &str,
        snapshot_seq: Option<i64>,
        event: EventRecord,
    ) -> Result<bool, VersionsError> {
        let version = Version {
            id: event.subject.clone().unwrap_or_default(),
            path: path.to_owned(),
            snapshot_seq,
            stage: Stage::Candidate,
            share: Probability::ZERO,
            added_ms: event.ts_ms,
            changed_ms: event.ts_ms,
            note: None,
        };
        let is_new = self.store.add_version(version).await?;
        pass_point();
        if is_new {
            self.store.add_event(event).await?;
        }
        Ok(is_new)
    }

    /// Plans what somebody asks for.
    ///
    /// # Errors
    /// When the version cannot go there, or its gate is closed and the order does not force it.
    pub async fn order(
        &self,
        order: &Order,
        rails: &Rails,
        now_ms: i64,
    ) -> Result<Plan, VersionsError> {
        order.check()?;
        let book = self.book().await?;
        let is_first = book.roster.current().is_none();
        let is_gated = matches!(order.to, Stage::Canary | Stage::Current) && !is_first;
        if is_gated && !order.force {
            return Err(VersionsError::Gate {
                version: order.version.clone(),
                to: order.to,
                verdict: book.verdict(),
            });
        }
        let moves = book.roster.moves(&order.version, order.to, order.force)?;
        let share = match order.to {
            Stage::Canary => order.share.unwrap_or(rails.canary_share),
            _ => rails.hold_back,
        };
        self.plan(&book, (moves, share), Cause::Order(order), now_ms)
            .await
    }

    /// Plans the way back to the last good version.
    ///
    /// # Errors
    /// When there is none.
    pub async fn rollback(
        &self,
        reason: Option<&str>,
        rails: &Rails,
        now_ms: i64,
    ) -> Result<Plan, VersionsError> {
        let book = self.book().await?;
        let moves = book.roster.rollback()?;
        let cause = Cause::RollBack(reason);
        self.plan(&book, (moves, rails.hold_back), cause, now_ms)
            .await
    }

    /// Makes a planned change.
    ///
    /// # Errors
    /// When the versions moved since it was planned, or the store cannot be written; nothing is
    /// changed then.
    pub async fn make(&self, plan: &Plan) -> Result<(), VersionsError> {
        self.store.transition(plan.transition.clone()).await?;
        Ok(())
    }

    pub(crate) async fn book(&self) -> Result<Book, VersionsError> {
        let versions = self.store.versions().await?;
        let events = self.events().await?;
        Ok(Book {
            roster: roster::of(&versions),
            versions,
            events,
        })
    }

    async fn events(&self) -> Result<Vec<Event>, VersionsError> {
        const PAGE: u32 = 1000;
        let mut events = Vec::new();
        loop {
            let after = events.last().map_or(0, |event: &Event| event.seq);
            let page = self.store.events(after, PAGE).await?;
            let is_last = page.len() < PAGE as usize;
            events.extend(page);
            if is_last {
                return Ok(events);
            }
        }
    }
}

fn listed(version: &Version) -> Value {
    json!({
        "version": version.id,
        "stage": version.stage.as_str(),
        "share": version.share.get(),
        "path": version.path,
        "snapshot": version.snapshot_seq,
        "added_ms": version.added_ms,
        "changed_ms": version.changed_ms,
    })
}

fn told(event: &Event) -> Value {
    json!({
        "seq": event.seq,
        "ts_ms": event.event.ts_ms,
        "kind": event.event.kind,
        "subject": event.event.subject,
        "detail": event.event.detail,
    })
}

impl Book {
    /// The version as stored.
    pub(crate) fn version(&self, id: &str) -> Option<&Version> {
        self.versions.iter().find(|version| version.id == id)
    }

    /// The events on drift since a trial began.
    pub(crate) fn drift_since(&self, trial: &Trial) -> impl Iterator<Item = &Event> {
        let begun = trial.begun;
        let later = self.events.iter().filter(move |event| event.seq > begun);
        later.filter(|event| event.event.kind == event::DRIFT)
    }

    /// What was last said of the version on trial.
    fn verdict(&self) -> String {
        let looks = self.events.iter().rev();
        let mut looks = looks.filter(|event| event.event.kind == event::LOOK);
        let reason = looks.next().and_then(|look| {
            let reason = look.event.detail.get("reason")?.as_str()?;
            Some(reason.to_owned())
        });
        reason.unwrap_or_else(|| "there is no evidence yet".to_owned())
    }
}
