"""Texts that a stranger may write to trick a page, its reader, a terminal or a spreadsheet."""

import re

LONG = "Wide" * 1024

SCRIPTS = (
    "<script>ran = 1</script>",
    "</script><script>ran = 1</script>",
    "<img src=x onerror=ran=1>",
    "<img src=https://elsewhere.example/pixel.png>",
    "<svg onload=ran=1>",
    "<svg><script href=data:,ran=1></script></svg>",
    "<iframe src=javascript:ran=1></iframe>",
    "<iframe srcdoc='<script>parent.ran=1</script>'></iframe>",
    "<details open ontoggle=ran=1>",
    "<body onload=ran=1>",
    "<input autofocus onfocus=ran=1>",
    "<a href=javascript:ran=1>click</a>",
    "<form action=https://elsewhere.example/><button>send</button></form>",
    "<base href=https://elsewhere.example/>",
    "<meta http-equiv=refresh content='0;url=https://elsewhere.example/'>",
    "<link rel=stylesheet href=https://elsewhere.example/x.css>",
    "<object data=https://elsewhere.example/></object>",
    "<math><mtext></form><form><mglyph><style></math><img src onerror=ran=1>",
    "<!--><img src=x onerror=ran=1>-->",
    "<![CDATA[<script>ran = 1</script>]]>",
    '" onmouseover="ran=1" autofocus="',
    "' onfocus='ran=1' tabindex='1",
    "`onclick=`ran=1",
    "&lt;script&gt;ran = 1&lt;/script&gt;",
    "%3Cscript%3Eran=1%3C/script%3E",
    "\\u003cscript\\u003eran=1\\u003c/script\\u003e",
)
ADDRESSES = (
    "javascript:ran=1",
    "JaVaScRiPt:ran=1//https://good.example/",
    "data:text/html,<script>ran=1</script>",
    "vbscript:msgbox(1)",
    "//elsewhere.example/path",
    "https://good.example@elsewhere.example/",
    "https://elsewhere.example/?next=https://good.example/",
    "../../../v1/sessions",
    "#s=ses_stolen",
)
TEMPLATES = ("{{constructor.constructor('ran=1')()}}", "${ran=1}", "#{ran=1}", "<%= ran %>", "[object Object]", "__proto__", "constructor", "%s%n%x", "$(touch /tmp/x)`id`")
STYLES = ("</style><style>*{display:none}</style>", "x;background:url(https://elsewhere.example/x.png)", "expression(ran=1)", "position:fixed;inset:0")
CELLS = ('=HYPERLINK("https://elsewhere.example/","x")', "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(1)", "\uff1d1+1", '","=1+1')
UNREADABLE = (
    "invoice\u202efdp.exe",
    "\u2066left\u2069 \u2067right\u2069",
    "pay\u200bpal",
    "a\u200d\u200c\u2060b",
    "\ufeffmark",
    "\u00adsoft",
    "red \x1b[31mtext\x1b[0m",
    "nul\x00bell\x07back\x08",
    "one\rtwo",
    "c1\x85\x9b31m",
    "line\u2028paragraph\u2029",
    "tag\U000e0041\U000e0042",
    "\u3164",
)
SHAPES = (
    "\u0645\u0631\u062d\u0628\u0627 (abc) 123",
    "\u05e9\u05dc\u05d5\u05dd",
    "Z\u0351\u0311\u034d\u0316a\u0334\u0321l\u0308\u0301go\u0489",
    "\U0001f469\U0001f3fd \U0001f1e9\U0001f1ea",
    "W" * 300,
    "\u0e2a" * 300,
    LONG,
    "   ",
)
ALL = (*SCRIPTS, *ADDRESSES, *TEMPLATES, *STYLES, *CELLS, *UNREADABLE, *SHAPES)
# What an id can be at most, and what fits into an address.
SHORT = tuple(text for text in ALL if len(text) <= 256)

# Control, format and blank characters: nobody sees them, and some change what stands beside them.
HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff]")


def as_shown(text: str) -> str:
    """Hidden characters as escapes, as a page has to show them."""

    def escape(found: re.Match[str]) -> str:
        code = ord(found.group())
        return f"\\u{{{code:x}}}" if code > 0xFFFF else f"\\u{code:04x}"

    return HIDDEN.sub(escape, text)
