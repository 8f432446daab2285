//! The XML of S3: flat enough to be written with `format!` and read by looking for tags.

/// A document around this content.
pub(super) fn document(root: &str, content: &str) -> String {
    const HEAD: &str = r#"<?xml version="1.0" encoding="UTF-8"?>"#;

    format!("{HEAD}\n<{root} xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{content}</{root}>")
}

/// An element that holds text.
pub(super) fn element(name: &str, text: &str) -> String {
    group(name, &escape(text))
}

/// An element that holds elements.
pub(super) fn group(name: &str, content: &str) -> String {
    format!("<{name}>{content}</{name}>")
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// What stands in every element of this name, in order. The name must not occur within itself, nor have attributes.
pub(super) fn elements<'a>(xml: &'a str, name: &str) -> Vec<&'a str> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    xml.split(&open).skip(1).filter_map(|rest| Some(rest.split_once(&close)?.0)).collect()
}

/// The text of the first element of this name.
pub(super) fn text(xml: &str, name: &str) -> Option<String> {
    elements(xml, name).first().map(|raw| unescape(raw))
}

fn unescape(raw: &str) -> String {
    // The ampersand comes last: it must not make up new references.
    let pairs = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#34;", "\""), ("&apos;", "'"), ("&#39;", "'"), ("&amp;", "&")];
    pairs.iter().fold(raw.to_owned(), |text, (reference, character)| text.replace(reference, character))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_can_be_read() {
        for written in ["", "plain", "a<b>&\"c\"", "&amp;lt;", "ä/日本"] {
            let document = document("Root", &element("Key", written));
            assert_eq!(text(&document, "Key").as_deref(), Some(written), "{document}");
        }
    }

    #[test]
    fn elements_come_in_order_and_broken_ones_not_at_all() {
        assert_eq!(elements("<A><K>1</K></A><A><K>2</K></A><A><K>3", "K"), ["1", "2"]);
        assert_eq!(text("<A></A>", "K"), None);
    }
}
