"""Passwords kept out of everything that is shown, logged or written."""

import re

# `token@` of a web address, `user:password@` of any URI, up to the last @ before the path; a user
# alone is no secret. The last line: a password with an unescaped / makes no valid URI, but is a
# password all the same, as what follows the colon is no port then.
_USER_INFO = re.compile(
    r"(?<=https)://[^/\s]*@|(?<=http)://[^/\s]*@"
    r"|://[^/\s:@]*:[^/\s]*@"
    r"|://[^/\s:@\[]*:(?!\d*(?:[/?#\s]|$))\S*@",
    re.IGNORECASE,
)
_SECRET_QUERY = re.compile(r"((?:password|passwd|pwd|token|secret)=)[^&\s]+", re.IGNORECASE)


def mask_password(text: str) -> str:
    """The text with user and password of every URI in it replaced; a user alone stays.

    Example:
        >>> mask_password("no answer from https://ada:secret@mlflow.example:5000/x")
        'no answer from https://***@mlflow.example:5000/x'
    """
    return _SECRET_QUERY.sub(r"\1***", _USER_INFO.sub("://***@", text))
