match
10 fork 11
11 exec /tmp/x /tmp/x
wait 2
11 rm /tmp/x
near
10 fork 11
11 exec /tmp/x /tmp/x
wait 2
11 rm /tmp/y
10 fork 12
12 exec /usr/bin/rm rm /tmp/x
12 rm /tmp/x
