match
10 fork 11
11 exec /usr/bin/gnome-session gnome-session
11 fork 12
12 exec /home/u/.local/bin/upd upd
12 conn 203.0.113.5 443
near
10 fork 11
11 exec /usr/bin/gnome-session gnome-session
11 fork 12
12 exec /home/u/.local/bin/upd upd
12 conn 192.168.0.9 443
10 fork 13
13 exec /home/u/.local/bin/upd upd
13 conn 203.0.113.5 443
