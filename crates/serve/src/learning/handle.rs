//! What handlers share with the task that learns: they wake it, it tells them how things stand.

use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption};
use pointsman_router::{Learned, Router};
use tokio::sync::Notify;

use super::status::Status;
use super::{Adaptive, LearningConfig, Mode};

/// Learning as the rest of the server sees it.
pub(crate) struct Learning {
    pub(crate) config: LearningConfig,
    pub(crate) news: Notify,
    pub(crate) status: ArcSwap<Status>,
    published: ArcSwapOption<Published>,
}

/// The last state that was handed out.
pub(crate) struct Published {
    identity: String,
    learned: Option<Arc<Learned>>,
    explores: bool,
}

impl Learning {
    pub(crate) fn new(config: &LearningConfig) -> Self {
        Self {
            status: ArcSwap::from_pointee(Status::beginning(config.mode)),
            config: config.clone(),
            news: Notify::new(),
            published: ArcSwapOption::empty(),
        }
    }

    /// There is something to learn from.
    pub(crate) fn wake(&self) {
        self.news.notify_one();
    }

    /// What becomes of what is learnt of this router. A promise holds for the policy that was
    /// tested, so a router that promises something is left as it is.
    pub(crate) fn mode_for(&self, router: &Router) -> Mode {
        match self.config.mode {
            Mode::Apply if router.guarantee().is_some() => Mode::Observe,
            mode => mode,
        }
    }

    /// Decides by this state from now on.
    pub(crate) fn publish(
        &self,
        adaptive: &Adaptive,
        learned: Option<Arc<Learned>>,
        explores: bool,
    ) {
        let published = Published {
            identity: adaptive.frozen().identity().to_owned(),
            learned,
            explores,
        };
        published.hand_to(adaptive);
        self.published.store(Some(Arc::new(published)));
    }

    /// Hands what is known to a router that is about to serve: the same artifact at other prices, or
    /// by another policy.
    pub(crate) fn brief(&self, adaptive: &Adaptive) {
        if let Some(published) = self.published.load_full()
            && published.identity == adaptive.frozen().identity()
            && self.mode_for(adaptive.frozen()) == Mode::Apply
        {
            published.hand_to(adaptive);
        }
    }
}

impl Published {
    fn hand_to(&self, adaptive: &Adaptive) {
        if let Err(error) = adaptive.serve(self.learned.clone(), self.explores) {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "what was learnt does not fit the router");
        }
    }
}
