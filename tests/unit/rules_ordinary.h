/* SPDX-License-Identifier: Apache-2.0 */
/* Stories of ordinary work, in the language of test_rules.c: no line may ask anything. */
static const struct story ordinary[] = {
	{ .name = "git push over ssh, then work with the network goes on", .text =
	  "10 fork 11\n11 exec /usr/bin/bash bash -c git~push\n11 fork 12\n"
	  "12 exec /usr/bin/git git push -u origin feature\n"
	  "12 fork 13\n13 exec /usr/bin/ssh ssh git@host.invalid git-receive-pack\n13 read /home/u/.ssh/config\n"
	  "13 read /home/u/.ssh/known_hosts\n13 conn 10.0.0.2 53 udp\n13 conn 203.0.113.9 22\n"
	  "13 read /home/u/.ssh/id_ed25519.pub\n"
	  "13 read /home/u/.ssh/id_ed25519\n13 append /home/u/.ssh/known_hosts\n"
	  "10 fork 14\n14 exec /usr/bin/curl curl -sS http://localhost:3000/\n14 conn 127.0.0.1 3000\n" },
	{ .name = "git commit and local history", .text =
	  "10 fork 11\n11 exec /usr/bin/git git init\n11 write /home/u/proj/.git/hooks/pre-commit.sample\n"
	  "11 exec /usr/bin/git git commit -qm x\n11 write /home/u/proj/.git/index.lock\n"
	  "11 mv /home/u/proj/.git/index /home/u/proj/.git/index.lock\n"
	  "11 exec /usr/bin/git git reset --hard HEAD\n11 exec /usr/bin/git git clean -fdx\n"
	  "11 exec /usr/bin/git git push --force-with-lease\n"
	  "11 exec /usr/bin/git git gc --auto\n" },
	{ .name = "git over https with stored credentials", .text =
	  "10 fork 11\n11 exec /usr/lib/git-core/git-remote-http git-remote-https origin\n11 read /home/u/.netrc\n"
	  "11 conn 203.0.113.9 443\n11 fork 12\n12 exec /usr/lib/git-core/git git credential-store get\n"
	  "12 read /home/u/.git-credentials\n"
	  "11 conn 203.0.113.9 443\n" },
	{ .name = "npm install with a postinstall script", .text =
	  "10 fork 11\n11 exec /usr/bin/bash bash -c npm~install\n11 exec /usr/bin/node npm install\n"
	  "11 read /home/u/.npmrc\n"
	  "11 conn 10.0.0.2 53 udp\n11 conn 203.0.113.9 443\n11 write /home/u/.npm/_cacache/tmp/x\n"
	  "11 write /home/u/proj/node_modules/esbuild/install.js\n11 fork 12\n"
	  "12 exec /usr/bin/dash sh -c node~install.js\n"
	  "12 exec /usr/bin/node node install.js\n12 conn 203.0.113.9 443\n"
	  "12 write /home/u/proj/node_modules/esbuild/bin/esbuild\n"
	  "12 chmod 0755 /home/u/proj/node_modules/esbuild/bin/esbuild\n12 fork 13\n"
	  "13 exec /home/u/proj/node_modules/esbuild/bin/esbuild esbuild --version\n"
	  "11 rm /home/u/.npm/_cacache/tmp/x\n" },
	{ .name = "pip install builds in /tmp", .text =
	  "10 fork 11\n11 exec /usr/bin/bash bash -c pip~install~-r~requirements.txt\n"
	  "11 exec /usr/bin/python3.11 /usr/bin/python3 /usr/bin/pip install -r requirements.txt\n"
	  "11 read /home/u/.netrc\n"
	  "11 read /home/u/.config/pip/pip.conf\n11 conn 203.0.113.9 443\n"
	  "11 write /tmp/pip-req-build-x/setup.py\n11 fork 12\n"
	  "12 exec /usr/bin/python3.11 /usr/bin/python3 -c import~setuptools\n12 fork 13\n"
	  "13 exec /usr/bin/x86_64-linux-gnu-gcc-12 gcc -shared x.c\n"
	  "12 fork 14\n14 exec /tmp/pip-build-env-x/overlay/bin/ninja ninja\n11 rm /tmp/pip-req-build-x/setup.py\n"
	  "11 write /home/u/.local/lib/python3.11/site-packages/x/__init__.py\n" },
	{ .name = "apt-get install as root writes system files", .text =
	  "10 fork 11\n11 exec /usr/bin/apt-get apt-get install -y postfix\n11 conn 203.0.113.9 80\n"
	  "11 write /var/cache/apt/archives/partial/postfix.deb\n11 append /var/log/apt/term.log\n"
	  "11 trunc /var/log/apt/eipp.log.xz\n11 fork 12\n"
	  "12 exec /usr/bin/dpkg dpkg --unpack /var/cache/apt/archives/postfix.deb\n"
	  "12 write /usr/sbin/postfix.dpkg-new\n"
	  "12 mv /usr/sbin/postfix /usr/sbin/postfix.dpkg-new\n12 write /etc/init.d/postfix.dpkg-new\n"
	  "12 write /usr/lib/systemd/system/postfix.service.dpkg-new\n12 rm /etc/postfix/x.dpkg-tmp\n"
	  "12 chmod 4755 /usr/sbin/postdrop.dpkg-new\n"
	  "12 fork 13\n13 exec /usr/bin/dash /bin/sh /var/lib/dpkg/info/postfix.postinst configure\n13 fork 14\n"
	  "14 exec /usr/bin/perl /usr/bin/perl /usr/sbin/adduser --system postfix\n14 read /etc/shadow\n14 fork 15\n"
	  "15 exec /usr/sbin/useradd useradd -r postfix\n15 read /etc/shadow\n15 write /etc/passwd.15\n"
	  "15 mv /etc/passwd /etc/passwd+\n"
	  "13 fork 16\n16 exec /usr/bin/systemctl systemctl enable postfix\n"
	  "16 link /etc/systemd/system/multi-user.target.wants/postfix.service x\n"
	  "13 fork 17\n17 exec /usr/bin/rm rm -rf /etc/postfix/old\n17 rm /etc/postfix/old/x\n" },
	{ .name = "make, cc, ld and go test", .text =
	  "10 fork 11\n11 exec /usr/bin/bash bash -lc make~-j4~&&~go~test~./...\n11 fork 12\n"
	  "12 exec /usr/bin/make make -j4\n12 fork 13\n"
	  "13 exec /usr/bin/dash /bin/sh -c gcc~-c~a.c\n13 exec /usr/bin/x86_64-linux-gnu-gcc-12 gcc -c a.c\n"
	  "13 write /tmp/ccXyZ.s\n"
	  "13 fork 14\n14 exec /usr/libexec/gcc/x86_64-linux-gnu/12/cc1 cc1 a.c\n13 rm /tmp/ccXyZ.s\n"
	  "12 fork 15\n15 exec /home/u/proj/build/gen ./build/gen\n"
	  "11 fork 16\n16 exec /usr/local/go/bin/go go test ./...\n16 conn 203.0.113.9 443\n16 fork 17\n"
	  "17 exec /tmp/go-build12/b001/x.test /tmp/go-build12/b001/x.test -test.v\n17 conn 127.0.0.1 41234\n"
	  "17 fork 18\n18 exec /usr/bin/bash bash -c true\n"
	  "16 rm /tmp/go-build12/b001/x.test\n" },
	{ .name = "configure and cargo", .text =
	  "10 fork 11\n11 exec /usr/bin/dash /bin/sh ./configure\n11 fork 12\n"
	  "12 exec /usr/bin/gcc-12 gcc -o conftest conftest.c\n11 fork 13\n"
	  "13 exec /home/u/proj/conftest ./conftest\n11 fork 14\n"
	  "14 exec /usr/bin/rm rm -rf conftest.dir confdefs.h\n14 rm /home/u/proj/confdefs.h\n"
	  "10 fork 15\n15 exec /home/u/.rustup/toolchains/stable/bin/cargo cargo build\n"
	  "15 read /home/u/.cargo/credentials.toml\n15 conn 203.0.113.9 443\n"
	  "15 fork 16\n16 exec /home/u/proj/target/debug/build/x/build-script-build build-script-build\n" },
	{ .name = "an agent looks around before it works", .text =
	  "10 fork 11\n11 exec /usr/bin/bash bash -lc uname~-a;~whoami;~pwd\n11 exec /usr/bin/uname uname -a\n"
	  "10 fork 12\n"
	  "12 exec /usr/bin/whoami whoami\n12 read /etc/passwd\n10 fork 13\n13 exec /usr/bin/id id\n"
	  "13 read /etc/passwd\n"
	  "10 fork 14\n14 exec /usr/bin/cat cat /etc/os-release\n14 read /etc/os-release\n10 fork 15\n"
	  "15 exec /usr/bin/ps ps aux\n"
	  "10 fork 16\n16 exec /usr/bin/ss ss -ltnp\n10 fork 17\n17 exec /usr/bin/df df -h\n10 fork 18\n"
	  "18 exec /usr/bin/free free -m\n"
	  "10 fork 19\n19 exec /usr/bin/ls ls -la /home/u/.ssh\n10 fork 20\n"
	  "20 exec /usr/bin/cat cat /etc/passwd\n20 read /etc/passwd\n"
	  "10 fork 21\n21 exec /usr/bin/grep grep -rn password src\n10 fork 22\n"
	  "22 exec /usr/bin/find find . -name *.pem\n"
	  "10 fork 23\n23 exec /usr/bin/lsof lsof -i :3000\n10 fork 24\n24 exec /usr/bin/nproc nproc\n" },
	{ .name = "a script made executable and run, after something was decoded long ago", .text =
	  "10 fork 11\n11 exec /usr/bin/base64 base64 -d cert.b64\n10 wait 90\n10 fork 12\n"
	  "12 exec /usr/bin/chmod chmod +x /home/u/proj/run.sh\n"
	  "12 chmod 0755 /home/u/proj/run.sh\n10 fork 13\n"
	  "13 script /home/u/proj/run.sh /usr/bin/bash /bin/bash ./run.sh\n" },
	{ .name = "docker compose, a database for tests, and a local server", .text =
	  "10 fork 11\n11 exec /usr/bin/docker docker compose up -d\n10 fork 12\n"
	  "12 exec /usr/bin/docker docker build -t app .\n"
	  "10 fork 13\n13 exec /usr/bin/psql psql -h localhost -c DROP~DATABASE~IF~EXISTS~app_test\n10 fork 14\n"
	  "14 exec /usr/bin/redis-cli redis-cli -h 127.0.0.1 flushall\n10 fork 15\n"
	  "15 exec /usr/bin/python3.11 python3 -m http.server 8000 --bind 127.0.0.1\n10 fork 16\n"
	  "16 exec /usr/bin/nc.openbsd nc -z localhost 5432\n10 fork 17\n"
	  "17 exec /usr/bin/docker docker compose down\n" },
	{ .name = "a pull request with gh, and a feature branch", .text =
	  "10 fork 11\n11 exec /usr/bin/git git fetch origin\n10 fork 12\n"
	  "12 exec /usr/bin/git git rebase origin/main\n10 fork 13\n"
	  "13 exec /usr/bin/git git push -u origin HEAD\n10 fork 14\n14 exec /usr/bin/gh gh pr create --fill\n"
	  "14 read /home/u/.config/gh/hosts.yml\n14 conn 203.0.113.9 443\n10 fork 15\n"
	  "15 exec /usr/bin/gh gh run watch\n" },
	{ .name = "signing, archives and checksums of one's own output", .text =
	  "10 fork 11\n11 exec /usr/bin/tar tar czf dist/app.tgz build\n10 fork 12\n"
	  "12 exec /usr/bin/gpg gpg --detach-sign dist/app.tgz\n"
	  "10 fork 13\n13 exec /usr/bin/sha256sum sha256sum dist/app.tgz\n10 fork 14\n"
	  "14 exec /usr/bin/zip zip -r out.zip build\n"
	  "10 fork 15\n"
	  "15 exec /usr/bin/openssl openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem\n"
	  "15 trunc /home/u/proj/key.pem\n10 fork 16\n"
	  "16 exec /usr/bin/openssl openssl enc -aes-256-cbc -in secrets.yml -out secrets.yml.enc\n"
	  "16 trunc /home/u/proj/secrets.yml.enc\n10 fork 17\n"
	  "17 exec /usr/bin/dd dd if=/dev/zero of=disk.img bs=1M count=64\n" },
	{ .name = "temporary files in /tmp by tools and shells", .text =
	  "10 fork 11\n11 exec /usr/bin/mktemp mktemp -d\n11 mkdir /tmp/tmp.AbCdEf\n10 fork 12\n"
	  "12 exec /usr/bin/bash bash build.sh\n"
	  "12 trunc /tmp/out.txt\n12 mkdir /tmp/.cache\n10 fork 13\n"
	  "13 exec /home/u/.cargo/bin/rustc rustc a.rs\n13 trunc /tmp/.tmpXyZ\n"
	  "10 fork 14\n14 exec /usr/bin/git git clone . /tmp/c\n14 mkdir /tmp/c/.git\n10 fork 15\n"
	  "15 exec /usr/bin/node node x.js\n15 trunc /tmp/.org.chromium.Chromium.x\n" },
	{ .name = "an interactive shell's history, an editor's swap file, a pager's state", .text =
	  "10 fork 11\n11 exec /usr/bin/bash bash\n11 read /home/u/.bashrc\n11 read /home/u/.bash_history\n"
	  "11 fork 12\n"
	  "12 exec /usr/bin/vim.basic vim a.c\n12 write /home/u/proj/.a.c.swp\n12 write /home/u/.viminfo.tmp\n"
	  "12 mv /home/u/.viminfo /home/u/.viminfo.tmp\n"
	  "12 rm /home/u/proj/.a.c.swp\n11 fork 13\n13 exec /usr/bin/less less a.c\n13 trunc /home/u/.lesshst\n"
	  "11 append /home/u/.bash_history\n"
	  "11 trunc /home/u/.bash_history\n" },
	{ .name = "an agent with its own files and its own model", .text =
	  "10 read /home/u/.gemini/oauth_creds.json\n10 read /home/u/.codex/auth.json\n"
	  "10 trunc /home/u/.gemini/settings.json\n10 conn 203.0.113.9 443\n"
	  "10 fork 11\n11 exec /usr/bin/bash bash -c ls\n10 conn 203.0.113.9 443\n10 fork 12\n"
	  "12 exec /usr/bin/bash bash\n10 conn 203.0.113.10 443\n" },
	{ .name = "a key is read by a command, and the agent's own traffic goes on", .text =
	  "10 fork 11\n11 exec /usr/bin/bash bash -c wc~-c~~/.ssh/id_ed25519\n11 fork 12\n"
	  "12 exec /usr/bin/wc wc -c /home/u/.ssh/id_ed25519\n"
	  "12 read /home/u/.ssh/id_ed25519\n10 conn 203.0.113.9 443\n10 fork 13\n"
	  "13 exec /usr/bin/node node helper.js\n13 conn 203.0.113.9 443\n" },
	{ .name = "cloud tools with their own credentials", .text =
	  "10 fork 11\n11 exec /usr/bin/bash bash -c aws~s3~ls\n11 fork 12\n"
	  "12 exec /usr/bin/python3.11 /usr/bin/python3 /usr/bin/aws s3 ls\n"
	  "12 read /home/u/.aws/credentials\n12 conn 203.0.113.9 443\n11 fork 13\n"
	  "13 exec /usr/local/bin/kubectl kubectl get pods\n"
	  "13 read /home/u/.kube/config\n13 conn 203.0.113.9 6443\n11 fork 14\n"
	  "14 exec /usr/bin/curl curl -T report.html https://203.0.113.9/\n"
	  "14 conn 203.0.113.9 443\n" },
	{ .name = "looking at a project's settings, then asking its API", .text =
	  "10 fork 11\n11 exec /usr/bin/cat cat .env\n11 read /home/u/proj/.env\n10 fork 12\n"
	  "12 exec /usr/bin/node node server.js\n12 read /home/u/proj/.env\n"
	  "10 fork 13\n13 exec /usr/bin/curl curl -sS -X POST -d {\"a\":1} http://localhost:3000/api\n"
	  "13 conn 127.0.0.1 3000\n" },
	{ .name = "process tools", .text =
	  "10 fork 11\n11 exec /usr/bin/ps ps aux\n11 read /proc/812/stat\n11 read /proc/812/cmdline\n"
	  "10 fork 12\n12 exec /usr/bin/ps ps eww\n"
	  "12 read /proc/812/environ\n10 read /proc/10/status\n10 read /proc/10/maps\n10 fork 13\n"
	  "13 exec /usr/bin/python3.11 python3 -m http.server\n"
	  "10 fork 14\n14 exec /usr/bin/bash bash -c kill~13\n14 kill 13 15\n" },
	{ .name = "removing what one made", .text =
	  "10 fork 11\n11 exec /usr/bin/rm rm -rf build node_modules\n11 rm /home/u/proj/build/a.o\n10 fork 12\n"
	  "12 exec /usr/bin/rm rm -rf /tmp/tmp.Ab3 /home/u/proj/dist\n12 rm /tmp/tmp.Ab3/x\n10 fork 13\n"
	  "13 exec /usr/bin/find find . -name *.pyc -delete\n13 rm /home/u/proj/a.pyc\n10 fork 14\n"
	  "14 exec /usr/bin/rm rm -rf /home/u/.cache/pip\n"
	  "10 fork 15\n15 exec /usr/bin/crontab crontab -l\n15 read /var/spool/cron/crontabs/u\n" },
	{ .name = "downloads that are data", .text =
	  "10 fork 11\n11 exec /usr/bin/bash bash -c curl~-o~data.json~URL;~python3~load.py\n11 fork 12\n"
	  "12 exec /usr/bin/curl curl -sSo data.json https://203.0.113.9/data.json\n12 conn 203.0.113.9 443\n"
	  "12 trunc /home/u/proj/data.json\n"
	  "11 fork 13\n13 exec /usr/bin/python3.11 python3 load.py\n13 read /home/u/proj/data.json\n11 fork 14\n"
	  "14 exec /usr/bin/python3.11 python3 -\n11 fork 15\n15 exec /usr/bin/bash bash -c jq~.~data.json\n" },
	{ .name = "waiting for a port, sudo and su", .text =
	  "10 fork 11\n11 exec /usr/bin/bash bash -c until~</dev/tcp/localhost/5432;~do~sleep~1;~done\n"
	  "11 conn 127.0.0.1 5432\n"
	  "10 fork 12\n12 exec /usr/bin/sudo sudo -n true\n12 read /etc/shadow\n10 fork 13\n"
	  "13 exec /usr/bin/su su -\n13 read /etc/shadow\n" },
	{ .name = "a Python agent", .text =
	  "10 conn 203.0.113.9 443\n10 fork 11\n11 exec /usr/bin/bash /bin/bash\n11 fork 12\n"
	  "12 exec /usr/bin/git git status\n10 conn 203.0.113.9 443\n",
	  .agent = "/usr/bin/python3.11" },
};
