//! The monitor: what comes in, what is watched, what stands.

use std::collections::BTreeMap;

use pointsman_types::{ModelName, Probability};
use serde::{Deserialize, Serialize};

use super::choices::ChoiceCell;
use super::consequence::{Consequence, Widened};
use super::error::{DriftError, finite, positive};
use super::event::{DriftEvent, Evidence, State, Subject};
use super::inputs::{Input, InputChange, InputWatch, Reference};
use super::quality::{QualityCell, Scored};
use super::ratios::RatioCell;
use super::settings::DriftSettings;
use super::standing::{ModelSummary, Standing, Summary};
use super::told::{Amount, Answer, Judgement, Observation};
use super::watch::{Plan, Step};

/// The probabilities of a decision may miss a sum of 1 by so much.
const ROUNDING: f64 = 1e-3;

/// Watches a router in service. Its size is bounded, and what it does next depends on nothing but
/// itself and what comes in, so that a snapshot goes on where it was taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Monitor {
    settings: DriftSettings,
    requests: u64,
    events: u64,
    inputs: InputWatch,
    models: Vec<Cells>,
    standing: Vec<Standing>,
    unwatched: u64,
}

/// What is watched of one model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Cells {
    name: ModelName,
    choices: ChoiceCell,
    quality: QualityCell,
    groups: BTreeMap<String, QualityCell>,
    tokens: RatioCell,
    cost: RatioCell,
}

impl Cells {
    fn new(name: ModelName) -> Self {
        Self {
            choices: ChoiceCell::default(),
            quality: QualityCell::default(),
            groups: BTreeMap::new(),
            tokens: RatioCell::default(),
            cost: RatioCell::default(),
            name,
        }
    }

    /// What was learnt of one thing is forgotten.
    fn restart(&mut self, subject: &Subject) {
        match subject {
            Subject::Quality { group: None, .. } => self.quality.restart(),
            Subject::Quality {
                group: Some(group), ..
            } => {
                if let Some(cell) = self.groups.get_mut(group) {
                    cell.restart();
                }
            }
            Subject::Tokens { .. } => self.tokens = RatioCell::default(),
            Subject::Cost { .. } => self.cost = RatioCell::default(),
            Subject::Inputs { .. } | Subject::Choices { .. } => {}
        }
    }

    fn is_worse(&self) -> bool {
        self.quality.state() == State::Alarm
    }
}

/// A change of one subject, before it has a number.
struct Change {
    subject: Subject,
    from: State,
    to: State,
    evidence: Evidence,
}

impl From<InputChange> for Change {
    fn from(found: InputChange) -> Self {
        Self {
            subject: Subject::Inputs {
                series: found.series,
            },
            from: found.from,
            to: found.to,
            evidence: found.evidence,
        }
    }
}

impl Monitor {
    /// Begins to watch these models. Without a reference the first requests are one.
    ///
    /// # Errors
    /// When a setting is out of range.
    pub fn new(
        settings: DriftSettings,
        models: Vec<ModelName>,
        reference: Option<Reference>,
    ) -> Result<Self, DriftError> {
        settings.check()?;
        Ok(Self {
            settings,
            requests: 0,
            events: 0,
            inputs: InputWatch::new(reference),
            models: models.into_iter().map(Cells::new).collect(),
            standing: Vec::new(),
            unwatched: 0,
        })
    }

    /// The models, in the order in which they are counted.
    pub fn models(&self) -> impl Iterator<Item = &ModelName> {
        self.models.iter().map(|cells| &cells.name)
    }

    /// The number of a model; `None` where it is not watched.
    #[must_use]
    pub fn place(&self, model: &str) -> Option<usize> {
        self.models().position(|name| name.as_str() == model)
    }

    /// Takes in a decision.
    ///
    /// # Errors
    /// When a list has another length than there are models, a number is none, or the probabilities
    /// do not add up to 1. Then nothing is counted.
    pub fn decided(&mut self, seen: &Observation<'_>) -> Result<Vec<DriftEvent>, DriftError> {
        self.known(seen.chosen)?;
        self.one_each("predicted quality", seen.quality.len())?;
        self.one_each("the list of probabilities", seen.probabilities.len())?;
        check_sum(seen.probabilities)?;
        let input = input(seen);
        self.inputs.check(&input)?;
        self.requests += 1;
        let found = self.inputs.observe(input, &self.settings);
        let mut changes: Vec<Change> = found.into_iter().map(Change::from).collect();
        changes.extend(self.choices(seen));
        changes.extend(self.lapsed());
        Ok(self.tell(changes))
    }

    /// What stands and was not heard of for long. A model that gets no more traffic could never prove
    /// itself, so it is watched anew.
    fn lapsed(&mut self) -> Vec<Change> {
        let (now, lapse) = (self.requests, u64::from(self.settings.lapse));
        let is_over = |one: &&Standing| {
            let silent = now.saturating_sub(one.heard);
            one.subject.model().is_some() && silent > lapse
        };
        let over: Vec<Standing> = self.standing.iter().filter(is_over).cloned().collect();
        over.into_iter()
            .map(|standing| self.watched_anew(standing))
            .collect()
    }

    fn watched_anew(&mut self, standing: Standing) -> Change {
        let name = standing.subject.model().cloned();
        let cells = self
            .models
            .iter_mut()
            .find(|one| name.as_ref() == Some(&one.name));
        if let Some(cells) = cells {
            cells.restart(&standing.subject);
        }
        Change {
            from: standing.state,
            to: State::Ok,
            evidence: Evidence {
                sentence: "nothing was heard of it for long; it is watched anew".to_owned(),
                ..standing.evidence
            },
            subject: standing.subject,
        }
    }

    /// Something was heard of what stands.
    fn touch(&mut self, is_of: impl Fn(&Subject) -> bool) {
        let now = self.requests;
        let standing = self.standing.iter_mut();
        standing
            .filter(|one| is_of(&one.subject))
            .for_each(|one| one.heard = now);
    }

    fn choices(&mut self, seen: &Observation<'_>) -> Vec<Change> {
        let plan = self.settings.choices(self.models.len());
        let mut changes = Vec::new();
        for (at, cells) in self.models.iter_mut().enumerate() {
            let cell = &mut cells.choices;
            let from = cell.state();
            let probability = seen.probabilities[at].get();
            let Some(step) = cell.observe(at == seen.chosen, probability, &plan) else {
                continue;
            };
            changes.push(Change {
                subject: Subject::Choices {
                    model: cells.name.clone(),
                },
                from,
                to: cell.state(),
                evidence: cell.evidence(step, &plan),
            });
        }
        changes
    }

    /// Takes in a score.
    ///
    /// # Errors
    /// When the model is unknown or the weight is not a number from 0. Then nothing is counted.
    pub fn judged(&mut self, judged: &Judgement<'_>) -> Result<Vec<DriftEvent>, DriftError> {
        self.known(judged.model)?;
        let weight = finite("the weight of a score", judged.weight)?.clamp(0.0, 1.0);
        if weight <= 0.0 {
            return Ok(Vec::new());
        }
        let scored = Scored {
            predicted: judged.predicted,
            score: judged.score,
            weight,
        };
        let overall = (self.settings.tolerance, self.settings.quality());
        let in_group = (self.settings.group_tolerance, self.settings.group());
        let group = judged
            .group
            .filter(|group| self.is_watched(judged.model, group));
        let name = self.models[judged.model].name.clone();
        self.touch(|subject| match subject {
            Subject::Quality { model, group: None } => *model == name,
            Subject::Quality { model, group } => *model == name && group.as_deref() == judged.group,
            _ => false,
        });
        let cells = &mut self.models[judged.model];
        let model = cells.name.clone();
        let subject = |group: Option<&str>| Subject::Quality {
            model: model.clone(),
            group: group.map(str::to_owned),
        };
        let mut changes = Vec::new();
        changes.extend(score(&mut cells.quality, scored, overall, || subject(None)));
        if let Some(group) = group {
            let cell = cells.groups.entry(group.to_owned()).or_default();
            changes.extend(score(cell, scored, in_group, || subject(Some(group))));
        }
        Ok(self.tell(changes))
    }

    /// Whether there is room for the group; counts what is turned away.
    fn is_watched(&mut self, model: usize, group: &str) -> bool {
        let groups = &self.models[model].groups;
        let is_watched = groups.contains_key(group) || groups.len() < self.settings.most_groups;
        self.unwatched += u64::from(!is_watched);
        is_watched
    }

    /// Takes in what an answer took.
    ///
    /// # Errors
    /// When the model is unknown or an amount is not a number above 0. Then nothing is counted.
    pub fn answered(&mut self, answer: &Answer) -> Result<Vec<DriftEvent>, DriftError> {
        self.known(answer.model)?;
        for amount in [answer.tokens, answer.cost].into_iter().flatten() {
            positive("a predicted amount", amount.predicted)?;
            positive("an actual amount", amount.actual)?;
        }
        let name = self.models[answer.model].name.clone();
        self.touch(|subject| match subject {
            Subject::Tokens { model } => answer.tokens.is_some() && *model == name,
            Subject::Cost { model } => answer.cost.is_some() && *model == name,
            _ => false,
        });
        let (plan, tolerance) = (self.settings.cost(), self.settings.cost_tolerance);
        let cells = &mut self.models[answer.model];
        let model = || cells.name.clone();
        let (tokens, cost) = (
            Subject::Tokens { model: model() },
            Subject::Cost { model: model() },
        );
        let parts = [
            (&mut cells.tokens, answer.tokens, tokens),
            (&mut cells.cost, answer.cost, cost),
        ];
        let changes: Vec<Change> = parts
            .into_iter()
            .filter_map(|(cell, amount, subject)| bill(cell, amount?, (tolerance, &plan), subject))
            .collect();
        Ok(self.tell(changes))
    }

    /// The predictions of this model come from another fit now: what was learnt of it is forgotten,
    /// and what was wrong with it is over.
    ///
    /// # Errors
    /// When the model is unknown.
    pub fn refitted(&mut self, model: usize) -> Result<Vec<DriftEvent>, DriftError> {
        self.known(model)?;
        let cells = &mut self.models[model];
        let name = cells.name.clone();
        cells.quality.restart();
        cells.groups.values_mut().for_each(QualityCell::restart);
        (cells.tokens, cells.cost) = Default::default();
        let is_of_it = |standing: &&Standing| match &standing.subject {
            Subject::Quality { model, .. }
            | Subject::Tokens { model }
            | Subject::Cost { model } => *model == name,
            Subject::Inputs { .. } | Subject::Choices { .. } => false,
        };
        let over = self.standing.iter().filter(is_of_it);
        let changes = over.map(|standing| Change {
            subject: standing.subject.clone(),
            from: standing.state,
            to: State::Ok,
            evidence: Evidence {
                sentence: "is predicted by another fit now".to_owned(),
                ..standing.evidence.clone()
            },
        });
        let changes = changes.collect();
        Ok(self.tell(changes))
    }

    fn known(&self, model: usize) -> Result<(), DriftError> {
        let models = self.models.len();
        match model < models {
            true => Ok(()),
            false => Err(DriftError::UnknownModel { model, models }),
        }
    }

    fn one_each(&self, what: &'static str, got: usize) -> Result<(), DriftError> {
        let needed = self.models.len();
        match got == needed {
            true => Ok(()),
            false => Err(DriftError::Length { what, got, needed }),
        }
    }

    /// Numbers the changes, and keeps what stands.
    fn tell(&mut self, changes: Vec<Change>) -> Vec<DriftEvent> {
        changes
            .into_iter()
            .map(|change| {
                self.events += 1;
                self.stand(&change);
                DriftEvent {
                    number: self.events,
                    requests: self.requests,
                    subject: change.subject,
                    from: change.from,
                    to: change.to,
                    evidence: change.evidence,
                }
            })
            .collect()
    }

    fn stand(&mut self, change: &Change) {
        let place = self
            .standing
            .iter()
            .position(|standing| standing.subject == change.subject);
        let standing = Standing {
            subject: change.subject.clone(),
            state: change.to,
            event: self.events,
            heard: self.requests,
            evidence: change.evidence.clone(),
        };
        match (place, change.to) {
            (Some(place), State::Ok) => drop(self.standing.remove(place)),
            (Some(place), _) => self.standing[place] = standing,
            (None, State::Ok) => {}
            (None, _) => self.standing.push(standing),
        }
    }

    /// How everything stands.
    #[must_use]
    pub fn state(&self) -> Summary {
        let worst = self.standing.iter().map(|standing| standing.state).max();
        Summary {
            requests: self.requests,
            state: worst.unwrap_or_default(),
            has_reference: self.inputs.has_reference(),
            inputs: self.inputs.states().collect(),
            models: self.models.iter().map(summary).collect(),
            standing: self.standing.clone(),
            unwatched: self.unwatched,
        }
    }

    /// What should follow.
    #[must_use]
    pub fn consequence(&self) -> Consequence {
        let is_alarmed = |is: fn(&Subject) -> bool| {
            let mut standing = self.standing.iter();
            standing.any(|one| one.state == State::Alarm && is(&one.subject))
        };
        let worse = self.models.iter().filter(|cells| cells.is_worse()).count();
        let choices = is_alarmed(|subject| matches!(subject, Subject::Choices { .. }));
        let inputs = is_alarmed(|subject| matches!(subject, Subject::Inputs { .. }));
        Consequence {
            widened: self.widened(),
            stop_exploring: is_alarmed(|subject| !matches!(subject, Subject::Inputs { .. })),
            use_reference: inputs || choices || (worse > 0 && 2 * worse >= self.models.len()),
        }
    }

    fn widened(&self) -> Vec<Widened> {
        let one =
            |model: &ModelName, group: Option<&String>, cell: &QualityCell, tolerance| Widened {
                model: model.clone(),
                group: group.cloned(),
                by: cell.doubt(tolerance),
                shift: cell.level(),
            };
        let mut widened = Vec::new();
        for Cells {
            name,
            quality,
            groups,
            ..
        } in &self.models
        {
            widened.push(one(name, None, quality, self.settings.tolerance));
            let tolerance = self.settings.group_tolerance;
            let in_groups = groups
                .iter()
                .map(|(group, cell)| one(name, Some(group), cell, tolerance));
            widened.extend(in_groups);
        }
        widened.retain(|one| one.by > 0.0 || one.shift != 0.0);
        widened
    }
}

fn input(seen: &Observation<'_>) -> Input {
    let sum: f32 = seen.quality.iter().map(|quality| quality.get()).sum();
    Input {
        coordinates: seen.coordinates.to_vec(),
        difficulty: sum / seen.quality.len() as f32,
        uncertainty: seen.uncertainty,
    }
}

fn check_sum(probabilities: &[Probability]) -> Result<(), DriftError> {
    let sum: f64 = probabilities.iter().map(|one| one.get()).sum();
    match (sum - 1.0).abs() <= ROUNDING {
        true => Ok(()),
        false => Err(DriftError::Number {
            what: "the sum of a decision's probabilities",
            range: "1",
            value: sum,
        }),
    }
}

fn score(
    cell: &mut QualityCell,
    scored: Scored,
    (tolerance, plan): (f64, Plan),
    subject: impl FnOnce() -> Subject,
) -> Option<Change> {
    let (from, before) = (cell.state(), cell.level());
    let step = cell.observe(scored, tolerance, &plan)?;
    Some(Change {
        subject: subject(),
        from,
        to: cell.state(),
        evidence: cell.evidence(step, before, &plan),
    })
}

fn bill(
    cell: &mut RatioCell,
    amount: Amount,
    (tolerance, plan): (f64, &Plan),
    subject: Subject,
) -> Option<Change> {
    let (from, before) = (cell.state(), cell.usual_log());
    let step = cell.observe(amount.actual, amount.predicted, tolerance, plan)?;
    let to = cell.state();
    // The first level of all is no change.
    let is_first = step == Step::Learnt && to == State::Ok;
    (!is_first).then(|| Change {
        subject,
        from,
        to,
        evidence: cell.evidence(step, before, plan),
    })
}

fn summary(cells: &Cells) -> ModelSummary {
    let groups = cells.groups.iter();
    ModelSummary {
        model: cells.name.clone(),
        quality: cells.quality.state(),
        groups: groups
            .map(|(group, cell)| (group.clone(), cell.state()))
            .collect(),
        shift: cells.quality.level(),
        choices: cells.choices.state(),
        tokens: cells.tokens.state(),
        tokens_ratio: cells.tokens.usual(),
        cost: cells.cost.state(),
        cost_ratio: cells.cost.usual(),
    }
}
