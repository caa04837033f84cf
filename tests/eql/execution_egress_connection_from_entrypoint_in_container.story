match
10 fork 11
11 exec /usr/bin/dash sh /entrypoint.sh
11 fork 12
12 exec /usr/bin/curl curl u
12 conn 203.0.113.5 443
near
10 fork 11
11 exec /usr/bin/dash sh /entrypoint.sh
10 fork 12
12 exec /usr/bin/curl curl u
12 conn 203.0.113.5 443
11 fork 13
13 conn 192.168.1.2 443
