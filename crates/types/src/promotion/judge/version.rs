//! Gates that ask about the version itself: its tags, its order and its age.

use std::cmp::Ordering;

use super::super::{Item, Tagged};
use super::Finding;
use super::finding::named;
use crate::Timestamp;
use crate::pattern::NamePattern;
use crate::time::Span;

/// Whether a tag fits.
pub(super) fn tag(item: &Item, tags: &NamePattern, immutable: bool) -> Finding {
    let name = named(item);
    let fitting: Vec<&Tagged> = item.tags.iter().filter(|tagged| tags.matches(tagged.tag.as_str())).collect();
    let counting: Vec<&str> = fitting.iter().filter(|tagged| tagged.immutable || !immutable).map(|tagged| tagged.tag.as_str()).collect();
    match (counting.first(), fitting.first()) {
        (Some(tag), _) => Finding::passed(format!("{name} has the tag `{tag}`")).resting_on(counting),
        (None, Some(movable)) => {
            let tag = &movable.tag;
            Finding::failed(format!("the tag `{tag}` of {name} may be moved: add a rule that makes `{}` immutable", tags.text()))
                .resting_on([tag.as_str()])
        }
        (None, None) => Finding::failed(format!("{name} has no tag that fits `{}`: set one", tags.text())),
    }
}

/// Whether the version is not lower than the one that is placed.
pub(super) fn order(item: &Item, allow_same: bool) -> Finding {
    let name = named(item);
    let Some(current) = &item.current else {
        return Finding::passed(format!("{name} takes the place of nothing"));
    };
    let placed = &current.version;
    match current.order {
        _ if *placed == item.version && current.content == item.content => {
            let reason = format!("{name} is placed already");
            if allow_same { Finding::passed(reason) } else { Finding::failed(format!("{reason}: there is nothing to do")) }
        }
        Ordering::Less => {
            Finding::failed(format!("{name} is lower than `{placed}`, which is placed: promote a higher version, or roll the stage back"))
        }
        Ordering::Equal => {
            Finding::passed(format!("{name} is as high as `{placed}`, which is placed, and it is another version or content"))
        }
        Ordering::Greater => Finding::passed(format!("{name} is higher than `{placed}`, which is placed")),
    }
}

/// Whether the version was published so long ago.
pub(super) fn age(item: &Item, minimum_age: Span, now: Timestamp) -> Finding {
    let (name, ready) = (named(item), item.published_at.plus(minimum_age));
    if ready <= now {
        Finding::passed(format!("{name} was published at {}, at least {minimum_age} ago", item.published_at))
    } else {
        Finding::pending(format!("{name} was published less than {minimum_age} ago: wait until {ready}")).until(Some(ready))
    }
}
