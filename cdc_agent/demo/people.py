"""Lifelike rows for the demonstration: invented people and companies, with Chinese and European names."""

from __future__ import annotations

import random
from typing import Final

FAMILY: Final = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"
GIVEN: Final = (
    "伟",
    "芳",
    "娜",
    "秀英",
    "敏",
    "静",
    "丽",
    "强",
    "磊",
    "洋",
    "艳",
    "勇",
    "军",
    "杰",
    "娟",
    "涛",
    "明",
    "霞",
)
FIRST: Final = ("Anna", "Björn", "Chloé", "Dmitri", "Elif", "Fátima", "Grzegorz", "Héctor", "Ines", "João", "Zoë")
LAST: Final = ("Müller", "O'Brien", "Nguyễn", "Åkesson", "Kowalski", "García", "Šimić", "D'Angelo", "Yılmaz", "Petrov")
COMPANIES: Final = (
    "华东贸易",
    "深圳星光电子",
    "北辰物流",
    "Nordwind GmbH",
    "Ópera & Filhos",
    "Blue Harbour Ltd",
    "海棠医疗",
)
TAGS: Final = ("vip", "老客户", "展会", "newsletter", "wholesale", "待回访")
NOTES: Final = (
    "喜欢下午接电话 ☕",
    "asked for a quote\nsecond line",
    'price-sensitive; says "maybe"',
    "路径 C:\\客户\\2026",
    "prefers e-mail 📧",
    "",
)
PRODUCTS: Final = ("PBX 续约", "50 handsets", "Call centre seats", "年度维护", "SIP trunk", "移动办公套件")


def name(pick: random.Random) -> str:
    """A person's name; two of three are Chinese."""
    if pick.random() < 0.66:
        return pick.choice(FAMILY) + pick.choice(GIVEN)
    return f"{pick.choice(FIRST)} {pick.choice(LAST)}"


def mobile(pick: random.Random) -> str:
    """A phone number in E.164 form."""
    return f"+861{pick.choice('3578')}{pick.randrange(10**9):09d}"


def email(pick: random.Random) -> str | None:
    """A lower-case address under a reserved domain, or None."""
    return f"user{pick.randrange(10**6)}@example.com" if pick.random() < 0.8 else None


def tags(pick: random.Random) -> list[str]:
    """Up to three labels."""
    return pick.sample(TAGS, pick.randrange(4))


def company(pick: random.Random) -> str | None:
    return pick.choice(COMPANIES) if pick.random() < 0.7 else None


def note(pick: random.Random) -> str | None:
    return pick.choice(NOTES) if pick.random() < 0.5 else None
