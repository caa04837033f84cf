match
10 fork 11
11 exec /usr/bin/telnet telnet h
11 conn 203.0.113.5 23
near
10 fork 11
11 exec /usr/bin/telnet telnet h
11 conn 10.0.0.5 23
10 fork 12
12 exec /usr/bin/nc nc h
12 conn 203.0.113.5 23
