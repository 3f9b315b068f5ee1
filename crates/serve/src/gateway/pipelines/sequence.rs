//! A sequence: steps with templates over what was said before.

use std::collections::{BTreeMap, BTreeSet};

use pointsman_wire::{Block, Role, Turn};

use super::judge::asked;
use super::{Crew, Done, SequenceConfig, StepConfig, Stopped};

/// A sequence that was checked.
pub(crate) struct Sequence {
    steps: Vec<StepConfig>,
}

const INPUT: &str = "input";
const LAST: &str = "last";

impl Sequence {
    pub(super) fn new(config: &SequenceConfig) -> Result<Self, String> {
        if !(1..=super::MOST_CALLS).contains(&config.steps.len()) {
            return Err(format!("needs between 1 and {} steps", super::MOST_CALLS));
        }
        let mut known: BTreeSet<&str> = [INPUT].into();
        for step in &config.steps {
            let texts = [Some(&step.prompt), step.system.as_ref()];
            for name in texts.into_iter().flatten().flat_map(|text| names(text)) {
                if !known.contains(name) {
                    return Err(format!(
                        "step `{}` uses `{{{{{name}}}}}`, which is not there yet",
                        step.name
                    ));
                }
            }
            known.insert(LAST);
            if !known.insert(&step.name) {
                return Err(format!("the name `{}` is taken", step.name));
            }
        }
        Ok(Self {
            steps: config.steps.clone(),
        })
    }

    pub(super) async fn run(&self, crew: &Crew<'_>) -> Result<Done, Stopped> {
        let mut said = BTreeMap::from([(INPUT.to_owned(), asked(crew))]);
        let mut last = None;
        for step in &self.steps {
            let done = crew.ask(&step.model, turns(step, &said)).await?;
            let text = done.answer.text().into_owned();
            said.insert(LAST.to_owned(), text.clone());
            said.insert(step.name.clone(), text);
            last = Some(done);
        }
        Ok(last.expect("there is a step"))
    }
}

fn turns(step: &StepConfig, said: &BTreeMap<String, String>) -> Vec<Turn<'static>> {
    let turn = |role, text: &String| Turn::new(role, vec![Block::Text(filled(text, said).into())]);
    let system = step.system.as_ref().map(|text| turn(Role::System, text));
    system
        .into_iter()
        .chain([turn(Role::User, &step.prompt)])
        .collect()
}

/// The names between double braces.
fn names(template: &str) -> impl Iterator<Item = &str> {
    let parts = template.split("{{").skip(1);
    parts.filter_map(|part| Some(part.split_once("}}")?.0.trim()))
}

/// The template with what was said. What is put in is not read again, so no answer can name another.
fn filled(template: &str, said: &BTreeMap<String, String>) -> String {
    let mut parts = template.split("{{");
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once("}}") {
            Some((name, rest)) => {
                filled.push_str(said.get(name.trim()).map_or("", String::as_str));
                filled.push_str(rest);
            }
            None => {
                filled.push_str("{{");
                filled.push_str(part);
            }
        }
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(name: &str, prompt: &str) -> StepConfig {
        StepConfig {
            name: name.into(),
            model: "small".into(),
            system: None,
            prompt: prompt.into(),
        }
    }

    fn sequence(steps: Vec<StepConfig>) -> Result<Sequence, String> {
        Sequence::new(&SequenceConfig {
            name: "two".into(),
            steps,
            max_cost_usd: None,
        })
    }

    #[test]
    fn templates_are_filled_once() {
        let said = BTreeMap::from([
            ("input".to_owned(), "{{last}} {{".to_owned()),
            ("last".to_owned(), "B".to_owned()),
        ]);
        assert_eq!(
            filled("a {{ input }} {{last}} {{ x", &said),
            "a {{last}} {{ B {{ x"
        );
    }

    #[test]
    fn a_step_uses_what_was_said_before() {
        assert!(
            sequence(vec![
                step("draft", "{{input}}"),
                step("final", "{{draft}} {{last}}")
            ])
            .is_ok()
        );
        let wrong = |steps| sequence(steps).err().unwrap();
        assert!(wrong(vec![step("draft", "{{last}}")]).contains("`{{last}}`"));
        assert!(wrong(vec![step("input", "a")]).contains("taken"));
        assert!(wrong(Vec::new()).contains("steps"));
    }
}
