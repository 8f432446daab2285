//! The promotions that an audit tells of beside the statements of its project: each has the other, with the same record.

use std::collections::HashMap;

use consign_types::audit::{Record, chain_name};
use consign_types::{Digest, Timestamp};

use super::chain::Held;
use super::findings::Findings;
use super::statements::Signed;
use super::told::{Applied, Told, applied};

/// How many promotions are named of those that have no statement, and how many entries of those that tell otherwise.
const MAX_NAMED: usize = 5;

/// A comparison under way: the entries of the audit are shown to it in their order.
pub(super) struct Comparison<'a> {
    statements: &'a [Signed],
    by_hash: HashMap<Digest, usize>,
    by_promotion: HashMap<&'a str, usize>,
    by_time: HashMap<Option<i64>, Vec<usize>>,
    /// What the audit has of each statement.
    met: Vec<Met>,
    is_begun: bool,
    /// How many promotions had no statement before the first one that has.
    earlier: usize,
    /// Those that have none since the last one that has.
    absent: Counted,
    /// Those that have none, though earlier and later ones have.
    missing: Counted,
    /// Entries that tell otherwise than a statement.
    otherwise: Counted,
    /// How many entries tell too little, and are of none of the statements.
    withheld: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Met {
    No,
    Same,
    Otherwise,
    /// There is an entry that is of its time and about its stage or promotion, but tells too little. Its number.
    Perhaps(i64),
}

/// A count, and the first of what is counted: a hostile audit takes no more memory than another.
#[derive(Default)]
struct Counted {
    count: usize,
    named: Vec<String>,
}

impl<'a> Comparison<'a> {
    pub(super) fn of(statements: &'a [Signed]) -> Self {
        let mut by_time = HashMap::<_, Vec<usize>>::new();
        for (index, signed) in statements.iter().enumerate() {
            by_time.entry(signed.time.map(Timestamp::as_micros)).or_default().push(index);
        }
        Self {
            statements,
            by_hash: statements.iter().enumerate().map(|(index, signed)| (signed.hash, index)).collect(),
            by_promotion: statements.iter().enumerate().map(|(index, signed)| (signed.record.promotion.as_str(), index)).collect(),
            by_time,
            met: vec![Met::No; statements.len()],
            is_begun: false,
            earlier: 0,
            absent: Counted::default(),
            missing: Counted::default(),
            otherwise: Counted::default(),
            withheld: 0,
        }
    }

    /// Takes in an entry.
    pub(super) fn see(&mut self, record: &Record) {
        match applied(record) {
            Told::Nothing => {}
            Told::Withheld => self.guess(record),
            Told::Applied(told) => self.compare(record, &told),
        }
    }

    fn guess(&mut self, record: &Record) {
        let then = self.by_time.get(&Some(record.entry.time.as_micros()));
        match then.into_iter().flatten().find(|index| is_about(record, &self.statements[**index])) {
            Some(index) => self.met[*index] = Met::Perhaps(record.entry.number),
            None => self.withheld += 1,
        }
    }

    fn compare(&mut self, record: &Record, told: &Applied) {
        let promotion = format!("{}/promotions/{}", chain_name(record.entry.project), told.promotion);
        let Some(&index) = self.by_hash.get(&told.hash).or_else(|| self.by_promotion.get(promotion.as_str())) else {
            return self.absent.add(|| format!("`{promotion}`"));
        };
        let absent = std::mem::take(&mut self.absent);
        if std::mem::replace(&mut self.is_begun, true) {
            self.missing.extend(absent);
        } else {
            self.earlier = absent.count;
        }
        let signed = &self.statements[index];
        let of = (&signed.record.promotion, &signed.record.stage, signed.policy, signed.hash);
        if of == (&promotion, &told.stage, told.policy, told.hash) {
            self.met[index] = Met::Same;
        } else {
            self.met[index] = Met::Otherwise;
            self.otherwise.add(|| format!("entry {} of `{promotion}`", record.entry.number));
        }
    }

    /// Tells what came of it, beside a chain that is whole.
    pub(super) fn end(self, held: &Held, findings: &mut Findings) {
        let chain = held.chain();
        if self.statements.is_empty() {
            let count = self.absent.count;
            if count > 0 {
                findings.leave_open(&chain, &format!("what {count} promotions of its audit placed: no statement was given"));
            }
            return;
        }
        for (signed, met) in self.statements.iter().zip(&self.met) {
            let promotion = &signed.record.promotion;
            match met {
                Met::Same | Met::Otherwise => {}
                Met::Perhaps(number) => {
                    findings
                        .leave_open(promotion, &format!("its record: entry {number} of the audit keeps its detail by its digest alone"));
                }
                Met::No if held.first > 1 && signed.time.is_some_and(|time| time <= held.begin) => {
                    findings.leave_open(promotion, "whether the audit tells of it: what was given of that begins later");
                }
                Met::No => findings.tell(promotion, Err("the audit does not tell of it, though its statement is signed".to_owned())),
            }
        }
        for (wrong, words) in [
            (&self.missing, "the audit tells of promotions whose statements are missing between those given"),
            (&self.otherwise, "the audit tells otherwise than the statements"),
        ] {
            if wrong.count > 0 {
                findings.tell(&chain, Err(format!("{words}: {wrong}")));
            }
        }
        let same = self.met.iter().filter(|met| **met == Met::Same).count();
        match same {
            0 => {}
            1 => findings.tell(&chain, Ok("the audit tells of 1 promotion by the same record as its statement".to_owned())),
            _ => findings.tell(&chain, Ok(format!("the audit tells of {same} promotions by the same records as their statements"))),
        }
        for (count, when) in [(self.earlier, "earlier"), (self.absent.count, "later")] {
            if count > 0 {
                findings.leave_open(&chain, &format!("{count} {when} promotions that the audit tells of: their statements were not given"));
            }
        }
        if self.withheld > 0 {
            findings
                .leave_open(&chain, &format!("{} entries about promotions, which keep their detail by its digest alone", self.withheld));
        }
    }
}

/// Whether an entry is about the promotion or the stage of a statement. Callers name projects by their paths too.
fn is_about(record: &Record, signed: &Signed) -> bool {
    let last = record.entry.resource.rsplit('/').next();
    last == Some(signed.record.stage.as_str()) || last == signed.record.promotion.rsplit('/').next()
}

impl Counted {
    fn add(&mut self, named: impl FnOnce() -> String) {
        self.count += 1;
        if self.named.len() < MAX_NAMED {
            self.named.push(named());
        }
    }

    fn extend(&mut self, more: Self) {
        self.count += more.count;
        let room = MAX_NAMED - self.named.len();
        self.named.extend(more.named.into_iter().take(room));
    }
}

impl std::fmt::Display for Counted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.named.join(", "))?;
        match self.count - self.named.len() {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_the_first_are_named_and_the_others_counted() {
        let counted = |count: usize| {
            let mut counted = Counted::default();
            (0..count).for_each(|number| counted.add(|| number.to_string()));
            counted
        };
        assert_eq!(counted(2).to_string(), "0, 1");
        assert_eq!(counted(1000).to_string(), "0, 1, 2, 3, 4 and 995 more");
        let mut both = counted(3);
        both.extend(counted(7));
        assert_eq!(both.to_string(), "0, 1, 2, 0, 1 and 5 more");
    }
}
