//! The rows of a generated database as SQL, many to a statement.

use std::collections::HashSet;
use std::fmt::Write as _;

use consign_types::order::{SortKey, VersionScheme};
use consign_types::version::Offered;
use consign_types::{ContentDigest, Timestamp};
use diesel::connection::SimpleConnection;
use diesel::{Connection as _, PgConnection, SqliteConnection};

use super::{FILES_OF_VERSION, GeneratedFile, GeneratedVersion, PROJECTS, labels};
use crate::Database;

/// When the first version was published, in seconds. Each later one came a second later.
const FIRST: i64 = 1_700_000_000;
const RESTORE_SECONDS: i64 = 7 * 24 * 60 * 60;

/// How many rows go into one statement.
const ROWS: usize = 1000;

pub(super) const PACKAGES: usize = 0;
pub(super) const PACKAGE_LABELS: usize = 1;
const VERSIONS: usize = 2;
const VERSION_LABELS: usize = 3;
const BLOBS: usize = 4;
const FILES: usize = 5;
const TAGS: usize = 6;
const TAG_MOVES: usize = 7;

const TABLES: [&str; 8] = [
    "packages (id, project_id, name, name_key, retired, description, labels, version_scheme, version_count, file_count, size_bytes, \
     sequence, created_at, updated_at)",
    "package_labels (package_id, key, value)",
    "versions (id, project_id, package_id, version, retired, state, hidden, offered, sort_key, labels, description, content_digest, \
     sealing_digest, file_count, size_bytes, row_count, row_bytes, yank_reason, yank_actor, quarantine_reason, quarantine_actor, \
     download_count, sequence, creator, created_at, updated_at, published_at, deleted_at, purge_at)",
    "version_labels (version_id, key, value)",
    "blobs (digest, generation, size_bytes, created_at)",
    "files (id, project_id, version_id, path, revision, digest, size_bytes, media_type, download_count, sequence, creator, created_at)",
    "tags (id, project_id, package_id, tag, version_id, content_digest, actor, sequence, created_at, updated_at)",
    "tag_moves (id, project_id, package_id, tag, version, content_digest, actor, reason, sequence, moved_at)",
];

enum Target {
    Postgres(PgConnection),
    Sqlite(SqliteConnection),
}

#[derive(Default)]
struct Counted {
    sequence: i64,
    files: i64,
    logical_bytes: i64,
    stored_bytes: i64,
    contents: HashSet<i64>,
}

/// Rows on their way into a database, and what was counted of them.
pub(super) struct Rows {
    target: Target,
    waiting: [(usize, String); TABLES.len()],
    projects: Vec<Counted>,
    contents: HashSet<i64>,
    tags: i64,
}

impl Rows {
    pub(super) fn new(database: &Database) -> Self {
        let target = match database.url().strip_prefix("sqlite:") {
            Some(path) => Target::Sqlite(SqliteConnection::establish(path).expect("the database answers")),
            None => Target::Postgres(PgConnection::establish(database.url()).expect("the database answers")),
        };
        let projects = (0..PROJECTS).map(|_| Counted::default()).collect();
        Self { target, waiting: TABLES.map(|_| (0, String::new())), projects, contents: HashSet::new(), tags: 0 }
    }

    fn run(&mut self, statements: &str) {
        let result = match &mut self.target {
            Target::Postgres(connection) => connection.batch_execute(statements),
            Target::Sqlite(connection) => connection.batch_execute(statements),
        };
        result.expect("the database takes what is generated");
    }

    /// References are right by the way they are made: checking each costs more than the rows.
    pub(super) fn begin(&mut self) {
        self.run(match self.target {
            Target::Postgres(_) => "set session_replication_role = replica; set synchronous_commit = off",
            Target::Sqlite(_) => "pragma foreign_keys = off; pragma synchronous = off; begin",
        });
    }

    pub(super) fn insert_projects(&mut self) {
        let now = self.time(0);
        self.run(&format!("insert into namespaces (path, display_name, created_at) values ('bench', 'bench', {now})"));
        for project in 1..=PROJECTS {
            self.run(&format!(
                "insert into projects (namespace_id, path, display_name, description, visibility, sequence, created_at, updated_at) \
                 select id, 'bench/project-{project}', 'Project', '', 'private', 0, {now}, {now} from namespaces where path = 'bench'"
            ));
        }
    }

    pub(super) fn add(&mut self, table: usize, row: &str) {
        let (count, rows) = &mut self.waiting[table];
        rows.push_str(if *count == 0 { "(" } else { ", (" });
        rows.push_str(row);
        rows.push(')');
        *count += 1;
        if *count == ROWS {
            self.send(table);
        }
    }

    fn send(&mut self, table: usize) {
        let (count, rows) = std::mem::take(&mut self.waiting[table]);
        if count > 0 {
            self.run(&format!("insert into {} values {rows}", TABLES[table]));
        }
    }

    pub(super) fn insert_version(&mut self, project: i64, version: &GeneratedVersion, files: &[GeneratedFile]) {
        let GeneratedVersion { number, package, name, standing, hidden, .. } = version;
        let (id, package_id, prerelease) = (number + 1, package + 1, version.below % 10 == 0);
        let counted = &mut self.projects[usize::try_from(project - 1).expect("ids are positive")];
        counted.sequence += 1;
        let sequence = counted.sequence;
        let made = Timestamp::from_micros((FIRST + number) * 1_000_000);
        let state = standing.state();
        let offered = Offered::of(state, *hidden, prerelease).number();
        let key = self.bytes(SortKey::of(VersionScheme::Semver, name, made).as_bytes());
        let served = |file: &&GeneratedFile| !files.iter().any(|other| other.path == file.path && other.revision > file.revision);
        let served: Vec<&GeneratedFile> = files.iter().filter(served).collect();
        let content = ContentDigest::of(served.iter().map(|file| (&file.path, &file.digest, file.size)));
        let content = self.bytes(content.as_bytes());
        let digest = if standing.sealed { &content } else { "null" };
        let labels = labels(version);
        let sums = [served.iter().map(|file| file.size).sum::<i64>(), files.iter().map(|file| file.size).sum()];
        let said = |is: bool| if is { "'it breaks', 'root'" } else { "null, null" };
        let (yanked, quarantined) = (said(standing.yanked), said(standing.quarantined));
        let (time, gone) = (self.time(*number), [self.time(number + 1), self.time(number + RESTORE_SECONDS)]);
        let published = if standing.published { &time } else { "null" };
        let deleted = if standing.deleted { gone.join(", ") } else { "null, null".to_owned() };
        let retired = if standing.deleted { id } else { 0 };
        let hidden = self.boolean(*hidden);
        let row = format!(
            "{id}, {project}, {package_id}, '{name}', {retired}, '{state}', {hidden}, {offered}, {key}, '{}', '', {digest}, {digest}, {}, \
             {}, {}, {}, {yanked}, {quarantined}, 0, {sequence}, 'root', {time}, {time}, {published}, {deleted}",
            labels.to_text(),
            served.len(),
            sums[0],
            files.len(),
            sums[1],
        );
        self.add(VERSIONS, &row);
        for (key, value) in labels.iter() {
            self.add(VERSION_LABELS, &format!("{id}, '{key}', '{value}'"));
        }
        if version.below == 3 && package % 2 == 0 {
            self.insert_tag(project, version, &content, sequence);
        }
    }

    fn insert_tag(&mut self, project: i64, version: &GeneratedVersion, content: &str, sequence: i64) {
        self.tags += 1;
        let (id, version_id, package_id, name) = (self.tags, version.number + 1, version.package + 1, &version.name);
        let time = self.time(version.number);
        let of = format!("{id}, {project}, {package_id}, 'current'");
        self.add(TAGS, &format!("{of}, {version_id}, {content}, 'root', {sequence}, {time}, {time}"));
        self.add(TAG_MOVES, &format!("{of}, '{name}', {content}, 'root', '', {sequence}, {time}"));
    }

    pub(super) fn insert_files(&mut self, project: i64, version: &GeneratedVersion, files: &[GeneratedFile]) {
        let (version_id, time) = (version.number + 1, self.time(version.number));
        for (index, file) in (1..).zip(files) {
            let GeneratedFile { path, revision, size, content, .. } = file;
            let (id, digest) = (version.number * FILES_OF_VERSION + index, self.bytes(file.digest.as_bytes()));
            if self.contents.insert(*content) {
                self.add(BLOBS, &format!("{digest}, 1, {size}, {time}"));
            }
            let counted = &mut self.projects[usize::try_from(project - 1).expect("ids are positive")];
            if counted.contents.insert(*content) {
                counted.stored_bytes += size;
            }
            if !version.standing.deleted {
                counted.files += 1;
                counted.logical_bytes += size;
            }
            let sequence = counted.sequence;
            let row = format!(
                "{id}, {project}, {version_id}, '{path}', {revision}, {digest}, {size}, 'application/gzip', 0, {sequence}, 'root', {time}"
            );
            self.add(FILES, &row);
        }
    }

    pub(super) fn finish(&mut self) {
        (0..TABLES.len()).for_each(|table| self.send(table));
        for (id, counted) in (1..).zip(std::mem::take(&mut self.projects)) {
            let Counted { sequence, files, logical_bytes, stored_bytes, .. } = counted;
            let start = match self.target {
                Target::Postgres(_) => format!("'\\x{}'", "0".repeat(64)),
                Target::Sqlite(_) => "zeroblob(32)".to_owned(),
            };
            self.run(&format!("insert into counters values ({id}, {sequence}, {files}, {logical_bytes}, {stored_bytes}, 0, 0, {start})"));
        }
        if matches!(self.target, Target::Sqlite(_)) {
            return self.run("commit; pragma wal_checkpoint(truncate); analyze");
        }
        for table in ["packages", "versions", "files", "tags", "tag_moves"] {
            self.run(&format!("select setval(pg_get_serial_sequence('{table}', 'id'), max(id)) from {table}"));
        }
        self.run("vacuum analyze");
    }

    /// When the version of this number was published.
    pub(super) fn time(&self, number: i64) -> String {
        let seconds = FIRST + number;
        match self.target {
            Target::Postgres(_) => format!("to_timestamp({seconds})"),
            Target::Sqlite(_) => format!("{}", seconds * 1_000_000),
        }
    }

    fn bytes(&self, bytes: &[u8]) -> String {
        let (before, behind) = if matches!(self.target, Target::Postgres(_)) { (r"'\x", "'::bytea") } else { ("x'", "'") };
        let mut text = String::from(before);
        for byte in bytes {
            let _ = write!(text, "{byte:02x}");
        }
        text + behind
    }

    fn boolean(&self, value: bool) -> &'static str {
        match (&self.target, value) {
            (Target::Postgres(_), true) => "true",
            (Target::Postgres(_), false) => "false",
            (Target::Sqlite(_), true) => "1",
            (Target::Sqlite(_), false) => "0",
        }
    }
}
