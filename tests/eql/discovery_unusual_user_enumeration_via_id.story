match
10 fork 11
11 exec /usr/bin/bash bash e.sh
20* 11 fork #
100 exec /usr/bin/id id u0
101 exec /usr/bin/id id u1
102 exec /usr/bin/id id u2
103 exec /usr/bin/id id u3
104 exec /usr/bin/id id u4
105 exec /usr/bin/id id u5
106 exec /usr/bin/id id u6
107 exec /usr/bin/id id u7
108 exec /usr/bin/id id u8
109 exec /usr/bin/id id u9
110 exec /usr/bin/id id u10
111 exec /usr/bin/id id u11
112 exec /usr/bin/id id u12
113 exec /usr/bin/id id u13
114 exec /usr/bin/id id u14
115 exec /usr/bin/id id u15
116 exec /usr/bin/id id u16
117 exec /usr/bin/id id u17
118 exec /usr/bin/id id u18
119 exec /usr/bin/id id u19
near
10 fork 11
11 exec /usr/bin/bash bash e.sh
20* 11 fork #
100 exec /usr/bin/id id u0
101 exec /usr/bin/id id u1
102 exec /usr/bin/id id u2
103 exec /usr/bin/id id u3
104 exec /usr/bin/id id u4
105 exec /usr/bin/id id u5
106 exec /usr/bin/id id u6
107 exec /usr/bin/id id u7
108 exec /usr/bin/id id u8
109 exec /usr/bin/id id u9
110 exec /usr/bin/id id u10
111 exec /usr/bin/id id u11
112 exec /usr/bin/id id u12
113 exec /usr/bin/id id u13
114 exec /usr/bin/id id u14
115 exec /usr/bin/id id u15
116 exec /usr/bin/id id u16
117 exec /usr/bin/id id u17
118 exec /usr/bin/id id u18
wait 2
119 exec /usr/bin/id id u19
