-- The user who made a version, where it was one. Not known of versions that are there already.
alter table versions add column creator_id bigint;
create index releases_created on releases (project_id, created_at, id);
-- When a namespace was deleted with what is in it: it is kept for that until all of it is removed.
alter table namespaces add column deleted_at timestamptz;
create index namespaces_deleted on namespaces (deleted_at) where deleted_at is not null;
