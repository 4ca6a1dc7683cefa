"""Object-centric event logs: OCEL 1.0 and 2.0 as JSON, XML, SQLite and CSV.

A *reader* turns the file into a stream of records (`records`), whatever the format. They are *staged* in a
temporary SQLite file (`staging`), because an event may name objects that the file describes only later, and
memory has to stay small. `roles` then decides what each object type is to a journey, `telling` makes an event
of each event of the log, and `importing` submits them.
"""
