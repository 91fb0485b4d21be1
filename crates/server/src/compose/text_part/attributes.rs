//! The few attributes that matter for the text.

/// Schemes of links that lead nowhere outside a browser.
const NO_TARGET: &[&str] = &["#", "javascript:", "vbscript:", "data:", "cid:"];

/// The attributes of a start tag. Of several with the same name the first counts.
#[derive(Debug, Default)]
pub(super) struct Attributes {
    current: Option<Name>,
    is_hidden: bool,
    link_target: Option<String>,
    text: Option<String>,
    number: Option<i64>,
    style: Option<String>,
}

#[derive(Debug, Clone, Copy)]
enum Name {
    Href,
    Alt,
    Number,
    Style,
}

impl Attributes {
    /// The name of the next attribute.
    pub(super) fn begin(&mut self, name: &[u8]) {
        self.is_hidden |= name == b"hidden";
        self.current = match name {
            b"href" => Some(Name::Href),
            b"alt" => Some(Name::Alt),
            b"start" | b"value" => Some(Name::Number),
            b"style" => Some(Name::Style),
            _ => None,
        };
    }

    /// The value of the attribute whose name came last.
    pub(super) fn set(&mut self, value: &[u8]) {
        let Some(name) = self.current.take() else { return };
        let value = String::from_utf8_lossy(value);
        match name {
            Name::Href => drop(self.link_target.get_or_insert_with(|| target(&value))),
            Name::Alt => drop(self.text.get_or_insert_with(|| value.into_owned())),
            Name::Number => self.number = self.number.or_else(|| value.trim().parse().ok()),
            Name::Style => drop(self.style.get_or_insert_with(|| compact(&value))),
        }
    }

    /// Whether the element is not displayed.
    pub(super) fn hides(&self) -> bool {
        self.is_hidden || self.declares("display:none") || self.declares("visibility:hidden")
    }

    /// Whether line ends and spaces count.
    pub(super) fn keeps_whitespace(&self) -> bool {
        self.declares("white-space:pre")
    }

    /// The text of an image; empty if there is none.
    pub(super) fn text(&self) -> &str {
        self.text.as_deref().unwrap_or_default().trim()
    }

    /// The number with which a list begins, or that of an item.
    pub(super) fn number(&self) -> Option<i64> {
        self.number
    }

    /// Where a link leads, if anywhere.
    pub(super) fn into_link_target(self) -> Option<String> {
        self.link_target.filter(|target| !target.is_empty())
    }

    /// Whether a declaration of the style begins like this.
    fn declares(&self, declaration: &str) -> bool {
        let mut declarations = self.style.as_deref().unwrap_or_default().split(';');
        declarations.any(|one| one.starts_with(declaration))
    }
}

/// A link's target as it can stand between angle brackets (RFC 3986, appendix C); empty if it leads nowhere.
fn target(href: &str) -> String {
    let href = href.trim_matches(|c: char| c.is_ascii_whitespace() || c.is_ascii_control());
    let leads_nowhere =
        |start: &&str| href.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start));
    if NO_TARGET.iter().any(leads_nowhere) {
        return String::new();
    }
    let mut target = String::with_capacity(href.len());
    for c in href.chars() {
        match c {
            ' ' => target.push_str("%20"),
            '<' => target.push_str("%3C"),
            '>' => target.push_str("%3E"),
            c if c.is_whitespace() || c.is_control() => {}
            c => target.push(c),
        }
    }
    target
}

/// A style without whitespace, in lower case.
fn compact(style: &str) -> String {
    style.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_ascii_lowercase()).collect()
}
