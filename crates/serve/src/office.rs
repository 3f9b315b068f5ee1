//! Changes which versions serve: plans a change, loads what it puts into service, makes it durable,
//! and only then swaps the routers. Whoever starts after a crash at any of these points finds the old
//! state or the new one in the store, and serves that.

use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use pointsman_learn::promotion::{Evidence, MoveRefused, Rails, Step};
use pointsman_store::{Store, Version};
use pointsman_types::Stage;
use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard};

use crate::App;
use crate::live::{Beside, Loaded, Snapshot, Source};
use crate::route::new_id;
use crate::versions::{Book, Cause, Order, Plan, Trial, Versions, VersionsError};

/// What changes are made with.
pub(crate) struct Office {
    pub(crate) versions: Versions,
    pub(crate) rails: Rails,
    /// One change at a time.
    turn: Mutex<()>,
    /// What was last found of the version on trial, as it is shown.
    trial: ArcSwapOption<Value>,
}

impl Office {
    pub(crate) fn new(store: &Store, rails: Rails) -> Self {
        Self {
            versions: Versions::of(store),
            rails,
            turn: Mutex::new(()),
            trial: ArcSwapOption::empty(),
        }
    }

    /// Waits until nobody else changes anything.
    pub(crate) async fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// What was last found of the version on trial.
    pub(crate) fn trial(&self) -> Option<Arc<Value>> {
        self.trial.load_full()
    }

    pub(crate) fn no_trial(&self) {
        self.trial.store(None);
    }

    /// Keeps what was found, to be shown.
    pub(crate) fn tell(&self, trial: &Trial, step: &Step, evidence: &Evidence) {
        let found = json!({
            "progress": trial.progress,
            "verdict": step.reason(),
            "evidence": evidence,
        });
        self.trial.store(Some(Arc::new(found)));
    }
}

impl App {
    /// Puts the version into service that the store says is current. Where the router's directory
    /// holds another router than when it was last looked at, somebody put it there: it is current.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn adopt(self: &Arc<Self>) -> Result<(), VersionsError> {
        if self.live.source().is_none() {
            return Ok(());
        }
        let _turn = self.office.turn().await;
        let held = Arc::clone(&self.live.snapshot().current);
        let book = self.office.versions.book().await?;
        if held.router.is_stand_in() {
            return self.resume_or_stand_in(&book).await;
        }
        if book.directory().as_deref() == Some(held.version.as_str()) {
            match self.resume(&book).await {
                Ok(()) => return Ok(()),
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(
                        error,
                        "the current version cannot serve; the router's directory does"
                    );
                }
            }
        }
        self.put_by_hand(held).await
    }

    /// The directory has no router that can serve. The version that served before has its own copy; if
    /// that is gone too, the default model answers.
    async fn resume_or_stand_in(self: &Arc<Self>, book: &Book) -> Result<(), VersionsError> {
        if let Err(error) = self.resume(book).await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "no version can serve; the default model answers");
        }
        Ok(())
    }

    /// Puts the router into service that is in the directory now.
    pub(crate) async fn take_directory(self: &Arc<Self>) -> Result<(), VersionsError> {
        let directory = self.source()?.directory.clone();
        let loaded = self.load(&directory).await?;
        let _turn = self.office.turn().await;
        self.put_by_hand(Arc::new(loaded)).await
    }

    /// Makes a copy of a router and a candidate of it. Tells its name, and whether it is new.
    pub(crate) async fn register(
        self: &Arc<Self>,
        directory: &Path,
    ) -> Result<(String, bool), VersionsError> {
        let loaded = self.load(directory).await?;
        let _turn = self.office.turn().await;
        let versions = &self.office.versions;
        let is_new = versions.register(&loaded.version, directory, now_ms());
        let is_new = is_new.await?;
        Ok((loaded.version, is_new))
    }

    /// Makes a candidate of the current version with what a learner had learnt. Tells its name, and
    /// whether it is new.
    pub(crate) async fn register_snapshot(
        self: &Arc<Self>,
        seq: i64,
    ) -> Result<(String, bool), VersionsError> {
        let _turn = self.office.turn().await;
        let book = self.office.versions.book().await?;
        let current = book.roster.current().ok_or(MoveRefused::NoCurrent)?;
        let base = book.version(&current.version);
        let base = base.ok_or(MoveRefused::NoCurrent)?;
        let taught = Version {
            snapshot_seq: Some(seq),
            ..base.clone()
        };
        let version = self.load_kept(&taught).await?.version;
        let registered = self
            .office
            .versions
            .register_taught(&version, base, seq, now_ms());
        Ok((version.clone(), registered.await?))
    }

    /// Does what somebody asks for.
    pub(crate) async fn order(self: &Arc<Self>, order: &Order) -> Result<Plan, VersionsError> {
        self.source()?;
        let _turn = self.office.turn().await;
        let Office {
            versions, rails, ..
        } = &self.office;
        let plan = versions.order(order, rails, now_ms()).await?;
        self.carry_out(&plan).await?;
        Ok(plan)
    }

    /// Goes back to the last good version.
    pub(crate) async fn roll_back(
        self: &Arc<Self>,
        reason: Option<&str>,
    ) -> Result<Plan, VersionsError> {
        self.source()?;
        let _turn = self.office.turn().await;
        let Office {
            versions, rails, ..
        } = &self.office;
        let plan = versions.rollback(reason, rails, now_ms()).await?;
        self.carry_out(&plan).await?;
        Ok(plan)
    }

    /// Loads, makes durable, swaps. The caller has the turn.
    pub(crate) async fn carry_out(self: &Arc<Self>, plan: &Plan) -> Result<(), VersionsError> {
        let current = self
            .loaded(plan.current(), plan.version(plan.current()))
            .await?;
        let beside = self.beside_of(plan).await?;
        pass_point();
        self.office.versions.make(plan).await?;
        pass_point();
        tracing::info!(current = current.version, moves = ?plan.moves(), "versions moved");
        self.swap(Snapshot { current, beside });
        pass_point();
        Ok(())
    }

    /// Exchanges the routers; the one that takes over learns of what is known.
    fn swap(&self, next: Snapshot) {
        let old = self.live.snapshot();
        if !Arc::ptr_eq(&old.current, &next.current) {
            self.hand_over(old.current.router.as_ref(), next.current.router.as_ref());
        }
        self.live.swap(next);
    }

    async fn beside_of(self: &Arc<Self>, plan: &Plan) -> Result<Option<Beside>, VersionsError> {
        let Some(trial) = &plan.trial else {
            return Ok(None);
        };
        let kept = plan.version(&trial.beside);
        self.beside(trial, kept, plan.share).await.map(Some)
    }

    async fn beside(
        self: &Arc<Self>,
        trial: &Trial,
        kept: Option<&Version>,
        share: f64,
    ) -> Result<Beside, VersionsError> {
        Ok(Beside {
            loaded: self.loaded(&trial.beside, kept).await?,
            share,
            after: trial.after,
            is_challenger: trial.progress.stage != Stage::Current,
        })
    }

    async fn resume(self: &Arc<Self>, book: &Book) -> Result<(), VersionsError> {
        let current = book.roster.current().ok_or(MoveRefused::NoCurrent)?;
        let current = self
            .loaded(&current.version, book.version(&current.version))
            .await?;
        let mut beside = None;
        if let Some(trial) = book.trial() {
            let kept = book.version(&trial.beside);
            let share = kept.map_or(0.0, |one| one.share.get());
            match self.beside(&trial, kept, share).await {
                Ok(found) => beside = Some(found),
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(
                        error,
                        "the version on trial cannot run; nothing is compared"
                    );
                }
            }
        }
        self.swap(Snapshot { current, beside });
        Ok(())
    }

    /// A router that somebody put into the directory becomes current, and is watched like any other.
    async fn put_by_hand(self: &Arc<Self>, loaded: Arc<Loaded>) -> Result<(), VersionsError> {
        let directory = self.source()?.directory.clone();
        let Office {
            versions, rails, ..
        } = &self.office;
        let version = loaded.version.as_str();
        versions.register(version, &directory, now_ms()).await?;
        let book = versions.book().await?;
        let is_current = book
            .roster
            .current()
            .is_some_and(|one| one.version == version);
        let moves = match is_current {
            true => Vec::new(),
            false => book.roster.moves(version, Stage::Current, true)?,
        };
        let (cause, share) = (Cause::Directory(version), rails.hold_back);
        let plan = versions
            .plan(&book, (moves, share), cause, now_ms())
            .await?;
        if is_current {
            versions.make(&plan).await?;
            return self.resume(&book).await;
        }
        // The router serves in any case, also where the old one can no longer be compared with.
        let beside = self.beside_of(&plan).await.unwrap_or_default();
        versions.make(&plan).await?;
        self.swap(Snapshot {
            current: loaded,
            beside,
        });
        Ok(())
    }

    /// A version that runs already, or its copy.
    async fn loaded(
        self: &Arc<Self>,
        version: &str,
        kept: Option<&Version>,
    ) -> Result<Arc<Loaded>, VersionsError> {
        if let Some(running) = self.live.snapshot().get(version) {
            return Ok(running);
        }
        let unknown = || MoveRefused::Unknown {
            version: version.to_owned(),
        };
        let loaded = self.load_kept(kept.ok_or_else(unknown)?).await?;
        Ok(Arc::new(loaded.known_as(version)))
    }

    /// The copy of a version, with what a learner had learnt where that is part of it.
    async fn load_kept(self: &Arc<Self>, kept: &Version) -> Result<Loaded, VersionsError> {
        let loaded = self.load(Path::new(&kept.path)).await?;
        let Some(seq) = kept.snapshot_seq else {
            return Ok(loaded);
        };
        let found = self.store.snapshot(seq).await?;
        let state = found.ok_or(VersionsError::NoSnapshot { seq })?.snapshot;
        loaded
            .taught(&state.state)
            .map_err(|source| VersionsError::Snapshot { seq, source })
    }

    async fn load(self: &Arc<Self>, directory: &Path) -> Result<Loaded, VersionsError> {
        self.source()?;
        let (app, directory) = (Arc::clone(self), directory.to_owned());
        let loading = tokio::task::spawn_blocking(move || {
            let source = app.source()?;
            source
                .load(&directory)
                .map_err(|source| VersionsError::Load { directory, source })
        });
        // The panic itself was reported by the panic hook.
        loading.await.unwrap_or(Err(VersionsError::Panicked))
    }

    fn source(&self) -> Result<&Source, VersionsError> {
        self.live.source().ok_or(VersionsError::Fixed)
    }
}

#[cfg(test)]
pub(crate) use crate::tests::restarts::pass_point;

/// A point at which tests end the process.
#[cfg(not(test))]
pub(crate) const fn pass_point() {}

/// Milliseconds since 1970, UTC.
pub(crate) fn now_ms() -> i64 {
    new_id().1
}
