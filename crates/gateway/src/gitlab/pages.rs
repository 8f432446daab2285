//! Pages of lists as GitLab counts them: by number, with the headers that tell of the others.

use axum::Json;
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::Value;

use super::call::Call;
use super::refusal::{Refusal, Result};

const DEFAULT_SIZE: i64 = 20;
const MAX_SIZE: i64 = 100;

/// How far into a list page numbers reach.
const MAX_OFFSET: i64 = 50_000;

/// How many entries are counted; the headers about all of them are left out where there are more, as GitLab does.
const MAX_COUNTED: i64 = 10_000;

/// Which page is asked for.
#[derive(Debug)]
pub(crate) struct Pages {
    number: i64,
    size: i64,
}

#[derive(Deserialize)]
struct Asked {
    page: Option<String>,
    per_page: Option<String>,
}

/// A page of a list, as JSON.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) items: Vec<Value>,
    /// Whether there are more behind it.
    pub(crate) more: bool,
    /// How many entries the list has, where they were counted.
    pub(crate) total: Option<i64>,
}

impl Pages {
    pub(crate) fn of(call: &Call) -> Result<Self> {
        let asked: Asked = call.query()?;
        let number = |name: &str, text: Option<String>| match text.as_deref() {
            None | Some("") => Ok(None),
            Some(text) => text.parse::<i64>().map(Some).map_err(|_| Refusal::parameter(format!("{name} is invalid"))),
        };
        let size = number("per_page", asked.per_page)?.unwrap_or(DEFAULT_SIZE);
        if size < 1 {
            return Err(Refusal::no_valid_value("per_page"));
        }
        let pages = Self { number: number("page", asked.page)?.unwrap_or(1).max(1), size: size.min(MAX_SIZE) };
        if pages.number.saturating_sub(1).saturating_mul(pages.size) > MAX_OFFSET {
            return Err(Refusal::offset_too_large(MAX_OFFSET));
        }
        Ok(pages)
    }

    /// How many entries the page has at most.
    pub(crate) fn size(&self) -> i32 {
        i32::try_from(self.size).unwrap_or(i32::MAX)
    }

    /// How many entries are before it.
    pub(crate) fn skip(&self) -> i32 {
        i32::try_from((self.number - 1) * self.size).unwrap_or(i32::MAX)
    }

    /// A page of a list that is known as a whole.
    pub(crate) fn cut(&self, mut items: Vec<Value>) -> Page {
        let (skip, size) = (usize::try_from(self.skip()).unwrap_or(usize::MAX), usize::try_from(self.size).unwrap_or(usize::MAX));
        let total = i64::try_from(items.len()).ok();
        let more = items.len() > skip.saturating_add(size);
        items = items.into_iter().skip(skip).take(size).collect();
        Page { items, more, total }
    }

    /// The answer, with where the other pages are.
    pub(crate) fn answer(&self, call: &Call, page: Page) -> Response {
        let total = page.total.filter(|total| *total <= MAX_COUNTED);
        let last = total.map(|total| (total + self.size - 1) / self.size);
        let next = page.more.then(|| self.number + 1);
        let previous = (self.number > 1).then(|| self.number - 1);
        let shown = |number: Option<i64>| number.map(|number| number.to_string()).unwrap_or_default();
        let mut response = Json(Value::Array(page.items)).into_response();
        let headers = response.headers_mut();
        let mut tell = |name: &'static str, value: String| {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        };
        tell("x-page", self.number.to_string());
        tell("x-per-page", self.size.to_string());
        tell("x-next-page", shown(next));
        tell("x-prev-page", shown(previous));
        if let Some(total) = total {
            tell("x-total", total.to_string());
            tell("x-total-pages", shown(last));
        }
        let links = [("prev", previous), ("next", next), ("first", Some(1)), ("last", last.map(|last| last.max(1)))];
        let link = |(rel, number): (&str, Option<i64>)| Some(format!("<{}>; rel=\"{rel}\"", self.url(call, number?)));
        let links: Vec<String> = links.into_iter().filter_map(link).collect();
        tell("link", links.join(", "));
        response
    }

    /// The same list's page of this number.
    fn url(&self, call: &Call, number: i64) -> String {
        let given: Vec<(String, String)> = call.query().unwrap_or_default();
        let other =
            |(name, _): &(String, String)| !matches!(name.as_str(), "page" | "per_page" | "private_token" | "job_token" | "access_token");
        let mut pairs: Vec<(String, String)> = given.into_iter().filter(other).collect();
        pairs.extend([("page".to_owned(), number.to_string()), ("per_page".to_owned(), self.size.to_string())]);
        let query = serde_urlencoded::to_string(pairs).unwrap_or_default();
        format!("{}{}?{query}", call.origin(), call.uri.path())
    }
}
