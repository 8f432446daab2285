//! Which tokens a list is asked for.

use consign_proto::metadata::ListTokensRequest;
use consign_proto::metadata::token::Kind;
use consign_types::resource::TokenParent;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::gitlab::form::{instant, instant_or_end};
use crate::gitlab::query::{is_set, quoted};
use crate::gitlab::refusal::{Refusal, Result};

/// The orders of lists, and what they are in the plane's words.
const ORDERS: &[(&str, &str)] = &[
    ("created_asc", "create_time"),
    ("created_desc", "create_time desc"),
    ("expires_asc", "expire_time"),
    ("expires_desc", "expire_time desc"),
    ("last_used_asc", "last_use_time"),
    ("last_used_desc", "last_use_time desc"),
    ("name_asc", "display_name"),
    ("name_desc", "display_name desc"),
];

/// What a URL says of the tokens.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Wanted {
    /// Of personal tokens: the number of their user. Where nothing is said, administrators get those of all, others their own.
    #[schemars(with = "Option<i64>")]
    pub(super) user_id: Option<String>,
    /// Of deploy tokens: only those that count.
    #[schemars(with = "Option<bool>")]
    active: Option<String>,
    /// `active` or `inactive`.
    state: Option<String>,
    #[schemars(with = "Option<bool>")]
    revoked: Option<String>,
    /// A part of the name.
    search: Option<String>,
    /// A day or an instant, as for the others of these.
    created_after: Option<String>,
    created_before: Option<String>,
    expires_after: Option<String>,
    expires_before: Option<String>,
    last_used_after: Option<String>,
    last_used_before: Option<String>,
    /// `created_asc`, `created_desc`, `expires_asc`, `expires_desc`, `last_used_asc`, `last_used_desc`, `name_asc` or `name_desc`.
    sort: Option<String>,
}

/// The same, as the plane is asked.
#[derive(Debug)]
pub(super) struct Which {
    filter: String,
    order_by: String,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Active,
    Inactive,
    Any,
}

impl Wanted {
    /// Tokens of this kind alone.
    pub(super) fn which(&self, kind: Kind) -> Result<Which> {
        let word = match kind {
            Kind::Deploy => return Ok(self.deploy()),
            Kind::Personal => "personal",
            Kind::Project => "project",
            _ => "namespace",
        };
        let mut parts = vec![format!("kind = {word}")];
        for (name, given, comparison) in [
            ("created_after", &self.created_after, "create_time >="),
            ("created_before", &self.created_before, "create_time <="),
            ("expires_after", &self.expires_after, "expire_time >="),
            ("last_used_after", &self.last_used_after, "last_use_time >="),
            ("last_used_before", &self.last_used_before, "last_use_time <="),
        ] {
            if let Some(time) = instant(name, given.as_deref())? {
                parts.push(format!("{comparison} \"{time}\""));
            }
        }
        // One that ends on that day is told to end then, at whichever hour.
        if let Some(time) = instant_or_end("expires_before", self.expires_before.as_deref())? {
            parts.push(format!("expire_time <= \"{time}\""));
        }
        match self.revoked.as_deref() {
            None | Some("") => {}
            Some("true" | "false" | "1" | "0" | "True" | "False") => parts.push(format!("revoked = {}", is_set(self.revoked.as_deref()))),
            Some(_) => return Err(Refusal::parameter("revoked is invalid")),
        }
        let search = self.search.as_deref().filter(|part| !part.is_empty());
        parts.extend(search.map(|part| format!("display_name : {}", quoted(part))));
        let state = match self.state.as_deref() {
            None | Some("") => State::Any,
            Some("active") => State::Active,
            Some("inactive") => State::Inactive,
            Some(_) => return Err(Refusal::no_valid_value("state")),
        };
        Ok(Which { filter: parts.join(" AND "), order_by: self.order()?, state })
    }

    fn deploy(&self) -> Which {
        let state = if is_set(self.active.as_deref()) { State::Active } else { State::Any };
        Which { filter: "kind = deploy".to_owned(), order_by: String::new(), state }
    }

    fn order(&self) -> Result<String> {
        let Some(asked) = self.sort.as_deref().filter(|asked| !asked.is_empty()) else { return Ok(String::new()) };
        let order = ORDERS.iter().find(|(name, _)| *name == asked).ok_or_else(|| Refusal::no_valid_value("sort"))?;
        Ok(order.1.to_owned())
    }
}

impl Which {
    pub(super) fn request(self, parent: &TokenParent, page_size: i32, skip: i32) -> ListTokensRequest {
        ListTokensRequest {
            parent: parent.to_string(),
            filter: self.filter,
            order_by: self.order_by,
            show_inactive: self.state != State::Active,
            hide_active: self.state == State::Inactive,
            page_size,
            skip,
            count: true,
            ..ListTokensRequest::default()
        }
    }
}
