//! Who learns from what, and who is tested on it.

use std::collections::BTreeSet;

use pointsman_measures::Outcomes;
use pointsman_types::{LogTable, fold_of};

use super::LearningError;
use crate::Resample;
use crate::folds::fold;

/// The smallest size of a doubling series.
const LEAST_SIZE: usize = 50;
/// Prompts that each fold has at least on average.
const LEAST_PER_FOLD: usize = 20;
/// A seed apart from those that folds are dealt by.
const ORDER: u64 = 0xd1b5_4a32_d192_ed03;

/// How to draw a learning curve.
#[derive(Debug, Clone, PartialEq)]
pub struct LearningPlan {
    /// What the report is called.
    pub title: String,
    /// Whether the log was made by a simulator; said prominently.
    pub synthetic: bool,
    /// Training prompts of each fold; all of them come last in any case. Empty for halves of all, and
    /// halves of those, down to 50.
    pub sizes: Vec<usize>,
    /// Number of folds that are tested in turn, at least 2.
    pub folds: usize,
    /// Whether folds and resamples take single prompts or whole categories.
    pub resample: Resample,
    /// Resamples behind every interval.
    pub replicates: usize,
    /// Decides folds, subsets and resamples.
    pub seed: u64,
}

impl Default for LearningPlan {
    fn default() -> Self {
        Self {
            title: "Learning curve".to_owned(),
            synthetic: false,
            sizes: Vec::new(),
            folds: 5,
            resample: Resample::default(),
            replicates: 1000,
            seed: 0,
        }
    }
}

/// One training under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LearningStage {
    /// Which fold is held out, from 1.
    pub fold: usize,
    /// How many there are.
    pub folds: usize,
    /// How many prompts are learnt from.
    pub prompts: usize,
}

/// How many prompts of a fold's training set are learnt from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Size {
    First(usize),
    All,
}

/// A log dealt to folds, its rows in a random order.
pub(super) struct Course {
    /// Prompts with a score, models that are measured.
    pub(super) table: LogTable,
    pub(super) outcomes: Outcomes,
    pub(super) folds: usize,
    /// The rows of the table that are measured, as the outcomes have them.
    measured: Vec<usize>,
    fold: Vec<usize>,
    order: Vec<usize>,
}

impl Course {
    pub(super) fn new<E: std::error::Error + 'static>(
        table: &LogTable,
        plan: &LearningPlan,
    ) -> Result<Self, LearningError<E>> {
        let scored = |row: &usize| table.score.row(*row).iter().any(|score| !score.is_nan());
        let scored: Vec<usize> = (0..table.prompts.len()).filter(scored).collect();
        let table = table.select(&scored);
        check(&table, plan)?;
        let (outcomes, kept) = Outcomes::complete(&table.score, &table.cost_usd)?;
        let table = table.with_models(&kept.models);
        let fold = (0..table.prompts.len())
            .map(|row| fold(&table.prompts[row], plan.resample, plan.seed, plan.folds))
            .collect();
        let mut order: Vec<usize> = (0..table.prompts.len()).collect();
        order.sort_by_key(|row| fold_of(&table.prompts[*row].text, plan.seed ^ ORDER, u64::MAX));
        Ok(Self {
            measured: kept.prompts,
            folds: plan.folds,
            table,
            outcomes,
            fold,
            order,
        })
    }

    /// What a router learns from that is tested on this fold.
    pub(super) fn learnt(&self, fold: usize, size: Size) -> LogTable {
        let outside = self.order.iter().filter(|row| self.fold[**row] != fold);
        let most = match size {
            Size::First(prompts) => prompts,
            Size::All => usize::MAX,
        };
        let mut rows: Vec<usize> = outside.take(most).copied().collect();
        rows.sort_unstable();
        self.table.select(&rows)
    }

    /// The measured prompts of a fold: their places among the outcomes, and their rows.
    pub(super) fn tested(&self, fold: usize) -> Vec<(usize, usize)> {
        let all = self.measured.iter().copied().enumerate();
        all.filter(|(_, row)| self.fold[*row] == fold).collect()
    }

    /// The sizes that every fold has prompts for, rising; all prompts last.
    pub(super) fn sizes(&self, wanted: &[usize]) -> Vec<Size> {
        let most = self.least_outside();
        let halves = || std::iter::successors(Some(most / 2), |size| Some(size / 2));
        let mut sizes: Vec<usize> = match wanted {
            [] => halves().take_while(|size| *size >= LEAST_SIZE).collect(),
            wanted => wanted.iter().copied().filter(|size| *size < most).collect(),
        };
        sizes.sort_unstable();
        sizes.dedup();
        sizes
            .into_iter()
            .map(Size::First)
            .chain([Size::All])
            .collect()
    }

    /// What the reader should know of sizes that were asked for in vain.
    pub(super) fn too_large(&self, wanted: &[usize]) -> Vec<String> {
        let most = self.least_outside();
        let too_large = wanted.iter().filter(|size| **size >= most);
        too_large
            .map(|size| {
                format!("{size} prompts are not there: some fold leaves {most} to learn from")
            })
            .collect()
    }

    /// How many prompts are learnt from; of all, the mean over the folds.
    pub(super) fn prompts(&self, size: Size) -> usize {
        match size {
            Size::First(prompts) => prompts,
            Size::All => {
                (0..self.folds)
                    .map(|fold| self.outside(fold))
                    .sum::<usize>()
                    / self.folds
            }
        }
    }

    /// The category of each measured prompt.
    pub(super) fn categories(&self) -> Vec<&str> {
        let category = |row: &usize| self.table.prompts[*row].category.as_deref().unwrap_or("");
        self.measured.iter().map(category).collect()
    }

    fn outside(&self, fold: usize) -> usize {
        self.fold.iter().filter(|other| **other != fold).count()
    }

    fn least_outside(&self) -> usize {
        (0..self.folds)
            .map(|fold| self.outside(fold))
            .min()
            .unwrap_or(0)
    }
}

/// What decides the fold of a prompt.
fn label<'a>(table: &'a LogTable, plan: &LearningPlan, row: usize) -> &'a str {
    let prompt = &table.prompts[row];
    match plan.resample {
        Resample::Prompts => &prompt.text,
        Resample::Categories => prompt.category.as_deref().unwrap_or(""),
    }
}

fn check<E: std::error::Error + 'static>(
    table: &LogTable,
    plan: &LearningPlan,
) -> Result<(), LearningError<E>> {
    let labels: BTreeSet<&str> = (0..table.prompts.len())
        .map(|row| label(table, plan, row))
        .collect();
    let (unit, least) = match plan.resample {
        Resample::Prompts => ("prompts", plan.folds * LEAST_PER_FOLD),
        Resample::Categories => ("categories", plan.folds),
    };
    match labels.len() >= least {
        true => Ok(()),
        false => Err(LearningError::TooFew {
            folds: plan.folds,
            unit,
            least,
            found: labels.len(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use pointsman_types::{Grid, PromptRow};

    use super::*;

    fn course(plan: &LearningPlan) -> Course {
        let mut table = LogTable::empty(vec!["a".into(), "b".into()]);
        for row in 0..600 {
            table.prompts.push(PromptRow {
                id: row.to_string(),
                text: format!("prompt {row}").into(),
                category: Some(format!("kind {}", row % 30)),
            });
        }
        table.score = Grid::filled(600, 2, 0.5);
        table.cost_usd = Grid::filled(600, 2, 0.01);
        table.weight = Grid::filled(600, 2, 1.0);
        table.input_tokens = Grid::filled(600, 2, 1.0);
        table.output_tokens = Grid::filled(600, 2, 1.0);
        Course::new::<std::io::Error>(&table, plan).unwrap()
    }

    fn texts(course: &Course, fold: usize, size: Size) -> BTreeSet<String> {
        let table = course.learnt(fold, size);
        table
            .prompts
            .iter()
            .map(|row| row.text.to_string())
            .collect()
    }

    #[test]
    fn larger_sets_contain_the_smaller_and_none_the_prompts_tested() {
        let course = course(&LearningPlan::default());
        for fold in 0..5 {
            let sets: Vec<_> = course
                .sizes(&[])
                .into_iter()
                .map(|size| texts(&course, fold, size))
                .collect();
            assert!(sets.windows(2).all(|pair| pair[0].is_subset(&pair[1])));
            let tested = course.tested(fold);
            assert!(
                tested
                    .iter()
                    .all(|(_, row)| !sets[sets.len() - 1]
                        .contains(&*course.table.prompts[*row].text))
            );
        }
    }

    #[test]
    fn every_prompt_is_tested_once() {
        let course = course(&LearningPlan::default());
        let mut places: Vec<usize> = (0..5)
            .flat_map(|fold| course.tested(fold))
            .map(|(at, _)| at)
            .collect();
        places.sort_unstable();
        assert_eq!(places, (0..600).collect::<Vec<_>>());
    }

    #[test]
    fn sizes_double_up_to_all() {
        let course = course(&LearningPlan::default());
        let sizes: Vec<usize> = course
            .sizes(&[])
            .into_iter()
            .map(|size| course.prompts(size))
            .collect();
        assert_eq!(sizes[sizes.len() - 1], 480);
        assert!(
            sizes[0] >= LEAST_SIZE && sizes[0] < 2 * LEAST_SIZE + 2,
            "{sizes:?}"
        );
        assert!(
            sizes
                .windows(2)
                .all(|pair| (1.8..2.2).contains(&(pair[1] as f64 / pair[0] as f64))),
            "{sizes:?}"
        );
    }

    #[test]
    fn a_size_beyond_the_log_is_told_of() {
        let course = course(&LearningPlan::default());
        assert_eq!(
            course.sizes(&[5000, 100, 100]),
            [Size::First(100), Size::All]
        );
        assert!(course.too_large(&[5000, 100])[0].starts_with("5000 prompts are not there"));
    }

    #[test]
    fn grouped_folds_keep_categories_together() {
        let course = course(&LearningPlan {
            resample: Resample::Categories,
            ..LearningPlan::default()
        });
        assert!((0..600).all(|row| course.fold[row] == course.fold[row % 30]));
    }

    #[test]
    fn too_many_folds_for_the_log_are_an_error() {
        let table = LogTable::empty(vec!["a".into()]);
        let error = Course::new::<std::io::Error>(&table, &LearningPlan::default())
            .err()
            .unwrap();
        assert_eq!(
            error.to_string(),
            "5 folds need at least 100 scored prompts, the log has 0"
        );
    }
}
