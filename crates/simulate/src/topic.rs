//! Topics cut across difficulty: the language of a program or of a translation, the subject of a
//! question. Some models are better at one than at another, and the words show which it is.

use crate::roster::MODELS;

/// A topic that a grammar can mark with `@name`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Topic(u8);

/// What a topic adds to each model's skill, in logits.
struct Shift {
    name: &'static str,
    skill: [f64; MODELS],
}

const fn shift(name: &'static str, skill: [f64; MODELS]) -> Shift {
    Shift { name, skill }
}

/// Order of the models: condor, finch, heron, tern, wren.
const SHIFTS: [Shift; 13] = [
    shift("scripting", [0.0, 0.8, 0.0, 0.3, 0.8]),
    shift("web", [0.0, 1.0, -0.3, 0.0, 0.2]),
    shift("systems", [0.3, -1.0, 0.5, -1.0, -2.0]),
    shift("rare_language", [0.2, -2.0, 0.0, -1.0, -2.5]),
    shift("romance", [0.2, -0.2, 0.2, 0.3, 0.8]),
    shift("germanic", [0.0, 0.0, 0.5, 0.5, 0.3]),
    shift("asian", [-0.8, -1.2, -0.7, 1.4, -1.4]),
    shift("low_resource", [-0.3, -2.0, -1.5, 0.5, -2.7]),
    shift("science", [0.0, 0.5, 0.7, -0.3, -0.3]),
    shift("culture", [0.2, -0.8, -0.5, 1.0, 0.2]),
    shift("history", [0.3, -0.5, 0.0, 0.3, -0.3]),
    shift("numbers", [0.0, 0.3, 1.0, -0.8, -1.0]),
    shift("long_input", [0.3, -0.5, 0.5, 0.0, -1.4]),
];

impl Topic {
    pub(crate) fn named(name: &str) -> Option<Self> {
        let index = SHIFTS.iter().position(|shift| shift.name == name)?;
        u8::try_from(index).ok().map(Self)
    }
}

/// The topics of one prompt.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Topics(u16);

impl Topics {
    /// What the topics together add to a model's skill, in logits.
    pub(crate) fn shift(self, model: usize) -> f64 {
        let marked = |(i, _): &(usize, &Shift)| self.0 >> i & 1 == 1;
        let shifts = SHIFTS.iter().enumerate().filter(marked);
        shifts.map(|(_, shift)| shift.skill[model]).sum()
    }
}

impl Extend<Topic> for Topics {
    fn extend<I: IntoIterator<Item = Topic>>(&mut self, topics: I) {
        for Topic(index) in topics {
            self.0 |= 1 << index;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_counts_once() {
        let mut topics = Topics::default();
        let web = Topic::named("web").unwrap();
        topics.extend([web, web]);
        assert!((topics.shift(1) - 1.0).abs() < 1e-12);
        assert_eq!(Topic::named("no such topic"), None);
    }
}
