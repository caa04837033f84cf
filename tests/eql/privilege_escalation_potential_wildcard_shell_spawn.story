match
10 fork 11
11 exec /usr/bin/tar tar cf a.tar --checkpoint=1 --checkpoint-action=exec=sh~x.sh x
11 fork 12
12 exec /usr/bin/dash sh x.sh
near
10 fork 11
11 exec /usr/bin/tar tar cf a.tar x
11 fork 12
12 exec /usr/bin/dash sh -c gzip
10 fork 13
13 exec /usr/bin/tar tar cf b.tar --checkpoint=1 --checkpoint-action=exec=sh~x.sh x
wait 2
13 fork 14
14 exec /usr/bin/dash sh x.sh
