# SPDX-License-Identifier: Apache-2.0
"""For machines without python3-requests: the little of it that cases use, so that their connections are made."""
import json as _json
import urllib.error
import urllib.parse
import urllib.request


class RequestException(Exception):
    pass


ConnectionError = Timeout = HTTPError = RequestException


class Response:
    def __init__(self, status, content, headers, url):
        self.status_code, self.content, self.headers, self.url = status, content, headers, url
        self.text, self.ok = content.decode("utf-8", "replace"), status < 400

    def json(self):
        return _json.loads(self.content)

    def iter_content(self, chunk_size=1):
        yield self.content

    def raise_for_status(self):
        if not self.ok:
            raise HTTPError(str(self.status_code))


def request(method, url, params=None, data=None, json=None, headers=None, files=None, timeout=10, **_):
    if params:
        url += ("&" if "?" in url else "?") + urllib.parse.urlencode(params)
    if json is not None:
        data = _json.dumps(json).encode()
    if files:
        parts = files.values() if isinstance(files, dict) else [f[1] for f in files]
        data = b""
        for p in parts:
            p = p[1] if isinstance(p, tuple) else p
            p = p.read() if hasattr(p, "read") else p
            data += p.encode() if isinstance(p, str) else p
    if isinstance(data, dict):
        data = urllib.parse.urlencode(data).encode()
    elif isinstance(data, str):
        data = data.encode()
    elif hasattr(data, "read"):
        data = data.read()
    req = urllib.request.Request(url, data=data, headers=headers or {}, method=method)
    try:
        with urllib.request.urlopen(req, timeout=timeout or 10) as r:
            return Response(r.status, r.read(), dict(r.headers), url)
    except urllib.error.HTTPError as e:
        return Response(e.code, e.read(), dict(e.headers), url)
    except (urllib.error.URLError, OSError) as e:
        raise RequestException(str(e)) from e


def get(url, **kw):
    return request("GET", url, **kw)


def post(url, data=None, **kw):
    return request("POST", url, data=data, **kw)


def put(url, data=None, **kw):
    return request("PUT", url, data=data, **kw)


class Session:
    def __init__(self):
        self.headers = {}

    def request(self, method, url, **kw):
        return request(method, url, **kw)

    get, post = staticmethod(get), staticmethod(post)
