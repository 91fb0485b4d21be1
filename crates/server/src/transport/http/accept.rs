//! What a client accepts (RFC 9110, section 12.5.1): both types of a response in one header, as rmcp wants it.

use axum::http::{HeaderMap, HeaderValue, header};

const BOTH: HeaderValue = HeaderValue::from_static("application/json, text/event-stream");

/// Writes the header out if the client accepts JSON by a range, with a weight, or because it says nothing.
pub(super) fn complete(headers: &mut HeaderMap) {
    if !headers.contains_key(header::ACCEPT)
        || accepts(headers, &["*/*", "application/*"])
        || accepts_both(headers)
    {
        headers.insert(header::ACCEPT, BOTH);
    }
}

/// Whether a client asks for a stream of events by name: a browser and curl accept everything.
pub(super) fn accepts_events(headers: &HeaderMap) -> bool {
    accepts(headers, &["text/event-stream"])
}

fn accepts_both(headers: &HeaderMap) -> bool {
    accepts(headers, &["application/json"]) && accepts_events(headers)
}

fn accepts(headers: &HeaderMap, types: &[&str]) -> bool {
    let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let essence = parts.next().unwrap_or_default();
        let is_refused = parts.any(|part| {
            let weight = part.strip_prefix("q=").or_else(|| part.strip_prefix("Q="));
            weight.is_some_and(|weight| weight.parse() == Ok(0.0_f32))
        });
        !is_refused && types.iter().any(|wanted| essence.eq_ignore_ascii_case(wanted))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(values: &[&'static str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        values.iter().for_each(|value| {
            headers.append(header::ACCEPT, HeaderValue::from_static(value));
        });
        complete(&mut headers);
        let all: Vec<_> =
            headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
        (all == [BOTH.to_str().unwrap_or_default()]).then(|| all.concat())
    }

    #[test]
    fn what_counts_as_both_types() {
        let table: [(&[&str], bool); 12] = [
            (&[], true),
            (&["*/*"], true),
            (&["application/*"], true),
            (&["application/json, */*;q=0.5"], true),
            (&["application/json;q=0.9, text/event-stream;q=0.1"], true),
            (&["Application/JSON", "Text/Event-Stream"], true),
            (&["application/json"], false),
            (&["text/event-stream"], false),
            (&["text/html"], false),
            (&["*/*;q=0"], false),
            (&["application/json, text/event-stream; q=0.0"], false),
            (&["application/json, text/event-stream"], true),
        ];
        for (values, expected) in table {
            assert_eq!(completed(values).is_some(), expected, "{values:?}");
        }
    }
}
