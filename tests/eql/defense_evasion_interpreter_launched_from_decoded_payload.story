match
10 fork 11
11 exec /usr/bin/bash bash -c x
11 fork 12
12 exec /usr/bin/base64 base64 -d p
11 fork 13
13 exec /usr/bin/bash bash
near
10 fork 11
11 exec /usr/bin/bash bash -c x
11 fork 12
12 exec /usr/bin/base64 base64 -d p
11 fork 13
13 exec /usr/bin/bash bash run.sh
10 fork 14
14 exec /usr/bin/dash sh
