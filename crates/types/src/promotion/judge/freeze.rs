//! The gate that the freeze windows of a stage are.

use super::super::{Case, FreezeWindow};
use super::{Finding, shortened};
use crate::Timestamp;

/// Whether no window is open.
pub(super) fn find(case: &Case<'_>) -> Finding {
    let windows = case.policy.freeze_windows.iter();
    let open: Vec<(&FreezeWindow, Timestamp)> = windows.filter_map(|window| window.open_until(case.now).map(|end| (window, end))).collect();
    let Some((last, end)) = open.iter().max_by_key(|(_, end)| *end) else {
        return Finding::passed("no freeze window is open");
    };
    let why = match last.reason.as_str() {
        "" => String::new(),
        reason => format!(" (`{}`)", shortened(reason)),
    };
    let more = match open.len() - 1 {
        0 => String::new(),
        1 => "; 1 more is open".to_owned(),
        more => format!("; {more} more are open"),
    };
    Finding::pending(format!("the freeze window `{}`{why} is open: wait until {end}{more}", last.name))
        .until(Some(*end))
        .resting_on(open.iter().map(|(window, _)| window.name.as_str()))
}
