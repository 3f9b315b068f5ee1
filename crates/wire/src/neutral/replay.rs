//! A whole answer as the events of a stream, to give a kept answer to a caller who streams.

use super::{Answer, Delta, Event, Opening, Said};

/// The events that say this answer; gathered again they give it.
#[must_use]
pub fn replay(answer: &Answer) -> Vec<Event> {
    let mut events = vec![Event::Start {
        id: answer.id.clone(),
        model: answer.model.clone(),
    }];
    for (block, said) in answer.said.iter().enumerate() {
        push(&mut events, block, said);
    }
    events.push(Event::Stop(answer.stop));
    events.extend(answer.usage.map(Event::Usage));
    events.extend(answer.likelihood.map(Event::Likelihood));
    events.push(Event::End);
    events
}

fn push(events: &mut Vec<Event>, block: usize, said: &Said) {
    let (opening, text, seal) = match said {
        Said::Text(text) => (Opening::Text, text.clone(), None),
        Said::Refusal(text) => (Opening::Refusal, text.clone(), None),
        Said::Reasoning(thought) => {
            let opening = Opening::Reasoning {
                id: thought.id.as_deref().map(str::to_owned),
            };
            (opening, thought.text.to_string(), thought.seal.clone())
        }
        Said::ToolCall(call) => {
            let opening = Opening::ToolCall {
                id: call.id.to_string(),
                name: call.name.to_string(),
            };
            (opening, call.arguments.to_string(), None)
        }
    };
    events.push(Event::Open(block, opening));
    if !text.is_empty() {
        events.push(Event::Grow(block, Delta::More(text)));
    }
    events.extend(seal.map(|seal| Event::Grow(block, Delta::Seal(seal))));
    events.push(Event::Close(block));
}
