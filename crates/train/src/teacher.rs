//! Distillation: a router that reads sentence embeddings teaches one that reads words alone, on any
//! prompts, labelled or not (Hinton, Vinyals and Dean 2015, arXiv 1503.02531).
//!
//! For every fold of the student there is a teacher that has not seen its labels either, so that
//! held-out prompts stay held out.

use std::sync::Arc;

use pointsman_features::{Extractor, FeatureMatrix, SpecError, current_turn};
use pointsman_models::{EncoderReference, Model};
use pointsman_router::{RouterError, TrainedOn};
use pointsman_types::{Catalog, Grid, LogTable, Prompt, PromptRow, text_hash};
use rayon::prelude::*;

use crate::embed::Embed;
use crate::error::TrainError;
use crate::report::TeacherReport;
use crate::splits::{Labels, Splits};
use crate::train::{Options, learn};

/// Who teaches, and on what.
#[derive(Debug, Clone)]
pub struct Teacher {
    /// The sentence encoder that the teacher reads and the student does not.
    pub encoder: Arc<dyn Embed>,
    /// Prompts that need no labels. Those that are labelled, or held out, are left aside.
    pub unlabelled: Vec<PromptRow>,
}

/// What there is to learn from: the labelled prompts, behind them the unlabelled ones, and folds
/// in which the latter have the teachers' labels.
pub(crate) struct Lessons {
    pub(crate) table: LogTable,
    pub(crate) splits: Splits,
    labelled: usize,
    pub(crate) encoder: EncoderReference,
    pub(crate) report: TeacherReport,
}

impl Lessons {
    /// The unlabelled prompts.
    pub(crate) fn taught(&self) -> &[PromptRow] {
        &self.table.prompts[self.labelled..]
    }
}

impl Teacher {
    /// The unlabelled prompts that are new to the log and may be learnt from, each once.
    pub(crate) fn new_prompts(&self, seen: &TrainedOn, options: &Options) -> Vec<PromptRow> {
        let mut rows: Vec<&PromptRow> = self.unlabelled.iter().collect();
        rows.sort_by_key(|row| text_hash(&row.text));
        rows.dedup_by_key(|row| text_hash(&row.text));
        let is_new = |row: &&PromptRow| {
            !seen.contains(&Prompt::from(&*row.text)) && !options.holdout().contains(&row.text)
        };
        rows.into_iter().filter(is_new).cloned().collect()
    }

    /// Teaches these prompts, by the labels of this table.
    pub(crate) fn teach(
        &self,
        table: &LogTable,
        new: Vec<PromptRow>,
        catalog: &Catalog,
        options: &Options,
    ) -> Result<Lessons, TrainError> {
        let (labelled, unlabelled) = (table.prompts.len(), new.len());
        let table = with_unlabelled(table, new);
        let mut splits = Splits::new(&table, options.folds, options.seed, options.grouped)?;
        let class = Class::new(&table.prompts[labelled..], self, options)?;
        let own = Options {
            encoder: Some(Arc::clone(&self.encoder)),
            teacher: None,
            grouped: false,
            ..options.clone()
        };
        let mut by_fit = Vec::new();
        let mut cross_validated = None;
        for fit in 0..splits.len() {
            let rows: Vec<usize> = (0..labelled)
                .filter(|row| splits.learns_from(fit, *row))
                .collect();
            let learned = learn(&table.select(&rows), None, catalog, &own, &mut |_| {})?;
            by_fit.push(class.taught_by(&learned.model));
            cross_validated = learned.measured;
        }
        splits.teach(labelled, &by_fit);
        let encoder = self.encoder.reference();
        Ok(Lessons {
            table,
            splits,
            labelled,
            report: TeacherReport {
                encoder: encoder.spec.clone(),
                prompts: unlabelled,
                cross_validated,
            },
            encoder,
        })
    }
}

/// The table, and behind it prompts of which nothing is known.
fn with_unlabelled(table: &LogTable, new: Vec<PromptRow>) -> LogTable {
    let mut table = table.clone();
    let nothing = vec![f32::NAN; table.models.len()];
    for row in new {
        table.prompts.push(row);
        for grid in [
            &mut table.score,
            &mut table.weight,
            &mut table.input_tokens,
            &mut table.output_tokens,
        ] {
            grid.push_row(&nothing);
        }
        table.cost_usd.push_row(&vec![f64::NAN; nothing.len()]);
    }
    table
}

/// The prompts to be taught, as a teacher sees them.
struct Class {
    features: FeatureMatrix,
    vectors: Grid<f32>,
}

impl Class {
    fn new(
        prompts: &[PromptRow],
        teacher: &Teacher,
        options: &Options,
    ) -> Result<Self, TrainError> {
        let extractor = Extractor::new(options.features.clone())
            .map_err(|error: SpecError| RouterError::from(error))?;
        let extracted: Vec<_> = prompts
            .par_iter()
            .map(|row| extractor.extract(&row.text))
            .collect();
        let texts: Vec<&str> = prompts.iter().map(|row| current_turn(&row.text)).collect();
        let vectors = teacher.encoder.embed(&texts).map_err(TrainError::Encoder)?;
        Ok(Self {
            features: extracted.into_iter().collect(),
            vectors,
        })
    }

    /// Qualities of shape `(prompts, models)`.
    fn taught_by(&self, teacher: &Model) -> Grid<f32> {
        let of_row = |row: usize| {
            let predicted = teacher.predict(self.features.row(row), Some(self.vectors.row(row)));
            let qualities = predicted
                .models
                .into_iter()
                .map(|model| model.quality.get());
            qualities.collect::<Vec<f32>>()
        };
        let rows: Vec<Vec<f32>> = (0..self.features.rows())
            .into_par_iter()
            .map(of_row)
            .collect();
        Grid::from_values(teacher.names.len(), rows.concat())
    }
}

impl Splits {
    /// Gives the prompts from this row on the qualities that the teacher of each fit expects.
    /// Together they count at most as much as the labelled prompts do.
    fn teach(&mut self, first: usize, by_fit: &[Grid<f32>]) {
        let taught = by_fit.first().map_or(0, Grid::rows);
        let weight = (first as f32 / taught.max(1) as f32).min(1.0);
        for (fit, quality) in by_fit.iter().enumerate() {
            for row in 0..taught {
                if self.learns_from(fit, first + row) {
                    self.fits[fit].set(first + row, quality.row(row), weight);
                }
            }
        }
    }
}

impl Labels {
    fn set(&mut self, row: usize, quality: &[f32], weight: f32) {
        self.weight.row_mut(row).fill(weight);
        let cells = quality.iter().zip(&self.mean);
        for (slot, (quality, mean)) in self.deviation.row_mut(row).iter_mut().zip(cells) {
            *slot = quality - mean;
        }
    }
}
