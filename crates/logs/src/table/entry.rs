//! What a table's builder keeps of one prompt: a sum for each model, and for each two models that
//! were compared.

use std::sync::Arc;

use pointsman_types::{Answers, Choice, Comparison, LogRow, LogTable, Rating};

use super::sums::{Mean, Votes};

/// Log-probabilities are summed in billionths of a nat.
const LOGPROB_UNIT: f64 = 1e9;

/// One prompt.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) id: String,
    pub(super) text: Arc<str>,
    pub(super) category: Option<String>,
    cells: Vec<Cell>,
    duels: Vec<Duel>,
}

/// Who a row names, by number.
#[derive(Clone, Copy)]
pub(super) struct Named {
    pub(super) model: u32,
    pub(super) rival: Option<u32>,
    pub(super) judge: Option<u32>,
}

/// Where numbers stand in the table.
pub(super) struct Places {
    pub(super) models: Vec<usize>,
    pub(super) judges: Vec<usize>,
    /// Rows without a judge's name, where other rows have one.
    pub(super) unnamed_judge: Option<usize>,
}

/// The rows of one model.
#[derive(Debug)]
struct Cell {
    model: u32,
    rows: u32,
    scores: u32,
    /// Of rows without a judge's name.
    score: Votes,
    judged: Vec<(u32, Votes)>,
    propensity: Votes,
    cost: Mean,
    input: Mean,
    output: Mean,
    /// Most logs tell nothing of the answers.
    answer: Option<Box<Answer>>,
}

/// What was logged of one model's answers.
#[derive(Debug, Default)]
struct Answer {
    logprob: Mean,
    chars: Mean,
}

/// The comparisons of two models, in one order.
#[derive(Debug)]
struct Duel {
    models: [u32; 2],
    rows: u32,
    shares: Votes,
}

impl Entry {
    pub(super) fn new(id: String, text: Arc<str>) -> Self {
        Self {
            id,
            text,
            category: None,
            cells: Vec::new(),
            duels: Vec::new(),
        }
    }

    pub(super) fn bytes(&self) -> u64 {
        (self.text.len() + self.id.len()) as u64
    }

    pub(super) fn add(&mut self, named: Named, row: LogRow) {
        match (named.rival, &row.rival) {
            (Some(number), Some(rival)) => {
                let duel = self.duel([named.model, number]);
                duel.rows += 1;
                duel.shares.add(rival.winner.share_of_first(), row.weight);
            }
            _ => self.cell(named.model).add(named.judge, &row),
        }
        if let Some(category) = row.category {
            // Of several labels the first by name, so that the order of rows does not matter.
            match &self.category {
                Some(known) if *known <= category => {}
                _ => self.category = Some(category),
            }
        }
    }

    fn cell(&mut self, model: u32) -> &mut Cell {
        let known = self.cells.iter().position(|cell| cell.model == model);
        let index = known.unwrap_or_else(|| {
            self.cells.push(Cell::new(model));
            self.cells.len() - 1
        });
        &mut self.cells[index]
    }

    fn duel(&mut self, models: [u32; 2]) -> &mut Duel {
        let known = self.duels.iter().position(|duel| duel.models == models);
        let index = known.unwrap_or_else(|| {
            self.duels.push(Duel {
                models,
                rows: 0,
                shares: Votes::default(),
            });
            self.duels.len() - 1
        });
        &mut self.duels[index]
    }

    /// How many rows were added.
    pub(super) fn rows(&self) -> u64 {
        let cells = self.cells.iter().map(|cell| cell.rows);
        let duels = self.duels.iter().map(|duel| duel.rows);
        cells.chain(duels).map(u64::from).sum()
    }

    /// How many of them have a score.
    pub(super) fn scores(&self) -> u64 {
        self.cells.iter().map(|cell| u64::from(cell.scores)).sum()
    }

    /// How many of them a table tells apart.
    pub(super) fn distinct(&self) -> u64 {
        (self.cells.len() + self.duels.len()) as u64
    }

    pub(super) fn models(&self) -> impl Iterator<Item = u32> {
        let cells = self.cells.iter().map(|cell| cell.model);
        cells.chain(self.duels.iter().flat_map(|duel| duel.models))
    }

    pub(super) fn judges(&self) -> impl Iterator<Item = u32> {
        let judged = self.cells.iter().flat_map(|cell| &cell.judged);
        judged.map(|(judge, _)| *judge)
    }

    /// Whether a row tells anything of its answer.
    pub(super) fn has_answer(&self) -> bool {
        self.cells.iter().any(|cell| cell.answer.is_some())
    }

    pub(super) fn has_unnamed_judge(&self) -> bool {
        self.cells.iter().any(|cell| cell.score.mean().is_some())
    }

    /// Writes everything but id, text and category.
    pub(super) fn write(&self, table: &mut LogTable, row: usize, places: &Places) {
        for cell in &self.cells {
            cell.write(table, (row, places.models[cell.model as usize]));
        }
        table.ratings.extend(self.ratings(row, places));
        table.choices.extend(self.choices(row, places));
        table.comparisons.extend(self.comparisons(row, places));
    }

    fn ratings(&self, prompt: usize, places: &Places) -> Vec<Rating> {
        let of_cell = |cell: &Cell| -> Vec<Rating> {
            let named = cell.judged.iter();
            let named = named.map(|(judge, votes)| (places.judges[*judge as usize], *votes));
            let unnamed = places.unnamed_judge.map(|judge| (judge, cell.score));
            let read = |(judge, votes): (usize, Votes)| {
                let (score, weight) = votes.mean()?;
                Some(Rating {
                    prompt,
                    model: places.models[cell.model as usize],
                    judge,
                    score: score as f32,
                    weight: weight as f32,
                })
            };
            named.chain(unnamed).filter_map(read).collect()
        };
        let mut ratings: Vec<Rating> = self.cells.iter().flat_map(of_cell).collect();
        ratings.sort_by_key(|one| (one.model, one.judge));
        ratings
    }

    fn choices(&self, prompt: usize, places: &Places) -> Vec<Choice> {
        let read = |cell: &Cell| {
            let (propensity, _) = cell.propensity.mean()?;
            Some(Choice {
                prompt,
                model: places.models[cell.model as usize],
                propensity: propensity as f32,
            })
        };
        let mut choices: Vec<Choice> = self.cells.iter().filter_map(read).collect();
        choices.sort_by_key(|one| one.model);
        choices
    }

    fn comparisons(&self, prompt: usize, places: &Places) -> Vec<Comparison> {
        let read = |duel: &Duel| {
            let (share, weight) = duel.shares.mean()?;
            Some(Comparison {
                prompt,
                models: duel.models.map(|model| places.models[model as usize]),
                share_of_first: share as f32,
                weight: weight as f32,
            })
        };
        let mut comparisons: Vec<Comparison> = self.duels.iter().filter_map(read).collect();
        comparisons.sort_by_key(|one| one.models);
        comparisons
    }
}

impl Cell {
    fn new(model: u32) -> Self {
        Self {
            model,
            rows: 0,
            scores: 0,
            score: Votes::default(),
            judged: Vec::new(),
            propensity: Votes::default(),
            cost: Mean::default(),
            input: Mean::default(),
            output: Mean::default(),
            answer: None,
        }
    }

    fn add(&mut self, judge: Option<u32>, row: &LogRow) {
        self.rows += 1;
        if let Some(score) = row.score {
            self.scores += 1;
            self.votes(judge).add(f64::from(score.get()), row.weight);
            if let Some(propensity) = row.propensity {
                self.propensity.add(propensity.get(), row.weight);
            }
        }
        self.cost.add(row.cost_usd.map(|cost| cost.picos().into()));
        self.input
            .add(row.input_tokens.map(|tokens| tokens.0.into()));
        self.output
            .add(row.output_tokens.map(|tokens| tokens.0.into()));
        if row.answer_logprob.is_some() || row.answer_chars.is_some() {
            self.answer.get_or_insert_default().add(row);
        }
    }

    fn votes(&mut self, judge: Option<u32>) -> &mut Votes {
        let Some(judge) = judge else {
            return &mut self.score;
        };
        let known = self.judged.iter().position(|(number, _)| *number == judge);
        let index = known.unwrap_or_else(|| {
            self.judged.push((judge, Votes::default()));
            self.judged.len() - 1
        });
        &mut self.judged[index].1
    }

    fn write(&self, table: &mut LogTable, cell: (usize, usize)) {
        let mut all = self.score;
        self.judged.iter().for_each(|(_, votes)| all.merge(*votes));
        if let Some((score, weight)) = all.mean() {
            table.score[cell] = score as f32;
            table.weight[cell] = weight as f32;
        }
        if let Some(picos) = self.cost.mean() {
            table.cost_usd[cell] = picos / 1e12;
        }
        if let Some(tokens) = self.input.mean() {
            table.input_tokens[cell] = tokens as f32;
        }
        if let Some(tokens) = self.output.mean() {
            table.output_tokens[cell] = tokens as f32;
        }
        if let Some((answer, answers)) = self.answer.as_ref().zip(table.answers.as_mut()) {
            answer.write(answers, cell);
        }
    }
}

impl Answer {
    fn add(&mut self, row: &LogRow) {
        let units = |logprob: f64| (logprob * LOGPROB_UNIT).round() as i128;
        self.logprob.add(row.answer_logprob.map(units));
        self.chars.add(row.answer_chars.map(i128::from));
    }

    fn write(&self, answers: &mut Answers, cell: (usize, usize)) {
        if let Some(units) = self.logprob.mean() {
            answers.logprob[cell] = (units / LOGPROB_UNIT) as f32;
        }
        if let Some(chars) = self.chars.mean() {
            answers.chars[cell] = chars as f32;
        }
    }
}
