match
10 fork 11
11 exec /usr/bin/python3.11 python3 e.py
100* 11 mv /home/u/#.x /home/u/#
11 trunc /home/u/README_DECRYPT.txt
near
10 fork 11
11 exec /usr/bin/python3.11 python3 e.py
99* 11 mv /home/u/#.x /home/u/#
11 trunc /home/u/README_DECRYPT.txt
