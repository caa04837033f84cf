match
10 fork 11
11 exec /usr/bin/bash bash -c x
11 fork 12
12 exec /usr/bin/cat cat
12 conn 203.0.113.5 4444
near
10 fork 11
11 exec /usr/bin/bash bash -c x
11 fork 12
12 exec /usr/bin/cat cat
12 conn 10.1.2.3 4444
11 fork 13
13 exec /usr/bin/curl curl u
13 conn 203.0.113.5 443
