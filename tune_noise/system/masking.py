"""Passwords kept out of everything that is shown, logged or written."""

import re

# A password may hold any character but a space, even where it ought to be percent-encoded: so after
# `user:` all is taken up to the last @ of the word. But http://host:5000/a@b has a port there, and
# [::1]:5432 is an address.
_USER_INFO = re.compile(
    r"(?<=http)(s?)://(?!\[)[^/?#\s]*?:(?!\d*(?:[/?#\s]|$))\S*@"
    r"|(?<=http)(s?)://[^/?#\s]*@"  # a user alone may be a token
    r"|(?<!http)(?<!https)://(?!\[)[^/?#\s]*?:\S*@",
    re.IGNORECASE,
)
_NAME = r"[\w.-]*(?:password|passwd|pwd|token|secret)"
# ?password=...&  as in a URI; a quote around the URI stays
_IN_QUERY = re.compile(rf"([?&]{_NAME}=)[^&\s]+?(?=['\")]?(?:[&\s]|$))", re.IGNORECASE)
_QUOTED = r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\""
# password=...  or  password = '...'  as PostgreSQL and shells write it
_IN_WORDS = re.compile(
    rf"(?<![?&\w.-])({_NAME}\s*=\s*)(?:{_QUOTED}|(?:\\.|\S)+)", re.IGNORECASE | re.DOTALL
)
# "password": "..."  as in JSON, or in a dictionary that Python prints
_IN_QUOTES = re.compile(rf"((['\"]){_NAME}\2\s*:\s*)(?:{_QUOTED})", re.IGNORECASE | re.DOTALL)
_IN_HEADER = re.compile(
    r"(authorization['\"]?\s*[:=]\s*['\"]?(?:basic|bearer)\s+)[^\s'\"]+", re.IGNORECASE
)


def mask_password(text: str) -> str:
    """Return the text with `***` for every password that stands in a URI or behind its name.

    The user goes with the password; a user alone stays, but for web addresses, where it may be a
    token. Other text stays as it is.

    Example:
        >>> mask_password("no answer from https://ada:secret@mlflow.example:5000/x")
        'no answer from https://***@mlflow.example:5000/x'
        >>> mask_password("host=db.example user=ada password='top secret' port=5432")
        'host=db.example user=ada password=*** port=5432'
        >>> mask_password("ask ada@example.org about https://example.org/x@2")
        'ask ada@example.org about https://example.org/x@2'
    """
    text = _USER_INFO.sub(r"\1\2://***@", text)
    for pattern in (_IN_QUERY, _IN_WORDS, _IN_QUOTES, _IN_HEADER):
        text = pattern.sub(r"\1***", text)
    return text
