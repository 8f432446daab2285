//! The path of a generic package: `/api/v4/projects/:id/packages/generic/:name/:version/(*path/):file_name`, and that of a whole version.

use consign_types::promotion::StageName;
use consign_types::resource::{NamespaceRef, PackageRef, ProjectRef, VersionRef};
use consign_types::{FilePath, PackageName, VersionName};
use percent_encoding::percent_decode_str;

use super::refusal::{Refusal, Result};

/// What a path names, and which parts of it are wrong, if any are. The project stands apart: whether it is there, and whether the
/// caller may know, is answered before anything is said about the rest.
#[derive(Debug)]
pub(crate) struct GenericPath {
    pub(crate) project: ProjectRef,
    pub(crate) file: Result<GenericFile, Wrong>,
}

/// The parts of a path that are wrong, in its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wrong(Vec<&'static str>);

impl Wrong {
    /// What is said of each of them.
    pub(crate) fn words(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|part| format!("{part} is invalid"))
    }
}

impl From<Wrong> for Refusal {
    fn from(wrong: Wrong) -> Self {
        Self::parameters(wrong.words())
    }
}

/// What a path may have that is none to GitLab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Allowed {
    /// A `%2F` between the folders of a file.
    pub(crate) escaped_folders: bool,
    /// `latest`, or a stage, in place of a version.
    pub(crate) stand_ins: bool,
}

/// A file of a package.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct GenericFile {
    pub(crate) package: PackageRef,
    pub(crate) version: Chosen,
    pub(crate) path: FilePath,
}

/// Which version of a package is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Chosen {
    /// The one of this name.
    Named(VersionName),
    /// The latest.
    Latest,
    /// What is placed on this stage.
    Placed(StageName),
}

/// Stands for the latest version. No version has this name.
const LATEST: &str = "latest";

/// Before the name of a stage. No version has a `:` in its name.
const STAGE: &str = "stage:";

impl Chosen {
    fn parse(text: &str, allowed: Allowed) -> Option<Self> {
        let chosen = match (text, text.strip_prefix(STAGE)) {
            (LATEST, _) => Some(Self::Latest),
            (_, Some(stage)) => stage.parse().ok().map(Self::Placed),
            (version, None) => version.parse().ok().map(Self::Named),
        };
        chosen.filter(|chosen| allowed.stand_ins || matches!(chosen, Self::Named(_)))
    }
}

impl GenericFile {
    /// The version that is named.
    pub(crate) fn named(self) -> Result<(VersionRef, FilePath), Wrong> {
        let Self { package: PackageRef { project, package }, version, path } = self;
        let Chosen::Named(version) = version else { return Err(Wrong(vec!["package_version"])) };
        Ok((VersionRef { project, package, version }, path))
    }
}

impl GenericPath {
    /// Reads the path of a request, as it came, and the folder that its parameter `path` puts before the file. Each segment is decoded once.
    ///
    /// A `%2F` in the last segments counts as `/`: clients in Go escape the path of a file that way. To GitLab it is a file name that is
    /// none.
    pub(crate) fn parse(raw: &str, folder: Option<&str>, allowed: Allowed) -> Result<Self> {
        let (project, rest) = split(raw)?;
        let mut parts = rest.splitn(3, '/');
        let (Some(name), Some(version), Some(file)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(Refusal::not_found());
        };
        let is_refused = !allowed.escaped_folders && file.to_ascii_lowercase().contains("%2f");
        let path = if is_refused { Err(vec!["file_name"]) } else { file_path(file, folder) };
        let parts = match (names(name, version, allowed), path) {
            (Ok(names), Ok(path)) => Ok((names, path)),
            (names, path) => {
                let parts = [names.err().map(|wrong| wrong.0), path.err()];
                Err(Wrong(parts.into_iter().flatten().flatten().collect()))
            }
        };
        let project = match (self::project(project), &parts) {
            (Err(_), Err(wrong)) => return Err(wrong.clone().into()),
            (project, _) => project?,
        };
        let file = parts.map(|((package, version), path)| GenericFile {
            package: PackageRef { project: project.clone(), package },
            version,
            path,
        });
        Ok(Self { project, file })
    }
}

/// What the path of a whole version names, as [`GenericPath`] does.
#[derive(Debug)]
pub(crate) struct WholePath {
    pub(crate) project: ProjectRef,
    pub(crate) names: Result<(PackageName, Chosen), Wrong>,
}

impl WholePath {
    /// Reads the path of a request, as it came.
    pub(crate) fn parse(raw: &str, allowed: Allowed) -> Result<Self> {
        let (project, rest) = split(raw)?;
        let (name, version) = two(rest).ok_or_else(Refusal::not_found)?;
        Ok(Self { project: self::project(project)?, names: names(name, version, allowed) })
    }
}

/// The segment of the project, and what is behind `generic`.
fn split(raw: &str) -> Result<(&str, &str)> {
    let rest = raw.strip_prefix("/api/v4/projects/").ok_or_else(Refusal::not_found)?;
    let (project, rest) = rest.split_once('/').ok_or_else(Refusal::not_found)?;
    Ok((project, rest.strip_prefix("packages/generic/").ok_or_else(Refusal::not_found)?))
}

fn two(rest: &str) -> Option<(&str, &str)> {
    rest.split_once('/').filter(|(_, version)| !version.contains('/'))
}

/// A group in a path: its id, or its path in one segment.
pub(crate) fn group(segment: &str) -> Result<NamespaceRef> {
    let segment = decode(segment).ok_or_else(Refusal::group_not_found)?;
    match segment.parse() {
        Ok(id) if segment.bytes().all(|byte| byte.is_ascii_digit()) => Ok(NamespaceRef::Id(id)),
        _ => segment.parse().map(NamespaceRef::Path).map_err(|_| Refusal::group_not_found()),
    }
}

/// A project in a path: its id, or its path in one segment, with `%2F` between the parts.
pub(crate) fn project(segment: &str) -> Result<ProjectRef> {
    let segment = decode(segment).ok_or_else(Refusal::project_not_found)?;
    ProjectRef::from_segment(&segment).map_err(|_| Refusal::project_not_found())
}

/// The path of a file, or which parts of it are wrong: the folders, the name.
fn file_path(file: &str, folder: Option<&str>) -> Result<FilePath, Vec<&'static str>> {
    let file = decode(file).ok_or_else(|| vec!["file_name"])?;
    let file = match folder {
        Some(folder) if !folder.is_empty() => format!("{folder}/{file}"),
        _ => file,
    };
    if let Ok(path) = file.parse() {
        return Ok(path);
    }
    let (folders, name) = file.rsplit_once('/').map_or((None, file.as_str()), |(folders, name)| (Some(folders), name));
    let is_name = name.parse::<FilePath>().is_ok();
    let is_folder = folders.is_none_or(|folders| format!("{folders}/f").parse::<FilePath>().is_ok());
    let wrong = [("path", !is_folder || (is_name && folders.is_some())), ("file_name", !is_name)];
    Err(wrong.into_iter().filter(|(_, is_wrong)| *is_wrong).map(|(part, _)| part).collect())
}

fn names(name: &str, version: &str, allowed: Allowed) -> Result<(PackageName, Chosen), Wrong> {
    let name = decode(name).and_then(|name| name.parse().ok()).ok_or("package_name");
    let version = decode(version).and_then(|version| Chosen::parse(&version, allowed)).ok_or("package_version");
    match (name, version) {
        (Ok(name), Ok(version)) => Ok((name, version)),
        (name, version) => Err(Wrong([name.err(), version.err()].into_iter().flatten().collect())),
    }
}

/// A segment without its percent signs.
pub(crate) fn decode(segment: &str) -> Option<String> {
    Some(percent_decode_str(segment).decode_utf8().ok()?.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Allowed = Allowed { escaped_folders: true, stand_ins: true };

    fn parse(path: &str) -> Result<GenericPath> {
        GenericPath::parse(&format!("/api/v4/projects/{path}"), None, ALL)
    }

    fn wrong(parts: &[&'static str]) -> Wrong {
        Wrong(parts.to_vec())
    }

    #[test]
    fn paths_are_read_in_every_spelling_that_clients_use() {
        for (path, expected) in [
            ("7/packages/generic/my_package/1.0.0/f.zip", "projects/7/packages/my_package/versions/1.0.0/files/f.zip"),
            ("g%2Fp/packages/generic/my%2Dpkg/v1%2E0%2E0/f%2Ezip", "projects/g%2Fp/packages/my-pkg/versions/v1.0.0/files/f.zip"),
            ("g%2fsub.x/packages/generic/a/1/b/c/d", "projects/g%2Fsub.x/packages/a/versions/1/files/b/c/d"),
            ("7/packages/generic/a/1/b%2Fc", "projects/7/packages/a/versions/1/files/b/c"),
            ("7/packages/generic/a/1/my+file@1~2.gz", "projects/7/packages/a/versions/1/files/my+file@1~2.gz"),
        ] {
            let (version, file) = parse(path).unwrap().file.unwrap().named().unwrap();
            assert_eq!(format!("{version}/files/{file}"), expected);
        }
        let file = GenericPath::parse("/api/v4/projects/7/packages/generic/a/1/f", Some("to/here"), ALL).unwrap().file.unwrap();
        assert_eq!(file.path.as_str(), "to/here/f");
        let latest = parse("7/packages/generic/a/lat%65st/f").unwrap().file.unwrap();
        assert_eq!(latest.version, Chosen::Latest);
        assert_eq!(latest.named(), Err(wrong(&["package_version"])));
        let strict = Allowed { escaped_folders: false, stand_ins: false };
        let strict = GenericPath::parse("/api/v4/projects/7/packages/generic/a/latest/b%2Fc", None, strict).unwrap();
        assert_eq!(strict.file, Err(wrong(&["package_version", "file_name"])));
    }

    #[test]
    fn the_parts_that_are_wrong_are_named() {
        let long = "d".repeat(1020);
        for (path, parts) in [
            ("a%2Fb/1/f", &["package_name"][..]),
            ("%2e%2e/1/f", &["package_name"]),
            ("a/..1/f", &["package_version"]),
            ("a/1/%2e%2e%2ff", &["path"]),
            ("a/1/../f", &["path"]),
            ("a/1/a%20b", &["file_name"]),
            ("a/1/~x", &["file_name"]),
            ("a/1/%ff", &["file_name"]),
            ("a/1/x/", &["file_name"]),
            (&format!("a/1/{long}/long"), &["path"]),
            ("a%20b/1/a%20b", &["package_name", "file_name"]),
            ("a@b/..1/../~x", &["package_name", "package_version", "path", "file_name"]),
        ] {
            assert_eq!(parse(&format!("7/packages/generic/{path}")).unwrap().file, Err(wrong(parts)), "{path}");
        }
        let folder = GenericPath::parse("/api/v4/projects/7/packages/generic/a/1/x~", Some("../up"), ALL).unwrap();
        assert_eq!(folder.file, Err(wrong(&["path", "file_name"])));
    }

    #[test]
    fn two_segments_name_a_whole_version() {
        let parse = |path: &str| WholePath::parse(&format!("/api/v4/projects/{path}"), ALL);
        let names = |path: &str| parse(path).unwrap().names.map(|(name, version)| (name.to_string(), version));
        assert_eq!(names("7/packages/generic/a%2Bb/v1%2E0"), Ok(("a+b".to_owned(), Chosen::Named("v1.0".parse().unwrap()))));
        assert_eq!(names("g%2Fp/packages/generic/a/latest"), Ok(("a".to_owned(), Chosen::Latest)));
        for spelling in ["stage:eu-1", "stage%3Aeu-1"] {
            let placed = Chosen::Placed("eu-1".parse().unwrap());
            assert_eq!(names(&format!("g%2Fp/packages/generic/a/{spelling}")), Ok(("a".to_owned(), placed)));
        }
        for other in ["stage:", "stage:Eu", "stage:a:b", "tag:a", ":a"] {
            assert_eq!(names(&format!("7/packages/generic/a/{other}")), Err(wrong(&["package_version"])), "{other}");
        }
        assert_eq!(names("7/packages/generic/a/1%2Ff"), Err(wrong(&["package_version"])));
        assert_eq!(names("7/packages/generic/a%2Fb/1%2Ff"), Err(wrong(&["package_name", "package_version"])));
        for path in ["7/packages/generic/a", "7/packages/generic/a/1/", "7/packages/generic/a/1/f", "7/packages/a/1"] {
            assert!(parse(path).is_err(), "{path}");
        }
    }

    #[test]
    fn what_names_no_file_or_no_project_is_not_found() {
        for path in
            ["7/packages/generic/a/1", "7/packages/generic/a", "7/packages", "p/packages/generic/a/1/f", "%ff/packages/generic/a/1/f"]
        {
            assert!(parse(path).is_err(), "{path}");
        }
    }
}
