drop index releases_created;
alter table versions drop column creator_id;
