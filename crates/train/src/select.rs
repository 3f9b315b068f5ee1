//! Which heads are used, chosen by the decisions they lead to.
//!
//! An average of predictors errs less than most of its parts, and less than a choice among them
//! made on few rows (Breiman 1996, "Stacked regressions"; Bates and Granger 1969 for equal parts).
//! So the widest average comes first, and gives way only to something that is better by more than
//! the error of the comparison. Where one family reads a sentence encoder's coordinates through a
//! kernel, it comes before that by itself: an average with others would mostly dilute it.

use pointsman_measures::Bootstrap;
use pointsman_types::Grid;

use crate::error::TrainError;
use crate::fit::{Family, Fitted, add, scaled};
use crate::judge::{Judge, Verdict};
use crate::report::CandidateReport;
use crate::splits::Splits;

/// A blend of fitted heads: indices into the fits, and their weights.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Blend(pub(crate) Vec<(usize, f32)>);

/// The chosen blend, and how every finalist did.
pub(crate) struct Selection {
    pub(crate) blend: Blend,
    /// Held-out qualities, each prompt by the blend that is chosen when its fold is not looked at.
    pub(crate) nested: Grid<f32>,
    pub(crate) finalists: Vec<CandidateReport>,
}

/// Chooses within each family among the average of its settings and every single one, then among
/// the averages of the families, the means alone included. One family by itself may come `first`.
pub(crate) fn select(
    judge: &Judge<'_>,
    splits: &Splits,
    fitted: &[Fitted],
    first: Option<Family>,
    bootstrap: &Bootstrap,
) -> Result<Selection, TrainError> {
    let chooser = Chooser::new(judge, splits, fitted, first, bootstrap);
    let choice = chooser.choose(|_| true)?;
    Ok(Selection {
        finalists: reports(&choice.blends, &choice.verdict, fitted),
        nested: chooser.nested(splits)?,
        blend: choice.blend(),
    })
}

struct Chooser<'a> {
    judge: &'a Judge<'a>,
    means: Grid<f32>,
    fitted: &'a [Fitted],
    first: Option<Family>,
    bootstrap: &'a Bootstrap,
}

/// Finalists, and what was found of them.
struct Choice {
    blends: Vec<Blend>,
    verdict: Verdict,
}

impl Choice {
    fn blend(&self) -> Blend {
        self.blends[self.verdict.chosen].clone()
    }
}

impl<'a> Chooser<'a> {
    fn new(
        judge: &'a Judge<'a>,
        splits: &Splits,
        fitted: &'a [Fitted],
        first: Option<Family>,
        bootstrap: &'a Bootstrap,
    ) -> Self {
        Self {
            judge,
            means: splits.held_out_means(),
            fitted,
            first,
            bootstrap,
        }
    }

    /// The whole choice, looking only at some of the prompts.
    fn choose(&self, looks_at: impl Fn(usize) -> bool + Copy) -> Result<Choice, TrainError> {
        let members = Family::ALL
            .into_iter()
            .filter_map(|family| self.member(family, looks_at).transpose())
            .collect::<Result<Vec<Blend>, _>>()?;
        let first = members.iter().find(|member| self.is_first(member));
        let average = |subset: Vec<usize>| Blend::average(subset.iter().map(|at| &members[*at]));
        let averages = subsets(members.len()).into_iter().map(average);
        let rest = averages.filter(|blend| Some(blend) != first);
        self.first_within_error(first.cloned().into_iter().chain(rest), looks_at)
    }

    fn is_first(&self, member: &Blend) -> bool {
        let mut settings = member.0.iter();
        settings.all(|(at, _)| Some(self.fitted[*at].family) == self.first)
    }

    /// One family's best: the average over its settings, or a setting that is better beyond doubt.
    fn member(
        &self,
        family: Family,
        looks_at: impl Fn(usize) -> bool,
    ) -> Result<Option<Blend>, TrainError> {
        let fitted = self.fitted;
        let settings = (0..fitted.len()).filter(|at| fitted[*at].family == family);
        let singles: Vec<Blend> = settings.map(|at| Blend(vec![(at, 1.0)])).collect();
        if singles.len() < 2 {
            return Ok(singles.into_iter().next());
        }
        let average = Blend::average(singles.iter());
        let candidates = [average].into_iter().chain(singles);
        let choice = self.first_within_error(candidates, looks_at)?;
        Ok(Some(choice.blend()))
    }

    fn first_within_error(
        &self,
        blends: impl Iterator<Item = Blend>,
        looks_at: impl Fn(usize) -> bool,
    ) -> Result<Choice, TrainError> {
        let blends: Vec<Blend> = blends.collect();
        let qualities: Vec<Grid<f32>> = blends.iter().map(|blend| self.held_out(blend)).collect();
        let verdict = self
            .judge
            .first_within_error_on(&qualities, self.bootstrap, looks_at)?;
        Ok(Choice { blends, verdict })
    }

    /// For every fold the choice is made on the other folds, so that measuring the result does not
    /// reward the luck of the choice (nested cross-validation; Varma and Simon 2006).
    fn nested(&self, splits: &Splits) -> Result<Grid<f32>, TrainError> {
        let of_fold = |fold: usize| {
            let choice = self.choose(|row| splits.learns_from(fold, row))?;
            Ok(self.held_out(&choice.blend()))
        };
        let qualities: Result<Vec<_>, TrainError> = (0..splits.folds()).map(of_fold).collect();
        let qualities = qualities?;
        Ok(splits.held_out(self.means.columns(), |fold, row| qualities[fold].row(row)))
    }

    fn held_out(&self, blend: &Blend) -> Grid<f32> {
        blend.held_out(&self.means, self.fitted)
    }
}

/// The subsets of so many members, the largest first, the empty one last.
fn subsets(members: usize) -> Vec<Vec<usize>> {
    let of_mask = |mask: u32| (0..members).filter(move |at| mask >> at & 1 == 1).collect();
    let mut subsets: Vec<Vec<usize>> = (0..1 << members).map(of_mask).collect();
    subsets.sort_by_key(|subset| std::cmp::Reverse(subset.len()));
    subsets
}

fn reports(blends: &[Blend], verdict: &Verdict, fitted: &[Fitted]) -> Vec<CandidateReport> {
    let report = |(at, blend): (usize, &Blend)| CandidateReport {
        heads: blend.words(fitted),
        worth: verdict.worth[at],
        error_of_difference: verdict.errors[at],
        chosen: at == verdict.chosen,
    };
    blends.iter().enumerate().map(report).collect()
}

impl Blend {
    /// These blends in equal parts.
    fn average<'a>(blends: impl ExactSizeIterator<Item = &'a Self>) -> Self {
        let share = 1.0 / blends.len().max(1) as f32;
        let parts = blends.flat_map(|blend| &blend.0);
        Self(parts.map(|(at, weight)| (*at, weight * share)).collect())
    }

    /// Held-out qualities of the blend, shape `(prompts, models)`: the means and its deviations.
    pub(crate) fn held_out(&self, means: &Grid<f32>, fitted: &[Fitted]) -> Grid<f32> {
        let parts = self
            .0
            .iter()
            .map(|(at, weight)| scaled(&fitted[*at].held_out, *weight));
        parts.fold(means.clone(), |sum, part| add(&sum, &part))
    }

    /// Each family once, with its setting, or with their number where they are averaged.
    fn words(&self, fitted: &[Fitted]) -> Vec<String> {
        let families = Family::ALL.into_iter();
        families
            .filter_map(|family| self.of_family(family, fitted))
            .collect()
    }

    /// One family in words.
    fn of_family(&self, family: Family, fitted: &[Fitted]) -> Option<String> {
        let settings = self.0.iter().map(|(at, _)| &fitted[*at]);
        let settings: Vec<&Fitted> = settings.filter(|fit| fit.family == family).collect();
        let first = &settings.first()?.setting;
        Some(match settings.len() {
            1 => format!("{} ({first})", family.word()),
            count => format!("{} (mean of {count} settings)", family.word()),
        })
    }
}

#[cfg(test)]
mod tests {
    use pointsman_types::{LogTable, PromptRow};
    use rand::{RngExt, SeedableRng, rngs::StdRng};

    use crate::fit::Part;
    use crate::held_out::HeldOut;
    use crate::judge::bootstrap;

    use super::*;

    const PROMPTS: usize = 200;
    const LOGS: u64 = 12;

    /// Scores that nothing tells, of a cheap model and a dear one.
    fn coin_flips(rng: &mut StdRng) -> LogTable {
        let mut table = LogTable::empty(vec!["cheap".into(), "dear".into()]);
        for number in 0..PROMPTS {
            table.prompts.push(PromptRow {
                id: number.to_string(),
                text: format!("prompt {number}").into(),
                category: None,
            });
            let scores = [0.5, 0.6].map(|share| f32::from(u8::from(rng.random_bool(share))));
            table.score.push_row(&scores);
            table.weight.push_row(&[1.0; 2]);
            table.cost_usd.push_row(&[0.001, 0.01]);
            table.input_tokens.push_row(&[f32::NAN; 2]);
            table.output_tokens.push_row(&[f32::NAN; 2]);
        }
        table
    }

    /// A setting that has learnt nothing.
    fn noise(rng: &mut StdRng) -> Fitted {
        let values = (0..2 * PROMPTS).map(|_| rng.random_range(-0.3..0.3));
        Fitted {
            family: Family::Table,
            setting: "noise".into(),
            held_out: Grid::from_values(2, values.collect()),
            part: Part::Tables(Vec::new()),
        }
    }

    /// The leak that is planted is the choice itself: made among many settings on the very prompts
    /// that it is then measured on, it picks the luckiest. Measured so, noise gains on mixing
    /// single models; nested, no more than a setting that nobody chose.
    #[test]
    fn the_luck_of_a_choice_is_not_measured() {
        let (mut leaked, mut nested, mut unchosen) = (0.0, 0.0, 0.0);
        for seed in 0..LOGS {
            let mut rng = StdRng::seed_from_u64(seed);
            let table = coin_flips(&mut rng);
            let splits = Splits::new(&table, 5, seed, false).unwrap();
            let cost = table.cost_usd.clone();
            let judge = Judge::new(&table, &splits, &cost);
            let fitted: Vec<Fitted> = (0..40).map(|_| noise(&mut rng)).collect();
            let resampled = bootstrap(&table, false, seed);
            let selection = select(&judge, &splits, &fitted, None, &resampled).unwrap();
            let gain = |quality: &Grid<f32>| {
                let measured = HeldOut::new(&table, quality, &cost)
                    .unwrap()
                    .measured()
                    .unwrap();
                (measured.router.aiq - measured.zero_router.aiq) / LOGS as f64
            };
            let of_blend = |blend: &Blend| blend.held_out(&splits.held_out_means(), &fitted);
            leaked += gain(&of_blend(&selection.blend));
            nested += gain(&selection.nested);
            unchosen += gain(&of_blend(&Blend(vec![(0, 1.0)])));
        }
        // The hull of a curve lies above it, so that noise gains a little wherever it is measured.
        let (leak, rest) = (leaked - unchosen, nested - unchosen);
        assert!(leak > 0.02, "the leak shows {leak} only");
        assert!(rest < leak / 4.0, "of {leak} nesting leaves {rest}");
    }

    #[test]
    fn the_widest_average_comes_first_and_nothing_last() {
        let subsets = subsets(3);
        assert_eq!(subsets.len(), 8);
        assert_eq!(subsets[0], [0, 1, 2]);
        assert!(subsets[7].is_empty());
    }

    #[test]
    fn an_average_of_averages_has_equal_parts() {
        let wide = Blend(vec![(0, 0.5), (1, 0.5)]);
        let single = Blend(vec![(2, 1.0)]);
        let blend = Blend::average([&wide, &single].into_iter());
        assert_eq!(blend, Blend(vec![(0, 0.25), (1, 0.25), (2, 0.5)]));
    }
}
