//! A cascade: a cheap model first, the next one where its answer does not pass.

use pointsman_types::ModelName;

use super::check::Check;
use super::{CascadeConfig, Crew, Done, Step, Stopped, calls};

/// A cascade that was checked.
pub(crate) struct Cascade {
    models: Vec<ModelName>,
    checks: Vec<Check>,
}

impl Cascade {
    pub(super) fn new(config: &CascadeConfig) -> Result<Self, String> {
        calls(&config.models, 1)?;
        if config.models.len() < 2 {
            return Err("needs two models or more".to_owned());
        }
        if config.checks.is_empty() {
            return Err("has no checks, so it would never go on".to_owned());
        }
        Ok(Self {
            models: config.models.clone(),
            checks: config
                .checks
                .iter()
                .map(Check::new)
                .collect::<Result<_, _>>()?,
        })
    }

    /// The first answer that passes, or the last one. A model that fails is passed over.
    pub(super) async fn run(&self, crew: &Crew<'_>) -> Result<Done, Stopped> {
        let is_scored = self.checks.iter().any(Check::needs_likelihood);
        let mut best = None;
        let mut trouble = None;
        for (at, model) in self.models.iter().enumerate() {
            let step = Step {
                is_scored,
                ..Step::default()
            };
            match crew.repeat(model, step).await {
                Ok(done) if at + 1 == self.models.len() => return Ok(done),
                Ok(done) => {
                    if self.passes(crew, &done).await {
                        return Ok(done);
                    }
                    best = Some(done);
                }
                Err(Stopped::TooDear(most)) => {
                    trouble = Some(Stopped::TooDear(most));
                    break;
                }
                Err(other) => trouble = Some(other),
            }
        }
        // An answer that did not pass is better than none.
        match (best, trouble) {
            (Some(done), _) => Ok(done),
            (None, Some(trouble)) => Err(trouble),
            (None, None) => unreachable!("there are two models or more, and each is asked"),
        }
    }

    async fn passes(&self, crew: &Crew<'_>, done: &Done) -> bool {
        for check in &self.checks {
            if !check.passes(crew, done).await {
                return false;
            }
        }
        true
    }
}
