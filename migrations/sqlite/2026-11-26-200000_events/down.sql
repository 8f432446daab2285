drop table event_floors;
drop table events;
