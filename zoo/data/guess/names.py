"""What columns are usually called."""

from __future__ import annotations

import re

# By meaning, the most telling patterns first: where two columns fit, the one with the earlier pattern is it. Names are compared
# in lower case, with `_` between words.
_NAMES = {
    "session": (r"session(_?id)?|.*_session(_id)?", r"visit(_?id)?"),
    "request": (r"request(_?id)?|req_?id", r"(impression|imp|display|page|query|search|slate|exposure|list)_?id|impression"),
    "user": (r"user(_?id)?|uid",
             r"(visitor|customer|member|buyer|reviewer|account|client|person|device|cookie)_?(id|key|uuid)?",
             r"user_?(key|hash|uuid|code|no)|uuid|.*_user_id"),
    "item": (r"item(_?id)?|iid",
             r"(product|article|video|movie|news|sku|goods|offer|song|track|book|photo|note|adgroup)_?(id|key|code)",
             r"asin|aid|sku|product|article|video|movie|ad_?id|content_?id"),
    "category": (r"(item_)?(category|categoryid|cat|cate)(_?id)?", r"(item_)?(category|genre|department|subcat|leaf_cat)\w*"),
    "category_code": (r"category_code|category_?(path|name)|c_?name",),
    "brand": (r"brand(_?id|_name)?",),
    "shop": (r"(shop|seller|store|vendor|merchant|customer)(_?id)?",),
    "price": (r"(item_|unit_|product_)?price(_\w+)?|cost|amount",),
    "event": (r"event(_?type|_name)?|etype", r"behaviou?r(_?type)?", r"action(_?type)?|interaction(_type)?|^type"),
    "rating": (r"rating|stars|overall", r"score"),
    "time": (r".*(time|timestamp|_ts|_at)(_ms|_s)?|ts|date|datetime", r".*(date|_dat|day|time).*"),
    "time_of_day": (r"time_?frame|(time|ms|millis)_of_day",),
    "position": (r"position|pos|rank|slot|(display|page)_position",),
    "weight": (r"(sample_)?weight",),
    "split": (r"split|fold|dataset|data_?set|subset",),
    "text": (r".*(title|text|description|query|abstract|comment_text|review).*",),
    "click": (r"(is_)?(click|clk|clicked)(ed|_label)?|label_click", r"label|target|y|ctr(_label)?"),
    "outcome": (r".*(like|follow|share|forward|hate|favou?rite|fav|cart|buy|bought|purchase|order|pay|convert|conversion|cvr|"
                r"install|download|enter|valid|effective|long_view|complete|finish|subscribe|comment).*",),
    "stay": (r".*(play|watch|view|stay|dwell|read)(ing)?_?(time|duration|seconds|ms|secs).*",),
    "sequence": (r".*(hist|seq|sequence|behaviou?rs?|past|recent|last_?\d+|clicked|viewed|history)\w*",
                 r".*_list(_\w+)?"),
    "tags": (r".*(tag|genre|interest|keyword|topic|attribute|feature)s?",),
    "number": (r".*(price|count|cnt|num|rate|ctr|cvr|score|age|duration|amount|length|size|width|height|popularity|sales|"
               r"distance|ratio|avg|mean|total|stock|weight)(_\w+)?",),
    "of_user": (r"(user|u|usr|member|customer|client)_\w+|age(_\w+)?|gender|sex|(final_)?gender\w*|occupation|\w*_level|"
                r"city\w*|cms_\w+|new_user\w*|zip\w*|income\w*|os|platform|device\w*|network|hour|weekday|week\w*|pid|"
                r"channel\w*|scene|tab|context\w*|ctx_\w+|time_?period",),
    "of_item": (r"(item|i|ad|product|goods|video|article|news|movie|author|music|adgroup|campaign|cand\w*|target)_\w+|campaign|"
                r"customer|duration\w*",),
}
# What users do, by how much they mean it.
POSITIVE = {"view": 1, "pv": 1, "click": 1, "clk": 1, "clicks": 1, "detail": 1, "browse": 1, "visit": 1, "open": 1, "read": 1,
            "play": 1, "watch": 1, "product_view": 1, "page_view": 1, "detail_view": 1, "like": 2, "fav": 2, "favorite": 2,
            "favourite": 2, "wishlist": 2, "collect": 2, "share": 2, "save": 2, "cart": 2, "add": 2, "addtocart": 2,
            "add_to_cart": 2, "addcart": 2, "carts": 2, "buy": 3, "purchase": 3, "order": 3, "orders": 3, "transaction": 3,
            "pay": 3, "checkout": 3, "sale": 3}
SHOWN = {"show", "shown", "impression", "imp", "impressions", "exposure", "expose", "display", "seen", "served"}
KNOWN_OTHER = {"remove", "remove_from_cart", "removefromcart", "scroll", "search", "hide", "dislike", "skip", "return",
               "refund", "unlike", "close", "logout", "login"}


def worded(name: str) -> str:
    """A name in lower case with `_` between its words.

    Example:
        >>> worded("reviewerID"), worded("unixReviewTime"), worded("sales channel")
        ('reviewer_id', 'unix_review_time', 'sales_channel')
    """
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return re.sub(r"\W+", "_", apart).strip("_").lower()


def likeness(name: str, meaning: str) -> int:
    """How much a name says that a column has a meaning: 0 for nothing, more for patterns that tell more."""
    patterns = _NAMES[meaning]
    found = next((place for place, pattern in enumerate(patterns) if re.fullmatch(pattern, worded(name))), None)
    return 0 if found is None else len(patterns) - found


def feature_name(name: str) -> str:
    """A name as features have it: lower case, beginning with a letter."""
    plain = re.sub(r"[^a-z0-9_]+", "_", worded(name).encode("ascii", "ignore").decode()).strip("_")
    return plain if plain[:1].isalpha() else f"f_{plain}" if plain else "feature"
