//! A model as a judge: of one answer, or between several.

use pointsman_types::ModelName;
use pointsman_wire::{Answer, Block, Role, Turn};

use super::{Crew, Stopped};

/// The grades that a judge gives: 0 to this.
const BEST_GRADE: f64 = 10.0;

/// The grade of an answer in [0, 1]; `None` where the judge gives none.
pub(super) async fn graded(
    crew: &Crew<'_>,
    judge: &ModelName,
    criteria: &str,
    answer: &Answer,
) -> Option<f64> {
    let task = format!(
        "You grade an answer to a request. {criteria} Reply with one whole number from 0 (useless) to 10 (perfect) and nothing else."
    );
    let question = format!("Request:\n{}\n\nAnswer:\n{}", asked(crew), answer.text());
    let done = crew.ask(judge, turns(&task, &question)).await.ok()?;
    let grade = number(&done.answer.text())?;
    (grade <= BEST_GRADE).then(|| grade / BEST_GRADE)
}

/// The place of the best of several answers; `None` where the judge names none of them.
pub(super) async fn best(
    crew: &Crew<'_>,
    judge: &ModelName,
    criteria: &str,
    answers: &[&Answer],
) -> Result<Option<usize>, Stopped> {
    let task = format!(
        "You compare answers to a request. {criteria} Reply with the number of the best answer and nothing else."
    );
    let mut question = format!("Request:\n{}\n", asked(crew));
    for (at, answer) in answers.iter().enumerate() {
        question.push_str(&format!("\nAnswer {}:\n{}\n", at + 1, answer.text()));
    }
    let done = crew.ask(judge, turns(&task, &question)).await?;
    let place = number(&done.answer.text()).map(|number| number as usize);
    Ok(place
        .filter(|place| (1..=answers.len()).contains(place))
        .map(|place| place - 1))
}

/// What the caller asked last.
pub(super) fn asked(crew: &Crew<'_>) -> String {
    let utterances = crew.request.said.utterances();
    let last = utterances.iter().rev().find(|one| one.role == "user");
    last.map_or_else(String::new, |one| one.text.to_string())
}

pub(super) fn turns<'t>(system: &'t str, user: &'t str) -> Vec<Turn<'t>> {
    let turn = |role, text: &'t str| Turn::new(role, vec![Block::Text(text.into())]);
    vec![turn(Role::System, system), turn(Role::User, user)]
}

/// The first whole number of a text.
fn number(text: &str) -> Option<f64> {
    let digits = text.find(|char: char| char.is_ascii_digit())?;
    let rest = &text[digits..];
    let end = rest
        .find(|char: char| !char.is_ascii_digit())
        .unwrap_or(rest.len());
    rest[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn judges_say_numbers_in_many_ways() {
        assert_eq!(number("7"), Some(7.0));
        assert_eq!(number("Answer 2."), Some(2.0));
        assert_eq!(number("**10**/10"), Some(10.0));
        assert_eq!(number("none"), None);
    }
}
