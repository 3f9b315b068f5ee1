//! The order that events have, whatever a back end sends: `Start` first and once, nothing after the
//! end, no end of an answer that never began. Writers rely on it.

use crate::{Error, Event, Failure};

/// How far the events have come.
#[derive(Debug, Default)]
pub(super) struct Order {
    has_started: bool,
    has_ended: bool,
}

impl Order {
    /// Appends an event where it may stand, with what must stand before it.
    pub(super) fn admit(&mut self, event: Event, out: &mut Vec<Event>) {
        if self.has_ended {
            return;
        }
        match event {
            Event::Start { .. } if self.has_started => {}
            Event::Start { .. } => {
                self.has_started = true;
                out.push(event);
            }
            Event::End if !self.has_started => {
                self.has_ended = true;
                out.push(Event::Failed(Failure::of_answer(&Error::CutShort)));
            }
            Event::End | Event::Failed(_) => {
                self.has_ended = true;
                out.push(event);
            }
            Event::Open(..) if !self.has_started => {
                self.has_started = true;
                let (id, model) = (String::new(), String::new());
                out.extend([Event::Start { id, model }, event]);
            }
            _ => out.push(event),
        }
    }
}
