-- Times are microseconds since 1970-01-01T00:00:00Z, booleans 0 or 1.

create table namespaces (
    id integer primary key autoincrement,
    path text not null unique,
    display_name text not null,
    created_at integer not null
) strict;

create table projects (
    id integer primary key autoincrement,
    namespace_id integer not null references namespaces (id),
    path text not null unique,
    display_name text not null,
    description text not null,
    visibility text not null check (visibility in ('private', 'internal', 'public')),
    created_at integer not null,
    updated_at integer not null
) strict;
create index projects_namespace on projects (namespace_id);

create table packages (
    id integer primary key autoincrement,
    project_id integer not null references projects (id),
    name text not null,
    created_at integer not null,
    unique (project_id, name)
) strict;

-- `sealing_digest` is the content of the request that sealed the version, by which its retry is known.
-- `retired` is 0 while a version holds its name, and its own id once it gave the name up.
create table versions (
    id integer primary key autoincrement,
    project_id integer not null references projects (id),
    package_id integer not null references packages (id),
    version text not null,
    retired integer not null default 0,
    state text not null check (state in ('draft', 'open', 'published', 'yanked', 'quarantined', 'deleted')),
    hidden integer not null check (hidden in (0, 1)),
    content_digest blob check (length(content_digest) = 32),
    sealing_digest blob check (length(sealing_digest) = 32),
    file_count integer not null,
    size_bytes integer not null,
    creator text not null,
    created_at integer not null,
    updated_at integer not null,
    published_at integer,
    unique (package_id, version, retired)
) strict;
create index versions_project on versions (project_id, id);
create index versions_package on versions (package_id, id);

-- The copy of each blob that files refer to.
create table blobs (
    digest blob primary key check (length(digest) = 32),
    generation integer not null,
    size_bytes integer not null check (size_bytes >= 0),
    created_at integer not null
) strict;

-- Copies that nothing refers to and nothing may refer to again: their bytes are removed, or about to be.
create table tombstones (
    digest blob not null check (length(digest) = 32),
    generation integer not null,
    created_at integer not null,
    primary key (digest, generation)
) strict;

create table files (
    id integer primary key autoincrement,
    project_id integer not null references projects (id),
    version_id integer not null references versions (id),
    path text not null,
    revision integer not null check (revision > 0),
    digest blob not null references blobs (digest),
    size_bytes integer not null check (size_bytes >= 0),
    media_type text not null,
    creator text not null,
    created_at integer not null,
    unique (version_id, path, revision)
) strict;
create index files_digest on files (digest, project_id);

-- Bytes that are on their way or not yet published: kept until the lease is over. The id is the number of the upload.
create table leases (
    id integer primary key autoincrement,
    project_id integer not null references projects (id),
    digest blob check (length(digest) = 32),
    max_bytes integer not null,
    created_at integer not null,
    expires_at integer not null
) strict;
create index leases_expiry on leases (expires_at);

-- What a request with a request id has done. `rows` are the ids that its answer showed, 8 bytes each, big endian.
create table idempotency_records (
    principal text not null,
    method text not null,
    request_id text not null,
    fingerprint blob not null,
    rows blob not null,
    created_at integer not null,
    primary key (principal, method, request_id)
) strict;
create index idempotency_records_age on idempotency_records (created_at);

-- Only the SHA-256 of a token is kept: tokens are random, so that is enough.
create table tokens (
    id integer primary key autoincrement,
    name text not null unique,
    digest blob not null unique check (length(digest) = 32),
    created_at integer not null
) strict;
