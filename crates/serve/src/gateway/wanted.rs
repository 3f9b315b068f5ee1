//! What a caller wants: the request as it was read, the wishes in its field `pointsman`, and what the
//! caller may.

use pointsman_types::{Capability, Limits, Message, ModelName, Prompt, Request, Tokens};
use pointsman_wire::{Conversation, Needs};
use serde_json::{Map, Value};

use super::asked::Asked;
use super::auth::Guest;
use super::explained::FIELD;
use super::fleet::Fleet;
use super::refused::Refused;
use super::tokens::input_tokens;
use crate::learning::Part;
use crate::parse::parse;
use crate::route_body::RouteBody;

/// The label that conditions know the tier by.
const TIER: &str = "tier";

/// What a caller wants.
pub(crate) struct Wanted {
    pub(crate) asked: Asked,
    pub(crate) request: Request,
    /// What was attached: the request's own metadata, then the wishes'.
    pub(crate) metadata: Option<Map<String, Value>>,
    pub(crate) session_id: Option<String>,
    pub(crate) tier: Option<String>,
    pub(crate) key_id: Option<String>,
    pub(crate) no_explore: bool,
    pub(crate) explain: bool,
    /// Tokens in, as far as can be told from bytes.
    pub(crate) input: u64,
    /// It is one call of a request that is paced as a whole.
    pub(crate) part: Option<Part>,
}

impl Wanted {
    /// Reads what is wanted; limits name only models that may be asked on behalf of this caller.
    pub(crate) fn read(
        said: &Conversation<'_>,
        fleet: &Fleet,
        guest: &Guest,
        wishes: &str,
    ) -> Result<Self, Refused> {
        let asked = Asked::of(&said.model, fleet)?;
        let wishes = parse::<RouteBody<'_>>(wishes.as_bytes());
        let mut wishes = wishes.map_err(|problem| problem.within(FIELD))?;
        let known: Vec<ModelName> = fleet
            .members
            .iter()
            .map(|one| one.card.name.clone())
            .collect();
        let mut limits = wishes
            .limits(&known)
            .map_err(|problem| problem.within(FIELD))?;
        let needs = said.needs();
        let metadata = labels(said, wishes.metadata.take());
        let tier = guest.tier().map(str::to_owned).or(wishes.tier.take());
        let labels = believed(fleet, guest, metadata.as_ref(), tier.as_deref());
        limits.models = Some(open(fleet, guest, &limits, &labels));
        limits.max_tokens = limits.max_tokens.or(said.max_tokens.map(Tokens));
        limits.needs.extend(capabilities(needs));
        let input = input_tokens(said);
        let has_more = needs.tools || needs.images;
        Ok(Self {
            asked,
            request: Request {
                prompt: prompt(said),
                // Tools and images stand in no prompt, so the router would not count them.
                input_tokens: wishes.input_tokens().or(has_more.then_some(Tokens(input))),
                limits,
                draw: None,
            },
            metadata,
            session_id: wishes.session_id.take(),
            tier,
            key_id: guest.key_id().or(wishes.key_id.take()),
            no_explore: guest.no_explore() || wishes.no_explore(),
            explain: wishes.explain(),
            input,
            part: None,
        })
    }
}

/// The models that settings, the caller's key and the wishes leave.
fn open(
    fleet: &Fleet,
    guest: &Guest,
    limits: &Limits,
    labels: &Map<String, Value>,
) -> Vec<ModelName> {
    let is_wished = |name: &&ModelName| {
        let wished = limits.models.as_ref();
        wished.is_none_or(|wished| wished.contains(name))
    };
    fleet
        .open_to(guest, labels)
        .filter(is_wished)
        .cloned()
        .collect()
}

/// What conditions go by: the request's labels, among them the tier, if the caller may name it.
fn believed(
    fleet: &Fleet,
    guest: &Guest,
    metadata: Option<&Map<String, Value>>,
    tier: Option<&str>,
) -> Map<String, Value> {
    let mut labels = metadata.cloned().unwrap_or_default();
    let believes = fleet.door.believes_tier(guest);
    if !believes {
        labels.remove(TIER);
    }
    if let Some(tier) = tier.filter(|_| believes).or(guest.tier()) {
        labels.insert(TIER.into(), tier.into());
    }
    labels
}

fn labels(
    said: &Conversation<'_>,
    wishes: Option<Map<String, Value>>,
) -> Option<Map<String, Value>> {
    let own = said.metadata.iter();
    let mut all: Map<String, Value> = own
        .map(|(label, value)| (label.to_string(), Value::from(&**value)))
        .collect();
    all.extend(wishes.unwrap_or_default());
    (!all.is_empty()).then_some(all)
}

fn capabilities(needs: Needs) -> impl Iterator<Item = Capability> {
    let needed = [
        (needs.tools, Capability::Tools),
        (needs.images, Capability::Vision),
        (needs.json_schema, Capability::Json),
    ];
    needed
        .into_iter()
        .filter(|(is_needed, _)| *is_needed)
        .map(|(_, what)| what)
}

/// The prompt as the logs know it.
fn prompt(said: &Conversation<'_>) -> Prompt {
    let messages: Vec<Message> = said
        .utterances()
        .into_iter()
        .map(|said| Message {
            role: said.role.to_owned(),
            content: said.text.into_owned(),
        })
        .collect();
    Prompt::from_messages(&messages)
}
