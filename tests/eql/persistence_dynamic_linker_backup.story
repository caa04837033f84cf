match
10 fork 11
11 exec /usr/bin/cp cp /etc/ld.so.preload /tmp/ld.so.preload.bak
11 trunc /tmp/ld.so.preload.bak
near
10 fork 11
11 exec /usr/bin/cp cp /etc/hosts /tmp/hosts.bak
11 trunc /tmp/hosts.bak
10 fork 12
12 exec /usr/bin/cp cp /etc/ld.so.preload /tmp/p
10 fork 13
13 trunc /tmp/ld.so.x
