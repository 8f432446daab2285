drop table cleanups;
