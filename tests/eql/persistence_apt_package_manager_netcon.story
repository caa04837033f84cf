match
10 fork 11
11 exec /usr/bin/apt-get apt-get update
11 fork 12
12 exec /usr/bin/dash sh -c hook
12 fork 13
13 exec /usr/bin/curl curl u
13 conn 203.0.113.5 443
near
10 fork 11
11 exec /usr/bin/apt-get apt-get update
11 fork 12
12 exec /usr/bin/dash sh -c hook
11 fork 13
13 exec /usr/lib/apt/methods/http http
13 conn 203.0.113.5 80
