//! One turn of a conversation and what it is made of.

use super::{Text, ToolCall, ToolResult};
use crate::Dialect;

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Who set up the conversation.
    System,
    /// The same, in the newer word of OpenAI.
    Developer,
    /// Who asks. Results of tools stand in the user's turns.
    User,
    /// The model.
    Assistant,
}

impl Role {
    /// The word used by the router and in logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::System | Self::Developer => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }

    /// Whether it sets up the conversation.
    #[must_use]
    pub const fn instructs(self) -> bool {
        matches!(self, Self::System | Self::Developer)
    }
}

/// The byte of the caller's body where something stood, to name it by its path. Two things that
/// say the same are equal wherever they stood.
#[derive(Debug, Clone, Copy, Default)]
pub struct Place(pub(crate) usize);

impl PartialEq for Place {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// What one party says before another speaks.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn<'a> {
    /// Who speaks.
    pub role: Role,
    /// What is said, in order.
    pub blocks: Vec<Block<'a>>,
    /// Where it stood.
    pub place: Place,
}

impl<'a> Turn<'a> {
    /// A turn that says this.
    #[must_use]
    pub fn new(role: Role, blocks: Vec<Block<'a>>) -> Self {
        Self {
            role,
            blocks,
            place: Place::default(),
        }
    }
}

/// A part of a turn.
#[derive(Debug, Clone, PartialEq)]
pub enum Block<'a> {
    /// Text.
    Text(Text<'a>),
    /// An image.
    Image(Image<'a>),
    /// The model calls a tool.
    ToolCall(ToolCall<'a>),
    /// What a called tool gave.
    ToolResult(ToolResult<'a>),
    /// What the model thought.
    Reasoning(Reasoning<'a>),
    /// The model declined, in its own words.
    Refusal(Text<'a>),
}

impl<'a> Block<'a> {
    /// What a content of one text says: nothing where it is empty.
    pub(crate) fn said(text: Text<'a>) -> Vec<Self> {
        let is_said = !text.is_empty();
        is_said.then_some(Self::Text(text)).into_iter().collect()
    }
}

/// An image.
#[derive(Debug, Clone, PartialEq)]
pub struct Image<'a> {
    /// Where its bytes are.
    pub source: ImageSource<'a>,
    /// How closely it is to be looked at: `low`, `high`; the model decides where it is not said.
    pub detail: Option<Text<'a>>,
}

/// Where an image's bytes are.
#[derive(Debug, Clone, PartialEq)]
pub enum ImageSource<'a> {
    /// On the web.
    Url(Text<'a>),
    /// Here.
    Base64 {
        /// `image/png` and the like.
        media_type: Text<'a>,
        /// In base 64.
        data: Text<'a>,
    },
}

impl<'a> ImageSource<'a> {
    /// The source that a URL names; a `data:` URL with base 64 holds the bytes itself.
    #[must_use]
    pub fn of_url(url: Text<'a>) -> Self {
        let split = |url: &str| {
            let (media_type, data) = url.strip_prefix("data:")?.split_once(";base64,")?;
            Some((media_type.len(), data.len()))
        };
        let Some((media, data)) = split(&url) else {
            return Self::Url(url);
        };
        let cut = |from: usize, to: usize| match &url {
            Text::Borrowed(url) => Text::Borrowed(&url[from..to]),
            Text::Owned(url) => Text::Owned(url[from..to].to_owned()),
        };
        Self::Base64 {
            media_type: cut(5, 5 + media),
            data: cut(url.len() - data, url.len()),
        }
    }

    /// The URL that names it.
    #[must_use]
    pub fn to_url(&self) -> Text<'_> {
        match self {
            Self::Url(url) => Text::Borrowed(url),
            Self::Base64 { media_type, data } => format!("data:{media_type};base64,{data}").into(),
        }
    }
}

/// What a model thought before it answered.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reasoning<'a> {
    /// The name that its maker keeps it under, where it does.
    pub id: Option<Text<'a>>,
    /// The readable part; may be empty.
    pub text: Text<'a>,
    /// What its maker needs to take it back.
    pub seal: Option<Seal<'a>>,
}

/// A signature, or the encrypted thought itself: worth something only to the provider that made it.
#[derive(Debug, Clone, PartialEq)]
pub struct Seal<'a> {
    /// The dialect of the provider.
    pub by: Dialect,
    /// As its maker wrote it.
    pub value: Text<'a>,
    /// Whether it is all of the thought, the text being withheld.
    pub is_redacted: bool,
}

/// Seals that are carried through another dialect begin with this:
/// `pointsman.DIALECT.ID.VALUE`, `~` after the dialect where the text is withheld.
const MARK: &str = "pointsman.";

impl<'a> Reasoning<'a> {
    /// Takes up a seal as it stands in a body of this dialect. A caller of another dialect got it
    /// marked and brings it back with the next turn, so that a tool loop goes on with its thoughts
    /// although caller and back end speak different dialects.
    pub(crate) fn seal(&mut self, within: Dialect, value: Text<'a>) {
        match marked(&value) {
            Some((seal, id)) => {
                if !id.is_empty() {
                    self.id = Some(id.into());
                }
                self.seal = Some(seal);
            }
            None => {
                self.seal = Some(Seal {
                    by: within,
                    value,
                    is_redacted: false,
                });
            }
        }
    }

    /// Whether its maker withholds the text.
    #[must_use]
    pub fn is_redacted(&self) -> bool {
        self.seal.as_ref().is_some_and(|seal| seal.is_redacted)
    }
}

impl Reasoning<'_> {
    /// The same, borrowing nothing.
    #[must_use]
    pub fn into_owned(self) -> Reasoning<'static> {
        Reasoning {
            id: self.id.map(|id| id.into_owned().into()),
            text: self.text.into_owned().into(),
            seal: self.seal.map(Seal::into_owned),
        }
    }
}

impl Seal<'_> {
    /// The seal as a body of this dialect carries it.
    pub(crate) fn within(&self, dialect: Dialect, id: Option<&str>) -> Text<'_> {
        if self.by == dialect {
            return Text::Borrowed(&self.value);
        }
        let id = id.filter(|id| !id.contains('.')).unwrap_or_default();
        let withheld = if self.is_redacted { "~" } else { "" };
        format!("{MARK}{}{withheld}.{id}.{}", self.by, self.value).into()
    }

    /// The same, borrowing nothing.
    #[must_use]
    pub fn into_owned(self) -> Seal<'static> {
        Seal {
            value: self.value.into_owned().into(),
            ..self
        }
    }
}

/// A marked seal, and the name of the thought.
fn marked(value: &str) -> Option<(Seal<'static>, String)> {
    let (word, rest) = value.strip_prefix(MARK)?.split_once('.')?;
    let (id, value) = rest.split_once('.')?;
    let seal = Seal {
        by: Dialect::named(word.trim_end_matches('~'))?,
        value: value.to_owned().into(),
        is_redacted: word.ends_with('~'),
    };
    Some((seal, id.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thought(within: Dialect, value: &str) -> Reasoning<'static> {
        let mut thought = Reasoning::default();
        thought.seal(within, value.to_owned().into());
        thought
    }

    #[test]
    fn a_seal_comes_back_through_another_dialect() {
        for is_redacted in [false, true] {
            let seal = Seal {
                by: Dialect::Messages,
                value: "a.b==".into(),
                is_redacted,
            };
            let carried = seal.within(Dialect::Responses, Some("rs_1")).into_owned();
            let back = thought(Dialect::Responses, &carried);
            assert_eq!(back.seal.unwrap(), seal);
            assert_eq!(back.id.unwrap(), "rs_1");
            assert_eq!(seal.within(Dialect::Messages, None), "a.b==");
        }
        let own = thought(Dialect::Messages, "a.b==");
        assert_eq!(own.seal.unwrap().by, Dialect::Messages);
        assert_eq!(own.id, None);
    }

    #[test]
    fn a_data_url_holds_its_bytes() {
        let source = ImageSource::of_url("data:image/png;base64,QUJD".into());
        let bytes = ImageSource::Base64 {
            media_type: "image/png".into(),
            data: "QUJD".into(),
        };
        assert_eq!(source, bytes);
        assert_eq!(source.to_url(), "data:image/png;base64,QUJD");
        let url = ImageSource::of_url("https://a.example/b.png".into());
        assert_eq!(url, ImageSource::Url("https://a.example/b.png".into()));
    }
}
