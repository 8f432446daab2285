//! Gates that ask where the content was before: predecessors and soak.

use super::super::{Item, PlacedBefore, StageName};
use super::Finding;
use super::finding::{named, quoted};
use crate::Timestamp;
use crate::time::Span;

/// Whether the content was placed on the stages, or any of them, and that was not undone.
pub(super) fn predecessor(item: &Item, stages: &[StageName], any: bool) -> Finding {
    let mut missing = Vec::new();
    let mut evidence = Vec::new();
    for stage in stages {
        match standing(item, stage).last() {
            Some(placed) => evidence.push(placed.promotion.clone()),
            None => missing.push(stage),
        }
    }
    let name = named(item);
    if missing.is_empty() {
        return Finding::passed(format!("{name} was placed on {}", quoted(stages))).resting_on(evidence);
    }
    if any && !evidence.is_empty() {
        let found: Vec<&StageName> = stages.iter().filter(|stage| !missing.contains(stage)).collect();
        return Finding::passed(format!("{name} was placed on {}, and one is enough", quoted(&found))).resting_on(evidence);
    }
    let undone = item.placements.iter().any(|placed| placed.undone && missing.contains(&&placed.stage));
    let but = if undone { ", or that was undone" } else { "" };
    let reason = match (any && missing.len() > 1, missing.len()) {
        (true, _) => format!("{name} was placed on none of {}{but}: promote it to one of them first", quoted(&missing)),
        (false, 1) => format!("{name} was not placed on {}{but}: promote it there first", quoted(&missing)),
        (false, _) => format!("{name} was not placed on {}{but}: promote it to each of them first", quoted(&missing)),
    };
    Finding::failed(reason).resting_on(evidence)
}

/// Whether the content stayed on each of the stages for so long.
pub(super) fn soak(item: &Item, stages: &[StageName], duration: Span, now: Timestamp) -> Finding {
    let each = stages.iter().map(|stage| soak_on(item, stage, duration, now)).collect();
    Finding::all(each, "stage").unwrap_or_else(|| Finding::failed("the stage has no predecessors to stay on: name one in the gate"))
}

fn soak_on(item: &Item, stage: &StageName, duration: Span, now: Timestamp) -> Finding {
    let spans = spans(item, stage);
    let name = named(item);
    // When each was long enough, or will be if nothing ends it.
    let ready = |span: &Stay<'_>| Some(span.start.plus(duration)).filter(|ready| span.end.is_none_or(|end| *ready <= end));
    let first = spans.iter().filter_map(|span| ready(span).map(|ready| (ready, span))).min_by_key(|(ready, _)| *ready);
    let (finding, span) = match (first, spans.last()) {
        (Some((ready, span)), _) if ready <= now => (Finding::passed(format!("{name} stayed on `{stage}` for {duration}")), span),
        (Some((ready, span)), _) => {
            let reason = format!("{name} is to stay on `{stage}` for {duration}: wait until {ready}");
            (Finding::pending(reason).until(Some(ready)), span)
        }
        (None, Some(last)) => {
            let reason = format!("{name} is to stay on `{stage}` for {duration}, and left it too early: promote it there again");
            (Finding::pending(reason), last)
        }
        (None, None) => {
            let reason = format!("{name} is to stay on `{stage}` for {duration}, and is not there: promote it there first");
            return Finding::pending(reason);
        }
    };
    finding.resting_on(span.promotions.clone())
}

/// A time without a break on a stage.
struct Stay<'a> {
    start: Timestamp,
    end: Option<Timestamp>,
    promotions: Vec<&'a str>,
}

/// When the content was on the stage, in the order of time. Placements that touch are one span.
fn spans<'a>(item: &'a Item, stage: &StageName) -> Vec<Stay<'a>> {
    let mut placements: Vec<&PlacedBefore> = standing(item, stage).collect();
    placements.sort_by_key(|placed| placed.start);
    let mut spans: Vec<Stay<'a>> = Vec::new();
    for placed in placements {
        match spans.last_mut() {
            Some(span) if span.end.is_none_or(|end| placed.start <= end) => {
                span.end = span.end.and_then(|end| placed.end.map(|other| other.max(end)));
                span.promotions.push(&placed.promotion);
            }
            _ => spans.push(Stay { start: placed.start, end: placed.end, promotions: vec![&placed.promotion] }),
        }
    }
    spans
}

/// What placed the content on the stage, and was not undone.
fn standing<'a>(item: &'a Item, stage: &StageName) -> impl Iterator<Item = &'a PlacedBefore> {
    item.placements.iter().filter(move |placed| placed.stage == *stage && !placed.undone)
}
