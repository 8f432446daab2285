drop index namespaces_deleted;
alter table namespaces drop column deleted_at;
drop index releases_created;
alter table versions drop column creator_id;
