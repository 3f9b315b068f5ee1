//! The router: an artifact at work.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use pointsman_encoders::Encoder;
use pointsman_features::{Extractor, Features, current_turn};
use pointsman_models::{Belief, Cascade, Coordinates, Model, Point, sha256};
use pointsman_policy::{
    Chance, Exploration, Guarantee, Needs, OperatingCurve, Policy, PolicySpec, choose,
    limit_refusal,
};
use pointsman_types::{
    Candidate, Catalog, Correction, Decision, ModelCard, ModelName, Prices, Probability, Prompt,
    Quality, Reason, Request, Tokens, Usd,
};

use crate::encoding::{Encoding, is_slow};
use crate::error::RouterError;
use crate::learned::{Learned, contrast};
use crate::saved::{Artifact, Example};
use crate::trained_on::TrainedOn;

/// Decides. Immutable; shared by any number of threads.
#[derive(Debug, Clone)]
pub struct Router {
    fitted: Arc<Fitted>,
    encoder: Option<Encoder>,
    cards: Vec<ModelCard>,
    catalog: Catalog,
    spec: PolicySpec,
    policy: Policy,
    exploration: Exploration,
    learned: Option<Arc<Learned>>,
    guarantee: Option<Guarantee>,
    policy_version: String,
}

/// What training made. All routers that stem from one artifact share it, so that one more of them,
/// which has learnt more or has other prices, costs next to nothing.
#[derive(Debug)]
struct Fitted {
    extractor: Extractor,
    model: Model,
    cascade: Option<Arc<Cascade>>,
    curve: OperatingCurve,
    trained_on: TrainedOn,
    examples: Vec<Example>,
    training: serde_json::Value,
    identity: String,
}

/// What is expected of one model for one prompt.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prediction {
    /// Calibrated expected quality.
    pub quality: Quality,
    /// Calibrated lower estimate.
    pub quality_lower: Quality,
    /// What feedback has made of the quality, where feedback is learnt from.
    pub learned: Option<Correction>,
    /// Expected cost of the request.
    pub cost: Usd,
    /// Expected tokens out, where tokens were logged.
    pub output_tokens: Option<f32>,
    /// The median of the tokens out.
    pub output_tokens_p50: Option<f32>,
    /// What nine of ten answers stay below in tokens.
    pub output_tokens_p90: Option<f32>,
}

/// No model satisfies the limits of a request.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("no model satisfies the limits of the request")]
pub struct Unsatisfiable {
    /// Every model, each with the limit that refused it.
    pub candidates: Vec<Candidate>,
}

impl Router {
    /// Opens the directory that training wrote.
    ///
    /// # Errors
    /// When it is damaged, of another version, or something is unknown that deciding needs.
    pub fn open(dir: &Path) -> Result<Self, RouterError> {
        Self::open_with(dir, &Encoding::default())
    }

    /// Opens the directory that training wrote, with its sentence encoder in another place or on
    /// another device.
    ///
    /// # Errors
    /// As [`Router::open`], and when the encoder is not the one of the training.
    pub fn open_with(dir: &Path, encoding: &Encoding) -> Result<Self, RouterError> {
        let (artifact, identity) = Artifact::open(dir)?;
        Self::assemble(artifact, identity, encoding)
    }

    /// Puts an artifact to work that is not on disk.
    ///
    /// # Errors
    /// When its features are of another version, or nothing says what a model costs.
    pub fn new(artifact: Artifact) -> Result<Self, RouterError> {
        Self::new_with(artifact, &Encoding::default())
    }

    /// The same, with its sentence encoder in another place or on another device.
    ///
    /// # Errors
    /// As [`Router::new`], and when the encoder is not the one of the training.
    pub fn new_with(artifact: Artifact, encoding: &Encoding) -> Result<Self, RouterError> {
        let identity = sha256(&artifact.model.weights()?);
        Self::assemble(artifact, identity, encoding)
    }

    fn assemble(
        artifact: Artifact,
        identity: String,
        encoding: &Encoding,
    ) -> Result<Self, RouterError> {
        let router = Self {
            encoder: encoding.open(artifact.model.encoder.as_ref())?,
            cards: cards(&artifact.model.names, &artifact.catalog),
            policy: artifact
                .policy
                .resolve(&artifact.curve, &artifact.model.names)?,
            exploration: Exploration::Greedy,
            learned: None,
            guarantee: artifact.guarantee,
            catalog: artifact.catalog,
            spec: artifact.policy,
            policy_version: String::new(),
            fitted: Arc::new(Fitted {
                extractor: Extractor::new(artifact.model.features.clone())?,
                model: artifact.model,
                cascade: artifact.cascade.map(Arc::new),
                curve: artifact.curve,
                trained_on: artifact.trained_on,
                examples: artifact.examples,
                training: artifact.report,
                identity,
            }),
        };
        router.checked()
    }

    /// The same router by another policy, of which nothing is guaranteed.
    ///
    /// # Errors
    /// When the policy is a budget that cannot be met, or has an unknown reference.
    pub fn with_policy(mut self, spec: PolicySpec) -> Result<Self, RouterError> {
        self.policy = spec.resolve(&self.fitted.curve, &self.fitted.model.names)?;
        self.guarantee = self.guarantee.filter(|one| one.policy == spec);
        self.spec = spec;
        self.checked()
    }

    /// The same router trying others than the best. Only requests with a draw are subject to it. Of
    /// a policy that explores nothing is guaranteed.
    ///
    /// # Errors
    /// When the exploration is out of range.
    pub fn with_exploration(mut self, exploration: Exploration) -> Result<Self, RouterError> {
        exploration.check()?;
        self.guarantee = self.guarantee.filter(|_| !exploration.explores());
        self.exploration = exploration;
        self.checked()
    }

    /// How it tries others than the best.
    #[must_use]
    pub fn exploration(&self) -> &Exploration {
        &self.exploration
    }

    /// The same router corrected by what feedback has taught. Of predictions that move nothing is
    /// guaranteed.
    ///
    /// # Errors
    /// When that is of another number of models.
    pub fn with_learned(mut self, learned: Arc<Learned>) -> Result<Self, RouterError> {
        let (found, expected) = (
            learned.posterior.prior().models(),
            self.fitted.model.names.len(),
        );
        if found != expected {
            return Err(RouterError::OtherLearned { found, expected });
        }
        self.guarantee = None;
        self.learned = Some(learned);
        self.checked()
    }

    /// What feedback has taught, where it is learnt from.
    #[must_use]
    pub fn learned(&self) -> Option<&Arc<Learned>> {
        self.learned.as_ref()
    }

    /// The same router at other prices, windows and abilities, at which nothing is guaranteed.
    ///
    /// # Errors
    /// When nothing says any more what a model costs.
    pub fn with_catalog(mut self, catalog: Catalog) -> Result<Self, RouterError> {
        self.guarantee = self.guarantee.filter(|_| self.catalog == catalog);
        self.cards = cards(&self.fitted.model.names, &catalog);
        self.catalog = catalog;
        self.checked()
    }

    /// Every model must have a cost; the version follows from everything a decision depends on.
    fn checked(mut self) -> Result<Self, RouterError> {
        let silent = self
            .look(&Prompt::from(""), None)
            .models
            .iter()
            .position(|seen| seen.prediction.is_none());
        if let Some(position) = silent {
            return Err(RouterError::NoCost(
                self.fitted.model.names[position].clone(),
            ));
        }
        let catalog = toml::to_string(&self.catalog).map_err(|error| RouterError::Part {
            file: "catalog.toml",
            reason: error.to_string(),
        })?;
        let mut whole = format!("{}\n{}\n{catalog}", self.fitted.identity, self.spec);
        if self.exploration.explores() {
            whole.push_str(&format!("\n{:?}", self.exploration));
        }
        let of_artifact = artifact_mark(&self.fitted.identity);
        self.policy_version = format!("{of_artifact}{}", &sha256(whole.as_bytes())[..6]);
        if let Some(learned) = &self.learned {
            self.policy_version
                .push_str(&format!("+{}", learned.revision));
        }
        Ok(self)
    }

    /// Names the artifact alone: the SHA-256 of its manifest, or of its weights where it never was
    /// on disk.
    #[must_use]
    pub fn identity(&self) -> &str {
        &self.fitted.identity
    }

    /// Whether a decision of this policy version was made by the artifact of this router, whatever
    /// catalogue, policy and exploration it had and whatever it had learnt.
    #[must_use]
    pub fn made(&self, policy_version: &str) -> bool {
        policy_version.starts_with(&self.policy_version[..MARK])
    }

    /// The models it predicts for, by name.
    #[must_use]
    pub fn models(&self) -> &[ModelName] {
        &self.fitted.model.names
    }

    /// The cards of the models, in the order of [`Router::models`].
    #[must_use]
    pub fn cards(&self) -> &[ModelCard] {
        &self.cards
    }

    /// The catalogue it takes prices from.
    #[must_use]
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// The fitted parameters.
    #[must_use]
    pub fn model(&self) -> &Model {
        &self.fitted.model
    }

    /// Training prompts that explanations may point to, in the order of the model's.
    #[must_use]
    pub fn examples(&self) -> &[Example] {
        &self.fitted.examples
    }

    pub(crate) fn cascade_fitted(&self) -> Option<&Arc<Cascade>> {
        self.fitted.cascade.as_ref()
    }

    pub(crate) fn extractor(&self) -> &Extractor {
        &self.fitted.extractor
    }

    /// The policy it decides by.
    #[must_use]
    pub fn policy(&self) -> &PolicySpec {
        &self.spec
    }

    /// Quality per US dollar at which it decides; `None` where money is not weighed against quality.
    #[must_use]
    pub fn lambda(&self) -> Option<f64> {
        self.policy.lambda()
    }

    /// What is promised of that policy at these prices, where anything is.
    #[must_use]
    pub fn guarantee(&self) -> Option<&Guarantee> {
        self.guarantee.as_ref()
    }

    /// Names artifact, catalogue and policy together: 12 hexadecimal digits, of which the artifact
    /// alone makes the first six. Where feedback has taught something its revision follows, after a
    /// `+`.
    #[must_use]
    pub fn policy_version(&self) -> &str {
        &self.policy_version
    }

    /// Whether this prompt was among those it was trained on.
    #[must_use]
    pub fn was_trained_on(&self, prompt: &Prompt) -> bool {
        self.fitted.trained_on.contains(prompt)
    }

    /// What its training measured: `report.json` of the artifact.
    #[must_use]
    pub fn training(&self) -> &serde_json::Value {
        &self.fitted.training
    }

    /// The features it reads off a text.
    #[must_use]
    pub fn features(&self, text: &str) -> Features {
        self.fitted.extractor.extract(text)
    }

    /// Where a text lies in the representation that the heads read.
    #[must_use]
    pub fn point(&self, text: &str) -> Point {
        let (features, embedding) = (self.features(text), self.embedding(text));
        let seen = &self.fitted.model.representation;
        seen.point((&features).into(), embedding.as_deref())
    }

    /// Where a prompt lies for what is learnt from feedback.
    #[must_use]
    pub fn coordinates(&self, prompt: &Prompt) -> Coordinates {
        Coordinates::of(
            &self.point(prompt.text()),
            self.fitted.model.prior.latent_scale,
        )
    }

    /// Predictions for every model, in the order of [`Router::models`], whatever the limits.
    #[must_use]
    pub fn predict(&self, prompt: &Prompt, input_tokens: Option<Tokens>) -> Vec<Prediction> {
        let looks = self.look(prompt, input_tokens).models;
        looks.into_iter().map(Look::known).collect()
    }

    /// Whether a decision takes milliseconds rather than microseconds.
    #[must_use]
    pub fn is_slow(&self) -> bool {
        self.fitted.model.encoder.as_ref().is_some_and(is_slow)
    }

    /// Decides on one request.
    ///
    /// # Errors
    /// With the limit that refused each model, when none is left.
    pub fn decide(&self, request: &Request) -> Result<Decision, Unsatisfiable> {
        self.decide_paced(request, |_| None)
    }

    /// Decides on one request within a budget. `pace` sees every candidate once limits have been
    /// applied; it may refuse further ones, and it may say what a dollar must buy (quality per US
    /// dollar) in place of the policy. A policy that does not weigh quality against cost, such as
    /// `adequate`, keeps to itself.
    ///
    /// # Errors
    /// As [`Router::decide`].
    pub fn decide_paced(
        &self,
        request: &Request,
        pace: impl FnOnce(&mut [Candidate]) -> Option<f64>,
    ) -> Result<Decision, Unsatisfiable> {
        let seen = self.look(&request.prompt, request.input_tokens);
        let mut candidates = self.limited(seen.models, request);
        let policy = self.policy_for(request, pace(&mut candidates));
        let policy = policy.as_ref();
        let mut choice =
            choose(candidates, policy).map_err(|candidates| Unsatisfiable { candidates })?;
        if let Some(draw) = request.draw {
            let quotas = self.learned.as_ref().map_or(&[][..], |one| &one.quotas);
            let error = |one: &ModelName, other: &ModelName| {
                contrast(seen.belief.as_ref(), &self.fitted.model.names, [one, other])
            };
            let chance = Chance {
                exploration: &self.exploration,
                quotas,
                draw,
            };
            choice = choice.explored(policy, chance, error);
        }
        let reason = match choice.reason {
            reason @ (Reason::OnlyCandidate | Reason::Explored) => reason,
            _ if seen.familiarity <= 0.0 => Reason::Unfamiliar,
            reason => reason,
        };
        Ok(Decision {
            model: choice.candidates[0].model.clone(),
            reason,
            familiarity: seen.familiarity,
            coordinates: seen.coordinates.values().to_vec(),
            lambda: policy.lambda(),
            propensity: choice.candidates[0].probability,
            policy_version: self.policy_version.clone(),
            candidates: choice.candidates,
        })
    }

    /// The policy of one request; its own quality target comes first.
    fn policy_for(&self, request: &Request, lambda: Option<f64>) -> Cow<'_, Policy> {
        match (request.limits.min_quality, lambda) {
            (Some(target), _) => Cow::Owned(Policy::Adequate { target }),
            (None, Some(lambda)) => Cow::Owned(self.policy.at(lambda)),
            (None, None) => Cow::Borrowed(&self.policy),
        }
    }

    /// The vector of the current turn. An encoder that fails leaves the prompt unfamiliar:
    /// predictions are then the models' means.
    pub(crate) fn embedding(&self, text: &str) -> Option<Vec<f32>> {
        self.encoder.as_ref()?.encode_one(current_turn(text)).ok()
    }

    /// Every model as it looks for one request, limits applied, before a policy chooses; in the
    /// order of [`Router::models`].
    #[must_use]
    pub fn candidates(&self, request: &Request) -> Vec<Candidate> {
        let seen = self.look(&request.prompt, request.input_tokens);
        self.limited(seen.models, request)
    }

    fn limited(&self, looks: Vec<Look>, request: &Request) -> Vec<Candidate> {
        self.cards
            .iter()
            .zip(looks)
            .map(|(card, look)| candidate(card, look, request))
            .collect()
    }

    fn look(&self, prompt: &Prompt, input_tokens: Option<Tokens>) -> Seen {
        let features = self.fitted.extractor.extract(prompt.text());
        let embedding = self.embedding(prompt.text());
        let chars = prompt.text().chars().count() as f32;
        let lines = self.fitted.model.input_tokens.iter().zip(&self.cards);
        let predicted = self
            .fitted
            .model
            .predict((&features).into(), embedding.as_deref());
        let learned = self.learned.as_deref();
        let belief = learned.map(|one| one.posterior.belief(&predicted.coordinates));
        let models = lines
            .zip(predicted.models)
            .enumerate()
            .map(|(at, ((line, card), predicted))| {
                let input =
                    input_tokens.map_or_else(|| line.predict(chars), |tokens| tokens.0 as f32);
                Look {
                    input: Tokens(input as u64),
                    prediction: prediction(&predicted, card, input)
                        .map(|one| corrected(one, at, learned.zip(belief.as_ref()))),
                }
            })
            .collect();
        Seen {
            familiarity: predicted.familiarity,
            coordinates: predicted.coordinates,
            belief,
            models,
        }
    }
}

/// `None` where nothing says what the model costs.
fn prediction(
    predicted: &pointsman_models::Prediction,
    card: &ModelCard,
    input_tokens: f32,
) -> Option<Prediction> {
    let tokens = predicted.output_tokens;
    let mean = tokens.map(|tokens| tokens.mean);
    let cost = expected_cost(card.prices(), input_tokens, mean, predicted.logged_cost)?;
    Some(Prediction {
        quality: predicted.quality,
        quality_lower: predicted.quality_lower,
        learned: None,
        cost,
        output_tokens: mean,
        output_tokens_p50: tokens.map(|tokens| tokens.p50),
        output_tokens_p90: tokens.map(|tokens| tokens.p90),
    })
}

/// The prediction as feedback has moved it.
fn corrected(
    prediction: Prediction,
    model: usize,
    learned: Option<(&Learned, &Belief)>,
) -> Prediction {
    let Some((learned, belief)) = learned else {
        return prediction;
    };
    learned.corrected(belief, model, prediction)
}

/// One prompt as the router sees it.
struct Seen {
    familiarity: f32,
    coordinates: Coordinates,
    belief: Option<Belief>,
    models: Vec<Look>,
}

/// One model as seen for one prompt; without a prediction where nothing says what it costs.
struct Look {
    input: Tokens,
    prediction: Option<Prediction>,
}

impl Look {
    /// Whether a cost is known depends on the model alone, and no router is put together without.
    fn known(self) -> Prediction {
        self.prediction
            .expect("a router knows what each of its models costs")
    }
}

/// Today's prices times expected tokens; where either is unknown, what such a call cost in the logs
/// (in US dollars). `None` where nothing is known.
#[must_use]
pub fn expected_cost(
    prices: Option<Prices>,
    input_tokens: f32,
    output_tokens: Option<f32>,
    logged_cost: Option<f32>,
) -> Option<Usd> {
    let priced = prices.zip(output_tokens);
    let by_price =
        priced.map(|(prices, output)| prices.cost(input_tokens.into(), 0.0, output.into()));
    by_price.or_else(|| logged_cost.map(|cost| Usd::saturating(cost.into())))
}

fn candidate(card: &ModelCard, look: Look, request: &Request) -> Candidate {
    let input = look.input;
    let prediction = look.known();
    let expected = Tokens(prediction.output_tokens.unwrap_or(0.0) as u64);
    let needs = Needs {
        input,
        output: request.limits.max_tokens.unwrap_or(expected),
        cost: prediction.cost,
    };
    Candidate {
        model: card.name.clone(),
        quality: prediction.quality,
        quality_lower: prediction.quality_lower,
        learned: prediction.learned,
        cost: prediction.cost,
        output_tokens: prediction.output_tokens,
        output_tokens_p50: prediction.output_tokens_p50,
        output_tokens_p90: prediction.output_tokens_p90,
        probability: Probability::ZERO,
        refusal: limit_refusal(card, &request.limits, needs),
    }
}

/// Digits of a policy version that stand for the artifact.
const MARK: usize = 6;

fn artifact_mark(identity: &str) -> String {
    sha256(identity.as_bytes())[..MARK].to_owned()
}

/// A card for every model; one that the catalogue lacks states nothing.
fn cards(names: &[ModelName], catalog: &Catalog) -> Vec<ModelCard> {
    let card = |name: &ModelName| {
        catalog
            .get(name.as_str())
            .cloned()
            .unwrap_or_else(|| ModelCard::unknown(name.clone()))
    };
    names.iter().map(card).collect()
}
