//! Several answers, of which the most frequent one wins (self-consistency: Wang et al., 2022).

use pointsman_types::ModelName;
use regex::Regex;

use super::best_of::{all, repeated};
use super::{Crew, Done, Stopped, VoteConfig, calls};

/// A vote that was checked.
pub(crate) struct Vote {
    models: Vec<ModelName>,
    extract: Option<Regex>,
}

impl Vote {
    pub(super) fn new(config: &VoteConfig) -> Result<Self, String> {
        calls(&config.models, config.samples)?;
        let extract = config.extract.as_deref().map(Regex::new).transpose();
        Ok(Self {
            models: repeated(&config.models, config.samples),
            extract: extract.map_err(|error| format!("extract: {error}"))?,
        })
    }

    /// Of equally frequent answers the one that was asked for first wins.
    pub(super) async fn run(&self, crew: &Crew<'_>) -> Result<Done, Stopped> {
        let mut done = all(crew, &self.models).await?;
        let ballots: Vec<String> = done
            .iter()
            .map(|done| self.ballot(&done.answer.text()))
            .collect();
        Ok(done.swap_remove(winner(&ballots)))
    }

    /// What of an answer counts, regardless of case and white space.
    fn ballot(&self, text: &str) -> String {
        let found = self.extract.as_ref().and_then(|extract| {
            let last = extract.captures_iter(text).last()?;
            Some(last.get(1).or_else(|| last.get(0))?.as_str())
        });
        let words = found.unwrap_or(text).split_whitespace();
        words.collect::<Vec<_>>().join(" ").to_lowercase()
    }
}

/// The first place of the most frequent ballot.
fn winner(ballots: &[String]) -> usize {
    let votes = |at: usize| ballots.iter().filter(|one| **one == ballots[at]).count();
    // Of equals the last is taken, so the order is turned round.
    (0..ballots.len())
        .rev()
        .max_by_key(|at| votes(*at))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_frequent_answer_wins() {
        let winner = |ballots: &[&str]| {
            winner(
                &ballots
                    .iter()
                    .map(|one| one.to_string())
                    .collect::<Vec<_>>(),
            )
        };
        assert_eq!(winner(&["a", "b", "b"]), 1);
        assert_eq!(winner(&["a", "b", "a", "b"]), 0);
        assert_eq!(winner(&["a"]), 0);
    }

    #[test]
    fn a_part_of_an_answer_counts() {
        let vote = Vote {
            models: Vec::new(),
            extract: Some(Regex::new(r"answer is (\w+)").unwrap()),
        };
        assert_eq!(vote.ballot("The answer is A. No: the answer is B!"), "b");
        assert_eq!(vote.ballot("Perhaps  C"), "perhaps c");
    }
}
