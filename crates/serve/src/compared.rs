//! What a version beside the current one says of a request, and how it comes into the answer and the
//! record.
//!
//! Both versions decide on every request. One that decides a share of them is asked before the
//! answer, and the probabilities that are recorded are those of the draw and both versions together.
//! One in shadow is asked after the answer.

use std::sync::Arc;

use pointsman_learn::promotion::mixture;
use pointsman_router::Explanation;
use pointsman_store::{Arm, KeptCandidate, Shadow};
use pointsman_types::{Candidate, Probability, Request};
use uuid::Uuid;

use crate::App;
use crate::beside::{Said, Silent};
use crate::live::{Beside, Snapshot};
use crate::route::Decided;

/// Lets chance say which of two versions decides, where the one beside decides a share.
pub(crate) async fn before_the_answer(app: &App, snapshot: &Snapshot, own: Decided) -> Decided {
    match snapshot.beside.as_ref().filter(|beside| beside.share > 0.0) {
        Some(beside) => drawn(app, snapshot, beside, own).await,
        None => own,
    }
}

/// Where the one beside is silent the current one decides, as if there were no other; so its
/// probabilities are the true ones.
async fn drawn(app: &App, snapshot: &Snapshot, beside: &Beside, own: Decided) -> Decided {
    let takes = draw() < beside.share;
    let explain = own.explain && takes;
    let said = app.besides.ask(&beside.loaded, &own.request, explain).await;
    app.metrics.beside(said.as_ref().err().copied());
    let shadow = Shadow {
        share: probability(beside.share),
        current: kept(&own.decision.candidates),
        ..shadow(
            beside,
            &snapshot.current.version,
            own.decision.lambda,
            said.as_ref(),
        )
    };
    match said {
        Ok(said) => mixed(own, said, takes, beside, shadow),
        Err(_) => Decided {
            arm: Some(Arm::Current),
            shadow: Some(shadow),
            ..own
        },
    }
}

/// What was decided where both versions said something.
fn mixed(own: Decided, said: Said, takes: bool, beside: &Beside, shadow: Shadow) -> Decided {
    let (share, rest) = (probability(beside.share), probability(1.0 - beside.share));
    let (decision, explanation, arm) = match takes {
        true => (
            mixture(&said.decision, &own.decision, share),
            said.explanation,
            Arm::Canary,
        ),
        false => (
            mixture(&own.decision, &said.decision, rest),
            own.explanation,
            Arm::Current,
        ),
    };
    Decided {
        // The answer tells of the probabilities that are recorded.
        explanation: explanation.map(|grounds| Explanation {
            decision: decision.clone(),
            ..grounds
        }),
        decision,
        arm: Some(arm),
        shadow: Some(shadow),
        ..own
    }
}

/// What the version in shadow is asked once the answer is on its way.
pub(crate) struct Asked {
    beside: Beside,
    against: String,
    id: String,
    lambda: Option<f64>,
    request: Request,
}

impl Asked {
    /// The question on a decision, where a version is in shadow.
    pub(crate) fn of(snapshot: &Snapshot, decided: &Decided) -> Option<Self> {
        let beside = snapshot.beside.as_ref()?;
        (beside.share <= 0.0).then(|| Self {
            beside: beside.clone(),
            against: snapshot.current.version.clone(),
            id: decided.id.clone(),
            lambda: decided.decision.lambda,
            request: decided.request.clone(),
        })
    }

    /// Asks, and keeps what is said with the decision.
    pub(crate) fn after_the_answer(self, app: &Arc<App>) {
        let app = Arc::clone(app);
        tokio::spawn(async move {
            let Self {
                beside, request, ..
            } = &self;
            let said = app.besides.ask(&beside.loaded, request, false).await;
            app.metrics.beside(said.as_ref().err().copied());
            let shadow = shadow(beside, &self.against, self.lambda, said.as_ref());
            if let Err(error) = app.store.shade(&self.id, &shadow) {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "what the version in shadow said was not kept");
            }
        });
    }
}

/// Both are measured at the price of quality of the one that was there first, so that none looks
/// better for another price alone.
fn shadow(
    beside: &Beside,
    against: &str,
    lambda: Option<f64>,
    said: Result<&Said, &Silent>,
) -> Shadow {
    let theirs = said.map_or(lambda, |said| said.decision.lambda);
    let candidates = said.map(|said| kept(&said.decision.candidates));
    Shadow {
        version: beside.loaded.version.clone(),
        against: against.to_owned(),
        after: beside.after,
        share: Probability::ZERO,
        lambda: if beside.is_challenger { lambda } else { theirs },
        failed: candidates.is_err(),
        candidates: candidates.unwrap_or_default(),
        current: Vec::new(),
    }
}

/// Shares were checked where they were set.
fn probability(share: f64) -> Probability {
    Probability::new(share).unwrap_or(Probability::ZERO)
}

fn kept(candidates: &[Candidate]) -> Vec<KeptCandidate> {
    candidates.iter().map(KeptCandidate::from).collect()
}

/// A number drawn evenly from [0, 1): the part of an id of its own that counts nothing.
fn draw() -> f64 {
    let random = Uuid::now_v7().as_u128() as u32;
    f64::from(random) / (f64::from(u32::MAX) + 1.0)
}
