//! What a verification found, in words.

use anyhow::Result;

use crate::exit::{Ended, Exit};
use crate::output::{print, warn};

/// What was looked at, how much of it does not hold, and what nobody can say by what was given.
#[derive(Default)]
pub(super) struct Findings {
    looked_at: usize,
    wrong: usize,
    open: Vec<String>,
}

impl Findings {
    /// Prints what holds, or what does not.
    pub(super) fn tell(&mut self, about: &str, found: Result<String, String>) {
        self.looked_at += 1;
        match found {
            Ok(holds) => print(&format!("{about}: {holds}")),
            Err(wrong) => {
                self.wrong += 1;
                warn(&format!("{about}: {wrong}"));
            }
        }
    }

    /// What is damaged does not hold. Another failure is none of what was verified, and goes on.
    pub(super) fn held<T>(&mut self, about: &str, result: Result<T>) -> Result<Option<T>> {
        match result {
            Ok(held) => Ok(Some(held)),
            Err(error) if Exit::of(&error) == Exit::Damaged => {
                self.tell(about, Err(error.to_string()));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Notes what was not verified, since too little was given: it is told at the end.
    pub(super) fn leave_open(&mut self, about: &str, what: &str) {
        self.open.push(format!("not verified: {about}: {what}"));
    }

    /// How the command ends.
    pub(super) fn end(self) -> Result<()> {
        let Self { looked_at, wrong, open } = self;
        for left in &open {
            print(left);
        }
        match wrong {
            0 => Ok(()),
            wrong => Err(Ended::error(Exit::Damaged, format!("{wrong} of {looked_at} do not hold"))),
        }
    }
}

/// The same, where something is damaged.
pub(in crate::commands) fn damaged(what: impl Into<String>) -> anyhow::Error {
    Ended::error(Exit::Damaged, what)
}
