match
10 fork 11
11 exec /usr/bin/bash bash m.sh
11 fork 12
12 exec /usr/bin/ps ps -eo pid,command
wait 5
11 fork 13
13 exec /usr/bin/strings strings /tmp/dump.1
near
10 fork 11
11 exec /usr/bin/bash bash m.sh
11 fork 12
12 exec /usr/bin/ps ps -eo pid,command
wait 65
11 fork 13
13 exec /usr/bin/strings strings /tmp/dump.1
