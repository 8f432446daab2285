//! The path of a generic package: `/api/v4/projects/:id/packages/generic/:name/:version/(*path/):file_name`, and that of a whole version.

use consign_types::promotion::StageName;
use consign_types::resource::{NamespaceRef, PackageRef, ProjectRef, VersionRef};
use consign_types::{FilePath, PackageName, VersionName};
use percent_encoding::percent_decode_str;

use super::refusal::{Refusal, Result};

/// What a path names, and which part of it is wrong, if one is. The project stands apart: whether it is there, and whether the
/// caller may know, is answered before anything is said about the rest.
#[derive(Debug)]
pub(crate) struct GenericPath {
    pub(crate) project: ProjectRef,
    pub(crate) file: Result<GenericFile, &'static str>,
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
    fn parse(text: &str) -> Option<Self> {
        match (text, text.strip_prefix(STAGE)) {
            (LATEST, _) => Some(Self::Latest),
            (_, Some(stage)) => stage.parse().ok().map(Self::Placed),
            (version, None) => version.parse().ok().map(Self::Named),
        }
    }
}

impl GenericFile {
    /// The version that is named.
    pub(crate) fn named(self) -> Result<(VersionRef, FilePath), &'static str> {
        let Self { package: PackageRef { project, package }, version, path } = self;
        let Chosen::Named(version) = version else { return Err("package_version") };
        Ok((VersionRef { project, package, version }, path))
    }
}

impl GenericPath {
    /// Reads the path of a request, as it came. Each segment is decoded once.
    ///
    /// A `%2F` in the last segments counts as `/`: clients in Go escape the path of a file that way. To GitLab it is a file name that is
    /// none.
    pub(crate) fn parse(raw: &str, folder: Option<&str>, is_strict: bool) -> Result<Self> {
        let (project, rest) = split(raw)?;
        let mut parts = rest.splitn(3, '/');
        let (Some(name), Some(version), Some(file)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(Refusal::not_found());
        };
        let is_refused = is_strict && file.to_ascii_lowercase().contains("%2f");
        let file = if is_refused { Err("file_name") } else { file_name(name, version, file, folder) };
        let project = match (self::project(project), &file) {
            (Err(_), Err(part)) => return Err(Refusal::parameter(format!("{part} is invalid"))),
            (project, _) => project?,
        };
        let file =
            file.map(|(package, version, path)| GenericFile { package: PackageRef { project: project.clone(), package }, version, path });
        Ok(Self { project, file })
    }
}

/// What the path of a whole version names, as [`GenericPath`] does.
#[derive(Debug)]
pub(crate) struct WholePath {
    pub(crate) project: ProjectRef,
    pub(crate) names: Result<(PackageName, Chosen), &'static str>,
}

impl WholePath {
    /// Reads the path of a request, as it came.
    pub(crate) fn parse(raw: &str) -> Result<Self> {
        let (project, rest) = split(raw)?;
        let (name, version) = two(rest).ok_or_else(Refusal::not_found)?;
        Ok(Self { project: self::project(project)?, names: names(name, version) })
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

type Names = (PackageName, Chosen, FilePath);

fn file_name(name: &str, version: &str, file: &str, folder: Option<&str>) -> Result<Names, &'static str> {
    let (name, version) = names(name, version)?;
    let file = decode(file).ok_or("file_name")?;
    let file = match folder {
        Some(folder) if !folder.is_empty() => format!("{folder}/{file}"),
        _ => file,
    };
    let path = file.parse().map_err(|_| match file.rsplit('/').next() {
        Some(last) if last.parse::<FilePath>().is_ok() => "path",
        _ => "file_name",
    })?;
    Ok((name, version, path))
}

fn names(name: &str, version: &str) -> Result<(PackageName, Chosen), &'static str> {
    let name = decode(name).and_then(|name| name.parse().ok()).ok_or("package_name")?;
    let version = decode(version).and_then(|version| Chosen::parse(&version)).ok_or("package_version")?;
    Ok((name, version))
}

/// A segment without its percent signs.
pub(crate) fn decode(segment: &str) -> Option<String> {
    Some(percent_decode_str(segment).decode_utf8().ok()?.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(path: &str) -> Result<GenericPath> {
        GenericPath::parse(&format!("/api/v4/projects/{path}"), None, false)
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
        let file = GenericPath::parse("/api/v4/projects/7/packages/generic/a/1/f", Some("to/here"), false).unwrap().file.unwrap();
        assert_eq!(file.path.as_str(), "to/here/f");
        let latest = parse("7/packages/generic/a/lat%65st/f").unwrap().file.unwrap();
        assert_eq!(latest.version, Chosen::Latest);
        assert_eq!(latest.named(), Err("package_version"));
        let strict = GenericPath::parse("/api/v4/projects/7/packages/generic/a/1/b%2Fc", None, true).unwrap();
        assert_eq!(strict.file, Err("file_name"));
    }

    #[test]
    fn the_part_that_is_wrong_is_named() {
        for (path, part) in [
            ("7/packages/generic/a%2Fb/1/f", "package_name"),
            ("7/packages/generic/%2e%2e/1/f", "package_name"),
            ("7/packages/generic/a/..1/f", "package_version"),
            ("7/packages/generic/a/1/%2e%2e%2ff", "path"),
            ("7/packages/generic/a/1/../f", "path"),
            ("7/packages/generic/a/1/a%20b", "file_name"),
            ("7/packages/generic/a/1/~x", "file_name"),
            ("7/packages/generic/a/1/%ff", "file_name"),
            ("7/packages/generic/a/1/x/", "file_name"),
        ] {
            assert_eq!(parse(path).unwrap().file, Err(part), "{path}");
        }
    }

    #[test]
    fn two_segments_name_a_whole_version() {
        let parse = |path: &str| WholePath::parse(&format!("/api/v4/projects/{path}"));
        let names = |path: &str| parse(path).unwrap().names.map(|(name, version)| (name.to_string(), version));
        assert_eq!(names("7/packages/generic/a%2Bb/v1%2E0"), Ok(("a+b".to_owned(), Chosen::Named("v1.0".parse().unwrap()))));
        assert_eq!(names("g%2Fp/packages/generic/a/latest"), Ok(("a".to_owned(), Chosen::Latest)));
        for spelling in ["stage:eu-1", "stage%3Aeu-1"] {
            let placed = Chosen::Placed("eu-1".parse().unwrap());
            assert_eq!(names(&format!("g%2Fp/packages/generic/a/{spelling}")), Ok(("a".to_owned(), placed)));
        }
        for other in ["stage:", "stage:Eu", "stage:a:b", "tag:a", ":a"] {
            assert_eq!(names(&format!("7/packages/generic/a/{other}")), Err("package_version"), "{other}");
        }
        assert_eq!(names("7/packages/generic/a/1%2Ff"), Err("package_version"));
        assert_eq!(names("7/packages/generic/a%2Fb/1"), Err("package_name"));
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
