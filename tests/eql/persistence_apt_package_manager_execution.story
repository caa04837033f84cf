match
10 fork 11
11 exec /usr/bin/apt-get apt-get update
11 fork 12
12 exec /usr/bin/dash sh -c hook
12 fork 13
13 exec /usr/bin/python3.11 python3 x.py
near
10 fork 11
11 exec /usr/bin/apt-get apt-get update
11 fork 12
12 exec /usr/bin/dash sh -c hook
12 fork 13
13 exec /usr/bin/touch touch x
10 fork 14
14 exec /usr/bin/python3.11 python3 y.py
