//! The elements that are open at the current position.

use super::tag::{Role, TagName};

/// Elements nested deeper are only counted: browsers do not nest deeper than 512 either.
const DEPTH: usize = 256;

/// The elements that are open, the innermost last.
#[derive(Debug, Default)]
pub(super) struct OpenElements {
    elements: Vec<Element>,
    /// Elements opened beyond `DEPTH`.
    beyond: usize,
}

/// An open element.
#[derive(Debug)]
pub(super) struct Element {
    name: TagName,
    pub(super) role: Role,
    pub(super) is_hidden: bool,
    pub(super) is_preformatted: bool,
    pub(super) link_target: Option<String>,
}

impl Element {
    pub(super) fn new(name: TagName, role: Role) -> Self {
        Self { name, role, is_hidden: false, is_preformatted: false, link_target: None }
    }

    /// Most elements within a text need not be remembered, and some are never closed.
    fn matters(&self) -> bool {
        self.role != Role::Inline || self.is_hidden || self.is_preformatted
    }
}

impl OpenElements {
    /// Opens an element.
    pub(super) fn push(&mut self, element: Element) {
        if element.matters() {
            self.elements.push(element);
        }
    }

    /// Counts an element that is not pushed because this is full.
    pub(super) fn count_beyond(&mut self, role: Role) {
        self.beyond += usize::from(role.is_counted());
    }

    pub(super) fn pop(&mut self) -> Option<Element> {
        self.elements.pop()
    }

    pub(super) fn depth(&self) -> usize {
        self.elements.len()
    }

    pub(super) fn is_full(&self) -> bool {
        self.elements.len() >= DEPTH
    }

    pub(super) fn is_hidden(&self) -> bool {
        self.elements.last().is_some_and(|element| element.is_hidden)
    }

    pub(super) fn is_preformatted(&self) -> bool {
        self.elements.last().is_some_and(|element| element.is_preformatted)
    }

    /// How many elements an end tag closes. Within a cell it does not close what is around the table.
    pub(super) fn ended_by_end_tag(&mut self, name: TagName) -> usize {
        let role = name.role();
        if self.beyond > 0 {
            self.beyond -= usize::from(role.is_counted());
            return 0;
        }
        let mut within = self.elements.iter().rev();
        let is_limit = |element: &Element| element.role == Role::Cell && !role.is_table_part();
        let found = within.position(|element| element.name == name || is_limit(element));
        let is_own = |at: usize| self.elements[self.elements.len() - 1 - at].name == name;
        found.filter(|at| is_own(*at)).map_or(0, |at| at + 1)
    }

    /// How many elements the start of another ends, because their end tags are optional.
    pub(super) fn ended_by(&self, next: Role) -> usize {
        if self.beyond > 0 {
            return 0;
        }
        let innermost = self.elements.iter().rev();
        let mut ended = 0;
        for (index, element) in innermost.enumerate() {
            if element.role.ends_before(next) {
                ended = index + 1;
            } else if element.role != Role::Inline {
                break;
            }
        }
        ended
    }
}
