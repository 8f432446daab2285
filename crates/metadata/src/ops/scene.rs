//! What a publish meets: project, settings, package, version, and the files at its paths, read in one trip.

use std::collections::HashMap;

use consign_types::resource::{ProjectRef, VersionRef};
use consign_types::settings::Settings;
use consign_types::{FilePath, TagName};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, Text};

use crate::batch::{Batch, send_with};
use crate::connection::Db;
use crate::ids;
use crate::prepared::{Among, Kept, fixed};
use crate::schema::{counters, files, leases, packages, projects, versions};
use crate::tables::counters::Counters;
use crate::tables::file_row::File;
use crate::tables::idempotency_records::Key;
use crate::tables::packages::Package;
use crate::tables::projects::Project;
use crate::tables::settings::{CHAIN, nearest};
use crate::tables::version_row::VersionRow;
use crate::tables::{self, BATCH};
use crate::{Error, Result};

/// What to look for.
#[derive(Clone, Copy)]
pub(super) struct Look<'a> {
    /// The version, which need not be there.
    pub(super) version: &'a VersionRef,
    /// The paths of the files.
    pub(super) paths: &'a [&'a FilePath],
    /// The uploads whose reservations are asked for.
    pub(super) uploads: &'a [i64],
    /// The request that may have been done before.
    pub(super) request: Option<Key<'a>>,
}

/// What is there.
#[derive(Debug)]
pub(crate) struct Scene {
    pub(super) project: Project,
    pub(super) counters: Counters,
    /// The nearest value of each setting.
    pub(super) settings: Settings,
    pub(super) package: Option<Package>,
    pub(super) version: Option<VersionRow>,
    /// The tags that point at the version.
    pub(super) tags: Vec<TagName>,
    /// The files that the version serves at the paths.
    pub(super) served: HashMap<FilePath, File>,
    /// The highest revision that each of the paths ever had.
    pub(super) revisions: HashMap<FilePath, i32>,
    /// What the uploads have reserved.
    pub(super) reserved: i64,
    /// Whether the request id is claimed.
    pub(super) is_claimed: bool,
}

/// Ids for what is new.
pub(super) struct Ids {
    pub(super) package: i64,
    pub(super) version: i64,
    /// One for each of the paths.
    pub(super) files: Vec<i64>,
}

type Row = (
    (Project, Counters, Option<String>, Option<i64>, bool),
    (Option<Package>, Option<VersionRow>, Option<String>, Option<File>),
    (String, String, String),
);

/// The newest row of its path, deleted or not.
const IS_NEWEST: &str = "not exists (select 1 from files n \
                         where n.version_id = files.version_id and n.path = files.path and n.revision > files.revision)";

const TAGS: &str = "(select string_agg(t.tag, ' ' order by t.tag) from tags t where t.version_id = versions.id)";

/// Sends the writes of a batch, reads what is there, and draws ids for what is new.
pub(super) fn read(db: &mut Db, batch: Batch<'_>, look: Look<'_>) -> Result<(Scene, Ids)> {
    let (scene, [packages, versions, files]) = find(db, batch, look, [1, 1, look.paths.len()])?;
    let ids = Ids {
        package: ids::drawn(db, &packages, 1)?[0],
        version: ids::drawn(db, &versions, 1)?[0],
        files: ids::drawn(db, &files, look.paths.len())?,
    };
    Ok((scene, ids))
}

/// Reads what is there, and changes nothing.
pub(super) fn view(db: &mut Db, look: Look<'_>) -> Result<Scene> {
    Ok(find(db, Batch::new(db), look, [0; 3])?.0)
}

/// What is there, and the ids that were drawn for so many packages, versions and files.
fn find(db: &mut Db, batch: Batch<'_>, look: Look<'_>, draw: [usize; 3]) -> Result<(Scene, [String; 3])> {
    let VersionRef { project, package, version } = look.version;
    let (id, path) = match project {
        ProjectRef::Id(id) => (Some(*id), None),
        ProjectRef::Path(path) => (None, Some(path.clone())),
    };
    let (package, version) = (package.clone(), version.clone());
    let few = look.paths.len() <= BATCH;
    let paths: Vec<FilePath> = look.paths.iter().filter(|_| few).map(|path| (*path).clone()).collect();
    // No upload has the number 0: the text is the same as for one that is looked for.
    let uploads = if look.uploads.is_empty() { vec![0] } else { look.uploads.to_vec() };
    let is_usual = paths.len() == 1 && uploads.len() == 1;
    let reserved = leases::table
        .filter(Among::<_, BigInt>::new("leases.id", uploads))
        // A sum, so that they are not looked for among all leases of the project.
        .filter(sql::<Bool>("leases.project_id + 0 = counters.project_id"))
        .select(sql::<BigInt>("cast(sum(leases.reserved_bytes) as bigint)"))
        .single_value();
    // One look at an index, whichever of the two it is: for an `or`, all projects would be looked at.
    let named = sql::<Bool>("projects.id = coalesce(").bind::<Nullable<BigInt>, _>(id);
    let named = named.sql(", (select p.id from projects p where p.path = ").bind::<Nullable<Text>, _>(path).sql("))");
    let claimed = sql::<Bool>("exists (select 1 from idempotency_records r where r.principal = ");
    let claimed = claimed.bind::<Nullable<Text>, _>(look.request.map(|key| key.principal.clone())).sql(" and r.method = ");
    let claimed = claimed.bind::<Nullable<Text>, _>(look.request.map(|key| key.method)).sql(" and r.request_id = ");
    let claimed = claimed.bind::<Nullable<Text>, _>(look.request.map(|key| key.request_id.clone())).sql(")");
    let drawn = (ids::draw(db, "packages", draw[0]), ids::draw(db, "versions", draw[1]), ids::draw(db, "files", draw[2]));
    let query = counters::table
        .inner_join(projects::table)
        .left_join(
            packages::table.on(packages::project_id.eq(counters::project_id).and(packages::name.eq(package)).and(packages::retired.eq(0))),
        )
        .left_join(
            versions::table.on(versions::package_id.eq(packages::id).and(versions::version.eq(version)).and(versions::retired.eq(0))),
        )
        .left_join(
            files::table.on(files::version_id.eq(versions::id).and(Among::<_, Text>::new("files.path", paths)).and(sql::<Bool>(IS_NEWEST))),
        )
        .filter(named)
        .select((
            (projects::all_columns, counters::all_columns, sql::<Nullable<Text>>(CHAIN), reserved, claimed),
            (
                packages::all_columns.nullable(),
                versions::all_columns.nullable(),
                sql::<Nullable<Text>>(TAGS),
                files::all_columns.nullable(),
            ),
            drawn,
        ));
    let rows: Vec<Row> = if is_usual { send_with!(batch, db, fixed!(query)) } else { send_with!(batch, db, Kept(query)) };
    let found = of_rows(rows)?.filter(|(scene, _)| scene.project.deleted_at.is_none());
    let (mut scene, drawn) = found.ok_or_else(|| Error::ProjectNotFound(project.clone()))?;
    scene.find_files(db, look.paths, few)?;
    Ok((scene, drawn))
}

impl Scene {
    /// Reads what is not known yet of the files at the paths: all, unless they were `few`; else those whose newest row is deleted.
    fn find_files(&mut self, db: &mut Db, paths: &[&FilePath], few: bool) -> Result<()> {
        let Some(version) = self.version.as_ref().map(|version| version.id) else { return Ok(()) };
        if !few {
            self.served = served(db, version, paths)?;
            self.revisions = tables::files::list_revisions(db, version, paths)?.into_iter().collect();
        }
        let is_hidden = |path: &&FilePath| self.revisions.contains_key(*path) && !self.served.contains_key(*path);
        let hidden: Vec<&FilePath> = paths.iter().copied().filter(is_hidden).collect();
        if !hidden.is_empty() {
            self.served.extend(served(db, version, &hidden)?);
        }
        Ok(())
    }
}

fn served(db: &mut Db, version: i64, paths: &[&FilePath]) -> Result<HashMap<FilePath, File>> {
    Ok(tables::files::list_served_at(db, version, paths)?.into_iter().map(|file| (file.path.clone(), file)).collect())
}

/// The rows differ in their files alone. Ids are drawn for each of them: those of the first one are taken.
fn of_rows(rows: Vec<Row>) -> Result<Option<(Scene, [String; 3])>> {
    let mut found: Option<(Scene, [String; 3])> = None;
    for ((project, counters, chain, reserved, is_claimed), (package, version, tags, file), drawn) in rows {
        if found.is_none() {
            let scene = Scene {
                project,
                counters,
                settings: nearest(chain.as_deref())?,
                package,
                version,
                tags: tags.iter().flat_map(|tags| tags.split(' ')).filter_map(|tag| tag.parse().ok()).collect(),
                served: HashMap::new(),
                revisions: HashMap::new(),
                reserved: reserved.unwrap_or_default(),
                is_claimed,
            };
            found = Some((scene, drawn.into()));
        }
        if let (Some((scene, _)), Some(file)) = (&mut found, file) {
            scene.revisions.insert(file.path.clone(), file.revision);
            if file.deleted_at.is_none() {
                scene.served.insert(file.path.clone(), file);
            }
        }
    }
    Ok(found)
}
