//! What the metadata plane promises, over gRPC and on both databases.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod backwards;
mod compare;
mod counts;
mod deletion;
mod edges;
mod file_numbers;
mod filters;
mod lists;
mod page_tokens;
mod project_deletion;
mod quota;
mod resolve;
mod revisions;
mod settings;
mod settings_effect;
mod skips;
mod tag_history;
mod tag_replays;
mod tag_restore;
mod tag_rule_life;
mod tag_rules;
mod tag_versions;
mod tags;
mod version_life;
mod version_order;
mod version_states;
