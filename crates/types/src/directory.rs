//! Whether one directory can have some files.

use crate::FilePath;

/// Two files that no directory can both have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clash {
    /// Stands where the other one has a folder.
    pub file: FilePath,
    /// Stands below that.
    pub below: FilePath,
}

/// A walk along paths, rising by their bytes.
#[derive(Clone, Debug, Default)]
pub struct Walk {
    /// Those that the last one begins with, itself included, the shortest first: nothing else can have what comes below it.
    begun: Vec<FilePath>,
}

impl Walk {
    /// Goes on to the next path, and tells the file among those before it that it stands below, if there is one.
    pub fn pass(&mut self, path: FilePath) -> Option<Clash> {
        while self.begun.last().is_some_and(|last| !path.as_str().starts_with(last.as_str())) {
            self.begun.pop();
        }
        let holds = |file: &&FilePath| path.as_str().as_bytes().get(file.as_str().len()) == Some(&b'/');
        if let Some(file) = self.begun.iter().find(holds) {
            return Some(Clash { file: file.clone(), below: path });
        }
        self.begun.push(path);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_where_another_one_has_a_folder_is_found() {
        for (paths, clash) in [
            (&["a", "b", "b.txt"][..], None),
            (&["a/b", "a/c", "b/a"], None),
            (&["a", "a/b"], Some(("a", "a/b"))),
            // What sorts before `/` stands between them.
            (&["a", "a+b", "a-", "a.b/c", "a/b"], Some(("a", "a/b"))),
            (&["a", "a.b", "a.b-", "a.b/c", "a/b"], Some(("a.b", "a.b/c"))),
            (&["a/b/c", "a/b/c/d"], Some(("a/b/c", "a/b/c/d"))),
            (&["a/b", "a/b-c", "a/bc/d"], None),
            (&["a", "aa", "aaa/b", "ab/c"], None),
            (&["é/x", "é/x/y"], Some(("é/x", "é/x/y"))),
            (&[], None),
        ] {
            assert!(paths.is_sorted(), "{paths:?}");
            let mut walk = Walk::default();
            let found = paths.iter().find_map(|path| walk.pass(path.parse().unwrap()));
            let found = found.as_ref().map(|clash| (clash.file.as_str(), clash.below.as_str()));
            assert_eq!(found, clash, "{paths:?}");
        }
    }
}
