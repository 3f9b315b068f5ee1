//! Why a decision is what it is.

use pointsman_features::{Features, SURFACE_NAMES};
use pointsman_models::{Model, Point, Predictions, RARITY_NAMES, Representation};
use pointsman_types::{Candidate, Decision, ModelName, Reason, Request};
use serde::Serialize;

use crate::router::{Router, Unsatisfiable};

/// The n-grams of a prompt that are looked at, the weightiest first.
const NGRAMS: usize = 48;
/// Influences and neighbours listed.
const INFLUENCES: usize = 10;
const NEIGHBOURS: usize = 3;

/// A decision with its grounds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// The decision, with the predictions of every candidate.
    pub decision: Decision,
    /// The best model that no limit refused, other than the chosen one.
    pub rival: Option<ModelName>,
    /// What moves the chosen model's quality against the rival's, the strongest first.
    pub influences: Vec<Influence>,
    /// The nearest training prompts, the nearest first.
    pub neighbours: Vec<Neighbour>,
    /// The next lower lambda at which another model would be chosen, which is dearer and better.
    pub flips_below: Option<Flip>,
    /// The next higher lambda at which another model would be chosen, which is cheaper.
    pub flips_above: Option<Flip>,
}

/// What one feature does, by occlusion: how much less the chosen model would lead the rival, in
/// quality, if the prompt did not have it (for a dense feature: if it were as usual).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Influence {
    /// A word, two words, what is read of a conversation's other turns, or the name of a surface
    /// feature or of a rarity.
    pub feature: String,
    /// Difference of the qualities with it less the difference without it.
    pub effect: f32,
}

/// A training prompt near this one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Neighbour {
    /// Its id in the log.
    pub prompt_id: String,
    /// Cosine of the latent coordinates, from -1 to 1.
    pub similarity: f32,
    /// Its text, where training was told to keep it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// Where a choice changes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Flip {
    /// Quality per US dollar.
    pub lambda: f64,
    /// The model that would be chosen beyond.
    pub model: ModelName,
}

impl Explanation {
    /// A decision of which nothing more is known.
    #[must_use]
    pub fn without_grounds(decision: Decision) -> Self {
        Self {
            decision,
            rival: None,
            influences: Vec::new(),
            neighbours: Vec::new(),
            flips_below: None,
            flips_above: None,
        }
    }
}

impl Router {
    /// Decides, and says why. Takes about a hundred times as long as [`Router::decide`].
    ///
    /// # Errors
    /// With the limit that refused each model, when none is left.
    pub fn explain(&self, request: &Request) -> Result<Explanation, Unsatisfiable> {
        let decision = self.decide(request)?;
        let text = request.prompt.text();
        let embedding = self.embedding(request.prompt.text());
        let features = self.extractor().extract(text);
        let rival = rival(&decision).map(|candidate| candidate.model.clone());
        let influences = rival.as_ref().map_or_else(Vec::new, |rival| {
            let lead = Lead::new(self.model(), embedding.as_deref(), &decision.model, rival);
            let names = self.extractor().named_ngrams(text);
            influences(&lead, &features, &names)
        });
        let point = self
            .model()
            .representation
            .point((&features).into(), embedding.as_deref());
        Ok(Explanation {
            rival,
            influences,
            neighbours: self.neighbours(point.latent()),
            flips_below: flip(&decision, |other, chosen| other > chosen, f64::max),
            flips_above: flip(&decision, |other, chosen| other < chosen, f64::min),
            decision,
        })
    }

    fn neighbours(&self, latent: &[f32]) -> Vec<Neighbour> {
        let kept = &self.model().examples;
        let mut near: Vec<(f32, usize)> = (0..kept.rows())
            .map(|row| (cosine(kept.row(row), latent), row))
            .collect();
        near.sort_by(|left, right| right.0.total_cmp(&left.0).then(left.1.cmp(&right.1)));
        let neighbour = |(similarity, row): (f32, usize)| Neighbour {
            prompt_id: self.examples()[row].id.clone(),
            similarity,
            text: self.examples()[row].text.clone(),
        };
        near.into_iter().take(NEIGHBOURS).map(neighbour).collect()
    }
}

/// By how much one model's quality leads another's.
struct Lead<'a> {
    model: &'a Model,
    embedding: Option<&'a [f32]>,
    chosen: usize,
    rival: usize,
}

impl<'a> Lead<'a> {
    fn new(
        model: &'a Model,
        embedding: Option<&'a [f32]>,
        chosen: &ModelName,
        rival: &ModelName,
    ) -> Self {
        let number = |wanted: &ModelName| {
            let found = model.names.iter().position(|name| name == wanted);
            found.expect("a candidate is a model of the router")
        };
        Self {
            model,
            embedding,
            chosen: number(chosen),
            rival: number(rival),
        }
    }

    fn of(&self, features: &Features) -> f32 {
        self.in_these(&self.model.predict(features.into(), self.embedding))
    }

    fn in_these(&self, predictions: &Predictions) -> f32 {
        let seen = &predictions.models;
        seen[self.chosen].quality.get() - seen[self.rival].quality.get()
    }

    fn point(&self, features: &Features) -> Point {
        let seen = &self.model.representation;
        seen.point(features.into(), self.embedding)
    }
}

fn influences(lead: &Lead<'_>, features: &Features, names: &[(String, u32)]) -> Vec<Influence> {
    let whole = lead.of(features);
    let mut found: Vec<Influence> = heaviest(lead.model, features)
        .into_iter()
        .filter_map(|at| {
            let name = names
                .iter()
                .find(|(_, bucket)| *bucket == features.buckets[at]);
            Some(Influence {
                feature: name?.0.clone(),
                effect: whole - lead.of(&without_ngram(features, at)),
            })
        })
        .collect();
    let means = &lead.model.representation.surface_mean;
    found.extend(SURFACE_NAMES.iter().enumerate().map(|(at, name)| {
        let mut usual = features.clone();
        usual.surface[at] = means[at];
        Influence {
            feature: (*name).to_owned(),
            effect: whole - lead.of(&usual),
        }
    }));
    found.extend(of_rarity(lead, features, whole));
    found.retain(|influence| influence.effect.abs() > 0.0);
    found.sort_by(|left, right| right.effect.abs().total_cmp(&left.effect.abs()));
    found.truncate(INFLUENCES);
    found
}

/// The rarity of the n-grams follows from them; made usual at the point, since no other n-grams would
/// do just that.
fn of_rarity(lead: &Lead<'_>, features: &Features, whole: f32) -> Vec<Influence> {
    let predicted = lead.model.predict(features.into(), lead.embedding);
    let influence = |(at, name): (usize, &&str)| {
        let mut usual = lead.point(features);
        usual.context[Representation::RARITY + at] = 0.0;
        let predictions = lead.model.predict_at(&usual, predicted.familiarity);
        Influence {
            feature: (*name).to_owned(),
            effect: whole - lead.in_these(&predictions),
        }
    };
    RARITY_NAMES.iter().enumerate().map(influence).collect()
}

/// The positions of the known n-grams with the greatest TF-IDF.
fn heaviest(model: &Model, features: &Features) -> Vec<usize> {
    let lexicon = &model.representation.lexicon;
    let weigh = |at: usize| {
        let row = lexicon.row(features.buckets[at])?;
        Some((features.values[at] * lexicon.idf()[row], at))
    };
    let mut weights: Vec<(f32, usize)> = (0..features.buckets.len()).filter_map(weigh).collect();
    weights.sort_by(|left, right| right.0.total_cmp(&left.0));
    weights.into_iter().take(NGRAMS).map(|(_, at)| at).collect()
}

fn without_ngram(features: &Features, at: usize) -> Features {
    let mut fewer = features.clone();
    fewer.buckets.remove(at);
    fewer.values.remove(at);
    fewer
}

fn rival(decision: &Decision) -> Option<&Candidate> {
    decision.candidates[1..].iter().find(|other| is_open(other))
}

fn is_open(candidate: &Candidate) -> bool {
    candidate.refusal.is_none_or(|refusal| !refusal.is_limit())
}

/// The lambda nearest to the choice's own at which a model of other cost overtakes it; only where
/// lambda decided.
fn flip(
    decision: &Decision,
    is_on_this_side: impl Fn(f64, f64) -> bool,
    nearest: impl Fn(f64, f64) -> f64,
) -> Option<Flip> {
    if !matches!(decision.reason, Reason::BestUtility | Reason::WithinBudget) {
        return None;
    }
    let chosen = decision.chosen();
    let crossing = |other: &Candidate| {
        let (cost, own_cost) = (other.cost.as_f64(), chosen.cost.as_f64());
        let gain = f64::from(other.quality.get()) - f64::from(chosen.quality.get());
        let lambda = gain / (cost - own_cost);
        (is_open(other) && is_on_this_side(cost, own_cost) && lambda > 0.0).then(|| Flip {
            lambda,
            model: other.model.clone(),
        })
    };
    let crossings = decision.candidates[1..].iter().filter_map(crossing);
    crossings.reduce(|left, right| {
        let takes_left = nearest(left.lambda, right.lambda) == left.lambda;
        if takes_left { left } else { right }
    })
}

fn cosine(left: &[f32], right: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    let lengths = (dot(left, left) * dot(right, right)).sqrt();
    if lengths > 0.0 {
        dot(left, right) / lengths
    } else {
        0.0
    }
}
