//! From one router in service to the next: what was learnt goes with it, and the budget is told of
//! new prices.

use pointsman_router::Router;
use pointsman_types::{ModelName, Prompt, Tokens};

use crate::{App, Decide};

/// A change of price within rounding is none.
const LEAST_CHANGE: f64 = 1e-6;
/// A request of middling length, on which prices are compared.
const TYPICAL: Tokens = Tokens(500);

impl App {
    /// Before `new` takes over from `old`. The same artifact goes on with what is known of it; of
    /// another one the task that learns sees to that.
    pub(crate) fn hand_over(&self, old: &dyn Decide, new: &dyn Decide) {
        let Some(adaptive) = new.adaptive() else {
            return;
        };
        self.learning.brief(adaptive);
        self.learning.wake();
        let (Some(pacing), Some(old)) = (&self.pacing, old.adaptive()) else {
            return;
        };
        for (model, factor) in repriced(old.frozen(), adaptive.frozen()) {
            tracing::info!(%model, factor, "a price has changed");
            pacing.reprice(&model, factor);
        }
    }
}

/// The models that cost more or less now, and how many times what they did.
fn repriced(old: &Router, new: &Router) -> Vec<(ModelName, f64)> {
    let costs = |router: &Router| -> Vec<(ModelName, f64)> {
        let said = router.predict(&Prompt::from(""), Some(TYPICAL));
        let costs = said.iter().map(|said| said.cost.as_f64());
        router.models().iter().cloned().zip(costs).collect()
    };
    let before = costs(old);
    let factor = |(model, now): (ModelName, f64)| {
        let was = before.iter().find(|(name, _)| *name == model)?.1;
        let factor = now / was;
        let is_change = factor.is_finite() && factor > 0.0 && (factor - 1.0).abs() > LEAST_CHANGE;
        is_change.then_some((model, factor))
    };
    costs(new).into_iter().filter_map(factor).collect()
}
