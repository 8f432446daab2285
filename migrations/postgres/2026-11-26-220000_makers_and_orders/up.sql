-- The user who made a version, where it was one. Not known of versions that are there already.
alter table versions add column creator_id bigint;
create index releases_created on releases (project_id, created_at, id);
