"""`python -m ministack`, but closed to web pages of other origins, with the parsing of expressions
cached, with the slash at the end of a path, and on uvicorn.

MiniStack 1.5.33 accepts calls from every origin, without a signature if it requires none, and
anyone who knows its root key may use it to run code: any page that the developer opens could do
that. This wrapper rejects requests from pages of other origins, and requests to any host name
but this machine's own, such as a name that was made to resolve to loopback. No SDK and no
command sends an Origin.

MiniStack also parses and checks a condition's text again for every item: a query of a partition
of 2,500 items takes a second, of which the items themselves are a tenth. The two functions are
pure, and their results are never changed; no answer differs.

It also takes `/portal/` for `/portal`, which AWS tells apart: there `/portal/{proxy+}` matches the
first and not the second.

All calls pass one process. On uvloop it takes two thirds of the processor time, measured on 32
end-to-end tests (56 in place of 81 s), and with uvicorn's server, whose parser is compiled, another
fifth less (14.7 in place of 18.8 s, 61 tests). cloud.start() runs this module.
"""

import functools
import os
import re
import resource
import sys
from urllib.parse import urlsplit

# Without this directory: MiniStack's imports are its own.
del sys.path[0]

import ministack.app  # noqa: E402
import uvicorn  # noqa: E402
from ministack.services import apigateway, dynamodb  # noqa: E402

for name in ("_tokenize", "_condition_syntax_error"):
    setattr(dynamodb, name, functools.lru_cache(maxsize=4096)(getattr(dynamodb, name)))

parse_address, resolve_stage = ministack.app._parse_execute_api_url, ministack.app._resolve_stage_and_path


def address(host: str, path: str):
    found = parse_address(host, path)
    return (*found[:2], "") if found and found[2] == "/" and not path.endswith("/") else found


def stage_and_path(api_id: str, first: str, rest: str) -> tuple[str, str]:
    stage, path = resolve_stage(api_id, first, rest or "/")
    return stage, path + "/" if rest == "/" and path == f"/{first}" else path


find_parameters = apigateway._extract_path_params


def parameters(route: str, path: str) -> dict | None:
    return {"proxy": ""} if f"{path}{{proxy+}}" == route else find_parameters(route, path)


ministack.app._parse_execute_api_url, ministack.app._resolve_stage_and_path = address, stage_and_path
apigateway._extract_path_params = parameters

OWN_NAMES = ("127.0.0.1", "localhost", "::1")
PAGE = re.compile(r"/_aws/execute-api/[0-9a-z]+/(portal|console)(/|$)")


def is_own(host: str) -> bool:
    name = urlsplit(f"//{host}").hostname or ""
    return name in OWN_NAMES or name.endswith(".localhost")


def is_from_elsewhere(headers: dict[str, str]) -> bool:
    host, origin = headers.get("host", ""), headers.get("origin")
    return not is_own(host) or (origin is not None and urlsplit(origin).netloc != host) or headers.get("sec-fetch-site", "none") not in ("none", "same-origin")


def closed_to_pages(app):
    async def closed(scope, receive, send):
        if scope["type"] == "lifespan":
            return await app(scope, receive, send)
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        # Deliveries of Postel may reach only Postel's own API, which rejects them, and nothing else
        # here.
        is_delivery = "postel-hop" in headers and not scope["path"].startswith("/_aws/execute-api/")
        # The portal is made to be framed and linked to; its pages are the same for everybody.
        is_page = scope["type"] == "http" and scope["method"] in ("GET", "HEAD") and PAGE.match(scope["path"]) and is_own(headers.get("host", ""))
        if not is_delivery and (is_page or not is_from_elsewhere(headers)):
            return await app(scope, receive, send)
        if scope["type"] == "websocket":
            return await send({"type": "websocket.close", "code": 1008})
        await send({"type": "http.response.start", "status": 403, "headers": [(b"content-type", b"text/plain")]})
        await send({"type": "http.response.body", "body": b"The local cloud answers no web page of another place, and no name but this machine's own.\n"})

    return closed


ministack.app.app = closed_to_pages(ministack.app.app)

if __name__ == "__main__":
    # As MiniStack's own main does: each function's process is a few open files here.
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    uvicorn.run(
        ministack.app.app,
        host=os.environ["BIND_HOST"],
        port=int(os.environ["GATEWAY_PORT"]),
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=1,
    )
