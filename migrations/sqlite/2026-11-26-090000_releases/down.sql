drop table releases;
