"""Visible characters: which texts show nothing at all."""

import re

# White space, control characters, the default ignorable characters of Unicode (such as zero-width spaces, joiners, variation
# selectors and Hangul fillers), interlinear annotations and the blank braille pattern. Format characters that are visible, such
# as the Arabic number sign, are not among them. A character class in the syntax of Python and of JavaScript.
_INVISIBLE_BASIC = (
    r"\s\u0000-\u0020\u007f-\u00a0\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    r"\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
)
# Beyond the basic multilingual plane, where the two syntaxes differ: musical and shorthand format controls, blank signs and tags.
_INVISIBLE_SUPPLEMENTARY = r"\U00016fe4\U0001bca0-\U0001bca3\U0001d159\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
_VISIBLE = re.compile(f"[^{_INVISIBLE_BASIC}{_INVISIBLE_SUPPLEMENTARY}]")

# Patterns for JSON schemas.
VISIBLE_CHARACTER_PATTERN = f"[^{_INVISIBLE_BASIC}]"
BLANK_TEXT_PATTERN = f"[{_INVISIBLE_BASIC}]*"


def has_visible_character(text: str) -> bool:
    """Return whether a reader would see anything of the text."""
    return _VISIBLE.search(text) is not None
