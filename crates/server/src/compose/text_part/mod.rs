//! The text part of an HTML mail, if the call gave none: one walk over the tokens of the HTML.
//!
//! Nothing is laid out, so memory and time are proportional to the length of the HTML, whatever its numbers say.
//!
//! * `tag`: what a tag means for the text
//! * `attributes`: the few attributes that matter
//! * `open_elements`: the elements around the current position
//! * `lines`: words become lines; `lists`, `cells`: those around the current line

mod attributes;
mod cells;
mod line_break;
mod lines;
mod lists;
mod open_elements;
mod tag;

use html5gum::emitters::callback::{CallbackEmitter, CallbackEvent};
use html5gum::{Span, State, Tokenizer};

use attributes::Attributes;
use lines::Lines;
use open_elements::{Element, OpenElements};
use tag::{Role, TagName};

/// Plain text for `html`. Once it has `most` bytes, its lines are no longer indented.
pub(super) fn of_html(html: &str, most: usize) -> String {
    let mut walk = Walk::new(most);
    let emitter = CallbackEmitter::new(|event: CallbackEvent<'_>, _: Span<()>| walk.take(&event));
    let mut tokens = Tokenizer::new_with_emitter(html, emitter);
    while let Some(Ok(state)) = tokens.next() {
        tokens.set_state(state);
    }
    drop(tokens);
    walk.finish()
}

/// A walk over the tokens of an HTML text.
struct Walk {
    open: OpenElements,
    lines: Lines,
    /// The start tag that is being read.
    start: Option<(TagName, Attributes)>,
}

impl Walk {
    fn new(most: usize) -> Self {
        Self { open: OpenElements::default(), lines: Lines::new(most), start: None }
    }

    /// The text, with everything that is still open closed.
    fn finish(mut self) -> String {
        for _ in 0..self.open.depth() {
            self.close();
        }
        self.lines.finish()
    }

    /// Takes the next token. Returns how the text that follows is to be read, if it is not HTML.
    fn take(&mut self, event: &CallbackEvent<'_>) -> Option<State> {
        match event {
            CallbackEvent::OpenStartTag { name } => {
                self.start = Some((TagName::new(name), Attributes::default()));
            }
            CallbackEvent::AttributeName { name } => {
                self.start.as_mut()?.1.begin(name);
            }
            CallbackEvent::AttributeValue { value } => {
                self.start.as_mut()?.1.set(value);
            }
            CallbackEvent::CloseStartTag { self_closing } => {
                let (name, attributes) = self.start.take()?;
                self.begin(name, attributes, *self_closing);
                return name.content_state();
            }
            CallbackEvent::EndTag { name } => self.end(TagName::new(name)),
            CallbackEvent::String { value } if !self.open.is_hidden() => {
                self.lines.text(&String::from_utf8_lossy(value));
            }
            _ => {}
        }
        None
    }

    fn begin(&mut self, name: TagName, attributes: Attributes, self_closing: bool) {
        let role = name.role();
        for _ in 0..self.open.ended_by(role) {
            self.close();
        }
        let mut element = Element::new(name, role);
        element.is_hidden = self.open.is_hidden() || role.is_hidden() || attributes.hides();
        element.is_preformatted =
            self.open.is_preformatted() || role == Role::Preformatted || attributes.keeps_whitespace();
        if self_closing && (element.is_hidden || role == Role::Foreign) {
            return;
        }
        if !role.has_content() || self.open.is_full() {
            if !element.is_hidden {
                self.show(role, &attributes);
            }
            self.open.count_beyond(role);
            return;
        }
        if !element.is_hidden {
            self.show_start(role, &attributes);
            element.link_target = attributes.into_link_target().filter(|_| role == Role::Link);
        }
        self.lines.set_preformatted(element.is_preformatted);
        self.open.push(element);
    }

    /// Shows what has no content, or is nested too deep for more than the separation of lines.
    fn show(&mut self, role: Role, attributes: &Attributes) {
        match role {
            Role::LineBreak => self.lines.line_break(),
            Role::Rule => self.lines.rule(),
            Role::Image if !attributes.text().is_empty() => {
                self.lines.text(&format!("[{}]", attributes.text()));
            }
            _ => self.lines.need(role.separation()),
        }
    }

    fn show_start(&mut self, role: Role, attributes: &Attributes) {
        match role {
            Role::List { is_ordered } => self.lines.begin_list(is_ordered, attributes.number()),
            Role::Item => self.lines.begin_item(attributes.number()),
            Role::Quote => self.lines.begin_quote(),
            Role::Row => self.lines.begin_row(),
            Role::Cell => self.lines.begin_cell(),
            Role::Link => self.lines.begin_link(),
            _ => self.lines.need(role.separation()),
        }
    }

    /// An end tag closes what is open within its element; one without a start tag closes nothing.
    fn end(&mut self, name: TagName) {
        for _ in 0..self.open.ended_by_end_tag(name) {
            self.close();
        }
    }

    /// Closes the innermost element.
    fn close(&mut self) {
        let Some(element) = self.open.pop() else { return };
        if !element.is_hidden {
            self.show_end(&element);
        }
        self.lines.set_preformatted(self.open.is_preformatted());
    }

    fn show_end(&mut self, element: &Element) {
        match element.role {
            Role::List { .. } => self.lines.end_list(),
            Role::Quote => self.lines.end_quote(),
            Role::Row => self.lines.end_row(),
            Role::Cell => self.lines.end_cell(),
            role => self.lines.need(role.separation()),
        }
        if let Some(target) = &element.link_target {
            self.lines.end_link(target);
        }
    }
}

#[cfg(test)]
mod tests;
